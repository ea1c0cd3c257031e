//! `dropgate attest transition`.

use super::statement::{About, Sealing, one_of, pair, stated};
use crate::cli::output::{Failure, Output};
use crate::evidence::predicate::transition::TYPE;
use crate::time::Time;
use serde_json::{Value, json};

/// SO14.T1 to SO14.T5: the dossier of a transition at the end of a contract.
///
/// The vendor and the provider sign it together: give both keys, or let the second party add its signature with
/// `dropgate attest countersign`.
#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Transition {
    #[command(flatten)]
    about: About,
    /// What happens when either party ends the contract early: a listed document (SO14.T1).
    #[arg(long, value_name = "PATH", requires = "contingency_valid_until")]
    contingency_plan: Option<String>,
    /// Until when the contingency plan holds, RFC 3339 with zone (SO14.T1).
    #[arg(long, value_name = "TIME", requires = "contingency_plan")]
    contingency_valid_until: Option<Time>,
    /// How security is kept until the handover is complete: a listed document (SO14.T2).
    #[arg(long, value_name = "PATH", requires = "transition_valid_until")]
    transition_plan: Option<String>,
    /// Until when the transition plan holds (SO14.T2).
    #[arg(long, value_name = "TIME", requires = "transition_plan")]
    transition_valid_until: Option<Time>,
    /// A line of the operator's checklist, and the listed document that answers it, or a directory with `/` at its end;
    /// several for several (SO14.T3). Every file of the drop must be named.
    #[arg(long, value_parser = pair, value_name = "ITEM=PATH")]
    handover: Vec<(String, String)>,
    /// The certificate of return or destruction: a listed document (SO14.T4).
    #[arg(long, value_name = "PATH", requires = "disposal_method", requires = "disposed")]
    disposal_certificate: Option<String>,
    /// What was done: returned, destroyed or returned-and-destroyed (SO14.T4).
    #[arg(
        long,
        value_name = "METHOD",
        value_parser = |text: &str| one_of(&METHODS, text),
        requires = "disposal_certificate"
    )]
    disposal_method: Option<&'static str>,
    /// When it was done (SO14.T4).
    #[arg(long, value_name = "TIME", requires = "disposal_certificate")]
    disposed: Option<Time>,
    /// Something that held information of the provider, and that the certificate covers; several for several (SO14.T4).
    #[arg(long = "disposed-item", value_name = "ITEM", requires = "disposal_certificate")]
    items: Vec<String>,
    /// Something that the vendor keeps, its protection, and its end; several for several (SO14.T5).
    #[arg(long, value_parser = retained, value_name = "WHAT=MEASURES=TIME")]
    retain: Vec<Value>,
    /// Nothing is kept (SO14.T5).
    #[arg(long, conflicts_with = "retain")]
    nothing_retained: bool,
    #[command(flatten)]
    sealing: Sealing,
}

const METHODS: [(&str, &str); 3] = [
    ("returned", "returned"),
    ("destroyed", "destroyed"),
    ("returned-and-destroyed", "returned-and-destroyed"),
];

fn retained(text: &str) -> Result<Value, String> {
    let mut parts = text.rsplitn(2, '=');
    let (until, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let until: Time = until.parse().map_err(|why: crate::time::NotATime| why.to_string())?;
    let (what, measures) = pair(rest).map_err(|_| "expected WHAT=MEASURES=TIME".to_owned())?;
    Ok(json!({ "what": what, "measures": measures, "until": until }))
}

impl Transition {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let ground = self.about.open()?;
        let plan = |path: &Option<String>, until: Option<Time>| {
            let Some(path) = path else { return Ok(Value::Null) };
            Ok::<_, Failure>(json!({ "document": ground.document(path)?, "validUntil": until }))
        };
        let mut handover = Vec::new();
        for (item, path) in &self.handover {
            let documents = ground.documents_below(path)?;
            handover
                .extend(documents.into_iter().map(|document| json!({ "item": item, "document": document })));
        }
        let disposal = match &self.disposal_certificate {
            Some(certificate) => json!({
                "certificate": ground.document(certificate)?,
                "method": self.disposal_method,
                "done": self.disposed,
                "inventory": self.items,
                "covered": self.items,
            }),
            None => Value::Null,
        };
        let retention = match (self.retain.as_slice(), self.nothing_retained) {
            ([], false) => Value::Null,
            (kept, _) => json!(kept),
        };
        let predicate = stated(json!({
            "contingencyPlan": plan(&self.contingency_plan, self.contingency_valid_until)?,
            "transitionPlan": plan(&self.transition_plan, self.transition_valid_until)?,
            "handover": if handover.is_empty() { Value::Null } else { json!(handover) },
            "disposal": disposal,
            "retention": retention,
        }));
        let parts =
            ["/contingencyPlan/document/name", "/transitionPlan/document/name", "/disposal/certificate/name"];
        let handed = predicate.get("handover").and_then(Value::as_array).into_iter().flatten();
        let names = parts.iter().filter_map(|at| predicate.pointer(at));
        let names = names.chain(handed.filter_map(|entry| entry.pointer("/document/name")));
        ground.all_named(&names.filter_map(Value::as_str).collect())?;
        let subjects = self.about.manifest_alone(&ground)?;
        ground.seal((TYPE, "transition"), subjects, &predicate, &self.sealing, output)
    }
}

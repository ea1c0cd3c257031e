//! `dropgate attest change`.

use super::statement::{About, Sealing, one_of, pair, stated};
use crate::cli::manifest::untrusted;
use crate::cli::output::{Failure, Output};
use crate::difference::Difference;
use crate::drop::path::Name;
use crate::evidence::predicate::change::{Place, TYPE};
use crate::time::Time;
use crate::trust::Party;
use serde_json::{Value, json};
use std::path::PathBuf;

/// SO14.1, SO14.3, SO14.4: what changes, why, who is responsible, when, and how to go back.
///
/// It is the record of a change, about exactly this manifest. With --baseline, the scope is what differs from it; --added,
/// --removed, --modified and --component state it by hand.
#[derive(clap::Args)]
#[command(
    args_override_self = true,
    override_usage = "dropgate attest change [OPTIONS] --id <ID> --cause <CAUSE> --summary <SUMMARY>\n       \
        --initiator <NAME> --initiator-party <PARTY> --builder <NAME> --key <FILE> <DROP>"
)]
pub struct Change {
    #[command(flatten)]
    about: About,
    /// The change's number in your records.
    #[arg(long)]
    id: String,
    /// Why it is made: vendor-initiated, agreed, service-level-variation, new-vulnerability or corrective-action (SO14.4).
    #[arg(long)]
    cause: String,
    /// What it is, in a line.
    #[arg(long)]
    summary: String,
    /// Who asked for it, as the operator's trust store spells owners (SO14.3).
    #[arg(long, value_name = "NAME")]
    initiator: Name,
    /// Of which party that is: vendor, provider, third-party or lab (SO14.3).
    #[arg(long, value_parser = |text: &str| one_of(&Party::LEGAL, text), value_name = "PARTY")]
    initiator_party: Party,
    /// Who made it, as the trust store spells owners; several for several (SO14.4).
    #[arg(long = "builder", required = true, value_name = "NAME")]
    builders: Vec<Name>,
    /// The clause of the contract that makes the initiator responsible (SO14.3).
    #[arg(long, requires = "cost_borne_by")]
    clause: Option<String>,
    /// Which party bears the additional cost (SO14.3).
    #[arg(long, value_parser = |text: &str| one_of(&Party::LEGAL, text), requires = "clause", value_name = "PARTY")]
    cost_borne_by: Option<Party>,
    /// When the change window opens, RFC 3339 with zone (SO14.2).
    #[arg(long, value_name = "TIME", requires = "closes")]
    opens: Option<Time>,
    /// When it closes (SO14.2).
    #[arg(long, value_name = "TIME", requires = "opens")]
    closes: Option<Time>,
    /// The manifest of the release that it changes.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// A file that is new, or a directory with `/` at its end; several for several.
    #[arg(long, value_name = "PATH", value_parser = place)]
    added: Vec<String>,
    /// A file that is gone; several for several.
    #[arg(long, value_name = "PATH", value_parser = place)]
    removed: Vec<String>,
    /// A file with other contents; several for several.
    #[arg(long, value_name = "PATH", value_parser = place)]
    modified: Vec<String>,
    /// A component, by the name that the operator gives it; several for several.
    #[arg(long = "component", value_name = "NAME")]
    components: Vec<String>,
    /// What changed, for people: a listed document of the drop (SO14.1).
    #[arg(long, value_name = "PATH")]
    changelog: Option<String>,
    /// A vulnerability that it mends; several for several (SO14.1).
    #[arg(long = "vulnerability", value_name = "ID")]
    vulnerabilities: Vec<String>,
    /// The model of the hardware (SO14.1).
    #[arg(long)]
    model: Option<String>,
    /// The serial number of an item; several for several.
    #[arg(long = "serial", value_name = "NUMBER", requires = "model")]
    serials: Vec<String>,
    /// How to go back: a listed document of the drop (SO14.4).
    #[arg(long, value_name = "PATH")]
    backout_plan: Option<String>,
    /// The security incident that it answers (SO14.4).
    #[arg(long)]
    incident: Option<String>,
    /// The term of the service level agreement that it departs from (SO14.4).
    #[arg(long, value_name = "TERM")]
    service_level: Option<String>,
    /// The counterfeit item that it replaces, by the operator's notice (SO12.3).
    #[arg(long, value_parser = pair, value_name = "NOTICE=ITEM")]
    counterfeit: Option<(String, String)>,
    /// Why it can't wait for the ordinary approval (SO14.4).
    #[arg(long, value_name = "REASON", requires = "review_by")]
    emergency: Option<String>,
    /// Until when the ordinary review is made up for (SO14.4).
    #[arg(long, value_name = "TIME", requires = "emergency")]
    review_by: Option<Time>,
    /// When the record is written, RFC 3339 with zone [default: now].
    #[arg(long, value_name = "TIME")]
    written: Option<Time>,
    #[command(flatten)]
    sealing: Sealing,
}

fn place(text: &str) -> Result<String, String> {
    Place::parse(text).map(|_| text.to_owned())
}

impl Change {
    /// Makes the statement.
    pub fn run(self, output: &Output) -> Result<(), Failure> {
        let ground = self.about.open()?;
        let release = &ground.manifest.release;
        let baseline =
            self.baseline.as_ref().map(|path| untrusted(path)).transpose()?.map(|(_, manifest)| manifest);
        let difference = baseline.as_ref().map(|baseline| Difference::between(baseline, &ground.manifest));
        let derived = |stated: &[String], found: Option<Vec<String>>| match found {
            Some(found) if self.components.is_empty() && stated.is_empty() => found,
            _ => stated.to_vec(),
        };
        let paths = |of: &dyn Fn(&Difference<'_>) -> Vec<String>| difference.as_ref().map(of);
        let scope = json!({
            "added": derived(&self.added, paths(&|one| one.paths_added().map(|path| path.as_str().to_owned()).collect())),
            "removed": derived(&self.removed, paths(&|one| one.paths_removed().map(|path| path.as_str().to_owned()).collect())),
            "modified": derived(&self.modified, paths(&|one| one.paths_modified().map(|path| path.as_str().to_owned()).collect())),
            "components": self.components,
        });
        let from = match &baseline {
            Some(baseline) => Some((&baseline.release.version, baseline.digest)),
            None => release.replaces.as_ref().map(|replaces| (&replaces.version, replaces.manifest)),
        };
        let document = |path: &Option<String>| path.as_ref().map(|path| ground.document(path)).transpose();
        let list = |list: &[String]| if list.is_empty() { Value::Null } else { json!(list) };
        let predicate = stated(json!({
            "id": self.id,
            "kind": release.kind,
            "cause": self.cause,
            "summary": self.summary,
            "written": self.written.unwrap_or_else(Time::now).whole_seconds(),
            "initiator": { "name": self.initiator, "party": self.initiator_party.to_string() },
            "builders": self.builders,
            "responsibility": self.clause.as_ref().map(|clause| json!({
                "clause": clause,
                "costBorneBy": self.cost_borne_by.map(|party| party.to_string()),
            })),
            "window": self.opens.map(|opens| json!({ "opens": opens, "closes": self.closes })),
            "from": from.map(|(version, digest)| json!({ "version": version, "manifest": { "sha256": digest } })),
            "to": release.version,
            "changelog": document(&self.changelog)?,
            "vulnerabilities": list(&self.vulnerabilities),
            "hardware": self.model.as_ref().map(|model| json!({ "model": model, "serials": self.serials })),
            "scope": scope,
            "backoutPlan": document(&self.backout_plan)?,
            "incident": self.incident,
            "serviceLevel": self.service_level,
            "counterfeit": self.counterfeit.as_ref().map(|(notice, item)| json!({ "notice": notice, "item": item })),
            "emergency": self.emergency.as_ref().map(|reason| json!({ "reason": reason, "reviewBy": self.review_by })),
        }));
        let subjects = self.about.manifest_alone(&ground)?;
        ground.seal((TYPE, "change"), subjects, &predicate, &self.sealing, output)
    }
}

//! Policy packs: TOML files of controls with the operator's parameters.
//!
//! ```toml
//! [pack]
//! id = "so12"
//! version = "1.0.0"
//! title = "Integrity of network and information systems"
//! source = "ENISA, Security Guide for ICT Procurement (2014), SO12"
//! longest-waiver = "90d"
//!
//! [[control]]
//! id = "so12.digest-strength"
//! clause = "SO12.1"
//! title = "Every artifact has a strong digest"
//! severity = "high"
//! remedy = "List every artifact with sha256 or stronger."
//! [control.parameters]
//! floor-bits = 128
//! ```
//!
//! Every parameter of a control must be there, so that a default is stated once: in the pack.
//!
//! The operator's own controls stand under `[[custom]]`, with an expression over the documented facts in place of
//! parameters:
//!
//! ```toml
//! [[custom]]
//! id = "example.enough-tests"
//! clause = "SO23.1"
//! title = "A hundred tests at least"
//! severity = "medium"
//! remedy = "Deliver the whole conformance suite."
//! expression = "tests.exists(t, t.sound && t.passed >= 100)"
//! ```

mod custom;

use super::controls::{self, Control, Definition};
use crate::config::{ConfigError, Document, Faults, Section};
use crate::digest::DocumentDigest;
use crate::files::Files;
use crate::time::Period;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// How much is at stake when a control fails. It orders findings for people; every failed control
/// rejects, whatever its severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Integration must stop, and somebody should be called.
    Critical,
    /// Integration must stop.
    High,
    /// To be put right with this delivery.
    Medium,
    /// To be put right, with little at stake.
    Low,
}

impl Severity {
    const LEGAL: [(&'static str, Self); 4] =
        [("critical", Self::Critical), ("high", Self::High), ("medium", Self::Medium), ("low", Self::Low)];

    /// The name that packs and reports give it.
    pub fn name(self) -> &'static str {
        Self::LEGAL.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }
}

/// A pack that was read: at least one rule, each control once.
#[derive(Debug)]
pub struct Pack {
    /// Its id, such as `so12`.
    pub id: String,
    /// Its version, which operators raise when they change it.
    pub version: String,
    /// What it is about.
    pub title: String,
    /// The document that it follows.
    pub source: String,
    /// For how long from the time of judgement a waiver of its controls may hold.
    pub longest_waiver: Period,
    rules: Vec<Rule>,
    digest: DocumentDigest,
    document: Document,
}

/// One control with the operator's parameters.
pub struct Rule {
    /// The control's id.
    pub id: String,
    /// The clause that it follows from.
    pub clause: String,
    /// What is known of it here; `None` for a control of the operator's own.
    pub definition: Option<&'static Definition>,
    /// What it asks, in a line.
    pub title: String,
    /// What is at stake.
    pub severity: Severity,
    /// What the vendor should do when it fails.
    pub remedy: String,
    /// The control with its parameters.
    pub control: Box<dyn Control>,
    /// What there is to say of it, for a control of the operator's own.
    pub custom: Option<CustomRule>,
    span: Range<usize>,
    parameters: BTreeMap<&'static str, Range<usize>>,
}

/// What a control of the operator's own is made of.
#[derive(Debug)]
pub struct CustomRule {
    /// Its expression.
    pub expression: String,
    /// The facts that the expression names, by their paths, with what they say.
    pub facts: Vec<(String, &'static str)>,
    /// What its author may not have meant, with the place in the pack.
    pub notes: Vec<(Range<usize>, String)>,
}

impl Rule {
    /// What it is sorted by: the clause, then the order in which the controls of a clause are told, the operator's
    /// own last.
    pub fn order(&self) -> (&str, usize, &str) {
        (&self.clause, controls::position(&self.id), &self.id)
    }

    /// Where it stands in the pack.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where the value of a parameter stands in the pack.
    pub fn parameter_span(&self, parameter: &str) -> Range<usize> {
        self.parameters.get(parameter).cloned().unwrap_or_else(|| self.span())
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Pack {
    /// Reads a pack's file.
    ///
    /// # Errors
    /// When it can't be read, or with every fault in it.
    pub fn load(path: &Path, files: &dyn Files) -> Result<Self, ConfigError> {
        Self::read(Document::load(path, files)?)
    }

    /// Reads a pack.
    ///
    /// # Errors
    /// With every fault in it.
    pub fn read(document: Document) -> Result<Self, ConfigError> {
        let (head, rules) = document.parse(|root, faults| {
            let head = match root.section("pack", faults) {
                Some(section) => head(section, faults),
                None => {
                    faults.add(
                        root.span(),
                        "this is not a policy pack",
                        "expected a table [pack] with id, version, title and source",
                    );
                    None
                }
            };
            let sections = root.sections("control", faults);
            let customs = root.sections("custom", faults);
            if sections.is_empty() && customs.is_empty() {
                faults.add_with_help(
                    root.span(),
                    "the pack holds no control",
                    "expected at least one [[control]] or [[custom]]",
                    "a pack that asks for nothing would accept everything",
                );
            }
            let mut rules: Vec<Rule> =
                sections.into_iter().filter_map(|section| rule(section, faults)).collect();
            rules.extend(customs.into_iter().filter_map(|section| custom::rule(section, &document, faults)));
            let mut seen = BTreeSet::new();
            for rule in &rules {
                if !seen.insert(rule.id.as_str()) {
                    faults.add(
                        rule.span(),
                        format!("control {} stands twice", rule.id),
                        "expected each control once",
                    );
                }
            }
            Some((head?, rules))
        })?;
        let Head { id, version, title, source, longest_waiver } = head;
        Ok(Self {
            id,
            version,
            title,
            source,
            longest_waiver,
            rules,
            digest: DocumentDigest::of(document.text().as_bytes()),
            document,
        })
    }

    /// Its rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> DocumentDigest {
        self.digest
    }

    /// The file.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The line of a place in the file, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        let before = self.document.text().get(..span.start).unwrap_or_default();
        before.matches('\n').count().saturating_add(1)
    }

    /// An error that points into the pack, for what shows only later.
    pub fn fault_at(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ConfigError {
        ConfigError::at(&self.document, span, message, label)
    }
}

struct Head {
    id: String,
    version: String,
    title: String,
    source: String,
    longest_waiver: Period,
}

fn head(mut section: Section<'_>, faults: &mut Faults) -> Option<Head> {
    let id = text(&mut section, "id", faults);
    let version = text(&mut section, "version", faults);
    let title = text(&mut section, "title", faults);
    let source = text(&mut section, "source", faults);
    let waiver = section.required("longest-waiver", faults).and_then(|item| item.period(faults));
    section.finish(faults);
    Some(Head { id: id?, version: version?, title: title?, source: source?, longest_waiver: waiver? })
}

fn text(section: &mut Section<'_>, key: &'static str, faults: &mut Faults) -> Option<String> {
    section.required(key, faults)?.text(faults).map(str::to_owned)
}

fn rule(mut section: Section<'_>, faults: &mut Faults) -> Option<Rule> {
    let span = section.span();
    let legal: Vec<_> = controls::ALL.iter().map(|definition| (definition.id, *definition)).collect();
    let definition = section.required("id", faults).and_then(|item| item.choice(&legal, faults));
    let clause = section.required("clause", faults);
    if let (Some(definition), Some(item)) = (definition, &clause) {
        item.choice(&[(definition.clause, ())], faults);
    }
    let title = text(&mut section, "title", faults);
    let severity =
        section.required("severity", faults).and_then(|item| item.choice(&Severity::LEGAL, faults));
    let remedy = text(&mut section, "remedy", faults);
    let parameters = section.section("parameters", faults);
    // Where there are no parameters, nothing is asked of the section, and no table need be there.
    let bare = definition.filter(|definition| definition.parameters.is_empty());
    let bare = bare.and_then(|definition| (definition.read)(&mut section, faults));
    section.finish(faults);

    let definition = definition?;
    let mut spans = BTreeMap::new();
    let control = match parameters {
        Some(mut parameters) => {
            for parameter in definition.parameters {
                if let Some(item) = parameters.optional(parameter.name) {
                    spans.insert(parameter.name, item.span());
                }
            }
            let control = (definition.read)(&mut parameters, faults);
            parameters.finish(faults);
            control
        }
        None if definition.parameters.is_empty() => bare,
        None => {
            let names: Vec<&str> = definition.parameters.iter().map(|parameter| parameter.name).collect();
            faults.add(
                span.clone(),
                format!("control {} has no parameters", definition.id),
                format!("expected a table [control.parameters] with {}", names.join(", ")),
            );
            None
        }
    };
    Some(Rule {
        id: definition.id.to_owned(),
        clause: definition.clause.to_owned(),
        definition: Some(definition),
        title: title?,
        severity: severity?,
        remedy: remedy?,
        control: control?,
        custom: None,
        span,
        parameters: spans,
    })
}

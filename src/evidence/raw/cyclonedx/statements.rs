//! What a CycloneDX document says about vulnerabilities.

use super::{Known, dangling};
use crate::evidence::raw::identity::{
    Budget, id, names_of, one_of, optional_id, optional_time, percent_decoded, purl_with, version_of, words,
};
use crate::evidence::raw::{Refusal, Status, VexStatement};
use crate::time::Time;
use serde::Deserialize;
use std::collections::HashMap;

/// `impactAnalysisState` of the schemas.
const STATES: [&str; 6] =
    ["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"];

/// `impactAnalysisJustification` of the schemas.
const JUSTIFICATIONS: [&str; 9] = [
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
];

#[derive(Deserialize)]
pub(super) struct Vulnerability {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    id: Option<String>,
    references: Option<Vec<Reference>>,
    recommendation: Option<String>,
    workaround: Option<String>,
    analysis: Option<Analysis>,
    affects: Option<Vec<Affected>>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    response: Option<Vec<String>>,
    detail: Option<String>,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(rename = "ref")]
    reference: String,
    versions: Option<Vec<Version>>,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
    range: Option<String>,
    status: Option<String>,
}

impl Vulnerability {
    /// Its own `bom-ref`.
    pub(super) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
}

/// The statements of all vulnerabilities. `own` is how a BOM-Link to something in this document begins.
pub(super) fn read(
    vulnerabilities: &[Vulnerability],
    known: &HashMap<String, Option<Known>>,
    own: Option<&str>,
    made: Option<Time>,
) -> Result<Vec<VexStatement>, Refusal> {
    let mut statements = Statements { known, own, budget: Budget::new(), read: Vec::new() };
    for (at, vulnerability) in vulnerabilities.iter().enumerate() {
        statements.add(&format!("vulnerabilities[{at}]"), vulnerability, made)?;
    }
    Ok(statements.read)
}

struct Statements<'d> {
    known: &'d HashMap<String, Option<Known>>,
    own: Option<&'d str>,
    budget: Budget,
    read: Vec<VexStatement>,
}

impl Statements<'_> {
    /// One statement for each of the products and versions: they may differ in status.
    fn add(&mut self, place: &str, vulnerability: &Vulnerability, made: Option<Time>) -> Result<(), Refusal> {
        let vulnerabilities = ids(place, vulnerability)?;
        let status = status(place, vulnerability)?;
        let at = issued(place, vulnerability.analysis.as_ref())?.or(made);
        let mut products: Vec<(Vec<String>, Status)> = Vec::new();
        for (at, affected) in vulnerability.affects.iter().flatten().enumerate() {
            let place = format!("{place}.affects[{at}]");
            let versions = affected.versions.as_deref().unwrap_or_default();
            if versions.is_empty() {
                products.push((self.product(&place, affected, None)?, status.clone()));
            }
            for (at, version) in versions.iter().enumerate() {
                let place = format!("{place}.versions[{at}]");
                let status = of_version(&place, version, &status)?;
                products.push((self.product(&place, affected, Some((version, &status)))?, status));
            }
        }
        if products.is_empty() {
            products.push((Vec::new(), status));
        }
        for (products, status) in products {
            self.budget.spend_all(&vulnerabilities)?;
            self.budget.spend_all(&products)?;
            let vulnerabilities = vulnerabilities.clone();
            self.read.push(VexStatement { vulnerabilities, products, within: Vec::new(), status, at });
        }
        Ok(())
    }

    fn product(
        &self,
        place: &str,
        affected: &Affected,
        version: Option<(&Version, &Status)>,
    ) -> Result<Vec<String>, Refusal> {
        let reference = id(place, &affected.reference)?;
        let Some(known) = self.resolve(place, &reference)? else {
            let foreign = vec![reference];
            return match version {
                None => Ok(foreign),
                Some((version, status)) => of_foreign(place, foreign, version, status),
            };
        };
        let mut names = names_of(&known.component);
        names.extend(known.cpe.clone());
        match version {
            None => Ok(names),
            Some((version, status)) => of_known(place, known, names, version, status),
        }
    }

    /// What a reference stands for in this document; `None` for what is in none or another one.
    fn resolve(&self, place: &str, reference: &str) -> Result<Option<&Known>, Refusal> {
        // The fragment of a BOM-Link is percent-encoded (RFC 8141, section 2).
        let link = self.own.and_then(|own| reference.strip_prefix(own));
        let element = link.map(percent_decoded);
        let candidates = [Some(reference), link, element.as_deref()];
        match candidates.into_iter().flatten().find_map(|reference| self.known.get(reference)) {
            Some(Some(known)) => Ok(Some(known)),
            Some(None) => Err(dangling(place, reference)),
            None if link.is_some() => Err(dangling(place, reference)),
            None if reference.starts_with("urn:cdx:") || reference.starts_with("pkg:") => Ok(None),
            None => Err(dangling(place, reference)),
        }
    }
}

/// Whether a statement of this status takes something off the list of what is wrong. Where a version range can't
/// be told apart from all versions, such a statement must be about less and any other about more.
fn clears(status: &Status) -> bool {
    matches!(status, Status::NotAffected(_) | Status::Fixed)
}

/// The one version or the range, of which there must be exactly one (`oneOf` in the schema).
fn version_or_range<'v>(place: &str, version: &'v Version) -> Result<(Option<&'v str>, &'v str), Refusal> {
    match (version.version.as_deref(), version.range.as_deref()) {
        (Some(version), None) => Ok((Some(version), version)),
        (None, Some(range)) => Ok((None, range)),
        (both, _) => {
            let found = if both.is_some() { "both" } else { "neither" };
            Err(Refusal::new(place, "a version or a range", found))
        }
    }
}

fn of_known(
    place: &str,
    known: &Known,
    names: Vec<String>,
    version: &Version,
    status: &Status,
) -> Result<Vec<String>, Refusal> {
    let (exact, text) = version_or_range(place, version)?;
    let component = &known.component;
    let own = component.version.as_deref().or_else(|| version_of(component.purl.as_deref()?));
    if exact.is_some() && exact == own || exact.is_none() && !clears(status) {
        return Ok(names);
    }
    let purl = component.purl.as_deref().filter(|_| own.is_none());
    if let Some(purl) = exact.and_then(|exact| purl_with(purl?, exact)) {
        return Ok(vec![purl]);
    }
    Ok(vec![id(place, &format!("{}@{text}", component.name))?])
}

fn of_foreign(
    place: &str,
    foreign: Vec<String>,
    version: &Version,
    status: &Status,
) -> Result<Vec<String>, Refusal> {
    let (exact, text) = version_or_range(place, version)?;
    if exact.is_none() && !clears(status) {
        return Ok(foreign);
    }
    let named = foreign.into_iter().map(|name| match exact.and_then(|exact| purl_with(&name, exact)) {
        Some(purl) if name.starts_with("pkg:") => Ok(purl),
        // The version that the package URL has, given once more.
        _ if name.starts_with("pkg:") && exact.is_some() && exact == version_of(&name) => Ok(name),
        _ => id(place, &format!("{name} {text}")),
    });
    named.collect()
}

fn ids(place: &str, vulnerability: &Vulnerability) -> Result<Vec<String>, Refusal> {
    let mut ids: Vec<String> =
        optional_id(&format!("{place}.id"), vulnerability.id.as_deref())?.into_iter().collect();
    for reference in vulnerability.references.iter().flatten() {
        ids.push(id(&format!("{place}.references"), &reference.id)?);
    }
    if ids.is_empty() {
        return Err(Refusal::new(place, "an id or references", "neither"));
    }
    Ok(ids)
}

fn issued(place: &str, analysis: Option<&Analysis>) -> Result<Option<Time>, Refusal> {
    let place = format!("{place}.analysis");
    let first = optional_time(&place, analysis.and_then(|analysis| analysis.first_issued.as_deref()))?;
    let last = optional_time(&place, analysis.and_then(|analysis| analysis.last_updated.as_deref()))?;
    Ok(first.max(last))
}

/// What the analysis says. Without one, nobody knows yet.
fn status(place: &str, vulnerability: &Vulnerability) -> Result<Status, Refusal> {
    let Some(analysis) = &vulnerability.analysis else {
        return Ok(Status::UnderInvestigation);
    };
    let justification = analysis.justification.as_deref();
    if let Some(label) = justification {
        one_of(&format!("{place}.analysis.justification"), &JUSTIFICATIONS, label)?;
    }
    let Some(state) = analysis.state.as_deref() else {
        return Ok(Status::UnderInvestigation);
    };
    one_of(&format!("{place}.analysis.state"), &STATES, state)?;
    Ok(match state {
        "not_affected" | "false_positive" => Status::NotAffected(
            justification.map(str::to_owned).or_else(|| words(analysis.detail.as_deref())),
        ),
        "resolved" | "resolved_with_pedigree" => Status::Fixed,
        "exploitable" => {
            let response = analysis.response.as_ref().map(|response| response.join(", "));
            let action = words(response.as_deref())
                .or_else(|| words(vulnerability.recommendation.as_deref()))
                .or_else(|| words(vulnerability.workaround.as_deref()));
            Status::Affected(action)
        }
        _ => Status::UnderInvestigation,
    })
}

/// The status of one version: where the version's own and the analysis differ, the worse of the two. A version without
/// a status is affected, which is the schema's default.
fn of_version(place: &str, version: &Version, analysis: &Status) -> Result<Status, Refusal> {
    let own = version.status.as_deref().unwrap_or("affected");
    one_of(&format!("{place}.status"), &["affected", "unaffected", "unknown"], own)?;
    Ok(match (own, analysis) {
        ("unaffected", Status::Affected(_) | Status::UnderInvestigation) => Status::NotAffected(None),
        ("unaffected", analysis) => analysis.clone(),
        (_, Status::Affected(action)) => Status::Affected(action.clone()),
        ("unknown", _) => Status::UnderInvestigation,
        (_, Status::UnderInvestigation) => Status::UnderInvestigation,
        _ => Status::Affected(None),
    })
}

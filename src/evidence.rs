//! Evidence: signed in-toto statements about artifacts, below `evidence/` in the drop.
//!
//! An envelope there carries its own signature and is therefore not listed in the manifest; one that no
//! trusted key vouches for is an unlisted file like any other. A statement is about this drop only
//! when its subjects' digests are those of artifacts of this drop: a name binds nothing.

pub mod raw;

use crate::digest::{Algorithm, Claimed, DigestSet};
use crate::drop::path::DropPath;
use crate::finding::{Code, Finding};
use crate::json::Strict;
use crate::manifest::Manifest;
use crate::manifest::native::{DigestField, PREDICATE, STATEMENT};
use crate::time::Time;
use crate::trust::dsse::Envelope;
use crate::trust::{Capacity, NotVerified, Role, TrustStore, Verified};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;

/// The predicate of test results (in-toto attestation repository, `spec/predicates/test-result.md`).
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// One statement that a trusted key vouches for.
#[derive(Debug)]
pub struct Statement {
    /// Where it was.
    pub path: DropPath,
    /// What it is about, by type.
    pub predicate_type: String,
    /// How many of its subjects are artifacts of this drop.
    pub bound: u64,
    /// How many are something else.
    pub unbound: u64,
}

impl Statement {
    /// Whether every subject is an artifact of this drop, and there is one.
    pub fn is_about_this_drop(&self) -> bool {
        self.bound > 0 && self.unbound == 0
    }
}

/// The statements that came with a drop.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Those that a trusted key vouches for, by path.
    pub statements: Vec<Verified<Statement>>,
    /// What is wrong with the others.
    pub refused: Vec<Finding>,
    /// What is worth knowing and changes nothing.
    pub remarks: Vec<String>,
}

#[derive(Deserialize)]
struct Wire<'t> {
    #[serde(rename = "_type", borrow, deserialize_with = "crate::json::borrowed")]
    statement: Cow<'t, str>,
    #[serde(rename = "predicateType", borrow, deserialize_with = "crate::json::borrowed")]
    predicate: Cow<'t, str>,
    #[serde(default)]
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: DigestField,
}

/// The digests of all artifacts of a manifest, to find statements' subjects among them.
pub struct Artifacts<'m>(HashSet<(Algorithm, &'m [u8])>);

impl<'m> Artifacts<'m> {
    /// Those of `manifest`.
    pub fn of(manifest: &'m Manifest) -> Self {
        Self(manifest.artifacts().iter().flat_map(|artifact| artifact.digests.iter()).collect())
    }

    /// Whether a subject is one of them: every digest that it gives must be an artifact's, and it gives one.
    /// (Digests of one artifact in another's place need a collision to go unnoticed.)
    fn hold(&self, subject: &DigestSet<Claimed>) -> bool {
        let mut digests = subject.iter().peekable();
        digests.peek().is_some() && digests.all(|digest| self.0.contains(&digest))
    }
}

impl Evidence {
    /// Takes in one envelope.
    pub fn receive(
        &mut self,
        path: &DropPath,
        bytes: Vec<u8>,
        artifacts: &Artifacts<'_>,
        trust: &TrustStore,
        at: Time,
    ) {
        match statement(path, bytes, artifacts, trust, at) {
            Ok(statement) => {
                let about = statement.value();
                if !about.is_about_this_drop() {
                    self.remarks.push(format!(
                        "{}: not about this drop: {} of its {} subjects are its artifacts",
                        path.as_str(),
                        about.bound,
                        about.bound.saturating_add(about.unbound)
                    ));
                }
                self.remarks.extend(
                    statement.remarks().iter().map(|remark| format!("{}: ignored: {remark}", path.as_str())),
                );
                self.statements.push(statement);
            }
            Err(why) => self.refuse(path, why),
        }
    }

    /// Records why an envelope could not be taken in.
    pub fn refuse(&mut self, path: &DropPath, why: String) {
        let expected = "a statement signed by a trusted key";
        self.refused.push(Finding::new(Code::EvidenceNotAuthentic, path.as_str(), expected, why));
    }
}

fn statement(
    path: &DropPath,
    bytes: Vec<u8>,
    artifacts: &Artifacts<'_>,
    trust: &TrustStore,
    at: Time,
) -> Result<Verified<Statement>, String> {
    let envelope = Envelope::read(bytes).map_err(|why| why.to_string())?;
    // The type only says which role to ask the signer for; it is the signed one, or nothing verifies.
    let capacity = match wire(envelope.untrusted_payload())?.predicate.as_ref() {
        PREDICATE => return Err("a manifest, which belongs at the root of the drop".to_owned()),
        TEST_RESULT => Capacity::In(Role::Test),
        _ => Capacity::Any,
    };
    let verified = trust.verify(envelope, capacity, at).map_err(|why| match why {
        NotVerified::Unsigned => "no signature".to_owned(),
        NotVerified::NoneCounts(remarks) => {
            let remarks: Vec<String> = remarks.iter().map(ToString::to_string).collect();
            remarks.join("; ")
        }
    })?;
    verified.try_map(|envelope| {
        let wire = wire(envelope.untrusted_payload())?;
        let (mut bound, mut unbound) = (0_u64, 0_u64);
        for subject in wire.subject {
            let claims = subject.digest.0.map_err(|why| format!("subject: {why}"))?;
            if claims.finish().is_some_and(|digests| artifacts.hold(&digests)) {
                bound = bound.saturating_add(1);
            } else {
                unbound = unbound.saturating_add(1);
            }
        }
        Ok(Statement { path: path.clone(), predicate_type: wire.predicate.into_owned(), bound, unbound })
    })
}

fn wire(payload: &[u8]) -> Result<Wire<'_>, String> {
    let wire: Wire<'_> =
        Strict::check(payload).and_then(Strict::read).map_err(|why| format!("not a statement: {why}"))?;
    if wire.statement != STATEMENT {
        let found: String = wire.statement.chars().take(100).collect();
        return Err(format!("_type: expected {STATEMENT:?}, found {found:?}"));
    }
    Ok(wire)
}

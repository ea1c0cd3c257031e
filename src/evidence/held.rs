//! About how much memory takes what was read of evidence, so that a few small files can't be made into much.

use super::predicate::{Predicate, Raw};
use super::raw::{
    Bill, Case, Component, Disagreement, FileVerdict, Issue, MalwareScan, Scan, ScannedFile, Status, TestRun,
    Tool, Vex, VexStatement,
};

/// Something that takes memory.
pub trait Held {
    /// About how many bytes it takes, with all that it points to.
    fn held(&self) -> usize;
}

/// Sums up.
fn sum<const N: usize>(parts: [usize; N]) -> usize {
    parts.into_iter().fold(0, usize::saturating_add)
}

impl Held for String {
    fn held(&self) -> usize {
        sum([size_of::<Self>(), self.len()])
    }
}

impl<T: Held> Held for Option<T> {
    fn held(&self) -> usize {
        self.as_ref().map_or(size_of::<Self>(), Held::held)
    }
}

impl<T: Held> Held for Vec<T> {
    fn held(&self) -> usize {
        self.iter().fold(size_of::<Self>(), |sum, one| sum.saturating_add(one.held()))
    }
}

impl Held for (String, String) {
    fn held(&self) -> usize {
        sum([self.0.held(), self.1.held()])
    }
}

impl Held for Predicate {
    /// The others take no more than the envelopes that they came in, whose sizes are bounded.
    fn held(&self) -> usize {
        match self {
            Self::Vulns(vulns) => vulns.issues.held(),
            Self::Bill(bill) => bill.held(),
            Self::Vex(vex) => vex.held(),
            _ => 0,
        }
    }
}

impl Held for Raw {
    fn held(&self) -> usize {
        match self {
            Self::Tests(run) => run.held(),
            Self::Scan(scan) => scan.held(),
            Self::Malware(scan) => scan.held(),
        }
    }
}

impl Held for TestRun {
    fn held(&self) -> usize {
        sum([self.cases.held(), self.duplicates.held(), self.disagreements.held(), self.failures.held()])
    }
}

impl Held for Case {
    fn held(&self) -> usize {
        sum([size_of::<Self>(), self.id.len(), self.reason.held()])
    }
}

impl Held for Disagreement {
    fn held(&self) -> usize {
        sum([self.place.held(), self.claimed.held(), self.counted.held()])
    }
}

impl Held for Tool {
    fn held(&self) -> usize {
        sum([self.name.held(), self.version.held()])
    }
}

impl Held for Scan {
    fn held(&self) -> usize {
        sum([
            self.tools.held(),
            self.issues.held(),
            self.failures.held(),
            self.targets.held(),
            self.disagreements.held(),
        ])
    }
}

impl Held for Issue {
    fn held(&self) -> usize {
        sum([
            size_of::<Self>(),
            self.id.len(),
            self.aliases.held(),
            self.component.held(),
            self.place.len(),
            self.fixed_in.held(),
            self.suppressed.held(),
        ])
    }
}

impl Held for Component {
    fn held(&self) -> usize {
        sum([
            self.name.held(),
            self.version.held(),
            self.purl.held(),
            self.digests.held(),
            self.serials.held(),
        ])
    }
}

impl Held for MalwareScan {
    fn held(&self) -> usize {
        sum([self.files.held(), self.failures.held(), self.disagreements.held()])
    }
}

impl Held for ScannedFile {
    fn held(&self) -> usize {
        let said = match &self.verdict {
            FileVerdict::Clean => 0,
            FileVerdict::Found(text) | FileVerdict::NotScanned(text) => text.len(),
        };
        sum([size_of::<Self>(), self.path.len(), said])
    }
}

impl Held for Bill {
    fn held(&self) -> usize {
        sum([self.subject.held(), self.components.held(), self.tools.held(), self.vex.held()])
    }
}

impl Held for Vex {
    fn held(&self) -> usize {
        sum([self.untrusted_author.held(), self.statements.held()])
    }
}

impl Held for VexStatement {
    fn held(&self) -> usize {
        let said = match &self.status {
            Status::NotAffected(text) | Status::Affected(text) => text.held(),
            Status::Fixed | Status::UnderInvestigation => 0,
        };
        sum([size_of::<Self>(), self.vulnerabilities.held(), self.products.held(), self.within.held(), said])
    }
}

//! SO23.3: who may test.

use super::missing;
use super::schedule::by_type;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::test_report::TestType;
use crate::finding::{Code, Finding, Judgement};
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};
use crate::trust::Party;
use std::collections::BTreeMap;

pub(in crate::policy::controls) static ACCOUNTABLE_TESTER: Definition = Definition {
    id: "so23.accountable-tester",
    clause: "SO23.3",
    meaning: "Who may test (vendor, provider, a third party, a collaborative lab) and who is accountable for it is agreed and stated in the \
        contract (SO23, requirement 3).",
    passes: "Every test statement about this drop is signed, in role test, by somebody of a party that may do this type of test. It says who \
        vouches for tests, not how they came out.",
    fails: "There is no such statement, or one is signed by parties that may not test this.",
    example: "A penetration-test statement signed by a key of party \"third-party\" with role test.",
    parameters: &[
        Parameter {
            name: "parties",
            meaning: "Who may test: an array of \"vendor\", \"provider\", \"third-party\", \"lab\".",
        },
        Parameter {
            name: "by-type",
            meaning: "A table [control.parameters.by-type] from a type of test to the parties that may do it, where they are others.",
        },
    ],
    codes: &[
        Code::TestEvidenceMissing,
        Code::TesterNotAccountable,
        Code::KindNotJudged,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let parties =
            section.required("parties", faults).and_then(|item| item.choices(&Party::LEGAL, faults));
        let by_type = by_type(section, "by-type", faults, |item, faults| item.choices(&Party::LEGAL, faults));
        Some(Box::new(AccountableTester { parties: parties?, by_type: by_type? }))
    },
};

struct AccountableTester {
    parties: Vec<Party>,
    by_type: BTreeMap<TestType, Vec<Party>>,
}

impl Control for AccountableTester {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known_change() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let tests = known.evidence.statements.iter().filter(|one| one.value().about.this_drop());
        let tests: Vec<_> = tests.filter_map(|one| Some((one, kind_of(&one.value().predicate)?))).collect();
        if tests.is_empty() {
            return Judgement::no_evidence(missing(known));
        }
        let findings = tests.iter().filter_map(|(test, kind)| {
            let legal = kind.and_then(|kind| self.by_type.get(&kind)).unwrap_or(&self.parties);
            if test.signers().iter().any(|signer| legal.contains(&signer.party)) {
                return None;
            }
            let parties: Vec<String> = legal.iter().map(Party::to_string).collect();
            let signers: Vec<String> = test
                .signers()
                .iter()
                .map(|signer| format!("{:?} of party {}", signer.owner, signer.party))
                .collect();
            let what = kind.map_or("a test", TestType::name);
            Some(Finding::new(
                Code::TesterNotAccountable,
                test.value().origin.as_str(),
                format!("{what} signed by party {}", parties.join(" or ")),
                signers.join(", "),
            ))
        });
        let plural = if tests.len() == 1 { "" } else { "s" };
        Judgement::unless(
            findings.collect(),
            format!("{} test statement{plural}, each by a party that may test", tests.len()),
        )
    }
}

/// The type of test that a statement tells of, `None` inside where it does not say; `None` for what is no test.
fn kind_of(predicate: &Predicate) -> Option<Option<TestType>> {
    match predicate {
        Predicate::TestReport(report) => Some(Some(report.kind)),
        Predicate::Vulns(_) => Some(Some(TestType::KnownVulnerabilityScan)),
        Predicate::TestResult(_) => Some(None),
        _ => None,
    }
}

//! SO23, security and quality testing.

use super::{Control, Definition, Parameter};
use crate::evidence::TEST_RESULT;
use crate::finding::{Code, Finding, Judgement};
use crate::policy::Facts;
use crate::trust::Party;

pub(super) static ACCOUNTABLE_TESTER: Definition = Definition {
    id: "so23.accountable-tester",
    clause: "SO23.3",
    meaning: "Who may carry out the tests is agreed between provider and vendor (SO23, requirement 3).",
    passes: "At least one signed test-result statement is about artifacts of this drop, and everyone who signed one for \
        role test is of a party that may test. It says who vouches for tests, not how they came out.",
    fails: "No signed test-result statement about this drop's artifacts, or one signed by a party that may not test.",
    example: "evidence/tests.dsse.json: an in-toto Statement with predicateType \
        https://in-toto.io/attestation/test-result/v0.1 and the artifacts as subjects, signed by the test lab.",
    parameters: &[Parameter {
        name: "parties",
        meaning: "Who may test: an array of \"vendor\", \"provider\", \"third-party\", \"lab\".",
    }],
    codes: &[Code::TestEvidenceMissing, Code::TesterNotAccountable, Code::NoVerifiedManifest],
    read: |section, faults| {
        let parties =
            section.required("parties", faults).and_then(|item| item.choices(&Party::LEGAL, faults));
        Some(Box::new(AccountableTester { parties: parties? }))
    },
};

struct AccountableTester {
    parties: Vec<Party>,
}

impl Control for AccountableTester {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let tests: Vec<_> = known
            .evidence
            .statements
            .iter()
            .filter(|statement| {
                statement.value().predicate_type == TEST_RESULT && statement.value().is_about_this_drop()
            })
            .collect();
        if tests.is_empty() {
            return Judgement::no_evidence(Finding::new(
                Code::TestEvidenceMissing,
                "evidence/",
                format!(
                    "a statement of type {TEST_RESULT} whose subjects are artifacts of this drop, signed for role test"
                ),
                format!("{} other statement(s)", known.evidence.statements.len()),
            ));
        }
        let allowed: Vec<String> = self.parties.iter().map(Party::to_string).collect();
        let findings = tests
            .iter()
            .flat_map(|test| test.signers().iter().map(|signer| (test.value(), signer)))
            .filter(|(_, signer)| !self.parties.contains(&signer.party))
            .map(|(test, signer)| {
                Finding::new(
                    Code::TesterNotAccountable,
                    test.path.as_str(),
                    format!("a signer of party {}", allowed.join(" or ")),
                    format!("{:?} of party {}", signer.owner, signer.party),
                )
            })
            .collect();
        let plural = if tests.len() == 1 { "" } else { "s" };
        Judgement::unless(
            findings,
            format!("{} test statement{plural}, signed by a party that may test", tests.len()),
        )
    }
}

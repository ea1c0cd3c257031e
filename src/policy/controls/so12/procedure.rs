//! SO12.2: how the drop was scanned.

use super::malware::{missing, scans};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};

pub(in crate::policy::controls) static SCAN_PROCEDURE_SHARED: Definition = Definition {
    id: "so12.scan-procedure-shared",
    clause: "SO12.2",
    meaning: "The procedures of testing and scanning, and their results, are shared with the provider for analysis \
        (SO12, requirement 2).",
    passes: "Every malware scan about this drop states what the policy asks for, and its procedure arrived as a listed \
        document with contents.",
    fails: "A scan leaves one of these out, or the document is not among the files that arrived.",
    example: "\"scanner\": { \"name\": \"clamav\", \"version\": \"1.0.7\" }, \"database\": { \"version\": \"27500\", \"updated\": \
        \"2026-01-14T08:00:00Z\" }, \"procedure\": { \"name\": \"docs/scan-procedure.txt\", \"digest\": { \"sha256\": \"...\" } }",
    parameters: &[Parameter {
        name: "required",
        meaning: "What each scan must state: an array of \"version\", \"database\", \"started\", \"procedure\". The scanner's name \
            and the end are in every statement.",
    }],
    codes: &[
        Code::MalwareScanMissing,
        Code::ScanProcedureIncomplete,
        Code::DocumentMissing,
        Code::DocumentEmpty,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let required =
            section.required("required", faults).and_then(|item| item.choices(&Part::LEGAL, faults));
        Some(Box::new(ProcedureShared { required: required? }))
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Version,
    Database,
    Started,
    Procedure,
}

impl Part {
    const LEGAL: [(&'static str, Self); 4] = [
        ("version", Self::Version),
        ("database", Self::Database),
        ("started", Self::Started),
        ("procedure", Self::Procedure),
    ];
}

struct ProcedureShared {
    required: Vec<Part>,
}

impl Control for ProcedureShared {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let scans = scans(known);
        if scans.is_empty() {
            return Judgement::no_evidence(missing(known));
        }
        let mut findings = Vec::new();
        for scan in &scans {
            let said = scan.said;
            for (name, part) in Part::LEGAL.iter().filter(|(_, part)| self.required.contains(part)) {
                let stated = match part {
                    Part::Version => said.scanner.version.is_some(),
                    Part::Database => said.database.is_some(),
                    Part::Started => said.started.is_some(),
                    Part::Procedure => said.procedure.is_some(),
                };
                if !stated {
                    findings.push(Finding::new(
                        Code::ScanProcedureIncomplete,
                        scan.origin(),
                        format!("{name} of the scan"),
                        "not stated",
                    ));
                }
            }
            if let Some(document) = &said.procedure {
                findings
                    .extend(known.document(scan.origin(), "the procedure", document, facts.inventory).err());
            }
        }
        Judgement::unless(findings, format!("{} with procedure and results", counted(scans.len(), "scan")))
    }
}

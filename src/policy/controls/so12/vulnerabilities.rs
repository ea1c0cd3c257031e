//! SO12.1: no known vulnerability is open.

use super::{CLAUSE_1, MEANING_1};
use crate::cover::Cover;
use crate::digest::hex;
use crate::evidence::predicate::test_report::{TestReport, TestType};
use crate::evidence::predicate::{Predicate, Raw};
use crate::evidence::raw::{self, Bill, Issue, Severity, Status, VexStatement};
use crate::evidence::{About, Statement};
use crate::finding::{Code, Finding, Judgement, counted};
use crate::limits;
use crate::policy::controls::places::{self, Places};
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use crate::policy::{Facts, soundness};
use crate::time::{Period, Time};
use crate::trust::{Party, Role, Signer};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(in crate::policy::controls) static KNOWN_VULNERABILITIES: Definition = Definition {
    id: "so12.known-vulnerabilities",
    clause: CLAUSE_1,
    meaning: MEANING_1,
    passes: "A scan for known vulnerabilities, with a fresh database, covers every artifact that the policy does not exempt, \
        and each issue at or over the ceiling has a signed VEX statement by an accepted party that says `fixed`, or `not_affected` \
        and why, for this component or artifact and about every file that the scan is about: by the issue's id, or by each of \
        its other ids. What a scanner suppressed counts all the same.",
    fails: "An issue at or over the ceiling is open; a VEX statement has no reason, is contradicted, or is by a party that may \
        not wave it through; the scan's database is too old or its age unknown; a scan did not finish; there is no bill of \
        materials where one is asked for. A severity that the scanner does not know counts like critical.",
    example: "A test-report statement of type known-vulnerability-scan with the JSON of Trivy or Grype, or an in-toto vulns \
        statement; a CycloneDX statement; an OpenVEX statement: \"status\": \"not_affected\", \"justification\": \
        \"vulnerable_code_not_present\".",
    parameters: &[
        Parameter {
            name: "ceiling",
            meaning: "The least severity that rejects: \"low\", \"medium\", \"high\" or \"critical\".",
        },
        Parameter {
            name: "max-database-age",
            meaning: "How old the scanner's database may have been when it scanned, such as \"7d\".",
        },
        Parameter { name: "max-scan-age", meaning: "How long ago a scan may have ended, such as \"30d\"." },
        Parameter {
            name: "vex-parties",
            meaning: "Whose VEX statements count: an array of \"vendor\", \"provider\", \"third-party\", \"lab\".",
        },
        Parameter {
            name: "sbom",
            meaning: "\"required\": a signed bill of materials about this drop must be there. \"optional\": it need not.",
        },
        Parameter {
            name: "exempt",
            meaning: "Files that no scan must cover: \"none\", or an array of paths, directories with `/` at their end.",
        },
    ],
    codes: &[
        Code::VulnerabilityScanMissing,
        Code::VulnerabilityOpen,
        Code::VexUnjustified,
        Code::VexContradiction,
        Code::VexSignerNotAccepted,
        Code::SbomMissing,
        Code::ArtifactNotCovered,
        Code::DatabaseStale,
        Code::EvidenceStale,
        Code::TimesImpossible,
        Code::ReportMissing,
        Code::ReportMalformed,
        Code::ReportContradictsItself,
        Code::ReportIncomplete,
        Code::ClaimContradicted,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let ceiling =
            section.required("ceiling", faults).and_then(|item| item.choice(&Severity::CEILINGS, faults));
        let database = section.required("max-database-age", faults).and_then(|item| item.period(faults));
        let scan = section.required("max-scan-age", faults).and_then(|item| item.period(faults));
        let parties =
            section.required("vex-parties", faults).and_then(|item| item.choices(&Party::LEGAL, faults));
        let sbom = section.required("sbom", faults);
        let sbom = sbom.and_then(|item| item.choice(&[("required", true), ("optional", false)], faults));
        let exempt = places::read(section, "exempt", faults);
        Some(Box::new(KnownVulnerabilities {
            ceiling: ceiling?,
            max_database_age: database?,
            max_scan_age: scan?,
            vex_parties: parties?,
            sbom_required: sbom?,
            exempt: exempt?,
        }))
    },
};

struct KnownVulnerabilities {
    ceiling: Severity,
    max_database_age: Period,
    max_scan_age: Period,
    vex_parties: Vec<Party>,
    sbom_required: bool,
    exempt: Places,
}

/// A scan for known vulnerabilities, from whichever statement.
struct VulnerabilityScan<'e> {
    statement: &'e Statement,
    started: Option<Time>,
    finished: Time,
    /// When the report says that it was made.
    made: Option<Time>,
    database: Option<Time>,
    issues: &'e [Issue],
}

impl Control for KnownVulnerabilities {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let (scans, mut findings) = scans(known);
        if scans.is_empty() && findings.is_empty() {
            return Judgement::no_evidence(Finding::new(
                Code::VulnerabilityScanMissing,
                "evidence/",
                "a vulns statement, or a test-report statement of type known-vulnerability-scan, about artifacts of this drop",
                known.no_statement(),
            ));
        }
        findings.extend(scans.iter().flat_map(|scan| self.fresh(scan, facts.at)));
        findings.extend(self.uncovered(known, &scans));
        if self.sbom_required && bills(known).all(|(_, bill)| bill.components.is_empty()) {
            findings.push(Finding::new(
                Code::SbomMissing,
                "evidence/",
                "a CycloneDX or SPDX statement about this drop, with components",
                known.no_statement(),
            ));
        }
        let vex = self.vex(known);
        let product = product(known);
        let mut excused = Vec::new();
        let mut left = limits::VEX_COMPARISONS;
        for scan in scans.iter().filter(|scan| scan.issues.iter().any(|issue| issue.severity >= self.ceiling))
        {
            let mut reading = Reading::new(scan, known, &product, &vex, &mut left);
            for issue in scan.issues.iter().filter(|issue| issue.severity >= self.ceiling) {
                match self.open(scan, issue, &mut reading) {
                    Ok(remark) => excused.push(remark),
                    Err(finding) => findings.push(finding),
                }
            }
        }
        let issues: usize = scans.iter().fold(0, |sum, scan| sum.saturating_add(scan.issues.len()));
        Judgement::unless(
            findings,
            format!(
                "{}, {}, none open at {} or over",
                counted(scans.len(), "scan"),
                counted(issues, "issue"),
                self.ceiling
            ),
        )
        .with_remarks(excused)
    }
}

/// The scans about this drop that are in order, and what is wrong with the others.
fn scans(known: &Known) -> (Vec<VulnerabilityScan<'_>>, Vec<Finding>) {
    let (mut scans, mut findings) = (Vec::new(), Vec::new());
    for statement in known.evidence.statements.iter().map(|one| one.value()) {
        if !statement.about.touches_this_drop() {
            continue;
        }
        match &statement.predicate {
            Predicate::Vulns(vulns) => scans.push(VulnerabilityScan {
                statement,
                started: Some(vulns.started),
                finished: vulns.finished,
                made: None,
                database: Some(vulns.database),
                issues: &vulns.issues,
            }),
            Predicate::TestReport(report) if report.kind == TestType::KnownVulnerabilityScan => {
                match soundness::report(statement) {
                    Ok(Raw::Scan(scan)) => {
                        findings.extend(misfits(statement, report, scan));
                        scans.push(VulnerabilityScan {
                            statement,
                            started: Some(report.started),
                            finished: report.finished,
                            made: scan.made,
                            database: scan.database.or(report.database.as_ref().map(|said| said.updated)),
                            issues: &scan.issues,
                        });
                    }
                    Ok(_) => findings.push(Finding::new(
                        Code::ReportMalformed,
                        statement.origin.as_str(),
                        "the report of a scanner (sarif, trivy, grype)",
                        format!("one of form {}", report.format.name()),
                    )),
                    Err(faults) => findings.extend(faults),
                }
            }
            _ => {}
        }
    }
    (scans, findings)
}

/// Why a scanner's report is not that of the scan for known vulnerabilities that the statement tells of.
fn misfits(statement: &Statement, report: &TestReport, scan: &raw::Scan) -> Vec<Finding> {
    let origin = statement.origin.as_str();
    let mut findings = Vec::new();
    if let (Some(said), Some(built)) = (&report.database, scan.database)
        && said.updated != built
    {
        findings.push(Finding::new(
            Code::ClaimContradicted,
            origin,
            format!("a database made {}, as the statement says", said.updated),
            format!("{built}, by the report"),
        ));
    }
    // Of secrets or configuration alone, say: that it lists no vulnerability says nothing.
    if scan.looked_at_packages == Some(false) {
        findings.push(Finding::new(
            Code::ReportIncomplete,
            origin,
            "a scan of packages for known vulnerabilities",
            "a report of a scan that looked at no packages",
        ));
    }
    findings
}

fn bills(known: &Known) -> impl Iterator<Item = (&Statement, &Bill)> {
    known.evidence.statements.iter().map(|one| one.value()).filter(|one| one.about.this_drop()).filter_map(
        |statement| match &statement.predicate {
            Predicate::Bill(bill) => Some((statement, bill)),
            _ => None,
        },
    )
}

/// Every VEX statement about this drop.
struct Vex<'e> {
    words: Vec<Word<'e>>,
    /// By vulnerability, in lower case.
    by_id: HashMap<String, Vec<usize>>,
}

/// What a VEX statement says, and who says so.
struct Word<'e> {
    origin: &'e str,
    about: &'e About,
    /// Whether somebody whose word counts signed it.
    accepted: bool,
    signers: &'e [Signer],
    /// The products that the statement names.
    products: HashSet<&'e str>,
    statement: &'e VexStatement,
}

impl KnownVulnerabilities {
    fn fresh(&self, scan: &VulnerabilityScan<'_>, at: Time) -> Vec<Finding> {
        let origin = scan.statement.origin.as_str();
        let mut findings = soundness::times(origin, scan.started, scan.finished, at);
        findings.extend(soundness::not_stale(
            origin,
            "a scan that ended",
            // An old report stays old under a new date.
            scan.made.map_or(scan.finished, |made| made.min(scan.finished)),
            self.max_scan_age,
            at,
        ));
        let expected = format!("a database built at most {} before the scan", self.max_database_age);
        match scan.database {
            Some(built) if built <= scan.finished && built.after(self.max_database_age) >= scan.finished => {}
            Some(built) => findings.push(Finding::new(
                Code::DatabaseStale,
                origin,
                expected,
                format!("built {built}, scanned {}", scan.finished),
            )),
            None => findings.push(Finding::new(
                Code::DatabaseStale,
                origin,
                expected,
                "neither the report nor the statement says when it was built; state it with `dropgate attest test-report \
                --database-version VERSION --database-updated TIME`",
            )),
        }
        findings
    }

    fn uncovered(&self, known: &Known, scans: &[VulnerabilityScan<'_>]) -> Vec<Finding> {
        let artifacts = known.manifest.value().artifacts();
        let mut covered = Cover::none(artifacts.len());
        // What a scan found counts wherever it was about; what it covers, only where it is about this drop alone: so23.accountable-tester
        // asks no other who signed it.
        let here = scans.iter().filter(|scan| scan.statement.about.this_drop());
        here.for_each(|scan| covered.unite(&scan.statement.about.artifacts));
        let rest = Cover::all(artifacts.len()).without(&covered);
        rest.iter()
            .filter_map(|at| artifacts.get(at))
            .filter(|artifact| !self.exempt.cover(artifact.path.as_str()))
            .map(|artifact| {
                Finding::new(
                    Code::ArtifactNotCovered,
                    artifact.path.as_str(),
                    "a scan for known vulnerabilities, of this drop alone",
                    "none covers it",
                )
                .on_artifact()
            })
            .collect()
    }

    /// Every statement about this drop, by vulnerability.
    fn vex<'e>(&self, known: &'e Known) -> Vex<'e> {
        let mut vex = Vex { words: Vec::new(), by_id: HashMap::new() };
        for verified in known.evidence.statements.iter().filter(|one| one.value().about.touches_this_drop()) {
            let statements = match &verified.value().predicate {
                Predicate::Vex(vex) => &vex.statements,
                Predicate::Bill(Bill { vex: Some(vex), .. }) => &vex.statements,
                _ => continue,
            };
            let accepted = verified
                .signers()
                .iter()
                .any(|signer| signer.roles.contains(&Role::Vex) && self.vex_parties.contains(&signer.party));
            for statement in statements {
                let ids: BTreeSet<String> =
                    statement.vulnerabilities.iter().map(|id| id.to_ascii_lowercase()).collect();
                ids.into_iter().for_each(|id| vex.by_id.entry(id).or_default().push(vex.words.len()));
                vex.words.push(Word {
                    origin: &verified.value().origin,
                    about: &verified.value().about,
                    accepted,
                    signers: verified.signers(),
                    products: statement.products.iter().map(String::as_str).collect(),
                    statement,
                });
            }
        }
        vex
    }

    /// Why an issue does not count, or the finding that it does.
    fn open(
        &self,
        scan: &VulnerabilityScan<'_>,
        issue: &Issue,
        reading: &mut Reading<'_, '_>,
    ) -> Result<String, Finding> {
        let shown = shown(issue);
        let finding = |code, expected: &str, found: String| {
            let place = format!("{}: {}", scan.statement.origin, issue.place);
            Finding::new(code, place, expected.to_owned(), found)
        };
        let expected =
            format!("no vulnerability of severity {} or over, or a justified VEX statement", self.ceiling);
        let purl = issue.component.as_ref().and_then(|component| component.purl.as_deref());
        let (Some(own), Some(others)) = (
            reading.said(&issue.id, purl),
            issue.aliases.iter().map(|id| reading.said(id, purl)).collect::<Option<Vec<_>>>(),
        ) else {
            let found = format!("{shown}; not looked for in the VEX statements, which are too many");
            return Err(finding(Code::VulnerabilityOpen, &expected, found));
        };
        let said: Vec<Heard<'_>> = own.iter().chain(others.iter().flatten()).copied().collect();
        let accepted: Vec<&Word<'_>> =
            said.iter().map(|heard| heard.word).filter(|word| word.accepted).collect();
        if accepted.iter().any(|word| word.excuses()) && accepted.iter().any(|word| !word.excuses()) {
            let said: BTreeSet<String> = accepted
                .iter()
                .map(|word| format!("{} in {}", word.statement.status.name(), word.origin))
                .collect();
            let said: Vec<String> = said.into_iter().collect();
            return Err(finding(
                Code::VexContradiction,
                "one status for the vulnerability",
                format!("{shown}: {}", said.join(", ")),
            ));
        }
        if let Some(word) =
            accepted.iter().find(|word| matches!(word.statement.status, Status::NotAffected(None)))
        {
            return Err(finding(
                Code::VexUnjustified,
                "a justification or an impact statement",
                format!("{shown}: not_affected without either, in {}", word.origin),
            ));
        }
        if let Some(word) = excuse(&own, &others, |word| word.accepted) {
            return Ok(format!("{shown}: {}", word.told()));
        }
        if let Some(word) = excuse(&own, &others, |_| true) {
            let parties: Vec<String> = self.vex_parties.iter().map(Party::to_string).collect();
            let by: Vec<String> = word
                .signers
                .iter()
                .map(|signer| format!("{:?} of party {}", signer.owner, signer.party))
                .collect();
            return Err(finding(
                Code::VexSignerNotAccepted,
                &format!("a VEX statement signed in role vex by party {}", parties.join(" or ")),
                format!("{shown}: {} in {}, by {}", word.statement.status.name(), word.origin, by.join(", ")),
            ));
        }
        let fix = issue.fixed_in.as_ref().map(|version| format!("; fixed in {version}")).unwrap_or_default();
        let status = insufficient(&said);
        Err(finding(Code::VulnerabilityOpen, &expected, format!("{shown}{fix}{status}")))
    }
}

/// The word that takes an issue off the list: about its id, or one about each of its other ids, of which an advisory
/// has one for each vulnerability that it is about.
fn excuse<'v>(
    own: &[Heard<'v>],
    others: &[Vec<Heard<'v>>],
    counts: impl Fn(&Word<'_>) -> bool,
) -> Option<&'v Word<'v>> {
    let find = |said: &[Heard<'v>]| {
        said.iter()
            .find(|heard| heard.covers && heard.word.excuses() && counts(heard.word))
            .map(|heard| heard.word)
    };
    find(own).or_else(|| others.iter().map(|said| find(said)).collect::<Option<Vec<_>>>()?.first().copied())
}

/// Why what was said of an issue does not take it off the list.
fn insufficient(said: &[Heard<'_>]) -> String {
    let Some(heard) = said.iter().find(|heard| heard.word.accepted) else { return String::new() };
    let (status, origin) = (heard.word.statement.status.name(), heard.word.origin);
    match (heard.word.excuses(), heard.covers) {
        (false, _) => format!("; {status}, says {origin}"),
        (true, false) => format!("; {status}, says {origin}, about fewer files than were scanned"),
        (true, true) => format!("; {status}, says {origin}, of only one of the vulnerabilities that it is"),
    }
}

impl Word<'_> {
    /// Whether it says that the vulnerability is of no concern.
    fn excuses(&self) -> bool {
        matches!(self.statement.status, Status::NotAffected(_) | Status::Fixed)
    }

    /// What it says, and who says so.
    fn told(&self) -> String {
        let by: Vec<&str> = self.signers.iter().map(|signer| signer.owner.as_str()).collect();
        let why = match &self.statement.status {
            Status::NotAffected(Some(why)) => format!("not affected ({why})"),
            status => status.name().to_owned(),
        };
        format!("{why}, says {} in {}", by.join(" and "), self.origin)
    }
}

/// The VEX statements as one scan reads them. A statement counts for the product of the scan or not at all, whatever the
/// issue, so that is decided once.
struct Reading<'v, 'l> {
    scanned: &'v About,
    /// What the product as a whole is called: by the bills of materials and the manifest, and by the scanned files.
    product: &'v BTreeSet<String>,
    files: BTreeSet<String>,
    vex: &'v Vex<'v>,
    known: HashMap<usize, Reach>,
    /// How many comparisons may still be made.
    left: &'l mut u64,
}

/// How a statement relates to what was scanned.
#[derive(Clone, Copy)]
struct Reach {
    /// It is about the product as a whole.
    whole: bool,
    /// It is about the product, or about parts within it.
    within: bool,
    /// It is about every file that was scanned: said of fewer, it may be another file that is affected.
    covers: bool,
}

/// A statement about an issue.
#[derive(Clone, Copy)]
struct Heard<'v> {
    word: &'v Word<'v>,
    covers: bool,
}

impl<'v, 'l> Reading<'v, 'l> {
    fn new(
        scan: &'v VulnerabilityScan<'v>,
        known: &Known,
        product: &'v BTreeSet<String>,
        vex: &'v Vex<'v>,
        left: &'l mut u64,
    ) -> Self {
        let scanned = &scan.statement.about;
        Self { scanned, product, files: files(scanned, known), vex, known: HashMap::new(), left }
    }

    /// What is said of a vulnerability in this product or component; `None` when there is too much to look through.
    fn said(&mut self, id: &str, purl: Option<&str>) -> Option<Vec<Heard<'v>>> {
        let vex = self.vex;
        let mut heard = Vec::new();
        for at in vex.by_id.get(&id.to_ascii_lowercase()).into_iter().flatten() {
            let word = vex.words.get(*at)?;
            *self.left = self.left.checked_sub(1)?;
            let reach = match self.known.get(at) {
                Some(reach) => *reach,
                None => {
                    let reach = self.reach(word)?;
                    self.known.insert(*at, reach);
                    reach
                }
            };
            // A part is cleared within the product that the statement names, and in no other.
            if reach.within && (reach.whole || purl.is_some_and(|purl| word.products.contains(purl))) {
                heard.push(Heard { word, covers: reach.covers });
            }
        }
        Some(heard)
    }

    fn reach(&mut self, word: &Word<'_>) -> Option<Reach> {
        let cost = word.products.len().saturating_add(word.statement.within.len());
        *self.left = self.left.checked_sub(u64::try_from(cost).ok()?)?;
        let own = |name: &str| self.product.contains(name) || self.files.contains(name);
        let within = &word.statement.within;
        let covers = word.about.manifest
            || self.scanned.artifacts.without(&word.about.artifacts).iter().next().is_none();
        Some(Reach {
            whole: word.products.iter().any(|name| own(name)),
            within: within.is_empty() || within.iter().any(|name| own(name)),
            covers,
        })
    }
}

fn shown(issue: &Issue) -> String {
    let component = issue.component.as_ref().map(|part| {
        let version = part.version.as_deref().unwrap_or("of unknown version");
        format!(" in {} {version}", part.name)
    });
    let suppressed = issue.suppressed.as_ref().map(|by| format!(", suppressed in the report: {by}"));
    format!(
        "{} ({}){}{}",
        issue.id,
        issue.severity,
        component.unwrap_or_default(),
        suppressed.unwrap_or_default()
    )
}

/// What the product as a whole is called: by its bills of materials, and by its manifest.
fn product(known: &Known) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        bills(known).filter_map(|(_, bill)| bill.subject.as_ref()?.purl.clone()).collect();
    names.insert(format!("sha256:{}", known.manifest.value().digest));
    names
}

/// The scanned artifacts by digest. A scan of everything is about the product, not about each of a million files.
fn files(scanned: &About, known: &Known) -> BTreeSet<String> {
    if scanned.artifacts.count() > PRODUCTS_BY_DIGEST {
        return BTreeSet::new();
    }
    let artifacts = known.manifest.value().artifacts();
    let digests =
        scanned.artifacts.iter().filter_map(|at| artifacts.get(at)).flat_map(|file| file.digests.iter());
    digests.map(|(algorithm, digest)| format!("{algorithm}:{}", hex(digest))).collect()
}

/// Up to how many artifacts of one scan a VEX statement may name by digest.
const PRODUCTS_BY_DIGEST: u64 = 1000;

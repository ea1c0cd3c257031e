//! SO12.3: nothing counterfeit, and what replaces it is as good.

use crate::cover::{Cover, Index};
use crate::digest::hex;
use crate::evidence::Piece;
use crate::evidence::predicate::Predicate;
use crate::evidence::predicate::change::{Change, CounterfeitItem};
use crate::evidence::predicate::counterfeit_notice::{CounterfeitNotice, Item};
use crate::evidence::raw::{Bill, Component, Package};
use crate::finding::{Code, Finding, Judgement, Outcome, counted};
use crate::manifest::Kind;
use crate::policy::Facts;
use crate::policy::controls::{Control, Definition, Parameter};
use crate::policy::facts::Known;
use crate::time::Period;
use std::collections::{BTreeSet, HashMap};

const CLAUSE: &str = "SO12.3";
const MEANING: &str = "Counterfeit items are replaced by the vendor, with continuity of service and the same level of \
    security (SO12, requirement 3).";

pub(in crate::policy::controls) static NOT_COUNTERFEIT: Definition = Definition {
    id: "so12.not-counterfeit",
    clause: CLAUSE,
    meaning: MEANING,
    passes: "No artifact's digest, no serial number in the change record and no component of a bill of materials is on the \
        lists of counterfeit items that gate.toml names, each signed by the provider. Serial numbers and names of packages are \
        the same in capitals; a package that is listed without version or qualifiers means all of them.",
    fails: "Something is on a list; or a list names serial numbers or components, and the change record or bill of \
        materials that could rule them out did not come.",
    example: "Nothing more than a drop that is not counterfeit; where lists name components, a CycloneDX or SPDX statement.",
    parameters: &[Parameter {
        name: "list",
        meaning: "\"required\": a gate without a list of counterfeit items rejects. \"optional\": without one this control is \
            not applicable.",
    }],
    codes: &[
        Code::Counterfeit,
        Code::CounterfeitNotRuledOut,
        Code::CounterfeitListMissing,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let list = section.required("list", faults);
        let list = list.and_then(|item| item.choice(&[("required", true), ("optional", false)], faults));
        Some(Box::new(NotCounterfeit { list_required: list? }))
    },
};

struct NotCounterfeit {
    list_required: bool,
}

impl Control for NotCounterfeit {
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        if facts.counterfeits.is_empty() {
            return if self.list_required {
                Judgement::no_evidence(Finding::new(
                    Code::CounterfeitListMissing,
                    "gate.toml",
                    "a signed list of counterfeit items",
                    "none",
                ))
            } else {
                Judgement::not_applicable("the operator keeps no list of counterfeit items")
            };
        }
        let mut findings = Vec::new();
        let mut open = Vec::new();
        let parts = Parts::of(known);
        for (notice, item) in items(facts.counterfeits, known) {
            match parts.look_for(item, known) {
                Ok(None) => {}
                Ok(Some(place)) => {
                    let found = format!("item {:?} of notice {:?}", item.name.as_str(), notice.id.as_str());
                    let finding =
                        |place| Finding::new(Code::Counterfeit, place, "nothing that is counterfeit", found);
                    findings.push(match place {
                        At::File(path) => finding(path).on_artifact(),
                        At::Part(name) => finding(name),
                    });
                }
                Err(what) => open.push(Finding::new(
                    Code::CounterfeitNotRuledOut,
                    "evidence/",
                    format!(
                        "{what}, to rule out item {:?} of notice {:?}",
                        item.name.as_str(),
                        notice.id.as_str()
                    ),
                    "none",
                )),
            }
        }
        if findings.is_empty()
            && let Some(first) = open.first()
        {
            return Judgement::no_evidence(first.clone());
        }
        findings.extend(open);
        let (notices, count) = (facts.counterfeits.len(), items(facts.counterfeits, known).count());
        Judgement::unless(
            findings,
            format!("none of {} of {}", counted(count, "item"), counted(notices, "notice")),
        )
    }
}

fn items<'n>(
    notices: &'n [CounterfeitNotice],
    known: &'n Known,
) -> impl Iterator<Item = (&'n CounterfeitNotice, &'n Item)> {
    let vendor = &known.manifest.value().release.vendor;
    let all = notices.iter().flat_map(|notice| notice.items.iter().map(move |item| (notice, item)));
    all.filter(move |(_, item)| item.vendor.as_ref().is_none_or(|named| named == vendor))
}

/// Where an item was found.
enum At {
    /// In a file of the drop.
    File(String),
    /// In a part that papers name.
    Part(String),
}

/// What the drop holds beside its files, as its papers say: to look items up in.
struct Parts<'k> {
    /// Whether there is a bill of materials of this drop, with components.
    bills: bool,
    /// Components with a package URL, by type and name.
    packages: HashMap<String, Vec<&'k Component>>,
    /// Digests of components, as `sha256:<hex>`, with the name.
    digests: HashMap<String, &'k str>,
    /// Serial numbers, in one spelling.
    serials: BTreeSet<String>,
    /// Whether the kind of drop asks for serial numbers, and the change record has none.
    serials_missing: bool,
}

impl<'k> Parts<'k> {
    fn of(known: &'k Known) -> Self {
        // What a bill lists counts also where it is an older build's; that it leaves an item out, only where it is this drop's.
        let whole = |bill: &Piece<'_, Bill>| bill.about().this_drop() && !bill.said.components.is_empty();
        let complete = bills(known).any(|bill| whole(&bill));
        let bills: Vec<&Bill> = bills(known).map(|bill| bill.said).collect();
        let mut packages: HashMap<String, Vec<&Component>> = HashMap::new();
        let mut digests: HashMap<String, &str> = HashMap::new();
        let mut serials = BTreeSet::new();
        for part in bills.iter().flat_map(|bill| bill.components.iter().chain(&bill.subject)) {
            if let Some(purl) = &part.purl {
                packages.entry(Package::of(purl).name).or_default().push(part);
            }
            let names = part
                .digests
                .iter()
                .map(|(algorithm, hex)| (format!("{algorithm}:{hex}"), part.name.as_str()));
            digests.extend(names);
            serials.extend(part.serials.iter().map(|serial| spelt(serial)));
        }
        let declared = records(known).filter_map(|record| record.hardware.as_ref());
        let declared: Vec<String> = declared
            .flat_map(|hardware| hardware.serials.iter().map(|serial| spelt(serial.as_str())))
            .collect();
        let serials_missing =
            known.manifest.value().release.kind == Kind::HardwareReplacement && declared.is_empty();
        serials.extend(declared);
        Self { bills: complete, packages, digests, serials, serials_missing }
    }

    /// Where an item is in the drop, or what is missing to tell.
    fn look_for(&self, item: &Item, known: &Known) -> Result<Option<At>, &'static str> {
        let manifest = known.manifest.value();
        if let Some(listed) = &item.digest {
            let found = known.index.matching(manifest, &listed.0).next();
            let found = found.and_then(|at| manifest.artifacts().get(at));
            if let Some(artifact) = found {
                return Ok(Some(At::File(artifact.path.as_str().to_owned())));
            }
            let names = listed.0.iter().map(|(algorithm, digest)| format!("{algorithm}:{}", hex(digest)));
            if let Some(name) = names.filter_map(|name| self.digests.get(&name)).next() {
                return Ok(Some(At::Part(format!("component {name:?}"))));
            }
        }
        if let Some(serial) =
            item.serials.iter().find(|serial| self.serials.contains(&spelt(serial.as_str())))
        {
            return Ok(Some(At::Part(format!("serial number {:?}", serial.as_str()))));
        }
        if let Some(listed) = item.purl.as_ref().map(|purl| Package::of(purl.as_str())) {
            let same_name = self.packages.get(&listed.name).into_iter().flatten();
            if let Some(purl) =
                same_name.filter(|part| means(&listed, part)).find_map(|part| part.purl.clone())
            {
                return Ok(Some(At::Part(purl)));
            }
            if !self.bills {
                return Err("a bill of materials");
            }
        }
        if !item.serials.is_empty() && self.serials_missing {
            return Err("a change record with the serial numbers");
        }
        Ok(None)
    }
}

/// Whether what is listed is this component, or may be: one of unknown version is not known to be another.
fn means(listed: &Package<'_>, part: &Component) -> bool {
    let own = Package::of(part.purl.as_deref().unwrap_or_default());
    let version = own.version.as_deref().or(part.version.as_deref());
    (listed.version.is_none() || version.is_none() || listed.version.as_deref() == version)
        && (listed.rest.is_empty() || listed.rest == own.rest)
}

/// A serial number in one spelling.
fn spelt(serial: &str) -> String {
    serial.trim().to_ascii_uppercase()
}

/// Every change record for this manifest: where there are several, what one of them admits is admitted.
fn records(known: &Known) -> impl Iterator<Item = &Change> {
    let records = known.evidence.pieces(|predicate| match predicate {
        Predicate::Change(change) => Some(change.as_ref()),
        _ => None,
    });
    records.filter(|record| record.about().manifest).map(|record| record.said)
}

fn bills(known: &Known) -> impl Iterator<Item = Piece<'_, Bill>> {
    let bills = known.evidence.pieces(|predicate| match predicate {
        Predicate::Bill(bill) => Some(bill),
        _ => None,
    });
    bills.filter(|bill| bill.about().touches_this_drop())
}

pub(in crate::policy::controls) static REPLACEMENT_EQUIVALENT: Definition = Definition {
    id: "so12.replacement-equivalent",
    clause: CLAUSE,
    meaning: MEANING,
    passes: "A drop that replaces a counterfeit item names the notice and the item in its change record, came within the \
        deadline, and passes, without a waiver, every control that the replaced one had passed.",
    fails: "The baseline is on a list of counterfeit items and the record does not name it; the notice or item is not on the \
        operator's lists; the deadline is over; a control that the replaced drop passed is gone, waived or not passed.",
    example: "In the change record: \"counterfeit\": { \"notice\": \"CN-2026-4\", \"item\": \"radio unit batch 7\" }.",
    parameters: &[Parameter {
        name: "deadline",
        meaning: "Within which time of the notice the replacement must come, such as \"30d\".",
    }],
    codes: &[
        Code::ReplacementUnnamed,
        Code::ReplacementLate,
        Code::ReplacementWeaker,
        Code::ReplacedVerdictMissing,
        Code::NoVerifiedManifest,
    ],
    read: |section, faults| {
        let deadline = section.required("deadline", faults).and_then(|item| item.period(faults));
        Some(Box::new(ReplacementEquivalent { deadline: deadline? }))
    },
};

struct ReplacementEquivalent {
    deadline: Period,
}

impl Control for ReplacementEquivalent {
    /// Without the other controls' outcomes nothing is known to be equivalent.
    fn judge(&self, facts: &Facts<'_>) -> Judgement {
        self.judge_after(facts, &[])
    }

    fn comes_last(&self) -> bool {
        true
    }

    fn judge_after(&self, facts: &Facts<'_>, others: &[(&str, Outcome)]) -> Judgement {
        let known = match facts.known() {
            Ok(known) => known,
            Err(judgement) => return judgement,
        };
        let listed = listed_baseline(facts, known);
        let mut named = records(known).filter_map(|record| record.counterfeit.as_ref());
        let notice = match (named.next(), named.next(), listed.first()) {
            (None, _, None) => {
                return Judgement::not_applicable(
                    "nothing that is replaced is on the operator's lists of counterfeit items",
                );
            }
            (Some(named), None, _) => notice_of(named, facts, &listed),
            (found, _, _) => {
                let expected = match listed.first() {
                    Some((notice, item)) => shown(item.name.as_str(), notice.id.as_str()),
                    None => "one item".to_owned(),
                };
                let found = if found.is_some() { "several items" } else { "no counterfeit item named" };
                Err(unnamed(format!("{expected}, which this drop replaces"), found.to_owned()))
            }
        };
        let notice = match notice {
            Ok(notice) => notice,
            Err(finding) => return Judgement::unless(vec![finding], ""),
        };
        let mut findings = Vec::new();
        let end = notice.issued.after(self.deadline);
        if facts.at > end {
            findings.push(Finding::new(
                Code::ReplacementLate,
                "change record",
                format!("a replacement by {end}, {} after notice {:?}", self.deadline, notice.id.as_str()),
                format!("judged at {}", facts.at),
            ));
        }
        let Some(before) = facts.baseline_passed else {
            let missing = Finding::new(
                Code::ReplacedVerdictMissing,
                "--baseline-verdict",
                "the verdict under which the replaced item was accepted",
                "none",
            );
            return if findings.is_empty() {
                Judgement::no_evidence(missing)
            } else {
                findings.push(missing);
                Judgement::unless(findings, "")
            };
        };
        findings.extend(weaker(before, others));
        Judgement::unless(
            findings,
            format!("passes what the replaced item passed: {}", counted(before.len(), "control")),
        )
    }
}

fn weaker(before: &BTreeSet<String>, others: &[(&str, Outcome)]) -> Vec<Finding> {
    let standing = |id: &str| others.iter().find(|(other, _)| *other == id).map(|(_, outcome)| *outcome);
    before
        .iter()
        .filter(|id| id.as_str() != REPLACEMENT_EQUIVALENT.id)
        .filter_map(|id| {
            let found = match standing(id) {
                Some(Outcome::Pass) => return None,
                Some(outcome) => outcome.name(),
                None => "not in the policy any more",
            };
            Some(Finding::new(Code::ReplacementWeaker, id.as_str(), "pass, as the replaced item did", found))
        })
        .collect()
}

/// The notice that a change record names, if it is the operator's and about what is replaced.
fn notice_of<'f>(
    named: &CounterfeitItem,
    facts: &Facts<'f>,
    listed: &[(&CounterfeitNotice, &Item)],
) -> Result<&'f CounterfeitNotice, Finding> {
    let found = shown(named.item.as_str(), named.notice.as_str());
    let same = |notice: &CounterfeitNotice, item: &Item| notice.id == named.notice && item.name == named.item;
    // Naming a newer notice about something else must not give more time.
    if let Some((notice, item)) = listed.first()
        && !listed.iter().any(|(notice, item)| same(notice, item))
    {
        let expected = shown(item.name.as_str(), notice.id.as_str());
        return Err(unnamed(format!("{expected}, which this drop replaces"), found));
    }
    let notice = facts.counterfeits.iter().find(|notice| notice.items.iter().any(|item| same(notice, item)));
    notice.ok_or_else(|| unnamed("a notice and item on the operator's lists".to_owned(), found))
}

fn shown(item: &str, notice: &str) -> String {
    format!("item {item:?} of notice {notice:?}")
}

fn unnamed(expected: String, found: String) -> Finding {
    Finding::new(Code::ReplacementUnnamed, "change record", expected, found)
}

/// The notices that the replaced release is on: by its manifest or its files.
fn listed_baseline<'f>(facts: &Facts<'f>, known: &'f Known) -> Vec<(&'f CounterfeitNotice, &'f Item)> {
    let Some(baseline) = facts.baseline.filter(|_| !facts.counterfeits.is_empty()) else { return Vec::new() };
    let index = Index::of(baseline, &Cover::none(0));
    let listed = items(facts.counterfeits, known).filter(|(_, item)| {
        item.digest.as_ref().is_some_and(|digests| {
            baseline.is_named_by(&digests.0) || index.matching(baseline, &digests.0).next().is_some()
        })
    });
    listed.collect()
}

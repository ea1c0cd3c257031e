//! `[[profile]]` in gate.toml: which form of drop is accepted from whom, by which signatures, and what of a release its form can't
//! say. docs/foreign.md has every setting.

use crate::config::{Faults, Item, Section};
use crate::digest::Algorithm;
use crate::drop::path::{DropPath, Name};
use crate::finding::{Code, Finding};
use crate::manifest::described::Described;
use crate::manifest::{Comparison, Format, Kind, Order, Release};
use crate::time::Period;
use crate::trust::detached::{Said, Scheme};

/// How drops of one vendor's product are read.
#[derive(Debug)]
pub struct Profile {
    /// The operator's name for it.
    pub id: String,
    /// The vendor, as keys and policies name it.
    pub vendor: Name,
    /// The product; `None` where the format says it.
    pub product: Option<Name>,
    /// The form.
    pub format: Format,
    /// Whose signatures are looked at.
    pub schemes: Vec<Scheme>,
    /// The list, for a form of which a drop may hold several.
    pub list: Option<DropPath>,
    /// By which algorithm a list of bare digests is, where their length does not tell.
    pub algorithm: Option<Algorithm>,
    /// Which part of a repository is mirrored.
    pub scope: Scope,
    kind: Kind,
    version: VersionFrom,
    comparison: Comparison,
    lifetime: Option<Period>,
    vendor_as: Option<String>,
    product_as: Option<String>,
}

/// Architectures and components of a repository; `None`: all.
#[derive(Debug, Default)]
pub struct Scope {
    /// The architectures.
    pub architectures: Option<Vec<String>>,
    /// The components.
    pub components: Option<Vec<String>>,
}

/// What the operator says of one drop on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which profile it is read by; `None`: the one that fits.
    pub profile: Option<String>,
    /// In which version it is, where its form can't say.
    pub version: Option<Name>,
    /// What it is, where that is not what the profile says.
    pub kind: Option<Kind>,
}

/// Where the version is said.
#[derive(Debug)]
enum VersionFrom {
    /// In the format.
    Format,
    /// In the name of a file that is listed, by this pattern.
    FileName(Pattern),
    /// In what the signer noted, by this pattern.
    Comment(Pattern),
    /// On the command line.
    Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Format,
    FileName,
    Comment,
    Operator,
}

/// A text with one hole for the version.
#[derive(Debug)]
struct Pattern {
    before: String,
    after: String,
}

const HOLE: &str = "{version}";

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once(HOLE)?;
        let anything = before.is_empty() && after.is_empty();
        (!anything && !after.contains(HOLE))
            .then(|| Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// What stands in the hole.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())
            .filter(|found| !found.is_empty())
    }

    /// The same, where the pattern may stand anywhere between blanks.
    fn find_among_words<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        text.split([' ', '\t']).filter_map(|word| self.find(word))
    }

    fn shown(&self) -> String {
        format!("{}{HOLE}{}", self.before, self.after)
    }
}

/// What was signed and where, for whoever makes a release of it.
#[derive(Debug)]
pub(super) struct Spoken<'s> {
    /// The file that findings are about.
    pub file: &'s str,
    /// What the format says.
    pub described: &'s Described,
    /// What the good signatures say.
    pub said: &'s [Said],
    /// The signed names of files.
    pub names: Vec<&'s str>,
}

impl Profile {
    /// The release: by the format, and by the operator where the format is silent. What both say must be the same.
    pub(super) fn release(&self, spoken: &Spoken<'_>, choice: &Choice) -> Result<Release, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut wrong = |expected: String, found: String| {
            findings.push(Finding::new(Code::ProfileMismatch, spoken.file, expected, found));
        };
        let described = spoken.described;
        let vendor = self.vendor_as.as_deref().unwrap_or(self.vendor.as_str());
        if let Some(found) = described.vendor.as_deref().filter(|found| *found != vendor) {
            wrong(format!("vendor {vendor:?}, as profile {:?} says", self.id), format!("vendor {found:?}"));
        }
        let product = match (&self.product, &described.product) {
            (Some(own), Some(found)) => {
                let expected = self.product_as.as_deref().unwrap_or(own.as_str());
                if found != expected {
                    wrong(
                        format!("product {expected:?}, as profile {:?} says", self.id),
                        format!("product {found:?}"),
                    );
                }
                Some(own.clone())
            }
            (Some(own), None) => Some(own.clone()),
            (None, Some(found)) => name(found, "product", &mut wrong),
            (None, None) => {
                wrong("a product, in the drop or in the profile".to_owned(), "none".to_owned());
                None
            }
        };
        let version = self.version(spoken, choice, &mut wrong);
        let issued = described.issued.or_else(|| spoken.said.iter().filter_map(|said| said.when).min());
        let lifetime = match (self.lifetime, issued) {
            (Some(period), Some(issued)) => Some(issued.after(period)),
            (Some(_), None) => {
                let expected =
                    format!("a time of issue, from which the {:?} profile's valid-for counts", self.id);
                wrong(expected, "none".to_owned());
                None
            }
            (None, _) => None,
        };
        let expires = [described.expires, lifetime].into_iter().flatten().min();
        match (product, version) {
            (Some(product), Some(version)) if findings.is_empty() => Ok(Release {
                vendor: self.vendor.clone(),
                product,
                version,
                kind: choice.kind.unwrap_or(self.kind),
                issued,
                expires,
                order: Order::Versions(self.comparison),
                replaces: None,
                recipient: None,
            }),
            _ => Err(findings),
        }
    }

    fn version(
        &self,
        spoken: &Spoken<'_>,
        choice: &Choice,
        wrong: &mut impl FnMut(String, String),
    ) -> Option<Name> {
        let found = match &self.version {
            VersionFrom::Format => spoken.described.version.iter().map(String::as_str).collect(),
            VersionFrom::FileName(pattern) => {
                // The whole path first: a pattern may name directories.
                let found = spoken.names.iter().filter_map(|name| {
                    pattern.find(name).or_else(|| pattern.find(name.rsplit('/').next().unwrap_or(name)))
                });
                let mut all: Vec<&str> = found.collect();
                all.sort_unstable();
                all.dedup();
                all
            }
            VersionFrom::Comment(pattern) => {
                let comments = spoken.said.iter().filter_map(|said| said.comment.as_deref());
                let mut all: Vec<&str> = comments.flat_map(|text| pattern.find_among_words(text)).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
            VersionFrom::Operator => choice.version.iter().map(Name::as_str).collect(),
        };
        let expected = || match &self.version {
            VersionFrom::Format => "a version in the drop".to_owned(),
            VersionFrom::FileName(pattern) => format!("one version in signed names like {}", pattern.shown()),
            VersionFrom::Comment(pattern) => {
                format!("one version in the signer's comment, like {}", pattern.shown())
            }
            VersionFrom::Operator => "a version by --release-version".to_owned(),
        };
        let version = match found.as_slice() {
            [one] => name(one, "version", wrong)?,
            [] => {
                wrong(expected(), "none".to_owned());
                return None;
            }
            several => {
                wrong(expected(), several.join(", "));
                return None;
            }
        };
        if let Some(given) = choice.version.as_ref().filter(|given| **given != version) {
            wrong(
                format!("version {:?}, as --release-version says", given.as_str()),
                format!("{:?}", version.as_str()),
            );
        }
        Some(version)
    }
}

fn name(text: &str, what: &str, wrong: &mut impl FnMut(String, String)) -> Option<Name> {
    Name::parse(text)
        .map_err(|why| wrong(format!("a name for the {what} that people can read"), why.to_string()))
        .ok()
}

/// Reads the profiles of gate.toml.
pub(super) fn profiles(sections: Vec<Section<'_>>, faults: &mut Faults) -> Vec<Profile> {
    let mut all: Vec<Profile> = Vec::new();
    for section in sections {
        let span = section.span();
        let Some(profile) = profile(section, faults) else { continue };
        if all.iter().any(|other| other.id == profile.id) {
            faults.add(
                span,
                format!("two profiles have the id {:?}", profile.id),
                "expected an id of its own",
            );
        }
        all.push(profile);
    }
    all
}

fn profile(mut section: Section<'_>, faults: &mut Faults) -> Option<Profile> {
    let span = section.span();
    let id = section.required("id", faults).and_then(|item| item.text(faults));
    let vendor = section.required("vendor", faults).and_then(|item| placed_name(&item, faults));
    let product = optional(section.optional("product"), |item| placed_name(&item, faults));
    let format = section.required("format", faults);
    let format = format.and_then(|item| Some((item.choice(&Format::LEGAL, faults)?, item)));
    let schemes = section.optional("signatures").map(|item| (item.choices(&Scheme::LEGAL, faults), item));
    let kind = optional(section.optional("kind"), |item| item.choice(&Kind::LEGAL, faults));
    let from = section.required("version-from", faults);
    let from = from.and_then(|item| Some((item.choice(&FROM, faults)?, item)));
    let pattern = section.optional("version-pattern");
    let comparison =
        section.required("versions", faults).and_then(|item| item.choice(&Comparison::LEGAL, faults));
    let lifetime = section.required("valid-for", faults);
    let lifetime = lifetime.and_then(|item| item.period_unless("unlimited", faults));
    let vendor_as = optional(section.optional("vendor-as"), |item| item.text(faults).map(str::to_owned));
    let product_as = optional(section.optional("product-as"), |item| item.text(faults).map(str::to_owned));
    let list = optional(section.optional("list"), |item| placed_path(&item, faults));
    let algorithm = optional(section.optional("algorithm"), |item| item.choice(&ALGORITHMS, faults));
    let mut names = |key| optional(section.optional(key), |item| item.texts(faults));
    let (architectures, components) = (names("architectures"), names("components"));
    section.finish(faults);

    let (format, format_item) = format?;
    let (from, from_item) = from?;
    supported(format, &format_item, faults)?;
    let schemes = self::schemes(format, schemes, (&span, faults))?;
    let version = version_from(from, pattern, &from_item, faults)?;
    let silent = matches!(format, Format::Checksums | Format::Image | Format::Statement);
    if silent && matches!(version, VersionFrom::Format) {
        faults.add(
            from_item.span(),
            format!("the form {format} has no version"),
            "expected \"file-name\", \"comment\" or \"operator\"",
        );
    }
    // The name of a file that is signed itself is not signed: whoever renames an old one makes it a new one.
    if format == Format::Image && matches!(version, VersionFrom::FileName(_)) {
        faults.add(
            from_item.span(),
            "the name of an image is not signed",
            "expected \"comment\" or \"operator\"",
        );
    }
    if silent && matches!(product, Some(None)) {
        faults.add(span, format!("the form {format} has no product"), "expected product = \"...\"");
    }
    let scope =
        |texts: Option<Vec<(String, _)>>| texts.map(|all| all.into_iter().map(|(text, _)| text).collect());
    Some(Profile {
        id: id?.to_owned(),
        vendor: vendor?,
        product: product?,
        format,
        schemes,
        list: list?,
        algorithm: algorithm?,
        scope: Scope { architectures: scope(architectures?), components: scope(components?) },
        kind: kind?.unwrap_or(Kind::SoftwareUpdate),
        version,
        comparison: comparison?,
        lifetime: lifetime?,
        vendor_as: vendor_as?,
        product_as: product_as?,
    })
}

const FROM: [(&str, From); 4] = [
    ("format", From::Format),
    ("file-name", From::FileName),
    ("comment", From::Comment),
    ("operator", From::Operator),
];

const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("sha256", Algorithm::Sha256),
    ("sha384", Algorithm::Sha384),
    ("sha512", Algorithm::Sha512),
    ("blake3", Algorithm::Blake3),
];

/// `None` where something is there and can't be read, `Some(None)` where nothing is there.
fn optional<'i, T>(item: Option<Item<'i>>, read: impl FnOnce(Item<'i>) -> Option<T>) -> Option<Option<T>> {
    match item {
        Some(item) => read(item).map(Some),
        None => Some(None),
    }
}

fn placed_name(item: &Item<'_>, faults: &mut Faults) -> Option<Name> {
    let text = item.text(faults)?;
    Name::parse(text).map_err(|why| faults.add(item.span(), "not a name", why.to_string())).ok()
}

fn placed_path(item: &Item<'_>, faults: &mut Faults) -> Option<DropPath> {
    let text = item.text(faults)?;
    DropPath::parse(text)
        .map_err(|why| faults.add(item.span(), "not the path of a file", why.to_string()))
        .ok()
}

fn supported(format: Format, item: &Item<'_>, faults: &mut Faults) -> Option<()> {
    let missing = match format {
        Format::Native => {
            faults.add_with_help(
                item.span(),
                "our own form needs no profile",
                "expected another form",
                "a drop with drop.dsse.json says itself what it is; its keys are those with public-key in the trust store",
            );
            return None;
        }
        Format::Debian if cfg!(not(feature = "debian")) => "debian",
        Format::Statement if cfg!(not(feature = "sigstore")) => "sigstore",
        _ => return Some(()),
    };
    let expected = format!("expected a build with the feature `{missing}`");
    faults.add(item.span(), format!("this dropgate does not read the form {format}"), expected);
    None
}

/// Schemes that the form allows and that this build reads.
fn schemes(
    format: Format,
    given: Option<(Option<Vec<Scheme>>, Item<'_>)>,
    (span, faults): (&std::ops::Range<usize>, &mut Faults),
) -> Option<Vec<Scheme>> {
    let only: &[Scheme] = match format {
        Format::Sol004 => &[Scheme::Cms],
        Format::Debian => &[Scheme::OpenPgp],
        Format::Statement => &[Scheme::Sigstore],
        Format::Native | Format::Checksums | Format::Image => &[],
    };
    let Some((given, item)) = given else {
        if only.is_empty() {
            faults.add(
                span.clone(),
                "it is not said which signatures count",
                "expected signatures = [\"...\"]",
            );
            return None;
        }
        return Some(only.to_vec());
    };
    let given = given?;
    if !only.is_empty() && given != only {
        let expected =
            format!("expected [\"{}\"], or nothing", only.first().map(Scheme::to_string).unwrap_or_default());
        faults.add(item.span(), format!("the form {format} is signed in one way"), expected);
        return None;
    }
    for (scheme, feature) in given.iter().filter_map(|scheme| Some((scheme, scheme.feature()?))) {
        let expected = format!("expected a build with the feature `{feature}`");
        faults.add(item.span(), format!("this dropgate does not check {scheme} signatures"), expected);
    }
    Some(given)
}

fn version_from(
    from: From,
    pattern: Option<Item<'_>>,
    item: &Item<'_>,
    faults: &mut Faults,
) -> Option<VersionFrom> {
    let takes = matches!(from, From::FileName | From::Comment);
    let pattern = match pattern {
        Some(item) if takes => {
            let text = item.text(faults)?;
            let parsed = Pattern::parse(text);
            if parsed.is_none() {
                let expected = "expected a text with {version} in it once, and something beside it";
                faults.add(item.span(), "not a pattern for versions", expected);
            }
            Some(parsed?)
        }
        Some(item) => {
            faults.add(
                item.span(),
                "nothing is read by this pattern",
                "expected version-from \"file-name\" or \"comment\"",
            );
            None
        }
        None => None,
    };
    match (from, pattern) {
        (From::Format, _) => Some(VersionFrom::Format),
        (From::Operator, _) => Some(VersionFrom::Operator),
        (From::FileName, Some(pattern)) => Some(VersionFrom::FileName(pattern)),
        (From::Comment, Some(pattern)) => Some(VersionFrom::Comment(pattern)),
        (From::FileName | From::Comment, None) => {
            let expected = "expected version-pattern = \"...{version}...\" beside it";
            faults.add(item.span(), "it is not said where in the name the version stands", expected);
            None
        }
    }
}

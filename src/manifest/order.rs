//! Which of two releases is the later one.
//!
//! Our own manifests carry a number that only grows. Vendors' formats have versions, which are names: the operator says how they are
//! to be compared, and a version that does not fit that is later than nothing.

use semver::Version;
use std::cmp::Ordering;
use std::fmt;

/// By what a release is told to be later than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The number that the vendor gives each release.
    Sequence(u64),
    /// The versions, compared as the operator says.
    Versions(Comparison),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(number) => write!(f, "sequence {number}"),
            Self::Versions(comparison) => write!(f, "versions compared as {comparison}"),
        }
    }
}

impl Order {
    /// The number, where there is one.
    pub fn sequence(self) -> Option<u64> {
        match self {
            Self::Sequence(number) => Some(number),
            Self::Versions(_) => None,
        }
    }
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Numbers separated by dots, from the left; what is not there is zero.
    Dotted,
    /// Semantic Versioning 2.0.0, section 11.
    Semver,
    /// As Debian compares package versions (deb-version(7)).
    Debian,
}

impl Comparison {
    /// Every comparison, by the name that files give it.
    pub const LEGAL: [(&'static str, Self); 3] =
        [("dotted", Self::Dotted), ("semver", Self::Semver), ("debian", Self::Debian)];

    /// What a version must look like to be compared so.
    pub const fn form(self) -> &'static str {
        match self {
            Self::Dotted => "numbers separated by dots, such as 4.2.10",
            Self::Semver => "a version by semver.org, such as 4.2.0-rc.1",
            Self::Debian => "a version as Debian's packages have, such as 1:4.2-3~rc1",
        }
    }

    /// How `one` stands to `other`; `None` where one of them is not of the form.
    pub fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        match self {
            Self::Dotted => {
                let (one, other) = (numbers(one)?, numbers(other)?);
                let longest = one.len().max(other.len());
                let padded = |numbers: &[u64]| {
                    let zeros = longest.saturating_sub(numbers.len());
                    numbers.iter().copied().chain(std::iter::repeat_n(0, zeros)).collect::<Vec<_>>()
                };
                Some(padded(&one).cmp(&padded(&other)))
            }
            // Build metadata has no part in precedence.
            Self::Semver => {
                let (one, other) = (Version::parse(one).ok()?, Version::parse(other).ok()?);
                Some(one.cmp_precedence(&other))
            }
            Self::Debian => debian::compare(one, other),
        }
    }

    /// Whether a version has the form.
    pub fn takes(self, version: &str) -> bool {
        self.compare(version, version).is_some()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::LEGAL.iter().find(|(_, one)| one == self).map_or("", |(name, _)| name))
    }
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    version.split('.').map(number).collect()
}

mod debian {
    //! deb-version(7), which is the algorithm of the Debian policy manual, section 5.6.12.

    use std::cmp::Ordering;

    struct Parts<'v> {
        epoch: u64,
        upstream: &'v str,
        revision: &'v str,
    }

    pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
        let (one, other) = (parts(one)?, parts(other)?);
        let order = one.epoch.cmp(&other.epoch);
        Some(
            order
                .then_with(|| part(one.upstream, other.upstream))
                .then_with(|| part(one.revision, other.revision)),
        )
    }

    fn parts(version: &str) -> Option<Parts<'_>> {
        let (epoch, rest) = match version.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
                (epoch.parse().ok()?, rest)
            }
            Some(_) => return None,
            None => (0, version),
        };
        // A revision that is not there is equal to "0".
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        let of = |text: &str, more: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte))
        };
        let begins = upstream.starts_with(|c: char| c.is_ascii_digit());
        (begins && of(upstream, ".+~-:") && of(revision, "+.~")).then_some(Parts {
            epoch,
            upstream,
            revision,
        })
    }

    /// What is not a digit and what is, in turns from the left.
    fn part(mut one: &str, mut other: &str) -> Ordering {
        while !(one.is_empty() && other.is_empty()) {
            let (text, text_of_other) = (cut(&mut one, false), cut(&mut other, false));
            let order = letters(text).cmp(letters(text_of_other));
            if order.is_ne() {
                return order;
            }
            let (digits, digits_of_other) = (cut(&mut one, true), cut(&mut other, true));
            let plain = |digits: &str| digits.trim_start_matches('0').to_owned();
            let (digits, digits_of_other) = (plain(digits), plain(digits_of_other));
            let order = digits.len().cmp(&digits_of_other.len()).then_with(|| digits.cmp(&digits_of_other));
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    fn cut<'v>(text: &mut &'v str, digits: bool) -> &'v str {
        let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
        let (head, tail) = text.split_at_checked(end).unwrap_or((*text, ""));
        *text = tail;
        head
    }

    /// The tilde stands before everything, even the end; letters before everything else.
    fn letters(text: &str) -> impl Iterator<Item = u32> {
        let weight = |byte: u8| match byte {
            b'~' => 0,
            byte if byte.is_ascii_alphabetic() => u32::from(byte).saturating_add(1),
            byte => u32::from(byte).saturating_add(1000),
        };
        text.bytes().map(weight).chain(std::iter::once(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comparison_orders_and_refuses() {
        for (how, one, other, expected) in [
            (Comparison::Dotted, "4.2.10", "4.2.9", Some(Ordering::Greater)),
            (Comparison::Dotted, "4.2", "4.2.0", Some(Ordering::Equal)),
            (Comparison::Dotted, "4.2", "4.10", Some(Ordering::Less)),
            (Comparison::Dotted, "4.2a", "4.2", None),
            (Comparison::Dotted, "4..2", "4.2", None),
            (Comparison::Dotted, "+4.2", "4.2", None),
            (Comparison::Dotted, "99999999999999999999", "1", None),
            (Comparison::Semver, "1.0.0-rc.1", "1.0.0", Some(Ordering::Less)),
            (Comparison::Semver, "1.0.0+b", "1.0.0+a", Some(Ordering::Equal)),
            (Comparison::Semver, "1.0", "1.0.0", None),
            (Comparison::Debian, "1.0~rc1", "1.0", Some(Ordering::Less)),
            (Comparison::Debian, "1:0.1", "2.0", Some(Ordering::Greater)),
            (Comparison::Debian, "1.0-1", "1.0-1+b1", Some(Ordering::Less)),
            (Comparison::Debian, "1.0", "1.0-0", Some(Ordering::Equal)),
            (Comparison::Debian, "1.0a", "1.0+", Some(Ordering::Less)),
            (Comparison::Debian, "1.010", "1.9", Some(Ordering::Greater)),
            (Comparison::Debian, "a1", "1", None),
            (Comparison::Debian, "1 2", "1", None),
            (Comparison::Debian, "1:", "1", None),
        ] {
            assert_eq!(how.compare(one, other), expected, "{how}: {one} and {other}");
            assert_eq!(how.compare(other, one), expected.map(Ordering::reverse), "{how}: {other} and {one}");
        }
    }
}

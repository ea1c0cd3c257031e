//! Dates as repositories have them: `Sat, 09 Jul 2022 09:43:33 UTC`.

use crate::time::Time;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// From Thursday on, which 1970-01-01 was.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Reads the form of RFC 5322, section 3.3, as Debian's tools write it: with the day of the week, which must be right, with seconds,
/// and in UTC, by any of its names.
pub(super) fn read(text: &str) -> Option<Time> {
    let mut parts = text.split(' ');
    let weekday = parts.next()?.strip_suffix(',')?;
    let day = parts.next().filter(|day| matches!(day.len(), 1 | 2))?;
    let month = parts.next()?;
    let month = MONTHS.iter().zip(1_u8..).find(|(name, _)| **name == month)?.1;
    let year = parts.next().filter(|year| year.len() == 4)?;
    let clock = parts.next()?;
    let is_utc = matches!(parts.next()?, "UTC" | "GMT" | "Z" | "+0000");
    if !is_utc || parts.next().is_some() {
        return None;
    }
    let time: Time = format!("{year}-{month:02}-{day:0>2}T{clock}Z").parse().ok()?;
    let days = time.microseconds().div_euclid(86_400_000_000);
    let expected = DAYS.get(usize::try_from(days.rem_euclid(7)).ok()?)?;
    // Fractions of a second are no part of this form.
    (weekday == *expected && clock.len() == 8).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_meaning() {
        for (text, expected) in [
            ("Sat, 09 Jul 2022 09:43:33 UTC", Some("2022-07-09T09:43:33Z")),
            ("Sat, 9 Jul 2022 09:43:33 +0000", Some("2022-07-09T09:43:33Z")),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some("1970-01-01T00:00:00Z")),
            ("Wed, 31 Dec 1969 23:59:59 UTC", Some("1969-12-31T23:59:59Z")),
            ("Thu, 29 Feb 2024 00:00:00 UTC", Some("2024-02-29T00:00:00Z")),
            ("Sun, 09 Jul 2022 09:43:33 UTC", None),
            ("Sat, 09 Jul 2022 09:43:33 +0200", None),
            ("Sat, 09 Jul 2022 09:43:33 CEST", None),
            ("Sat, 09 Jul 2022 09:43:33", None),
            ("Sat, 09 Jul 2022 09:43 UTC", None),
            ("Sat, 09 Jul 22 09:43:33 UTC", None),
            ("Sat, 009 Jul 2022 09:43:33 UTC", None),
            ("09 Jul 2022 09:43:33 UTC", None),
            ("Sat, 09 July 2022 09:43:33 UTC", None),
            ("Sat,  09 Jul 2022 09:43:33 UTC", None),
            ("Sat, 09 Jul 2022 09:43:33 UTC x", None),
            ("Wed, 30 Feb 2022 09:43:33 UTC", None),
            ("Sat, 09 Jul 2022 09:43:33.5 UTC", None),
            ("2022-07-09T09:43:33Z", None),
            ("", None),
        ] {
            assert_eq!(read(text).map(|time| time.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}

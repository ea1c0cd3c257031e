//! Points in time and spans of it, each with one parser.
//!
//! Nothing here reads the clock: the time of judgement is an argument that the command line gives.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A point in time, from RFC 3339 text that names its zone.
///
/// ```
/// use dropgate::time::Time;
/// let time: Time = "2026-11-24T12:00:00+02:00".parse().unwrap();
/// assert_eq!(time.to_string(), "2026-11-24T10:00:00Z");
/// assert!("2026-11-24T12:00:00".parse::<Time>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(jiff::Timestamp);

/// Why text is not a [`Time`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a date and time with its zone as in RFC 3339, such as 2026-01-31T12:00:00Z")]
pub struct NotATime;

impl Time {
    /// The time now, by the system's clock. For the command line only.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// This time and `period` after it, or the last time that can be represented.
    pub fn after(self, period: Period) -> Self {
        Self(self.0.saturating_add(period.0).unwrap_or(jiff::Timestamp::MAX))
    }

    /// So many seconds after 1970-01-01T00:00:00Z; `None` where that can't be represented.
    pub fn of_seconds(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(Self)
    }

    /// So many milliseconds after 1970-01-01T00:00:00Z; `None` where that can't be represented.
    pub fn of_milliseconds(milliseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(milliseconds).ok().map(Self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z, finer parts cut off.
    pub fn microseconds(self) -> i64 {
        self.0.as_microsecond()
    }

    /// This time with fractions of a second cut off, as signed documents carry it.
    pub fn whole_seconds(self) -> Self {
        Self(jiff::Timestamp::from_second(self.0.as_second()).unwrap_or(self.0))
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        // jiff also reads other ISO 8601 forms; documents here have one spelling.
        if !is_rfc3339(text.as_bytes()) {
            return Err(NotATime);
        }
        text.parse().map(Self).map_err(|_| NotATime)
    }
}

fn is_rfc3339(text: &[u8]) -> bool {
    let Some((stamp, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let shaped = stamp.iter().zip(b"dddd-dd-ddTdd:dd:dd").all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    let zoned = match zone {
        b"Z" => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    };
    shaped && zoned
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::json::borrowed(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("{error}; found {:?}", text.as_ref())))
    }
}

/// A span of time as operators write it: a whole number and one unit, `s`, `m`, `h` or `d`
/// (of 24 hours).
///
/// ```
/// use dropgate::time::Period;
/// assert_eq!("36h".parse::<Period>().unwrap().to_string(), "36h");
/// assert!("36".parse::<Period>().is_err());
/// assert!("1.5d".parse::<Period>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(jiff::SignedDuration);

/// Why text is not a [`Period`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number and a unit (s, m, h, d), such as 30s, 5m, 24h or 90d")]
pub struct NotAPeriod;

impl Period {
    /// A period of so many seconds.
    pub const fn of_seconds(seconds: i64) -> Self {
        Self(jiff::SignedDuration::from_secs(seconds))
    }

    /// Its length in microseconds; every period that can be parsed fits.
    pub fn microseconds(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A thousand years: longer is a mistake, and every sum of it with a time stays in range.
const LONGEST_SECONDS: i64 = 366_000 * 86_400;

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        UNITS
            .iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)))
            .filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|(number, seconds)| number.parse::<i64>().ok()?.checked_mul(seconds))
            .filter(|seconds| *seconds <= LONGEST_SECONDS)
            .map(|seconds| Self(jiff::SignedDuration::from_secs(seconds)))
            .ok_or(NotAPeriod)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (unit, length) in UNITS {
            if seconds.checked_rem(length) == Some(0) && (seconds != 0 || length == 1) {
                return write!(f, "{}{unit}", seconds.checked_div(length).unwrap_or(0));
            }
        }
        write!(f, "{seconds}s")
    }
}

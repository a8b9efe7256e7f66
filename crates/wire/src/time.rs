//! Points in time as people and programs write them: `now-1h`, RFC 3339, or a Unix time.

use chrono::DateTime;

/// Why a text is not a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Nothing was given.
    #[error("the time is empty: write `now`, `now-1h`, `2026-01-31T12:00:00Z` or Unix seconds")]
    Empty,
    /// It starts like no time at all.
    #[error("`{0}` is not a time: write `now`, `now-1h`, `2026-01-31T12:00:00Z` or Unix seconds")]
    Unknown(String),
    /// What follows `now` is not a list of signed durations.
    #[error(
        "`{0}` after `now` is not a duration: write a sign, a whole number and a unit, as in `now-90m+5s`"
    )]
    Duration(String),
    /// The unit is missing or unknown.
    #[error("`{0}` is not a unit of time: use ms, s, m, h, d or w")]
    Unit(String),
    /// Looks like a date, and is not one.
    #[error(
        "`{text}` is not an RFC 3339 time ({reason}): write it as 2026-01-31T12:00:00Z or with an offset like +02:00"
    )]
    Rfc3339 {
        /// What was given.
        text: String,
        /// What the calendar says.
        reason: String,
    },
    /// Outside of what nanoseconds in 64 bits can say.
    #[error("`{0}` is outside the years 1678 to 2261")]
    OutOfRange(String),
}

/// Reads a point in time, in nanoseconds since the Unix epoch. `now_ns` is what `now` stands for.
///
/// A bare number is Unix time in seconds, milliseconds, microseconds or nanoseconds: whichever lies closest to the
/// present, by its magnitude.
pub fn parse(text: &str, now_ns: i64) -> Result<i64, TimeError> {
    let text = text.trim();
    let out_of_range = || TimeError::OutOfRange(text.to_owned());
    if text.is_empty() {
        return Err(TimeError::Empty);
    }
    if let Some(offsets) = text.strip_prefix("now") {
        return now_ns.checked_add(sum_of_offsets(offsets)?).ok_or_else(out_of_range);
    }
    if let Ok(number) = text.parse::<i64>() {
        return unix_ns(number).ok_or_else(out_of_range);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(out_of_range());
    }
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(TimeError::Unknown(text.to_owned()));
    }
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|error| TimeError::Rfc3339 { text: text.to_owned(), reason: error.to_string() })?;
    time.timestamp_nanos_opt().ok_or_else(out_of_range)
}

fn sum_of_offsets(text: &str) -> Result<i64, TimeError> {
    let bad = || TimeError::Duration(text.to_owned());
    let mut total_ns: i64 = 0;
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let factor = match sign {
            '+' => 1,
            '-' => -1,
            _ => return Err(bad()),
        };
        let (part_ns, after) = rest.get(1..).and_then(leading_duration).ok_or_else(bad)??;
        total_ns =
            total_ns.checked_add(factor * part_ns).ok_or_else(|| TimeError::OutOfRange(text.to_owned()))?;
        rest = after;
    }
    Ok(total_ns)
}

/// A number and a unit at the start of a text, and what follows; nothing when there is no number.
fn leading_duration(text: &str) -> Option<Result<(i64, &str), TimeError>> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits)?;
    if number.is_empty() {
        return None;
    }
    let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(letters)?;
    let unit_ns: i64 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" => 86_400 * 1_000_000_000,
        "w" => 7 * 86_400 * 1_000_000_000,
        _ => return Some(Err(TimeError::Unit(unit.to_owned()))),
    };
    let part_ns = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_ns));
    Some(part_ns.map(|part_ns| (part_ns, rest)).ok_or_else(|| TimeError::OutOfRange(text.to_owned())))
}

/// Seconds reach to the year 5138, milliseconds from 1973 on, microseconds and nanoseconds likewise.
fn unix_ns(number: i64) -> Option<i64> {
    let factors = [
        (100_000_000_000, 1_000_000_000),
        (100_000_000_000_000, 1_000_000),
        (100_000_000_000_000_000, 1_000),
    ];
    let magnitude = number.unsigned_abs();
    let factor = factors.into_iter().find(|(end, _)| magnitude < *end).map_or(1, |(_, factor)| factor);
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_NS: i64 = 1_700_000_000_123_456_789;
    const SECOND_NS: i64 = 1_000_000_000;

    #[test]
    fn reads_points_in_time() {
        let cases = [
            ("now", NOW_NS),
            (" now ", NOW_NS),
            ("now-1h", NOW_NS - 3_600 * SECOND_NS),
            ("now-90m+5s", NOW_NS - 5_395 * SECOND_NS),
            ("now-2w-1d+30ms", NOW_NS - 15 * 86_400 * SECOND_NS + 30_000_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000 * SECOND_NS),
            ("2023-11-14T23:13:20.5+01:00", 1_700_000_000 * SECOND_NS + SECOND_NS / 2),
            ("2023-11-14T22:13:20.123456789Z", NOW_NS),
            ("2024-02-29T00:00:00Z", 1_709_164_800 * SECOND_NS),
            ("1969-12-31T23:59:59Z", -SECOND_NS),
            ("1700000000", 1_700_000_000 * SECOND_NS),
            ("1700000000123", 1_700_000_000_123_000_000),
            ("1700000000123456", 1_700_000_000_123_456_000),
            ("1700000000123456789", NOW_NS),
            ("0", 0),
            ("-60", -60 * SECOND_NS),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, NOW_NS), Ok(expected), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("", "the time is empty: write `now`, `now-1h`, `2026-01-31T12:00:00Z` or Unix seconds"),
            (
                "yesterday",
                "`yesterday` is not a time: write `now`, `now-1h`, `2026-01-31T12:00:00Z` or Unix seconds",
            ),
            (
                "now1h",
                "`1h` after `now` is not a duration: write a sign, a whole number and a unit, as in `now-90m+5s`",
            ),
            (
                "now-",
                "`-` after `now` is not a duration: write a sign, a whole number and a unit, as in `now-90m+5s`",
            ),
            ("now-1", "`` is not a unit of time: use ms, s, m, h, d or w"),
            ("now-1min", "`min` is not a unit of time: use ms, s, m, h, d or w"),
            ("now-1é", "`é` is not a unit of time: use ms, s, m, h, d or w"),
            ("now-99999999999w", "`99999999999w` is outside the years 1678 to 2261"),
            ("99999999999999999999", "`99999999999999999999` is outside the years 1678 to 2261"),
            ("90000000000", "`90000000000` is outside the years 1678 to 2261"),
            ("9999-01-01T00:00:00Z", "`9999-01-01T00:00:00Z` is outside the years 1678 to 2261"),
            (
                "2023-02-29T00:00:00Z",
                "`2023-02-29T00:00:00Z` is not an RFC 3339 time (input is out of range): \
                 write it as 2026-01-31T12:00:00Z or with an offset like +02:00",
            ),
            (
                "2023-01-01T00:00:00",
                "`2023-01-01T00:00:00` is not an RFC 3339 time (premature end of input): \
                 write it as 2026-01-31T12:00:00Z or with an offset like +02:00",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, NOW_NS).unwrap_err().to_string(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", now_ns: i64) {
            let _ = parse(&text, now_ns);
            let _ = parse(&format!("now{text}"), now_ns);
        }

        #[test]
        fn offsets_add_up(numbers in prop::collection::vec((any::<bool>(), 0..10_000_i64), 0..5)) {
            let text: String = numbers.iter().map(|(minus, s)| format!("{}{s}s", if *minus { '-' } else { '+' })).collect();
            let sum_s: i64 = numbers.iter().map(|(minus, s)| if *minus { -s } else { *s }).sum();
            prop_assert_eq!(parse(&format!("now{text}"), NOW_NS), Ok(NOW_NS + sum_s * SECOND_NS));
        }
    }
}

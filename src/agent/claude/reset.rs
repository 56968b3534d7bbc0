//! Finds in a sentence when a limit is lifted: the only place where older clients say it.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// Reads `… resets 10:30am (UTC)`, `… resets Nov 25, 3pm (Europe/Berlin)` and `…|1795257035`.
/// A time without a date is the next such time after `now`.
pub fn find(sentence: &str, now: Option<Timestamp>) -> Option<Timestamp> {
    if let Some((_, seconds)) = sentence.rsplit_once('|') {
        return Timestamp::from_second(seconds.trim().parse().ok()?).ok();
    }
    let after = sentence.split_once("resets ")?.1;
    let (when, zone) = after.split_once('(')?;
    let zone = TimeZone::get(zone.split_once(')')?.0.trim()).ok()?;
    let now = now?.to_zoned(zone.clone());
    let words: Vec<&str> = when
        .split([' ', ','])
        .filter(|word| !word.is_empty() && *word != "at")
        .collect();
    match words[..] {
        [time] => next(&now, now.date(), clock_time(time)?, 1.day()),
        [month, day, time] => next(&now, date(&now, month, day)?, clock_time(time)?, 1.year()),
        _ => None,
    }
}

/// The first of `date`, `date + step` at `time` that is not past.
fn next(now: &Zoned, date: Date, time: Time, step: jiff::Span) -> Option<Timestamp> {
    let at = |date: Date| date.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
    let first = at(date)?;
    let chosen = if first >= *now {
        first
    } else {
        at(date.checked_add(step).ok()?)?
    };
    Some(chosen.timestamp())
}

/// A day of this year, from `Nov` and `25`.
fn date(now: &Zoned, month: &str, day: &str) -> Option<Date> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let name = month.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|candidate| *candidate == name)?;
    Date::new(now.year(), i8::try_from(index + 1).ok()?, day.parse().ok()?).ok()
}

/// A time of day, from `3pm` or `10:30am`.
fn clock_time(word: &str) -> Option<Time> {
    let word = word.to_ascii_lowercase();
    let (digits, afternoon) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return None,
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
    let hour: i8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    Time::new(hour % 12 + if afternoon { 12 } else { 0 }, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sentence: &str, expect: Option<&str>) {
        let now = "2026-11-21T09:30:35Z".parse().unwrap();
        let found = find(sentence, Some(now));
        assert_eq!(found.map(|at| at.to_string()).as_deref(), expect, "{sentence}");
    }

    #[test]
    fn times_are_found_in_sentences() {
        check(
            "You've hit your 5-hour limit · resets 10:30am (UTC)",
            Some("2026-11-21T10:30:00Z"),
        );
        check("limit · resets 9am (UTC)", Some("2026-11-22T09:00:00Z"));
        check("limit · resets 12am (UTC)", Some("2026-11-22T00:00:00Z"));
        check("limit · resets 12pm (UTC)", Some("2026-11-21T12:00:00Z"));
        check("limit · resets 11am (Europe/Berlin)", Some("2026-11-21T10:00:00Z"));
        check("weekly limit · resets Nov 25, 3pm (UTC)", Some("2026-11-25T15:00:00Z"));
        check("weekly limit · resets Jan 2 at 3pm (UTC)", Some("2027-01-02T15:00:00Z"));
        check("Claude AI usage limit reached|1795257035", Some("2026-11-21T10:30:35Z"));
    }

    #[test]
    fn nonsense_is_no_time() {
        for sentence in [
            "",
            "resets",
            "resets 25pm (UTC)",
            "resets 0am (UTC)",
            "resets 3pm (Nowhere/Land)",
            "resets Xyz 3, 3pm (UTC)",
            "resets Feb 31, 3pm (UTC)",
            "resets noon (UTC)",
            "resets 3pm",
            "a | b",
            "|99999999999999999",
            "resets µµµ 1 2pm (UTC)",
        ] {
            check(sentence, None);
        }
    }
}

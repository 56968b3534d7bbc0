//! Fuzzes the reader of reset times.
//!
//! The input is what the clock shows, in seconds since 1970, and in the next line the client's sentence.

#![no_main]

use cordwainer::agent::reset_time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// What the clock shows where the input does not say it.
const NOW: i64 = 1_795_253_435;
/// How long before now a time of day may be, in hours: the client has only just written its sentence.
const JUST_PAST: i64 = 1;
/// How long after now a time of day may be, in hours, on a day of the week or on none: a week, and a day for zones.
const WEEK: i64 = 9 * 24;
/// How far from now a day of a month may be, in hours: a year, and a day for zones.
const YEAR: i64 = 367 * 24;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (now, sentence) = text.split_once('\n').unwrap_or(("", &text));
    let seconds = now.trim().parse().unwrap_or(NOW);
    // Clocks of other times than ours tell nothing, and have no day before them.
    let seconds = seconds.clamp(YEAR * 3600, 4 * NOW);
    check(
        sentence,
        Timestamp::from_second(seconds).expect("it is in this century or the next"),
    );
    effort::check(sentence.as_bytes(), |long| {
        reset_time(&String::from_utf8_lossy(long), None);
    });
});

fn check(sentence: &str, now: Timestamp) {
    let without_clock = reset_time(sentence, None);
    assert!(
        without_clock.is_none_or(|at| is_in_full(sentence, at)),
        "{without_clock:?} without a clock: {sentence:?}"
    );
    let Some(at) = reset_time(sentence, Some(now)) else {
        return;
    };
    let plain = sentence.to_lowercase();
    let (first, last) = if MONTHS.iter().any(|month| plain.contains(month)) {
        (now - YEAR.hours(), now + YEAR.hours())
    } else {
        (now - JUST_PAST.hours(), now + WEEK.hours())
    };
    let sane = (first..=last).contains(&at) || is_in_full(sentence, at) || (at >= now && plain.contains("in"));
    assert!(sane, "{at} at {now}: {sentence:?}");
    assert_eq!(reset_time(sentence, Some(now)), Some(at), "it is one and the same time");
}

/// Whether the sentence has the moment in seconds since 1970, or its year, which may be another one in its zone.
fn is_in_full(sentence: &str, at: Timestamp) -> bool {
    let year = at.to_zoned(TimeZone::UTC).year();
    let mentions = |number: i64| sentence.contains(&number.to_string());
    mentions(at.as_second()) || (year - 1..=year + 1).any(|year| mentions(year.into()))
}

//! Fuzzes the reader of reset times.
//!
//! The input is what the clock shows, in seconds since 1970, and in the next line the client's sentence.

#![no_main]

use cordwainer::agent::reset_time;
use jiff::{Timestamp, ToSpan as _};

/// What the clock shows where the input does not say it.
const NOW: i64 = 1_795_253_435;
/// How long after now a limit may be lifted: to the same day of the next leap year's February, and a day for zones.
const AHEAD: i64 = (8 * 366 + 1) * 24;
/// How long before now, in hours: the client has written its sentence by then, and no more.
const BEHIND: i64 = 24;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (now, sentence) = text.split_once('\n').unwrap_or(("", &text));
    let seconds = now.trim().parse().unwrap_or(NOW);
    // Clocks of other times than ours tell nothing, and have no day before them.
    let seconds = seconds.clamp(0, 4 * NOW);
    check(
        sentence,
        Timestamp::from_second(seconds).expect("it is in this century or the next"),
    );
});

fn check(sentence: &str, now: Timestamp) {
    let Some(at) = reset_time(sentence, Some(now)) else {
        return;
    };
    // A time that the sentence has in seconds is what it is.
    if !sentence.contains(&at.as_second().to_string()) {
        let first = now - BEHIND.hours();
        let last = now + AHEAD.hours();
        assert!((first..=last).contains(&at), "{at} at {now}: {sentence:?}");
    }
    assert_eq!(reset_time(sentence, Some(now)), Some(at), "it is one and the same time");
}

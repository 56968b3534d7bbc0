use proptest::prelude::*;

use super::*;

fn check_at(now: &str, sentence: &str, expect: Option<&str>) {
    let found = reset_time(sentence, Some(now.parse().unwrap()));
    let expect: Option<Timestamp> = expect.map(|moment| moment.parse().unwrap());
    assert_eq!(found, expect, "at {now}: {sentence}");
}

/// A Saturday.
const NOW: &str = "2026-11-21T09:30:35Z";

fn check(sentence: &str, expect: &str) {
    check_at(NOW, sentence, Some(expect));
}

#[test]
fn what_clients_write_is_read() {
    let rows = [
        ("Claude AI usage limit reached|1795257035", "2026-11-21T10:30:35Z"),
        ("Claude AI usage limit reached|1795257035000", "2026-11-21T10:30:35Z"),
        (
            "Claude usage limit reached. Your limit will reset at 3pm (Etc/GMT+5).",
            "2026-11-21T20:00:00Z",
        ),
        (
            "Claude usage limit reached. Your limit will reset at 12am.",
            "2026-11-22T00:00:00Z",
        ),
        ("5-hour limit reached ∙ resets 3pm", "2026-11-21T15:00:00Z"),
        ("Session limit reached ∙ resets 10:42am", "2026-11-21T10:42:00Z"),
        ("Session limit reached ∙ resets 5:00 PM", "2026-11-21T17:00:00Z"),
        ("Session limit reached · resets 5:00\u{202f}PM", "2026-11-21T17:00:00Z"),
        ("session limit reached · resets at 15:30 (UTC)", "2026-11-21T15:30:00Z"),
        (
            "5-hour limit reached · resets 4pm (Atlantic/Canary) · /upgrade to Max or turn on /extra-usage",
            "2026-11-21T16:00:00Z",
        ),
        ("Weekly limit reached ∙ resets Oct 9, 4pm", "2026-10-09T16:00:00Z"),
        (
            "Limit reached · resets Dec 17 at 6am (Europe/Oslo)",
            "2026-12-17T05:00:00Z",
        ),
        (
            "You've hit your 5-hour limit · resets 10:30am (UTC)",
            "2026-11-21T10:30:00Z",
        ),
        (
            "You’ve hit your limit · resets 10pm (America/New_York)",
            "2026-11-22T03:00:00Z",
        ),
        (
            "You've hit your session limit · resets 8:30pm (Asia/Tokyo) · progress saved",
            "2026-11-21T11:30:00Z",
        ),
        (
            "You've hit your weekly limit · resets Nov 27 at 4:30am (Asia/Calcutta)",
            "2026-11-26T23:00:00Z",
        ),
        (
            "You've hit your weekly limit · resets Nov 25, 3pm (Europe/Berlin)",
            "2026-11-25T14:00:00Z",
        ),
        (
            "You've hit your weekly limit · resets Jan 2, 2027, 3pm (UTC)",
            "2027-01-02T15:00:00Z",
        ),
        (
            "You've hit your weekly limit · resets Mon 12:00am",
            "2026-11-23T00:00:00Z",
        ),
        ("You've hit your Opus limit · resets Mon 9am", "2026-11-23T09:00:00Z"),
        (
            "You're out of extra usage · resets 9am (America/Cordoba)",
            "2026-11-21T12:00:00Z",
        ),
        (
            "Claude usage limit reached — will reset at 3pm (Etc/GMT+5)",
            "2026-11-21T20:00:00Z",
        ),
        ("You've hit your limit - resets 3pm - /upgrade", "2026-11-21T15:00:00Z"),
        ("You've hit your limit – resets 3pm – /upgrade", "2026-11-21T15:00:00Z"),
        ("You've hit your limit — resets 3pm — /upgrade", "2026-11-21T15:00:00Z"),
        (
            "You've hit your session limit · resets in 2h 15m",
            "2026-11-21T11:45:35Z",
        ),
        (
            "You've hit your session limit · resets in 2 hours",
            "2026-11-21T11:30:35Z",
        ),
    ];
    for (sentence, expect) in rows {
        check(sentence, expect);
        check(&sentence.to_uppercase(), expect);
        check(&sentence.replace(' ', "\u{a0}"), expect);
        check(&format!("API Error:\n{sentence}\nTry again later."), expect);
    }
}

#[test]
fn a_time_is_the_next_one_and_a_date_the_nearest() {
    let rows = [
        (NOW, "resets 9am (UTC)", "2026-11-22T09:00:00Z"),
        (NOW, "resets 9:20am (UTC)", "2026-11-22T09:20:00Z"),
        // Seconds are left out: this is the present minute, or one just past.
        (NOW, "resets 9:30am (UTC)", "2026-11-21T09:30:00Z"),
        (NOW, "resets 9:21am (UTC)", "2026-11-21T09:21:00Z"),
        ("2026-11-21T00:03:00Z", "resets 11:58pm", "2026-11-20T23:58:00Z"),
        (NOW, "resets 12am (UTC)", "2026-11-22T00:00:00Z"),
        (NOW, "resets 12pm (UTC)", "2026-11-21T12:00:00Z"),
        (NOW, "resets 0:15 (UTC)", "2026-11-22T00:15:00Z"),
        (NOW, "resets Sat 9am", "2026-11-28T09:00:00Z"),
        (NOW, "resets Saturday at 9:25am", "2026-11-21T09:25:00Z"),
        (NOW, "resets Friday 9am", "2026-11-27T09:00:00Z"),
        // A weekday is one of the zone that is named.
        (
            "2026-11-21T23:30:00Z",
            "resets Mon 1am (Asia/Tokyo)",
            "2026-11-22T16:00:00Z",
        ),
        (NOW, "resets Jan 2 at 3pm (UTC)", "2027-01-02T15:00:00Z"),
        (NOW, "resets Nov 20, 3pm (UTC)", "2026-11-20T15:00:00Z"),
        ("2027-01-01T00:01:00Z", "resets Dec 31, 11:59pm", "2026-12-31T23:59:00Z"),
        ("2027-12-30T00:00:00Z", "resets Feb 29, 3pm", "2028-02-29T15:00:00Z"),
        ("2028-02-28T00:00:00Z", "resets Feb 29, 3pm", "2028-02-29T15:00:00Z"),
    ];
    for (now, sentence, expect) in rows {
        check_at(now, sentence, Some(expect));
    }
}

#[test]
fn clocks_that_change_skip_and_repeat_times() {
    let rows = [
        // 02:30 is skipped on that day, and comes an hour later.
        (
            "2026-03-29T00:00:00Z",
            "resets 2:30am (Europe/Berlin)",
            "2026-03-29T01:30:00Z",
        ),
        // 02:30 is there twice: before the first, between them, after both.
        (
            "2026-10-25T00:00:00Z",
            "resets 2:30am (Europe/Berlin)",
            "2026-10-25T00:30:00Z",
        ),
        (
            "2026-10-25T01:00:00Z",
            "resets 2:30am (Europe/Berlin)",
            "2026-10-25T01:30:00Z",
        ),
        (
            "2026-10-25T02:00:00Z",
            "resets 2:30am (Europe/Berlin)",
            "2026-10-26T01:30:00Z",
        ),
        (
            "2026-10-25T01:00:00Z",
            "resets Oct 25, 2:30am (Europe/Berlin)",
            "2026-10-25T01:30:00Z",
        ),
        // Apia had no 30 December 2011.
        (
            "2011-12-29T12:00:00Z",
            "resets 3pm (Pacific/Apia)",
            "2011-12-30T01:00:00Z",
        ),
    ];
    for (now, sentence, expect) in rows {
        check_at(now, sentence, Some(expect));
    }
}

#[test]
fn what_says_no_time_is_none() {
    for sentence in [
        "",
        "reset",
        "resets",
        "resets ",
        "resets soon",
        "resetting 3pm",
        "resets 25pm (UTC)",
        "resets 13pm",
        "resets 0am (UTC)",
        "resets 24:00",
        "resets 3:5pm",
        "resets 3:60pm",
        "resets +3pm",
        "resets 3",
        "resets 3pm PT",
        "resets 3pm (Nowhere/Land)",
        "resets 3pm (UTC",
        "resets 3pm ()",
        "resets 3pm (../../etc/passwd)",
        "resets Xyz 3, 3pm (UTC)",
        "resets Feb 31, 3pm (UTC)",
        "resets Feb 29, 2027, 3pm",
        "resets Feb 29, 3pm",
        "resets Nov 25",
        "resets Nov, 3pm",
        "resets noon (UTC)",
        "resets in",
        "resets in 3",
        "resets in h",
        "resets in 2 weeks",
        "resets in 99999999999h",
        "resets in 4294967295d",
        "reset your password, see step 2",
        "You've reached your Fable limit.",
        "a | b",
        "|5",
        "|99999999999999999",
        "| 17952570351",
        "resets µµµ 1 2pm (UTC)",
        "You have reached your limit · resets 2026-11-25 15:00:00",
    ] {
        check_at(NOW, sentence, None);
    }
}

#[test]
fn without_a_clock_only_what_is_said_in_full_is_found() {
    let rows = [
        ("usage limit reached|1795257035", Some("2026-11-21T10:30:35Z")),
        ("resets Jan 2, 2027, 3pm (Asia/Tokyo)", Some("2027-01-02T06:00:00Z")),
        ("resets Jan 2, 3pm", None),
        ("resets 3pm", None),
        ("resets Mon 3pm", None),
        ("resets in 2h", None),
    ];
    for (sentence, expect) in rows {
        let expect: Option<Timestamp> = expect.map(|moment| moment.parse().unwrap());
        assert_eq!(reset_time(sentence, None), expect, "{sentence}");
    }
}

#[test]
fn time_zones_are_brought_along() {
    for name in ["Europe/Berlin", "Asia/Calcutta", "US/Pacific", "Etc/GMT+5", "utc"] {
        assert!(TimeZoneDatabase::bundled().get(name).is_ok(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_sentence_panics(sentence in any::<String>(), second in any::<i64>()) {
        let span = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
        let now = Timestamp::from_second(second.clamp(*span.start(), *span.end())).unwrap();
        for sentence in [sentence.clone(), format!("resets {sentence}"), format!("x|{sentence}")] {
            reset_time(&sentence, Some(now));
            reset_time(&sentence, None);
        }
    }

    /// Puts sentences together from the words that the reader knows.
    #[test]
    fn no_mixture_of_words_panics(
        words in prop::collection::vec(prop::sample::select(vec![
            "resets", "reset", "in", "at", "3pm", "12:00am", "23:59", "Mon", "Nov", "Feb", "29", "31", "2027", "9999",
            "0000", "·", "(UTC)", "(Europe/Berlin)", "(", ")", "2h", "99999999d", "|", "9999999999999", ".", ",", "pm",
        ]), 0..12),
        second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(),
    ) {
        reset_time(&words.join(" "), Some(Timestamp::from_second(second).unwrap()));
    }

    /// A time of day is never more than a day and a clock change away.
    #[test]
    fn a_time_of_day_is_near(hour in 0..24, minute in 0..60, second in 0_i64..4_000_000_000) {
        let now = Timestamp::from_second(second).unwrap();
        let sentence = format!("limit · resets {hour}:{minute:02} (America/New_York)");
        let left = reset_time(&sentence, Some(now)).unwrap().duration_since(now);
        prop_assert!(left >= -JUST_PAST && left <= SignedDuration::from_hours(25), "{left}");
    }
}

//! The words after `resets`: a day and a time, or a span.

use jiff::SignedDuration;
use jiff::civil::{Time, Weekday};

/// The time that a clause names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// At a time of a day.
    At(Day, Time),
    /// A span after it was written.
    In(SignedDuration),
}

/// The day of a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Day {
    /// The next with such a time.
    Unsaid,
    /// The next with that name.
    Weekday(Weekday),
    /// A date, as it was written: it need not exist.
    Date { month: i8, day: i8, year: Option<i16> },
}

/// Returns a sentence in lower case, with plain spaces, and with one separator for all that clients were seen to write.
pub(super) fn plain(sentence: &str) -> String {
    let plain = |letter: char| match letter {
        '\n' | '∙' | '•' | '|' => '·',
        // Formatted times contain narrow no-break spaces.
        _ if letter.is_whitespace() => ' ',
        _ => letter.to_ascii_lowercase(),
    };
    sentence.chars().map(plain).collect()
}

/// Reads the text after the word `reset` in a plain sentence, and the time zone in brackets after it. The whole clause
/// must be understood: half a time would be a wrong one.
pub(super) fn read(after: &str) -> Option<(When, Option<&str>)> {
    let after = after.strip_prefix('s').unwrap_or(after);
    let after = after.strip_prefix(':').unwrap_or(after).strip_prefix(' ')?;
    let marks = ["·", ". ", " - ", " – ", " — "].iter();
    let clause = marks.fold(after, |clause, mark| {
        clause.split_once(mark).map_or(clause, |(before, _)| before)
    });
    let (text, zone) = match clause.split_once('(') {
        Some((text, zone)) => (text, Some(zone.split_once(')')?.0.trim())),
        None => (clause.trim_end().trim_end_matches('.'), None),
    };
    let words: Vec<&str> = text
        .split([' ', ','])
        .filter(|word| !matches!(*word, "" | "at" | "on" | "and"))
        .take(9)
        .collect();
    let when = match words[..] {
        ["in", ref span @ ..] => When::In(duration(&span.concat())?),
        _ => day_and_time(&words)?,
    };
    Some((when, zone))
}

fn day_and_time(words: &[&str]) -> Option<When> {
    let (day, time) = match *words {
        [name, day, ref rest @ ..] if month(name).is_some() => {
            let (year, time) = match *rest {
                [year, ref time @ ..] if year.len() == 4 && year.parse::<u16>().is_ok() => (year.parse().ok(), time),
                _ => (None, rest),
            };
            let (month, day) = (month(name)?, number(day)?);
            (Day::Date { month, day, year }, time)
        }
        [name, ref time @ ..] if weekday(name).is_some() => (Day::Weekday(weekday(name)?), time),
        _ => (Day::Unsaid, words),
    };
    let time = match *time {
        [time] => clock_time(time),
        [time, half @ ("am" | "pm")] => clock_time(&format!("{time}{half}")),
        _ => None,
    };
    Some(When::At(day, time?))
}

/// Reads a time of day from `3pm`, `10:30am` or `15:00`.
fn clock_time(word: &str) -> Option<Time> {
    let (digits, afternoon) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(false)),
        (_, Some(digits)) => (digits, Some(true)),
        _ => (word, None),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) => (number(hour)?, number(minute).filter(|_| minute.len() == 2)?),
        // A bare number may be anything.
        None => (number(digits).filter(|_| afternoon.is_some())?, 0),
    };
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// Reads a span from `2h15m` or `3hours`.
fn duration(text: &str) -> Option<SignedDuration> {
    let mut sum = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (digits, after) = rest.split_at(unit);
        let end = after.find(|letter: char| letter.is_ascii_digit());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let count: u32 = digits.parse().ok()?;
        let seconds = i64::from(count).checked_mul(seconds_of(unit)?)?;
        sum = sum.checked_add(SignedDuration::from_secs(seconds))?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

fn seconds_of(unit: &str) -> Option<i64> {
    match unit {
        "s" | "sec" | "second" | "seconds" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3600),
        "d" | "day" | "days" => Some(86_400),
        _ => None,
    }
}

fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    position(&NAMES, word)
}

fn weekday(word: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    Weekday::from_monday_one_offset(position(&NAMES, word)?).ok()
}

/// Returns the place of a word, or of its first three letters, among names; counted from 1.
fn position(names: &[&str], word: &str) -> Option<i8> {
    let index = names.iter().position(|name| word == *name || word == &name[..3])?;
    i8::try_from(index + 1).ok()
}

/// Reads a number of one or two digits.
fn number(digits: &str) -> Option<i8> {
    let plain = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

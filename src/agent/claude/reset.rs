//! Finds in a sentence when a limit is lifted: older clients name it nowhere else.
//!
//! The forms are those that clients were seen to write, 1.0 to 2.1:
//!
//! - `Claude AI usage limit reached|1795257035`: seconds, or milliseconds, since 1970;
//! - `… limit reached ∙ resets 3pm`, `… · resets 10:30am (Europe/Berlin)`, `… limit will reset at 3pm (Etc/GMT+5).`;
//! - `… · resets Nov 25, 3pm (UTC)`, `… resets Nov 25 at 3pm`, `… resets Jan 2, 2027, 3pm`;
//! - `… · resets Mon 12:00am`;
//! - `… · resets in 2h 15m`.

mod words;

use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

use self::words::{Day, When};

/// How long ago a time of day may be and still mean today: clients leave out the seconds, and a reset that is just
/// past must not become one of tomorrow.
const JUST_PAST: SignedDuration = SignedDuration::from_mins(10);
/// How far away a day of a month can be from the nearest moment of its name, and a day for zones.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(185 * 24);
/// How many mentions of a reset are tried.
const MENTIONS: usize = 8;

/// Reads from a client's sentence when a limit is lifted; `None` when it does not name it, or names it in a form that
/// no client was seen to write.
///
/// `now` is when the sentence was written; without it only a complete moment is found. A time without a zone is in UTC,
/// because that is the zone of the containers that clients run in. A time without a date is the next such time after
/// `now`, a date without a year is the one nearest to it. Of a time that a clock change skips or repeats, the one that
/// is not past counts.
pub fn reset_time(sentence: &str, now: Option<Timestamp>) -> Option<Timestamp> {
    if let Some(moment) = since_1970(sentence) {
        return Some(moment);
    }
    let sentence = words::plain(sentence);
    let mentions = sentence.match_indices("reset").take(MENTIONS);
    mentions
        .filter_map(|(at, word)| words::read(&sentence[at + word.len()..]))
        .find_map(|(when, zone)| moment(when, zone, now))
}

/// Reads the digits after the last `|`.
fn since_1970(sentence: &str) -> Option<Timestamp> {
    let (_, after) = sentence.rsplit_once('|')?;
    let after = after.trim_start();
    let end = after.find(|letter: char| !letter.is_ascii_digit());
    let digits = &after[..end.unwrap_or(after.len())];
    let number = digits.parse().ok()?;
    match digits.len() {
        10 => Timestamp::from_second(number).ok(),
        13 => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

fn moment(when: When, zone: Option<&str>, now: Option<Timestamp>) -> Option<Timestamp> {
    let zone = zone.map_or(Some(TimeZone::UTC), time_zone)?;
    match when {
        When::In(wait) => now?.checked_add(wait).ok(),
        When::At(Day::Date { year: Some(year), .. }, _) if now.is_none() => {
            let new_year = Date::new(year, 1, 1).ok()?.to_zoned(zone).ok()?;
            on(when, &new_year)
        }
        When::At(..) => on(when, &now?.to_zoned(zone)),
    }
}

/// Returns a zone by its name, of the system or of this library's own table: systems leave out older names.
fn time_zone(name: &str) -> Option<TimeZone> {
    let found = TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name));
    found.ok()
}

fn on(when: When, now: &Zoned) -> Option<Timestamp> {
    let When::At(day, time) = when else { return None };
    match day {
        Day::Unsaid => next(now, time, |_| true),
        Day::Weekday(weekday) => next(now, time, |date| date.weekday() == weekday),
        Day::Date { month, day, year } => {
            let first = year.unwrap_or(now.year().saturating_sub(1));
            let last = year.unwrap_or(now.year().saturating_add(1));
            let dates = (first..=last).filter_map(|year| Date::new(year, month, day).ok());
            let moments = dates.filter_map(|date| not_past(now, date, time));
            let distance = |moment: &Timestamp| moment.duration_since(now.timestamp()).abs();
            let nearest = moments.min_by_key(distance)?;
            // Only a day that most years do not have is farther away: no limit lasts until then.
            (year.is_some() || distance(&nearest) <= HALF_A_YEAR).then_some(nearest)
        }
    }
}

/// Returns the first such time that is not past, on a day that fits.
fn next(now: &Zoned, time: Time, fits: impl Fn(Date) -> bool) -> Option<Timestamp> {
    let today = now.date();
    // The last minutes of yesterday may be just past; a week ahead includes every weekday.
    let dates = (-1..=8).filter_map(|days: i64| today.checked_add(days.days()).ok());
    let moments = dates
        .filter(|date| fits(*date))
        .filter_map(|date| not_past(now, date, time));
    let mut ahead = moments.filter(|moment| is_ahead(now, *moment));
    ahead.next()
}

fn is_ahead(now: &Zoned, moment: Timestamp) -> bool {
    now.timestamp().duration_since(moment) <= JUST_PAST
}

/// Returns a time on a date: if a clock change makes two of it, the first, or the second when the first is past.
fn not_past(now: &Zoned, date: Date, time: Time) -> Option<Timestamp> {
    let moment = now.time_zone().to_ambiguous_zoned(date.to_datetime(time));
    let first = moment.clone().compatible().ok()?.timestamp();
    let second = moment.later().ok()?.timestamp();
    Some(if is_ahead(now, first) { first } else { second })
}

#[cfg(test)]
mod tests;

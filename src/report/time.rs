//! Moments and durations for people: in the zone of the machine, and in one form everywhere. JSON and records keep UTC.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use crate::base::text::duration;

/// Formats a moment to the second: `2026-11-27 14:34:02`.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats a moment to the minute: `14:34`, with its date unless that is today.
pub(crate) fn clock_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if at.date() == now.date() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.strftime(form).to_string()
}

/// Formats a moment to come, and how far away it is: `14:34 (in 2 h 10 min)`.
pub(crate) fn until(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    format!("{} (in {})", clock_time(at, now, zone), duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_zone_of_the_machine() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-27T12:24:10Z".parse().unwrap();
        let at: Timestamp = "2026-11-27T14:34:10.5Z".parse().unwrap();
        assert_eq!(moment(at, &zone), "2026-11-27 15:34:10");
        assert_eq!(until(at, now, &zone), "15:34 (in 2 h 10 min)");
        let late: Timestamp = "2026-11-27T23:30:00Z".parse().unwrap();
        assert_eq!(until(late, now, &zone), "2026-11-28 00:30 (in 11 h 5 min)");
        assert_eq!(until(now, at, &zone), "13:24 (in 0.0 s)", "one that is past");
    }
}

//! The effective configuration as data that can be read back; values that may be secret are not shown.

#![expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a field over by reference, whatever it is"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serializer;

use super::limit_wait::LimitWait;
use crate::base::serialization::or_off;

/// The replacement of a value that is not shown.
const HIDDEN: &str = "<set>";

/// Returns a duration in the form of the configuration, such as `1h30m`; fractions of a second are cut off.
pub(crate) fn duration_text(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, name) in [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm'), (1, 's')] {
        if seconds >= unit {
            let _ = write!(text, "{}{name}", seconds / unit);
            seconds %= unit;
        }
    }
    text
}

/// Returns a size in the largest unit that fits.
pub(crate) fn size_text(bytes: u64) -> String {
    let units = [(40, "t"), (30, "g"), (20, "m"), (10, "k")];
    let fitting = units
        .iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    match fitting {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

pub(super) fn size_or_off<S: Serializer>(bytes: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    or_off(&bytes.map(size_text), serializer)
}

pub(super) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration_text(*duration))
}

/// Writes a number; 0 is `off`.
pub(super) fn count_or_off<S: Serializer>(count: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    or_off(&count.filter(|count| *count > 0), serializer)
}

pub(super) fn duration_or_off<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    or_off(&duration.map(duration_text), serializer)
}

pub(super) fn overage<S: Serializer>(allowed: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *allowed { "allow" } else { "forbid" })
}

pub(super) fn wait<S: Serializer>(wait: &LimitWait, serializer: S) -> Result<S::Ok, S::Error> {
    match wait {
        LimitWait::Never => serializer.serialize_str("never"),
        LimitWait::Always => serializer.serialize_str("always"),
        LimitWait::UpTo(longest) => duration(longest, serializer),
    }
}

/// The environment, without the values of names that look like secrets.
pub(super) fn environment<S: Serializer>(env: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = env.iter().map(|(name, value)| {
        (
            name,
            if is_secret(name) || has_password(value) {
                HIDDEN
            } else {
                value.as_str()
            },
        )
    });
    serializer.collect_map(shown)
}

/// Returns whether a value is an address with a password: `postgres://user:password@host`.
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    authority
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'))
}

pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH"]
        .iter()
        .any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::{parse_duration, parse_size};

    #[test]
    fn sizes_and_durations_read_back() {
        for bytes in [0, 1, 1023, 1024, 512 << 20, 4 << 30, 3 << 40, u64::MAX] {
            assert_eq!(parse_size(&size_text(bytes)), Some(bytes));
        }
        for seconds in [0, 1, 59, 60, 90, 3600, 5400, 86_400, 90_061] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }
    }
}

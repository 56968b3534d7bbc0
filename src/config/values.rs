//! The forms of single values: texts, numbers, sizes, durations, words.

use std::time::Duration;

use super::field::Field;
use crate::base::text;

/// The longest time that can be waited for or set as a limit.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The network that reaches nothing.
pub(super) const NO_NETWORK: &str = "none";
/// The least amount of money, and the least part of a core, that can be a limit.
pub(super) const LEAST_NUMBER: f64 = 0.01;

/// A limit, or the word that lifts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OrOff<T> {
    /// The limit.
    Value(T),
    /// `off`.
    Off,
}

impl<T> OrOff<T> {
    /// Returns the limit, if there is one.
    pub(super) fn limit(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Off => None,
        }
    }
}

impl<'a> Field<'a> {
    /// Reads any text; a text that YAML would read as a number or a boolean must be quoted, so that it is read as it
    /// was written.
    pub(super) fn any_text(&self) -> Option<String> {
        match (self.plain(), self.scalar()) {
            (Some(plain), _) if is_number_or_flag(plain) => self.refuse_with(
                format!("expected text, found `{plain}`"),
                format!("write it in quotes: `\"{plain}\"`"),
            ),
            (_, Some(text)) if text.contains('\0') => self.refuse("expected text without NUL characters"),
            (_, Some(text)) => Some(text.to_owned()),
            _ => self.expected("text"),
        }
    }

    /// Reads text with something in it.
    pub(super) fn text(&self) -> Option<String> {
        let text = self.any_text()?;
        if text.trim().is_empty() {
            return self.refuse("expected text, found nothing but space (leave the key out to unset it)");
        }
        Some(text)
    }

    /// Reads text without spaces and control characters that does not begin like an option: a name on a command line.
    pub(super) fn word(&self, what: &str) -> Option<String> {
        let text = self.any_text()?;
        let bad = text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_whitespace() || c.is_control());
        if bad { self.expected(what) } else { Some(text) }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.plain() {
            Some("true" | "True" | "TRUE") => Some(true),
            Some("false" | "False" | "FALSE") => Some(false),
            Some(word @ ("yes" | "on" | "Yes" | "On")) => self.refuse_with(
                format!("expected `true` or `false`, found `{word}`"),
                "did you mean `true`?",
            ),
            Some(word @ ("no" | "off" | "No" | "Off")) => self.refuse_with(
                format!("expected `true` or `false`, found `{word}`"),
                "did you mean `false`?",
            ),
            _ => self.expected("`true` or `false`"),
        }
    }

    /// Reads a whole number from 1 to `most`.
    pub(super) fn count(&self, most: u64) -> Option<u64> {
        self.whole(most, "")
    }

    /// Reads a whole number from 1 to `most`, of 32 bits as most keys are.
    pub(super) fn small_count(&self, most: u32) -> Option<u32> {
        self.count(u64::from(most)).and_then(|count| u32::try_from(count).ok())
    }

    /// Reads a whole number from 1 to `most`, or `off`.
    pub(super) fn count_or_off(&self, most: u64) -> Option<OrOff<u64>> {
        if self.is_off() {
            return Some(OrOff::Off);
        }
        self.whole(most, " or `off`").map(OrOff::Value)
    }

    /// Reads a whole number from 1 to `most`, of 32 bits, or `off`.
    pub(super) fn small_count_or_off(&self, most: u32) -> Option<OrOff<u32>> {
        match self.count_or_off(u64::from(most))?.limit() {
            None => Some(OrOff::Off),
            Some(count) => u32::try_from(count).ok().map(OrOff::Value),
        }
    }

    /// Reads a whole number from 1 to `most`, of 32 bits, beside which a word is accepted that the caller knows.
    pub(super) fn small_count_or(&self, most: u32, word: &str) -> Option<u32> {
        let count = self.whole(u64::from(most), &format!(" or `{word}`"))?;
        u32::try_from(count).ok()
    }

    fn whole(&self, most: u64, or: &str) -> Option<u64> {
        let digits = self
            .plain()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse::<u64>().ok()) {
            Some(number) if (1..=most).contains(&number) => Some(number),
            _ => self.expected(&format!("a whole number from 1 to {most}{or}")),
        }
    }

    /// Reads a number from `least` to `most`.
    pub(super) fn number(&self, least: f64, most: f64) -> Option<f64> {
        match self.simple_number() {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => self.expected(&format!("a number from {least} to {most}")),
        }
    }

    /// Reads a number from [`LEAST_NUMBER`] to `most`, or `off`.
    pub(super) fn number_or_off(&self, most: f64) -> Option<OrOff<f64>> {
        if self.is_off() {
            return Some(OrOff::Off);
        }
        match self.simple_number() {
            Some(number) if (LEAST_NUMBER..=most).contains(&number) => Some(OrOff::Value(number)),
            _ => self.expected(&format!("a number from {LEAST_NUMBER} to {most} or `off`")),
        }
    }

    /// Reads a number of digits and a point, without sign or exponent.
    fn simple_number(&self) -> Option<f64> {
        let simple = self
            .plain()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        simple?.parse::<f64>().ok()
    }

    /// Reads bytes, or a size with a unit, of at least `least` bytes; or `off`.
    pub(super) fn size_or_off(&self, least: u64) -> Option<OrOff<u64>> {
        if self.is_off() {
            return Some(OrOff::Off);
        }
        match self.scalar().and_then(parse_size) {
            None => self.expected("a size such as `512m`, or `off`"),
            Some(bytes) if bytes < least || bytes > 1 << 50 => {
                self.expected(&format!("a size from `{}m` to `1024t`, or `off`", least >> 20))
            }
            Some(bytes) => Some(OrOff::Value(bytes)),
        }
    }

    /// Reads a duration such as `1h30m`.
    pub(super) fn duration(&self, or: &str) -> Option<Duration> {
        match self.scalar().and_then(parse_duration) {
            Some(duration) if duration.is_zero() || duration > LONGEST => {
                self.expected(&format!("a time from `1s` to `365d`{or}"))
            }
            Some(duration) => Some(duration),
            None => self.expected(&format!("a time such as `90s`, `30m` or `1h30m`{or}")),
        }
    }

    /// Reads a duration, or `off`.
    pub(super) fn duration_or_off(&self) -> Option<OrOff<Duration>> {
        if self.is_off() {
            return Some(OrOff::Off);
        }
        self.duration(", or `off`").map(OrOff::Value)
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let found = self
            .scalar()
            .and_then(|word| choices.iter().find(|(name, _)| *name == word));
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let (message, hint) = none_of(&names, self.scalar(), &self.node.describe());
        match hint {
            Some(hint) => self.refuse_with(message, hint),
            None => self.refuse(message),
        }
    }

    /// Reads every item of a list through `read`; items that are not valid are left out, having been noted.
    pub(super) fn list<T>(&self, what: &str, read: impl Fn(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        Some(self.items(what)?.iter().filter_map(read).collect())
    }

    /// Returns whether this is `off` as YAML 1.2 reads it (text) and as YAML 1.1 does (a boolean).
    pub(super) fn is_off(&self) -> bool {
        match self.plain() {
            Some(plain) => matches!(plain, "off" | "Off" | "OFF" | "false" | "False" | "FALSE"),
            None => self.scalar() == Some("off"),
        }
    }
}

fn is_number_or_flag(plain: &str) -> bool {
    let numeric = plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && plain.parse::<f64>().is_ok();
    numeric || matches!(plain, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// Reads `512m`, `4g`, `4 GiB`, or plain bytes; units are powers of 1024, as container engines have them.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Reads `90s`, `30m`, `6h`, `2d`, or several from the largest unit down, such as `1h30m`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut last_unit = u64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (digits, tail) = rest.split_at(unit_at);
        let unit = match tail.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        if unit >= last_unit {
            return None;
        }
        seconds = seconds.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        last_unit = unit;
        rest = &tail[1..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// Returns the message about a `word` that is not one of a few, `found` being how it is quoted; and the hint, where one of
/// them is near it.
pub(super) fn none_of(names: &[&str], word: Option<&str>, found: &str) -> (String, Option<String>) {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let near = word.and_then(|word| text::nearest(word, names.iter().copied()));
    (
        format!("expected one of {}, found {found}", quoted.join(", ")),
        near.map(|name| format!("did you mean `{name}`?")),
    )
}

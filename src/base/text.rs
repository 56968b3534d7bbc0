//! Text for people: agents' text made harmless, figures in words, titles compared, near misses found.

use std::time::Duration;

/// What a forge takes for the wish that nothing checks a commit, wherever it stands in its message.
const SKIPS: [&str; 6] = [
    "[skip ci]",
    "[ci skip]",
    "[no ci]",
    "[skip actions]",
    "[actions skip]",
    "skip-checks:",
];

/// Returns whether a text in a commit's message would keep a forge from checking the commit.
pub(crate) fn skips_checks(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SKIPS.iter().any(|skip| text.contains(skip))
}

/// Returns a title as it can stand in a commit's message, in one line of at most so many characters: git takes a line that
/// begins with `---` for the message's end, and no title keeps a forge from checking the commit.
pub(crate) fn title_in_message(title: &str, most: usize) -> String {
    let title = one_line(title, most);
    let title = if skips_checks(&title) {
        title.replace(['[', ']'], "|").replace(':', " ")
    } else {
        title
    };
    if title.starts_with("---") {
        format!("task: {title}")
    } else {
        title
    }
}

/// Makes text from an agent harmless on a terminal: control characters (C0, C1, DEL), characters that are invisible or
/// change the order or place of others, and line separators other than newlines become visible escapes; newlines and
/// tabs stay, and so do variation selectors and characters of private use.
pub fn harmless(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => safe.push(character),
            '\u{2028}' | '\u{2029}' => safe.extend(character.escape_unicode()),
            _ if is_ignorable(character) => safe.extend(character.escape_unicode()),
            _ if character.is_control() => safe.extend(character.escape_default()),
            _ => safe.push(character),
        }
    }
    safe
}

/// Returns whether a character is invisible: zero-width marks, bidirectional and other formatting, interlinear
/// annotation, invisible tags. HFS+ ignores most of these in names.
pub(crate) fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Counts the lines of a content; the last one need not have an end.
pub(crate) fn line_count(content: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', content).count();
    let rest = content.last().is_some_and(|last| *last != b'\n');
    ends as u64 + u64::from(rest)
}

/// Puts the text on one line of at most `width` characters and makes it harmless; reads no more of it than needed.
pub fn one_line(text: &str, width: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        if word.bytes().all(|byte| byte.is_ascii_graphic()) {
            line.push_str(word);
            length += word.len();
        } else {
            let safe = harmless(word);
            line.push_str(&safe);
            length += safe.chars().count();
        }
        if length > width {
            let cut = line.char_indices().nth(width.saturating_sub(1));
            line.truncate(cut.map_or(0, |(at, _)| at));
            line.push('…');
            break;
        }
    }
    line
}

/// Formats a number of bytes: `950 bytes`, `1.5 kB`, `600 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    let Some((unit, one)) = UNITS.into_iter().find(|(_, one)| bytes >= *one) else {
        return if bytes == 1 {
            "1 byte".to_owned()
        } else {
            format!("{bytes} bytes")
        };
    };
    let tenths = bytes / (one / 10);
    match (tenths / 10, tenths % 10) {
        (whole @ 0..10, tenth @ 1..) => format!("{whole}.{tenth} {unit}"),
        (whole, _) => format!("{whole} {unit}"),
    }
}

/// Formats a duration with its two largest parts, to the second: `0.4 s`, `4 s`, `1 min 41 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let parts = |whole: u64, unit: &str, rest: u64, of: &str| match rest {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {rest} {of}"),
    };
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{:.1} s", time.as_secs_f64()),
        1..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => parts(seconds / MINUTE, "min", seconds % MINUTE, "s"),
        HOUR..DAY => parts(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => parts(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

/// Ends a text as a sentence ends: with a period, unless it ends with a mark of its own.
pub fn sentence(text: &str) -> String {
    let text = text.trim_end();
    let has_end = text.ends_with(['.', '!', '?', '…']);
    if has_end { text.to_owned() } else { format!("{text}.") }
}

/// Returns a title in the form in which titles are compared: lower case, letters and digits only, single spaces.
pub fn normalised_title(title: &str) -> String {
    let spaced: String = title
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                ' '
            }
        })
        .collect();
    spaced.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the candidate most like `word`, if one is similar enough to be the intended one, or one slip of a finger away.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Of a shorter word, one slip leaves next to nothing.
    let is_long = word.chars().count() >= 3;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, candidate)| *likeness > 0.8 || is_long && strsim::osa_distance(word, candidate) == 1)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_shows_nothing_is_made_visible() {
        for (text, expect) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\r\0\u{7f}\u{85}\u{9b}2J", "\\r\\u{0}\\u{7f}\\u{85}\\u{9b}2J"),
            ("\u{1b}]0;t\u{7}\u{1b}P\u{1b}\\", "\\u{1b}]0;t\\u{7}\\u{1b}P\\u{1b}\\"),
            (
                "\u{202e}\u{2066}\u{200b}\u{ad}\u{61c}",
                "\\u{202e}\\u{2066}\\u{200b}\\u{ad}\\u{61c}",
            ),
            (
                "\u{2028}\u{2029}\u{fff9}\u{feff}",
                "\\u{2028}\\u{2029}\\u{fff9}\\u{feff}",
            ),
            ("\u{e0041}\u{e0001}", "\\u{e0041}\\u{e0001}"),
            ("é…✔\u{fe0f} \u{e000}", "é…✔\u{fe0f} \u{e000}"),
        ] {
            assert_eq!(harmless(text), expect, "{text:?}");
            assert_eq!(harmless(expect), expect, "a second time");
        }
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, expect) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_500, "1.5 kB"),
            (2_000_000, "2 MB"),
            (52_428_800, "52 MB"),
            (600_000_000, "600 MB"),
            (1 << 30, "1 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), expect);
        }
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        for (millis, expect) in [
            (0, "0.0 s"),
            (400, "0.4 s"),
            (4_000, "4 s"),
            (101_000, "1 min 41 s"),
            (120_000, "2 min"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 5 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expect);
        }
    }

    #[test]
    fn a_sentence_has_one_end() {
        for (text, expect) in [
            ("a", "a."),
            ("a. ", "a."),
            ("a?", "a?"),
            ("a…", "a…"),
            ("`a.`", "`a.`."),
        ] {
            assert_eq!(sentence(text), expect);
        }
    }

    #[test]
    fn a_line_is_harmless_and_no_wider_than_asked() {
        let cases = [
            ("", 5, ""),
            (" a\n\tb  c ", 5, "a b c"),
            ("a b cd", 5, "a b …"),
            ("abcdef", 5, "abcd…"),
            ("ab cdefgh", 3, "ab…"),
            ("äöü xyz", 3, "äö…"),
            ("\u{1b}[2J", 20, "\\u{1b}[2J"),
            ("a\u{200b}b", 4, "a\\u…"),
            ("a", 0, "…"),
        ];
        for (text, width, expect) in cases {
            assert_eq!(one_line(text, width), expect, "{text:?} at {width}");
        }
    }
}

//! Escape sequences of strings: a redacted range includes whole ones, so that JSON stays JSON.

use std::ops::Range;

/// Extends a range so that it neither begins nor ends within an escape sequence.
pub(super) fn whole(bytes: &[u8], range: &Range<usize>) -> Range<usize> {
    let start = escape_around(bytes, range.start).map_or(range.start, |escape| escape.start);
    let end = escape_around(bytes, range.end).map_or(range.end, |escape| escape.end);
    start..end
}

/// Returns whether the byte before `at` is the letter of an escape such as `\n`, and so not a part of a word.
pub(super) fn ends_escape(bytes: &[u8], at: usize) -> bool {
    at >= 2 && escape_around(bytes, at - 1).is_some_and(|escape| escape.end == at)
}

/// Returns the escape sequence with a backslash before `at` that ends after it, if there is one.
fn escape_around(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    // The longest, `\uXXXX`, begins at most five bytes before the last place inside of it.
    (1..=5.min(at)).find_map(|back| {
        let start = at - back;
        let escape = start..start + length_at(bytes, start)?;
        (escape.end > at).then_some(escape)
    })
}

/// Returns the length of the escape sequence that begins here; `None` where none does.
fn length_at(bytes: &[u8], start: usize) -> Option<usize> {
    let backslashes = bytes[..start].iter().rev().take_while(|byte| **byte == b'\\').count();
    if bytes[start] != b'\\' || backslashes % 2 == 1 {
        return None;
    }
    let after = bytes.get(start + 1).filter(|byte| byte.is_ascii())?;
    let digits = bytes.get(start + 2..start + 6);
    let is_code = *after == b'u' && digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    Some(if is_code { 6 } else { 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, range: Range<usize>, expect: Range<usize>) {
        assert_eq!(whole(text.as_bytes(), &range), expect, "{text:?} at {range:?}");
    }

    #[test]
    fn no_escape_is_cut_in_two() {
        check("abcdef", 2..4, 2..4);
        check(r"a\nbc", 2..4, 1..4);
        check(r"a\nbc", 3..4, 3..4);
        check(r"a\\nbc", 3..5, 3..5);
        check(r"ab\nc", 0..3, 0..4);
        check(r"ab\\", 0..3, 0..4);
        check(r"\u0041bc", 3..7, 0..7);
        check(r"ab\u0041", 0..4, 0..8);
        check(r"ab\u00", 0..4, 0..4);
        check("ab\\é", 0..3, 0..3);
        check("ab\\", 0..3, 0..3);
    }

    #[test]
    fn a_word_begins_behind_an_escape() {
        for (text, at, expect) in [
            (r"\nx", 2, true),
            (r"\\nx", 3, false),
            (r"a\u0022x", 7, true),
            ("nx", 1, false),
            (r"\n", 1, false),
        ] {
            assert_eq!(ends_escape(text.as_bytes(), at), expect, "{text:?} at {at}");
        }
    }
}

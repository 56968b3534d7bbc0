//! Glob patterns as git's `wildmatch` reads them with `WM_PATHNAME`: `*` and `?` stop at slashes, `**` between slashes
//! does not, classes never match a slash.
//!
//! All ways to match are followed at once, one byte of the text after the other, so that the time is at most the
//! product of the two lengths, whatever the pattern.

/// A pattern with wildcards.
#[derive(Clone, Debug)]
pub(in crate::git) struct Glob {
    parts: Vec<Part>,
    fold_case: bool,
}

/// One step of a pattern.
#[derive(Clone, Debug)]
enum Part {
    /// This byte.
    Byte(u8),
    /// `?`: any byte but a slash.
    One,
    /// `[…]`: one of these bytes.
    Class(Box<[bool; 256]>),
    /// `*`: any number of bytes other than slashes.
    Run,
    /// `**` that no slash follows: any number of bytes.
    Anything,
    /// Begins `**/`: nothing, or what [`Part::Folders`] matches.
    MaybeFolders,
    /// Any number of bytes, then a slash.
    Folders,
}

impl Glob {
    /// Parses a pattern; `None` for one that can match nothing, such as an open class.
    pub(in crate::git) fn parse(pattern: &[u8], fold_case: bool) -> Option<Self> {
        let mut parts = Vec::with_capacity(pattern.len());
        let mut at = 0;
        while let Some(byte) = pattern.get(at) {
            at += 1;
            match byte {
                b'*' => at = stars(pattern, at, &mut parts),
                b'?' => parts.push(Part::One),
                b'[' => {
                    let (class, after) = class(pattern, at, fold_case)?;
                    parts.push(Part::Class(class));
                    at = after;
                }
                b'\\' => {
                    // Git does not fold the case of an escaped letter, so that a large one matches nothing.
                    parts.push(Part::Byte(*pattern.get(at)?));
                    at += 1;
                }
                other => parts.push(Part::Byte(folded(*other, fold_case))),
            }
        }
        Some(Self { parts, fold_case })
    }

    /// Returns how many steps a match with a text of this length takes at most.
    pub(super) fn cost(&self, length: usize) -> u64 {
        let product = (self.parts.len() + 1).saturating_mul(length + 1);
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// Returns whether the pattern matches the whole text.
    pub(in crate::git) fn matches(&self, text: &[u8]) -> bool {
        let end = self.parts.len();
        let mut here = vec![false; end + 1];
        let mut next = here.clone();
        here[0] = true;
        self.skip(&mut here);
        for byte in text {
            next.fill(false);
            if !self.step(folded(*byte, self.fold_case), &here, &mut next) {
                return false;
            }
            self.skip(&mut next);
            std::mem::swap(&mut here, &mut next);
        }
        here[end]
    }

    /// Follows one byte from every part in `here`; returns whether any way is left.
    fn step(&self, byte: u8, here: &[bool], next: &mut [bool]) -> bool {
        let mut any = false;
        for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| here[*at]) {
            let (stays, goes_on) = match part {
                Part::Byte(wanted) => (false, *wanted == byte),
                Part::One => (false, byte != b'/'),
                Part::Class(class) => (false, class[usize::from(byte)]),
                Part::Run => (byte != b'/', false),
                Part::Anything => (true, false),
                Part::MaybeFolders => (false, false),
                Part::Folders => (true, byte == b'/'),
            };
            next[at] |= stays;
            next[at + 1] |= goes_on;
            any |= stays || goes_on;
        }
        any
    }

    /// Goes over parts that match nothing at all, too.
    fn skip(&self, here: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if !here[at] {
                continue;
            }
            match part {
                Part::Run | Part::Anything => here[at + 1] = true,
                Part::MaybeFolders => {
                    here[at + 1] = true;
                    here[at + 2] = true;
                }
                Part::Byte(_) | Part::One | Part::Class(_) | Part::Folders => {}
            }
        }
    }
}

/// Reads the stars of which the first stands before `at`; returns where they, and the slash of a `**/`, end.
fn stars(pattern: &[u8], at: usize, parts: &mut Vec<Part>) -> usize {
    let first = at - 1;
    let mut after = at;
    while pattern.get(after) == Some(&b'*') {
        after += 1;
    }
    let begins = first == 0 || pattern[first - 1] == b'/';
    let rest = &pattern[after..];
    if after == at || !begins || !(rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/")) {
        parts.push(Part::Run);
    } else if rest.starts_with(b"/") {
        parts.extend([Part::MaybeFolders, Part::Folders]);
        after += 1;
    } else {
        parts.push(Part::Anything);
    }
    after
}

/// Reads a class whose `[` stands before `at`; returns it and where it ends. `None` for one that has no end, or names a
/// class of letters that git does not know.
fn class(pattern: &[u8], at: usize, fold_case: bool) -> Option<(Box<[bool; 256]>, usize)> {
    let negated = matches!(pattern.get(at)?, b'!' | b'^');
    let mut reader = ClassReader {
        pattern,
        at: at + usize::from(negated),
        has: Box::new([false; 256]),
    };
    reader.read(fold_case)?;
    let mut has = reader.has;
    for (byte, is_in) in (0..=u8::MAX).zip(has.iter_mut()) {
        *is_in = *is_in != negated && byte != b'/';
    }
    Some((has, reader.at))
}

/// A class in the course of being read.
struct ClassReader<'pattern> {
    pattern: &'pattern [u8],
    at: usize,
    has: Box<[bool; 256]>,
}

impl ClassReader<'_> {
    /// Reads up to the `]`. One that comes first stands for itself.
    fn read(&mut self, fold_case: bool) -> Option<()> {
        // 0 where no range can begin; no pattern has a NUL.
        let mut before = 0;
        let mut is_first = true;
        loop {
            let byte = self.next()?;
            if byte == b']' && !is_first {
                return Some(());
            }
            is_first = false;
            before = match (byte, before) {
                (b'\\', _) => {
                    let escaped = self.next()?;
                    self.has[usize::from(escaped)] = true;
                    escaped
                }
                (b'-', from @ 1..) if self.peek().is_some_and(|next| next != b']') => {
                    let to = self.next()?;
                    let to = if to == b'\\' { self.next()? } else { to };
                    self.add(|byte| (from..=to).contains(&byte), fold_case);
                    0
                }
                (b'[', _) if self.peek() == Some(b':') => self.named(fold_case)?,
                (byte, _) => {
                    self.has[usize::from(byte)] = true;
                    byte
                }
            };
        }
    }

    /// Reads `[:name:]` whose `[` was read; what looks like the beginning of one and is none is a `[`. Returns
    /// what a range could begin with.
    fn named(&mut self, fold_case: bool) -> Option<u8> {
        let inside = self.at + 1;
        let length = self.pattern[inside..].iter().position(|byte| *byte == b']')?;
        let Some(name) = self.pattern[inside..inside + length].strip_suffix(b":") else {
            self.has[usize::from(b'[')] = true;
            return Some(b'[');
        };
        let is_in: fn(&u8) -> bool = match name {
            b"alnum" => u8::is_ascii_alphanumeric,
            b"alpha" => u8::is_ascii_alphabetic,
            b"blank" => |byte| matches!(byte, b' ' | b'\t'),
            b"cntrl" => u8::is_ascii_control,
            b"digit" => u8::is_ascii_digit,
            b"graph" => u8::is_ascii_graphic,
            b"lower" => u8::is_ascii_lowercase,
            b"print" => |byte| matches!(byte, b' '..=b'~'),
            b"punct" => u8::is_ascii_punctuation,
            b"space" => |byte| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r'),
            b"upper" => u8::is_ascii_uppercase,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => return None,
        };
        // Letters of texts are small where case does not count: `upper` and ranges ask for both.
        self.add(|byte| is_in(&byte), fold_case);
        self.at = inside + length + 1;
        Some(0)
    }

    /// Adds all bytes for which this is so; small letters also where it is so for the large one.
    fn add(&mut self, is_in: impl Fn(u8) -> bool, fold_case: bool) {
        for (byte, has) in (0..=u8::MAX).zip(self.has.iter_mut()) {
            *has |= is_in(byte) || (fold_case && byte.is_ascii_lowercase() && is_in(byte.to_ascii_uppercase()));
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.pattern.get(self.at).copied()
    }
}

/// Returns the byte, in lower case where case does not count.
fn folded(byte: u8, fold_case: bool) -> u8 {
    if fold_case { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expect: bool) {
        let found = Glob::parse(pattern.as_bytes(), false).is_some_and(|glob| glob.matches(text.as_bytes()));
        assert_eq!(found, expect, "{pattern} on {text}");
    }

    #[test]
    fn stars_stop_at_slashes_and_two_between_slashes_do_not() {
        check("*.rs", "main.rs", true);
        check("*.rs", "src/main.rs", false);
        check("**/main.rs", "main.rs", true);
        check("**/main.rs", "a/b/main.rs", true);
        check("**/main.rs", "a/notmain.rs", false);
        check("a/**/b", "a/b", true);
        check("a/**/b", "a/x/y/b", true);
        check("a/**/b", "a/xb", false);
        check("a/**", "a/b/c", true);
        check("a**b", "ab", true);
        check("a**b", "a/b", false);
        check("**", "a/b", true);
    }

    #[test]
    fn classes_have_ranges_names_and_their_own_bracket() {
        check("[[:digit:]].core", "1.core", true);
        check("[^x]", "/", false);
        check("[!a-c]", "d", true);
        check("[]-]", "]", true);
        check("[\\]]", "]", true);
        check("[a", "a", false);
        check("[[:none:]]", "a", false);
        check("{a,b}", "{a,b}", true);
        check("{a,b}", "a", false);
        check("*{}", "x{}", true);
    }

    #[test]
    fn case_is_folded_as_git_does() {
        let fold = |pattern: &str, text: &str| Glob::parse(pattern.as_bytes(), true).unwrap().matches(text.as_bytes());
        assert!(fold("MAIN.*", "main.RS"));
        assert!(fold("[A-C]", "b") && fold("[[:upper:]]", "b"));
    }

    #[test]
    fn many_stars_cost_no_more_than_the_product_of_the_lengths() {
        let glob = Glob::parse(&b"a*".repeat(2000), false).unwrap();
        assert!(!glob.matches(&[b"a".repeat(4000), b"b/".to_vec()].concat()));
        let folders = Glob::parse(&[b"**/a/".repeat(500), b"b".to_vec()].concat(), false).unwrap();
        assert!(!folders.matches(&[b"a/".repeat(2000), b"c".to_vec()].concat()));
    }
}

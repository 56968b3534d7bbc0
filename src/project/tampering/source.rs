//! The text of a file without its comments, and without what its strings contain: a reader of patterns takes neither
//! for code. Offsets are those of the file.

use super::language::Language;
use super::pattern::pattern;

/// A text, in three views of equal length.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As it is.
    pub(super) raw: String,
    /// With spaces in place of comments.
    pub(super) text: String,
    /// With spaces in place of comments and of what strings contain.
    pub(super) code: String,
    /// Where its lines begin.
    starts: Vec<usize>,
    /// Every bracket that is closed, with the one that closes it.
    brackets: Vec<(usize, usize)>,
}

impl Source {
    /// Reads a text in a language. Takes time in proportion to its length.
    pub(super) fn new(raw: &str, language: Language) -> Self {
        let mut mask = Mask {
            raw: raw.as_bytes(),
            text: raw.as_bytes().to_vec(),
            code: raw.as_bytes().to_vec(),
            language,
        };
        mask.run();
        let ends = memchr::memchr_iter(b'\n', raw.as_bytes());
        Self {
            starts: std::iter::once(0).chain(ends.map(|at| at + 1)).collect(),
            brackets: brackets(&mask.code),
            // What is replaced begins and ends beside ASCII, so that no letter is cut.
            text: String::from_utf8_lossy(&mask.text).into_owned(),
            code: String::from_utf8_lossy(&mask.code).into_owned(),
            raw: raw.to_owned(),
        }
    }

    /// Returns the line of an offset, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Returns where the line of an offset begins.
    pub(super) fn line_start(&self, offset: usize) -> usize {
        self.starts[self.line(offset) - 1]
    }

    /// Returns where the line of an offset ends, before its line end.
    pub(super) fn line_end(&self, offset: usize) -> usize {
        match self.starts.get(self.line(offset)) {
            Some(next) => next - 1,
            None => self.raw.len(),
        }
    }

    /// Returns the offset of the bracket that closes the one at `open`; `None` where none does.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let found = self.brackets.binary_search_by_key(&open, |(open, _)| *open);
        found.ok().map(|index| self.brackets[index].1)
    }

    /// Returns the first offset at or behind `from` with something other than space.
    pub(super) fn after_space(&self, from: usize) -> usize {
        let bytes = &self.code.as_bytes()[from.min(self.code.len())..];
        let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        from + space
    }
}

/// Pairs the brackets of a code. One that closes another kind than was opened closes it all the same.
fn brackets(code: &[u8]) -> Vec<(usize, usize)> {
    let (mut open, mut pairs) = (Vec::new(), Vec::new());
    for (offset, byte) in code.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(offset),
            b')' | b']' | b'}' => pairs.extend(open.pop().map(|open| (open, offset))),
            _ => {}
        }
    }
    pairs.sort_unstable();
    pairs
}

/// A text in which comments and strings are being replaced.
struct Mask<'raw> {
    raw: &'raw [u8],
    text: Vec<u8>,
    code: Vec<u8>,
    language: Language,
}

impl Mask<'_> {
    fn run(&mut self) {
        let mut at = 0;
        let mut awaited = Vec::new();
        while at < self.raw.len() {
            if self.raw[at] == b'\n' && !awaited.is_empty() {
                let end = self.end_of_here(at + 1, &awaited);
                awaited.clear();
                blank(&mut self.code[at + 1..end]);
                at = end;
            } else if let Some((word, end)) = self.here_document(at) {
                awaited.push(word);
                at = end;
            } else if let Some(end) = self.comment(at) {
                self.blank_comment(at, end);
                at = end;
            } else if let Some(end) = self.string(at) {
                self.blank_string(at, end);
                at = end;
            } else {
                at += 1;
            }
        }
    }

    fn starts(&self, at: usize, with: &str) -> bool {
        self.raw[at..].starts_with(with.as_bytes())
    }

    fn is_at_line_start(&self, at: usize) -> bool {
        let before = self.raw[..at].iter().rev();
        before.take_while(|byte| **byte != b'\n').all(u8::is_ascii_whitespace)
    }

    /// Returns the end of what begins at `at` and ends with `with`, which belongs to it; that of the text, where it has
    /// no end.
    fn end_of(&self, at: usize, with: &str) -> usize {
        let found = memchr::memmem::find(&self.raw[at..], with.as_bytes());
        found.map_or(self.raw.len(), |found| at + found + with.len())
    }

    fn end_of_line(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.raw[at..]).map_or(self.raw.len(), |found| at + found)
    }

    /// Returns the end of a comment that begins here.
    fn comment(&self, at: usize) -> Option<usize> {
        use Language::{CSharp, Cpp, Elixir, Php, Python, Ruby, Rust, Swift};
        let slashes = !matches!(self.language, Python | Ruby | Elixir);
        match self.raw[at] {
            b'/' if slashes && self.starts(at, "//") => Some(self.end_of_line(at)),
            b'/' if slashes && self.starts(at, "/*") => Some(match self.language {
                Rust | Language::Kotlin | Swift => self.end_of_nested(at),
                _ => self.end_of(at + 2, "*/"),
            }),
            b'#' if matches!(self.language, Python | Ruby | Elixir) => Some(self.end_of_line(at)),
            b'#' if self.language == Php && !self.starts(at, "#[") => Some(self.end_of_line(at)),
            b'#' if matches!(self.language, Cpp | CSharp | Swift) => self.end_of_disabled(at),
            b'=' if self.language == Ruby && self.starts(at, "=begin") && (at == 0 || self.raw[at - 1] == b'\n') => {
                Some(self.end_of(at, "\n=end"))
            }
            _ => None,
        }
    }

    fn end_of_nested(&self, at: usize) -> usize {
        let (mut depth, mut here) = (0_usize, at);
        while here < self.raw.len() {
            if self.starts(here, "/*") {
                depth += 1;
                here += 2;
            } else if self.starts(here, "*/") {
                depth -= 1;
                here += 2;
                if depth == 0 {
                    return here;
                }
            } else {
                here += 1;
            }
        }
        here
    }

    /// Returns the end of what a preprocessor leaves out by `#if 0` or `#if false`.
    fn end_of_disabled(&self, at: usize) -> Option<usize> {
        let line = std::str::from_utf8(&self.raw[at..self.end_of_line(at)]).ok()?;
        let condition = line.strip_prefix("#if")?.trim();
        if !matches!(condition, "0" | "false") || !self.is_at_line_start(at) {
            return None;
        }
        let (mut depth, mut here) = (0_usize, at);
        while here < self.raw.len() {
            let end = self.end_of_line(here);
            let line = self.raw[here..end].trim_ascii_start();
            if line.starts_with(b"#if") {
                depth += 1;
            } else if line.starts_with(b"#endif") {
                depth -= 1;
            }
            if depth == 0 || (depth == 1 && (line.starts_with(b"#else") || line.starts_with(b"#elif"))) {
                return Some(end);
            }
            here = end + 1;
        }
        Some(self.raw.len())
    }

    /// Returns the end of a string, a character or a regular expression that begins here.
    fn string(&self, at: usize) -> Option<usize> {
        use Language::{CSharp, Cpp, Elixir, Go, Java, JavaScript, Kotlin, Php, Python, Ruby, Rust, Swift};
        let follows_word = at > 0 && (self.raw[at - 1].is_ascii_alphanumeric() || self.raw[at - 1] == b'_');
        match (self.raw[at], self.language) {
            (b'r', Rust) if !follows_word || self.raw[at - 1] == b'b' => self.end_of_raw(at),
            (b'R', Cpp) if !follows_word && self.starts(at, "R\"") => {
                let open = memchr::memchr(b'(', &self.raw[at..]).filter(|length| *length < 20)?;
                let delimiter = std::str::from_utf8(&self.raw[at + 2..at + open]).ok()?;
                Some(self.end_of(at + open, &format!("){delimiter}\"")))
            }
            (b'@', CSharp) if self.starts(at, "@\"") => Some(self.end_of_doubled(at + 2)),
            (b'"', Python | Java | Kotlin | Swift | CSharp | Elixir) if self.starts(at, "\"\"\"") => {
                Some(self.end_of(at + 3, "\"\"\""))
            }
            (b'\'', Python) if self.starts(at, "'''") => Some(self.end_of(at + 3, "'''")),
            (b'"', Rust) | (b'"' | b'\'', Php | Elixir | Ruby) | (b'`', JavaScript) => {
                Some(self.end_of_quoted(at, true))
            }
            (b'"', _) | (b'\'', JavaScript | Python) => Some(self.end_of_quoted(at, false)),
            (b'\'', Go | Java | Kotlin | CSharp | Cpp) if !follows_word => Some(self.end_of_quoted(at, false)),
            (b'\'', Rust) => self.end_of_character(at),
            (b'`', Go) => Some(self.end_of(at + 1, "`")),
            (b'/', JavaScript | Ruby) => self.end_of_expression(at),
            _ => None,
        }
    }

    /// Returns the word that ends the text which begins in the line below, in Ruby and PHP, and where it stands.
    fn here_document(&self, at: usize) -> Option<(String, usize)> {
        let head = match self.language {
            Language::Ruby => pattern!(r"^<<[~-]['\x22`]?([A-Za-z_]\w*)['\x22`]?"),
            Language::Php => pattern!(r"^<<<[ \t]*['\x22]?([A-Za-z_]\w*)['\x22]?"),
            _ => return None,
        };
        if self.raw[at] != b'<' {
            return None;
        }
        let line = std::str::from_utf8(&self.raw[at..self.end_of_line(at)]).ok()?;
        let found = head.captures(line)?;
        Some((found[1].to_owned(), at + found[0].len()))
    }

    /// Returns where the lines end that begin at an offset and that these words end, each with a text of its own.
    fn end_of_here(&self, from: usize, words: &[String]) -> usize {
        let mut here = from;
        for word in words {
            while here < self.raw.len() {
                let end = self.end_of_line(here);
                let line = self.raw[here..end].trim_ascii_start();
                let is_end = line.starts_with(word.as_bytes())
                    && !line
                        .get(word.len())
                        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                // What stands behind the word in PHP is code.
                here = if is_end {
                    end - line.len() + word.len()
                } else {
                    (end + 1).min(self.raw.len())
                };
                if is_end {
                    break;
                }
            }
        }
        here
    }

    fn end_of_raw(&self, at: usize) -> Option<usize> {
        let hashes = self.raw[at + 1..].iter().take_while(|byte| **byte == b'#').count();
        let quote = at + 1 + hashes;
        (self.raw.get(quote) == Some(&b'"')).then(|| self.end_of(quote + 1, &format!("\"{}", "#".repeat(hashes))))
    }

    /// Returns the end of a string in which a quote is written twice.
    fn end_of_doubled(&self, from: usize) -> usize {
        let mut here = from;
        while here < self.raw.len() {
            if self.raw[here] != b'"' {
                here += 1;
            } else if self.raw.get(here + 1) == Some(&b'"') {
                here += 2;
            } else {
                return here + 1;
            }
        }
        here
    }

    /// Returns the end of a string whose quote is at `at`; where it may not have several lines, its line's.
    fn end_of_quoted(&self, at: usize, has_lines: bool) -> usize {
        let quote = self.raw[at];
        let mut here = at + 1;
        while here < self.raw.len() {
            match self.raw[here] {
                b'\\' => here += 2,
                b'\n' if !has_lines => return here,
                byte if byte == quote => return here + 1,
                _ => here += 1,
            }
        }
        self.raw.len()
    }

    /// Returns the end of a character, which a lifetime is not.
    fn end_of_character(&self, at: usize) -> Option<usize> {
        let rest = &self.raw[at + 1..];
        if rest.first() == Some(&b'\\') {
            let length = memchr::memchr(b'\'', rest.get(2..)?)?;
            return (length < 12).then_some(at + 4 + length);
        }
        let width = std::str::from_utf8(&rest[..rest.len().min(4)]);
        let width = match width {
            Ok(text) => text.chars().next()?.len_utf8(),
            Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&rest[..error.valid_up_to()])
                .ok()?
                .chars()
                .next()?
                .len_utf8(),
            Err(_) => return None,
        };
        (rest.get(width) == Some(&b'\'')).then_some(at + width + 2)
    }

    /// Returns the end of a regular expression, which a division is not.
    fn end_of_expression(&self, at: usize) -> Option<usize> {
        let mut before = self.raw[..at]
            .iter()
            .rev()
            .skip_while(|byte| matches!(byte, b' ' | b'\t'));
        let opens = match before.next() {
            None => true,
            Some(byte) => b"(,=:[!&|?{};~\n".contains(byte),
        };
        if !opens {
            return None;
        }
        let (mut here, mut is_class) = (at + 1, false);
        while let Some(byte) = self.raw.get(here) {
            match byte {
                b'\n' => return None,
                b'\\' => here += 1,
                b'[' => is_class = true,
                b']' => is_class = false,
                b'/' if !is_class => return Some(here + 1),
                _ => {}
            }
            here += 1;
        }
        None
    }

    fn blank_comment(&mut self, from: usize, to: usize) {
        blank(&mut self.text[from..to]);
        blank(&mut self.code[from..to]);
    }

    /// Leaves the first quote, so that something stands there, and the last one of what is in one line.
    fn blank_string(&mut self, from: usize, to: usize) {
        let to = to.min(self.raw.len());
        let is_line = memchr::memchr(b'\n', &self.raw[from..to]).is_none();
        blank(&mut self.code[from..to]);
        self.code[from] = b'"';
        if is_line && to > from + 1 {
            self.code[to - 1] = b'"';
        }
    }
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, raw: &str, text: &str, code: &str) {
        let source = Source::new(raw, language);
        assert_eq!(
            (source.text.as_str(), source.code.as_str()),
            (text, code),
            "{language:?}"
        );
    }

    #[test]
    fn comments_and_what_is_in_strings_are_blank() {
        use Language::{Cpp, Go, JavaScript, Php, Python, Ruby, Rust};
        check(Rust, "a(\"//\"); // b", "a(\"//\");     ", "a(\"  \");     ");
        check(
            Rust,
            "/* /* */ x */ f::<'a>('{')",
            "              f::<'a>('{')",
            "              f::<'a>(\" \")",
        );
        check(
            Rust,
            "r#\"a\"b\"# c",
            "r#\"a\"b\"# c",
            "\"       \" c".replace("       ", "      ").as_str(),
        );
        check(
            JavaScript,
            "x = /[/\"]/; a / b",
            "x = /[/\"]/; a / b",
            "x = \"    \"; a / b",
        );
        check(JavaScript, "f(`{\n`)", "f(`{\n`)", "f(\" \n )");
        check(
            Python,
            "f('#') # x\n\"\"\"a\n\"\"\"",
            "f('#')    \n\"\"\"a\n\"\"\"",
            "f(\" \")    \n\"   \n   ",
        );
        check(Go, "a := `\\` // b", "a := `\\`     ", "a := \" \"     ");
        check(Php, "#[Test] # x", "#[Test]    ", "#[Test]    ");
        check(Ruby, "=begin\nx\n=end\ny", "      \n \n    \ny", "      \n \n    \ny");
        check(
            Cpp,
            "#if 0\na\n#endif\nb 1'000",
            "     \n \n      \nb 1'000",
            "     \n \n      \nb 1'000",
        );
        check(
            Ruby,
            "a <<~B, c\n  it's {\nB\nd",
            "a <<~B, c\n  it's {\nB\nd",
            "a <<~B, c\n        \n \nd",
        );
        check(Rust, "\"é\" 'é' \u{e9}", "\"é\" 'é' \u{e9}", "\"  \" \"  \" \u{e9}");
    }

    #[test]
    fn lines_and_brackets_are_found() {
        let source = Source::new("a\nf({)}, [1])\n", Language::Go);
        assert_eq!((source.line(0), source.line(2), source.line(13)), (1, 2, 2));
        assert_eq!((source.line_start(5), source.line_end(5)), (2, 13));
        assert_eq!(source.closing(9), Some(11));
        assert_eq!(Source::new("(", Language::Go).closing(0), None);
    }
}

//! TAP, versions 12 to 14: test points, plans, and subtests, which are indented by four spaces.
//!
//! A test is named by its description, after those of the tests that it is a part of. Of a test with parts, only the parts
//! count, unless it failed and none of them did.

use super::collected::{Outcome, Results};

/// How deep subtests may be.
const DEEPEST: usize = 32;
const INDENT: usize = 4;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Tap {
    results: Results,
    /// Test points that plans announce, and that came, outside of subtests.
    planned: Option<u64>,
    points: u64,
    /// Parts that wait for the name of what they are a part of, by depth.
    waiting: Vec<Vec<(String, Outcome)>>,
    /// How many wait, at all depths.
    count: usize,
    /// The indentation of a block of YAML, while one is open.
    block: Option<usize>,
    bailed_out: bool,
}

impl Tap {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if let Some(block) = self.block {
            if indent == block && text.trim_end() == "..." {
                self.block = None;
            }
            return Ok(());
        }
        if text.trim_end() == "---" && indent >= 2 {
            self.block = Some(indent);
            return Ok(());
        }
        if !indent.is_multiple_of(INDENT) {
            return Ok(());
        }
        let depth = indent / INDENT;
        if text.starts_with("Bail out!") {
            self.bailed_out = true;
        } else if let Some(count) = plan(text) {
            if depth == 0 {
                self.planned = Some(self.planned.unwrap_or_default() + count);
            }
        } else if let Some((name, outcome)) = point(text) {
            if depth > DEEPEST {
                return Err(format!("subtests more than {DEEPEST} deep"));
            }
            return self.point(depth, name, outcome);
        }
        Ok(())
    }

    fn point(&mut self, depth: usize, name: String, outcome: Outcome) -> Result<(), String> {
        if self.waiting.len() <= depth + 1 {
            self.waiting.resize_with(depth + 2, Vec::new);
        }
        // What is deeper than its parts has no name of its own in between.
        let parts: Vec<_> = self.waiting.drain(depth + 1..).flatten().collect();
        let none_failed = !parts.iter().any(|(_, outcome)| *outcome == Outcome::Failed);
        let mut points: Vec<_> = parts
            .into_iter()
            .map(|(part, outcome)| (format!("{name} > {part}"), outcome))
            .collect();
        if points.is_empty() || (outcome == Outcome::Failed && none_failed) {
            points.push((name, outcome));
            self.count += 1;
        }
        if self.count > super::collected::MOST_TESTS {
            return Err(format!("more than {} tests", super::collected::MOST_TESTS));
        }
        if depth > 0 {
            self.waiting[depth].extend(points);
            return Ok(());
        }
        self.points += 1;
        points
            .iter()
            .try_for_each(|(name, outcome)| self.results.add(name, *outcome))
    }

    /// Checks that what was planned came; returns the results.
    pub(super) fn finish(self) -> Result<Results, String> {
        if self.bailed_out {
            return Err("its tests bailed out".to_owned());
        }
        match self.planned {
            None => Err("its output has no plan of TAP, such as `1..4`".to_owned()),
            Some(planned) if planned != self.points => {
                Err(format!("its plans have {planned} tests, and {} came", self.points))
            }
            Some(_) if self.waiting.iter().any(|parts| !parts.is_empty()) => {
                Err("a test of which parts came has not come to its end".to_owned())
            }
            Some(_) => Ok(self.results),
        }
    }
}

/// Reads `1..4`, or `1..0 # SKIP why`.
fn plan(text: &str) -> Option<u64> {
    let count = text.strip_prefix("1..")?;
    let end = count.find(|character: char| !character.is_ascii_digit());
    let (count, rest) = count.split_at(end.unwrap_or(count.len()));
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then(|| count.parse::<u32>().ok().map(u64::from))?
}

/// Reads a test point: `not ok 4 - description # TODO why`.
fn point(text: &str) -> Option<(String, Outcome)> {
    let (ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    if !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    let rest = rest.trim();
    let end = rest.find(|character: char| !character.is_ascii_digit());
    let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let (description, directive) = directive(rest);
    let description = description.trim();
    let description = description.strip_prefix('-').map_or(description, str::trim);
    let name = if description.is_empty() {
        format!("test {number}")
    } else {
        description.to_owned()
    };
    let outcome = match (ok, directive) {
        (_, Some("skip")) | (false, Some(_)) => Outcome::Skipped,
        (true, _) => Outcome::Passed,
        (false, None) => Outcome::Failed,
    };
    Some((name, outcome))
}

/// Splits off `# SKIP why` and `# TODO why`, whichever way they are written.
fn directive(text: &str) -> (&str, Option<&'static str>) {
    for (at, _) in text.match_indices('#') {
        if text[..at].ends_with('\\') {
            continue;
        }
        let word = text[at + 1..].trim_start();
        let is = |wanted: &str| word.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        if is("skip") {
            return (&text[..at], Some("skip"));
        }
        if is("todo") {
            return (&text[..at], Some("todo"));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use crate::config::ResultsFormat;
    use crate::run::gate::results::tests::read;

    fn of(output: &str) -> Result<String, String> {
        read(&ResultsFormat::Tap, output)
    }

    #[test]
    fn points_directives_and_subtests_are_read() {
        let plain = "TAP version 13\n1..6\nok 1 - adds\nnot ok 2 subtracts\n  ---\n  ok 9 - in a block\n  ...\n\
                     ok 3 # skip no network\nnot ok 4 - later # TODO write it\nok\nok 6 - has \\# in it # a comment\n";
        assert_eq!(
            of(plain).unwrap(),
            "adds, has \\# in it # a comment, test | subtracts | later, test 3"
        );
        // As `node --test --test-reporter=tap` writes it.
        let node = "TAP version 13\n# Subtest: numbers\n    # Subtest: add\n    ok 1 - add\n      ---\n      duration_ms: 0.5\n      ...\n\
                    \u{20}   # Subtest: divide\n    not ok 2 - divide\n    1..2\nnot ok 1 - numbers\n# Subtest: alone\nok 2 - alone\n1..2\n";
        assert_eq!(of(node).unwrap(), "alone, numbers > add | numbers > divide | ");
        let after = "    ok 1 - part\n    1..1\nnot ok 1 - whole\n1..1\n";
        assert_eq!(of(after).unwrap(), "whole > part | whole | ");
        assert_eq!(of("1..0 # SKIP not here\n").unwrap(), " |  | ");
        // As `prove -v` writes several files.
        assert_eq!(of("1..1\nok 1 - a\n1..1\nok 1 - a\n").unwrap(), "a, a |  | ");
    }

    #[test]
    fn what_does_not_agree_with_itself_is_not_used() {
        for (output, expect) in [
            ("", "no plan"),
            ("ok 1 - a\n", "no plan"),
            ("1..3\nok 1\nok 2\n", "plans have 3 tests, and 2 came"),
            ("1..1\nok 1\nok 2 - forged\n", "plans have 1 tests, and 2 came"),
            ("1..2\nok 1\nBail out! no database\nok 2\n", "bailed out"),
            ("1..0\n    ok 1 - part\n", "has not come to its end"),
            (&format!("{}ok 1\n", " ".repeat(400)), "deep"),
        ] {
            let why = of(output).unwrap_err();
            assert!(why.contains(expect), "{output}: {why}");
        }
    }
}

//! Test cases whose end is where the indentation ends.

use std::ops::Range;

use crate::project::tampering::language::Language;
use crate::project::tampering::pattern::pattern;
use crate::project::tampering::source::Source;
use crate::project::tampering::test_case::{Case, MOST_CASES, first_string};

/// A line of code.
struct Line {
    at: Range<usize>,
    /// How far it is indented; `None` for one that has nothing, or belongs to the brackets or the string before it.
    indent: Option<usize>,
}

/// Finds the blocks that are tests.
pub(super) fn find(source: &Source, language: Language) -> Vec<Case> {
    let heads = match language {
        Language::Python => pattern!(r"(?m)^[ \t]*(?:async[ \t]+)?def[ \t]+(test\w*)[ \t]*\("),
        Language::Elixir => pattern!(r"(?m)^[ \t]*(?:test|property|feature)\s*\(?\s*()[^\s=]"),
        _ => pattern!(
            r"(?m)^[ \t]*(?:def[ \t]+(test_\w+[?!]?)|(?:[xf]?(?:it|specify|example|scenario)|its|test|property)\b\s*\(?\s*()[^\s=.])"
        ),
    };
    let lines = lines(source);
    let heads = heads.captures_iter(&source.code).take(MOST_CASES);
    let found = heads.filter_map(|head| {
        let line = source.line(head.get(0)?.start()) - 1;
        let name = head.get(1).filter(|name| !name.is_empty());
        let (name, name_at) = match name {
            Some(name) => (name.as_str().to_owned(), name.range()),
            None => first_string(source, &lines[line].at).unwrap_or_else(|| {
                let at = lines[line].at.clone();
                (source.text[at.clone()].trim().to_owned(), at.end..at.end)
            }),
        };
        let (body, end) = body_of(source, &lines, line, &name_at, language)?;
        Some(Case {
            name,
            name_at,
            region: start_of(source, &lines, line)..end,
            body,
            nested: Vec::new(),
        })
    });
    found.collect()
}

fn lines(source: &Source) -> Vec<Line> {
    let (mut found, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    for line in source.code.split_inclusive('\n') {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start().len();
        let is_one = depth == 0 && !content.is_empty();
        found.push(Line {
            at: from..from + content.len(),
            indent: is_one.then_some(indent),
        });
        for byte in content.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        from += line.len();
    }
    found
}

/// Returns where a block begins, with the decorators or tags above it.
fn start_of(source: &Source, lines: &[Line], head: usize) -> usize {
    let mut start = head;
    for line in (0..head).rev().take(100) {
        let is_attribute = source.code[lines[line].at.clone()].trim_start().starts_with('@');
        match lines[line].indent {
            Some(indent) if Some(indent) == lines[head].indent && is_attribute => start = line,
            Some(_) => break,
            None => {}
        }
    }
    lines[start].at.start
}

/// Returns the body of a block, and where the block ends.
fn body_of(
    source: &Source,
    lines: &[Line],
    head: usize,
    name: &Range<usize>,
    language: Language,
) -> Option<(Range<usize>, usize)> {
    let indent = lines[head].indent?;
    let behind = lines.iter().enumerate().skip(head + 1);
    let end = behind
        .filter(|(_, line)| line.indent.is_some_and(|other| other <= indent))
        .filter(|(_, line)| !goes_on(source, line, language))
        .map(|(index, _)| index)
        .next();
    let last = end.unwrap_or(lines.len());
    let start = if language == Language::Python {
        behind_signature(source, name.end)?
    } else {
        lines[head].at.end
    };
    let closes = end.is_some_and(|end| pattern!(r"^\s*(?:end|\})").is_match(&source.code[lines[end].at.clone()]));
    if language != Language::Python && (!closes || last == head + 1 && has_own_end(source, &lines[head])) {
        // All of it is in one line: `it { … }`, `test "…", do: …`.
        return Some((lines[head].at.clone(), lines[head].at.end));
    }
    let until = lines.get(last).map_or(source.raw.len(), |line| line.at.start);
    let whole = if language != Language::Python && closes {
        end.map_or(until, |end| lines[end].at.end)
    } else {
        until
    };
    Some((start.min(until)..until, whole))
}

/// Returns whether a line at the indentation of a block's head belongs to it: what is done whatever happens, or where
/// something was raised.
fn goes_on(source: &Source, line: &Line, language: Language) -> bool {
    language != Language::Python
        && pattern!(r"^\s*(?:ensure|rescue|else|after|catch)\b").is_match(&source.code[line.at.clone()])
}

/// Returns whether a block that begins in this line ends in it.
fn has_own_end(source: &Source, line: &Line) -> bool {
    let code = source.code[line.at.clone()].trim_end();
    code.ends_with('}') || code.ends_with("end") || code.contains(", do:")
}

/// Returns where the body begins of a Python function whose name ends at `from`: behind the colon.
fn behind_signature(source: &Source, from: usize) -> Option<usize> {
    let open = source.after_space(from);
    let close = source.closing(open)?;
    let colon = source.code[close..].find(':')?;
    Some(close + colon + 1)
}

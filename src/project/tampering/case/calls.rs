//! Test cases that are calls with a title and a function, and macros that look like calls.

use std::ops::Range;

use crate::project::tampering::language::Language;
use crate::project::tampering::pattern::pattern;
use crate::project::tampering::source::Source;
use crate::project::tampering::test_case::{Case, MOST_CASES, end_of_chain, first_string};

/// Finds the calls that are tests.
pub(super) fn find(source: &Source, language: Language) -> Vec<Case> {
    let heads = match language {
        Language::Cpp => pattern!(
            r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|TEST_CASE(?:_METHOD|_FIXTURE)?|TEMPLATE_TEST_CASE\w*|SCENARIO|SECTION|SUBCASE|GIVEN|WHEN|THEN|BOOST_\w*TEST_CASE)\s*\("
        ),
        Language::Go => pattern!(r"\b[a-z]\w*\.Run\s*\("),
        Language::Php => pattern!(r"(?m)(?:^|[;{}])\s*(?:it|test)\s*\("),
        _ => pattern!(
            r"(?:\b\w+\s*\.\s*)?\b(?:it|test|xit|fit|xtest|specify|xspecify)(?:\s*\.\s*\w+)*\s*(?:<[^>()]*>\s*)?[(`]"
        ),
    };
    let heads = heads.find_iter(&source.code).take(MOST_CASES);
    let found = heads.filter_map(|head| {
        let start =
            source.after_space(head.start() + usize::from(source.code[head.start()..].starts_with([';', '{', '}'])));
        let open = open_of(source, start, head.end() - 1)?;
        // A member of something else, such as `/a/.test(`.
        let is_member = source.code[..start].trim_end().ends_with('.');
        let owner =
            pattern!(r"^(\w+)\s*\.\s*(?:it|test|xit|fit|xtest|specify|xspecify)\b").captures(&source.code[start..open]);
        let is_other = owner.is_some_and(|owner| {
            !matches!(
                &owner[1],
                "t" | "ctx" | "context" | "tap" | "QUnit" | "Deno" | "it" | "test" | "specify" | "fit" | "xit"
            )
        });
        if is_member || is_other {
            return None;
        }
        match language {
            Language::Cpp => of_macro(source, start, open),
            _ => of_call(source, start, open),
        }
    });
    found.collect()
}

/// Returns where the arguments begin that hold the title: behind the table of `it.each`.
fn open_of(source: &Source, start: usize, bracket: usize) -> Option<usize> {
    let head = &source.text[start..bracket];
    if !pattern!(r"\.\s*(?:each|for|skipIf|runIf|if|skip_if)\s*$").is_match(head)
        && source.text.as_bytes()[bracket] == b'('
    {
        return Some(bracket);
    }
    let end = match source.code.as_bytes()[bracket] {
        b'(' => source.closing(bracket)? + 1,
        // A template: its content is blank.
        _ => bracket + 1 + source.text[bracket + 1..].find('`')? + 1,
    };
    let open = source.after_space(end);
    (source.code.as_bytes().get(open) == Some(&b'(')).then_some(open)
}

fn of_call(source: &Source, start: usize, open: usize) -> Option<Case> {
    let close = source.closing(open)?;
    let arguments = open + 1..close;
    let (name, name_at) = title(source, &arguments);
    // `test(value)` of something else, and `it.todo('title')`, have no function.
    let rest = window(&source.code, name_at.end, close);
    let arrow = pattern!(r"=>|\bfunction\b|\bfunc\b|\bfn\b").find(rest)?;
    let arrow = name_at.end + arrow.start();
    let from = source.code[name_at.end..arrow]
        .rfind(',')
        .map_or(arrow, |comma| name_at.end + comma + 1);
    let body = body_in(source, arrow, close).unwrap_or(from..close);
    Some(Case {
        name,
        name_at,
        region: start..end_of_chain(source, close + 1),
        body,
        nested: Vec::new(),
    })
}

/// Returns the title of a call: its first string, or its first argument as it is written.
fn title(source: &Source, arguments: &Range<usize>) -> (String, Range<usize>) {
    let first = source.after_space(arguments.start);
    if source.code.as_bytes().get(first) == Some(&b'"')
        && let Some(found) = first_string(source, arguments)
    {
        return found;
    }
    let code = window(&source.code, arguments.start, arguments.end);
    let end = arguments.start + code.find(',').unwrap_or(0);
    (
        source.text[arguments.start..end].trim().to_owned(),
        arguments.start..end,
    )
}

/// Returns the body of the function that begins at `from`, between its braces; `None` for an arrow without any.
fn body_in(source: &Source, from: usize, close: usize) -> Option<Range<usize>> {
    let code = source.code.as_bytes();
    let mut here = from;
    while here < close {
        match code[here] {
            b'(' | b'[' => here = source.closing(here)?,
            b'{' => return Some(here + 1..source.closing(here)?),
            _ => {}
        }
        here += 1;
    }
    None
}

/// Returns so much of a range as a person would write there.
fn window(code: &str, from: usize, to: usize) -> &str {
    const MOST: usize = 4000;
    let mut end = to.min(from + MOST);
    while !code.is_char_boundary(end) {
        end += 1;
    }
    &code[from..end]
}

fn of_macro(source: &Source, start: usize, open: usize) -> Option<Case> {
    let close = source.closing(open)?;
    let brace = source.after_space(close + 1);
    if source.code.as_bytes().get(brace) != Some(&b'{') {
        return None;
    }
    let end = source.closing(brace)?;
    let arguments = open + 1..close;
    let (name, name_at) = first_string(source, &arguments).unwrap_or_else(|| {
        let words = source.code[arguments.clone()].split(',').map(str::trim);
        (words.collect::<Vec<_>>().join("."), arguments)
    });
    Some(Case {
        name: name.replace("DISABLED_", ""),
        name_at,
        region: start..end + 1,
        body: brace + 1..end,
        nested: Vec::new(),
    })
}

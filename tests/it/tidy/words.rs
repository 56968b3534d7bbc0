//! Words that make a native reader stumble, kept out of what people read: help, errors, hints and documents.
//! CONTRIBUTING.md has the style sheet.

use super::{Text, below, documents, files, report};

/// Words and phrases to avoid, in lower case, each with what stands in its place.
const AVOIDED: [(&str, &str); 16] = [
    ("heed", "handle"),
    ("heeds", "handles"),
    ("heeded", "handled"),
    ("reckon", "compute, estimate or count"),
    ("reckons", "computes, estimates or counts"),
    ("reckoned", "computed, estimated or counted"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("in vain", "without success"),
    ("whom", "the name of the thing"),
    ("be it", "including"),
    ("as far as", "if"),
    ("makes no sense", "is not valid"),
    ("nobody knows", "it is not known"),
    ("amounts to", "results in"),
];

/// A word of a text, in lower case, and its line.
struct Word {
    line: usize,
    word: String,
}

impl Word {
    /// Without what stands around it: quotes, brackets, marks of emphasis.
    fn bare(&self) -> &str {
        self.word.trim_matches(|letter: char| !letter.is_alphanumeric())
    }
}

/// Splits lines with their numbers into words.
fn words<'a>(lines: impl IntoIterator<Item = (usize, &'a str)>) -> Vec<Word> {
    let split = |(line, text): (usize, &str)| {
        let words = text.split_whitespace().map(str::to_lowercase);
        words.map(move |word| Word { line, word }).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(split).collect()
}

/// Whether the words begin with a phrase. Marks stand before its first word and behind its last one only.
fn begins_with(words: &[Word], phrase: &str) -> bool {
    let mark = |letter: char| !letter.is_alphanumeric();
    let parts: Vec<&str> = phrase.split(' ').collect();
    let last = parts.len() - 1;
    words.len() >= parts.len()
        && parts.iter().zip(words).enumerate().all(|(index, (part, word))| {
            let mut found = word.word.as_str();
            if index == 0 {
                found = found.trim_start_matches(mark);
            }
            if index == last {
                found = found.trim_end_matches(mark);
            }
            found == *part
        })
}

/// Whether a negation at `start` reads "X is no Y". "There is no Y" and "is no longer" are plain English.
fn is_no(words: &[Word], start: usize) -> bool {
    let before = start.checked_sub(1).map(|index| words[index].bare());
    let after = words.get(start + 2).map(Word::bare);
    begins_with(&words[start..], "is no")
        && before != Some("there")
        && !matches!(after, None | Some("longer" | "more" | "greater" | "larger"))
}

fn problems(path: &str, words: &[Word]) -> Vec<String> {
    let mut problems = Vec::new();
    for start in 0..words.len() {
        let place = format!("{path}:{}", words[start].line);
        let avoided = AVOIDED.iter().filter(|(word, _)| begins_with(&words[start..], word));
        problems.extend(avoided.map(|(word, better)| format!("{place}: `{word}`: write \"{better}\"")));
        if is_no(words, start) {
            problems.push(format!("{place}: `is no`: write \"is not a\" or \"is not an\""));
        }
    }
    problems
}

/// A document without its code: spans between backticks, and blocks between fences. Lines stay where they are.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        if !is_fence && !fenced {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    let mut in_span = false;
    let outside = |letter: char| {
        in_span ^= letter == '`';
        match letter {
            '\n' => '\n',
            // A mark, so that the words on both sides of a span are no neighbours.
            _ if in_span || letter == '`' => '.',
            _ => letter,
        }
    };
    kept.chars().map(outside).collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The doc comments within the types that clap reads.
fn help(file: &Text) -> Vec<(usize, &str)> {
    let mut is_clap = false;
    let mut found = Vec::new();
    for (number, line) in numbered(&file.text) {
        if line.starts_with("#[derive(") {
            is_clap = ["Args", "Subcommand", "Parser"].iter().any(|name| line.contains(name));
        } else if line == "}" {
            is_clap = false;
        } else if let Some(comment) = line.trim_start().strip_prefix("///").filter(|_| is_clap) {
            found.push((number, comment));
        }
    }
    found
}

/// The literals of a file up to its unit tests, each with its line, without what `{…}` puts in, and without code in
/// backticks. A literal of one word is a name, not a text.
fn literals(file: &Text) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in file.code_without_tests() {
        let mut letters = line.chars().peekable();
        if inside && let Some((_, text)) = found.last_mut() {
            text.push(' ');
        }
        while let Some(letter) = letters.next() {
            let escaped = (letter == '\\').then(|| letters.next()).flatten();
            match (letter, found.last_mut()) {
                // A character: not the beginning of a literal, and nothing of one.
                ('\'', _) if !inside && letters.peek() == Some(&'"') => drop(letters.next()),
                ('"', _) if !inside => {
                    inside = true;
                    found.push((number, String::new()));
                }
                ('"', _) => inside = false,
                ('/', _) if !inside && letters.peek() == Some(&'/') => break,
                ('\\', Some((_, text))) if inside => text.extend(escaped.filter(|letter| *letter != 'n')),
                (letter, Some((_, text))) if inside => text.push(letter),
                _ => {}
            }
        }
    }
    found.retain(|(_, text)| text.trim().contains(' '));
    for (_, text) in &mut found {
        *text = prose(&without_arguments(text));
    }
    found
}

/// A text of `format!` without the names between its braces.
fn without_arguments(text: &str) -> String {
    let parts = text.split('{');
    let outside = parts.map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    outside.collect::<Vec<_>>().join(".")
}

#[test]
fn documents_use_plain_words() {
    let mut problems_found = Vec::new();
    for file in documents() {
        problems_found.extend(problems(&file.path, &words(numbered(&prose(&file.text)))));
    }
    report(&problems_found);
}

/// In an editor, or on a page of documentation, there is no "same" to be seen.
#[test]
fn no_comment_begins_with_what_stands_elsewhere() {
    let mut problems_found = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with(concat!("/// The", " same")) {
                problems_found.push(format!("{}:{}: say what it does by itself", file.path, index + 1));
            }
        }
    }
    report(&problems_found);
}

#[test]
fn help_uses_plain_words() {
    let mut problems_found = Vec::new();
    let mut count = 0;
    for file in below("src/cli").iter().filter(|file| file.is_rust()) {
        let help = help(file);
        count += help.len();
        problems_found.extend(problems(&file.path, &words(help)));
    }
    assert!(count > 50, "{count} lines of help found: has the derive another form?");
    report(&problems_found);
}

/// The comments of a file, each line with its number.
fn comments(file: &Text) -> Vec<(usize, &str)> {
    let lines = numbered(&file.text);
    lines
        .filter_map(|(number, line)| Some((number, line.trim_start().strip_prefix("//")?)))
        .map(|(number, comment)| (number, comment.trim_start_matches(['/', '!'])))
        .collect()
}

#[test]
fn comments_use_plain_words() {
    let mut problems_found = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        if ["src/", "xtask/"].iter().any(|folder| file.path.starts_with(folder)) {
            let mut text = String::new();
            let mut last = 0;
            // Lines keep their numbers, and code in backticks may go on in the next line of a comment.
            for (number, comment) in comments(file) {
                text.push_str(&"\n".repeat(number - last));
                text.push_str(comment);
                last = number;
            }
            let prose = prose(&text);
            let lines = prose.lines().enumerate();
            problems_found.extend(problems(&file.path, &words(lines)));
        }
    }
    report(&problems_found);
}

#[test]
fn errors_and_hints_use_plain_words() {
    let mut problems_found = Vec::new();
    let mut count = 0;
    for file in below("src/").iter().filter(|file| file.is_rust()) {
        let literals = literals(file);
        count += literals.len();
        for (line, text) in &literals {
            problems_found.extend(problems(&file.path, &words([(*line, text.as_str())])));
        }
    }
    assert!(count > 500, "{count} texts found: are literals still read?");
    report(&problems_found);
}

#[test]
fn a_document_with_a_bad_word_is_found() {
    let text = "It heeds `whom` it\nmay, as far\nas it can.\n```\nin vain\n```\nThere is no `x`; it is no longer. That is no **y**.\n";
    let found = problems("docs/x.md", &words(numbered(&prose(text))));
    let expect = [
        "docs/x.md:1: `heeds`: write \"handles\"",
        "docs/x.md:2: `as far as`: write \"if\"",
        "docs/x.md:7: `is no`: write \"is not a\" or \"is not an\"",
    ];
    assert_eq!(found, expect);
}

#[test]
fn help_and_texts_with_a_bad_word_are_found() {
    let file = Text {
        path: "src/cli/x.rs".to_owned(),
        text: "/// Whom it is for.\n#[derive(Debug, Args)]\nstruct X {\n    /// Mend it\n    x: bool,\n}\n\
               fn f() {\n    let y = \"mend\"; // in vain\n    hint(\"`mend` it, \\\n        or reckon {mend}\");\n}\n"
            .to_owned(),
    };
    assert_eq!(
        problems(&file.path, &words(help(&file))),
        ["src/cli/x.rs:4: `mend`: write \"fix\""]
    );
    let literals = literals(&file);
    let of_literals = words(literals.iter().map(|(line, text)| (*line, text.as_str())));
    let expect = ["src/cli/x.rs:9: `reckon`: write \"compute, estimate or count\""];
    assert_eq!(problems(&file.path, &of_literals), expect);
}

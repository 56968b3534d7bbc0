//! A task as a text that a person edits, and what the edited text changes.

use std::fmt::Write as _;

use crate::base::text::one_line;
use crate::issues::issue::{Issue, IssueEdit, PRIORITY_MAX, TYPES};

/// An editor may obey lines near the beginning and the end of a file, and a task's words are an agent's: as many comments
/// stand around them as vim reads (`modelines`).
const HEADER: &str = "\
# Change what you want, save, and close the editor. Nothing changes if you change nothing.
# A line that you remove leaves its part as it is.
# priority: from 0 (first) to 4 (last)
# type: task, bug, feature, chore or epic
# labels: words with commas between them
";
const FOOTER: &str = "
#
#
#
#
# Lines from the one above that says `end` are not read.
";
/// How a line begins that tells what is wrong with an edited text; it is taken out again before the next reading.
const PROBLEM: &str = "#! ";

/// The words of a task that people edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    title: String,
    description: String,
    priority: u8,
    issue_type: String,
    labels: Vec<String>,
    proof: String,
}

/// What is wrong in an edited text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// The parts of a text that have several lines.
struct Marks {
    proof: String,
    description: String,
    end: String,
}

impl Words {
    pub(super) fn of(issue: &Issue) -> Self {
        Self {
            title: issue.title.clone(),
            description: issue.description.clone(),
            priority: issue.priority,
            issue_type: issue.issue_type.clone(),
            labels: issue.labels.clone(),
            proof: issue.plan.proof.clone().unwrap_or_default(),
        }
    }

    /// Returns the names of the parts in which two differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("title", self.title == other.title),
            ("description", self.description == other.description),
            ("priority", self.priority == other.priority),
            ("type", self.issue_type == other.issue_type),
            ("labels", self.labels == other.labels),
            ("proof", self.proof == other.proof),
        ];
        parts.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect()
    }

    /// Returns the text to edit.
    pub(super) fn text(&self) -> String {
        let marks = self.marks();
        let whole = |text: &str| match text.trim_end_matches('\n') {
            "" => String::new(),
            text => format!("{text}\n"),
        };
        format!(
            "{HEADER}\ntitle: {}\npriority: {}\ntype: {}\nlabels: {}\n{}\n{}{}\n{}{}\n{FOOTER}",
            self.title,
            self.priority,
            self.issue_type,
            self.labels.join(", "),
            marks.proof,
            whole(&self.proof),
            marks.description,
            whole(&self.description),
            marks.end,
        )
    }

    /// Returns the lines between the parts, which none of the parts has.
    fn marks(&self) -> Marks {
        let mut dashes = "---".to_owned();
        while [&self.proof, &self.description]
            .iter()
            .any(|text| text.contains(&format!("# {dashes} ")))
        {
            dashes.push('-');
        }
        Marks {
            proof: format!("# {dashes} proof: a command that fails without the work, and passes with it; none is fine"),
            description: format!("# {dashes} description, in Markdown"),
            end: format!("# {dashes} end"),
        }
    }

    /// Reads an edited text: what it changes, or what is wrong with it.
    pub(super) fn read(&self, text: &str) -> Result<IssueEdit, Vec<Problem>> {
        let mut reading = Reading {
            before: self,
            edit: IssueEdit::default(),
            problems: Vec::new(),
        };
        if !text.trim().is_empty() {
            reading.read(text, &self.marks());
        }
        if reading.problems.is_empty() {
            Ok(reading.edit)
        } else {
            reading.problems.sort_by_key(|problem| problem.line);
            Err(reading.problems)
        }
    }
}

struct Reading<'a> {
    before: &'a Words,
    edit: IssueEdit,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn read(&mut self, text: &str, marks: &Marks) {
        let lines: Vec<&str> = text.lines().collect();
        let place = |mark: &str, from: usize| {
            let begin = mark.split_inclusive(' ').take(3).collect::<String>();
            let is_mark = |line: &&str| line.trim_end().starts_with(begin.trim_end_matches([':', ',', ' ']));
            lines.iter().skip(from).position(is_mark).map(|at| at + from)
        };
        let proof = place(&marks.proof, 0);
        let description = place(&marks.description, proof.map_or(0, |at| at + 1));
        let end = description.and_then(|at| place(&marks.end, at + 1));
        for (index, line) in lines[..proof.or(description).unwrap_or(lines.len())].iter().enumerate() {
            self.field(index + 1, line);
        }
        let between = |from: usize, to: usize| lines[from + 1..to].join("\n");
        match (proof, description) {
            (_, None) => self.wrong(lines.len(), format!("the line `{}` is missing", marks.description)),
            (None, Some(_)) => self.wrong(1, format!("the line `{}` is missing", marks.proof)),
            (Some(proof), Some(description)) => {
                self.proof(proof + 2, between(proof, description).trim());
                let text = between(description, end.unwrap_or(lines.len()));
                self.description(description + 2, text.trim_matches('\n').trim_end());
            }
        }
    }

    fn wrong(&mut self, line: usize, what: String) {
        self.problems.push(Problem { line, what });
    }

    /// Notes what is wrong with the part that an edit changes.
    fn check(&mut self, line: usize, edit: &IssueEdit) {
        for what in edit.problems() {
            self.wrong(line, what);
        }
    }

    fn field(&mut self, number: usize, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let Some((name, value)) = line.split_once(':') else {
            let what = format!(
                "expected `title:`, `priority:`, `type:` or `labels:`, found `{}`",
                one_line(line, 60)
            );
            return self.wrong(number, what);
        };
        let value = value.trim();
        match name.trim() {
            "title" => self.title(number, value),
            "priority" => self.priority(number, value),
            "type" => self.issue_type(number, value),
            "labels" => self.labels(number, value),
            other => self.wrong(number, format!("there is no part `{}`", one_line(other, 60))),
        }
    }

    fn title(&mut self, number: usize, title: &str) {
        if title != self.before.title.trim() {
            let title = Some(title.to_owned());
            self.check(
                number,
                &IssueEdit {
                    title: title.clone(),
                    ..IssueEdit::default()
                },
            );
            self.edit.title = title;
        }
    }

    fn priority(&mut self, number: usize, text: &str) {
        match text.parse::<u8>().ok().filter(|priority| *priority <= PRIORITY_MAX) {
            Some(priority) if priority == self.before.priority => {}
            Some(priority) => self.edit.priority = Some(priority),
            None => {
                let text = one_line(text, 60);
                self.wrong(
                    number,
                    format!("the priority `{text}` is not a number from 0 to {PRIORITY_MAX}"),
                );
            }
        }
    }

    fn issue_type(&mut self, number: usize, word: &str) {
        if word == self.before.issue_type {
            return;
        }
        if TYPES.contains(&word) {
            self.edit.issue_type = Some(word.to_owned());
        } else {
            let what = format!("the type `{}` is none of {}", one_line(word, 60), TYPES.join(", "));
            self.wrong(number, what);
        }
    }

    fn labels(&mut self, number: usize, text: &str) {
        let labels = text.split(',').map(str::trim).filter(|label| !label.is_empty());
        let labels: Vec<String> = labels.map(str::to_owned).collect();
        let before = &self.before.labels;
        let gone = before.iter().filter(|label| !labels.contains(label)).cloned().collect();
        let new = labels.into_iter().filter(|label| !before.contains(label)).collect();
        let edit = IssueEdit {
            add_labels: new,
            ..IssueEdit::default()
        };
        self.check(number, &edit);
        (self.edit.add_labels, self.edit.remove_labels) = (edit.add_labels, gone);
    }

    fn proof(&mut self, number: usize, proof: &str) {
        if proof != self.before.proof.trim() {
            let proof = Some(proof.to_owned());
            self.check(
                number,
                &IssueEdit {
                    proof: proof.clone(),
                    ..IssueEdit::default()
                },
            );
            self.edit.proof = proof;
        }
    }

    fn description(&mut self, number: usize, text: &str) {
        if text != self.before.description.trim_matches('\n').trim_end() {
            let description = Some(text.to_owned());
            self.check(
                number,
                &IssueEdit {
                    description: description.clone(),
                    ..IssueEdit::default()
                },
            );
            self.edit.description = description;
        }
    }
}

/// Returns a text with what is wrong with it on top, told by the lines that it then has.
pub(super) fn with_problems(text: &str, problems: &[Problem]) -> String {
    let mut told = String::new();
    for problem in problems {
        let _ = writeln!(
            told,
            "{PROBLEM}line {}: {}",
            problem.line + problems.len(),
            one_line(&problem.what, 300)
        );
    }
    told + text
}

/// Returns a text without what was told on top of it.
pub(super) fn without_problems(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with(PROBLEM) {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issues::tests::sample;
    use crate::model::IssueId;

    fn words() -> Words {
        Words {
            title: "Parse the header".to_owned(),
            description: "See docs.\n\n# A heading\ntitle: no field\n# vim: set modelineexpr:\n".to_owned(),
            priority: 2,
            issue_type: "task".to_owned(),
            labels: vec!["parser".to_owned(), "ui".to_owned()],
            proof: "make check".to_owned(),
        }
    }

    fn problems(text: &str) -> Vec<String> {
        let problems = words().read(text).unwrap_err();
        problems
            .iter()
            .map(|problem| format!("{}: {}", problem.line, problem.what))
            .collect()
    }

    #[test]
    fn a_text_that_nobody_changes_changes_nothing() {
        let texts = sample();
        for issue in texts.iter() {
            let words = Words::of(issue);
            assert_eq!(words.read(&words.text()), Ok(IssueEdit::default()), "{}", words.text());
        }
        let odd = Words {
            description: "# --- end\n# ---- description, in Markdown\n\n  indented".to_owned(),
            proof: "a\n# --- description, in Markdown\nb".to_owned(),
            ..words()
        };
        assert_eq!(odd.read(&odd.text()), Ok(IssueEdit::default()), "{}", odd.text());
        assert_eq!(
            words().read(&words().text().replace('\n', "\r\n")),
            Ok(IssueEdit::default())
        );
        assert_eq!(
            words().read("\n  \n"),
            Ok(IssueEdit::default()),
            "nothing is left of it"
        );
        assert_eq!(IssueId::new(1).to_string(), "cw-1");
    }

    #[test]
    fn no_editor_obeys_what_a_task_says() {
        let text = words().text();
        let lines: Vec<&str> = text.lines().collect();
        let outer: Vec<_> = lines.iter().take(5).chain(lines.iter().rev().take(5)).collect();
        assert!(
            outer.iter().all(|line| line.starts_with('#') && !line.contains("vim")),
            "{text}"
        );
    }

    #[test]
    fn what_a_person_changes_is_read() {
        let text = words()
            .text()
            .replace("title: Parse the", "title:  Parse the whole")
            .replace("priority: 2", "priority: 0")
            .replace("type: task\n", "type: bug\n")
            .replace("labels: parser, ui", "labels: ui,  new,")
            .replace("make check", "make check\nmake test")
            .replace("See docs.", "See docs/format.md.");
        let edit = words().read(&text).unwrap();
        let expect = IssueEdit {
            title: Some("Parse the whole header".to_owned()),
            description: Some(
                words()
                    .description
                    .replace("docs.", "docs/format.md.")
                    .trim_end()
                    .to_owned(),
            ),
            priority: Some(0),
            issue_type: Some("bug".to_owned()),
            add_labels: vec!["new".to_owned()],
            remove_labels: vec!["parser".to_owned()],
            proof: Some("make check\nmake test".to_owned()),
            group: None,
        };
        assert_eq!(edit, expect);
        // A part whose line is gone stays, and so does one whose end is.
        let text = words().text();
        let text = text.replace("labels: parser, ui\n", "");
        let text = text.split("# --- end").next().unwrap();
        assert_eq!(words().read(text), Ok(IssueEdit::default()));
        let none = words().text().replace("make check\n", "");
        assert_eq!(words().read(&none).unwrap().proof, Some(String::new()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let text = words().text();
        let text = text.replace("priority: 2", "priority: high");
        let text = text.replace("type: task\n", "type: story\nowner: me\nwhat\n");
        let text = text.replace("labels: parser, ui", "labels: two words");
        assert_eq!(
            problems(&text),
            [
                "8: the priority `high` is not a number from 0 to 4",
                "9: the type `story` is none of task, bug, feature, chore, epic",
                "10: there is no part `owner`",
                "11: expected `title:`, `priority:`, `type:` or `labels:`, found `what`",
                "12: the label `two words` holds whitespace, commas or control characters",
            ]
        );
        let text = words().text().replace("Parse the header", "");
        assert_eq!(problems(&text), ["7: the title is empty"]);
        let text = words().text().replace("# --- description", "# description");
        assert_eq!(
            problems(&text),
            [format!(
                "{}: the line `# --- description, in Markdown` is missing",
                text.lines().count()
            )]
        );
    }

    #[test]
    fn problems_stand_on_top_once() {
        let told = with_problems(
            "a\nb\n",
            &[Problem {
                line: 2,
                what: "no\nb".to_owned(),
            }],
        );
        assert_eq!(told, "#! line 3: no b\na\nb\n");
        assert_eq!(without_problems(&told), "a\nb\n");
        assert_eq!(without_problems("#! x"), "");
    }
}

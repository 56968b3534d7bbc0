//! Tries a template before a model is given what it makes: whether it can be rendered, carries what the work cannot be right
//! without, and lets no text of others pass for its own.

use serde_json::Value;

use super::built_in::built_in;
use super::placeholder::{self, Placeholder};
use super::template::Template;
use super::{fence, render, sample};
use crate::base::error::{Error, ErrorKind, Result};
use crate::model::PromptName;

/// The names of what stands in a list for something that code has made or checked: no text of others.
const WORDS_OF_CODE: [&str; 6] = ["id", "key", "status", "state", "action", "outcome"];

/// Where a template leaves something out that it has elsewhere.
const LEAST: &str = " where the other variables have no value or are empty, as in a first call";

/// Tries a template that is to take the place of a built-in one, with all that it can be given and with the least of it, as a first
/// call is: a variable that stands only where another one has a value is left out there.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where it cannot be rendered, leaves out a variable that it must carry, or gives a text of
/// others without marks; each names the template, and the line where there is one.
pub(crate) fn check(name: PromptName, template: Template<'_>) -> Result<()> {
    let built_in = built_in(name);
    let placeholders: Vec<Placeholder> = built_in.placeholders().collect();
    let (all, least) = samples(sample::sample(name)?, &placeholders);
    for (sample, place) in [(all, ""), (least, LEAST)] {
        let tried = Tried::new(template, sample, &placeholders, built_in.needs)?;
        for needed in &placeholders {
            if built_in.needs.contains(&needed.name) && !tried.carries(needed.name) {
                return Err(leaves_out(template, (needed, place), name));
            }
        }
        tried.within_marks()?;
    }
    Ok(())
}

/// Tries the template of a stage of the project's own, which must carry nothing: what is around it does.
///
/// # Errors
///
/// Those of [`check`].
pub(crate) fn check_stage(template: Template<'_>) -> Result<()> {
    let placeholders = [placeholder::WORK, placeholder::STAGE].concat();
    let (all, least) = samples(sample::stage()?, &placeholders);
    Tried::new(template, all, &placeholders, &[])?.within_marks()?;
    Tried::new(template, least, &placeholders, &[])?.within_marks()
}

/// Returns a sample of everything beside the same with the least that each variable can have.
fn samples(all: Value, placeholders: &[Placeholder]) -> (Value, Value) {
    let mut least = all.clone();
    for placeholder in placeholders {
        placeholder.lessen(&mut least[placeholder.name]);
    }
    (all, least)
}

/// What was put in the place of one text.
struct Stand {
    variable: &'static str,
    of_others: bool,
    /// A word on each of its lines.
    words: Vec<String>,
}

/// A template that was rendered with a sample in which each text can be told from all others.
struct Tried<'a> {
    template: Template<'a>,
    stands: Vec<Stand>,
    rendered: String,
    mark: String,
}

impl<'a> Tried<'a> {
    fn new(template: Template<'a>, mut sample: Value, placeholders: &[Placeholder], needs: &[&str]) -> Result<Self> {
        let mut stands = Vec::new();
        for placeholder in placeholders {
            if placeholder.of_others || needs.contains(&placeholder.name) {
                stand_in(&mut sample[placeholder.name], *placeholder, &mut stands);
            }
        }
        Ok(Self {
            template,
            stands,
            rendered: render::render(template, &sample)?,
            mark: fence::mark(&sample),
        })
    }

    /// Returns whether something of a variable is in the prompt, or there is nothing of it.
    fn carries(&self, variable: &str) -> bool {
        let mut stands = self.stands.iter().filter(|stand| stand.variable == variable).peekable();
        stands.peek().is_none()
            || stands.any(|stand| stand.words.iter().any(|word| self.rendered.contains(word.as_str())))
    }

    /// Fails where a text of others stands outside of marks in more than one line: it could pass for the template's own words.
    fn within_marks(&self) -> Result<()> {
        let outside = self.outside();
        for stand in self.stands.iter().filter(|stand| stand.of_others) {
            let has = |line: &&str, word: &String| line.contains(word.as_str());
            let in_part = |line: &&str| {
                stand.words.iter().any(|word| has(line, word)) && !stand.words.iter().all(|word| has(line, word))
            };
            if outside.iter().any(in_part) {
                return Err(unmarked(self.template, stand.variable));
            }
        }
        Ok(())
    }

    /// Returns the lines that stand outside of marks.
    fn outside(&self) -> Vec<&str> {
        let (opening, closing) = (format!("<<<{}", self.mark), format!("{}>>>", self.mark));
        let (mut is_open, mut outside) = (false, Vec::new());
        for mut line in self.rendered.lines() {
            if is_open {
                let Some(after) = line.strip_prefix(closing.as_str()) else {
                    continue;
                };
                line = after;
            }
            // What stands before it in the line does not.
            let (before, opens) = line
                .split_once(&opening)
                .map_or((line, false), |(before, _)| (before, true));
            outside.push(before);
            is_open = opens;
        }
        outside
    }
}

/// Puts words that occur nowhere else in the place of all texts of a variable: two lines of them in that of one of others.
fn stand_in(value: &mut Value, of: Placeholder, stands: &mut Vec<Stand>) {
    match value {
        Value::String(text) if !text.is_empty() => {
            let number = 700_000_000 + 2 * stands.len();
            let lines = if of.of_others { 2 } else { 1 };
            let words: Vec<String> = (0..lines).map(|line| (number + line).to_string()).collect();
            *text = words.join("\n");
            stands.push(Stand {
                variable: of.name,
                of_others: of.of_others,
                words,
            });
        }
        Value::Array(items) => items.iter_mut().for_each(|item| stand_in(item, of, stands)),
        Value::Object(entries) => {
            let texts = entries
                .iter_mut()
                .filter(|(name, _)| !WORDS_OF_CODE.contains(&name.as_str()));
            texts.for_each(|(_, entry)| stand_in(entry, of, stands));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn leaves_out(template: Template<'_>, (needed, place): (&Placeholder, &str), name: PromptName) -> Error {
    let message = format!(
        "the template `{}` leaves out `{}`{place}: {}",
        template.name, needed.name, needed.about
    );
    Error::new(ErrorKind::Configuration, message).hint(format!(
        "put it in: `cordwainer config template {}` prints the built-in template, which has it",
        name.name()
    ))
}

/// Returns the first line that gives a variable without marks, else the first that has it in another tag, such as that of a loop
/// whose items are given.
fn unmarked_line(text: &str, variable: &str) -> Option<usize> {
    let raw = |line: &str| {
        let mut expressions = line
            .split("{{")
            .skip(1)
            .map(|rest| rest.split("}}").next().unwrap_or(rest));
        let is_marked = |one: &str| one.contains("fenced(") || one.contains("one_line");
        expressions.any(|one| render::has_word(one, variable) && !is_marked(one))
    };
    let index = text.lines().position(raw);
    index.map_or_else(|| render::line_of(text, variable), |index| Some(index + 1))
}

fn unmarked(template: Template<'_>, variable: &str) -> Error {
    let line = unmarked_line(template.text, variable).map_or_else(String::new, |line| format!(", line {line}"));
    let message = format!(
        "the template `{}`{line}: text of others stands there without marks: `{variable}`",
        template.name
    );
    Error::new(ErrorKind::Configuration, message).hint(format!(
        "write `{{{{ {variable} | fenced(\"a label\") }}}}`, with what it is as the label, or `one_line` for what is one line"
    ))
}

//! Which command was meant by an unknown word: a word of another tool, a command of another group, or a near miss.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::base::text;
use crate::report::invocation::NAMESPACE;

/// The most commands that are suggested for one word.
const MOST: usize = 3;

/// Words that people type, and the commands that do what they expect.
const SYNONYMS: [(&str, &[&str]); 93] = [
    // The life of a generation.
    ("setup", &["init"]),
    ("configure", &["init"]),
    ("scaffold", &["init"]),
    ("new", &["start", "issues add"]),
    ("begin", &["start"]),
    ("create", &["start", "issues add"]),
    ("branch", &["start"]),
    ("go", &["run"]),
    ("loop", &["run"]),
    ("continue", &["resume"]),
    ("restart", &["resume"]),
    ("interrupt", &["runs stop"]),
    ("kill", &["runs stop"]),
    ("halt", &["runs stop"]),
    ("unpause", &["runs resume"]),
    ("recover", &["resume"]),
    ("merge", &["stop"]),
    ("finish", &["stop", "issues close"]),
    ("end", &["stop"]),
    ("complete", &["stop", "issues close"]),
    ("land", &["stop"]),
    ("abort", &["reset"]),
    ("discard", &["reset"]),
    ("cancel", &["runs stop", "reset"]),
    ("abandon", &["reset"]),
    ("undo", &["reset"]),
    ("rollback", &["reset"]),
    ("clean", &["reset"]),
    ("propose", &["measure"]),
    ("attempt", &["stitch"]),
    ("work", &["stitch", "run"]),
    ("do", &["stitch", "run"]),
    ("state", &["status"]),
    ("info", &["status", "issues show"]),
    ("log", &["status", "issues show"]),
    ("logs", &["status", "issues show"]),
    ("history", &["list", "issues show"]),
    ("ls", &["list", "issues list"]),
    ("generations", &["list"]),
    ("branches", &["list"]),
    ("use", &["switch"]),
    ("select", &["switch"]),
    ("checkout", &["switch"]),
    // Tasks.
    ("issue", &["issues"]),
    ("task", &["issues"]),
    ("tasks", &["issues"]),
    ("tickets", &["issues"]),
    ("beads", &["issues"]),
    ("bd", &["issues"]),
    ("file", &["issues add"]),
    ("view", &["issues show"]),
    ("get", &["issues show"]),
    ("cat", &["issues show"]),
    ("update", &["issues edit"]),
    ("change", &["issues edit"]),
    ("modify", &["issues edit"]),
    ("set", &["issues edit"]),
    ("label", &["issues edit"]),
    ("block", &["issues hold"]),
    ("defer", &["issues hold"]),
    ("pause", &["runs pause", "issues hold"]),
    ("unblock", &["issues release"]),
    ("unhold", &["issues release"]),
    ("retry", &["issues release"]),
    ("accept", &["issues release"]),
    ("approve", &["issues release"]),
    ("rm", &["issues delete", "issues dep remove"]),
    ("remove", &["issues delete"]),
    ("del", &["issues delete"]),
    ("done", &["issues close", "stop"]),
    ("resolve", &["issues close"]),
    ("open", &["issues reopen"]),
    ("note", &["issues comment"]),
    ("next", &["issues ready"]),
    ("todo", &["issues ready"]),
    ("deps", &["issues tree", "issues dep"]),
    ("depend", &["issues dep add"]),
    ("graph", &["issues tree"]),
    ("dump", &["issues export"]),
    ("load", &["issues import"]),
    // The rest.
    ("docker", &["image"]),
    ("podman", &["image"]),
    ("container", &["image"]),
    ("diagnose", &["doctor"]),
    ("verify", &["doctor"]),
    ("validate", &["config check"]),
    ("lint", &["config check"]),
    ("configuration", &["config"]),
    ("settings", &["config"]),
    ("cost", &["stats usage"]),
    ("costs", &["stats usage"]),
    ("budget", &["status", "stats usage"]),
    ("tokens", &["stats usage"]),
];

/// A command that can be called: its words and what it does.
struct Known {
    words: String,
    about: String,
}

impl Known {
    fn last(&self) -> &str {
        self.words.rsplit(' ').next().unwrap_or(&self.words)
    }

    /// Returns whether a name of [`SYNONYMS`] stands for this command, which may be below `generator`.
    fn is(&self, name: &str) -> bool {
        let words = self.words.strip_prefix(NAMESPACE).map_or(&*self.words, str::trim_start);
        self.words == name || words == name
    }
}

/// Returns an error of clap with the commands that were meant, if it is about an unknown word.
pub(super) fn suggest(mut error: clap::Error, program: &clap::Command, arguments: &[OsString]) -> clap::Error {
    let wrong = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(wrong))) => wrong.clone(),
        _ => return error,
    };
    let known = known(program, "");
    let place = place(program, arguments, &wrong);
    let mut meant = meant(&known, &place, &wrong);
    if meant.is_empty() {
        meant = similar(&known, &place, &wrong);
    }
    if meant.is_empty() {
        return error;
    }
    let name = program.get_bin_name().unwrap_or(program.get_name());
    let valid = program.get_styles().get_valid();
    let tips = meant.iter().take(MOST).map(|known| {
        let mut tip = StyledStr::new();
        // Writing into a text cannot fail.
        let _ = write!(tip, "use '{valid}{name} {}{valid:#}' to {}", known.words, known.about);
        tip
    });
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips.collect()));
    error.remove(ContextKind::SuggestedSubcommand);
    error
}

/// Returns the commands that a word stands for: those of the group in which it was typed, if there are any.
fn meant<'a>(known: &'a [Known], place: &str, word: &str) -> Vec<&'a Known> {
    let names = SYNONYMS.iter().find(|(synonym, _)| *synonym == word);
    let names = names.map_or(&[][..], |(_, names)| names);
    let by_synonym = names.iter().flat_map(|name| known.iter().filter(|one| one.is(name)));
    let by_name = known.iter().filter(|one| one.last() == word);
    let mut found: Vec<&Known> = Vec::new();
    for one in by_synonym.chain(by_name) {
        if !found.iter().any(|other| other.words == one.words) {
            found.push(one);
        }
    }
    let is_here = |one: &Known| !place.is_empty() && one.words.starts_with(&format!("{place} "));
    if found.iter().any(|one| is_here(one)) {
        found.retain(|one| is_here(one));
    }
    found
}

/// Returns the commands that a misspelt word stands for; none where clap's own suggestions are better, because a command
/// of the group in which it was typed is nearest.
fn similar<'a>(known: &'a [Known], place: &str, word: &str) -> Vec<&'a Known> {
    let words = SYNONYMS.iter().map(|(synonym, _)| *synonym);
    let Some(near) = text::nearest(word, words.chain(known.iter().map(Known::last))) else {
        return Vec::new();
    };
    let here = format!("{place} {near}");
    if known.iter().any(|one| one.words == here.trim_start()) {
        return Vec::new();
    }
    meant(known, place, near)
}

/// Returns the commands below one, groups before what they contain, without those that help does not list.
fn known(command: &clap::Command, above: &str) -> Vec<Known> {
    let mut found = Vec::new();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let words = format!("{above} {}", below.get_name());
        let words = words.trim_start().to_owned();
        let inside = known(below, &words);
        found.push(Known {
            words,
            about: imperative(below),
        });
        found.extend(inside);
    }
    found
}

/// Returns what a command does, in a form that "to" can stand before.
fn imperative(command: &clap::Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut letters = about.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Returns the words of the group of commands in which a wrong word was typed.
fn place(program: &clap::Command, arguments: &[OsString], wrong: &str) -> String {
    let mut at = program;
    let mut words = Vec::new();
    for argument in arguments.iter().skip(1).take_while(|argument| *argument != wrong) {
        if let Some(below) = at.find_subcommand(argument) {
            words.push(below.get_name());
            at = below;
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Program, program};
    use crate::report::invocation::Invocation;

    /// Returns the error for a command line, from its first line to the usage.
    fn told(line: &str) -> String {
        let mut program = program::<Program>(&Invocation::default());
        let arguments: Vec<OsString> = format!("cordwainer {line}").split(' ').map(OsString::from).collect();
        let error = program.try_get_matches_from_mut(&arguments).unwrap_err();
        let told = suggest(error, &program, &arguments).render().to_string();
        let tips = told.lines().filter_map(|line| line.strip_prefix("  tip: "));
        tips.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_wrong_word_gets_the_command_that_was_meant() {
        for (line, tip) in [
            ("go", "use 'cordwainer run' to do the ready tasks"),
            ("begin", "use 'cordwainer start' to create a generation"),
            ("merge", "use 'cordwainer stop' to merge the generation"),
            ("abort", "use 'cordwainer reset' to end the generation"),
            ("continue", "use 'cordwainer resume' to continue"),
            ("contineu", "use 'cordwainer resume' to continue"),
            ("log", "use 'cordwainer status' to print"),
            ("tasks", "use 'cordwainer issues' to list"),
            ("issue", "use 'cordwainer issues' to list"),
            ("retry", "use 'cordwainer issues release' to release"),
            ("update", "use 'cordwainer issues edit' to change"),
            ("block", "use 'cordwainer issues hold' to keep"),
            ("-C folder --json unblock", "use 'cordwainer issues release' to release"),
            ("delete", "use 'cordwainer issues delete' to delete"),
            ("issues rm cw-1", "use 'cordwainer issues delete' to delete"),
            ("issues dep rm", "use 'cordwainer issues dep remove' to remove"),
            ("issues run", "use 'cordwainer run' to do"),
            ("generator merge", "use 'cordwainer stop' to merge"),
            ("generator staus", "use 'cordwainer status' to print"),
            ("issues delet", "some similar subcommands exist: 'revert', 'delete'"),
            ("runn", "some similar subcommands exist: 'runs', 'run'"),
            ("kill", "use 'cordwainer runs stop' to stop the run"),
            ("pause", "use 'cordwainer runs pause' to pause the run"),
            ("runs cancel", "use 'cordwainer runs stop' to stop the run"),
        ] {
            let told = told(line);
            assert!(told.starts_with(tip), "{line}: {told}");
        }
        let both = told("new");
        assert!(
            both.contains("'cordwainer start'") && both.contains("'cordwainer issues add'"),
            "{both}"
        );
        assert!(!told("issues new").contains("'cordwainer start'"));
        assert_eq!(told("zzzzzz"), "");
    }

    #[test]
    fn each_synonym_stands_for_a_command_and_is_none_itself() {
        let known = known(&program::<Program>(&Invocation::default()), "");
        for (index, (word, names)) in SYNONYMS.iter().enumerate() {
            assert!(!known.iter().any(|one| one.words == *word), "{word} is a command");
            let again = SYNONYMS[index + 1..].iter().any(|(other, _)| other == word);
            assert!(!again, "{word} is there twice");
            for name in *names {
                assert!(known.iter().any(|one| one.is(name)), "{word}: there is no `{name}`");
            }
        }
    }
}

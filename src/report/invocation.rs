//! How the program was called, and texts that name its commands the way the person types them.
//!
//! Texts of the library name a command as `cordwainer run`, in backticks or on an indented line of its own. What is
//! printed for a person names it as that person called the program; JSON and records keep the text as it is.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// The name of the program, as the texts of the library have it.
pub(crate) const PROGRAM: &str = "cordwainer";
/// The cargo alias by which a repository calls its own tasks.
pub(crate) const ALIAS: &str = "cargo xtask";
/// The command below which an `xtask` with tasks of its own has those of [`GENERATION`].
pub(crate) const NAMESPACE: &str = "generator";

/// The commands of a generation's life.
pub(crate) const GENERATION: [&str; 24] = [
    "init", "start", "generate", "build", "plan", "feature", "fix", "test", "refactor", "exec", "audit", "review",
    "run", "runs", "watch", "resume", "stop", "reset", "measure", "stitch", "status", "list", "switch", "gc",
];
/// The other commands.
pub(crate) const OTHERS: [&str; 14] = [
    NAMESPACE,
    "issues",
    "transcript",
    "image",
    "doctor",
    "config",
    "stats",
    "network",
    "spec",
    "report",
    "ps",
    "serve",
    "completions",
    "man",
];

/// How the person called the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    program: String,
    /// The name of its file.
    file_name: String,
    is_namespaced: bool,
}

impl Default for Invocation {
    fn default() -> Self {
        Self {
            program: PROGRAM.to_owned(),
            file_name: PROGRAM.to_owned(),
            is_namespaced: false,
        }
    }
}

impl Invocation {
    /// Returns how a program was called: by the file name in its first argument or, if cargo ran it as the program of
    /// the package with this name, by the cargo alias.
    pub(crate) fn new(called: Option<&OsStr>, package: Option<&str>) -> Self {
        let name = called.map(Path::new).and_then(Path::file_stem).and_then(OsStr::to_str);
        let program = match name {
            None | Some(PROGRAM) => PROGRAM,
            Some(name) if package == Some(name) => ALIAS,
            Some(name) => name,
        };
        Self {
            program: program.to_owned(),
            file_name: name.unwrap_or(PROGRAM).to_owned(),
            is_namespaced: false,
        }
    }

    /// Returns the invocation of a program that has the commands of a generation's life below `generator` alone.
    pub(crate) fn namespaced(self) -> Self {
        Self {
            is_namespaced: true,
            ..self
        }
    }

    /// Returns the name of the program's file.
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Returns what the person types before a command.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Returns a text with each command that it names as the person types it.
    pub(crate) fn rewrite<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if *self == Self::default() || !text.contains(PROGRAM) {
            return Cow::Borrowed(text);
        }
        let lines: Vec<String> = text.split('\n').map(|line| self.line(line)).collect();
        Cow::Owned(lines.join("\n"))
    }

    fn line(&self, line: &str) -> String {
        let is_command = line.starts_with("  ") && line.split('|').any(|part| part.trim_start().starts_with(PROGRAM));
        let parts = line.split('`').enumerate().map(|(index, part)| {
            let is_quoted = index % 2 == 1;
            if is_quoted || is_command {
                Cow::Owned(self.command_line(part))
            } else {
                Cow::Borrowed(part)
            }
        });
        parts.collect::<Vec<_>>().join("`")
    }

    fn command_line(&self, text: &str) -> String {
        let mut rewritten = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(PROGRAM) {
            let (before, found) = rest.split_at(start);
            let after = &found[PROGRAM.len()..];
            let begins_word = before.chars().next_back().is_none_or(char::is_whitespace);
            let verb = after.strip_prefix(' ').filter(|_| begins_word).and_then(verb);
            rewritten.push_str(before);
            match verb {
                Some(verb) if self.is_namespaced && GENERATION.contains(&verb) => {
                    rewritten.push_str(&format!("{} {NAMESPACE}", self.program));
                }
                Some(_) => rewritten.push_str(&self.program),
                None => rewritten.push_str(PROGRAM),
            }
            rest = after;
        }
        rewritten + rest
    }
}

/// Returns the command that a text begins with; `None` if it is something else, such as a sentence.
fn verb(text: &str) -> Option<&str> {
    let word = text.split(|letter: char| !letter.is_ascii_lowercase()).next()?;
    GENERATION.iter().chain(&OTHERS).find(|verb| **verb == word).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str, package: Option<&str>) -> Invocation {
        Invocation::new(Some(OsStr::new(name)), package)
    }

    #[test]
    fn a_program_is_called_by_the_alias_or_by_its_file_name() {
        for (name, package, program) in [
            ("/x/target/debug/xtask", Some("xtask"), "cargo xtask"),
            ("target/debug/tasks", Some("tasks"), "cargo xtask"),
            // Called by a task of the repository, which hands on the environment that cargo made for it.
            ("/usr/bin/cordwainer", Some("xtask"), "cordwainer"),
            ("/x/target/debug/cordwainer", Some("cordwainer"), "cordwainer"),
            ("/usr/bin/cw", None, "cw"),
            ("./xtask", None, "xtask"),
        ] {
            assert_eq!(called(name, package).program(), program, "{name} {package:?}");
        }
        assert_eq!(Invocation::new(None, None), Invocation::default());
    }

    #[test]
    fn texts_name_commands_as_they_were_called() {
        let xtask = called("xtask", Some("xtask"));
        for (text, told, namespaced) in [
            (
                "run `cordwainer init` to write one",
                "run `cargo xtask init` to write one",
                "run `cargo xtask generator init` to write one",
            ),
            (
                "`cordwainer issues show cw-q7mt`; `cordwainer run --cycles 3`",
                "`cargo xtask issues show cw-q7mt`; `cargo xtask run --cycles 3`",
                "`cargo xtask issues show cw-q7mt`; `cargo xtask generator run --cycles 3`",
            ),
            (
                "Examples:\n  cordwainer run\n  gh issue list | cordwainer issues import -",
                "Examples:\n  cargo xtask run\n  gh issue list | cargo xtask issues import -",
                "Examples:\n  cargo xtask generator run\n  gh issue list | cargo xtask issues import -",
            ),
            (
                "`gh issue list | cordwainer issues import -`",
                "`gh issue list | cargo xtask issues import -`",
                "`gh issue list | cargo xtask issues import -`",
            ),
        ] {
            assert_eq!(xtask.rewrite(text), told);
            assert_eq!(xtask.clone().namespaced().rewrite(text), namespaced);
        }
    }

    #[test]
    fn what_is_no_command_stays() {
        let xtask = called("xtask", Some("xtask"));
        for text in [
            "cordwainer run is what one types",
            "`cordwainer` runs agents, and `refs/cordwainer/run` is a ref",
            "`cordwainer running` and `my-cordwainer run`",
            "  cordwainer is a program",
            "an `odd quote\ncordwainer run",
            "",
        ] {
            assert_eq!(xtask.rewrite(text), text);
        }
    }

    #[test]
    fn the_program_itself_needs_no_rewriting() {
        let text = "`cordwainer run`\n  cordwainer status";
        assert_eq!(Invocation::default().rewrite(text), text);
        let namespaced = Invocation::default().namespaced();
        assert_eq!(
            namespaced.rewrite(text),
            "`cordwainer generator run`\n  cordwainer generator status"
        );
    }
}

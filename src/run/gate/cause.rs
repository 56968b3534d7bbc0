//! Why a gate cannot be run: a file that its command names and the repository lacks, or a program that the image lacks.
//!
//! A program that is given as a path within the repository is the command's: the tree must have it, and may let it be
//! executed. Every other one (found on the image's `PATH`, or by a path outside the repository) is the image's. What
//! the shell complains of by name decides where a command has several; without such a line, what the tree lacks does.

use std::path::{Component, Path, PathBuf};

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::config::missing_program::bringing_into;
use crate::config::{CACHE_FOLDER, Image};
use crate::git::EntryKind;
use crate::sandbox::spec::WORKSPACE;

/// What a gate lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A file that its command names, and the repository does not have.
    File(String),
    /// A file of the repository that may not be executed.
    Permission(String),
    /// A program that the image does not have; what was reported of it, in a line, if anything was.
    Program(String),
    /// Results that can be read, of a gate that has them and exited with 0: why they cannot be, as the end of a sentence.
    Results(String),
    /// Coverage that can be read, of a gate that measures it and exited with 0: why it cannot be, as the end of a sentence.
    Coverage(String),
    /// The server that it is to check: why there is none, as the end of a sentence about it.
    Server(String),
}

impl Missing {
    /// Returns what is missing, and what brings it into the image where that is known.
    pub(super) fn words_with_remedy(&self, image: &Image, command: &str) -> String {
        match self.program(command) {
            Some(_) => format!("{}; {}", self.words(), self.remedy(image, command)),
            None => self.words(),
        }
    }

    /// Returns what brings the program that a gate's command lacks into its image.
    pub(super) fn remedy(&self, image: &Image, command: &str) -> String {
        bringing_into(image, self.program(command).as_deref())
    }

    /// Returns the missing program; `None` where it is not a program, or it is not known which.
    fn program(&self, command: &str) -> Option<String> {
        let Self::Program(said) = self else { return None };
        let mut programs = programs(command);
        match programs.len() {
            1 => programs.pop(),
            _ => programs.into_iter().find(|program| names(said, program)),
        }
    }

    /// Returns what is missing, in a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::File(path) => format!("the repository has no `{path}`"),
            Self::Permission(path) => format!("`{path}` may not be executed"),
            Self::Program(said) if said.is_empty() => "a program is missing".to_owned(),
            Self::Program(said) => format!("a program is missing, or cannot run (`{said}`)"),
            Self::Server(why) => format!("there is no server to check: it {why}"),
            Self::Results(why) => format!("its results cannot be used: {why}"),
            Self::Coverage(why) => format!("its coverage cannot be used: {why}"),
        }
    }
}

/// How many of the last lines are looked at for a complaint.
const LINES: usize = 40;
/// What shells print of what they cannot run.
const COMPLAINTS: [&str; 5] = [
    "not found",
    "No such file",
    "ermission denied",
    "cannot open",
    "can't open",
];
/// Programs that run a script which is their first argument.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "ksh", "zsh", ".", "source"];
/// Words before a program that are none.
const PREFIXES: [&str; 14] = [
    "!", "{", "if", "then", "elif", "else", "while", "until", "do", "exec", "command", "env", "nohup", "time",
];
/// What ends a command and begins the next.
const SEPARATORS: [char; 6] = [';', '&', '|', '(', ')', '\n'];

/// A program that a command runs, or the script that it gives to a shell.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    /// As the command spells it.
    word: String,
    /// Where it is in the repository, if it is to be there.
    path: Option<PathBuf>,
    /// Whether it is itself to be executed.
    executed: bool,
}

/// Finds what the gate of a command lacks whose output ends with `output`; `kind` is what the tree has at a path.
pub(super) fn of(command: &str, output: &str, kind: impl Fn(&Path) -> Result<Option<EntryKind>>) -> Result<Missing> {
    let candidates = candidates(command);
    let complaints = complaints(output);
    let named = complaints
        .iter()
        .find_map(|line| candidates.iter().find(|candidate| names(line, &candidate.word)));
    let said = || complaints.first().map_or_else(String::new, |line| one_line(line, 200));
    if let Some(candidate) = named {
        return Ok(missing(candidate, &kind)?.unwrap_or_else(|| Missing::Program(said())));
    }
    for candidate in &candidates {
        if let Some(missing) = missing(candidate, &kind)? {
            return Ok(missing);
        }
    }
    let first = || {
        candidates
            .first()
            .map_or_else(String::new, |one| one_line(&one.word, 60))
    };
    let said = said();
    Ok(Missing::Program(if said.is_empty() { first() } else { said }))
}

/// Returns the script that the command gives to a shell, where the tree lacks it and the shell reports by name that it
/// cannot be opened: some shells exit with 2 then, as a gate that ran may do.
pub(super) fn unopened(
    command: &str,
    output: &str,
    kind: impl Fn(&Path) -> Result<Option<EntryKind>>,
) -> Result<Option<Missing>> {
    let complaints = complaints(output);
    for candidate in candidates(command).iter().filter(|candidate| !candidate.executed) {
        if complaints.iter().any(|line| names(line, &candidate.word))
            && let Some(missing) = missing(candidate, &kind)?
        {
            return Ok(Some(missing));
        }
    }
    Ok(None)
}

/// Returns what the tree has wrong about a program that is to be in it.
fn missing(candidate: &Candidate, kind: impl Fn(&Path) -> Result<Option<EntryKind>>) -> Result<Option<Missing>> {
    let Some(path) = &candidate.path else { return Ok(None) };
    let shown = || one_line(&path.display().to_string(), 200);
    Ok(match kind(path)? {
        None => Some(Missing::File(shown())),
        Some(EntryKind::File) if candidate.executed => Some(Missing::Permission(shown())),
        // What runs it, by its first line, is the image's.
        Some(_) => None,
    })
}

/// Returns the last lines in which somebody complains, the last one first.
fn complaints(output: &str) -> Vec<&str> {
    let lines = output.lines().rev().filter(|line| !line.trim().is_empty()).take(LINES);
    let complains = |line: &&str| COMPLAINTS.iter().any(|words| line.contains(words));
    lines.filter(complains).collect()
}

/// Returns whether a line has a word that stands alone.
pub(super) fn names(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Returns the programs that the image must have for a shell command, each once, in the command's order: those that it
/// names and that are neither in the repository nor in the caches that `commands.prepare` fills.
pub(crate) fn programs(command: &str) -> Vec<String> {
    let mut programs: Vec<String> = Vec::new();
    for candidate in candidates(command) {
        // A folder that only the shell knows leads to whatever is there.
        let is_image = candidate.path.is_none()
            && candidate.executed
            && !candidate.word.starts_with('.')
            && !Path::new(&candidate.word).starts_with(CACHE_FOLDER);
        if is_image && !programs.contains(&candidate.word) {
            programs.push(candidate.word);
        }
    }
    programs
}

/// Returns the programs that a shell command runs, in its order, where they are named there.
fn candidates(command: &str) -> Vec<Candidate> {
    let mut folder = PathBuf::new();
    let mut found = Vec::new();
    for words in commands(command) {
        let is_assignment = |word: &String| word.split_once('=').is_some_and(|(name, _)| is_name(name));
        let mut words = words
            .into_iter()
            .skip_while(|word| is_assignment(word) || PREFIXES.contains(&word.as_str()));
        let Some(program) = words.next() else { continue };
        let argument = words.find(|word| !is_assignment(word));
        if program == "cd" {
            folder.push(argument.unwrap_or_default());
            continue;
        }
        if is_computed(&program) {
            continue;
        }
        let name = program.rsplit('/').next().unwrap_or_default();
        let script = argument.filter(|word| SHELLS.contains(&name) && !word.starts_with('-') && !is_computed(word));
        let path = program
            .contains('/')
            .then(|| in_repository(&folder, &program))
            .flatten();
        found.push(Candidate {
            word: program,
            path,
            executed: true,
        });
        if let Some(script) = script {
            found.push(Candidate {
                path: in_repository(&folder, &script),
                word: script,
                executed: false,
            });
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters
        .next()
        .is_some_and(|first| first == '_' || first.is_ascii_alphabetic());
    first && characters.all(|character| character == '_' || character.is_ascii_alphanumeric())
}

/// Returns whether only the shell knows what a word comes to.
fn is_computed(word: &str) -> bool {
    word.contains(['$', '`', '*', '?', '[', '~'])
}

/// Returns the path from the repository's root, if a word in a folder of it means one within.
fn in_repository(folder: &Path, word: &str) -> Option<PathBuf> {
    let whole = Path::new(WORKSPACE).join(folder).join(word);
    let mut path = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    let path = path.strip_prefix(WORKSPACE).ok()?;
    (!path.as_os_str().is_empty()).then(|| path.to_owned())
}

/// Returns the words of each simple command, quotes taken off; redirections are left out.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars().peekable();
    let end = |word: &mut Option<String>, all: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(last)) = (word.take(), all.last_mut()) {
            last.push(word);
        }
    };
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (open, '\\') if open != Some('\'') => word.get_or_insert_default().extend(characters.next()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '>' | '<') => {
                // Its number, before, and its file, after it, are not a program.
                if word
                    .as_ref()
                    .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
                {
                    word = None;
                }
                end(&mut word, &mut all);
                while characters
                    .next_if(|next| matches!(next, '>' | '<' | '&' | ' '))
                    .is_some()
                {}
                while characters
                    .next_if(|next| !next.is_whitespace() && !SEPARATORS.contains(next))
                    .is_some()
                {}
            }
            (None, other) if SEPARATORS.contains(&other) => {
                end(&mut word, &mut all);
                all.push(Vec::new());
            }
            (None, other) if other.is_whitespace() => end(&mut word, &mut all),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    end(&mut word, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Returns what the tree of these tests has.
    fn tree(path: &Path) -> Option<EntryKind> {
        match path.to_str() {
            Some("ci.sh" | "web/test.sh") => Some(EntryKind::Executable),
            Some("notes.txt" | "plain.sh") => Some(EntryKind::File),
            Some("linked") => Some(EntryKind::Link),
            _ => None,
        }
    }

    #[track_caller]
    fn check(command: &str, output: &str, expect: &Missing) {
        assert_eq!(
            of(command, output, |path| Ok(tree(path))).unwrap(),
            *expect,
            "{command}: {output}"
        );
    }

    fn file(path: &str) -> Missing {
        Missing::File(path.to_owned())
    }

    fn program(said: &str) -> Missing {
        Missing::Program(said.to_owned())
    }

    #[test]
    fn a_path_within_the_repository_is_the_command_and_all_else_the_image() {
        check("./gradlew test", "", &file("gradlew"));
        check("scripts/../gradlew test", "", &file("gradlew"));
        check("/workspace/gradlew", "", &file("gradlew"));
        check("cd web && ./run.sh", "", &file("web/run.sh"));
        check("sh ci/test.sh -v", "", &file("ci/test.sh"));
        check(". ./setup && make", "", &file("setup"));
        check("CI=1 exec './my gate' x", "", &file("my gate"));
        check("./notes.txt", "", &Missing::Permission("notes.txt".to_owned()));
        check("make test", "", &program("make"));
        check("/opt/tool/bin/check", "", &program("/opt/tool/bin/check"));
        check("../outside", "", &program("../outside"));
        // Its first line names what the image lacks.
        check("./ci.sh", "", &program("./ci.sh"));
        check("./linked", "", &program("./linked"));
        check("sh plain.sh", "", &program("sh"));
        check("cd web; ./test.sh 2>/no/such/file", "", &program("./test.sh"));
        check("$TOOL test", "", &program(""));
    }

    #[test]
    fn the_image_must_have_what_the_repository_does_not() {
        let check = |command: &str, expect: &[&str]| assert_eq!(programs(command), expect, "{command}");
        check("cargo fmt --check && cargo test | tee log", &["cargo", "tee"]);
        check("cd web && CI=1 npm ci && ./run.sh && sh ci/x.sh", &["npm", "sh"]);
        check("python3 -m venv .venv && .venv/bin/pytest", &["python3"]);
        check("if make; then $TOOL test; fi", &["make", "fi"]);
        check("../outside /x", &[]);
    }

    #[test]
    fn what_the_shell_names_decides_among_several() {
        let both = "cargo fmt --check && ./gradlew test";
        check(both, "sh: 1: cargo: not found\n", &program("sh: 1: cargo: not found"));
        check(both, "all fine\nsh: 1: ./gradlew: not found\n", &file("gradlew"));
        check(both, "", &file("gradlew"));
        // A program within a script, or of another tool.
        let jest = "> test\n> jest\n\nsh: 1: jest: not found\n";
        check("npm test", jest, &program("sh: 1: jest: not found"));
        // A part of a word is another word.
        check("make", "sh: 1: cmake: not found", &program("sh: 1: cmake: not found"));
    }

    /// What real shells print, and with which code, of commands that cannot be run.
    #[test]
    fn real_shells_are_understood() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "text\n").unwrap();
        let shells: [&[&str]; 4] = [&["sh"], &["dash"], &["bash"], &["busybox", "sh"]];
        let mut seen = 0;
        for shell in shells {
            for (command, expect) in [
                ("true && no-such-program-1 x", None),
                ("true; ./gone.sh", Some(file("gone.sh"))),
                ("sh ci/gone.sh", Some(file("ci/gone.sh"))),
                ("./notes.txt", Some(Missing::Permission("notes.txt".to_owned()))),
            ] {
                let ran = Command::new(shell[0])
                    .args(&shell[1..])
                    .args(["-c", command])
                    .current_dir(folder.path())
                    .output();
                let Ok(ran) = ran else { continue };
                seen += 1;
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                let code = i64::from(ran.status.code().unwrap());
                let found = if code == super::super::NOT_OPENED {
                    unopened(command, &said, |path| Ok(tree(path))).unwrap().unwrap()
                } else {
                    assert!(super::super::CANNOT_RUN.contains(&code), "{shell:?} {command}: {code}");
                    of(command, &said, |path| Ok(tree(path))).unwrap()
                };
                match expect {
                    Some(expect) => assert_eq!(found, expect, "{shell:?} {command}: {said}"),
                    None => assert!(
                        matches!(&found, Missing::Program(said) if said.contains("no-such-program-1")),
                        "{found:?}"
                    ),
                }
            }
        }
        assert!(seen >= 4, "there is a shell on every machine");
    }

    #[test]
    fn a_script_that_no_shell_can_open_is_missing_and_all_else_ran() {
        let check = |command: &str, output: &str, expect: Option<Missing>| {
            assert_eq!(
                unopened(command, output, |path| Ok(tree(path))).unwrap(),
                expect,
                "{command}: {output}"
            );
        };
        let dash = "sh: 0: cannot open ci/gone.sh: No such file\n";
        check("sh ci/gone.sh", dash, Some(file("ci/gone.sh")));
        check("sh ci/gone.sh", "2 tests failed\n", None);
        check("sh plain.sh", "sh: 0: cannot open plain.sh: No such file\n", None);
        check("./gone.sh", "sh: 1: ./gone.sh: not found\n", None);
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let words = |text: &str| {
            commands(text)
                .into_iter()
                .filter(|words| !words.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(words("a 'b c' \"d\\\"e\" f\\ g"), [["a", "b c", "d\"e", "f g"]]);
        assert_eq!(
            words("a>x 2>&1 b;c&&d|e"),
            [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e"]]
        );
        assert_eq!(words("(a)\n''"), [["a"], [""]]);
        assert!(words("  ").is_empty());
    }
}

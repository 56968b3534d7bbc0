//! Which programs the recipes of a makefile call, of those that a tool of an image is known to bring. It reads rules and
//! variables as they are commonly written, and runs nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::toolchain;

/// How deep variables are put in for each other.
const DEEPEST: usize = 4;
/// The longest line that variables are put into, in bytes.
const LONGEST: usize = 10_000;
/// Words before a program that are none.
const PREFIXES: [&str; 14] = [
    "!", "{", "if", "then", "elif", "else", "while", "until", "do", "exec", "command", "env", "time", "sudo",
];
/// Variables that make sets itself.
const SET: [(&str, &str); 3] = [("CC", "cc"), ("CXX", "c++"), ("MAKE", "make")];
/// Programs that are another name of one that a tool brings.
const ALIASES: [(&str, &str); 2] = [("python", "python3"), ("pip", "pip3")];

/// The rules and variables of a makefile.
#[derive(Default)]
struct Makefile<'text> {
    variables: BTreeMap<&'text str, &'text str>,
    /// The targets that each target depends on, and its recipe.
    rules: BTreeMap<&'text str, (Vec<&'text str>, Vec<&'text str>)>,
}

/// Returns the programs that the recipes of these targets call, and those of what they depend on, each once, by the names
/// that tools of an image have for them.
pub(super) fn programs(text: &str, targets: &[&str]) -> Vec<String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let makefile = Makefile::read(&joined);
    let mut found = Vec::new();
    let mut add = |line: &str| {
        for program in called(&makefile.put_in(line)) {
            let alias = ALIASES.iter().find(|(name, _)| *name == program);
            let program = alias.map_or(program.as_str(), |(_, alias)| alias);
            if toolchain::tool_of_program(program).is_some() && found.iter().all(|known| known != program) {
                found.push(program.to_owned());
            }
        }
    };
    // Variables are computed whatever is made.
    for (_, shell) in makefile
        .variables
        .values()
        .filter_map(|value| value.split_once("$(shell "))
    {
        add(shell);
    }
    for line in makefile.recipes(targets) {
        add(line);
    }
    found
}

impl<'text> Makefile<'text> {
    fn read(text: &'text str) -> Self {
        let mut makefile = Self::default();
        let mut current: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(recipe) = line.strip_prefix('\t') {
                for target in &current {
                    makefile.rules.entry(target).or_default().1.push(recipe);
                }
                continue;
            }
            let line = line.split(" #").next().unwrap_or_default().trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((name, value)) = assignment(line) {
                makefile.variables.entry(name).or_insert(value);
            } else if let Some((left, right)) = line.split_once(':').filter(|_| !line.starts_with(' ')) {
                current = left.split_whitespace().collect();
                let (needs, recipe) = right.split_once(';').unwrap_or((right, ""));
                for target in &current {
                    let rule = makefile.rules.entry(target).or_default();
                    rule.0.extend(needs.trim_start_matches(':').split_whitespace());
                    rule.1.extend(Some(recipe).filter(|recipe| !recipe.is_empty()));
                }
            }
        }
        makefile
    }

    /// Returns the lines of the recipes of targets, and of what they need.
    fn recipes(&self, targets: &[&'text str]) -> Vec<&'text str> {
        let (mut lines, mut seen) = (Vec::new(), BTreeSet::new());
        let mut waiting: Vec<&str> = targets.iter().rev().copied().collect();
        while let Some(target) = waiting.pop() {
            let Some((needs, recipe)) = self.rules.get(target).filter(|_| seen.insert(target)) else {
                continue;
            };
            lines.extend(recipe);
            waiting.extend(needs.iter().rev());
        }
        lines
    }

    /// Puts the values of variables into a line, and those of the variables in them.
    fn put_in(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for _ in 0..DEEPEST {
            let put = self.put_in_once(&line);
            if put == line || put.len() > LONGEST {
                break;
            }
            line = put;
        }
        line
    }

    fn put_in_once(&self, line: &str) -> String {
        let mut parts = line.split('$');
        let mut put = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let close = if part.starts_with('{') { '}' } else { ')' };
            let named = part.strip_prefix(['(', '{']).and_then(|rest| rest.split_once(close));
            let value = named.and_then(|(name, rest)| Some((self.value(name)?, rest)));
            match value {
                Some((value, rest)) if put.len() < LONGEST => {
                    put.push_str(value);
                    put.push_str(rest);
                }
                _ => {
                    put.push('$');
                    put.push_str(part);
                }
            }
        }
        put
    }

    fn value(&self, name: &str) -> Option<&str> {
        let set = || SET.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        self.variables.get(name).copied().or_else(set)
    }
}

/// Returns the name and the value of a variable that a line sets.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end_matches([':', '?', '+', '!']).trim();
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    is_name.then_some((name, value.trim()))
}

/// Returns the programs that a line of a recipe calls.
fn called(line: &str) -> Vec<String> {
    let line = line.trim_start().trim_start_matches(['@', '-', '+']);
    let line = unknown_as_words(&line.replace("$(shell ", ";"));
    let commands = line.split([';', '&', '|', '(', ')', '`']);
    let first = commands.filter_map(|command| {
        let is_program = |word: &&str| {
            let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
                name.chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            });
            !PREFIXES.contains(word) && !is_assignment
        };
        command.split_whitespace().find(is_program)
    });
    first.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

/// Writes `$(NAME)` that is left as `$NAME`: a word, of a program or not, that is not known.
fn unknown_as_words(line: &str) -> String {
    let mut parts = line.split("$(");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((name, rest))
                if name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_') =>
            {
                words.push('$');
                words.push_str(name);
                words.push_str(rest);
            }
            _ => {
                words.push_str("$(");
                words.push_str(part);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_recipes_that_are_used_are_found() {
        let text = "GO ?= go\nPKGS := $(shell $(GO) list ./...)\n.PHONY: test\n\ncheck: test vet | tools\n\n\
                    test: build\n\t@CGO_ENABLED=0 $(GO) test \\\n\t  $(PKGS)\n\nvet:\n\t-cd a && npm run lint | tee x\n\n\
                    tools: ; pip install x\n\nbuild:\n\t$(CC) -o a a.c\n\nrelease:\n\tcargo publish\n\n# test: x\n\tmvn\n";
        assert_eq!(programs(text, &["check"]), ["go", "cc", "npm", "pip3"]);
        assert_eq!(programs(text, &["release"]), ["go", "cargo", "mvn"]);
        assert_eq!(programs(text, &["none"]), ["go"]);
        let odd =
            "A = $(B)\nB = $(A)\nt: t\n\t$(A) go\n\tif true; then python -m pytest; fi\n\t\"cmake\" .\n\techo go\n";
        assert_eq!(programs(odd, &["t"]), ["python3", "cmake"]);
    }

    #[test]
    fn variables_of_each_other_end() {
        let mut text = "t:\n\t$(V0)\n".to_owned();
        for n in 0..200 {
            text.push_str(&format!("V{n} = $(V{}) $(V{})\n", n + 1, n + 1));
        }
        assert_eq!(programs(&text, &["t"]), Vec::<String>::new());
    }
}

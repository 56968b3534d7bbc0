//! Commands: the files of the tree that a line for the shell runs. Files of hooks in YAML and TOML are such lines, too.

use super::tree::joined;
use super::what::{MOST_OF_A_FILE, What};

/// Programs that run the files named in their arguments.
const INTERPRETERS: [&str; 26] = [
    ".",
    "PATH_add",
    "bash",
    "bun",
    "dash",
    "deno",
    "dotenv",
    "dotenv_if_exists",
    "fish",
    "ksh",
    "lua",
    "node",
    "nodejs",
    "path_add",
    "perl",
    "php",
    "pwsh",
    "python",
    "ruby",
    "sh",
    "source",
    "source_env",
    "source_env_if_exists",
    "ts-node",
    "tsx",
    "zsh",
];

/// Those of them that add an ending to a name.
const FINDERS: [&str; 6] = ["bun", "deno", "node", "nodejs", "ts-node", "tsx"];

/// Words after which another command follows.
const PREFIXES: [&str; 19] = [
    "!",
    "bunx",
    "command",
    "cross-env",
    "do",
    "elif",
    "else",
    "env",
    "eval",
    "exec",
    "if",
    "nohup",
    "npx",
    "pnpx",
    "sudo",
    "then",
    "time",
    "until",
    "while",
];

/// Keys of YAML and TOML whose values are commands.
const KEYS: [&str; 8] = ["args", "command", "entry", "exec", "run", "runner", "script", "scripts"];

/// The endings of names of scripts.
const ENDINGS: [&str; 14] = [
    ".bash", ".bat", ".cjs", ".cmd", ".js", ".lua", ".mjs", ".php", ".pl", ".ps1", ".py", ".rb", ".sh", ".ts",
];

/// Reads a file of commands, which run at the root or in the folder of the file.
pub(super) fn read(folder: &str, text: &str) -> Option<Vec<What>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim_start().trim_start_matches("- ").trim_start();
        if line.starts_with('#') {
            continue;
        }
        let command = match value_of_key(line) {
            Some((key, value)) if KEYS.contains(&key) => value,
            Some(_) => continue,
            None => line,
        };
        found.extend(files("", command)?);
        if !folder.is_empty() {
            found.extend(files(folder, command)?);
        }
        if found.len() > MOST_OF_A_FILE {
            return None;
        }
    }
    Some(found)
}

/// Returns the two sides of `key: value` and `key = value`, neither of which a shell would take for a command.
fn value_of_key(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "_-\"'".contains(c)))?;
    let rest = line[end..].trim_start();
    let value = rest.strip_prefix(": ").or_else(|| rest.strip_prefix("= "))?;
    (end > 0).then(|| (line[..end].trim_matches(['"', '\'']), value))
}

/// Returns the words of a command.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || is_separator(c) || is_quote(c))
        .filter(|word| !word.is_empty())
}

fn is_separator(c: char) -> bool {
    ";|&()[]{},<>`".contains(c)
}

fn is_quote(c: char) -> bool {
    c == '"' || c == '\''
}

/// Returns the files that commands run, relative to a folder: programs with a path, and arguments of interpreters.
/// `None` when there are too many.
pub(super) fn files(folder: &str, text: &str) -> Option<Vec<What>> {
    let mut found = Vec::new();
    for command in text.split(|c: char| is_separator(c) || c == '\n') {
        let mut words = words(command).skip_while(|word| is_assignment(word) || PREFIXES.contains(word));
        let Some(program) = words.next() else { continue };
        if program.contains('/') || ENDINGS.iter().any(|ending| program.ends_with(ending)) {
            found.extend(path(folder, program));
        }
        let name = program.rsplit('/').next().unwrap_or_default();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let name = if name.is_empty() { program } else { name };
        if INTERPRETERS.contains(&name) {
            for word in words {
                let word = match word.split_once('=') {
                    Some((_, value)) => value,
                    None if word.starts_with('-') => continue,
                    None => word,
                };
                found.extend(path(folder, word));
                let is_bare = FINDERS.contains(&name) && !word.rsplit('/').next().unwrap_or_default().contains('.');
                let endings = [".js", ".cjs", ".mjs", ".ts"].iter().filter(|_| is_bare);
                found.extend(endings.filter_map(|ending| path(folder, &format!("{word}{ending}"))));
                if found.len() > MOST_OF_A_FILE {
                    return None;
                }
            }
        }
        if found.len() > MOST_OF_A_FILE {
            return None;
        }
    }
    Some(found)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name.len() < word.len() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns a word as a path in the tree; a word that begins with a variable is taken for a path below the folder.
fn path(folder: &str, word: &str) -> Option<What> {
    let word = match word.strip_prefix('$') {
        Some(variable) => variable.split_once('/')?.1,
        None => word,
    };
    joined(folder, word).map(What::Path)
}

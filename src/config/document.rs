//! The commented file: the example with every default, and the one that `init` fits to a repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keys::{Key, MEASURE, Shape, TOP};

const EXAMPLE_HEADER: &str = "\
# Every key of `configuration.yaml` with its default. Whatever your file leaves out has
# the value shown here; a key without a value is unset. Unknown keys are errors.
# Where a limit can be lifted, `off` lifts it.
";

const FITTED_HEADER: &str = "\
# How cordwainer works on this repository. A line that begins with `#` and a key shows
# the default, or what you could write there; take the `#` away to set it.
# `cordwainer config check` checks the file; `cordwainer config show` prints the values in effect.
";

/// Returns `configuration.example.yaml`: every key, active, with its default and a description.
pub fn example() -> String {
    let mut page = Page {
        text: EXAMPLE_HEADER.to_owned(),
        fitting: None,
    };
    page.keys(TOP, "", 0);
    page.text
}

/// What `init` found in a repository, by dotted key; the values are YAML in one line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fitting {
    /// Keys that are set.
    pub(crate) active: BTreeMap<&'static str, String>,
    /// Keys that are shown with a `#`, instead of the usual sample.
    pub(crate) suggested: BTreeMap<&'static str, String>,
}

impl Fitting {
    fn value(&self, dotted: &str) -> Option<&str> {
        let value = self.active.get(dotted).or_else(|| self.suggested.get(dotted));
        value.map(String::as_str)
    }
}

/// Returns a file for one repository: what was found is set, everything else shown with a `#` before it. `schema` is
/// where the editor finds the schema.
pub(crate) fn fitted(fitting: &Fitting, schema: &str) -> String {
    let mut page = Page {
        text: format!("# yaml-language-server: $schema={schema}\n{FITTED_HEADER}"),
        fitting: Some(fitting),
    };
    page.keys(TOP, "", 0);
    page.text
}

struct Page<'a> {
    text: String,
    fitting: Option<&'a Fitting>,
}

impl Page<'_> {
    fn keys(&mut self, keys: &[Key], section: &str, depth: usize) {
        for key in keys {
            self.key(key, section, depth);
        }
    }

    fn key(&mut self, key: &Key, section: &str, depth: usize) {
        let dotted = if section.is_empty() {
            key.name.to_owned()
        } else {
            format!("{section}.{}", key.name)
        };
        if depth == 0 {
            self.text.push('\n');
        }
        let indent = "  ".repeat(depth);
        self.comment(key, &indent);
        if let Shape::Section(below) = key.shape {
            self.line(&format!("{}:", key.name));
            let (told, rest): (Vec<&Key>, Vec<&Key>) = below.iter().partition(|below| self.is_told(key, below));
            if !told.is_empty() {
                let names: Vec<String> = told.iter().map(|key| format!("`{}`", key.name)).collect();
                let text = format!("As in `measure`, with the same defaults: {}.", names.join(", "));
                for line in wrapped(&text, 88) {
                    self.line(&format!("{indent}  # {line}"));
                }
            }
            for below in rest {
                self.key(below, &dotted, depth + 1);
            }
            return;
        }
        for (index, line) in self.value(key, &dotted).lines().enumerate() {
            let mark = if self.is_shown_only(&dotted) { "#" } else { "" };
            let name = if index == 0 { key.name } else { "" };
            self.line(&format!("{indent}{mark}{name}{line}"));
        }
    }

    /// Whether a key of a role is already in the section of the first role, and needs no other description here.
    fn is_told(&self, section: &Key, key: &Key) -> bool {
        let is_same = |other: &Key| {
            (other.name, other.default, other.sample, other.about) == (key.name, key.default, key.sample, key.about)
        };
        let dotted = format!("{}.{}", section.name, key.name);
        let is_fitted = self.fitting.is_some_and(|fitting| fitting.value(&dotted).is_some());
        section.name == "stitch" && MEASURE.iter().any(is_same) && !is_fitted
    }

    fn comment(&mut self, key: &Key, indent: &str) {
        for line in key.about.lines() {
            self.line(&format!("{indent}# {line}"));
        }
        if self.fitting.is_none() && !key.sample.is_empty() {
            self.line(&format!("{indent}# For example: {}", key.sample));
        }
        if let Some(alias) = key.alias {
            self.line(&format!("{indent}# `{alias}` means the same."));
        }
    }

    /// Returns what follows the name of a key, in one line or more.
    fn value(&self, key: &Key, dotted: &str) -> String {
        let value = match self.fitting {
            Some(fitting) => fitting.value(dotted).unwrap_or(key.sample),
            None => "",
        };
        let value = if value.is_empty() { key.default } else { value };
        if value.is_empty() && !key.items.is_empty() {
            let mut lines = String::from(":");
            for item in key.items {
                let _ = write!(lines, "\n  - {}", quoted(item));
            }
            return lines;
        }
        format!(": {value}").trim_end().to_owned()
    }

    fn is_shown_only(&self, dotted: &str) -> bool {
        self.fitting.is_some_and(|fitting| !fitting.active.contains_key(dotted))
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Returns the lines of a text, none wider than `width` letters unless a word is.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns a text as YAML: plain where no part of it is YAML syntax, else in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let plain_start =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || "./-".contains(c)) && !text.starts_with("- ");
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-@*".contains(c));
    let word = ![
        "true", "false", "null", "off", "on", "yes", "no", "y", "n", "-", ".", "---", "...", ".inf", ".nan",
    ]
    .contains(&text.to_ascii_lowercase().as_str());
    if plain_start && plain && word && text.parse::<f64>().is_err() {
        return text.to_owned();
    }
    // A JSON string is a YAML one, but for the control characters that only JSON takes as they are.
    let mut yaml = String::new();
    for character in serde_json::Value::from(text).to_string().chars() {
        if character.is_control() {
            let _ = write!(yaml, "\\u{:04x}", u32::from(character));
        } else {
            yaml.push(character);
        }
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_checked_in_example_is_fresh() {
        let stored = include_str!("../../configuration.example.yaml");
        assert!(
            stored == example(),
            "configuration.example.yaml is stale: run `cargo xtask codegen`"
        );
    }

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(Config::parse(&example(), "example"), Ok(Config::default()));
    }

    #[test]
    fn quoted_text_reads_back() {
        let texts = [
            "a",
            "a b",
            "- a",
            "-",
            "--x",
            "true",
            "Null",
            "off",
            "1.5",
            "1e3",
            ".inf",
            "@me/x",
            "**/*.rs",
            "a: b",
            "a #b",
            "\"",
            "\\",
            "é\n\t\u{7f}\u{2028}",
            "[x",
            "{x",
            "'",
            "&a",
            "*a",
            "!t",
            "%",
            "~",
            "...",
            "a:",
            "?",
            "|",
        ];
        for text in texts {
            let yaml = format!("user_prompt: {}", quoted(text));
            let config = Config::parse(&yaml, "quoted").map_err(|problems| problems.to_string());
            assert_eq!(
                config.map(|config| config.user_prompt),
                Ok(Some(text.to_owned())),
                "{yaml}"
            );
            let other: serde_json::Value = serde_yaml::from_str(&yaml).expect("it is YAML to everyone");
            assert_eq!(other["user_prompt"], text);
        }
    }

    /// Taking every `#` away that stands before a key gives a file that reads without problems, but for the keys
    /// that contradict each other on purpose.
    #[test]
    fn every_sample_is_good() {
        let text: String = fitted(&Fitting::default(), "x")
            .lines()
            .map(|line| {
                let bare = line.trim_start();
                let shown = bare.starts_with('#') && !bare.starts_with("# ");
                let line = if shown {
                    line.replacen('#', "", 1)
                } else {
                    line.to_owned()
                };
                format!("{line}\n")
            })
            .filter(|line| !line.starts_with("podman_args"))
            .collect();
        let config = Config::parse(&text, "samples").map_err(|problems| problems.to_string());
        assert_eq!(config.map(|config| config.source_dirs), Ok(vec!["src".to_owned()]));
    }
}

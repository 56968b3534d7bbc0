//! The commented file: the example with every default, and how a text is written as YAML.

use std::fmt::Write as _;

use super::keys::{Key, MEASURE, Shape, TOP};

const EXAMPLE_HEADER: &str = "\
# Every key of `configuration.yaml` with its default. Whatever your file leaves out has
# the value shown here; a key without a value is unset. Unknown keys are errors.
# Where a limit can be lifted, `off` lifts it.
";

/// Returns `configuration.example.yaml`: every key, active, with its default and a description.
pub fn example() -> String {
    let mut page = Page {
        text: EXAMPLE_HEADER.to_owned(),
    };
    page.keys(TOP, 0);
    page.text
}

struct Page {
    text: String,
}

impl Page {
    fn keys(&mut self, keys: &[Key], depth: usize) {
        for key in keys {
            self.key(key, depth);
        }
    }

    fn key(&mut self, key: &Key, depth: usize) {
        if depth == 0 {
            self.text.push('\n');
        }
        let indent = "  ".repeat(depth);
        self.comment(key, &indent);
        if let Shape::Section(below) = key.shape {
            self.line(&format!("{}:", key.name));
            let (told, rest): (Vec<&Key>, Vec<&Key>) = below.iter().partition(|below| is_told(key, below));
            if !told.is_empty() {
                let names: Vec<String> = told.iter().map(|key| format!("`{}`", key.name)).collect();
                let text = format!("As in `measure`, with the same defaults: {}.", names.join(", "));
                for line in wrapped(&text, 88) {
                    self.line(&format!("{indent}  # {line}"));
                }
            }
            for below in rest {
                self.key(below, depth + 1);
            }
            return;
        }
        for (index, line) in value(key).lines().enumerate() {
            let name = if index == 0 { key.name } else { "" };
            self.line(&format!("{indent}{name}{line}"));
        }
    }

    fn comment(&mut self, key: &Key, indent: &str) {
        for line in key.about.lines() {
            self.line(&format!("{indent}# {line}"));
        }
        if !key.sample.is_empty() {
            self.line(&format!("{indent}# For example: {}", key.sample));
        }
        if let Some(alias) = key.alias {
            self.line(&format!("{indent}# `{alias}` means the same."));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Returns whether a key of a role is already in the section of the first role, and needs no other description here.
fn is_told(section: &Key, key: &Key) -> bool {
    let is_same = |other: &Key| {
        (other.name, other.default, other.sample, other.about) == (key.name, key.default, key.sample, key.about)
    };
    ["stitch", "review"].contains(&section.name) && MEASURE.iter().any(is_same)
}

/// Returns what follows the name of a key, in one line or more.
fn value(key: &Key) -> String {
    if key.default.is_empty() && !key.items.is_empty() {
        let mut lines = String::from(":");
        for item in key.items {
            let _ = write!(lines, "\n  - {}", quoted(item));
        }
        return lines;
    }
    format!(": {}", key.default).trim_end().to_owned()
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

    /// Each value that the example shows after "For example" can be set, each in a file of its own.
    #[test]
    fn every_sample_is_good() {
        let mut count = 0;
        for key in TOP {
            let below: &[Key] = match key.shape {
                Shape::Section(below) => below,
                _ => &[],
            };
            let own = (!key.sample.is_empty()).then(|| format!("{}: {}\n", key.name, key.sample));
            let below = below.iter().filter(|below| !below.sample.is_empty());
            let below = below.map(|below| format!("{}: {{{}: {}}}\n", key.name, below.name, below.sample));
            for text in own.into_iter().chain(below) {
                let config = Config::parse(&text, "sample").map_err(|problems| problems.to_string());
                assert!(config.is_ok(), "{text}{config:?}");
                // Flags of the older system may say what is the default here.
                let is_default = config == Ok(Config::default());
                assert!(!is_default || key.name == "podman_args", "{text}");
                count += 1;
            }
        }
        assert!(count > 30, "{count} samples found: are they still read?");
    }
}

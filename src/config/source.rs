//! Where a configuration comes from: its file, and keys that the caller sets for one command; and each value of it.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::keys::{Shape, TOP};
use crate::base::error::{Error, ErrorKind, Result};

/// Which file holds the configuration, and what the caller sets beside it.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// The file; unset is the one with a usual name at the repository's root.
    pub file: Option<PathBuf>,
    /// Keys that are set whatever the file says; of two for the same key the later one holds.
    pub settings: Vec<Setting>,
}

/// One key that the caller sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key, such as `stitch.model`.
    pub key: String,
    /// Its value, as YAML.
    pub value: String,
    /// How the caller set it.
    pub by: SetBy,
}

/// How a caller sets a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// By an option of the command line, such as `--set`.
    Option(&'static str),
    /// By a variable of the environment.
    Variable(String),
}

impl Setting {
    /// Reads `KEY=VALUE`, as `--set` takes it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where there is no `=`, or a part of the key is empty.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((key, value)) if key.split('.').all(|part| !part.trim().is_empty()) => Ok(Self {
                key: key.trim().to_owned(),
                value: value.to_owned(),
                by: SetBy::Option("--set"),
            }),
            // What was typed is not repeated: it may be a secret of `container.env`.
            _ => Err(
                Error::new(ErrorKind::Usage, "cannot read a value of `--set`: expected KEY=VALUE")
                    .hint("for example `--set stitch.model=opus` or `--set 'gates=[cargo test]'`"),
            ),
        }
    }

    /// Returns what names the setting in reports, without its value, which may be a secret.
    pub(super) fn name(&self) -> String {
        match &self.by {
            SetBy::Option("--set") => format!("--set {}", self.key),
            SetBy::Option(option) => (*option).to_owned(),
            SetBy::Variable(name) => name.clone(),
        }
    }
}

/// Where a value of the configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// The key is set nowhere.
    Default,
    /// The file sets it.
    File {
        /// The file, as the caller named it.
        file: String,
        /// The line of the value, counted from 1.
        line: usize,
    },
    /// An option of the command line sets it.
    Option {
        /// The option, such as `--set`.
        option: &'static str,
    },
    /// A variable of the environment sets it.
    Variable {
        /// Its name.
        variable: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { file, line } => write!(formatter, "{file}:{line}"),
            Self::Option { option } => formatter.write_str(option),
            Self::Variable { variable } => formatter.write_str(variable),
        }
    }
}

/// Returns every key that has a value of its own, with the variable that sets it: `stitch.model` is set by
/// `CORDWAINER_STITCH_MODEL`.
pub fn variables() -> Vec<(String, String)> {
    keys()
        .into_iter()
        .map(|key| {
            let variable = format!("CORDWAINER_{}", key.replace('.', "_").to_uppercase());
            (key, variable)
        })
        .collect()
}

/// Returns the dotted names of all keys but sections, in the order of the example.
pub(crate) fn keys() -> Vec<String> {
    TOP.iter()
        .flat_map(|key| match key.shape {
            Shape::Section(below) => below
                .iter()
                .map(|below| format!("{}.{}", key.name, below.name))
                .collect(),
            _ => vec![key.name.to_owned()],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_setting_is_a_key_and_a_value() {
        let read = |text: &str| Setting::parse(text).map(|setting| (setting.key, setting.value));
        let good = |key: &str, value: &str| Some((key.to_owned(), value.to_owned()));
        assert_eq!(read("stitch.model=opus").ok(), good("stitch.model", "opus"));
        assert_eq!(read("container.env.A=b=c").ok(), good("container.env.A", "b=c"));
        assert_eq!(read("user_prompt=").ok(), good("user_prompt", ""));
        for bad in ["", "model", "=opus", "stitch.=opus", ".model=opus"] {
            assert_eq!(read(bad).map_err(|error| error.kind()), Err(ErrorKind::Usage), "{bad}");
        }
    }

    #[test]
    fn each_variable_sets_one_key() {
        let variables: Vec<String> = variables().into_iter().map(|(_, variable)| variable).collect();
        let distinct: BTreeSet<&String> = variables.iter().collect();
        assert_eq!(distinct.len(), variables.len());
        assert!(variables.contains(&"CORDWAINER_STITCH_MODEL".to_owned()));
        // Variables with a meaning of their own, see the command line and the tests.
        for own in ["CORDWAINER_CONFIG", "CORDWAINER_REQUIRE_ENGINE", "CORDWAINER_TEST_LONG"] {
            assert!(!variables.contains(&own.to_owned()), "{own}");
        }
    }
}

//! Where the configuration comes from, as the command line and the environment say it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};

use crate::base::error::{Error, ErrorKind, Result};
use crate::cli::Common;
use crate::config::{ConfigSource, SetBy, Setting, variables};

/// The options that set keys of the configuration for one run.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct RunSettings {
    /// Model of this run, for every role: `stitch.model` and `measure.model`, of `audit` and `review` also `review.model`
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// US dollars that this run may cost at most: `budget.run_usd`
    #[arg(long, value_name = "USD")]
    budget_usd: Option<String>,
}

impl RunSettings {
    /// Returns what the options set for a command that reads files.
    pub(super) fn of_review(&self) -> Vec<Setting> {
        let mut settings = self.settings();
        settings.extend(self.model.as_ref().map(|model| Setting {
            key: "review.model".to_owned(),
            value: model.clone(),
            by: SetBy::Option("--model"),
        }));
        settings
    }

    /// Returns what the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let set = |option, key: &str, value: &Option<String>| {
            value.as_ref().map(|value| Setting {
                key: key.to_owned(),
                value: value.clone(),
                by: SetBy::Option(option),
            })
        };
        let options = [
            set("--model", "stitch.model", &self.model),
            set("--model", "measure.model", &self.model),
            set("--budget-usd", "budget.run_usd", &self.budget_usd),
        ];
        options.into_iter().flatten().collect()
    }
}

/// What is wrong with a command line of which clap would drop settings.
pub(super) const IN_SEVERAL_PLACES: &str =
    "`--set` stands in several places: give every one of them before the command, or every one after it";

/// Reads a number of things, of which there is at least one.
pub(super) fn from_one(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// Returns whether settings are lost: of an option that stands before and after a command clap keeps the last place alone.
pub(super) fn are_lost(matches: &ArgMatches, arguments: &[OsString]) -> bool {
    let mut last = matches;
    while let Some((_, below)) = last.subcommand() {
        last = below;
    }
    // Another type is another program's option.
    let Ok(kept) = last.try_get_many::<String>("set") else {
        return false;
    };
    let options = arguments.iter().take_while(|argument| *argument != "--");
    let is_one = |argument: &&OsString| *argument == "--set" || argument.as_encoded_bytes().starts_with(b"--set=");
    options.filter(is_one).count() > kept.map_or(0, Iterator::count)
}

/// The variable that names the configuration's file.
const FILE_VARIABLE: &str = "CORDWAINER_CONFIG";

/// Returns where the configuration comes from. An option has precedence over a variable, and both over the file;
/// relative paths begin at `directory`.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`] where an option or a variable cannot be read.
pub(super) fn config_source(
    common: &Common,
    directory: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<ConfigSource> {
    let named = variable(FILE_VARIABLE).map(PathBuf::from);
    let file = common.config.clone().or(named);
    let mut settings = Vec::new();
    for (key, name) in variables() {
        let Some(value) = variable(&name) else { continue };
        let value = value.into_string().map_err(|_| {
            Error::new(
                ErrorKind::Usage,
                format!("the value of the variable `{name}` is not UTF-8"),
            )
        })?;
        let by = SetBy::Variable(name);
        settings.push(Setting { key, value, by });
    }
    for text in &common.set {
        settings.push(Setting::parse(text)?);
    }
    Ok(ConfigSource {
        file: file.map(|file| directory.join(file)),
        settings,
    })
}

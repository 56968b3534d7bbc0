//! `cordwainer config check`, `cordwainer config show`, `cordwainer config schema`, `cordwainer config detect`, `cordwainer config template`.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Context;
use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::text::one_line;
use crate::config::file::LoadedConfig;
use crate::config::{
    Config, DISK_OFF, EffectiveValue, FILE_NAME, Problem, Problems, effective, schema, uncalled_roles, unused_review,
};
use crate::git::{Git, Head};
use crate::lifecycle;
use crate::project::{Project, templates};

/// The arguments of `config`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

/// Checks and prints `configuration.yaml`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every problem of the configuration at once
    ///
    /// Exits with 3 if there is any.
    #[command(after_long_help = "Example:\n  cordwainer config check")]
    Check,
    /// Print the effective configuration, including every default
    ///
    /// Values that may be secrets are not shown.
    #[command(
        after_long_help = "Examples:\n  cordwainer config show --json\n  cordwainer config show --origin --set stitch.model=opus"
    )]
    Show {
        /// Print each key in a line of its own, with where its value comes from
        #[arg(long)]
        origin: bool,
        /// Print the configuration as it is in force in this mode, and the mode itself
        #[arg(long, value_name = "MODE", conflicts_with = "origin")]
        mode: Option<String>,
    },
    /// Print the JSON Schema of the configuration, for editors
    #[command(after_long_help = "Example:\n  cordwainer config schema > configuration.schema.json")]
    Schema,
    /// Print what the repository is made of: ecosystems, commands, tools, documents
    ///
    /// It reads manifests, lock files and scripts, and needs no configuration. What it does not know it lists as not
    /// recognized.
    #[command(after_long_help = "Example:\n  cordwainer config detect --json")]
    Detect,
    /// List the built-in templates of prompts with what each carries, or print one
    ///
    /// These are all texts that a model is given. A template of yours can take the place of each (`prompts`); those of measures can
    /// be extended.
    #[command(
        after_long_help = "Examples:\n  cordwainer config template\n  cordwainer config template review --variables\n  cordwainer config template fix > prompts/fix.md.j2"
    )]
    Template {
        /// Name of the template to print, with or without `.md.j2`
        name: Option<String>,
        /// Print what each variable of the template is instead of its text
        #[arg(long, requires = "name")]
        variables: bool,
    },
}

/// Runs a command on the configuration of the repository that contains the current folder.
pub(super) fn execute(command: &ConfigCommand, context: &Context) -> Result<u8> {
    match command {
        ConfigCommand::Check => check(Git::discover(&context.directory)?, context),
        ConfigCommand::Show { origin, mode } => show(
            Git::discover(&context.directory)?.workdir(),
            (*origin, mode.as_deref()),
            context,
        ),
        ConfigCommand::Template { name, variables } => super::template::execute((name.as_deref(), *variables), context),
        ConfigCommand::Detect => super::detect::execute(context),
        ConfigCommand::Schema => context.output.print_document(schema().trim_end()).map(|()| exit::DONE),
    }
}

fn check(git: Git, context: &Context) -> Result<u8> {
    let source = &context.environment.config;
    let mut name = FILE_NAME.to_owned();
    let problems = match LoadedConfig::load(git.workdir(), source) {
        Ok(LoadedConfig { config, file, .. }) => {
            name = file.shown;
            let unlimited = config.container.disk.is_none().then(|| DISK_OFF.to_owned());
            let services = config.services.iter().map(|(_, service)| &service.image);
            let unused = services.chain([&config.image]).flat_map(|image| &image.unused);
            let unused: Vec<String> = unused.map(|unused| one_line(unused, 300)).collect();
            let refused = templates::refused(&config, git.workdir());
            let refused: Vec<String> = refused.iter().map(in_a_line).collect();
            for warning in uncalled_roles(&config)
                .into_iter()
                .chain(refused)
                .chain(unused_review(&config))
                .chain(unlimited)
                .chain(unused)
                .chain(unmatched(git, config, context)?)
            {
                context.output.say(&format!("Warning: {warning}."));
            }
            None
        }
        Err(error) => Some(problems_of(error)?),
    };
    let found: &[Problem] = problems.as_ref().map_or(&[], Problems::as_slice);
    if context.output.json {
        context.output.print_json(&found)?;
    } else if found.is_empty() {
        context.output.say(&format!("{name} is valid."));
    }
    for problem in found {
        context.output.say(&problem.to_string());
    }
    Ok(lifecycle::exit::of_problems(found))
}

/// Returns an error with its hint.
fn in_a_line(error: &Error) -> String {
    let hint = error.hint_text().map(|hint| format!(" ({hint})"));
    format!("{}{}", error.in_a_line(), hint.unwrap_or_default())
}

/// Returns what the configuration names and the base branch does not have; nothing where there is no commit yet.
fn unmatched(git: Git, config: Config, context: &Context) -> Result<Vec<String>> {
    let branch = config.base_branch.clone();
    let project = Project::with_config(git, config, context.environment.clone());
    match (project.git.branch_tip(&branch)?, project.git.head()?) {
        (Some(tip), _) => project.unmatched(tip, None),
        (None, Head::Unborn { .. }) => Ok(Vec::new()),
        (None, Head::Branch { tip, .. } | Head::Detached { tip }) => {
            let mut found = vec![format!("`base_branch`: there is no branch `{branch}`")];
            // What else is to be said can be seen at what is checked out.
            found.extend(project.unmatched(tip, None)?);
            Ok(found)
        }
    }
}

/// Returns the problems that an error lists. An error without any is returned as it is: the file could not even be
/// read.
fn problems_of(error: Error) -> Result<Problems> {
    let source = std::error::Error::source(&error);
    match source.and_then(|source| source.downcast_ref::<Problems>()) {
        Some(problems) => Ok(problems.clone()),
        None => Err(error),
    }
}

fn show(root: &Path, (origin, mode): (bool, Option<&str>), context: &Context) -> Result<u8> {
    let (source, output) = (&context.environment.config, &context.output);
    if origin {
        let values = effective(root, source)?;
        if output.json {
            output.print_json(&values)?;
        } else {
            let lines: Vec<String> = values.iter().map(line).collect();
            output.print(&lines.join("\n"))?;
        }
        return Ok(exit::DONE);
    }
    let mut config = LoadedConfig::load(root, source)?.config;
    if let Some(name) = mode {
        config = config.in_mode(config.mode_named(name)?);
        // So that it is read again as it is: what the mode sets stands at its own keys, too.
        config.modes.insert(name.to_owned(), config.mode.clone());
    }
    if output.json {
        output.print_json(&config)?;
    } else {
        context.output.print_document(to_yaml(&config)?.trim_end())?;
    }
    Ok(exit::DONE)
}

/// Returns a line such as `max_issues: 3  # configuration.yaml:2`.
fn line(found: &EffectiveValue) -> String {
    let value = match &found.value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => one_line(text, 60),
        other => one_line(&other.to_string(), 60),
    };
    format!(
        "{:<44}  # {}",
        format!("{}: {value}", found.key).trim_end(),
        found.origin
    )
}

fn to_yaml<T: Serialize>(value: &T) -> Result<String> {
    serde_yaml::to_string(value).with_context(ErrorKind::Unexpected, || "cannot write YAML".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Environment;

    #[test]
    fn the_exit_code_says_whether_the_file_is_good() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let context = Context {
            output: crate::report::output::Output::default(),
            extensions: crate::run::extension::Extensions::default(),
            program: clap::Command::default,
            traces: false,
            directory: folder.path().to_owned(),
            generation: None,
            editor: None,
            pager: crate::cli::pager_variables::PagerVariables::default(),
            terminal: String::new(),
            environment: Environment::default(),
        };
        let write = |text: &str| std::fs::write(folder.path().join(FILE_NAME), text).expect("a file");
        let git = Git::init(folder.path()).expect("a repository");
        let checked = || check(git.clone(), &context).map_err(|error| error.kind());
        let shown = || show(folder.path(), (false, None), &context).map_err(|error| error.kind());
        write("");
        assert_eq!((checked(), shown()), (Ok(exit::DONE), Ok(exit::DONE)));
        write("max_issues: 1\na: b");
        assert_eq!(
            (checked(), shown()),
            (Ok(exit::CONFIGURATION), Err(ErrorKind::Configuration))
        );
        std::fs::remove_file(folder.path().join(FILE_NAME)).expect("it was there");
        assert_eq!(checked(), Err(ErrorKind::Configuration));
    }
}

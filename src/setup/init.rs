//! `cordwainer init`: a configuration fitted to what is found in a repository, and the `xtask` crate beside it.

mod ecosystem;
mod manifest;
mod survey;
mod write;
mod xtask;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::config::{Config, FILE_NAME, Fitting, fitted, quoted, schema};
use survey::Survey;
use write::Writer;

/// The schema's file, beside the configuration, so that the editor's schema line works on every machine.
const SCHEMA_FILE: &str = "configuration.schema.json";

/// What `init` is asked for.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Also write the `xtask` crate and the cargo alias.
    pub scaffold: bool,
    /// The branch that is checked out, according to git; unset selects the default.
    pub base_branch: Option<String>,
}

/// What `init` did; all paths are relative to the repository root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InitReport {
    /// The ecosystems found, such as `rust`.
    pub ecosystems: Vec<String>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that existed already, and were not changed.
    pub kept: Vec<PathBuf>,
    /// What is left to do by hand, one sentence each.
    pub notes: Vec<String>,
}

/// Writes a configuration fitted to the repository whose checkout is at `root`, with its schema beside it. Nothing that
/// exists is overwritten, and no symbolic link is followed; a file appears whole or not at all.
///
/// # Errors
/// Fails with [`ErrorKind::Usage`] when `root` is not a folder, with [`ErrorKind::Precondition`] when a folder to write
/// into is a link or not a folder, and with [`ErrorKind::Configuration`] when the base branch cannot be one.
pub fn init(root: &Path, options: &InitOptions) -> Result<InitReport> {
    if !root.is_dir() {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("`{}` is not a folder", root.display()),
        ));
    }
    let survey = Survey::of(root);
    let text = fitted(&fitting(&survey, options), SCHEMA_FILE);
    Config::parse(&text, FILE_NAME)?;

    let mut writer = Writer::new(root);
    writer.write(SCHEMA_FILE, &schema())?;
    let mut notes = Vec::new();
    if options.scaffold {
        notes = xtask::write(root, &mut writer)?;
    }
    // Last, because its presence shows that `init` has been here.
    writer.write(FILE_NAME, &text)?;
    let names = survey.ecosystems.iter().map(|ecosystem| ecosystem.name().to_owned());
    Ok(InitReport {
        ecosystems: names.collect(),
        written: writer.written,
        kept: writer.kept,
        notes,
    })
}

/// Decides which result of the survey goes into which key.
fn fitting(survey: &Survey, options: &InitOptions) -> Fitting {
    let mut fitting = Fitting::default();
    let texts = [
        ("module_path", &survey.names.module_path),
        ("binary_name", &survey.names.binary_name),
        ("main_package", &survey.names.main_package),
        ("base_branch", &options.base_branch),
    ];
    for (key, value) in texts {
        fitting.active.extend(value.as_ref().map(|value| (key, quoted(value))));
    }
    if !survey.source_dirs.is_empty() {
        fitting.active.insert("source_dirs", list(&survey.source_dirs));
        // There is code already: a generation continues from it until the person decides otherwise.
        fitting.active.insert("preserve_sources", "true".to_owned());
    }
    let suggestions = [
        ("context_files", list(&survey.documents)),
        ("gates", list(&survey.collect(ecosystem::Ecosystem::gates))),
        (
            "container.toolchain",
            list(&survey.collect(ecosystem::Ecosystem::toolchain)),
        ),
    ];
    fitting
        .suggested
        .extend(suggestions.into_iter().filter(|(_, value)| value != "[]"));
    fitting
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

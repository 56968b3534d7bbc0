//! `cordwainer init`: a configuration fitted to what is found in a repository, and the `xtask` crate beside it.

mod base;
mod commands;
mod file;
mod gates;
mod ignore;
mod projects;
mod write;
mod xtask;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::config::{Config, FILE_NAME, schema};
use crate::project::detect::{Detection, Ecosystem, Unrecognized};
use file::ImageTools;
use write::Writer;

pub use base::BaseBranch;
pub use gates::suggested_gates;

/// The schema's file, beside the configuration, so that the editor's schema line works on every machine.
const SCHEMA_FILE: &str = "configuration.schema.json";

/// What `init` is asked for.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Also write the `xtask` crate and the cargo alias.
    pub scaffold: bool,
    /// Also write the schema, which editors use, and name it in the configuration.
    pub schema: bool,
    /// The branch that generations begin on; unset selects the default.
    pub base_branch: Option<BaseBranch>,
    /// The configuration's file, relative to the repository root; unset is the usual one.
    pub file: Option<String>,
    /// The folder for token files that git does not ignore yet, by a rule of whatever file.
    pub secrets_to_ignore: Option<PathBuf>,
}

/// What `init` did; all paths are relative to the repository root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InitReport {
    /// The configuration's file.
    pub configuration: String,
    /// The ecosystems found, each once.
    pub ecosystems: Vec<Ecosystem>,
    /// What was not recognized.
    pub unrecognized: Vec<Unrecognized>,
    /// The base branch, and why it is this one.
    pub base_branch: BaseBranch,
    /// The folders with code. They are kept when a generation starts.
    pub source_dirs: Vec<String>,
    /// The package managers whose hosts a container can reach.
    pub network: Vec<&'static str>,
    /// The commands of the gates that the configuration has, as it was written.
    pub suggested_gates: Vec<String>,
    /// The programs that the image needs for them.
    pub tools: Vec<String>,
    /// The tools that `image.build` of the configuration installs for them.
    pub image_tools: Vec<String>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files to which lines were added.
    pub changed: Vec<PathBuf>,
    /// Files that existed already, and were not changed.
    pub kept: Vec<PathBuf>,
    /// What is left to do by hand, one sentence each.
    pub notes: Vec<String>,
    /// What to do next, in this order.
    pub next: Vec<NextStep>,
}

/// One step on the way to the first run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// What to type.
    pub command: String,
    /// What it is for.
    pub purpose: String,
}

/// Writes a configuration fitted to the repository whose checkout is at `root`, and has git ignore the folder for token
/// files. Nothing that exists is overwritten, and no symbolic link is followed; a file appears whole or not at all.
///
/// # Errors
/// Fails with [`ErrorKind::Usage`] when `root` is not a folder, with [`ErrorKind::Precondition`] when a folder to write
/// into is a link or not a folder, and with [`ErrorKind::Configuration`] when the base branch cannot be one.
pub fn init(root: &Path, detection: &Detection, options: &InitOptions) -> Result<InitReport> {
    if !root.is_dir() {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("`{}` is not a folder", root.display()),
        ));
    }
    let base = options.base_branch.clone().unwrap_or_default();
    let mut writer = Writer::new(root);
    let has_schema = options.schema || writer.exists(SCHEMA_FILE);
    let text = file::text(detection, &base, has_schema.then_some(SCHEMA_FILE));
    let name = options.file.as_deref().unwrap_or(FILE_NAME);
    Config::parse(&text, name)?;

    if options.schema {
        writer.write(SCHEMA_FILE, &schema())?;
    }
    let mut notes = detection_notes(detection, name);
    notes.extend(base.missing.clone());
    if options.scaffold {
        notes.extend(xtask::write(root, &mut writer)?);
    }
    if let Some(folder) = &options.secrets_to_ignore {
        notes.extend(ignore::secrets(folder, &mut writer)?);
    }
    // Last, because its presence shows that `init` has been here.
    writer.write(name, &text)?;
    let mut ecosystems: Vec<Ecosystem> = detection.projects.iter().map(|project| project.ecosystem).collect();
    ecosystems.sort_unstable();
    ecosystems.dedup();
    Ok(InitReport {
        next: next_steps(&image_step(detection, name, &writer), options, name, &writer),
        image_tools: file::image_tools(detection)
            .known
            .into_keys()
            .map(str::to_owned)
            .collect(),
        configuration: name.to_owned(),
        ecosystems,
        unrecognized: detection.unrecognized.clone(),
        base_branch: base,
        source_dirs: file::source_dirs(detection),
        network: file::hosts(detection),
        suggested_gates: suggested_gates(detection),
        tools: file::tools(detection),
        written: writer.written,
        changed: writer.changed,
        kept: writer.kept,
        notes,
    })
}

fn detection_notes(detection: &Detection, name: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if detection.is_partial {
        notes.push(
            "The repository has more files than `cordwainer config detect` looks at: check what it found.".into(),
        );
    }
    if detection.projects.is_empty() && detection.has_code {
        notes.push(format!(
            "How this repository is built and tested was not recognized: write its commands into `gates` of {name}."
        ));
    }
    notes
}

/// Returns how the image is made: as the configuration that was just written says, or onto an image of the person's.
fn image_step(detection: &Detection, name: &str, writer: &Writer<'_>) -> NextStep {
    let ImageTools { known, unknown } = file::image_tools(detection);
    let is_described = !known.is_empty() && writer.written.iter().any(|path| path == Path::new(name));
    let tools = file::tools(detection);
    if !is_described && !tools.is_empty() {
        return NextStep {
            command: "cordwainer image build --base IMAGE".to_owned(),
            purpose: format!("adds the client to an image of yours that has {}", tools.join(", ")),
        };
    }
    let known: Vec<&str> = known.into_keys().collect();
    let mut purpose = "builds the image with the client".to_owned();
    if is_described {
        purpose = format!("{purpose} and {}", known.join(", "));
    }
    if !unknown.is_empty() {
        purpose = format!("{purpose}; it lacks {}: see `image` in {name}", unknown.join(", "));
    }
    NextStep {
        command: "cordwainer image build".to_owned(),
        purpose,
    }
}

/// Returns the way from here to the first run, which begins with the image.
fn next_steps(image: &NextStep, options: &InitOptions, name: &str, writer: &Writer<'_>) -> Vec<NextStep> {
    let step = |command: &str, purpose: &str| NextStep {
        command: command.to_owned(),
        purpose: purpose.to_owned(),
    };
    let mut files: Vec<&str> = vec![name];
    let is_new = |path: &str| {
        writer
            .written
            .iter()
            .chain(&writer.changed)
            .any(|written| written == Path::new(path))
    };
    files.extend([SCHEMA_FILE, ignore::FILE].into_iter().filter(|file| is_new(file)));
    if options.scaffold {
        files.extend(["xtask", ".cargo"]);
    }
    let add = format!(
        "git add {} && git commit --message \"Configure cordwainer\"",
        files.join(" ")
    );
    vec![
        image.clone(),
        step(
            "export CLAUDE_CODE_OAUTH_TOKEN=...",
            "the token that `claude setup-token` prints; it stays on this machine",
        ),
        step("cordwainer doctor", "reports what is still missing, and the fix"),
        step(&add, "a generation begins with what is committed"),
        step(
            "cordwainer start && cordwainer run",
            "begins a generation and works on it",
        ),
    ]
}

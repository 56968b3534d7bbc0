//! `cordwainer init`.

use std::path::Path;

use clap::Args;

use super::{Context, detect};
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::config::file::LoadedConfig;
use crate::config::locate::locate;
use crate::config::{Config, ConfigSource};
use crate::git::Git;
use crate::setup::init::{BaseBranch, InitOptions, InitReport, init};

/// Writes a configuration fitted to the repository; overwrites nothing.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// Also write the `xtask` crate and the cargo alias
    #[arg(long)]
    pub scaffold: bool,
    /// Also write the JSON Schema, for editors
    #[arg(long)]
    pub schema: bool,
}

/// Runs `cordwainer init` on the checkout that contains the current folder; its branch becomes the base branch.
pub(super) fn execute(args: &InitArgs, context: &Context) -> Result<u8> {
    let git = Git::discover(&context.directory)?;
    let source = &context.environment.config;
    let file = locate(git.workdir(), source)?.shown;
    if Path::new(&file).is_absolute() {
        let message = format!("`{file}` is outside of the repository at `{}`", git.workdir().display());
        return Err(
            Error::new(ErrorKind::Usage, message).hint("name a file in the repository: tasks then cannot change it")
        );
    }
    // One that is there and has problems stays as it is, and the usual folder is taken.
    let loaded = LoadedConfig::load_if_there(git.workdir(), &ConfigSource::default());
    let secrets = loaded
        .map_or_else(|_| Config::default(), |loaded| loaded.config)
        .secrets_dir;
    let options = InitOptions {
        scaffold: args.scaffold,
        schema: args.schema,
        base_branch: Some(BaseBranch::of(&git)?),
        file: Some(file),
        secrets_are_ignored: git.ignores(&secrets.join("any"))?,
    };
    let report = init(git.workdir(), &detect::of_repository(&git)?, &options)?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        for line in lines(&report) {
            context.output.say(&line);
        }
    }
    Ok(exit::DONE)
}

fn lines(report: &InitReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, items: &[String]| {
        if !items.is_empty() {
            lines.push(format!("{what}: {}.", items.join(", ")));
        }
    };
    let titles: Vec<String> = report
        .ecosystems
        .iter()
        .map(|ecosystem| ecosystem.title().to_owned())
        .collect();
    line("Found", &titles);
    let unrecognized = report.unrecognized.iter();
    let unrecognized: Vec<String> = unrecognized
        .map(|found| format!("{} ({})", found.name, found.file))
        .collect();
    line("Not recognized", &unrecognized);
    let base = &report.base_branch;
    line("Base branch", &[format!("{} ({})", base.name, base.reason)]);
    line("Source folders, kept when a generation starts", &report.source_dirs);
    let hosts: Vec<String> = report.network.iter().map(|host| (*host).to_owned()).collect();
    line("Reachable package hosts", &hosts);
    let gates: Vec<String> = report.suggested_gates.iter().map(|gate| format!("`{gate}`")).collect();
    line(
        &format!("Gates suggested in {}, not set yet", report.configuration),
        &gates,
    );
    for (what, paths) in [
        ("Wrote", &report.written),
        ("Extended", &report.changed),
        ("Left as it is", &report.kept),
    ] {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        line(what, &paths);
    }
    lines.extend(report.notes.iter().cloned());
    lines.push("\nNext:".to_owned());
    for (index, step) in report.next.iter().enumerate() {
        lines.push(format!("  {}. `{}`\n     {}", index + 1, step.command, step.purpose));
    }
    lines
}

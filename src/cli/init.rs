//! `cordwainer init`.

use std::path::{Component, Path};

use clap::Args;

use super::{Context, detect};
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::config::ConfigSource;
use crate::config::file::LoadedConfig;
use crate::config::locate::locate;
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

/// Runs `cordwainer init` on the checkout that contains the current folder.
pub(super) fn execute(args: &InitArgs, context: &Context) -> Result<u8> {
    let git = Git::discover(&context.directory)?;
    let source = &context.environment.config;
    let file = locate(git.workdir(), source)?.shown;
    let mut parts = Path::new(&file).components();
    if !parts.all(|part| matches!(part, Component::Normal(name) if name != ".git")) {
        let message = format!("`{file}` is outside of the repository at `{}`", git.workdir().display());
        return Err(
            Error::new(ErrorKind::Usage, message).hint("name a file in the repository: tasks then cannot change it")
        );
    }
    // Where a named file is to be written, what is set beside it holds all the same.
    let beside = ConfigSource {
        file: source.file.clone().filter(|file| file.exists()),
        settings: source.settings.clone(),
    };
    let secrets = LoadedConfig::load_if_there(git.workdir(), &beside)?.config.secrets_dir;
    let are_ignored = git.ignores(&secrets.join("any"))?;
    let options = InitOptions {
        scaffold: args.scaffold,
        schema: args.schema,
        base_branch: Some(BaseBranch::of(&git)?),
        file: Some(file),
        secrets_to_ignore: (!are_ignored).then_some(secrets),
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
    let is_kept = report.kept.iter().any(|path| path == Path::new(&report.configuration));
    if is_kept {
        let name = &report.configuration;
        lines.push(format!(
            "{name} was there and stays as it is; `cordwainer config show` prints what holds."
        ));
    }
    let mut line = |what: &str, items: &[String]| {
        if !items.is_empty() && !is_kept {
            lines.push(format!("{what}: {}.", items.join(", ")));
        }
    };
    let base = &report.base_branch;
    line("Base branch", &[format!("{} ({})", base.name, base.reason)]);
    line("Source folders, kept when a generation starts", &report.source_dirs);
    let hosts: Vec<String> = report.network.iter().map(|host| (*host).to_owned()).collect();
    line("Reachable package hosts", &hosts);
    line("Tools of the image", &report.image_tools);
    let gates: Vec<String> = report.suggested_gates.iter().map(|gate| format!("`{gate}`")).collect();
    line("Gates", &gates);
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

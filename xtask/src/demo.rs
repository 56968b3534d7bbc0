//! `demo`: a whole generation in real containers, with the scripted agent instead of Claude Code.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::provision::{self, Install};
use crate::{agent_image, provision::Started};

mod at_once;
mod audit;
mod build;
mod fix;
mod script;

/// The kinds of work that the demo knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DemoMode {
    /// From documents: measure, five tasks, merge
    #[default]
    Generate,
    /// From a report: one task that proves itself
    Fix,
    /// From a specification: two groups of work, each with a review that closes it
    Build,
    /// Files are read and what is wrong with them is reported, then fixed
    Audit,
}

/// What is played: the project's files at the beginning, its configuration, and what is done then.
struct Story {
    project: &'static [(&'static str, &'static str)],
    configuration: String,
    play: fn(&Stage<'_>) -> Result<()>,
}

impl DemoMode {
    /// Returns its story, with `more` for the surroundings in the configuration.
    fn story(self, more: &str) -> Result<Story> {
        let (project, configuration, play): (&[_], _, fn(&Stage<'_>) -> Result<()>) = match self {
            Self::Generate => (&script::PROJECT, script::configuration(more)?, generate),
            Self::Fix => (&fix::PROJECT, fix::configuration(more), fix::play),
            Self::Build => (&build::PROJECT, build::configuration(more), build::play),
            Self::Audit => (&audit::PROJECT, audit::configuration(more), audit::play),
        };
        Ok(Story {
            project,
            configuration,
            play,
        })
    }
}

/// How to run the demo.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Kind of work to show
    #[arg(value_name = "MODE", default_value = "generate")]
    mode: DemoMode,
    /// Fail instead of installing a container engine
    #[arg(long)]
    no_install: bool,
    /// Image of the scripted agent that the engine has, for tests: theirs stays as it is
    #[arg(long, hide = true)]
    image: Option<String>,
}

/// Runs the demo; fails when the generation did not come out as the story says.
pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode> {
    let install = if args.no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let engine = provision::any_engine(install)?;
    println!("Engine: {}.", engine.description());
    let image = match &args.image {
        Some(image) => image.clone(),
        None => agent_image::provide(&engine)?,
    };
    println!("Image of the scripted agent: {image}.");

    let begun = Instant::now();
    let story = args.mode.story(&surroundings(&engine, &image)?)?;
    let repository = make_repository(story.project)?;
    let stage = Stage {
        repository: &repository,
        engine: &engine,
    };
    println!("Repository: {}.\n", repository.display());
    stage.xtask(&["init"], 0)?;
    println!("The demo puts a configuration in its place that has its agent follow a script.\n");
    write(&repository, "configuration.yaml", &story.configuration)?;
    stage.git(&["add", "--all"])?;
    stage.git(&["commit", "--quiet", "--message", "Configure cordwainer"])?;
    (story.play)(&stage)?;
    println!(
        "\nThe demo took {:.1} s. Its repository is kept in {}.",
        begun.elapsed().as_secs_f64(),
        repository.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Plays the story of a generation from documents.
fn generate(stage: &Stage<'_>) -> Result<()> {
    stage.xtask(&["start", "--name", "demo"], 0)?;
    // 7: one task is held for a person, which is a part of the story.
    stage.xtask(&["run"], 7)?;
    stage.show_two_at_once()?;
    stage.xtask(&["status"], 0)?;
    stage.xtask(&["issues", "list"], 0)?;
    stage.check()?;
    stage.xtask(&["stop"], 0)?;
    stage.show("git", &["log", "--graph", "--stat", "--format=%h %s"])
}

/// The part of the configuration that depends on the engine. The scripted agent asks no model, and an ordinary user's
/// engine may be unable to enforce limits.
fn surroundings(engine: &Started, image: &str) -> Result<String> {
    let mut settings = format!("image: {image}\nagent:\n  credentials: none\ncontainer:\n  engine: auto\n");
    if let Some(unenforced) = engine.unenforced_limits()? {
        println!("Limits are off in the demo: {unenforced}.");
        settings.push_str("  memory: off\n  pids: off\n");
    }
    Ok(settings)
}

/// Makes a small repository in a temporary folder that is kept.
fn make_repository(project: &[(&str, &str)]) -> Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix("cordwainer-demo-")
        .tempdir()
        .context("cannot make a folder")?
        .keep();
    for (path, text) in project {
        write(&folder, path, text)?;
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["config", "user.name", "Demo"],
        &["config", "user.email", "demo@example.invalid"],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "Say what is wanted"],
    ] {
        let status = Command::new("git")
            .current_dir(&folder)
            .args(arguments)
            .status()
            .context("cannot run git")?;
        ensure!(status.success(), "`git {}` failed", arguments.join(" "));
    }
    Ok(folder)
}

/// What a project's owner tells measure, as lines of the configuration: here the script that the agent looks for in it.
fn user_prompt(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| format!("  {line}").trim_end().to_owned() + "\n");
    format!("user_prompt: |\n{}", lines.collect::<String>())
}

fn write(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path = folder.join(path);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, text));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// Where the demo plays.
struct Stage<'a> {
    repository: &'a Path,
    engine: &'a Started,
}

impl Stage<'_> {
    /// Runs one of cordwainer's commands as a person would, and shows it.
    fn xtask(&self, arguments: &[&str], expect: i32) -> Result<()> {
        let quoted = |argument: &&str| {
            if argument.contains(' ') {
                format!("\"{argument}\"")
            } else {
                (*argument).to_owned()
            }
        };
        let words: Vec<String> = arguments.iter().map(quoted).collect();
        println!("$ cargo xtask {}", words.join(" "));
        let status = self.cordwainer(arguments)?.status().context("cannot run cordwainer")?;
        println!();
        match status.code() {
            Some(code) if code == expect => Ok(()),
            code => bail!("`{}` ended with {code:?} instead of {expect}", arguments.join(" ")),
        }
    }

    fn cordwainer(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
        command
            .current_dir(self.repository)
            .env("DOCKER_HOST", self.engine.host())
            .args(arguments);
        Ok(command)
    }

    fn git(&self, arguments: &[&str]) -> Result<()> {
        let status = Command::new("git")
            .current_dir(self.repository)
            .args(arguments)
            .status()
            .context("cannot run git")?;
        ensure!(status.success(), "`git {}` failed", arguments.join(" "));
        Ok(())
    }

    /// Runs a program and shows it, without a pager.
    fn show(&self, program: &str, arguments: &[&str]) -> Result<()> {
        println!("$ {program} {}", arguments.join(" "));
        let mut command = Command::new(program);
        let status = command
            .current_dir(self.repository)
            .env("GIT_PAGER", "cat")
            .args(arguments)
            .status();
        ensure!(
            status.with_context(|| format!("cannot run {program}"))?.success(),
            "`{program}` failed"
        );
        Ok(())
    }

    /// Says which two tasks were at work at the same time; that there were two is a part of the story.
    fn show_two_at_once(&self) -> Result<()> {
        let found = at_once::in_the_last_run(self.repository)?;
        let at_once::AtOnce { tasks, time } = found.context("no two tasks were at work at the same time")?;
        let [(one, first), (other, second)] = tasks;
        println!("Two tasks were at work at once for {:.1} s:", time.as_secs_f64());
        println!("  {one}: {first}.\n  {other}: {second}.\n");
        Ok(())
    }

    /// Sees that the generation came out as the story says.
    fn check(&self) -> Result<()> {
        let output = self
            .cordwainer(&["status", "--json"])?
            .output()
            .context("cannot run cordwainer")?;
        let status: Value = serde_json::from_slice(&output.stdout).context("`status --json` is no JSON")?;
        let count = |state: &str| status["tasks"][state].as_u64();
        ensure!(
            (count("closed"), count("blocked"), count("open")) == (Some(4), Some(1), Some(0)),
            "the generation did not come out as the story says: {}",
            status["tasks"]
        );
        Ok(())
    }
}

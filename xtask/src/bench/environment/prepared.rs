//! The second task of a project to its first green test, beside a shell script that does the same with its cache mounted
//! into a plain container of the same image.
//!
//! The first task is not measured: both sides fetch and build the dependencies then. The agent of a task changes a source
//! file and runs the tests. Time runs from the beginning of the task to the moment when the tests have passed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use cordwainer::Generator;
use cordwainer::attempt::Outcome;
use cordwainer::config::{Config, Credentials, Image};
use cordwainer::event::EventKind;
use cordwainer::generator::{Environment, StartOptions};
use cordwainer::git::Git;
use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::ecosystem::{Ecosystem, GREEN, NODE, RUST};
use crate::bench::engines::Setting;
use crate::bench::memory;
use crate::bench::scene::{BY_HAND, add_task, commit_all};
use crate::bench::times::{Times, print_ratio};
use crate::provision::Started;
use crate::toolchains_image;

/// A task may take this part of what the script takes.
const TARGET: f64 = 1.1;

/// Measures on one engine, and prints a table. Returns whether the target was met.
pub(super) fn measure(setting: &Setting<'_>, rounds: u32) -> Result<bool> {
    toolchains_image::provide(setting.engine, setting.agent, setting.install)?;
    println!("The second task of a project, to its first green test");
    println!(
        "{:>7}  {:<24} {:>9} {:>9}  {:>7}",
        "", "", "minimum", "median", "at most"
    );
    let mut is_met = true;
    for ecosystem in [&RUST, &NODE] {
        is_met &= setting.runtime.block_on(compare(setting.engine, ecosystem, rounds))?;
    }
    Ok(is_met)
}

/// Alternates the two, each in each place.
async fn compare(engine: &Started, ecosystem: &Ecosystem, rounds: u32) -> Result<bool> {
    let mut both = Both::make(engine, ecosystem).await?;
    let (mut library, mut script) = (Times::default(), Times::default());
    both.fill_cache()?;
    for round in 0..=rounds {
        let (task, by_hand) = if round % 2 == 0 {
            let task = both.library().await?;
            (task, both.script()?)
        } else {
            let by_hand = both.script()?;
            (both.library().await?, by_hand)
        };
        // The first round of the library prepares.
        if round > 0 {
            library.push(task);
            script.push(by_hand);
        }
    }
    for (name, times) in [("task", &library), ("script", &script)] {
        println!(
            "{:>7}  {name:<24} {:>7.3} s {:>7.3} s",
            ecosystem.name,
            times.minimum(),
            times.median()
        );
    }
    Ok(print_ratio(
        ecosystem.name,
        "task / script",
        &library,
        &[&script],
        Some(TARGET),
    ))
}

/// A project, laid out for the library and for the script.
struct Both<'a> {
    folder: tempfile::TempDir,
    engine: &'a Started,
    ecosystem: &'a Ecosystem,
    generator: Generator,
    tasks: usize,
}

impl<'a> Both<'a> {
    async fn make(engine: &'a Started, ecosystem: &'a Ecosystem) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cordwainer-bench-")
            .tempdir()
            .context("cannot make a folder")?;
        for side in ["library", "script"] {
            ecosystem.write(&folder.path().join(side))?;
            commit_all(&folder.path().join(side))?;
        }
        let mut config = Config {
            image: Image::named(toolchains_image::REFERENCE),
            ..Config::parse(&ecosystem.configuration(), "the benchmark")?
        };
        config.agent.credentials = Credentials::None;
        let environment = Environment {
            docker_host: Some(engine.host()),
            ..Environment::default()
        };
        let git = Git::discover(&folder.path().join("library"))?;
        let generator = Generator::with_config(git, config, environment);
        let _ = generator.start(&StartOptions::default()).await?;
        Ok(Self {
            folder,
            engine,
            ecosystem,
            generator,
            tasks: 0,
        })
    }

    fn next_prompt(&mut self) -> String {
        self.tasks += 1;
        self.ecosystem.prompt(self.tasks)
    }

    /// One task through the library: what a run spends once, before its first task, does not count.
    async fn library(&mut self) -> Result<Duration> {
        let prompt = self.next_prompt();
        let id = add_task(&self.generator, &prompt)?;
        let (events, mut receiver) = unbounded_channel();
        let outcome = self
            .generator
            .stitch(Some(id.clone()), events, CancellationToken::new())
            .await?;
        ensure!(outcome == Outcome::Merged, "the task ended as {outcome}");
        // Something about the configuration may come before it.
        let (begun, run) = loop {
            let event = receiver.recv().await.context("the run has no beginning")?;
            if let EventKind::RunStarted { run, .. } = event.kind {
                break (event.at, run);
            }
        };
        let records = self.generator.state_dir().join("runs").join(run.to_string());
        let transcript = records.join(format!("{id}-1/transcript.jsonl"));
        let said =
            std::fs::read_to_string(&transcript).with_context(|| format!("cannot read `{}`", transcript.display()))?;
        since(begun, &said)
    }

    /// Fetches and builds the script's dependencies.
    fn fill_cache(&self) -> Result<()> {
        let repository = self.folder.path().join("script");
        let filled = self
            .container(true)?
            .args(["--volume", &format!("{}:/workspace", repository.display())])
            .args([toolchains_image::REFERENCE, "sh", "-c", self.ecosystem.prepare])
            .stdin(Stdio::null())
            .output()
            .context("cannot run the engine's client")?;
        let said = String::from_utf8_lossy(&filled.stderr);
        ensure!(filled.status.success(), "the cache could not be filled: {said}");
        Ok(())
    }

    /// Does a task by the script.
    fn script(&mut self) -> Result<Duration> {
        let [prompt, output] = ["prompt.md", "output.jsonl"].map(|name| self.folder.path().join(name));
        std::fs::write(&prompt, self.next_prompt()).context("cannot write the prompt")?;
        let container = self.container(false)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", BY_HAND, "by_hand.sh"])
            .arg(self.folder.path().join("script"))
            .arg(format!("task-{}", self.tasks))
            .arg(container.get_program())
            .args(container.get_args())
            .env("IMAGE", toolchains_image::REFERENCE)
            .env("PROMPT", prompt)
            .env("OUTPUT", &output)
            .stdin(Stdio::null());
        let begun = Timestamp::now();
        memory::wait(command.spawn().context("cannot run the script")?).context("the script")?;
        since(
            begun,
            &std::fs::read_to_string(&output).context("cannot read what the agent printed")?,
        )
    }

    /// A plain container with the cache, up to the image.
    fn container(&self, has_network: bool) -> Result<Command> {
        let mut words = self.engine.client().iter();
        let mut command = Command::new(words.next().context("the engine has no client")?);
        command
            .args(words)
            .args(["run", "--rm", "--interactive", "--init", "--workdir", "/workspace"])
            .args(["--network", if has_network { "host" } else { "none" }])
            .args(["--cap-drop", "ALL", "--log-driver", "none"])
            .args(["--security-opt", "no-new-privileges"])
            .args([
                "--env",
                "CARGO_HOME=/cache/cargo",
                "--env",
                "npm_config_cache=/cache/npm",
            ]);
        let caches = self.ecosystem.folders.iter().copied();
        for (inside, name) in caches
            .map(|(path, name)| (format!("/workspace/{path}"), name))
            .chain([("/cache".to_owned(), "home")])
        {
            let folder: PathBuf = self.folder.path().join("cache").join(name);
            std::fs::create_dir_all(&folder).context("cannot make a folder")?;
            command.args(["--volume", &format!("{}:{inside}", folder.display())]);
        }
        Ok(command)
    }
}

/// How long after `begun` the tests had passed, by what the agent printed.
fn since(begun: Timestamp, said: &str) -> Result<Duration> {
    let mut digits = said
        .split(GREEN)
        .skip(1)
        .map(|text| text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    let passed = digits.find_map(|digits| digits.parse().ok()).map(Duration::from_nanos);
    let passed = passed.with_context(|| format!("the tests did not pass: {said}"))?;
    let begun = SystemTime::from(begun).duration_since(UNIX_EPOCH)?;
    Ok(passed.saturating_sub(begun))
}

//! Where tasks are worked on at once: a small repository, and a run of the library on it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cordwainer::Generator;
use cordwainer::config::{Config, Credentials, Image};
use cordwainer::event::Event;
use cordwainer::generator::{Environment, RunOptions, RunSummary, StartOptions};
use cordwainer::git::Git;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::bench::engines::Setting;
use crate::bench::scene::{add_task, make_repository};

/// Files in the repository.
pub(in crate::bench) const FILES: usize = 1_000;

/// A generation with tasks.
pub(in crate::bench) struct Scene {
    /// With the repository.
    folder: tempfile::TempDir,
    generator: Generator,
}

/// What happens, as it happens.
pub(super) type Events = UnboundedReceiver<Event>;

/// A run that has ended.
pub(in crate::bench) struct Ran {
    /// From the call of `run` until it returned.
    pub(in crate::bench) took: Duration,
    pub(in crate::bench) events: Vec<Event>,
    pub(in crate::bench) summary: RunSummary,
}

impl Scene {
    /// Makes a repository and starts a generation with these settings.
    pub(in crate::bench) async fn make(setting: &Setting<'_>, image: &str, settings: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cordwainer-bench-")
            .tempdir()
            .context("cannot make a folder")?;
        let repository = folder.path().join("repository");
        make_repository(&repository, FILES)?;
        let mut config = Config {
            image: Image::named(image),
            preserve_sources: true,
            ..Config::parse(settings, "the benchmark")?
        };
        config.agent.credentials = Credentials::None;
        let environment = Environment {
            docker_host: Some(setting.engine.host()),
            ..Environment::default()
        };
        let generator = Generator::with_config(Git::discover(&repository)?, config, environment);
        let _ = generator.start(&StartOptions::default()).await?;
        Ok(Self { folder, generator })
    }

    /// Files a task whose agent follows a script.
    pub(in crate::bench) fn add(&self, script: &str) -> Result<()> {
        add_task(&self.generator, &format!("~~~script\n{script}\n~~~\n")).map(drop)
    }

    /// Returns where the repository is.
    pub(in crate::bench) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Returns where the worktrees are.
    pub(in crate::bench) fn slots(&self) -> PathBuf {
        self.generator.state_dir().join("slots")
    }

    /// Does all tasks.
    pub(in crate::bench) async fn run(&self) -> Result<Ran> {
        let (sender, mut receiver) = unbounded_channel();
        let (took, summary) = self.run_told(sender).await?;
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        Ok(Ran { took, events, summary })
    }

    /// Does all tasks, and gives what happens to somebody as it happens; returns what that came to, too.
    pub(in crate::bench) async fn run_watched<W, F>(&self, watch: W) -> Result<(RunSummary, F::Output)>
    where
        W: FnOnce(Events) -> F,
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (sender, receiver) = unbounded_channel();
        let watching = tokio::spawn(watch(receiver));
        let (_, summary) = self.run_told(sender).await?;
        let watched = watching.await.context("the watch ended early")?;
        Ok((summary, watched))
    }

    async fn run_told(&self, events: UnboundedSender<Event>) -> Result<(Duration, RunSummary)> {
        let options = RunOptions {
            cycles: Some(0),
            ..RunOptions::default()
        };
        let begun = Instant::now();
        let summary = self.generator.run(options, events, CancellationToken::new()).await?;
        Ok((begun.elapsed(), summary))
    }
}

/// Fails unless a run has merged so many tasks.
pub(in crate::bench) fn expect_merged(summary: &RunSummary, tasks: u32) -> Result<()> {
    let merged = summary.merged;
    ensure!(
        merged == tasks,
        "{merged} of {tasks} tasks were merged: {}",
        summary.reason
    );
    Ok(())
}

//! Where the benchmark plays: a repository of so many files, once for the library and once for the script.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cordwainer::Generator;
use cordwainer::attempt::Outcome;
use cordwainer::clock::Clock;
use cordwainer::config::{Config, Credentials};
use cordwainer::event::EventKind;
use cordwainer::generator::{Environment, StartOptions};
use cordwainer::git::{Git, NewCommit, SlotPool, SnapshotLimits};
use cordwainer::issue::{IssueId, NewIssue};
use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::bench::bare::Bare;
use crate::bench::memory;
use crate::provision::Started;

/// What a task takes by hand, for a shell.
pub(crate) const BY_HAND: &str = include_str!("by_hand.sh");
/// What an attempt with gates, a fix round and a review takes by hand, for a shell.
const JUDGED_BY_HAND: &str = include_str!("judged_by_hand.sh");
/// Files in a folder of the repository.
const FILES_IN_FOLDER: usize = 100;

/// A repository of `files` files, and everything that works on it.
pub(crate) struct Scene<'a> {
    folder: tempfile::TempDir,
    files: usize,
    engine: &'a Started,
    image: &'a str,
    generator: Generator,
    pool: SlotPool,
    bare: Bare,
    rounds: usize,
    /// The most memory that this process had in a round of the library, in KiB.
    pub(crate) library_peak: u64,
    /// The most memory that any process of the script had, in KiB.
    pub(crate) script_peak: u64,
}

impl<'a> Scene<'a> {
    /// Makes the repositories and starts a generation; `services` is that section of the configuration, or nothing.
    pub(crate) async fn make(engine: &'a Started, image: &'a str, files: usize, services: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cordwainer-bench-")
            .tempdir()
            .context("cannot make a folder")?;
        let library = folder.path().join("library");
        make_repository(&library, files)?;
        let mut config = Config {
            image: cordwainer::config::Image::named(image),
            preserve_sources: true,
            ..Config::parse(services, "the benchmark")?
        };
        config.agent.credentials = Credentials::None;
        let environment = Environment {
            docker_host: Some(engine.host()),
            ..Environment::default()
        };
        let git = Git::discover(&library)?;
        let pool = SlotPool::new(git.clone(), &folder.path().join("pool"));
        let generator = Generator::with_config(git, config, environment);
        let _ = generator.start(&StartOptions::default()).await?;
        let bare = Bare::connect(engine, image, &folder.path().join("bare"))?;
        Ok(Self {
            folder,
            files,
            engine,
            image,
            generator,
            pool,
            bare,
            rounds: 0,
            library_peak: 0,
            script_peak: 0,
        })
    }

    /// The edit of the next round, as the scripted agent's prompt.
    fn next_prompt(&mut self) -> String {
        self.rounds += 1;
        format!("~~~script\nwrite src/d000/f000.txt round {}\n~~~\n", self.rounds)
    }

    /// One task through the library. Answers the whole call's time, and how much of it a run spends once, before its
    /// first task: lock, connection, image.
    pub(crate) async fn library(&mut self) -> Result<(Duration, Duration)> {
        let description = self.next_prompt();
        self.task(&description).await
    }

    /// Times one attempt with a fix round and a review through the library, from the run's beginning.
    pub(crate) async fn judged(&mut self) -> Result<Duration> {
        let [work, fix, review] = self.next_judged();
        let description = format!("~~~script\n{work}done\n{fix}~~~\n\n~~~review\n{review}~~~\n");
        let (whole, before) = self.task(&description).await?;
        Ok(whole.saturating_sub(before))
    }

    /// Times the same by the shell script.
    pub(crate) fn judged_by_hand(&mut self) -> Result<Duration> {
        let steps = self.next_judged();
        let mut command = self.by_hand(JUDGED_BY_HAND)?;
        for (name, steps) in ["PROMPT", "FIX", "REVIEW"].into_iter().zip(steps) {
            let prompt = self.folder.path().join(name);
            std::fs::write(&prompt, format!("~~~script\n{steps}~~~\n")).context("cannot write the prompt")?;
            command.env(name, prompt);
        }
        let begun = Instant::now();
        let child = command.spawn().context("cannot run the script")?;
        self.script_peak = self.script_peak.max(memory::wait(child).context("the script")?);
        Ok(begun.elapsed())
    }

    /// The steps of the next work, which a gate refuses, of its fix, and of a review that passes it.
    fn next_judged(&mut self) -> [String; 3] {
        self.rounds += 1;
        [
            format!("write src/d000/f000.txt round {}\nwrite src/code 1\n", self.rounds),
            "write src/code 0\n".to_owned(),
            "say It is fine.\n".to_owned(),
        ]
    }

    async fn task(&mut self, description: &str) -> Result<(Duration, Duration)> {
        let id = add_task(&self.generator, description)?;
        let (events, mut receiver) = unbounded_channel();
        memory::forget_own_peak()?;
        let begun_at = Timestamp::now();
        let begun = Instant::now();
        let outcome = self
            .generator
            .stitch(Some(id), events, CancellationToken::new())
            .await?;
        let time = begun.elapsed();
        self.library_peak = self.library_peak.max(memory::own_peak()?);
        ensure!(outcome == Outcome::Merged, "the task ended as {outcome}");
        // What a run is told of its repository comes first.
        let first = loop {
            let event = receiver.recv().await.context("no run began")?;
            if matches!(event.kind, EventKind::RunStarted { .. }) {
                break event;
            }
        };
        Ok((time, first.at.duration_since(begun_at).try_into()?))
    }

    /// Times one task that the shell script does.
    pub(crate) fn script(&mut self) -> Result<Duration> {
        let prompt = self.folder.path().join("prompt.md");
        std::fs::write(&prompt, self.next_prompt()).context("cannot write the prompt")?;
        let mut command = self.by_hand(BY_HAND)?;
        command.env("PROMPT", prompt);
        let begun = Instant::now();
        let child = command.spawn().context("cannot run the script")?;
        let peak = memory::wait(child).context("the script")?;
        let time = begun.elapsed();
        self.script_peak = self.script_peak.max(peak);
        Ok(time)
    }

    /// Returns a shell script's command, up to the image. Its repository is made before the first one: not all benchmarks compare
    /// with a script.
    fn by_hand(&self, script: &str) -> Result<Command> {
        let repository = self.folder.path().join("script");
        if !repository.exists() {
            make_repository(&repository, self.files)?;
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "by_hand.sh"])
            .arg(repository)
            .arg(format!("task-{}", self.rounds))
            .args(self.engine.client())
            .args(["run", "--rm", "--interactive", "--init", "--workdir", "/workspace"])
            .args(["--network", "none", "--cap-drop", "ALL", "--log-driver", "none"])
            .args(["--security-opt", "no-new-privileges"])
            .env("IMAGE", self.image)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// The engine's part alone.
    pub(crate) async fn bare(&mut self) -> Result<Duration> {
        let prompt = self.next_prompt();
        let begun = Instant::now();
        self.bare.run(&prompt).await?;
        Ok(begun.elapsed())
    }

    /// The engine's part alone, with a service beside it that was started before.
    pub(crate) async fn bare_with_service(&mut self, command: &str, ready: &str) -> Result<Duration> {
        let prompt = self.next_prompt();
        let begun = Instant::now();
        let service = self.bare.start_service(command, ready).await?;
        self.bare.run(&prompt).await?;
        self.bare.remove(&service).await?;
        Ok(begun.elapsed())
    }

    /// The tree work alone: a slot brought to the tip, one file edited, the slot recorded as a commit on a ref.
    pub(crate) fn tree(&mut self) -> Result<Duration> {
        let edit = self.next_prompt();
        let git = self.generator.git();
        let branch = self.generator.generation()?.branch();
        let tip = git.reference(&branch)?.context("no tip")?;
        let begun = Instant::now();
        let mut slot = self.pool.acquire("bench")?;
        slot.restore(tip, Some((1000, 1000)))?;
        let _private =
            slot.private_repository(&self.folder.path().join("private"), "bench", tip, Some((1000, 1000)))?;
        std::fs::write(slot.path().join("src/d000/f000.txt"), edit)?;
        let snapshot = slot.snapshot(
            tip,
            &SnapshotLimits {
                max_file_bytes: 1 << 20,
                max_files: 30_000,
                max_bytes: 1 << 30,
            },
        )?;
        let message = "bench".to_owned();
        let commit = NewCommit {
            committer: None,
            tree: snapshot.tree,
            parents: vec![tip],
            message,
            author: None,
            time: Timestamp::now(),
        };
        let commit = git.commit(&commit)?;
        let before = git.reference("refs/heads/bench")?;
        let _ = git.move_reference("refs/heads/bench", before, Some(commit), "bench")?;
        slot.release()?;
        Ok(begun.elapsed())
    }
}

/// Files a task with this description; returns its id.
pub(crate) fn add_task(generator: &Generator, description: &str) -> Result<IssueId> {
    let store = generator.store()?;
    let now = Timestamp::now();
    let ids = store.new_ids(&Clock::machine())?;
    Ok(store.update("add a task", now, |issues| {
        let issue = NewIssue {
            description: description.to_owned(),
            ..NewIssue::titled("Edit a file".to_owned())
        };
        issues.add(issue, &ids, now)
    })?)
}

/// Makes a repository with so many files and one commit.
pub(crate) fn make_repository(folder: &Path, files: usize) -> Result<()> {
    for number in 0..files {
        let path = folder.join(file_name(number));
        if number % FILES_IN_FOLDER == 0 {
            std::fs::create_dir_all(path.parent().context("no folder")?)?;
        }
        let line = format!("file {number}: a line of source, about as long as lines are\n");
        std::fs::write(path, line.repeat(20))?;
    }
    // The exit code of a gate.
    std::fs::write(folder.join("src/code"), "0")?;
    commit_all(folder)
}

/// Makes a repository of a folder, with one commit that has everything in it.
pub(crate) fn commit_all(folder: &Path) -> Result<()> {
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["config", "user.name", "Bench"],
        &["config", "user.email", "bench@example.invalid"],
        &["config", "gc.auto", "0"],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "files"],
    ] {
        let status = Command::new("git")
            .current_dir(folder)
            .args(arguments)
            .status()
            .context("cannot run git")?;
        ensure!(status.success(), "`git {}` failed", arguments.join(" "));
    }
    Ok(())
}

fn file_name(number: usize) -> PathBuf {
    format!(
        "src/d{:03}/f{:03}.txt",
        number / FILES_IN_FOLDER,
        number % FILES_IN_FOLDER
    )
    .into()
}

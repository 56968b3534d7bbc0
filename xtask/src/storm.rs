//! `storm`: many scripted tasks at once, whose run is killed again and again, while the engine's service is restarted; and
//! a checker of its own that finds every invariant true at the end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use fastrand::Rng;
use serde_json::Value;

use crate::agent_image;
use crate::cargo::cargo;
use crate::provision::{self, EngineChoice, Install, Started};
use crate::storm::scene::{Scene, Setting};
use crate::storm::tasks::Task;
use crate::storm::told::Counts;

mod scene;
mod tasks;
mod told;

/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at whether it waits for the end of a usage limit.
const LOOK_AT_PAUSE: Duration = Duration::from_secs(1);
/// A run that comes to no end within this has hung.
const LONGEST_RUN: Duration = Duration::from_secs(900);
/// So many tasks are filed once more where all are done and not all kills were made.
const MORE: u32 = 10;
/// Runs that end by themselves before everything is done, such as without an engine, are repeated so often in a row.
const MOST_FAILURES: u32 = 10;

/// How hard, and on what.
#[derive(Args)]
pub(crate) struct StormArgs {
    /// Tasks
    #[arg(long, default_value_t = 200)]
    tasks: u32,
    /// Tasks that are worked on at once
    #[arg(long, default_value_t = 8)]
    parallel: u32,
    /// How often the run is killed
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// How often the engine's service is killed and started again
    #[arg(long, default_value_t = 5)]
    engine_restarts: u32,
    /// Where chance begins; printed at the start of every storm
    #[arg(long)]
    seed: Option<u64>,
    /// The engine
    #[arg(long, value_enum, default_value = "podman")]
    engine: EngineChoice,
    /// Fail instead of installing a container engine
    #[arg(long)]
    no_install: bool,
    /// The checker's program, instead of one that is built
    #[arg(long)]
    checker: Option<PathBuf>,
}

/// Lets it rage; fails where it does not come to an end, or the checker finds an invariant broken.
pub(crate) fn run(args: &StormArgs) -> Result<ExitCode> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!(
        "Storm {seed}: {} tasks, {} at once, {} kills, {} restarts of the engine.",
        args.tasks, args.parallel, args.kills, args.engine_restarts
    );
    let install = if args.no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let checker = args.checker.clone().map_or_else(checker, Ok)?;
    let engine = provision::engine(args.engine, install)?;
    println!("Engine: {}.", engine.description());
    let image = agent_image::provide(&engine)?;
    let setting = Setting {
        engine: &engine,
        choice: args.engine,
        image: &image,
        parallel: args.parallel,
    };
    let scene = Scene::make(&setting, checker)?;
    println!("Repository: {}.", scene.folder().display());
    let begun = Instant::now();
    let mut storm = Storm::new(args, seed, scene, engine);
    storm.file(args.tasks)?;
    storm.rage()?;
    let calm = storm.tell(begun.elapsed())?;
    storm.engine.take_down()?;
    if calm {
        std::fs::remove_dir_all(storm.scene.folder()).context("cannot remove the repository")?;
    }
    Ok(if calm { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the checker; returns where it is.
fn checker() -> Result<PathBuf> {
    let output = cargo()
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--package", "checker", "--message-format", "json"])
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the checker does not build: {said}");
    let executable = |line: &[u8]| {
        let message: Value = serde_json::from_slice(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    let built = output.stdout.split(|byte| *byte == b'\n').find_map(executable);
    built.context("cargo names no executable of the checker")
}

/// What comes next while a run is alive.
enum Blow {
    Kill,
    Restart,
}

struct Storm {
    scene: Scene,
    engine: Started,
    chance: Rng,
    tasks: Vec<Task>,
    kills: u32,
    /// The kills before which the engine is restarted, too.
    restarts: Vec<u32>,
    killed: u32,
    restarted: u32,
    /// The longest that a run lives before it is killed: shorter where the tasks are further than the kills.
    longest: Duration,
    known: BTreeSet<String>,
    hit: Counts,
    ends: Counts,
    failures: u32,
}

impl Storm {
    fn new(args: &StormArgs, seed: u64, scene: Scene, engine: Started) -> Self {
        let mut chance = Rng::with_seed(seed);
        let restarts = (0..args.engine_restarts).map(|_| chance.u32(0..=args.kills)).collect();
        Self {
            scene,
            engine,
            chance,
            tasks: Vec::new(),
            kills: args.kills,
            restarts,
            killed: 0,
            restarted: 0,
            longest: Duration::from_secs(8),
            known: BTreeSet::new(),
            hit: Counts::new(),
            ends: Counts::new(),
            failures: 0,
        }
    }

    fn file(&mut self, count: u32) -> Result<()> {
        let first = u32::try_from(self.tasks.len())? + 1;
        let tasks = tasks::draw(&mut self.chance, first, count);
        self.scene.file(&tasks, self.tasks.len() + 1)?;
        self.tasks.extend(tasks);
        Ok(())
    }

    /// Kills and resumes until a run ends with nothing left to do, and all kills were made.
    fn rage(&mut self) -> Result<()> {
        loop {
            let run = self.scene.run()?;
            let code = self.endure(run)?;
            let issues = self.scene.issues()?;
            let is_done = |issue: &&Value| issue["status"] == "closed" || issue["status"] == "blocked";
            let done = issues.iter().filter(is_done).count();
            let Some(code) = code else {
                self.pace(done);
                continue;
            };
            *self.ends.entry(format!("exit code {code}")).or_default() += 1;
            if done == issues.len() && self.killed >= self.kills && self.restarts.is_empty() {
                return Ok(());
            }
            if done == issues.len() {
                self.failures = 0;
                self.file(MORE)?;
                continue;
            }
            self.failures += 1;
            let left = issues.len() - done;
            ensure!(
                self.failures <= MOST_FAILURES,
                "{} runs in a row ended by themselves with {left} tasks left: see `{}`",
                self.failures,
                self.scene.folder().join("log").display()
            );
        }
    }

    /// Lets runs live longer where the kills are further than the tasks, and less long where the tasks are.
    fn pace(&mut self, done: usize) {
        self.failures = 0;
        let tasks_ahead = done as u64 * u64::from(self.kills) > u64::from(self.killed) * self.tasks.len() as u64;
        let paced = self.longest.mul_f64(if tasks_ahead { 0.8 } else { 1.25 });
        self.longest = paced.clamp(Duration::from_secs(1), Duration::from_secs(40));
    }

    /// Follows a run to its end: the exit code, or nothing where it was killed.
    fn endure(&mut self, mut run: Child) -> Result<Option<i32>> {
        let mut blows = self.blows();
        let begun = Instant::now();
        let mut looked = begun;
        let mut name = None;
        loop {
            if let Some(status) = run.try_wait()? {
                told::newest(&self.scene.runs(), &mut self.known)?;
                return status
                    .code()
                    .map(Some)
                    .context("a run was ended by a signal that is not the storm's");
            }
            if blows.first().is_some_and(|(at, _)| begun.elapsed() >= *at) {
                match blows.remove(0).1 {
                    Blow::Restart => self.restart()?,
                    Blow::Kill => return self.kill(run, name).map(|()| None),
                }
            }
            if begun.elapsed() > LONGEST_RUN {
                run.kill()?;
                run.wait()?;
                bail!("a run came to no end within {} s", LONGEST_RUN.as_secs());
            }
            if name.is_none() {
                name = told::newest(&self.scene.runs(), &mut self.known)?;
            }
            if looked.elapsed() > LOOK_AT_PAUSE {
                self.end_pause(name.as_deref())?;
                looked = Instant::now();
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What happens to the next run, and when: the engine is restarted before the run is killed.
    fn blows(&mut self) -> Vec<(Duration, Blow)> {
        let end = self.longest.mul_f64(self.chance.f64());
        let due = self.restarts.iter().filter(|at| **at <= self.killed).count();
        let mut blows: Vec<_> = (0..due)
            .map(|_| (end.mul_f64(self.chance.f64()), Blow::Restart))
            .collect();
        blows.sort_by_key(|(at, _)| *at);
        if self.killed < self.kills {
            blows.push((end, Blow::Kill));
        }
        blows
    }

    fn restart(&mut self) -> Result<()> {
        self.engine.restart()?;
        self.restarted += 1;
        let made = self.restarts.iter().position(|at| *at <= self.killed);
        made.map(|made| self.restarts.swap_remove(made));
        Ok(())
    }

    /// Kills the run, by its id, and notes where it was and what its agents have left by now.
    fn kill(&mut self, mut run: Child, name: Option<String>) -> Result<()> {
        run.kill().context("cannot kill the run")?;
        run.wait()?;
        self.killed += 1;
        let name = match name {
            Some(name) => Some(name),
            None => told::newest(&self.scene.runs(), &mut self.known)?,
        };
        let events = name.map(|name| told::events(&self.scene.runs(), &name)).transpose()?;
        for step in told::steps(&events.unwrap_or_default()) {
            *self.hit.entry(step).or_default() += 1;
        }
        self.scene.witness()
    }

    /// Ends the pause of a usage limit, which would last at least a minute.
    fn end_pause(&self, run: Option<&str>) -> Result<()> {
        let Some(run) = run else { return Ok(()) };
        let events = told::events(&self.scene.runs(), run)?;
        let pauses = |event: &&Value| event["type"] == "paused" || event["type"] == "pause_lifted";
        match events.iter().rfind(pauses) {
            Some(event) if event["type"] == "paused" => self.scene.end_pause(),
            _ => Ok(()),
        }
    }

    /// Says what it was, and what came of it; returns whether everything is as it must be.
    fn tell(&self, took: Duration) -> Result<bool> {
        let issues = self.scene.issues()?;
        let mut ended = Counts::new();
        let mut wrong = Vec::new();
        for task in &self.tasks {
            let issue = issues.iter().find(|issue| issue["title"] == task.title.as_str());
            let status = issue.and_then(|issue| issue["status"].as_str()).unwrap_or("missing");
            *ended.entry(format!("{} {status}", task.kind.name)).or_default() += 1;
            if !task.may_be(status) {
                wrong.push(format!(
                    "`{}` is {status}: {}",
                    task.title,
                    issue.map_or(&Value::Null, |issue| &issue["hold"])
                ));
            }
        }
        println!(
            "Kills: {}, at these steps of attempts: {}.",
            self.killed,
            told::line(&self.hit)
        );
        println!(
            "Restarts of the engine: {}. Runs that ended by themselves: {}.",
            self.restarted,
            told::line(&self.ends)
        );
        println!("Tasks: {}.", told::line(&ended));
        for wrong in &wrong {
            println!("Not as its script says: {wrong}.");
        }
        let (said, holds) = self.scene.check()?;
        print!("{said}");
        println!("The storm took {:.0} s.", took.as_secs_f64());
        let calm = holds && wrong.is_empty();
        if !calm {
            println!("Everything is kept in {}.", self.scene.folder().display());
        }
        Ok(calm)
    }
}

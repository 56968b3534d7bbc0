//! `bench soak`: what grows while a run does many tasks, and what must not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use cordwainer::engine::Engine;
use cordwainer::event::{Event, EventKind};
use cordwainer::git::Git;
use tokio::sync::mpsc::UnboundedReceiver;

use super::scene::{FILES, Scene, expect_merged};
use crate::agent_image;
use crate::bench::engines::{Setting, on_each};
use crate::bench::memory;
use crate::provision::EngineChoice;

/// What the run does at once.
const AT_ONCE: u32 = 4;
/// What there may be more for the tasks at work: containers, and descriptors of what is read from them.
const FOR_THOSE_AT_WORK: u64 = 16;
/// How large something flat may be in the second half, in percent of the first one.
const GROWTH: u64 = 110;
/// How much a task may add in the second half, in percent of the first one.
const MORE_OF_EACH: u64 = 125;
/// What a task may add to memory in any case, in KiB: by how much the store that has it grows, and chance.
const MEMORY_OF_EACH: u64 = 64;
/// Packs are joined before there are more of ours.
const MOST_PACKS: u64 = 20;

/// How much to do.
#[derive(Args)]
pub(crate) struct SoakBenchArgs {
    /// Tasks of the run
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(4..))]
    tasks: u32,
    /// A look after every so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// The engine to run on
    #[arg(long, default_value = "podman")]
    engine: EngineChoice,
}

/// What there was at one moment.
struct Look {
    tasks: u32,
    /// Bytes of the state folder but for what follows.
    state: u64,
    /// Bytes of records and of results of gates.
    records: u64,
    /// Bytes of what agents can read of the history.
    history: u64,
    /// Bytes of the git folder but for the state folder.
    git: u64,
    /// In KiB.
    memory: u64,
    descriptors: u64,
    containers: u64,
    mounts: u64,
    refs: u64,
    loose: u64,
    packs: u64,
    /// Files of objects that no ref holds yet.
    unheld: u64,
}

/// A figure of a look.
type Figure = fn(&Look) -> u64;

/// Where to look.
struct Places {
    git: Git,
    state: PathBuf,
    engine: Engine,
    /// What a mount of ours names: the repository's folder, or the engine's.
    folders: [String; 2],
}

/// Runs the tasks, and prints a look after every so many of them. Fails where something grows that must not.
pub(crate) fn run(args: &SoakBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(Some(args.engine), no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        let looks = setting.runtime.block_on(soak(setting, &image, args))?;
        judge(&looks)
    })
}

async fn soak(setting: &Setting<'_>, image: &str, args: &SoakBenchArgs) -> Result<Vec<Look>> {
    let settings = format!("gates: [{{name: test, command: exit=0}}]\nstitch: {{parallel: {AT_ONCE}}}\n");
    let scene = Scene::make(setting, image, &settings).await?;
    for number in 0..args.tasks {
        // Neighbours in time are in folders of their own. The tree has as many files at the end as at the beginning.
        let (folder, file) = (number % 10, number / 10 % (u32::try_from(FILES)? / 10));
        scene.add(&format!("write src/d{folder:03}/f{file:03}.txt task {number}"))?;
    }
    let places = Places {
        git: Git::discover(&scene.repository())?,
        state: scene.slots().parent().context("slots are in a folder")?.to_owned(),
        engine: Engine::connect(&setting.engine.connect_options()).await?,
        folders: [scene.repository(), setting.engine.folder()].map(|folder| folder.display().to_string()),
    };
    println!(
        "{:>6} {:>9} {:>9} {:>9} {:>9} {:>8} {:>6} {:>5} {:>6} {:>5} {:>6} {:>6} {:>7}",
        "tasks",
        "state",
        "records",
        "history",
        "git",
        "memory",
        "files",
        "cont.",
        "mounts",
        "refs",
        "loose",
        "packs",
        "unheld"
    );
    let (every, tasks) = (args.every, args.tasks);
    let (summary, looks) = scene.run_watched(move |events| watch(events, places, every)).await?;
    expect_merged(&summary, tasks)?;
    looks
}

/// Looks after every so many tasks, until the run ends.
async fn watch(mut events: UnboundedReceiver<Event>, places: Places, every: u32) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    let mut tasks = 0;
    while let Some(event) = events.recv().await {
        if !matches!(event.kind, EventKind::AttemptEnded { commit: Some(_), .. }) {
            continue;
        }
        tasks += 1;
        if tasks % every == 0 {
            let look = places.look(tasks).await?;
            look.print();
            looks.push(look);
        }
    }
    Ok(looks)
}

impl Places {
    async fn look(&self, tasks: u32) -> Result<Look> {
        let common = self.git.common_dir();
        let [records, cache, history] = ["runs", "cache", "history"].map(|name| size_of(&self.state.join(name)));
        let state = size_of(&self.state);
        let objects = common.join("objects");
        let pack = objects.join("pack");
        let labels = [("cordwainer.repo".to_owned(), common.display().to_string())].into();
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
        Ok(Look {
            tasks,
            state: state.saturating_sub(records + cache + history),
            records: records + cache,
            history,
            git: size_of(common).saturating_sub(state),
            memory: memory::own()?,
            descriptors: count("/proc/self/fd".as_ref(), |_| true),
            containers: u64::try_from(self.engine.list(&labels).await?.len())?,
            mounts: mounts
                .lines()
                .filter(|line| self.folders.iter().any(|folder| line.contains(folder)))
                .map(|_| 1)
                .sum(),
            refs: u64::try_from(self.git.references("refs/")?.len())?,
            loose: loose(&objects),
            packs: count(&pack, |name| {
                Path::new(name).extension().is_some_and(|end| end == "pack")
            }),
            unheld: files_below(&common.join("cordwainer-objects")),
        })
    }
}

/// Returns how many files there are below a folder, and their bytes; what goes meanwhile does not count.
fn below(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(looks) = path.symlink_metadata() else { continue };
        if looks.is_file() {
            files += 1;
            bytes += looks.len();
        }
        if looks.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        }
    }
    (files, bytes)
}

fn size_of(folder: &Path) -> u64 {
    below(folder).1
}

fn files_below(folder: &Path) -> u64 {
    below(folder).0
}

/// Counts the objects that are in no pack.
fn loose(objects: &Path) -> u64 {
    let folders = fs::read_dir(objects).into_iter().flatten().flatten();
    let folders = folders.filter(|folder| folder.file_name().len() == 2);
    folders.map(|folder| files_below(&folder.path())).sum()
}

/// Counts what is in a folder and has such a name.
fn count(folder: &Path, is: impl Fn(&str) -> bool) -> u64 {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    names
        .filter(|entry| entry.file_name().to_str().is_some_and(&is))
        .map(|_| 1)
        .sum()
}

impl Look {
    fn print(&self) {
        println!(
            "{:>6} {:>6} KB {:>6} KB {:>6} KB {:>6} KB {:>5} MB {:>6} {:>5} {:>6} {:>5} {:>6} {:>6} {:>7}",
            self.tasks,
            self.state / 1000,
            self.records / 1000,
            self.history / 1000,
            self.git / 1000,
            self.memory / 1024,
            self.descriptors,
            self.containers,
            self.mounts,
            self.refs,
            self.loose,
            self.packs,
            self.unheld
        );
    }
}

/// Prints what of it grows although it must not; returns whether nothing does.
fn judge(looks: &[Look]) -> Result<bool> {
    ensure!(
        looks.len() >= 4,
        "{} looks are too few to compare halves of them",
        looks.len()
    );
    let (first, second) = looks.split_at(looks.len() / 2);
    let least = |looks: &[Look], figure: Figure| looks.iter().map(figure).min().unwrap_or_default();
    let mut is_met = true;
    // The least of each half: what more there is at a look is in use by the tasks at work at that moment.
    let flat: [(&str, Figure, u64); 5] = [
        ("the state folder", |look| look.state, 1_000_000),
        ("descriptors", |look| look.descriptors, FOR_THOSE_AT_WORK),
        ("containers", |look| look.containers, FOR_THOSE_AT_WORK),
        ("mounts", |look| look.mounts, FOR_THOSE_AT_WORK),
        ("loose objects", |look| look.loose, 0),
    ];
    for (name, figure, spare) in flat {
        let (before, after) = (least(first, figure), least(second, figure));
        if after > before * GROWTH / 100 + spare {
            println!("Not flat: {name}, at least {before} in the first half and {after} in the second one.");
            is_met = false;
        }
    }
    if looks.iter().any(|look| look.packs > MOST_PACKS) {
        println!("Not flat: there were more than {MOST_PACKS} packs.");
        is_met = false;
    }
    // What a task must leave: its ref, its commits and those of the store, its records, and until this process ends what it
    // has written and no ref came to hold. The store is in memory whole whenever it is read.
    let growing: [(&str, Figure, u64); 6] = [
        ("memory, in KiB", |look| look.memory, MEMORY_OF_EACH),
        ("objects that no ref holds", |look| look.unheld, 2),
        ("refs", |look| look.refs, 2),
        ("records", |look| look.records, 2),
        ("history", |look| look.history, 2),
        ("the git folder", |look| look.git, 2),
    ];
    for (name, figure, few) in growing {
        let [early, late] = [first, second].map(|half| of_each(half, figure));
        println!("{name}: {early} a task in the first half, {late} in the second one");
        if late > early.max(few) * MORE_OF_EACH / 100 {
            println!("Not flat: what a task adds to {name}.");
            is_met = false;
        }
    }
    Ok(is_met)
}

/// Returns how much each task between the first and the last of some looks added.
fn of_each(looks: &[Look], figure: Figure) -> u64 {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
        return 0;
    };
    figure(last).saturating_sub(figure(first)) / u64::from(last.tasks - first.tasks).max(1)
}

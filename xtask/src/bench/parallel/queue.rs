//! Ready trees that wait for their landing: how long until all of them are on the branch, in times that a gate takes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cordwainer::attempt::Outcome;
use cordwainer::event::{Event, EventKind};
use jiff::Timestamp;

use super::scene::{Ran, Scene, expect_merged};
use super::{ParallelBenchArgs, bisect};
use crate::agent_image;
use crate::bench::engines::Setting;
use crate::bench::times::Times;

/// All that are ready may take so many times as long as one gate.
const TARGET: f64 = 2.0;
/// How long a gate takes beyond its container's start, in seconds.
const GATE: u32 = 2;
/// How long agents may take until all of them wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at their slots.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Lets that many agents end at the same moment, and prints how long their landings take. Returns whether that keeps to the
/// target.
pub(super) fn measure(setting: &Setting<'_>, args: &ParallelBenchArgs) -> Result<bool> {
    let image = agent_image::import(setting.agent, setting.engine)?;
    let (mut waits, mut gates, mut again) = (Times::default(), Times::default(), 0);
    for _ in 0..args.rounds {
        let ran = setting.runtime.block_on(round(setting, &image, args.queue))?;
        let seen = Seen::of(&ran.events, args.queue)?;
        waits.push(seen.queue);
        gates.push(seen.gate);
        again += seen.again;
    }
    let (wait, gate) = (waits.median(), gates.median());
    let ratio = wait / gate;
    println!(
        "{} trees that are ready: {wait:.2} s from when the last one is until all have landed; a gate takes {gate:.2} s at least",
        args.queue
    );
    println!(
        "  that is {ratio:.2} gate times, at most {TARGET:.2}; gates ran {:.1} times a round on merged trees",
        per(again, args.rounds)
    );
    let keeps_to_bound = bisect::measure(setting, &image, args.queue)?;
    Ok(ratio <= TARGET && keeps_to_bound)
}

fn per(count: u32, rounds: u32) -> f64 {
    f64::from(count) / f64::from(rounds)
}

async fn round(setting: &Setting<'_>, image: &str, queue: u32) -> Result<Ran> {
    let settings = format!("gates: [{{name: test, command: sleep={GATE}}}]\nstitch: {{parallel: {queue}}}\n");
    let scene = Scene::make(setting, image, &settings).await?;
    for number in 0..queue {
        scene.add(&format!("fifo go\nappend go x\nwrite src/task-{number}.txt {number}"))?;
    }
    let slots = scene.slots();
    let released = tokio::task::spawn_blocking(move || release(&slots, queue));
    let ran = scene.run().await?;
    released.await.context("nobody let the agents go on")??;
    expect_merged(&ran.summary, queue)?;
    Ok(ran)
}

/// Waits until all agents wait at their pipes, and lets all of them go on.
fn release(slots: &Path, queue: u32) -> Result<()> {
    let_go_on(&found(slots, "go", queue as usize)?)
}

/// Waits until so many agents wait at pipes of this name, and returns these.
pub(super) fn found(slots: &Path, name: &str, count: usize) -> Result<Vec<PathBuf>> {
    let begun = Instant::now();
    loop {
        // The folder is made with the first slot.
        let slots = std::fs::read_dir(slots).into_iter().flatten().flatten();
        let pipes = slots.map(|slot| slot.path().join(name));
        let there: Vec<PathBuf> = pipes.filter(|pipe| pipe.exists()).collect();
        if there.len() == count {
            return Ok(there);
        }
        ensure!(begun.elapsed() < PATIENCE, "{} of {count} agents wait", there.len());
        std::thread::sleep(LOOK);
    }
}

/// Lets agents go on that wait at these pipes.
pub(super) fn let_go_on(pipes: &[PathBuf]) -> Result<()> {
    std::thread::scope(|scope| {
        let readers: Vec<_> = pipes
            .iter()
            .map(|pipe| scope.spawn(move || std::fs::read(pipe)))
            .collect();
        for reader in readers {
            let read = reader
                .join()
                .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked));
            read.context("cannot read the pipe of an agent")?;
        }
        Ok(())
    })
}

/// What the events of a round show.
struct Seen {
    /// From when the last tree was ready until the last one had landed.
    queue: Duration,
    /// The shortest time of a gate.
    gate: Duration,
    /// How often gates ran beside the first time for each task.
    again: u32,
}

impl Seen {
    fn of(events: &[Event], queue: u32) -> Result<Self> {
        let mut ready: BTreeMap<String, Timestamp> = BTreeMap::new();
        let (mut landed, mut gate, mut again) = (None, f64::INFINITY, 0);
        for Event { at, kind } in events {
            match kind {
                EventKind::GateEnded { task, seconds, .. } => {
                    gate = gate.min(seconds.unwrap_or(f64::INFINITY));
                    match ready.entry(task.to_string()) {
                        Entry::Occupied(_) => again += 1,
                        Entry::Vacant(first) => {
                            first.insert(*at);
                        }
                    }
                }
                EventKind::AttemptEnded {
                    outcome: Outcome::Merged,
                    ..
                } => landed = landed.max(Some(*at)),
                _ => {}
            }
        }
        ensure!(
            ready.len() == queue as usize,
            "gates ran for {} of {queue} tasks",
            ready.len()
        );
        let last = ready.values().max().copied().context("no gate ran")?;
        let queue = landed.context("nothing landed")?.duration_since(last);
        Ok(Self {
            queue: Duration::try_from(queue).unwrap_or_default(),
            gate: Duration::try_from_secs_f64(gate).context("no gate says how long it took")?,
            again,
        })
    }
}

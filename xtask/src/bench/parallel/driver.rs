//! What the driver needs while agents think: its share of a core and its memory, while they are silent and while they talk.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cordwainer::event::{Event, EventKind};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc::UnboundedReceiver;

use super::ParallelBenchArgs;
use super::scene::{Scene, expect_merged};
use crate::agent_image;
use crate::bench::engines::Setting;
use crate::bench::memory;
use crate::bench::task::megabytes;

/// How much more memory there may be in the second half of a time than in the first one, as a part of that.
const GROWTH: f64 = 1.05;
/// So many looks at the beginning of a time do not count: what came before it is still at work.
const SETTLING: usize = 4;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Between two texts of an agent that talks, in milliseconds.
const BETWEEN_TEXTS: u64 = 250;

/// What agents do meanwhile.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Some are silent, others are still to begin, or have ended.
    Mixed,
    Silent,
    Talking,
}

/// One look.
#[derive(Clone, Copy)]
struct Look {
    phase: Phase,
    at: Instant,
    /// What this process has used of the processor.
    used: Duration,
    /// In KiB.
    memory: u64,
}

/// Has that many agents think, and prints what the driver needs. Returns whether its memory stays as it is.
pub(super) fn measure(setting: &Setting<'_>, args: &ParallelBenchArgs) -> Result<bool> {
    let image = agent_image::import(setting.agent, setting.engine)?;
    let looks = setting.runtime.block_on(round(setting, &image, args))?;
    println!(
        "The driver beside {} agents, first half and second half of {} s:",
        args.streams, args.seconds
    );
    println!("{:<34} {:>17}  {:>19}", "", "share of a core", "memory");
    let mut is_met = true;
    for (name, phase) in [
        ("agents that are silent", Phase::Silent),
        ("agents that talk", Phase::Talking),
    ] {
        let of_phase = looks.iter().copied().filter(|look| look.phase == phase);
        let looks: Vec<Look> = of_phase.skip(SETTLING).collect();
        ensure!(
            looks.len() >= 4,
            "the time was too short to look: {} looks at {name}",
            looks.len()
        );
        let (first, second) = looks.split_at(looks.len() / 2);
        let (before, after) = (memory_of(first), memory_of(second));
        println!(
            "{name:<34} {:>6.2} % {:>6.2} %  {:>6.1} MB {:>6.1} MB",
            100.0 * share(first),
            100.0 * share(second),
            megabytes(before),
            megabytes(after)
        );
        is_met &= megabytes(after) <= megabytes(before) * GROWTH;
    }
    Ok(is_met)
}

async fn round(setting: &Setting<'_>, image: &str, args: &ParallelBenchArgs) -> Result<Vec<Look>> {
    // What agents say shows when they talk.
    let settings = format!("silence_agent: false\nstitch: {{parallel: {}}}\n", args.streams);
    let scene = Scene::make(setting, image, &settings).await?;
    let text = format!("say a thought that is about as long as a line of an answer is\nsleep {BETWEEN_TEXTS}\n");
    let texts = usize::try_from(args.seconds * 1_000 / BETWEEN_TEXTS)?;
    for number in 0..args.streams {
        let talk = text.repeat(texts);
        scene.add(&format!(
            "sleep {}\n{talk}write src/task-{number}.txt {number}",
            args.seconds * 1_000
        ))?;
    }
    let streams = args.streams as usize;
    let (summary, looks) = scene.run_watched(move |events| watch(events, streams)).await?;
    expect_merged(&summary, args.streams)?;
    looks
}

/// Looks again and again until the run ends.
async fn watch(mut events: UnboundedReceiver<Event>, streams: usize) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    let (mut begun, mut talking, mut has_ended) = (BTreeSet::new(), BTreeSet::new(), false);
    let mut interval = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            event = events.recv() => match event.map(|event| event.kind) {
                Some(EventKind::AgentStarted { call, .. }) => {
                    begun.insert(call.task);
                }
                Some(EventKind::AgentSaid { call, .. }) => {
                    talking.insert(call.task);
                }
                Some(EventKind::AgentEnded { .. }) => has_ended = true,
                Some(_) => {}
                None => return Ok(looks),
            },
            _ = interval.tick() => looks.push(Look {
                phase: match (begun.len() == streams, talking.len()) {
                    (true, 0) => Phase::Silent,
                    (true, talking) if talking == streams && !has_ended => Phase::Talking,
                    _ => Phase::Mixed,
                },
                at: Instant::now(),
                used: used()?,
                memory: memory::own()?,
            }),
        }
    }
}

/// What this process has used of the processor by now.
fn used() -> Result<Duration> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(used.tv_sec)?, u32::try_from(used.tv_nsec)?))
}

fn share(looks: &[Look]) -> f64 {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
        return 0.0;
    };
    let time = last.at.duration_since(first.at).as_secs_f64();
    last.used.saturating_sub(first.used).as_secs_f64() / time.max(f64::EPSILON)
}

/// The most memory of these looks, in KiB.
fn memory_of(looks: &[Look]) -> u64 {
    looks.iter().map(|look| look.memory).max().unwrap_or_default()
}

//! Many tasks, a few at once: with and without gates, with and without conflicts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cordwainer::event::EventKind;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::ParallelBenchArgs;
use super::scene::{Ran, Scene, expect_merged};
use crate::agent_image;
use crate::bench::bare::Bare;
use crate::bench::engines::Setting;
use crate::bench::times::Times;

/// A round may take this part of what the engine's bare calls take, without conflicts and with them.
const TARGETS: [f64; 2] = [1.15, 1.35];
/// With conflicts, one of so many tasks meets one.
const ONE_OF: u32 = 10;

/// One kind of round.
#[derive(Clone, Copy)]
struct Kind {
    conflicts: bool,
    gates: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        conflicts: false,
        gates: false,
    },
    Kind {
        conflicts: false,
        gates: true,
    },
    Kind {
        conflicts: true,
        gates: false,
    },
    Kind {
        conflicts: true,
        gates: true,
    },
];

impl Kind {
    fn name(self) -> String {
        let conflicts = if self.conflicts {
            "10 % conflicts"
        } else {
            "no conflicts"
        };
        let gates = if self.gates { "with a gate" } else { "without gates" };
        format!("{conflicts}, {gates}")
    }

    fn target(self) -> f64 {
        TARGETS[usize::from(self.conflicts)]
    }
}

/// Measures the kinds by turns, and prints a table. Returns whether each keeps to its target.
pub(super) fn measure(setting: &Setting<'_>, args: &ParallelBenchArgs) -> Result<bool> {
    let image = agent_image::import(setting.agent, setting.engine)?;
    let ideal = args.ideal().as_secs_f64();
    println!(
        "{} tasks of {} ms, {} at once: {ideal:.1} s if nothing but the agents took time",
        args.tasks, args.milliseconds, args.at_once
    );
    println!(
        "{:<34} {:>9} {:>9}  {:>8}  {:>13}  {:>7}",
        "", "minimum", "median", "of ideal", "of bare calls", "at most"
    );
    let mut all: [Times; 4] = Default::default();
    let mut bare: [Times; 2] = Default::default();
    let mut conflicts = [0; 4];
    // Removed when all are measured: after that a file system without a journal is slow to make files, for minutes.
    let mut scenes = Vec::new();
    for _ in 0..args.rounds {
        for gates in [false, true] {
            bare[usize::from(gates)].push(setting.runtime.block_on(bare_calls(setting, &image, args, gates))?);
        }
        for (index, kind) in KINDS.into_iter().enumerate() {
            let (scene, ran) = setting.runtime.block_on(round(setting, &image, args, kind))?;
            scenes.push(scene);
            all[index].push(ran.took);
            conflicts[index] += met_conflicts(&ran);
        }
    }
    for (times, name) in bare
        .iter()
        .zip(["bare calls, without gates", "bare calls, with a gate's"])
    {
        println!("{}", row(name, times, ideal));
    }
    let mut is_met = true;
    for ((kind, times), conflicts) in KINDS.into_iter().zip(&all).zip(conflicts) {
        let (ratio, most) = (times.median() / bare[usize::from(kind.gates)].median(), kind.target());
        println!("{}  {ratio:>13.2}  {most:>7.2}", row(&kind.name(), times, ideal));
        if kind.conflicts {
            println!(
                "{:<34} {:>9}",
                "  conflicts that were met, a round",
                conflicts / args.rounds
            );
        }
        is_met &= ratio <= most;
    }
    Ok(is_met)
}

fn row(name: &str, times: &Times, ideal: f64) -> String {
    let (minimum, median) = (times.minimum(), times.median());
    format!("{name:<34} {minimum:>7.3} s {median:>7.3} s  {:>8.2}", median / ideal)
}

async fn round(setting: &Setting<'_>, image: &str, args: &ParallelBenchArgs, kind: Kind) -> Result<(Scene, Ran)> {
    let gates = if kind.gates {
        "gates: [{name: test, command: exit=0}]\n"
    } else {
        ""
    };
    let settings = format!("{gates}stitch: {{parallel: {}}}\n", args.at_once);
    let scene = Scene::make(setting, image, &settings).await?;
    for number in 0..args.tasks {
        scene.add(&script(number, args.milliseconds, kind.conflicts))?;
    }
    let ran = scene.run().await?;
    expect_merged(&ran.summary, args.tasks)?;
    Ok((scene, ran))
}

/// Runs the same agents, as many at once, in containers that are not sealed and whose work nobody takes; with gates, each is
/// followed by another container, beside the next agent.
async fn bare_calls(setting: &Setting<'_>, image: &str, args: &ParallelBenchArgs, gates: bool) -> Result<Duration> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let bare = &Bare::connect(setting.engine, image, folder.path())?;
    let at_once = usize::try_from(args.at_once)?;
    let begun = Instant::now();
    let agents = stream::iter(0..args.tasks).map(|number| async move {
        let script = script(number, args.milliseconds, false);
        bare.run(&format!("~~~script\n{script}\n~~~\n")).await
    });
    let judged = agents.buffer_unordered(at_once).map(|ended| async move {
        ended?;
        if gates {
            bare.run("~~~script\n~~~\n").await?;
        }
        anyhow::Ok(())
    });
    judged.buffer_unordered(at_once).try_collect::<()>().await?;
    Ok(begun.elapsed())
}

/// Every task writes a file of its own. With conflicts, the first two of each `2 * ONE_OF` tasks also write the same line, and
/// whoever is later has to: a further call of its session, or a fresh attempt, takes as long as the first one.
fn script(number: u32, milliseconds: u64, conflicts: bool) -> String {
    let own = format!("sleep {milliseconds}\nwrite src/task-{number}.txt {number}");
    let pair = number / ONE_OF;
    if conflicts && number % ONE_OF < 2 {
        format!(
            "{own}\nwrite src/shared-{pair}.txt {number}\ndone\nsleep {milliseconds}\nwrite src/shared-{pair}.txt all"
        )
    } else {
        own
    }
}

fn met_conflicts(ran: &Ran) -> u32 {
    // The session of each is asked to settle it.
    let is_one = |kind: &EventKind| matches!(kind, EventKind::RoundStarted { onto: Some(_), .. });
    let count = ran.events.iter().filter(|event| is_one(&event.kind)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

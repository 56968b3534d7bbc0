//! Many tasks, a few at once: with and without gates, with and without conflicts.

use anyhow::Result;
use cordwainer::event::EventKind;

use super::ParallelBenchArgs;
use super::scene::{Ran, Scene, expect_merged};
use crate::agent_image;
use crate::bench::engines::Setting;
use crate::bench::times::Times;

/// A round may take this part of the ideal time, without conflicts and with them.
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
        "{:<34} {:>9} {:>9}  {:>8}  {:>7}",
        "", "minimum", "median", "of ideal", "at most"
    );
    let mut all: [Times; 4] = Default::default();
    let mut conflicts = [0; 4];
    for _ in 0..args.rounds {
        for (index, kind) in KINDS.into_iter().enumerate() {
            let ran = setting.runtime.block_on(round(setting, &image, args, kind))?;
            all[index].push(ran.took);
            conflicts[index] += met_conflicts(&ran);
        }
    }
    let mut is_met = true;
    for ((kind, times), conflicts) in KINDS.into_iter().zip(&all).zip(conflicts) {
        let (ratio, most) = (times.median() / ideal, kind.target());
        println!(
            "{:<34} {:>7.3} s {:>7.3} s  {ratio:>8.2}  {most:>7.2}",
            kind.name(),
            times.minimum(),
            times.median()
        );
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

async fn round(setting: &Setting<'_>, image: &str, args: &ParallelBenchArgs, kind: Kind) -> Result<Ran> {
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
    Ok(ran)
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

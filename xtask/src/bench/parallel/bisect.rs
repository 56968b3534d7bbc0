//! What it costs that trees which wait to land are red with what has landed before: how often gates judge them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use cordwainer::attempt::Outcome;
use cordwainer::event::{EventKind, Step};
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::queue::{LOOK, PATIENCE, found, let_go_on};
use super::scene::{Events, Scene, expect_merged};
use crate::bench::engines::Setting;

/// How many of those that wait are red.
const RED: [u32; 2] = [1, 2];

/// What was judged of those that wait.
#[derive(Default)]
struct Cost {
    /// The trees that gates judged.
    judged: BTreeSet<String>,
    /// How often one ran for that: a red one runs once more.
    ran: usize,
}

/// Has that many trees wait of which some are red, and prints what that costs. Returns whether it keeps to the bound.
pub(super) fn measure(setting: &Setting<'_>, image: &str, queue: u32) -> Result<bool> {
    let mut is_met = true;
    for red in RED.into_iter().filter(|red| *red < queue) {
        let cost = setting.runtime.block_on(round(setting, image, (queue, red)))?;
        let bound = bound(queue, red);
        println!(
            "  with {red} of {queue} red: gates judged {} trees, at most {bound}; they ran {} times, since each red one runs once more",
            cost.judged.len(),
            cost.ran
        );
        is_met &= cost.judged.len() <= bound as usize;
    }
    Ok(is_met)
}

/// The most trees that are judged where so many of a queue are red, as ARCHITECTURE.md states it.
fn bound(queue: u32, red: u32) -> u32 {
    2 * red * queue.next_power_of_two().ilog2() + 1
}

/// The first task lands, and gates judge the second one's work on that until all others wait, so that these are judged together.
/// Those that are red are so with the first one's work alone, and take that back when they are told.
async fn round(setting: &Setting<'_>, image: &str, (queue, red): (u32, u32)) -> Result<Cost> {
    let apart = |number| format!("apart=src/first.txt,src/red-{number}.txt ");
    let apart: String = (0..red).map(apart).collect();
    let gate = format!("{apart}unless=src/waits.txt only=src/first.txt only=src/second.txt until=free");
    let all = queue + 2;
    let settings = format!("gates: [{{name: test, command: \"{gate}\"}}]\nstitch: {{parallel: {all}}}\n");
    let scene = Scene::make(setting, image, &settings).await?;
    for name in ["first", "second"] {
        scene.add(&format!("fifo {name}\nappend {name} x\nwrite src/{name}.txt x"))?;
    }
    for number in 0..queue {
        let waits = format!("fifo wait\nappend wait x\nwrite src/waits.txt x\nwrite src/task-{number}.txt {number}\n");
        let name = format!("src/red-{number}.txt");
        let script = if number < red {
            format!("{waits}write {name} x\ndone\nfifo again\nappend again x\ndelete {name}")
        } else {
            waits
        };
        scene.add(&script)?;
    }
    let slots = scene.slots();
    let watch = move |events| watch(events, slots, (queue as usize, red as usize));
    let (summary, cost) = scene.run_watched(watch).await?;
    expect_merged(&summary, all)?;
    cost
}

/// Lets agents and gates go on, each at its time, and counts what gates judge of those that wait.
async fn watch(mut events: Events, slots: PathBuf, (queue, red): (usize, usize)) -> Result<Cost> {
    let pipes = |name, count| block_in_place(|| found(&slots, name, count));
    let waiting = pipes("wait", queue)?;
    block_in_place(|| let_go_on(&found(&slots, "first", 1)?))?;
    see(&mut events, 1, is_merged).await?;
    block_in_place(|| let_go_on(&found(&slots, "second", 1)?))?;
    let gate = block_in_place(|| gate_of_both(&slots))?;
    block_in_place(|| let_go_on(&waiting))?;
    see(&mut events, queue + 1, is_ready).await?;
    std::fs::write(gate.join("free"), "").context("cannot let the gate go on")?;
    // This one is of the second task.
    see(&mut events, 1, |kind| matches!(kind, EventKind::GateEnded { .. })).await?;
    let mut cost = Cost::default();
    let mut take_in = |kind: &EventKind| {
        if let EventKind::GateEnded { tree: Some(tree), .. } = kind {
            cost.judged.insert(tree.clone());
            cost.ran += 1;
        }
        is_merged(kind)
    };
    see(&mut events, queue + 1 - red, &mut take_in).await?;
    // Whoever was red has been told by then.
    let again = pipes("again", red)?;
    while let Ok(event) = events.try_recv() {
        take_in(&event.kind);
    }
    block_in_place(|| let_go_on(&again))?;
    while events.recv().await.is_some() {}
    Ok(cost)
}

/// Takes in events until so many are what `is` looks for.
async fn see(events: &mut Events, count: usize, mut is: impl FnMut(&EventKind) -> bool) -> Result<()> {
    for _ in 0..count {
        loop {
            let event = timeout(PATIENCE, events.recv())
                .await
                .context("what is waited for does not come")?;
            if is(&event.context("the run ended early")?.kind) {
                break;
            }
        }
    }
    Ok(())
}

fn is_merged(kind: &EventKind) -> bool {
    matches!(kind, EventKind::AttemptEnded { outcome, .. } if *outcome == Outcome::Merged)
}

/// Whether work has passed by itself, and waits to land.
fn is_ready(kind: &EventKind) -> bool {
    matches!(kind, EventKind::StepStarted { step: Step::Merge, .. })
}

/// Waits until gates judge the work of the first two tasks, and returns their worktree.
fn gate_of_both(slots: &Path) -> Result<PathBuf> {
    let begun = Instant::now();
    loop {
        for slot in std::fs::read_dir(slots).context("cannot read the slots")? {
            let slot = slot?.path();
            if ["first", "second"]
                .iter()
                .all(|name| slot.join(format!("src/{name}.txt")).exists())
            {
                return Ok(slot);
            }
        }
        ensure!(begun.elapsed() < PATIENCE, "no gate judges the first two tasks");
        std::thread::sleep(LOOK);
    }
}

//! A task whose agent has a service beside it, beside the engine's bare calls for both containers and the tree work.

use anyhow::Result;

use crate::bench::engines::Setting;
use crate::bench::scene::Scene;
use crate::bench::times::{Times, print_head, print_ratio, print_times};
use crate::provision::Started;
use crate::services_image;

/// A task may take this part of the bare calls and the tree work together.
const TARGET: f64 = 1.3;
/// Files of the repository.
const FILES: usize = 1_000;
/// What the service runs, and what succeeds once it can be used.
const COMMAND: &str = "exec redis-server --save '' --dir /tmp";
const READY: &str = "redis-cli ping >/dev/null 2>&1";

/// What is measured side by side.
#[derive(Clone, Copy)]
enum Kind {
    Library,
    Bare,
    Tree,
}

/// Measures on one engine, and prints a table. Returns whether the target was met.
pub(super) fn measure(setting: &Setting<'_>, rounds: u32) -> Result<bool> {
    services_image::provide(setting.engine, setting.agent, setting.install)?;
    println!("A task with a service, Redis");
    print_head();
    setting.runtime.block_on(compare(setting.engine, rounds))
}

/// Alternates the kinds of round, each in each place, so that noise meets all of them.
async fn compare(engine: &Started, rounds: u32) -> Result<bool> {
    let image = services_image::REFERENCE;
    let services =
        format!("services: {{queue: {{image: '{image}', command: \"{COMMAND}\", ports: [6379], ready: {READY:?}}}}}\n");
    let mut scene = Scene::make(engine, image, FILES, &services).await?;
    let (mut task, mut bare, mut tree) = (Times::default(), Times::default(), Times::default());
    let mut order = [Kind::Library, Kind::Bare, Kind::Tree];
    for round in 0..=rounds {
        for kind in order {
            let (times, time) = match kind {
                Kind::Library => {
                    let (whole, once) = scene.library().await?;
                    (&mut task, whole.saturating_sub(once))
                }
                Kind::Bare => (&mut bare, scene.bare_with_service(COMMAND, READY).await?),
                Kind::Tree => (&mut tree, scene.tree()?),
            };
            if round > 0 {
                times.push(time);
            }
        }
        order.rotate_left(1);
    }
    for (name, times) in [("task", &task), ("bare calls", &bare), ("tree work", &tree)] {
        print_times(FILES, name, times);
    }
    let parts = [&bare, &tree];
    Ok(print_ratio(FILES, "task / (bare + tree)", &task, &parts, Some(TARGET)))
}

//! `bench task`: what a task costs beyond what its agent does.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::agent_image;
use crate::bench::engines::on_each;
use crate::bench::scene::Scene;
use crate::bench::times::{Times, print_head, print_ratio, print_times};
use crate::provision::{EngineChoice, Started};

/// A library's task may take this part of what the script takes, in a repository of up to so many files.
const SCRIPT_TARGETS: [(usize, f64); 2] = [(1_000, 0.9), (usize::MAX, 0.25)];
/// A library's task may take this part of the bare calls and the tree work together.
const PARTS_TARGET: f64 = 1.25;

/// How much to measure.
#[derive(Args)]
pub(crate) struct TaskBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Files in the repository
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 20_000])]
    files: Vec<usize>,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
}

/// Measures on one engine after the other, and prints a table an engine.
pub(crate) fn run(args: &TaskBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(args.engine, no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        print_head();
        for &files in &args.files {
            let measured = measure(setting.engine, &image, files, args.rounds);
            setting.runtime.block_on(measured)?;
        }
        Ok(true)
    })
}

/// What is measured side by side.
#[derive(Clone, Copy)]
enum Kind {
    Library,
    Script,
    Bare,
    Tree,
}

/// Alternates the four kinds of round, each in each place, so that noise and what a round leaves behind (a disk that
/// still writes) meet all of them.
async fn measure(engine: &Started, image: &str, files: usize, rounds: u32) -> Result<()> {
    let mut scene = Scene::make(engine, image, files, "").await?;
    let mut all: [Times; 4] = Default::default();
    let (mut task, mut once) = (Times::default(), Times::default());
    let mut order = [Kind::Library, Kind::Script, Kind::Bare, Kind::Tree];
    for round in 0..=rounds {
        for kind in order {
            let time = match kind {
                Kind::Library => {
                    let (whole, before) = scene.library().await?;
                    if round > 0 {
                        task.push(whole.saturating_sub(before));
                        once.push(before);
                    }
                    whole
                }
                Kind::Script => scene.script()?,
                Kind::Bare => scene.bare().await?,
                Kind::Tree => scene.tree()?,
            };
            if round > 0 {
                all[kind as usize].push(time);
            }
        }
        order.rotate_left(1);
    }
    let [library, script, bare, tree] = &all;
    for (name, times) in [
        ("library", library),
        ("  of it once a run", &once),
        ("  of it the task", &task),
        ("script", script),
        ("bare calls", bare),
        ("tree work", tree),
    ] {
        print_times(files, name, times);
    }
    let target = SCRIPT_TARGETS.into_iter().find(|(most, _)| files <= *most);
    print_ratio(
        files,
        "library / script",
        library,
        &[script],
        target.map(|(_, ratio)| ratio),
    );
    print_ratio(files, "task / (bare + tree)", &task, &[bare, tree], Some(PARTS_TARGET));
    println!(
        "{files:>7}  most memory: this process in the library's rounds {:.1} MB, the script's largest at most {:.1} MB",
        megabytes(scene.library_peak),
        megabytes(scene.script_peak)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 KiB of memory")]
pub(super) fn megabytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1024.0 / 1e6
}

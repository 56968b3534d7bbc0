//! What a follower costs the run that it follows.
//!
//! The rule is about the processor time that the follower takes, as a share of the time of the run: it cannot slow a run down by more.
//! The times of runs with and without one are printed, too, and differ by more than that from one to the next.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use wait4::Wait4 as _;

use super::{RunsBenchArgs, print_head, print_ratio, print_times};
use crate::agent_image;
use crate::bench::engines::{Setting, on_each};
use crate::bench::parallel::scene::{Scene, expect_merged};
use crate::bench::times::Times;

/// The share of a run's time that its follower may take of a processor.
const TARGET: f64 = 0.01;
/// How many tools an agent uses for a task, and how long each takes, in milliseconds: far faster than agents do.
const TOOLS: (usize, u32) = (40, 100);

/// What a follower shows.
const FOLLOWERS: [(&str, &[&str]); 2] = [
    ("with `runs logs -f`", &["runs", "logs", "-f"]),
    ("with `watch`", &["watch"]),
];

/// Measures runs without a follower and with one by turns. Returns whether each keeps to its target.
pub(super) fn measure(args: &RunsBenchArgs, no_install: bool) -> Result<bool> {
    let mut is_met = true;
    on_each(Some(args.engine), no_install, |setting| {
        is_met = of_engine(setting, args)?;
        Ok(is_met)
    })?;
    Ok(is_met)
}

fn of_engine(setting: &Setting<'_>, args: &RunsBenchArgs) -> Result<bool> {
    let image = agent_image::import(setting.agent, setting.engine)?;
    println!("{} tasks, four at once, of {} tools each", args.tasks, TOOLS.0);
    let mut alone = Times::default();
    let mut followed: [Times; FOLLOWERS.len()] = Default::default();
    let mut shares = [0.0_f64; FOLLOWERS.len()];
    for _ in 0..args.rounds {
        alone.push(setting.runtime.block_on(round(setting, &image, args, None))?.0);
        for (index, (_, follower)) in FOLLOWERS.iter().enumerate() {
            let (time, used) = setting.runtime.block_on(round(setting, &image, args, Some(follower)))?;
            followed[index].push(time);
            shares[index] = shares[index].max(used / time.as_secs_f64());
        }
    }
    print_head();
    print_times("alone", &alone);
    let mut is_met = true;
    for (((name, _), times), share) in FOLLOWERS.iter().zip(&followed).zip(shares) {
        print_times(name, times);
        print_ratio("  beside alone", times, &alone, None);
        println!(
            "{:<32} {share:>9.4} {:>9}  {TARGET:>7.2}",
            "  share of a processor, at worst", ""
        );
        is_met &= share <= TARGET;
    }
    Ok(is_met)
}

/// Runs all tasks, with a follower if one is given; returns how long that took, and what the follower used of a processor, in
/// seconds.
async fn round(
    setting: &Setting<'_>,
    image: &str,
    args: &RunsBenchArgs,
    follower: Option<&[&str]>,
) -> Result<(std::time::Duration, f64)> {
    let scene = Scene::make(setting, image, "stitch: {parallel: 4}\n").await?;
    let (tools, milliseconds) = TOOLS;
    let steps = format!("tool-output read\nsleep {milliseconds}\n").repeat(tools);
    for number in 0..args.tasks {
        scene.add(&format!("{steps}write src/task-{number}.txt {number}"))?;
    }
    let repository = scene.repository();
    let beside = async {
        let Some(arguments) = follower else { return Ok(None) };
        at_work(&repository).await;
        start(&repository, arguments).map(Some)
    };
    let (ran, child) = tokio::join!(scene.run(), beside);
    let ran = ran?;
    expect_merged(&ran.summary, args.tasks)?;
    let used = child?.map(used).transpose()?;
    Ok((ran.took, used.unwrap_or_default()))
}

/// Waits until a run is at work.
async fn at_work(repository: &Path) {
    while !repository.join(".git/cordwainer/run.sock").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn start(repository: &Path, arguments: &[&str]) -> Result<Child> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(repository).stdout(Stdio::null());
    command.spawn().context("cannot start a follower")
}

/// Waits for a follower; returns what it used of a processor, in seconds.
fn used(mut child: Child) -> Result<f64> {
    let used = child.wait4().context("cannot wait for a follower")?;
    ensure!(used.status.success(), "a follower failed: {}", used.status);
    Ok((used.rusage.utime + used.rusage.stime).as_secs_f64())
}

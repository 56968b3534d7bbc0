//! What a follower costs the run that it follows.
//!
//! Two things: what the run itself takes longer, and uses more of a processor, than alone; and what the follower uses of one while the
//! run is on. A follower reads files and nothing else, so the first is what the machine's other noise leaves to see, and has a
//! limit that a lock or a slow socket between the two would break. The second is measured at two rates: tools as agents use them,
//! and far more of them.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::pty::openpty;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::time::{ClockId, clock_gettime};
use wait4::Wait4 as _;

use super::{RunsBenchArgs, print_head, print_ratio, print_times};
use crate::agent_image;
use crate::bench::engines::{Setting, on_each};
use crate::bench::parallel::scene::{Scene, expect_merged};
use crate::bench::times::Times;

/// The share of a run's time that its follower may take of a processor.
const SHARE: f64 = 0.01;
/// How much longer a run may take that is followed, and how much more of a processor it may use: runs differ by more than 1 %
/// from one to the next.
const RUN: f64 = 1.05;

/// How agents work.
struct Rate {
    name: &'static str,
    /// How many tools an agent uses for a task.
    tools: usize,
    /// How long each takes, in milliseconds.
    milliseconds: u32,
}

const RATES: [Rate; 2] = [
    Rate {
        name: "a tool every 2 s",
        tools: 5,
        milliseconds: 2_000,
    },
    Rate {
        name: "a tool every 0.1 s",
        tools: 60,
        milliseconds: 100,
    },
];

/// Who looks on.
struct Follower {
    name: &'static str,
    arguments: &'static [&'static str],
    at_terminal: bool,
}

const FOLLOWERS: [Follower; 3] = [
    Follower {
        name: "`runs logs -f`",
        arguments: &["runs", "logs", "-f"],
        at_terminal: false,
    },
    Follower {
        name: "`watch`",
        arguments: &["watch"],
        at_terminal: false,
    },
    Follower {
        name: "`watch` at a terminal",
        arguments: &["watch"],
        at_terminal: true,
    },
];

/// What runs took, of time and of a processor, and their followers.
#[derive(Default)]
struct Taken {
    time: Times,
    used: Times,
    /// The shares that followers used of a processor.
    shares: Vec<f64>,
}

/// Measures runs without a follower and with one by turns. Returns whether each keeps to its target.
pub(super) fn measure(args: &RunsBenchArgs, no_install: bool) -> Result<bool> {
    let mut is_met = true;
    on_each(Some(args.engine), no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        for rate in &RATES {
            is_met &= at_rate(setting, &image, args, rate)?;
        }
        Ok(is_met)
    })?;
    Ok(is_met)
}

fn at_rate(setting: &Setting<'_>, image: &str, args: &RunsBenchArgs, rate: &Rate) -> Result<bool> {
    println!("\n{} tasks, four at once, {}", args.tasks, rate.name);
    let mut alone = Taken::default();
    let mut followed: [Taken; FOLLOWERS.len()] = Default::default();
    for _ in 0..args.rounds {
        let round = |follower| {
            setting
                .runtime
                .block_on(round(setting, image, (args.tasks, rate), follower))
        };
        round(None)?.add_to(&mut alone);
        for (follower, taken) in FOLLOWERS.iter().zip(&mut followed) {
            round(Some(follower))?.add_to(taken);
        }
    }
    print_head();
    print_times("alone", &alone.time);
    print_times("  of a processor", &alone.used);
    let mut is_met = true;
    for (follower, taken) in FOLLOWERS.iter().zip(&followed) {
        println!("with {}", follower.name);
        is_met &= print_ratio("  time / alone", &taken.time, &alone.time, Some(RUN));
        is_met &= print_ratio("  of a processor / alone", &taken.used, &alone.used, Some(RUN));
        is_met &= taken.print_share();
    }
    Ok(is_met)
}

impl Taken {
    /// Prints what followers used of a processor; returns whether that keeps to its target.
    fn print_share(&self) -> bool {
        let mut shares = self.shares.clone();
        shares.sort_by(f64::total_cmp);
        let (Some(least), Some(middle)) = (shares.first(), shares.get(shares.len() / 2)) else {
            return false;
        };
        let name = "  the follower, of a processor";
        println!("{name:<32} {least:>9.4} {middle:>9.4}  {SHARE:>7.2}");
        *middle <= SHARE
    }
}

/// What one run took.
struct Round {
    time: Duration,
    used: Duration,
    /// What its follower used of a processor.
    follower: Option<Duration>,
}

impl Round {
    fn add_to(self, taken: &mut Taken) {
        taken.time.push(self.time);
        taken.used.push(self.used);
        let share = |used: Duration| used.as_secs_f64() / self.time.as_secs_f64();
        taken.shares.extend(self.follower.map(share));
    }
}

/// Runs all tasks, with a follower if one is given.
async fn round(
    setting: &Setting<'_>,
    image: &str,
    (tasks, rate): (u32, &Rate),
    follower: Option<&Follower>,
) -> Result<Round> {
    let scene = Scene::make(setting, image, "stitch: {parallel: 4}\n").await?;
    let steps = format!("tool-output read\nsleep {}\n", rate.milliseconds).repeat(rate.tools);
    for number in 0..tasks {
        scene.add(&format!("{steps}write src/task-{number}.txt {number}"))?;
    }
    let repository = scene.repository();
    let beside = async {
        let Some(follower) = follower else { return Ok(None) };
        at_work(&repository).await;
        follower.start(&repository).map(Some)
    };
    let before = used_by_this_process();
    let (ran, child) = tokio::join!(scene.run(), beside);
    let used = used_by_this_process().saturating_sub(before);
    let ran = ran?;
    expect_merged(&ran.summary, tasks)?;
    Ok(Round {
        time: ran.took,
        used,
        follower: child?.map(used_by).transpose()?,
    })
}

/// Returns what this process, in which the run is, has used of a processor.
fn used_by_this_process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Waits until a run is at work.
async fn at_work(repository: &Path) {
    while !repository.join(".git/cordwainer/run.sock").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Follower {
    fn start(&self, repository: &Path) -> Result<Child> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(self.arguments).current_dir(repository);
        if self.at_terminal {
            let terminal = terminal()?;
            let end = || terminal.try_clone().map(Stdio::from).context("cannot use a terminal");
            command.env("TERM", "xterm").stdin(end()?).stdout(end()?).stderr(end()?);
        } else {
            command.stdout(Stdio::null());
        }
        command.spawn().context("cannot start a follower")
    }
}

/// Makes a terminal that takes whatever is written, until nobody has it open any more.
fn terminal() -> Result<OwnedFd> {
    let pair = openpty(None, None).context("cannot make a terminal")?;
    // With a copy of it, a follower would keep its own terminal open.
    for end in [&pair.master, &pair.slave] {
        fcntl_setfd(end, FdFlags::CLOEXEC).context("cannot make a terminal")?;
    }
    let mut screen = File::from(pair.master);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while screen.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    Ok(pair.slave)
}

/// Waits for a follower; returns what it used of a processor.
fn used_by(mut child: Child) -> Result<Duration> {
    let used = child.wait4().context("cannot wait for a follower")?;
    ensure!(used.status.success(), "a follower failed: {}", used.status);
    Ok(used.rusage.utime + used.rusage.stime)
}

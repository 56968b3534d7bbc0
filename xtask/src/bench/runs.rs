//! `bench runs`: what looking at runs costs: a list of many, the log of a large one, and a follower beside a run at work.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use wait4::Wait4 as _;

use crate::bench::engines::{code, load};
use crate::bench::times::Times;
use crate::provision::EngineChoice;

mod follower;

/// A list of runs that were listed before may take this part of what `wc -l` of their events takes.
const LIST_TARGET: f64 = 1.0;
/// A log may take so many times what `cat` takes.
const LOG_TARGET: f64 = 15.0;
/// The most memory of a log, in MB.
const MEMORY_TARGET: f64 = 64.0;

/// How much to measure.
#[derive(Args)]
pub(crate) struct RunsBenchArgs {
    /// Rounds of each that count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Runs of the list
    #[arg(long, default_value_t = 1_000)]
    runs: u32,
    /// How long the events of each are, in KB
    #[arg(long, default_value_t = 200)]
    kilobytes: usize,
    /// How long the events of the log are, in MB
    #[arg(long, default_value_t = 1_000)]
    megabytes: usize,
    /// Tasks of the run that is followed
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// The engine of that run
    #[arg(long, default_value = "podman")]
    engine: EngineChoice,
    /// One part alone
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// The list of many runs.
    List,
    /// The log of a large one.
    Logs,
    /// A follower beside a run at work.
    Follower,
}

/// Measures, and prints a table of each part. Fails where a target is missed.
pub(crate) fn run(args: &RunsBenchArgs, no_install: bool) -> Result<ExitCode> {
    let is_wanted = |part| args.only.is_none_or(|only| only == part);
    let mut is_met = true;
    println!("load of the machine {}", load()?);
    if is_wanted(Part::List) {
        is_met &= list(args)?;
    }
    if is_wanted(Part::Logs) {
        is_met &= logs(args)?;
    }
    if is_wanted(Part::Follower) {
        is_met &= follower::measure(args, no_install)?;
    }
    println!("Load of the machine at the end: {}", load()?);
    Ok(code(is_met))
}

/// A repository without a generation, in which runs are recorded.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn make() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cordwainer-bench-")
            .tempdir()
            .context("cannot make a folder")?;
        let made = Command::new("git")
            .args(["init", "--quiet", "--initial-branch", "main"])
            .current_dir(folder.path())
            .status();
        ensure!(made.context("cannot run git")?.success(), "`git init` failed");
        Ok(Self { folder })
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join(".git/cordwainer")
    }

    /// Writes the events of a run, at least so many bytes of them; returns where they are.
    fn write(&self, number: u32, bytes: usize) -> Result<PathBuf> {
        let run = format!("20261130-12{:02}{:02}000-{number}", number / 60 % 60, number % 60);
        let folder = self.state().join("runs").join(&run);
        fs::create_dir_all(&folder).context("cannot make a folder")?;
        let path = folder.join("events.jsonl");
        let mut file = BufWriter::new(File::create(&path).context("cannot write events")?);
        let task = task_of(&run);
        let mut written = file.write(b"{\"format\":10}\n").context("cannot write events")?;
        let (begin, end) = begin_and_end(&run);
        file.write_all(begin.as_bytes()).context("cannot write events")?;
        while written < bytes {
            file.write_all(task.as_bytes()).context("cannot write events")?;
            written += task.len();
        }
        file.write_all(end.as_bytes()).context("cannot write events")?;
        file.flush().context("cannot write events")?;
        Ok(path)
    }

    /// Times a command of the program; returns the most memory that it had, too, in KiB.
    fn time(&self, arguments: &[&str]) -> Result<(Duration, u64)> {
        let program = std::env::current_exe().context("cannot find this program")?;
        timed(Command::new(program).args(arguments).current_dir(self.folder.path()))
    }
}

fn timed(command: &mut Command) -> Result<(Duration, u64)> {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().context("cannot run a command")?;
    let used = child.wait4().context("cannot wait for a command")?;
    ensure!(used.status.success(), "a command failed: {}", used.status);
    Ok((begun.elapsed(), used.rusage.maxrss / 1024))
}

fn begin_and_end(run: &str) -> (String, String) {
    let begun = json!({"type": "run_started", "run": run, "generation": "generation-bench", "mode": "feature",
        "engine": "podman 4.3.1 (rootful)", "image": "localhost/bench"});
    let ended = json!({"type": "run_ended", "reason": "nothing is left to do", "merged": 3, "blocked": 0, "open": 0,
        "usage": {"input": 10_000, "output": 500, "cost_usd": 1.25, "calls": 3}});
    (line(&begun), line(&ended))
}

/// Returns the line of an event, as a run records it: the type comes first.
fn line(event: &serde_json::Value) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    let mut rest = event.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("type");
    }
    let rest = rest.to_string();
    let rest = &rest[1..];
    format!("{{\"at\":\"2026-11-30T12:00:00.123456789Z\",\"event\":{{\"type\":\"{kind}\",{rest}}}\n")
}

/// The events of a task: sixty uses of tools with the progress after each, a gate and the end of the attempt.
fn task_of(run: &str) -> String {
    let call = json!({"role": "stitch", "task": "cw-k7qd", "attempt": 1});
    let mut events = vec![
        json!({"type": "task_claimed", "task": "cw-k7qd", "title": "Lay the table", "attempt": 1}),
        json!({"type": "step_started", "call": call, "step": "container"}),
    ];
    for number in 0..60 {
        events.push(json!({"type": "tool_used", "call": call, "tool": "Bash", "summary": format!("cargo test --test part_{number}")}));
        events.push(json!({"type": "agent_progress", "call": call, "turns": number,
            "usage": {"input": 10, "cache_write": 1200, "cache_read": 34_000 + number, "output": 250, "cost_usd": 0.05, "calls": 0}}));
    }
    events.push(json!({"type": "agent_ended", "call": call, "reason": "success", "entry": {
        "role": "stitch", "task": "cw-k7qd", "attempt": 1, "cycle": 1, "run": run, "session_id": "s", "model": "sonnet",
        "turns": 60, "usage": {"input": 600, "output": 15_000, "cost_usd": 0.4, "calls": 1}, "estimated": false,
        "duration_ms": 60_000, "api_ms": 50_000, "wait_ms": 0, "outcome": "success", "ended_at": "2026-11-30T12:00:00Z"}}));
    events.push(json!({"type": "gate_ended", "task": "cw-k7qd", "gate": "test", "passed": true, "seconds": 3.5}));
    events.push(
        json!({"type": "attempt_ended", "task": "cw-k7qd", "title": "Lay the table", "attempt": 1,
        "outcome": "merged", "reason": "", "commit": "0123456789abcdef0123456789abcdef01234567",
        "changed": {"files": 2, "insertions": 40, "deletions": 3},
        "usage": {"input": 600, "output": 15_000, "cost_usd": 0.4, "calls": 1}, "seconds": 61.5}),
    );
    events.iter().map(line).collect()
}

/// Times lists of many runs, the first one and later ones, beside `wc -l` of their events.
fn list(args: &RunsBenchArgs) -> Result<bool> {
    let place = Place::make()?;
    for number in 0..args.runs {
        place.write(number, args.kilobytes * 1000)?;
    }
    println!("\n{} runs of {} KB each", args.runs, args.kilobytes);
    let (mut first, mut again, mut count) = (Times::default(), Times::default(), Times::default());
    for round in 0..=args.rounds {
        let cache = place.state().join("cache");
        if cache.exists() {
            fs::remove_dir_all(&cache).context("cannot remove the cache")?;
        }
        let arguments = ["runs", "list", "--limit", "0"];
        let times = [
            place.time(&arguments)?.0,
            place.time(&arguments)?.0,
            timed(
                Command::new("sh")
                    .args(["-c", "exec wc -l .git/cordwainer/runs/*/events.jsonl"])
                    .current_dir(place.folder.path()),
            )?
            .0,
        ];
        if round > 0 {
            for (all, time) in [&mut first, &mut again, &mut count].into_iter().zip(times) {
                all.push(time);
            }
        }
    }
    print_head();
    print_times("wc -l", &count);
    print_times("the first list", &first);
    print_times("a later list", &again);
    print_ratio("the first list / wc -l", &first, &count, None);
    Ok(print_ratio("a later list / wc -l", &again, &count, Some(LIST_TARGET)))
}

/// Times the log of a large run, in its forms, beside `cat` of its events.
fn logs(args: &RunsBenchArgs) -> Result<bool> {
    let place = Place::make()?;
    let path = place.write(1, args.megabytes * 1_000_000)?;
    println!("\na run with {} MB of events", args.megabytes);
    let kinds: [(&str, &[&str]); 4] = [
        ("runs logs", &["runs", "logs"]),
        ("runs logs --level step", &["runs", "logs", "--level", "step"]),
        ("runs logs --json", &["runs", "logs", "--json"]),
        ("runs show", &["runs", "show"]),
    ];
    let mut all: [Times; 4] = Default::default();
    let mut cat = Times::default();
    let mut memory = 0;
    for round in 0..=args.rounds {
        let plain = cat_of(&path)?;
        if round > 0 {
            cat.push(plain);
        }
        for ((_, arguments), times) in kinds.iter().zip(&mut all) {
            let (time, peak) = place.time(arguments)?;
            memory = memory.max(peak);
            if round > 0 {
                times.push(time);
            }
        }
    }
    print_head();
    print_times("cat", &cat);
    for ((name, _), times) in kinds.iter().zip(&all) {
        print_times(name, times);
    }
    let mut is_met = true;
    for ((name, _), times) in kinds.iter().zip(&all) {
        is_met &= print_ratio(&format!("{name} / cat"), times, &cat, Some(LOG_TARGET));
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let megabytes = memory as f64 / 1024.0;
    println!(
        "{:<32} {megabytes:>9.1} MB {:>11}  {MEMORY_TARGET:>7.2}",
        "most memory", ""
    );
    Ok(is_met && megabytes <= MEMORY_TARGET)
}

fn cat_of(path: &Path) -> Result<Duration> {
    // Through a pipe, as the output of a log goes: into `/dev/null` the kernel copies nothing.
    let mut command = Command::new("sh");
    command.args(["-c", "cat \"$1\" | cat > /dev/null", "sh"]).arg(path);
    Ok(timed(&mut command)?.0)
}

pub(super) fn print_head() {
    println!("{:<32} {:>9} {:>9}  {:>7}", "", "minimum", "median", "at most");
}

pub(super) fn print_times(name: &str, times: &Times) {
    println!("{name:<32} {:>7.3} s {:>7.3} s", times.minimum(), times.median());
}

/// Prints how times compare; returns whether the medians keep to the target.
pub(super) fn print_ratio(name: &str, times: &Times, other: &Times, at_most: Option<f64>) -> bool {
    let minimum = times.minimum() / other.minimum();
    let median = times.median() / other.median();
    let limit = at_most.map(|most| format!("{most:.2}")).unwrap_or_default();
    println!("{name:<32} {minimum:>9.2} {median:>9.2}  {limit:>7}");
    at_most.is_none_or(|most| median <= most)
}

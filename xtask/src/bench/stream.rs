//! `bench stream`: how fast the client's stream is parsed, and in how much memory.
//!
//! The parser and `serde_json` read the same file, which the page cache holds, by the library's own [`LineReader`]:
//! reading and cutting are in both figures, and are measured alone beside them.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use cordwainer::agent::{Ending, Transcript};
use cordwainer::lines::{DEFAULT_LINE_LIMIT, LineReader};
use serde::de::IgnoredAny;
use tempfile::TempDir;

use super::engines::load;
use super::memory;
use super::task::megabytes;
use super::times::Times;

mod recording;

/// The parser is to have at least this part of the throughput of `serde_json`.
const TARGET: f64 = 0.7;
/// The parser is to take less memory than this, in MB.
const MEMORY_TARGET: f64 = 32.0;

/// How much to measure.
#[derive(Args)]
pub(crate) struct StreamBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long the stream is, in MB
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..))]
    megabytes: u64,
    /// Only parse this file, and print the most memory that it took, in KiB
    #[arg(long, hide = true)]
    only_parse: Option<PathBuf>,
}

/// Writes the stream, measures, and prints a table.
pub(crate) fn run(args: &StreamBenchArgs) -> Result<ExitCode> {
    if let Some(path) = &args.only_parse {
        println!("{}", parse_for_memory(path)?);
        return Ok(ExitCode::SUCCESS);
    }
    let folder = TempDir::new().context("cannot make a folder")?;
    let (ordinary, hostile) = (folder.path().join("ordinary"), folder.path().join("hostile"));
    let written = recording::write_ordinary(&ordinary, args.megabytes * 1_000_000)?;
    recording::write_hostile(&hostile)?;
    println!("{written}; load of the machine {}", load()?);
    measure(&ordinary, args)?;
    println!(
        "{:<24} {:.1} MB for that stream, {:.1} MB with a line of 100 MB and lines of invalid UTF-8; below {MEMORY_TARGET:.0} MB",
        "most memory of the parser",
        megabytes(most_memory(&ordinary)?),
        megabytes(most_memory(&hostile)?)
    );
    println!("Load of the machine at the end: {}", load()?);
    Ok(ExitCode::SUCCESS)
}

/// What is measured side by side.
#[derive(Clone, Copy)]
enum Kind {
    Parser,
    Skip,
    StopCause,
}

/// Alternates the three kinds of round, each in each place.
fn measure(path: &Path, args: &StreamBenchArgs) -> Result<()> {
    let bytes = path.metadata().context("cannot measure the stream")?.len();
    let mut all: [Times; 3] = Default::default();
    let mut order = [Kind::Parser, Kind::Skip, Kind::StopCause];
    for round in 0..=args.rounds {
        for kind in order {
            let time = match kind {
                Kind::Parser => parse(path)?,
                Kind::Skip => skip(path)?,
                Kind::StopCause => cut(path)?,
            };
            if round > 0 {
                all[kind as usize].push(time);
            }
        }
        order.rotate_left(1);
    }
    print(&all, bytes);
    Ok(())
}

fn print([parser, skip, cut]: &[Times; 3], bytes: u64) {
    println!(
        "{:<24} {:>9} {:>9}  {:>12}  {:>8}",
        "", "minimum", "median", "at best", "at least"
    );
    for (name, times) in [
        ("parser", parser),
        ("serde_json skips", skip),
        ("read and cut alone", cut),
    ] {
        let (minimum, median) = (times.minimum(), times.median());
        let speed = megabytes(bytes / 1024) / minimum;
        println!("{name:<24} {minimum:>7.3} s {median:>7.3} s  {speed:>7.0} MB/s");
    }
    let whole = |of: fn(&Times) -> f64| of(skip) / of(parser);
    let inner = |of: fn(&Times) -> f64| (of(skip) - of(cut)) / (of(parser) - of(cut));
    print_ratio(
        "parser / serde_json",
        whole(Times::minimum),
        whole(Times::median),
        Some(TARGET),
    );
    print_ratio(
        "  without read and cut",
        inner(Times::minimum),
        inner(Times::median),
        None,
    );
}

/// Prints a ratio of throughputs, beside what is to be reached.
fn print_ratio(name: &str, minimum: f64, median: f64, at_least: Option<f64>) {
    let at_least = at_least.map(|least| format!("{least:.2}")).unwrap_or_default();
    println!("{name:<24} {minimum:>9.2} {median:>9.2}  {:>12}  {at_least:>8}", "");
}

/// Hands each line of a file to `each`; answers how long that took.
fn lines(path: &Path, mut each: impl FnMut(&[u8])) -> Result<Duration> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut lines = LineReader::new(file, DEFAULT_LINE_LIMIT);
    let began = Instant::now();
    while let Some(line) = lines
        .next_line()
        .with_context(|| format!("cannot read {}", path.display()))?
    {
        each(line);
    }
    Ok(began.elapsed())
}

/// The parser's round. It must have understood the stream: what fails early is fast.
fn parse(path: &Path) -> Result<Duration> {
    let mut transcript = Transcript::new();
    let time = lines(path, |line| {
        std::hint::black_box(transcript.push_line(line));
    })?;
    let report = transcript.finish(&Ending::of_recording());
    ensure!(report.reason.is_empty(), "the stream is no success: {}", report.reason);
    ensure!(
        report.skipped_lines == 0,
        "{} lines were not understood",
        report.skipped_lines
    );
    Ok(time)
}

/// The round of `serde_json`, which must have found JSON everywhere.
fn skip(path: &Path) -> Result<Duration> {
    let mut failed = 0;
    let time = lines(path, |line| {
        failed += u64::from(serde_json::from_slice::<IgnoredAny>(line).is_err());
    })?;
    ensure!(failed == 0, "{failed} lines are no JSON");
    Ok(time)
}

fn cut(path: &Path) -> Result<Duration> {
    lines(path, |line| {
        std::hint::black_box(line);
    })
}

/// Parses a file in a process of its own; the most memory that this process had, in KiB.
fn most_memory(path: &Path) -> Result<u64> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let arguments = ["bench", "stream", "--as-built", "--only-parse"].map(OsStr::new);
    let output = Command::new(program).args(arguments).arg(path).output();
    let output = output.context("cannot run this program again")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "a child failed: {said}");
    let told = String::from_utf8(output.stdout).context("a child printed no text")?;
    told.trim().parse().context("a child printed no number")
}

fn parse_for_memory(path: &Path) -> Result<u64> {
    memory::forget_own_peak()?;
    let mut transcript = Transcript::new();
    lines(path, |line| {
        std::hint::black_box(transcript.push_line(line));
    })?;
    std::hint::black_box(transcript.finish(&Ending::of_recording()));
    memory::own_peak()
}

//! `bench history`: what making the history that agents can read takes, beside a clone of the branch by git.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use cordwainer::git::{Git, SlotPool};

use crate::bench::times::{Times, print_head, print_ratio, print_times};

/// The first build may take this part of what the clone takes.
const TARGET: f64 = 1.5;
/// Files in a folder.
const FILES_IN_FOLDER: usize = 100;
/// Lines of a file.
const LINES: usize = 40;

/// How much to measure.
#[derive(Args)]
pub(crate) struct HistoryBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Files in the repository
    #[arg(long, default_value_t = 20_000)]
    files: usize,
    /// Commits, each of which changes three files
    #[arg(long, default_value_t = 5_000)]
    commits: usize,
}

/// Makes a repository, measures, and prints a table; fails where the first build takes longer than it may.
pub(crate) fn run(args: &HistoryBenchArgs) -> Result<ExitCode> {
    let folder = tempfile::Builder::new()
        .prefix("cordwainer-bench-")
        .tempdir()
        .context("cannot make a folder")?;
    let repository = folder.path().join("repository");
    make(&repository, args)?;
    println!("{} files, {} commits.", args.files, args.commits);
    let git = Git::discover(&repository)?;
    let tip = git.branch_tip("main")?.context("no tip")?;
    let (mut first, mut further, mut clone) = (Times::default(), Times::default(), Times::default());
    for round in 0..=args.rounds {
        let state = folder.path().join(format!("state-{round}"));
        let pool = SlotPool::new(git.clone(), &state);
        let private = |number: u32| -> Result<Duration> {
            let mut slot = pool.acquire("bench")?;
            slot.restore(tip, None)?;
            let place = state.join(format!("private-{number}"));
            let begun = Instant::now();
            let _ = slot.private_repository(&place, "main", tip, None)?;
            let took = begun.elapsed();
            slot.release()?;
            Ok(took)
        };
        let times = [
            private(1)?,
            private(2)?,
            cloned(&repository, &folder.path().join(format!("clone-{round}")))?,
        ];
        if round > 0 {
            for (all, time) in [&mut first, &mut further, &mut clone].into_iter().zip(times) {
                all.push(time);
            }
        }
        std::fs::remove_dir_all(&state).context("cannot remove a state folder")?;
    }
    print_head();
    print_times(args.files, "first build", &first);
    print_times(args.files, "a further slot", &further);
    print_times(args.files, "clone by git", &clone);
    let keeps = print_ratio(args.files, "first build / clone", &first, &[&clone], Some(TARGET));
    Ok(if keeps { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Times a clone, and removes it.
fn cloned(repository: &Path, to: &PathBuf) -> Result<Duration> {
    let begun = Instant::now();
    git(
        repository,
        &[
            "clone",
            "--quiet",
            "--bare",
            "--single-branch",
            "--branch",
            "main",
            "--no-local",
            ".",
        ],
        Some(to),
    )?;
    let took = begun.elapsed();
    std::fs::remove_dir_all(to).context("cannot remove a clone")?;
    Ok(took)
}

/// Makes a repository as people have it: most of it in one pack, and a branch beside that.
fn make(folder: &Path, args: &HistoryBenchArgs) -> Result<()> {
    std::fs::create_dir_all(folder).context("cannot make a folder")?;
    git(folder, &["init", "--quiet", "--initial-branch", "main"], None)?;
    git(folder, &["config", "gc.auto", "0"], None)?;
    let mut import = Command::new("git")
        .current_dir(folder)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let mut stream = std::io::BufWriter::new(import.stdin.take().context("no stream")?);
    for number in 0..args.commits {
        let branch = if number % 50 == 49 { "beside" } else { "main" };
        let mut text = format!(
            "commit refs/heads/{branch}\ncommitter Bench <bench@example.invalid> {} +0000\ndata 6\nchange\n",
            1_700_000_000 + number
        );
        if number > 0 && branch == "beside" {
            text.push_str("from refs/heads/main\n");
        }
        let changed: Vec<usize> = match number {
            0 => (0..args.files).collect(),
            _ => (0..3)
                .map(|which| (number * 7919 + which * 104_729) % args.files)
                .collect(),
        };
        for file in changed {
            let content = content(file, number);
            let _ = writeln!(
                text,
                "M 100644 inline src/d{:03}/f{:03}.txt\ndata {}\n{content}",
                file / FILES_IN_FOLDER,
                file % FILES_IN_FOLDER,
                content.len()
            );
        }
        stream.write_all(text.as_bytes()).context("cannot write to git")?;
    }
    drop(stream);
    ensure!(import.wait().context("git")?.success(), "`git fast-import` failed");
    git(folder, &["repack", "-adq"], None)?;
    git(folder, &["reset", "--quiet", "--hard", "main"], None)
}

/// A file's text: most of it is the same from one change to the next.
fn content(file: usize, commit: usize) -> String {
    let line = |line: usize| {
        let changed = if line == commit % LINES { commit } else { 0 };
        format!("file {file}, line {line}: about as long as a line of source is, {changed}\n")
    };
    let lines: Vec<String> = (0..LINES).map(line).collect();
    lines.concat()
}

fn git(folder: &Path, arguments: &[&str], last: Option<&PathBuf>) -> Result<()> {
    let status = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .args(last)
        .status()
        .context("cannot run git")?;
    ensure!(status.success(), "`git {}` failed", arguments.join(" "));
    Ok(())
}

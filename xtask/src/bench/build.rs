//! `bench build`: what it costs to build the program, beside another commit: time without anything built before, crates,
//! and the size of the program without its symbols.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use crate::cargo::cargo;

/// What to compare with.
#[derive(Args)]
pub(crate) struct BuildBenchArgs {
    /// The commit that is built beside this tree, for instance the one before a change
    #[arg(default_value = "HEAD~1")]
    since: String,
}

/// What a tree costs.
struct Cost {
    time: Duration,
    crates: usize,
    /// Crates without the command line.
    of_library: usize,
    bytes: u64,
}

/// Builds both, one after the other, and prints the figures.
pub(crate) fn run(args: &BuildBenchArgs) -> Result<ExitCode> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let before = folder.path().join("before");
    let path = before.to_str().context("the folder's name is not UTF-8")?;
    succeeds(Command::new("git").args(["worktree", "add", "--quiet", "--detach", path, &args.since]))?;
    let measured = both(&before);
    succeeds(Command::new("git").args(["worktree", "remove", "--force", path]))?;
    let [before, now] = measured?;
    println!("{:<34} {:>12} {:>12} {:>7}", "", args.since, "this tree", "ratio");
    let row = |name: &str, before: f64, now: f64, digits: usize| {
        println!(
            "{name:<34} {before:>12.digits$} {now:>12.digits$} {:>7.2}",
            now / before
        );
    };
    row(
        "cold release build, in seconds",
        before.time.as_secs_f64(),
        now.time.as_secs_f64(),
        0,
    );
    row("crates", count(before.crates), count(now.crates), 0);
    row(
        "crates without the command line",
        count(before.of_library),
        count(now.of_library),
        0,
    );
    let megabytes = |bytes: u64| count(usize::try_from(bytes).unwrap_or(usize::MAX)) / 1e6;
    row(
        "stripped program, in MB",
        megabytes(before.bytes),
        megabytes(now.bytes),
        2,
    );
    Ok(ExitCode::SUCCESS)
}

/// Both trees, the other one first.
fn both(before: &Path) -> Result<[Cost; 2]> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask is in the workspace")?;
    Ok([cost(before)?, cost(here)?])
}

fn cost(tree: &Path) -> Result<Cost> {
    let target = TempDir::new().context("cannot make a folder")?;
    // What is downloaded does not count.
    succeeds(cargo().current_dir(tree).args(["fetch", "--quiet"]))?;
    let begun = Instant::now();
    let build = [
        "build",
        "--quiet",
        "--release",
        "--package",
        "cordwainer",
        "--bin",
        "cordwainer",
    ];
    succeeds(
        cargo()
            .current_dir(tree)
            .args(build)
            .arg("--target-dir")
            .arg(target.path())
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    )?;
    let time = begun.elapsed();
    let program = target.path().join("release/cordwainer");
    let bytes = program
        .metadata()
        .with_context(|| format!("cannot read {}", program.display()))?;
    Ok(Cost {
        time,
        crates: crates(tree, &[])?,
        of_library: crates(tree, &["--no-default-features"])?,
        bytes: bytes.len(),
    })
}

/// Counts the crates that are built, those of build scripts and macros among them.
fn crates(tree: &Path, features: &[&str]) -> Result<usize> {
    let list = [
        "tree",
        "--package",
        "cordwainer",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let output = cargo()
        .current_dir(tree)
        .args(list)
        .args(features)
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).context("cargo's answer is not UTF-8")?;
    Ok(text
        .lines()
        .filter(|line| !line.is_empty())
        .collect::<BTreeSet<_>>()
        .len())
}

fn succeeds(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed", command.get_program().display());
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn count(number: usize) -> f64 {
    number as f64
}

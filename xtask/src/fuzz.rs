//! `fuzz`: the fuzz targets of `fuzz/`, side by side, coverage-guided by libFuzzer on the stable toolchain.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::provision::{self, Install};

mod build;
mod log;
mod seeds;

/// The longest input, in bytes: the longest recorded line is no longer.
const LONGEST_INPUT: u32 = 6144;
/// The most memory that a target may take, in MiB; libFuzzer's own is in it.
const MOST_MEMORY: u32 = 512;
/// How long one input may take, in seconds.
const SLOWEST: u32 = 10;

/// What to fuzz, and how long.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// Only this target
    target: Option<Target>,
    /// Only this input: a finding, once more
    input: Option<PathBuf>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Fail instead of installing what is missing
    #[arg(long)]
    no_install: bool,
}

/// A fuzz target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The parser of the client's stream.
    Stream,
    /// The reader of reset times.
    ResetTime,
    /// What decides on hosts: targets, and the first message of TLS.
    Network,
    /// What takes credentials out of everything that is recorded.
    Redactor,
}

impl Target {
    /// The name of its program.
    fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::ResetTime => "reset_time",
            Self::Network => "network",
            Self::Redactor => "redactor",
        }
    }
}

/// Fuzzes, or tries one input again.
pub(crate) fn run(args: &FuzzArgs) -> Result<ExitCode> {
    let install = if args.no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    match (args.target, &args.input) {
        (Some(target), Some(input)) => replay(target, input, install),
        (Some(target), None) => fuzz(&[target], args.seconds, install).map(code),
        _ => fuzz(Target::value_variants(), args.seconds, install).map(code),
    }
}

/// Runs all targets for so many seconds, side by side, in a process of their own: libFuzzer takes the most memory that
/// its parent ever had for its own, and a caller may have loaded images. Returns whether there was no finding; one is
/// reported. What [`provide`] installs must be there.
pub(crate) fn in_a_process(seconds: u32) -> Result<bool> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let status = Command::new(program)
        .args(["fuzz", "--no-install", "--seconds", &seconds.to_string()])
        .status()
        .context("cannot run this program to fuzz")?;
    Ok(status.success())
}

fn code(passed: bool) -> ExitCode {
    ExitCode::from(u8::from(!passed))
}

fn replay(target: Target, input: &Path, install: Install) -> Result<ExitCode> {
    let program = provided(install)?.program(target);
    ensure!(input.is_file(), "there is no file {}", input.display());
    let status = Command::new(&program).arg(input).status();
    let status = status.with_context(|| format!("cannot run {}", program.display()))?;
    Ok(code(status.success()))
}

fn fuzz(targets: &[Target], seconds: u32, install: Install) -> Result<bool> {
    let built = provided(install)?;
    println!("Fuzzing for {seconds} s.");
    let started = targets.iter().map(|target| Running::start(*target, &built, seconds));
    let started = started.collect::<Result<Vec<_>>>()?;
    let mut passed = true;
    for running in started {
        passed &= running.finish()?;
    }
    Ok(passed)
}

/// Builds the targets, with what that takes installed if it is allowed.
fn provided(install: Install) -> Result<build::Built> {
    provide(install)?;
    build::build()
}

/// Sees that there is a C++ compiler for libFuzzer.
pub(crate) fn provide(install: Install) -> Result<()> {
    if provision::find("c++").is_none() {
        provision::packages(&["g++"], install)?;
    }
    Ok(())
}

/// A target that runs; it is ended when this is dropped.
struct Running {
    target: Target,
    child: Child,
    /// What libFuzzer says.
    log: PathBuf,
}

impl Running {
    fn start(target: Target, built: &build::Built, seconds: u32) -> Result<Self> {
        let folder = built.folder(target);
        let (corpus, seeds, findings) = (folder.join("corpus"), folder.join("seeds"), folder.join("findings"));
        for part in [&corpus, &seeds, &findings] {
            fs::create_dir_all(part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        seeds::write(target, &seeds)?;
        let log = folder.join("log.txt");
        let file = File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        let child = Command::new(built.program(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg(format!("-rss_limit_mb={MOST_MEMORY}"))
            .arg(format!("-timeout={SLOWEST}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            // Its own last words tell what failed; a trace of libFuzzer would push them out of sight.
            .env("RUST_BACKTRACE", "0")
            .args(["-print_final_stats=1".as_ref(), corpus.as_os_str(), seeds.as_os_str()])
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot run the fuzz target `{}`", target.name()))?;
        Ok(Self { target, child, log })
    }

    /// Waits for the end and tells of it; whether there was no finding.
    fn finish(mut self) -> Result<bool> {
        let name = self.target.name();
        let status = self.child.wait().with_context(|| format!("cannot wait for `{name}`"))?;
        let said = fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        let said = String::from_utf8_lossy(&said);
        if status.success() {
            println!("{}", log::summary(name, &said));
            return Ok(true);
        }
        println!("{}", log::last_lines(&said));
        let Some(input) = log::finding(&said) else {
            bail!(
                "the fuzz target `{name}` ended with {status}; see {}",
                self.log.display()
            );
        };
        println!("The fuzz target `{name}` has found an input that it does not stand: {input}");
        println!("hint: `cargo xtask fuzz {name} {input}` tries it again");
        Ok(false)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself unless another target's failure ended this task first.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

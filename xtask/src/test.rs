//! `test`: every test, with both engines, and with the real Claude Code client beside the scripted one.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::sync::LazyLock;
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result};
use clap::Args;

use crate::agent_image::{self, AgentImage};
use crate::cargo::cargo;
use crate::provision::{self, Engines, Install};
use crate::{browser, claude_image, fuzz, services_image};

/// How long each fuzz target runs, in seconds.
const FUZZ_SECONDS: u32 = 30;
/// How long each runs with `--long`, in seconds.
const LONG_FUZZ_SECONDS: u32 = 300;
/// Which tests, and with what.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Only tests whose name contains this
    filter: Vec<String>,
    /// Fail instead of installing what is missing
    #[arg(long)]
    no_install: bool,
    /// Try every case, and on each engine, where tests otherwise try a part of them on one
    #[arg(long)]
    long: bool,
}

/// Sets everything up, fuzzes meanwhile, runs the tests, and takes everything down. The last lines are the test runner's own.
pub(crate) fn run(args: &TestArgs) -> Result<ExitCode> {
    let install = if args.no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let seconds = if args.long { LONG_FUZZ_SECONDS } else { FUZZ_SECONDS };
    let fuzzed = args.filter.is_empty().then_some(seconds);
    let Some((engines, agent)) = set_up(args, fuzzed, install)? else {
        return Ok(ExitCode::FAILURE);
    };
    for engine in engines.each() {
        agent_image::import(&agent, engine)?;
        services_image::import(&agent, engine)?;
    }
    if let Some(engine) = &engines.rootless {
        agent_image::import(&agent, engine)?;
    }
    let mut tests = runner(&args.filter, args.long);
    tests.envs(environment(&engines));
    // This program is of the sources that are tested, and need not be built once more.
    tests.env(
        "CORDWAINER_TEST_XTASK",
        std::env::current_exe().context("cannot find this program")?,
    );
    if args.long {
        tests.env("CORDWAINER_TEST_LONG", "1");
    }
    let skips = tempfile::NamedTempFile::new().context("cannot make a file")?;
    tests.env("CORDWAINER_TEST_SKIPS", skips.path());
    let passed = succeeded(&mut tests)?;
    drop(engines);
    if let Some(told) = told_skips(&std::fs::read_to_string(skips.path()).context("cannot read what was skipped")?) {
        println!("{told}");
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Provides engines and images, and builds everything and fuzzes for `fuzzed` seconds meanwhile: most of what is provided
/// comes over the network and leaves the cores to others. `None` where something that was built or fuzzed failed, which
/// has been reported.
fn set_up(args: &TestArgs, fuzzed: Option<u32>, install: Install) -> Result<Option<(Engines, AgentImage)>> {
    if fuzzed.is_some() {
        // Before anything else is installed beside: apt-get works alone.
        fuzz::provide(install)?;
    }
    if install == Install::Refuse {
        // What is missing is reported at once, not after minutes of compiling.
        let engines = provide(args, install)?;
        let agent = build_and_fuzz(args, fuzzed)?;
        return Ok(agent.map(|agent| (engines, agent)));
    }
    std::thread::scope(|scope| {
        let provided = scope.spawn(|| provide(args, install));
        let built = build_and_fuzz(args, fuzzed);
        let (engines, agent) = (joined(provided)?, built?);
        Ok(agent.map(|agent| (engines, agent)))
    })
}

/// Builds everything and fuzzes meanwhile; `None` where either failed.
fn build_and_fuzz(args: &TestArgs, fuzzed: Option<u32>) -> Result<Option<AgentImage>> {
    std::thread::scope(|scope| {
        let fuzzed = fuzzed.map(|seconds| scope.spawn(move || fuzz::in_a_process(seconds)));
        let built = build(args);
        let passed = fuzzed.map_or(Ok(true), joined)?;
        Ok(built?.filter(|_| passed))
    })
}

/// Waits for a thread, and returns what it did.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
}

fn provide(args: &TestArgs, install: Install) -> Result<Engines> {
    let engines = provision::both_engines(install)?;
    provision::tools(args.long, install);
    browser::provide(install);
    claude_image::provide(&engines, install)?;
    services_image::provide_base(&engines, install)?;
    Ok(engines)
}

/// Builds the scripted agent and the tests; where no test is selected by name, the examples of the documentation run.
fn build(args: &TestArgs) -> Result<Option<AgentImage>> {
    let agent = agent_image::build()?;
    let documentation = ["test", "--quiet", "--doc", "--workspace"];
    let passed = succeeded(&mut compiler())? && (!args.filter.is_empty() || succeeded(cargo().args(documentation))?);
    Ok(passed.then_some(agent))
}

/// Cargo, compiling the tests without running them.
fn compiler() -> Command {
    let mut command = cargo_for_tests();
    command.args(["--no-run", if *HAS_NEXTEST { "--cargo-quiet" } else { "--quiet" }]);
    command
}

/// Runs the tests whose names contain a word of `filter` on these engines; answers whether all passed.
pub(crate) fn run_on(engines: &Engines, filter: &[String]) -> Result<bool> {
    succeeded(runner(filter, false).envs(environment(engines)))
}

/// Where the tests find what was set up for them.
fn environment(engines: &Engines) -> Vec<(&'static str, String)> {
    let mut environment = Vec::new();
    environment.extend(
        engines
            .podman
            .as_ref()
            .map(|engine| ("CORDWAINER_TEST_PODMAN", engine.socket().display().to_string())),
    );
    environment.extend(
        engines
            .docker
            .as_ref()
            .map(|engine| ("CORDWAINER_TEST_DOCKER", engine.socket().display().to_string())),
    );
    // Who runs the tests as an ordinary user has no other podman.
    let rootless = engines
        .rootless
        .as_ref()
        .or(engines.podman.as_ref().filter(|_| !provision::is_root()));
    environment.extend(rootless.map(|engine| ("CORDWAINER_TEST_ROOTLESS", engine.socket().display().to_string())));
    environment
}

/// The tests that have a word of `filter` in their names. With `long`, a test has an hour before it is ended as hung,
/// instead of minutes.
fn runner(filter: &[String], long: bool) -> Command {
    let mut command = cargo_for_tests();
    command.arg("--no-fail-fast");
    if *HAS_NEXTEST {
        let profile = if long { "long" } else { "default" };
        command.args(["--profile", profile, "--test-threads", &at_once().to_string()]);
    } else {
        command.arg("--");
    }
    command.args(filter);
    command
}

/// cargo-nextest where it is installed, else cargo's own runner. The fuzz targets have no tests, and no end.
fn cargo_for_tests() -> Command {
    let mut command = cargo();
    if *HAS_NEXTEST {
        command.args(["nextest", "run"]);
    } else {
        command.args(["test", "--lib", "--bins", "--tests"]);
    }
    command.args(["--workspace", "--exclude", "cordwainer-fuzz"]);
    command
}

/// Whether cargo-nextest is installed.
static HAS_NEXTEST: LazyLock<bool> = LazyLock::new(|| {
    let asked = cargo().args(["nextest", "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
});

/// How many tests run at once: one more than there are cores, since most wait for a container now and then. With two more,
/// calls that have seconds to come to something ran out of them.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get) + 1
}

fn succeeded(command: &mut Command) -> Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    Ok(status.success())
}

/// Says how many tests did nothing, and why; `None` where neither an engine nor the browser was missing. What else a machine
/// lacks is then told, too.
fn told_skips(whys: &str) -> Option<String> {
    let mut counts = BTreeMap::new();
    for why in whys.lines() {
        *counts.entry(why).or_insert(0_u32) += 1;
    }
    counts
        .keys()
        .any(|why| why.starts_with("no container engine") || why.starts_with("no browser"))
        .then(|| {
            let all: u32 = counts.values().sum();
            let reasons: Vec<String> = counts.iter().map(|(why, count)| format!("{why} ({count})")).collect();
            format!("{all} tests did nothing: {}", reasons.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_did_nothing_are_counted_where_an_engine_or_the_browser_is_missing() {
        assert_eq!(told_skips(""), None);
        assert_eq!(told_skips("no program `mvn`\n"), None);
        let told = "1 tests did nothing: no browser (1)";
        assert_eq!(told_skips("no browser\n").as_deref(), Some(told));
        let whys = "no container engine (podman)\nno program `mvn`\nno container engine (podman)\n";
        let told = "3 tests did nothing: no container engine (podman) (2), no program `mvn` (1)";
        assert_eq!(told_skips(whys).as_deref(), Some(told));
    }
}

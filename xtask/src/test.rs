//! `cargo xtask test`: all tests, with both engines of their own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::provision::{Engines, Installing, find};
use crate::{agent_image, base_image};

/// Runs all tests on both engines.
#[derive(Clone, Debug, Args)]
pub(crate) struct TestArgs {
    /// Install nothing: what is absent is left out, and said
    #[arg(long)]
    no_install: bool,
    /// Leave out the tests of the Claude image, which need a network and minutes
    #[arg(long)]
    no_claude_image: bool,
    /// What the test runner gets, such as the name of a test
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    runner: Vec<String>,
}

/// Starts the engines, gives them the images, and runs the tests.
pub(crate) async fn run(args: &TestArgs, root: &Path) -> Result<()> {
    let installing = if args.no_install {
        Installing::Forbidden
    } else {
        Installing::Allowed
    };
    let engines = Engines::start(installing);
    let archive = agent_image::archive(root)?;
    let mut connected = Vec::new();
    for started in engines.each() {
        let engine = started.connect().await?;
        agent_image::import(&engine, &archive).await?;
        connected.push(engine);
    }
    let mut command = runner(root, &args.runner);
    for (variable, started) in [
        ("CORDWAINER_TEST_PODMAN", &engines.podman),
        ("CORDWAINER_TEST_DOCKER", &engines.docker),
    ] {
        if let Some(started) = started {
            command.env(variable, started.socket());
        }
    }
    if !args.no_claude_image && !connected.is_empty() {
        base_image::provide(&connected, installing).await?;
        command.env("CORDWAINER_TEST_BASE", base_image::REFERENCE);
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("tests failed ({status})");
    }
    Ok(())
}

/// nextest where it is installed, else cargo's own runner.
fn runner(root: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    if find("cargo-nextest").is_some() {
        command.args(["nextest", "run"]);
    } else {
        command.arg("test");
    }
    command.args(["--workspace", "--all-features"]).args(arguments);
    command
}

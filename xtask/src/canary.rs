//! `canary`: the newest client from npm through the table of outcomes, before anybody meets it in a run.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use cordwainer::image::DEFAULT_CLIENT_VERSION;

use crate::provision::{self, Install};
use crate::{agent_image, claude_image, test};

/// The package of the client; those of the platforms have its versions.
const PACKAGE: &str = "@anthropic-ai/claude-code";
/// The tests that have the real client in them.
const TABLE: &str = "real_client";

/// Which client, and how.
#[derive(Args)]
pub(crate) struct CanaryArgs {
    /// This version instead of the newest
    #[arg(long)]
    client_version: Option<String>,
    /// Fail instead of installing what is missing
    #[arg(long)]
    no_install: bool,
}

/// Makes the image with that client on engines of its own, runs the table, and says how it went.
pub(crate) fn run(args: &CanaryArgs) -> Result<ExitCode> {
    let install = if args.no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let version = args.client_version.clone().map_or_else(newest, Ok)?;
    println!("Client {version}; the image has {DEFAULT_CLIENT_VERSION}.");
    let engines = provision::both_engines(install)?;
    let agent = agent_image::build()?;
    for engine in engines.each() {
        agent_image::import(&agent, engine)?;
    }
    claude_image::provide(&engines, install)?;
    claude_image::exchange_client(&engines, &version)?;
    let passed = test::run_on(&engines, &[TABLE.to_owned()])?;
    drop(engines);
    if passed {
        println!("Client {version}: every row of the table is as with {DEFAULT_CLIENT_VERSION}.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Client {version}: the rows that failed above have changed since {DEFAULT_CLIENT_VERSION}.");
    Ok(ExitCode::FAILURE)
}

/// The newest version, as npm has it.
fn newest() -> Result<String> {
    let output = Command::new("npm").args(["view", PACKAGE, "version"]).output();
    let output = output.context("cannot run npm")?;
    if !output.status.success() {
        bail!(
            "npm does not say which client is the newest: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

//! `bench environment`: what the agent's environment costs, beside the same without cordwainer.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::agent_image;
use crate::bench::task::load;
use crate::provision::{self, EngineChoice, Install};

mod service;

/// How much to measure.
#[derive(Args)]
pub(crate) struct EnvironmentBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
}

/// Measures on one engine after the other, and prints a table an engine.
pub(crate) fn run(args: &EnvironmentBenchArgs, no_install: bool) -> Result<ExitCode> {
    let install = if no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let engines = match args.engine {
        Some(engine) => vec![engine],
        None => vec![EngineChoice::Podman, EngineChoice::Docker],
    };
    let agent = agent_image::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    for engine in engines {
        // One at a time: an engine that idles is noise to the other.
        let engine = provision::engine(engine, install)?;
        println!("\n{}; load of the machine {}", engine.description(), load()?);
        service::measure(&engine, &agent, install, args.rounds, &runtime)?;
        println!("Load of the machine at the end: {}", load()?);
    }
    Ok(ExitCode::SUCCESS)
}

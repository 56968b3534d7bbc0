//! What benchmarks with containers have in common: each engine is started for them alone, and measured by itself.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use crate::agent_image::{self, AgentImage};
use crate::provision::{self, EngineChoice, Install, Started};

/// What is measured with.
pub(super) struct Setting<'a> {
    pub(super) engine: &'a Started,
    pub(super) agent: &'a AgentImage,
    pub(super) install: Install,
    pub(super) runtime: &'a Runtime,
}

/// Measures on the chosen engine, or on one after the other. Fails where `measure` says of one that its target was missed.
pub(super) fn on_each(
    chosen: Option<EngineChoice>,
    no_install: bool,
    mut measure: impl FnMut(&Setting<'_>) -> Result<bool>,
) -> Result<ExitCode> {
    let install = if no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let agent = agent_image::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let engines = match chosen {
        Some(engine) => vec![engine],
        None => vec![EngineChoice::Podman, EngineChoice::Docker],
    };
    let mut is_met = true;
    for engine in engines {
        // One at a time: an engine that idles is noise to the other.
        let engine = provision::engine(engine, install)?;
        println!("\n{}; load of the machine {}", engine.description(), load()?);
        is_met &= measure(&Setting {
            engine: &engine,
            agent: &agent,
            install,
            runtime: &runtime,
        })?;
        println!("Load of the machine at the end: {}", load()?);
    }
    Ok(code(is_met))
}

/// Returns the exit code that says whether all targets were met.
pub(super) fn code(is_met: bool) -> ExitCode {
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many processes wanted to run, on average over a minute, and how many processors there are.
pub(super) fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load = text.split_whitespace().next().unwrap_or_default();
    let processors = std::thread::available_parallelism().context("cannot count processors")?;
    Ok(format!("{load} on {processors} processors"))
}

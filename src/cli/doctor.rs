//! `doctor`.

use clap::Args;

use super::Context;
use super::signal::{self, OnSignal};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::harmless;
use crate::lifecycle;
use crate::sandbox::guarantee::Guarantee;
use crate::setup::doctor::{self, Check, Diagnosis, DoctorOptions, EngineDiagnosis};

/// The arguments of `doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Run every gate, on each engine, on the commit that the next task would begin from
    #[arg(long)]
    gates: bool,
}

/// Prints what holds on this machine, and the fix for what does not.
pub(super) async fn execute(args: &DoctorArgs, context: &Context) -> Result<u8> {
    signal::listen(OnSignal::End, context)?;
    let options = DoctorOptions { gates: args.gates };
    let environment = context.environment.clone();
    let diagnosis = Box::pin(doctor::diagnose(&context.directory, environment, options)).await?;
    if context.output.json {
        context.output.print_json(&diagnosis)?;
    } else {
        context.output.print(&harmless(&shown(&diagnosis)))?;
    }
    if diagnosis.engines.is_empty() {
        let tried = diagnosis.unreachable.join("\n  ");
        let message = format!("no container engine responds; tried\n  {tried}");
        return Err(Error::new(ErrorKind::Engine, message).hint("install podman or Docker Engine, and start it"));
    }
    Ok(lifecycle::exit::of_diagnosis(&diagnosis))
}

fn shown(diagnosis: &Diagnosis) -> String {
    let mut lines = Vec::new();
    for engine in &diagnosis.engines {
        lines.push(engine.engine.clone());
        lines.extend(engine_lines(engine));
        lines.push(String::new());
    }
    lines.push("repository and machine".to_owned());
    lines.extend(diagnosis.checks.iter().map(check_line));
    lines.join("\n")
}

fn engine_lines(engine: &EngineDiagnosis) -> impl Iterator<Item = String> {
    let guarantees = engine.report.iter().flat_map(|report| &report.items);
    let checks = engine.checks.iter().map(check_line);
    checks.chain(guarantees.map(guarantee_line))
}

fn check_line(check: &Check) -> String {
    line(
        if check.held { "✓" } else { "✗" },
        &check.name,
        &check.found,
        check.fix.as_deref(),
    )
}

fn guarantee_line(guarantee: &Guarantee) -> String {
    let (mark, fix) = match (guarantee.held, guarantee.relaxed) {
        (true, _) => ("✓", None),
        (false, true) => ("~", Some("allowed by `container.relax`")),
        (false, false) => ("✗", Some(guarantee.item.fix())),
    };
    line(mark, guarantee.item.name(), &guarantee.found, fix)
}

fn line(mark: &str, name: &str, found: &str, fix: Option<&str>) -> String {
    let fix = fix.map_or_else(String::new, |fix| format!("\n      → {fix}"));
    format!("  {mark} {name:<17}  {found}{fix}")
}

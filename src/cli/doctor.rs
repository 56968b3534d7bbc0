//! `doctor`.

use clap::Args;

use super::Context;
use super::signal::{self, OnSignal};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::lifecycle;
use crate::report::tone::{Line, Tone};
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
    let interruption = Interruption::default();
    let on_signal = OnSignal::Finish {
        interruption: interruption.clone(),
        grace: signal::GRACE,
    };
    signal::listen(on_signal, context)?;
    let options = DoctorOptions {
        gates: args.gates,
        interruption,
    };
    let environment = context.environment.clone();
    let diagnosis = Box::pin(doctor::diagnose(&context.directory, environment, options)).await?;
    if context.output.json {
        context.output.print_json(&diagnosis)?;
    } else {
        for line in shown(&diagnosis) {
            context.output.print_line(&line)?;
        }
    }
    if diagnosis.engines.is_empty() {
        let tried = diagnosis.unreachable.join("\n  ");
        let message = format!("no container engine responds; tried\n  {tried}");
        return Err(Error::new(ErrorKind::Engine, message).hint("install podman or Docker Engine, and start it"));
    }
    Ok(lifecycle::exit::of_diagnosis(&diagnosis))
}

fn shown(diagnosis: &Diagnosis) -> Vec<Line> {
    let mut lines = Vec::new();
    for engine in &diagnosis.engines {
        lines.push(Line::from(engine.engine.clone()));
        lines.extend(engine_lines(engine));
        lines.push(Line::from(String::new()));
    }
    lines.push(Line::from("repository and machine".to_owned()));
    lines.extend(diagnosis.checks.iter().map(check_line));
    lines
}

fn engine_lines(engine: &EngineDiagnosis) -> impl Iterator<Item = Line> {
    let guarantees = engine.report.iter().flat_map(|report| &report.items);
    let checks = engine.checks.iter().map(check_line);
    checks.chain(guarantees.map(guarantee_line))
}

fn check_line(check: &Check) -> Line {
    let tone = if check.held { Tone::Good } else { Tone::Bad };
    line(tone, &check.name, &check.found, check.fix.as_deref())
}

fn guarantee_line(guarantee: &Guarantee) -> Line {
    let (tone, fix) = match (guarantee.held, guarantee.relaxed) {
        (true, _) => (Tone::Good, None),
        (false, true) => (Tone::Warning, Some("allowed by `container.relax`")),
        (false, false) => (Tone::Bad, Some(guarantee.fix())),
    };
    line(tone, guarantee.item.name(), &guarantee.found, fix)
}

/// The marks stand in pipes, too: without them nobody could read what holds.
fn line(tone: Tone, name: &str, found: &str, fix: Option<&str>) -> Line {
    let mark = match tone {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        _ => "~",
    };
    let fix = fix.map_or_else(String::new, |fix| format!("\n      → {fix}"));
    Line::new(tone, format!("  {mark} {name:<17}  {found}{fix}"))
}

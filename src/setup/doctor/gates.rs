//! The results of gates on the commit that the next task would begin from: looked up, or run now.

use super::check::{Check, failed};
use super::options::DoctorOptions;
use crate::base::error::{Error, Result};
use crate::base::text::one_line;
use crate::model::generation::GenerationName;
use crate::project::Project;
use crate::run::gate::{self, Trial};
use crate::run::preflight::Ground;
use crate::sandbox::engine::Engine;

/// Returns a check for each gate on an engine; a failure becomes a check that does not hold.
pub(super) async fn examine(project: &Project, engine: &Engine, options: &DoctorOptions) -> Vec<Check> {
    let prepares = options.gates && project.config.commands.prepare.is_some();
    if project.config.gates.is_empty() && !prepares {
        return Vec::new();
    }
    match examined(project, engine, options).await {
        Ok(checks) => checks,
        Err(error) => vec![with_cause(&error)],
    }
}

async fn examined(project: &Project, engine: &Engine, options: &DoctorOptions) -> Result<Vec<Check>> {
    let Ground { generation, commit } = Ground::of(project)?;
    let branch = generation
        .as_ref()
        .map_or(project.config.base_branch.as_str(), GenerationName::as_str);
    let tried = if options.gates {
        let trial = Trial {
            commit,
            branch,
            anew: true,
        };
        let tried = gate::outside_of_a_run(project, engine, &trial, &options.interruption).await?;
        tried.into_iter().flat_map(|result| result.tried).map(Some).collect()
    } else {
        let image = engine.image_id(&project.config.image.name).await?.unwrap_or_default();
        gate::looked_up(project, commit, &image)?
    };
    let prepared = options.gates && project.config.commands.prepare.is_some();
    let prepared = prepared.then(|| Ok(Check::good("dependencies", "`commands.prepare` succeeds")));
    let gates = project.config.gates.iter().zip(tried);
    let checks = gates.map(|(gate, tried)| {
        let name = format!("gate {}", one_line(&gate.name, 60));
        let Some(tried) = tried else {
            return Ok(Check::good(&name, "not run yet: `cordwainer doctor --gates` runs it"));
        };
        Ok(match gate::standing(project, generation.as_ref(), gate, &tried)? {
            Ok(found) => Check::good(&name, format!("{found}, on {branch}")),
            Err(error) => with_output(failed(&name, &error), &tried.output),
        })
    });
    prepared.into_iter().chain(checks).collect()
}

/// Builds the check of which the result is an error, with the lines of what caused it: those of a command that prepares
/// dependencies say at their end what failed.
fn with_cause(error: &Error) -> Check {
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    let lines: Vec<String> = cause
        .lines()
        .map(|line| line.trim_start_matches("| ").to_owned())
        .collect();
    let check = Check {
        found: error.to_string(),
        ..failed("gates", error)
    };
    with_output(check, &lines)
}

/// Adds the last lines of a gate's output: the reason may be the network or the image, which no task fixes.
fn with_output(mut check: Check, output: &[String]) -> Check {
    for line in output {
        check.found.push_str("\n      | ");
        check.found.push_str(&one_line(line, 200));
    }
    check
}

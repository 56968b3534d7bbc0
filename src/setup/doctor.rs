//! `doctor`: what of the guarantees holds on this machine, engine by engine, and what of the repository is ready for work.

//!
//! What of it a run needs is [`preflight`]'s, which every run asks, too. Pauses, budgets, the lock and an empty store are
//! no part of it: `status` shows them.

mod container;
mod gates;

use std::path::Path;

use serde::Serialize;

use crate::base::error::{Context as _, Error, Result};
use crate::config::{Config, FILE_NAME};
use crate::git::Git;
use crate::project::{Project, Surroundings};
use crate::run::preflight::{self, Looked};
use crate::sandbox::engine::Engine;
use crate::sandbox::guarantee::GuaranteeReport;

/// Everything that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// One for each engine that answers.
    pub engines: Vec<EngineDiagnosis>,
    /// Where an engine was looked for in vain, and why it is none.
    pub unreachable: Vec<String>,
    /// The repository and this machine.
    pub checks: Vec<Check>,
}

/// What was found on one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineDiagnosis {
    /// The engine, as people know it.
    pub engine: String,
    /// The image, its entrypoint and the way to the gateway.
    pub checks: Vec<Check>,
    /// What a container of the configured image said from inside; `None` where none could be asked.
    pub report: Option<GuaranteeReport>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is as it should be.
    pub held: bool,
    /// What was found, in a line.
    pub found: String,
    /// What a person can do about it, where something should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            held: true,
            found: found.into(),
            mend: None,
        }
    }

    fn bad(name: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            held: false,
            mend: Some(mend.into()),
            ..Self::good(name, found)
        }
    }
}

impl Diagnosis {
    /// Says whether everything holds; what the configuration relaxes by name counts as if it did.
    pub fn holds(&self) -> bool {
        let engines = &self.engines;
        let mut checks = engines.iter().flat_map(|engine| &engine.checks).chain(&self.checks);
        !engines.is_empty() && checks.all(|check| check.held) && engines.iter().all(EngineDiagnosis::is_sealed)
    }
}

impl EngineDiagnosis {
    fn is_sealed(&self) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| report.refused().next().is_none())
    }
}

impl From<Looked> for Check {
    fn from(looked: Looked) -> Self {
        match looked.found {
            Ok(found) => Self::good(looked.name, found),
            Err(error) => failed(looked.name, &error),
        }
    }
}

/// The check that an error makes.
fn failed(name: &str, error: &Error) -> Check {
    let mend = error.hint_text().unwrap_or("see what the engine's own log says");
    let found = match std::error::Error::source(error) {
        None => error.to_string(),
        Some(_) => error.in_a_line(),
    };
    Check::bad(name, found, mend)
}

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoctorOptions {
    /// Runs every gate anew on each engine, on what the next task would begin from; else what they said is looked up.
    pub gates: bool,
}

/// Looks at every engine that can be reached, and at the repository that `directory` lies in. Where there is none, or it
/// has no configuration, the machine is looked at with the defaults.
///
/// # Errors
///
/// Only where nothing could be looked at: what is wrong is part of the answer.
pub async fn diagnose(directory: &Path, surroundings: Surroundings, options: DoctorOptions) -> Result<Diagnosis> {
    let error = match Project::open(directory, surroundings.clone()) {
        Ok(project) => return of_project(&project, options).await,
        Err(error) => error,
    };
    if let Ok(git) = Git::discover(directory) {
        let is_there = git.workdir().join(FILE_NAME).exists();
        let check = if is_there {
            failed("configuration", &error)
        } else {
            absent("configuration", &error)
        };
        let project = Project::with_config(git, Config::default(), surroundings);
        return of_machine(&project, check).await;
    }
    let check = if Git::is_anywhere(directory) {
        failed("repository", &error)
    } else {
        absent("repository", &error)
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let project = Project::with_config(Git::init(folder.path())?, Config::default(), surroundings);
    of_machine(&project, check).await
}

/// What is not there, without which the machine can be looked at all the same.
fn absent(name: &str, error: &Error) -> Check {
    Check {
        mend: error.hint_text().map(str::to_owned),
        ..Check::good(name, format!("{error}, so the defaults were taken"))
    }
}

/// Looks at every engine that can be reached, with one sealed container each, and at the repository. It needs no
/// generation, changes nothing, and takes no lock, unless gates are to be run.
///
/// # Errors
///
/// Where no engine could even be looked for, or another command holds the lock that gates need.
pub(crate) async fn of_project(project: &Project, options: DoctorOptions) -> Result<Diagnosis> {
    let lock = options.gates.then(|| project.lock("doctor")).transpose()?;
    let (reachable, unreachable) = Engine::reachable(&project.connect_options()).await?;
    let mut engines = Vec::new();
    for engine in reachable {
        let mut diagnosis = container::examine(project, &engine).await;
        if diagnosis.checks.iter().all(|check| check.held) {
            diagnosis.checks.extend(gates::examine(project, &engine, options).await);
        }
        engines.push(diagnosis);
    }
    drop(lock);
    let checks = preflight::of_repository(project).into_iter().map(Check::from);
    Ok(Diagnosis {
        engines,
        unreachable,
        checks: checks.collect(),
    })
}

/// The same without what belongs to a repository; `check` says why.
async fn of_machine(project: &Project, check: Check) -> Result<Diagnosis> {
    let (reachable, unreachable) = Engine::reachable(&project.connect_options()).await?;
    let mut engines = Vec::new();
    for engine in reachable {
        engines.push(container::examine(project, &engine).await);
    }
    let machine = preflight::of_machine(project).into_iter().map(Check::from);
    Ok(Diagnosis {
        engines,
        unreachable,
        checks: std::iter::once(check).chain(machine).collect(),
    })
}

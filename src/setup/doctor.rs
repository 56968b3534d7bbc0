//! `doctor`: which guarantees hold on this machine, engine by engine, and whether the repository is ready for work.
//!
//! `preflight` checks what a run needs of it, and every run calls that, too. Pauses, budgets, the lock and an empty
//! store are not part of it: `status` shows them.

mod check;
mod container;
mod diagnosis;
mod gates;
mod options;
mod programs;

use std::path::Path;

pub use self::check::Check;
use self::check::{absent, failed};
pub use self::diagnosis::{Diagnosis, EngineDiagnosis};
pub use self::options::DoctorOptions;
use crate::base::error::{Context as _, Result};
use crate::base::interruption::Interruption;
use crate::config::Config;
use crate::config::locate::locate;
use crate::git::Git;
use crate::project::{Environment, Project};
use crate::run::preflight;
use crate::sandbox::engine::{Engine, unless_asked};

/// Checks every engine that can be reached, and the repository that contains `directory`. Where there is none, or it
/// has no configuration, the machine is checked with the defaults.
///
/// # Errors
///
/// Only where nothing could be checked, or it was interrupted: problems that are found are part of the result.
pub async fn diagnose(directory: &Path, environment: Environment, options: DoctorOptions) -> Result<Diagnosis> {
    let error = match Project::open(directory, environment.clone()) {
        Ok(project) => return Box::pin(of_project(&project, &options)).await,
        Err(error) => error,
    };
    if let Ok(git) = Git::discover(directory) {
        let file = locate(git.workdir(), &environment.config);
        let is_there = file.map_or(true, |file| file.path.exists());
        let check = if is_there {
            failed("configuration", &error)
        } else {
            absent("configuration", &error)
        };
        let project = Project::with_config(git, Config::default(), environment);
        return Box::pin(of_machine(&project, check, &options.interruption)).await;
    }
    let check = if Git::is_anywhere(directory) {
        failed("repository", &error)
    } else {
        absent("repository", &error)
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let project = Project::with_config(Git::init(folder.path())?, Config::default(), environment);
    Box::pin(of_machine(&project, check, &options.interruption)).await
}

/// Checks every engine that can be reached, with one sealed container each, and the repository. It needs no generation,
/// changes nothing, and takes no lock, unless gates are to be run.
///
/// # Errors
///
/// Where engines could not even be looked for, where it was interrupted, or another command holds the lock that gates need.
pub(crate) async fn of_project(project: &Project, options: &DoctorOptions) -> Result<Diagnosis> {
    let interruption = &options.interruption;
    let lock = options.gates.then(|| project.lock("doctor")).transpose()?;
    let (reachable, unreachable) = reachable(project, interruption).await?;
    let mut engines = Vec::new();
    for engine in reachable {
        let examining = Box::pin(container::examine(project, &engine));
        let mut diagnosis = engine.unless_asked(interruption, examining).await?;
        if diagnosis.checks.iter().all(|check| check.held) {
            let looking = Box::pin(programs::examine(project, &engine));
            diagnosis
                .checks
                .extend(engine.unless_asked(interruption, looking).await?);
            // A gate whose container dies would have a result: it ends by itself.
            diagnosis.checks.extend(gates::examine(project, &engine, options).await);
        }
        interruption.unless_asked()?;
        engines.push(diagnosis);
    }
    drop(lock);
    let mut checks: Vec<Check> = preflight::of_repository(project).into_iter().map(Check::from).collect();
    // A run is not told: whoever changes the file between two runs knows that.
    checks.extend(match project.uncommitted_configuration() {
        Ok(uncommitted) => uncommitted.map(|found| Check::good("configuration", found)),
        Err(error) => Some(failed("configuration", &error)),
    });
    Ok(Diagnosis {
        engines,
        unreachable,
        checks,
    })
}

/// Looks for engines, unless it is interrupted: those that respond, and why others do not.
async fn reachable(project: &Project, interruption: &Interruption) -> Result<(Vec<Engine>, Vec<String>)> {
    let connect = project.connect_options();
    unless_asked(interruption, Box::pin(Engine::reachable(&connect))).await
}

/// Checks the machine, without what belongs to a repository; `check` gives the reason.
async fn of_machine(project: &Project, check: Check, interruption: &Interruption) -> Result<Diagnosis> {
    let (reachable, unreachable) = reachable(project, interruption).await?;
    let mut engines = Vec::new();
    for engine in reachable {
        let examining = Box::pin(container::examine(project, &engine));
        engines.push(engine.unless_asked(interruption, examining).await?);
    }
    let machine = preflight::of_machine(project).into_iter().map(Check::from);
    Ok(Diagnosis {
        engines,
        unreachable,
        checks: std::iter::once(check).chain(machine).collect(),
    })
}

//! One sealed container of the configured image, which reports what it got.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;

use super::check::{Check, failed};
use super::diagnosis::EngineDiagnosis;
use crate::base::error::{Context as _, Result};
use crate::base::redact::Redactor;
use crate::base::text::one_line;
use crate::project::Project;
use crate::project::labels::{repository_labels, trial_labels};
use crate::run::call::{private_mounts, recipe, refuse_credentials};
use crate::run::preflight::{self, Asker};
use crate::sandbox::engine::{ContainerSpec, Engine, Mount, UserChoice};
use crate::sandbox::gateway::{Gateway, Options, hold_to};
use crate::sandbox::guarantee::{GuaranteeReport, Item, RequestedContainer};
use crate::setup::abandoned;
use crate::setup::services::Trial;

/// The time limit of the container.
const LIMIT: Duration = Duration::from_secs(60);
/// The exit code of an entrypoint that does not run its command.
const NOT_RUN: i64 = 125;

/// Examines an engine; a failure becomes a check that does not hold.
pub(super) async fn examine(project: &Project, engine: &Engine) -> EngineDiagnosis {
    let mut diagnosis = EngineDiagnosis {
        engine: engine.describe(),
        checks: Vec::new(),
        report: None,
    };
    if let Err(error) = abandoned::remove(engine).await {
        diagnosis.checks.push(failed("leftovers", &error));
    }
    let looked = preflight::of_engine(project, engine, Asker::Doctor).await;
    diagnosis.checks.extend(looked.into_iter().map(Check::from));
    if diagnosis.checks.iter().any(|check| check.name == "image" && check.held) {
        match ask(project, engine).await {
            Ok(answer) => answer.tell(&mut diagnosis),
            Err(error) => diagnosis.checks.push(failed("container", &error)),
        }
    }
    if diagnosis
        .checks
        .iter()
        .any(|check| check.name == "services" && check.held)
    {
        diagnosis.checks.extend(services(project, engine).await);
    }
    diagnosis
}

/// Tries each service.
async fn services(project: &Project, engine: &Engine) -> Vec<Check> {
    let id = match project.git.repository_id() {
        Ok(id) => id,
        Err(error) => return vec![failed("services", &error)],
    };
    let mut labels = repository_labels(&project.git, id.as_deref());
    labels.extend(trial_labels());
    let trial = Trial {
        config: project.config(),
        engine,
        labels,
        redactor: project.redactor(),
    };
    let checks = trial.each().await.into_iter().map(|(name, tried)| {
        let name = format!("service {name}");
        match tried {
            Ok(seconds) => Check::good(&name, format!("is ready after {seconds} s")),
            Err(error) => failed(&name, &error),
        }
    });
    checks.collect()
}

/// What a container printed, and how it ended.
struct Answer {
    report: Option<GuaranteeReport>,
    code: Option<i64>,
    stderr: String,
}

impl Answer {
    fn tell(self, diagnosis: &mut EngineDiagnosis) {
        let fix = "run `cordwainer image build` for an image with the entrypoint and `socat`; `--base` adds both to one of yours";
        let said = one_line(&self.stderr, 200);
        let Some(report) = self.report else {
            diagnosis.checks.push(Check::bad("entrypoint", said, fix));
            return;
        };
        diagnosis
            .checks
            .push(Check::good("entrypoint", "reports what the container got"));
        // The command of a container that was refused did not run, so the state of its relay is not known.
        if report.refused().next().is_none() {
            diagnosis.checks.push(match self.code {
                Some(NOT_RUN) => Check::bad("gateway", said, fix),
                _ => Check::good("gateway", "can be reached from inside"),
            });
        }
        diagnosis.report = Some(report);
    }
}

async fn ask(project: &Project, engine: &Engine) -> Result<Answer> {
    let user = UserChoice::of(project.config().container.user.as_deref());
    let (slot, gateway_folder) = (folder()?, folder()?);
    let (user_id, group_id) = engine.slot_owner_for(&user);
    chown(slot.path(), Some(user_id), Some(group_id)).context("cannot make a folder to mount")?;
    let id = project.git.repository_id()?;
    let mut labels = repository_labels(&project.git, id.as_deref());
    labels.extend(trial_labels());
    let mut spec = ContainerSpec {
        // So that the next run, or the next `doctor`, removes what a killed `doctor` leaves.
        labels,
        command: vec![project.config.agent.command.clone(), "--version".to_owned()],
        ..recipe(&project.config, slot.path(), true)
    };
    refuse_credentials(&spec, project.redactor())?;
    let private = repository(project, slot.path(), (user_id, group_id))?;
    let mut usable = BTreeSet::from([Item::Worktree, Item::Home, Item::Temporary]);
    if let Some((_, mounts)) = &private {
        spec.mounts.extend(mounts.iter().cloned());
        usable.insert(Item::Git);
    }
    let spec = spec.sealed(gateway_folder.path());
    let asked = RequestedContainer {
        usable,
        ..engine.asked(&spec, &project.config().container.relax)
    };
    let (seal, judged) = hold_to(asked, engine.describe());
    let gateway = Gateway::open(Options {
        folder: gateway_folder.path().to_owned(),
        token: SecretString::from(project.new_run().to_string()),
        api: None,
        egress: None,
        seal: Some(seal),
        record: None,
        redactor: Redactor::default(),
        clock: project.clock().clone(),
    })?;
    let ran = run(engine, &spec).await;
    gateway.close().await;
    let (code, stderr) = ran?;
    let report = judged.report();
    Ok(Answer { report, code, stderr })
}

/// Makes a folder that a container's user can enter.
fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir().context("cannot make a folder to mount")?;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).context("cannot make a folder to mount")?;
    Ok(folder)
}

/// Makes the repository that git has in an attempt's container, and its mounts; `None` where there is no commit to work
/// on.
fn repository(project: &Project, slot: &Path, owner: (u32, u32)) -> Result<Option<(TempDir, Vec<Mount>)>> {
    let branch = &project.config().base_branch;
    let Some(commit) = project.git().branch_tip(branch)? else {
        return Ok(None);
    };
    // What the pointer is mounted over.
    std::fs::write(slot.join(".git"), "").context("cannot make a file to mount over")?;
    let folder = folder()?;
    let place = folder.path().join("private");
    let private = project.git().private_repository(&place, branch, commit, Some(owner))?;
    let mounts = private_mounts(&private);
    Ok(Some((folder, mounts)))
}

/// Runs the container; returns its exit code and all that it wrote, because engines report on stdout what they could
/// not start.
async fn run(engine: &Engine, spec: &ContainerSpec) -> Result<(Option<i64>, String)> {
    let mut said = String::new();
    let ended = engine
        .run(spec, LIMIT, |output| {
            if said.len() < 4096 {
                said.push_str(&String::from_utf8_lossy(&output.line.bytes));
                said.push('\n');
            }
        })
        .await?;
    Ok(match ended {
        Some(exit) => (exit.code, said),
        None => (None, format!("it did not end within {} s", LIMIT.as_secs())),
    })
}

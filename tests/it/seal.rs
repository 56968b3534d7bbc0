//! The sealed container: what it reports from inside, and that nothing runs in one that is weaker than asked.

mod doctor;
mod entrypoint;
mod relay;
mod runtimes;
mod sealed;
mod weaker;

use std::collections::BTreeSet;
use std::os::unix::fs::chown;
use std::path::Path;

use cordwainer::engine::{ContainerSpec, Engine, Mount, UserChoice};
use cordwainer::guarantee::{GuaranteeReport, Item};
use cordwainer::image;
use tempfile::TempDir;

use crate::support::engines::{IMAGE, Ran, labels, run};
use crate::support::seal::SealListener;

/// A folder that the container's user can write, and everybody can enter.
fn workspace(engine: &Engine) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (user, group) = engine.slot_owner();
    chown(folder.path(), Some(user), Some(group)).unwrap();
    folder
}

/// A container as an attempt has it, of the scripted image; the probe's steps are its command.
fn specification(workspace: &Path, steps: &[&str]) -> ContainerSpec {
    let mut command = vec!["/probe".to_owned()];
    command.extend(steps.iter().map(|step| (*step).to_owned()));
    ContainerSpec {
        image: IMAGE.to_owned(),
        command,
        working_dir: Some("/workspace".to_owned()),
        mounts: vec![Mount {
            source: workspace.to_owned(),
            target: "/workspace".to_owned(),
            read_only: false,
        }],
        tmpfs: [("/home/agent".to_owned(), "mode=1777,size=64m".to_owned())].into(),
        user: UserChoice::SlotOwner,
        memory: Some(256 << 20),
        cpus: Some(1.5),
        pids: Some(256),
        labels: labels("seal"),
        ..ContainerSpec::default()
    }
}

/// What the Claude image shows, by its shell; `None` where the engine has no such image.
async fn claude_specification(engine: &Engine, workspace: &Path, script: &str) -> Option<ContainerSpec> {
    let tag = image::tag(&image::BuildOptions::default());
    engine.image_id(&tag).await.unwrap()?;
    Some(ContainerSpec {
        image: tag,
        command: ["sh", "-c", script].map(str::to_owned).into(),
        ..specification(workspace, &[])
    })
}

/// Leaves out the limits that this engine cannot enforce, as a person would have to.
fn with_limits_that_hold(engine: &Engine, spec: ContainerSpec) -> ContainerSpec {
    if engine.check_limits(&spec).is_ok() {
        return spec;
    }
    ContainerSpec {
        memory: None,
        cpus: None,
        pids: None,
        ..spec
    }
}

/// Runs a container behind a listener that holds it to what this engine is asked for.
async fn judge(engine: &Engine, spec: ContainerSpec, relax: &[Item]) -> (Ran, GuaranteeReport) {
    judge_with_input(engine, spec, relax, b"").await
}

async fn judge_with_input(
    engine: &Engine,
    spec: ContainerSpec,
    relax: &[Item],
    input: &[u8],
) -> (Ran, GuaranteeReport) {
    let relax: BTreeSet<Item> = relax.iter().copied().collect();
    // What is asked does not depend on where the folder is.
    let spec = with_limits_that_hold(engine, spec);
    let asked = engine.asked(&spec.clone().sealed(Path::new("/")), &relax);
    let listener = SealListener::new(asked, &engine.describe());
    let ran = run(engine, &spec.sealed(listener.folder()), input).await;
    (ran, listener.report())
}

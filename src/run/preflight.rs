//! Preflight: what a run needs is looked at before the first task meets its absence. `run` and `doctor` ask the same
//! list: [`of_repository`] and [`of_engine`].

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_private_folder, write_atomically};
use crate::base::regular;
use crate::base::text::one_line;
use crate::config::missing_program::bringing_into;
use crate::config::{Config, billing, client_settings};
use crate::git::{Git, Oid, Slot};
use crate::project::Project;
use crate::project::labels::repository_labels;
use crate::sandbox::credential::Credentials;
use crate::sandbox::engine::{ContainerSpec, Engine, fix_of_absent};

mod repository;

pub(crate) use self::repository::{Ground, of_machine, of_repository};

/// The time within which one command must have answered: it is to print its version, not to build.
const LIMIT: Duration = Duration::from_secs(60);

/// How large a settings file of the client may be, in bytes: far larger than any.
const SETTINGS_LIMIT: u64 = 1 << 20;

/// What was tried and found good, as `cache/toolchain.json` in the state folder keeps it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    /// The engine's id of the image.
    image: String,
    /// `container.toolchain`.
    commands: Vec<String>,
}

/// One thing that was looked at before money is spent.
pub(crate) struct Looked {
    /// What.
    pub(crate) name: &'static str,
    /// What was found; or what is not as it should be, with the fix for its hint.
    pub(crate) found: Result<String>,
    /// Whether a run is refused for it. The rest is only reported to it.
    refuses: bool,
}

impl Looked {
    fn must(name: &'static str, found: Result<String>) -> Self {
        let refuses = true;
        Self { name, found, refuses }
    }

    fn should(name: &'static str, found: Result<String>) -> Self {
        let refuses = false;
        Self { name, found, refuses }
    }

    fn is_refused(&self) -> bool {
        self.refuses && self.found.is_err()
    }
}

/// Fails with the first thing for which a run is refused; returns what it is to be told, in sentences.
pub(crate) fn refuse(all: Vec<Looked>) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for looked in all {
        match looked.found {
            Ok(_) => {}
            Err(error) if looked.refuses => return Err(error),
            Err(error) => {
                let fix = error.hint_text().map_or_else(String::new, |fix| format!(": {fix}"));
                told.push(format!("{}{fix}", error.in_a_line()));
            }
        }
    }
    Ok(told)
}

/// Who asks an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A run, which fetches the image, and is refused for the first thing that is missing.
    Run,
    /// `doctor`, which changes nothing and reports all.
    Doctor,
}

/// Looks at an engine and at the image on it, as every run and `doctor` do.
pub(crate) async fn of_engine(project: &Project, engine: &Engine, asker: Asker) -> Vec<Looked> {
    let mut all = vec![
        Looked::must("limits", limits(project, engine)),
        Looked::must("image", image(project, engine, asker).await),
    ];
    if asker == Asker::Doctor || project.config.container.runtime.is_some() {
        let looked = Looked::must("runtimes", runtime(project, engine).await);
        if asker == Asker::Run && looked.is_refused() {
            return vec![looked];
        }
        all.push(looked);
    }
    // Without an image there is nothing more to look at.
    if all[1].is_refused() || (asker == Asker::Run && all[0].is_refused()) {
        return all;
    }
    if !project.config.services.is_empty() {
        let looked = Looked::must("services", services(project, engine, asker).await);
        let refused = looked.is_refused();
        all.push(looked);
        if asker == Asker::Run && refused {
            return all;
        }
    }
    all.push(Looked::must("environment", environment(project, engine).await));
    if asker == Asker::Doctor || !all.iter().any(Looked::is_refused) {
        all.push(Looked::must("toolchain", toolchain(project, engine).await));
    }
    all
}

/// Checks that the engine has the image.
async fn image(project: &Project, engine: &Engine, asker: Asker) -> Result<String> {
    let image = &project.config.image.name;
    if asker == Asker::Run {
        engine.ensure_image(image).await?;
        return Ok(image.clone());
    }
    match engine.image_id(image).await? {
        Some(_) => Ok(image.clone()),
        None => Err(Error::new(ErrorKind::Engine, format!("no `{image}`")).hint(fix_of_absent(image))),
    }
}

/// Checks that the engine has the image of each service, and can enforce its limits.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming the service and the fix.
async fn services(project: &Project, engine: &Engine, asker: Asker) -> Result<String> {
    let mut names = Vec::new();
    for (_, service) in project.config.services.iter() {
        let (name, image) = (&service.name, &service.image);
        let limits = ContainerSpec {
            memory: service.memory,
            cpus: service.cpus,
            pids: service.pids,
            ..ContainerSpec::default()
        };
        let failed = |error: &Error, hint: &str| {
            Error::new(error.kind(), format!("the service `{name}`: {}", error.in_a_line())).hint(hint)
        };
        let key = format!("`services.{name}.");
        let unlimited = |hint: Option<&str>| hint.unwrap_or_default().replace("`container.", &key);
        engine
            .check_limits(&limits)
            .map_err(|error| failed(&error, &unlimited(error.hint_text())))?;
        let there = match (asker, &image.build) {
            (Asker::Run, None) => {
                let found = engine.ensure_image(&image.name).await;
                Some(found.map_err(|error| {
                    failed(
                        &error,
                        "correct the name of its image, or describe one: `image: {build: …}`",
                    )
                })?)
            }
            _ => engine.image_id(&image.name).await?,
        };
        if there.is_none() {
            let message = format!("the service `{name}`: there is no image `{}` on {engine}", image.name);
            return Err(Error::new(ErrorKind::Engine, message).hint("run `cordwainer image build` to build the images"));
        }
        names.push(format!("`{name}`"));
    }
    Ok(format!("the images of {} are there", names.join(", ")))
}

/// Checks that the engine can enforce the limits that the configuration sets, before the first container asks for them.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming the keys whose limits would not hold.
fn limits(project: &Project, engine: &Engine) -> Result<String> {
    let settings = &project.config.container;
    engine.check_limits(&ContainerSpec {
        memory: settings.memory,
        cpus: settings.cpus,
        pids: settings.pids,
        ..ContainerSpec::default()
    })?;
    Ok("the engine enforces what is set".to_owned())
}

/// Checks that the engine has the runtime that the configuration names; returns which runtimes it has.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming what it has instead.
async fn runtime(project: &Project, engine: &Engine) -> Result<String> {
    let offered = engine.runtimes().await?;
    let Some(asked) = project.config.container.runtime else {
        return Ok(offered.to_string());
    };
    engine.check_runtime(asked, &offered)?;
    let untried = if asked.is_tried() {
        ""
    } else {
        "; cordwainer is untried with it"
    };
    Ok(format!("{asked}, as `container.runtime` requires{untried}; {offered}"))
}

/// Checks that the image brings no variable that changes who pays, unless `container.env` has it, too, and none that
/// holds a credential in use.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming the image, the variable and the fix.
async fn environment(project: &Project, engine: &Engine) -> Result<String> {
    let config = &project.config;
    for (name, value) in engine.image_environment(&config.image.name).await? {
        if project.redactor().has_credential(&value) {
            let message = format!(
                "the image `{}` contains the credential, in `{}`",
                config.image.name,
                one_line(&name, 60)
            );
            return Err(
                Error::new(ErrorKind::Engine, message).hint("build the image without it, and revoke that credential")
            );
        }
        if let Some(effect) = refused_of_image(config, &name, &value) {
            let message = format!(
                "the image `{}` sets `{}`, which {}",
                config.image.name,
                one_line(&name, 60),
                effect.words()
            );
            return Err(Error::new(ErrorKind::Engine, message)
                .hint("give it a value in `container.env` (an empty one unsets it), or build the image without it"));
        }
    }
    Ok("the image does not change who pays".to_owned())
}

/// Returns what is wrong with a variable of the image. One that `container.env` has is overwritten, and checked there.
fn refused_of_image(config: &Config, name: &str, value: &str) -> Option<billing::Effect> {
    if value.is_empty() || config.container.env.contains_key(name) {
        return None;
    }
    billing::effect(name)
}

/// Checks that the client's settings files of a commit, from which a call begins, have nobody else pay than the
/// configuration determines. Returns, in sentences, which files the client would ignore.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`], naming the file, its keys and the fix.
pub(crate) fn settings(project: &Project, commit: Oid) -> Result<Vec<String>> {
    let config = &project.config;
    let mut ignored = Vec::new();
    for path in client_settings::FILES {
        let Some(text) = settings_file(&project.git, config, commit, path)? else {
            continue;
        };
        ignored.extend(check_settings(config, path, &format!("of {commit}"), &text)?);
    }
    Ok(ignored)
}

/// Checks that the settings files that an agent has left in its slot, where a session is to go on, have nobody else
/// pay.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`], naming the file, its keys and the fix.
pub(crate) fn settings_in(project: &Project, slot: &Slot) -> Result<Vec<String>> {
    let mut ignored = Vec::new();
    if project.config.agent.credentials == Credentials::None {
        return Ok(ignored);
    }
    for path in client_settings::FILES {
        if let Some(text) = slot.read_file(Path::new(path), SETTINGS_LIMIT)? {
            ignored.extend(check_settings(&project.config, path, "in the worktree", &text)?);
        }
    }
    Ok(ignored)
}

fn check_settings(config: &Config, path: &str, place: &str, text: &[u8]) -> Result<Option<String>> {
    match client_settings::offending(text, config) {
        Err(error) => {
            let error = one_line(&error.to_string(), 100);
            Ok(Some(format!(
                "`{path}` is not JSON, and the client ignores it: {error}"
            )))
        }
        Ok(keys) if keys.is_empty() => Ok(None),
        Ok(keys) => Err(refused_settings(path, place, &keys)),
    }
}

fn refused_settings(path: &str, place: &str, keys: &[String]) -> Error {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{}`", one_line(key, 60))).collect();
    let message = format!(
        "`{path}` {place} sets who pays, contrary to `agent.credentials`: {}",
        keys.join(", ")
    );
    Error::new(ErrorKind::Precondition, message)
        .hint("remove it from the file and commit that, or set `agent.credentials` to the credential that pays")
}

/// Returns the content of a settings file of a commit. A link, there or on the way, is refused: the client would follow
/// it wherever it leads.
fn settings_file(git: &Git, config: &Config, commit: Oid, path: &str) -> Result<Option<Vec<u8>>> {
    for part in Path::new(path).ancestors().filter(|part| !part.as_os_str().is_empty()) {
        if !git.is_link(commit, part)? {
            continue;
        }
        if config.agent.credentials == Credentials::None {
            return Ok(None);
        }
        let message = format!(
            "`{}` of {commit} is a link, so its settings about who pays cannot be checked",
            part.display()
        );
        return Err(Error::new(ErrorKind::Precondition, message).hint("commit the file itself"));
    }
    git.read_file(commit, Path::new(path))
}

/// Checks that every command of `container.toolchain` succeeds in the image; once for each image and list of commands.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], with the command that fails and what it printed.
async fn toolchain(project: &Project, engine: &Engine) -> Result<String> {
    let config = &project.config;
    if config.container.toolchain.is_empty() {
        return Ok("nothing is requested".to_owned());
    }
    let good = || "every command of `container.toolchain` succeeds".to_owned();
    let tried = Tried {
        image: engine.image_id(&config.image.name).await?.unwrap_or_default(),
        commands: config.container.toolchain.clone(),
    };
    let folder = project.state_dir.join("cache");
    let path = folder.join("toolchain.json");
    // A cache that is missing or cannot be read only means that we look again.
    let known: Option<Tried> = regular::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if known.as_ref() == Some(&tried) {
        return Ok(good());
    }
    for command in &tried.commands {
        try_command(project, engine, command).await?;
    }
    create_private_folder(&folder)?;
    let text = serde_json::to_vec(&tried).context("cannot write what was tried of the image")?;
    write_atomically(&path, &text)?;
    Ok(good())
}

async fn try_command(project: &Project, engine: &Engine, command: &str) -> Result<()> {
    let image = &project.config.image.name;
    let spec = ContainerSpec {
        image: image.clone(),
        command: ["sh", "-c", command].map(str::to_owned).into(),
        network: Some("none".to_owned()),
        labels: repository_labels(&project.git, project.git.repository_id()?.as_deref()),
        ..ContainerSpec::default()
    };
    let mut said = String::new();
    let ended = engine
        .run(&spec, LIMIT, |output| {
            said = one_line(&String::from_utf8_lossy(&output.line.bytes), 200);
        })
        .await?;
    let how = match ended.map(|exit| exit.code) {
        Some(Some(0)) => return Ok(()),
        Some(Some(code)) => format!("exited with {code}: {said}"),
        Some(None) => format!("ended without an exit code: {said}"),
        None => format!("did not end within {} s", LIMIT.as_secs()),
    };
    let message = format!("the image `{image}` lacks a command of `container.toolchain`: `{command}` {how}");
    Err(Error::new(ErrorKind::Engine, message).hint(format!(
        "{}, then run `cordwainer image build`; or fix the list. `cordwainer image check` tries every command",
        bringing_into(&project.config.image, command.split(' ').next())
    )))
}

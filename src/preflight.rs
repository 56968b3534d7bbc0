//! Preflight: what a run needs is looked at before the first task meets its absence: limits, the image's toolchain, and
//! that nobody pays but who is to.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Credentials, billing, client_settings};
use crate::credential::{CredentialProblem, CredentialSource};
use crate::engine::{Container, ContainerSpec, Engine};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::event::Happening;
use crate::fs::{create_private_folder, write_atomically};
use crate::generator::Generator;
use crate::git::{Git, Oid, Slot};
use crate::record::Recorder;
use crate::recover::repository_labels;
use crate::text::one_line;
use crate::work::Work;

/// Until one command must have answered: it is to say its version, not to build.
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

/// Sees that the engine can enforce the limits that the configuration sets, before the first container asks for them.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming the keys whose limits would not hold.
pub(crate) fn limits(generator: &Generator, engine: &Engine) -> Result<()> {
    let settings = &generator.config.container;
    engine.check_limits(&ContainerSpec {
        memory: settings.memory,
        cpus: settings.cpus,
        pids: settings.pids,
        ..ContainerSpec::default()
    })
}

/// Sees that the image brings no variable that changes who pays, unless `container.env` has it, too, and none that
/// holds a credential in use.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], naming the image, the variable and the mend.
pub(crate) async fn environment(generator: &Generator, engine: &Engine) -> Result<()> {
    let config = &generator.config;
    for (name, value) in engine.image_environment(&config.image).await? {
        if generator.redactor().has_credential(&value) {
            let message = format!(
                "the image `{}` holds the credential, in `{}`",
                config.image,
                one_line(&name, 60)
            );
            return Err(Error::new(ErrorKind::Engine, message)
                .hint("build the image without it, and let nobody use that credential any more"));
        }
        if let Some(effect) = refused_of_image(config, &name, &value) {
            let message = format!(
                "the image `{}` sets `{}`, which {}",
                config.image,
                one_line(&name, 60),
                effect.words()
            );
            return Err(Error::new(ErrorKind::Engine, message)
                .hint("give it a value in `container.env` (an empty one unsets it), or build the image without it"));
        }
    }
    Ok(())
}

/// What is wrong with a variable of the image. One that `container.env` has is overwritten, and checked there.
fn refused_of_image(config: &Config, name: &str, value: &str) -> Option<billing::Effect> {
    if value.is_empty() || config.container.env.contains_key(name) {
        return None;
    }
    billing::effect(name)
}

/// Sees that the client's settings files of a commit, from which a call begins, have nobody else pay than the
/// configuration says. A file that the client would ignore is a warning.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`], naming the file, its keys and the mend.
pub(crate) fn settings(work: &Work<'_>, commit: Oid) -> Result<()> {
    let config = &work.generator.config;
    for path in client_settings::FILES {
        let Some(text) = settings_file(&work.generator.git, config, commit, path)? else {
            continue;
        };
        check_settings(work, path, &format!("of {commit}"), &text)?;
    }
    Ok(())
}

/// The same for the files that an agent has left in its slot, where a session is to go on.
pub(crate) fn settings_in(work: &Work<'_>, slot: &Slot) -> Result<()> {
    if work.generator.config.agent.credentials == Credentials::None {
        return Ok(());
    }
    for path in client_settings::FILES {
        if let Some(text) = slot.read_file(Path::new(path), SETTINGS_LIMIT)? {
            check_settings(work, path, "in the worktree", &text)?;
        }
    }
    Ok(())
}

fn check_settings(work: &Work<'_>, path: &str, place: &str, text: &[u8]) -> Result<()> {
    match client_settings::offending(text, &work.generator.config) {
        Err(error) => {
            let error = one_line(&error.to_string(), 100);
            work.warn(format!("`{path}` is not JSON, and the client ignores it: {error}"));
            Ok(())
        }
        Ok(keys) if keys.is_empty() => Ok(()),
        Ok(keys) => Err(refused_settings(path, place, &keys)),
    }
}

fn refused_settings(path: &str, place: &str, keys: &[String]) -> Error {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{}`", one_line(key, 60))).collect();
    let message = format!(
        "`{path}` {place} says who pays, against `agent.credentials`: {}",
        keys.join(", ")
    );
    Error::new(ErrorKind::Precondition, message)
        .hint("take it out of the file and commit that, or let `agent.credentials` say who is to pay")
}

/// The content of a settings file of a commit. A link, there or on the way, is refused: the client would follow it
/// wherever it leads.
fn settings_file(git: &Git, config: &Config, commit: Oid, path: &str) -> Result<Option<Vec<u8>>> {
    for part in Path::new(path).ancestors().filter(|part| !part.as_os_str().is_empty()) {
        if !git.is_link(commit, part)? {
            continue;
        }
        if config.agent.credentials == Credentials::None {
            return Ok(None);
        }
        let message = format!(
            "`{}` of {commit} is a link: nobody can see what it says about who pays",
            part.display()
        );
        return Err(Error::new(ErrorKind::Precondition, message).hint("commit the file itself"));
    }
    git.read_file(commit, Path::new(path))
}

/// Finds the credential that the gateway is to add to requests; `None` where nobody asks for one. A login that has
/// expired is no matter here: calls pause until it is renewed.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`] when there is none that could be used, with the mend.
pub(crate) fn credential(generator: &Generator, recorder: &Recorder) -> Result<Option<CredentialSource>> {
    let Some(source) = generator.credential() else {
        return Ok(None);
    };
    match source.current(generator.world().now()) {
        Ok(_) | Err(CredentialProblem::Expired { .. }) => {}
        Err(problem) => return Err(problem.into()),
    }
    if let Some(what) = source.warning() {
        recorder.emit(Happening::Warned { what });
    }
    Ok(Some(source))
}

/// Sees that every command of `container.toolchain` succeeds in the image; once for each image and list of commands.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], with the command that fails and what it said.
pub(crate) async fn toolchain(generator: &Generator, engine: &Engine) -> Result<()> {
    let config = &generator.config;
    if config.container.toolchain.is_empty() {
        return Ok(());
    }
    let tried = Tried {
        image: engine.image_id(&config.image).await?.unwrap_or_default(),
        commands: config.container.toolchain.clone(),
    };
    let folder = generator.state_dir.join("cache");
    let path = folder.join("toolchain.json");
    // A cache that is missing or cannot be read only means that we look again.
    let known: Option<Tried> = std::fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if known.as_ref() == Some(&tried) {
        return Ok(());
    }
    for command in &tried.commands {
        try_command(generator, engine, command).await?;
    }
    create_private_folder(&folder)?;
    let text = serde_json::to_vec(&tried).context("cannot write what was tried of the image")?;
    write_atomically(&path, &text)
}

async fn try_command(generator: &Generator, engine: &Engine, command: &str) -> Result<()> {
    let image = &generator.config.image;
    let spec = ContainerSpec {
        image: image.clone(),
        command: ["sh", "-c", command].map(str::to_owned).into(),
        network: Some("none".to_owned()),
        labels: repository_labels(&generator.git, generator.git.repository_id()?.as_deref()),
        ..ContainerSpec::default()
    };
    let mut container = engine.start(&spec, b"").await?;
    let ended = tokio::time::timeout(LIMIT, listen(&mut container)).await;
    container.remove().await?;
    let how = match ended {
        Err(_) => format!("did not end within {} s", LIMIT.as_secs()),
        Ok(ended) => match ended? {
            (Some(0), _) => return Ok(()),
            (Some(code), said) => format!("exited with {code}: {said}"),
            (None, said) => format!("ended without an exit code: {said}"),
        },
    };
    let message = format!("the image `{image}` lacks what `container.toolchain` asks for: `{command}` {how}");
    Err(Error::new(ErrorKind::Engine, message)
        .hint("install it in the image, or mend the list; `image check` tries all"))
}

/// Reads the output of a command to its end; answers its exit code and its last line.
async fn listen(container: &mut Container) -> Result<(Option<i64>, String)> {
    let mut last = String::new();
    while let Some(output) = container.next_output().await {
        last = one_line(&String::from_utf8_lossy(&output.line.bytes), 200);
    }
    Ok((container.exit().await?.code, last))
}

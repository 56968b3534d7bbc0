//! Preflight: the project's own commands are tried in the image before the first task meets their absence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Container, ContainerSpec, Engine};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::fs::{create_folder, write_atomically};
use crate::generator::Generator;
use crate::recover::repository_label;
use crate::text::one_line;

/// Until one command must have answered: it is to say its version, not to build.
const LIMIT: Duration = Duration::from_secs(60);

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
    create_folder(&folder)?;
    let text = serde_json::to_vec(&tried).context("cannot write what was tried of the image")?;
    write_atomically(&path, &text)
}

async fn try_command(generator: &Generator, engine: &Engine, command: &str) -> Result<()> {
    let image = &generator.config.image;
    let spec = ContainerSpec {
        image: image.clone(),
        command: ["sh", "-c", command].map(str::to_owned).into(),
        network: Some("none".to_owned()),
        labels: [("cordwainer.repo".to_owned(), repository_label(&generator.git))].into(),
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

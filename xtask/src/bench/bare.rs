//! The bare calls of the engine's API: create, attach, start, exit, remove, and nothing of ours around them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bollard::Docker;
use bollard::errors::Error as ApiError;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, InspectContainerOptions, RemoveContainerOptionsBuilder,
    StartContainerOptions,
};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::provision::Started;

/// The engine, without our adapter.
pub(crate) struct Bare {
    api: Docker,
    image: String,
}

impl Bare {
    /// Connects to an engine.
    pub(crate) fn connect(engine: &Started, image: &str) -> Result<Self> {
        Ok(Self {
            api: engine.api()?,
            image: image.to_owned(),
        })
    }

    /// Runs the agent once on `folder`, with what the script asks for, too.
    pub(crate) async fn run(&self, folder: &Path, prompt: &str) -> Result<()> {
        let created = self
            .api
            .create_container(None::<CreateContainerOptions>, self.body(folder))
            .await?;
        let id = created.id;
        let attach = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let mut attached = self.api.attach_container(&id, Some(attach)).await?;
        self.api.start_container(&id, None::<StartContainerOptions>).await?;
        attached.input.write_all(prompt.as_bytes()).await?;
        attached.input.shutdown().await?;
        while let Some(output) = attached.output.next().await {
            output?;
        }
        // An engine that is asked without a pause has less time for the end itself.
        let mut pause = Duration::from_millis(2);
        let state = loop {
            let found = match self.api.inspect_container(&id, None::<InspectContainerOptions>).await {
                // Podman's `stopped`, for a moment, is a word that bollard does not know.
                Err(ApiError::JsonDataError { .. }) => None,
                found => Some(found?.state.context("no state")?),
            };
            if let Some(state) = found.filter(|state| state.running != Some(true)) {
                break state;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        };
        let remove = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        self.api.remove_container(&id, Some(remove)).await?;
        if state.exit_code != Some(0) {
            bail!("the agent ended with {:?}", state.exit_code);
        }
        Ok(())
    }

    fn body(&self, folder: &Path) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(
                ["claude", "-p", "--verbose", "--output-format", "stream-json"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            working_dir: Some("/workspace".to_owned()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{}:/workspace", folder.display())]),
                network_mode: Some("none".to_owned()),
                init: Some(true),
                cap_drop: Some(vec!["ALL".to_owned()]),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                log_config: Some(HostConfigLogConfig {
                    typ: Some("none".to_owned()),
                    config: None,
                }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

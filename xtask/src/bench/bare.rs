//! The bare calls of the engine's API: create, attach, start, exit, remove, and nothing of ours around them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bollard::Docker;
use bollard::errors::Error as ApiError;
use bollard::exec::StartExecResults;
use bollard::models::{ContainerCreateBody, ExecConfig, HostConfig, HostConfigLogConfig};
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
    folder: PathBuf,
}

/// Folders that a task's container has beside its work, all made empty here.
const FOLDERS: [(&str, &str); 3] = [
    ("work", "/workspace"),
    ("git", "/run/cordwainer/git"),
    ("objects", "/run/cordwainer/objects:ro"),
];
/// The file that covers `.git` in a task's container.
const POINTER: (&str, &str) = ("pointer", "/workspace/.git:ro");

impl Bare {
    /// Connects to an engine, and makes what its containers mount in `folder`.
    pub(crate) fn connect(engine: &Started, image: &str, folder: &Path) -> Result<Self> {
        for (name, _) in FOLDERS {
            std::fs::create_dir_all(folder.join(name)).context("cannot make a folder")?;
            std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o777))?;
        }
        std::fs::write(folder.join(POINTER.0), "gitdir: /run/cordwainer/git\n")?;
        std::fs::write(folder.join("work/.git"), "")?;
        Ok(Self {
            api: engine.api()?,
            image: image.to_owned(),
            folder: folder.to_owned(),
        })
    }

    /// Runs the agent once, in a container with the mounts and limits of a task's.
    pub(crate) async fn run(&self, prompt: &str) -> Result<()> {
        let created = self
            .api
            .create_container(None::<CreateContainerOptions>, self.body())
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
        self.remove(&id).await?;
        if state.exit_code != Some(0) {
            bail!("the agent ended with {:?}", state.exit_code);
        }
        Ok(())
    }

    /// Starts a container of the same image that runs `command`, and waits until `ready` succeeds in it; both are commands
    /// of a shell. Returns its id.
    pub(crate) async fn start_service(&self, command: &str, ready: &str) -> Result<String> {
        let shell = |command: &str| Some(["sh", "-c", command].map(str::to_owned).to_vec());
        let body = ContainerCreateBody {
            cmd: shell(command),
            attach_stdin: None,
            open_stdin: None,
            stdin_once: None,
            ..self.body()
        };
        let created = self.api.create_container(None::<CreateContainerOptions>, body).await?;
        self.api
            .start_container(&created.id, None::<StartContainerOptions>)
            .await?;
        let config = ExecConfig {
            cmd: shell(&format!("until {ready}; do sleep 0.01; done")),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let exec = self.api.create_exec(&created.id, config).await?;
        if let StartExecResults::Attached { mut output, .. } = self.api.start_exec(&exec.id, None).await? {
            while let Some(output) = output.next().await {
                output?;
            }
        }
        Ok(created.id)
    }

    /// Ends and removes a container.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        let remove = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        Ok(self.api.remove_container(id, Some(remove)).await?)
    }

    fn body(&self) -> ContainerCreateBody {
        let bind = |(name, target): &(&str, &str)| format!("{}:{target}", self.folder.join(name).display());
        ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(
                ["claude", "-p", "--verbose", "--output-format", "stream-json"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            working_dir: Some("/workspace".to_owned()),
            user: Some("1000:1000".to_owned()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(HostConfig {
                binds: Some(FOLDERS.iter().chain([&POINTER]).map(bind).collect()),
                tmpfs: Some([("/home/agent".to_owned(), "rw,mode=1777".to_owned())].into()),
                memory: Some(4 << 30),
                memory_swap: Some(4 << 30),
                pids_limit: Some(2048),
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

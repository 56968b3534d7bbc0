//! A terminal in a container that runs: a command with a terminal of its own, as a person's shell has it.
//!
//! The connection is opened here, byte for byte, and not by `bollard`: that looks for headers in a stream in which a terminal
//! has none, and what a program prints could then have it wait for gigabytes.

use bollard::exec::{CreateExecOptions, ResizeExecOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::engine::deadline::{self, CHANGE, LOOK};
use crate::sandbox::engine::{Container, Engine};

/// How long the head of the engine's answer may be, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// Rows and columns.
pub(crate) type Size = (u16, u16);

/// A command in a container, at a terminal of its own.
pub(crate) struct Terminal {
    engine: Engine,
    exec: String,
    /// What is typed goes in, and what is shown comes out.
    pub(crate) stream: UnixStream,
}

impl Engine {
    /// Starts a command in a running container, at a terminal of this size.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`].
    pub(crate) async fn terminal(
        &self,
        container: &Container,
        (command, env): (&[&str], &[String]),
        size: Size,
    ) -> Result<Terminal> {
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            env: Some(env.iter().map(String::as_str).collect()),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let create = self.api().create_exec(container.id(), options);
        let exec = self.call("begin a terminal in the container", CHANGE, create).await?.id;
        let opened = tokio::time::timeout(CHANGE, self.open_terminal(&exec)).await;
        let stream = opened.map_err(|_| deadline::late(self, "open a terminal", CHANGE))??;
        let terminal = Terminal {
            engine: self.clone(),
            exec,
            stream,
        };
        terminal.resize(size).await;
        Ok(terminal)
    }

    async fn open_terminal(&self, exec: &str) -> Result<UnixStream> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Engine, format!("cannot open a terminal with {self}")).because(error)
        };
        let mut stream = UnixStream::connect(self.socket()).await.map_err(failed)?;
        let body = r#"{"Detach":false,"Tty":true}"#;
        let request = format!(
            "POST /exec/{exec}/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        // Byte by byte: what comes behind the head is the terminal's.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
            head.push(stream.read_u8().await.map_err(failed)?);
        }
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split(' ').nth(1) {
            Some("101" | "200") => Ok(stream),
            _ => Err(Error::new(
                ErrorKind::Engine,
                format!(
                    "cannot open a terminal with {self}: it answered `{}`",
                    line.escape_debug()
                ),
            )),
        }
    }
}

impl Terminal {
    /// Gives it another size. Where the command has just ended, there is nothing to do.
    pub(crate) async fn resize(&self, (height, width): Size) {
        let options = ResizeExecOptions { height, width };
        let resize = self.engine.api().resize_exec(&self.exec, options);
        if let Err(error) = self.engine.call("resize the terminal", LOOK, resize).await {
            let error = Error::from(error).in_a_line();
            tracing::debug!(%error, "the terminal keeps its size");
        }
    }

    /// Returns what the command exited with; `None` where that is not known, as of one that was ended with its container.
    pub(crate) async fn exit_code(&self) -> Option<i64> {
        let inspect = self.engine.api().inspect_exec(&self.exec);
        let inspected = self.engine.call("look at the terminal", LOOK, inspect).await;
        inspected.ok().and_then(|exec| exec.exit_code)
    }
}

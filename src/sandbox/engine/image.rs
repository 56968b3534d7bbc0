//! Images: found, pulled, imported from a root file system, built.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{BuildInfo, ErrorDetail};
use bollard::query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::sandbox::engine::Engine;
use crate::sandbox::engine::deadline::{self, CHANGE, LOOK, SILENCE};

/// The beginning of the reference of an image that is built here and is not in a registry.
const LOCAL: &str = "localhost/";
/// How the names of images that are built here go on.
const OURS: &str = "cordwainer-";
/// How many of a failed build's last lines its error shows.
const LAST_LINES: usize = 15;

/// A build from a context.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The context: a tar archive that holds the Containerfile.
    pub context: Vec<u8>,
    /// The Containerfile's name in the context.
    pub containerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage that is built; unset is the last one.
    pub target: Option<String>,
    /// The reference of the new image.
    pub tag: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The network of the build's commands; unset is the engine's default.
    pub network: Option<String>,
}

/// The configuration of an imported image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The command of a container that names none.
    pub command: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// Returns the id of an image that the engine has; `None` when it has none of that reference.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>> {
        let inspect = self.api().inspect_image(reference);
        match self.call(&format!("look up image `{reference}`"), LOOK, inspect).await {
            Ok(found) => Ok(found.id),
            Err(error) => Ok(error.unless_status(&[404]).map(|()| None)?),
        }
    }

    /// Returns the environment variables that an image sets, in its order.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`], also when the engine has no such image.
    pub async fn image_environment(&self, reference: &str) -> Result<Vec<(String, String)>> {
        let inspect = self.api().inspect_image(reference);
        let found = self
            .call(&format!("look at image `{reference}`"), LOOK, inspect)
            .await?;
        let variables = found.config.and_then(|config| config.env).unwrap_or_default();
        let parted = variables.iter().map(|line| line.split_once('=').unwrap_or((line, "")));
        Ok(parted
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// Returns the command of an image: its entry point, and what follows that.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`], also when the engine has no such image.
    pub async fn image_command(&self, reference: &str) -> Result<Vec<String>> {
        let inspect = self.api().inspect_image(reference);
        let found = self
            .call(&format!("look at image `{reference}`"), LOOK, inspect)
            .await?;
        let config = found.config.unwrap_or_default();
        let entry = config.entrypoint.unwrap_or_default().into_iter();
        Ok(entry.chain(config.cmd.unwrap_or_default()).collect())
    }

    /// Returns the id of an image, pulling it when the engine has none of that reference.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`]; a reference below `localhost/` is never pulled.
    pub async fn ensure_image(&self, reference: &str) -> Result<String> {
        if let Some(id) = self.image_id(reference).await? {
            return Ok(id);
        }
        if reference.starts_with(LOCAL) {
            let message = format!("there is no image `{reference}` on {self}");
            return Err(Error::new(ErrorKind::Engine, message).hint(fix_of_absent(reference)));
        }
        self.pull(reference).await?;
        let absent = || {
            Error::new(
                ErrorKind::Engine,
                format!("image `{reference}` was pulled, but the engine does not have it"),
            )
        };
        self.image_id(reference).await?.ok_or_else(absent)
    }

    async fn pull(&self, reference: &str) -> Result<()> {
        let (repository, tag) = split_reference(reference);
        let options = CreateImageOptionsBuilder::new().from_image(repository).tag(tag).build();
        let operation = format!("pull image `{reference}`");
        let mut answers = self.api().create_image(Some(options), None, None);
        let pulled = async {
            while let Some(answer) = self.next(&operation, &mut answers).await? {
                refused(&operation, answer.error_detail.as_ref())?;
            }
            Ok(())
        };
        pulled.await.map_err(|error: Error| {
            error.hint("make sure that the name is correct and its registry can be reached, or set another `image`")
        })
    }

    /// Creates an image of one layer from a tar archive of a root file system, and returns its id.
    pub async fn import_image(&self, root: Vec<u8>, reference: &str, config: &ImageConfig) -> Result<String> {
        let context = import_context(&root, config).context("cannot pack the image's root file system")?;
        let request = BuildRequest {
            context,
            containerfile: "Containerfile".into(),
            tag: reference.to_owned(),
            labels: config.labels.clone(),
            ..BuildRequest::default()
        };
        self.build_image(request, &mut |_| {}).await
    }

    /// Builds an image, hands each line of what the build prints to `on_line`, and returns the image's id.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`]; the message ends with the build's last lines.
    pub async fn build_image(&self, request: BuildRequest, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<String> {
        let operation = format!("build image `{}`", request.tag);
        let options = BuildImageOptionsBuilder::new()
            .dockerfile(&request.containerfile)
            .t(&request.tag)
            .buildargs(&pairs(&request.args))
            .labels(&pairs(&request.labels))
            .target(request.target.as_deref().unwrap_or_default())
            .networkmode(request.network.as_deref().unwrap_or_default())
            .rm(true)
            .forcerm(true)
            .build();
        let body = bollard::body_full(Bytes::from(request.context));
        let mut answers = self.api().build_image(options, None, Some(body));
        let mut log = BuildLog::default();
        loop {
            let answer = self.next(&operation, &mut answers).await;
            let Some(answer) = answer.map_err(|error| log.broke_off(&operation, error))? else {
                break;
            };
            log.take(&operation, answer, on_line)?;
        }
        // An engine that broke off reports no error: only the id shows that the build is complete.
        log.id
            .clone()
            .ok_or_else(|| log.error(&operation, "the engine broke off"))
    }

    /// Gives an image a second reference.
    pub async fn tag_image(&self, image: &str, reference: &str) -> Result<()> {
        let (repository, tag) = split_reference(reference);
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        let call = self.api().tag_image(image, Some(options));
        Ok(self
            .call(&format!("tag image `{image}` as `{reference}`"), CHANGE, call)
            .await?)
    }

    /// Returns the next answer of a call with many answers.
    async fn next<T>(
        &self,
        operation: &str,
        answers: &mut (impl Stream<Item = Result<T, bollard::errors::Error>> + Unpin),
    ) -> Result<Option<T>> {
        match tokio::time::timeout(SILENCE, answers.next()).await {
            Ok(Some(Ok(answer))) => Ok(Some(answer)),
            Ok(Some(Err(source))) => Err(deadline::failed(self, operation, source).into()),
            Ok(None) => Ok(None),
            Err(_) => Err(deadline::late(self, operation, SILENCE)),
        }
    }
}

/// The output of a build.
#[derive(Debug, Default)]
struct BuildLog {
    unfinished: String,
    last: std::collections::VecDeque<String>,
    id: Option<String>,
}

impl BuildLog {
    fn take(&mut self, operation: &str, answer: BuildInfo, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
        self.unfinished.push_str(answer.stream.as_deref().unwrap_or_default());
        while let Some(end) = self.unfinished.find('\n') {
            let line: String = self.unfinished.drain(..=end).collect();
            self.line(line.trim_end(), on_line);
        }
        if let Some(detail) = &answer.error_detail {
            return Err(self.error(operation, detail.message.as_deref().unwrap_or("no reason given").trim()));
        }
        if let Some(id) = answer.aux.and_then(|aux| aux.id) {
            self.id = Some(id);
        }
        Ok(())
    }

    fn line(&mut self, line: &str, on_line: &mut (dyn FnMut(&str) + Send)) {
        if line.is_empty() {
            return;
        }
        on_line(line);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    /// Returns the error of a build that reported why it failed.
    fn error(&self, operation: &str, reason: &str) -> Error {
        let lines = self.last_lines();
        Error::new(
            ErrorKind::Engine,
            format!("cannot {operation}: {reason}; last output:{lines}"),
        )
    }

    /// Returns the error of a build whose answers ended with an error.
    fn broke_off(&self, operation: &str, error: Error) -> Error {
        let lines = self.last_lines();
        Error::new(ErrorKind::Engine, format!("cannot {operation}; last output:{lines}")).because(error)
    }

    fn last_lines(&self) -> String {
        self.last.iter().flat_map(|line| ["\n  ", line.as_str()]).collect()
    }
}

fn refused(operation: &str, detail: Option<&ErrorDetail>) -> Result<()> {
    match detail {
        None => Ok(()),
        Some(detail) => {
            let reason = detail.message.as_deref().unwrap_or("no reason given");
            Err(Error::new(ErrorKind::Engine, format!("cannot {operation}: {reason}")))
        }
    }
}

/// Builds a context with one instruction, which unpacks `root`: the engines' import endpoints disagree on how a
/// configuration is passed.
fn import_context(root: &[u8], config: &ImageConfig) -> std::io::Result<Vec<u8>> {
    let mut text = String::from("FROM scratch\nADD root.tar /\n");
    for (name, value) in &config.env {
        let quoted = serde_json::Value::from(value.as_str()).to_string();
        // Otherwise the build would replace it by a variable of its own.
        text.push_str(&format!("ENV {name}={}\n", quoted.replace('$', "\\$")));
    }
    if !config.command.is_empty() {
        text.push_str(&format!("CMD {}\n", serde_json::Value::from(config.command.clone())));
    }
    pack(&[("Containerfile", text.as_bytes()), ("root.tar", root)])
}

/// Packs files into a tar archive that is always the same for the same files.
pub(crate) fn pack(files: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes)?;
    }
    archive.into_inner()
}

fn pairs(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.clone().into_iter().collect()
}

/// Returns what to do where the engine does not have an image that is never pulled.
pub(crate) fn fix_of_absent(reference: &str) -> &'static str {
    if reference.strip_prefix(LOCAL).is_some_and(|name| name.starts_with(OURS)) {
        "run `cordwainer image build` to build it"
    } else {
        "`image` in the configuration names it: load or build it on this engine, or have `cordwainer image build` make one \
         (`image: {build: …}`)"
    }
}

/// Splits `repository:tag`; a digest stays with the repository, and without a tag it is `latest`.
fn split_reference(reference: &str) -> (&str, &str) {
    if let Some((repository, digest)) = reference.split_once('@') {
        return (repository, digest);
    }
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_split_at_the_tag_and_not_at_a_port() {
        for (reference, expect) in [
            ("debian", ("debian", "latest")),
            ("debian:bookworm-slim", ("debian", "bookworm-slim")),
            ("host:5000/image", ("host:5000/image", "latest")),
            ("host:5000/image:1", ("host:5000/image", "1")),
            ("image@sha256:00", ("image", "sha256:00")),
        ] {
            assert_eq!(split_reference(reference), expect, "{reference}");
        }
    }

    #[test]
    fn a_build_log_joins_fragments_into_lines_and_keeps_the_last() {
        let mut log = BuildLog::default();
        let mut heard = Vec::new();
        let say = |text: &str| BuildInfo {
            stream: Some(text.into()),
            ..BuildInfo::default()
        };
        for text in ["Step 1", "\n", "\n", "a\nb", "c\n"] {
            log.take("build", say(text), &mut |line| heard.push(line.to_owned()))
                .unwrap();
        }
        assert_eq!(heard, ["Step 1", "a", "bc"]);
        let failed = BuildInfo {
            error_detail: Some(ErrorDetail {
                code: None,
                message: Some("it broke\n".into()),
            }),
            ..BuildInfo::default()
        };
        let error = log.take("build image `x`", failed, &mut |_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot build image `x`: it broke; last output:\n  Step 1\n  a\n  bc"
        );
    }
}

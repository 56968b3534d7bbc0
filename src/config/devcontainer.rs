//! Reads a `devcontainer.json` as a source of the image: its image or Dockerfile, features that are plain packages, and
//! its environment. What it says beside that is not obeyed, and each such thing is named once.
//!
//! The format is that of the Development Container Specification (`devContainer.base.schema.json`).

use std::path::Path;

use serde_json::{Map, Value};

use self::reader::{Reader, wrong};
use super::image::is_image_name;
use crate::base::error::{Context as _, ErrorKind, Result};

mod features;
mod json;
mod reader;

pub(crate) use self::reader::Devcontainer;

/// The largest file, in bytes.
const LIMIT: u64 = 1 << 20;

/// Keys without an effect on what is in the image.
const SILENT: [&str; 3] = ["$schema", "name", "features"];

/// Keys that are known and not obeyed, each with what to do instead.
const UNUSED: [(&str, &str); 37] = [
    ("initializeCommand", "nothing of it runs on this machine"),
    ("onCreateCommand", RUN),
    ("updateContentCommand", RUN),
    ("postCreateCommand", RUN),
    ("postStartCommand", RUN),
    ("postAttachCommand", RUN),
    ("waitFor", RUN),
    (
        "mounts",
        "`container.mounts` of the configuration mounts what you name there",
    ),
    ("workspaceMount", SEALED),
    ("workspaceFolder", SEALED),
    ("runArgs", SEALED),
    ("privileged", SEALED),
    ("capAdd", SEALED),
    ("securityOpt", SEALED),
    ("init", SEALED),
    ("overrideCommand", SEALED),
    ("appPort", SEALED),
    ("forwardPorts", SEALED),
    ("portsAttributes", SEALED),
    ("otherPortsAttributes", SEALED),
    ("remoteUser", USER),
    ("containerUser", USER),
    ("updateRemoteUserUID", USER),
    ("userEnvProbe", USER),
    ("customizations", EDITOR),
    ("extensions", EDITOR),
    ("settings", EDITOR),
    ("devPort", EDITOR),
    ("shutdownAction", EDITOR),
    ("secrets", "no secret enters a container"),
    ("hostRequirements", "`container.memory` and `container.cpus` bound it"),
    ("overrideFeatureInstallOrder", "features become packages and tools"),
    ("dockerFile", DOCKERFILE),
    ("context", CONTEXT),
    ("service", COMPOSE),
    ("runServices", COMPOSE),
    ("capDrop", SEALED),
];
const RUN: &str = "what the image needs can be commands of a Dockerfile";
const SEALED: &str = "containers are sealed as the configuration says";
const USER: &str = "`container.user` of the configuration selects the user";
const EDITOR: &str = "it is for editors";
const DOCKERFILE: &str = "write `build: {\"dockerfile\": …}`";
const CONTEXT: &str = "a Dockerfile is built without any other file";
const COMPOSE: &str = "one container is made";

/// Reads the file at `path`, which is relative to the checkout at `root`.
///
/// # Errors
/// Of kind [`ErrorKind::Configuration`], naming the file and the place in it: where it cannot be read, is not such JSON, or
/// describes no image.
pub(crate) fn read(root: &Path, path: &str) -> Result<Devcontainer> {
    let failed = || format!("cannot read `{path}`");
    let file = root.join(path);
    let looks = std::fs::metadata(&file).with_context(ErrorKind::Configuration, failed)?;
    if !looks.is_file() || looks.len() > LIMIT {
        return Err(wrong(path, "expected a file of at most 1 MiB"));
    }
    let text = std::fs::read_to_string(&file).with_context(ErrorKind::Configuration, failed)?;
    parse(&text, path)
}

/// Reads the text of a file at `path`.
fn parse(text: &str, path: &str) -> Result<Devcontainer> {
    let plain = json::plain(text.trim_start_matches('\u{feff}'))
        .map_err(|line| wrong(&format!("{path}:{line}"), "a comment does not end"))?;
    let value: Value = serde_json::from_str(&plain).map_err(|error| {
        let place = format!("{path}:{}:{}", error.line(), error.column());
        let why = error.to_string();
        wrong(&place, why.split(" at line ").next().unwrap_or_default())
    })?;
    let Value::Object(keys) = value else {
        return Err(wrong(path, "expected an object"));
    };
    let mut reader = Reader {
        path,
        found: Devcontainer::default(),
    };
    reader.source(&keys)?;
    reader.environment(&keys, "containerEnv")?;
    reader.environment(&keys, "remoteEnv")?;
    features::read(&keys, &mut reader)?;
    reader.rest(&keys);
    Ok(reader.found)
}

impl Reader<'_> {
    /// Reads what the image is made of.
    fn source(&mut self, keys: &Map<String, Value>) -> Result<()> {
        if keys.contains_key("dockerComposeFile") {
            return Err(self
                .wrong("dockerComposeFile", "several containers are not supported")
                .hint("name an image or a Dockerfile there, or describe the image in `image.build`"));
        }
        match (keys.get("image"), keys.get("build")) {
            (Some(Value::String(image)), None) if is_image_name(image) => {
                self.found.build.base = Some(image.clone());
                Ok(())
            }
            (Some(_), None) => Err(self.wrong("image", "expected the name of an image")),
            (None, Some(Value::Object(build))) => self.dockerfile(build),
            (None, Some(_)) => Err(self.wrong("build", "expected an object with `dockerfile`")),
            (Some(_), Some(_)) => Err(self.wrong("image", "contradicts `build`")),
            (None, None) => Err(wrong(self.path, "it names neither an `image` nor a `build`")
                .hint("add `\"image\": \"debian:bookworm-slim\"`, or describe the image in `image.build`")),
        }
    }

    fn dockerfile(&mut self, build: &Map<String, Value>) -> Result<()> {
        let Some(Value::String(name)) = build.get("dockerfile") else {
            return Err(self.wrong("build.dockerfile", "expected the path of a file beside this one"));
        };
        // The folder of the file is protected with it.
        let folder = self.path.rsplit_once('/').map(|(folder, _)| folder);
        let parts = Path::new(name).components();
        let is_below = parts.clone().count() > 0
            && parts
                .into_iter()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
        let Some(folder) = folder.filter(|_| is_below) else {
            return Err(self
                .wrong("build.dockerfile", "it is not in the folder of this file")
                .hint("keep both in `.devcontainer/`, which no task changes without you, or name it in `image.build.containerfile`"));
        };
        self.found.build.containerfile = Some(format!("{folder}/{name}"));
        for (key, value) in build {
            match (key.as_str(), value) {
                ("dockerfile", _) => {}
                ("target", Value::String(target)) if is_word(target) => self.found.build.target = Some(target.clone()),
                ("args", Value::Object(args)) => self.arguments(args)?,
                ("target" | "args", _) => {
                    return Err(self.wrong(&format!("build.{key}"), "expected texts without spaces"));
                }
                ("context", Value::String(context)) if context == "." => {
                    self.unused("build.context", CONTEXT);
                }
                ("context", _) => self.unused("build.context", CONTEXT),
                (key, _) => self.unused(&format!("build.{key}"), "it is for other builders"),
            }
        }
        Ok(())
    }

    fn arguments(&mut self, args: &Map<String, Value>) -> Result<()> {
        for (name, value) in args {
            let key = format!("build.args.{name}");
            match value {
                Value::String(text) if is_reference(text) => {
                    self.unused(&key, "it refers to something outside of the file");
                }
                Value::String(text) if is_name(name) => {
                    self.found.build.args.insert(name.clone(), text.clone());
                }
                _ => return Err(self.wrong(&key, "expected a name and a text")),
            }
        }
        Ok(())
    }

    /// Reads variables; what refers to the machine's, or to others, is not obeyed.
    fn environment(&mut self, keys: &Map<String, Value>, name: &str) -> Result<()> {
        let Some(value) = keys.get(name) else { return Ok(()) };
        let Value::Object(variables) = value else {
            return Err(self.wrong(name, "expected an object of texts"));
        };
        for (variable, value) in variables {
            let key = format!("{name}.{variable}");
            match value {
                Value::Null => self.unused(&key, "nothing is unset"),
                Value::String(text) if is_reference(text) => {
                    self.unused(&key, "it refers to something outside of the file");
                }
                Value::String(text) if is_name(variable) && !text.chars().any(char::is_control) => {
                    self.found.build.env.insert(variable.clone(), text.clone());
                }
                _ => return Err(self.wrong(&key, "expected a name and a text in one line")),
            }
        }
        Ok(())
    }

    /// Notes all other keys.
    fn rest(&mut self, keys: &Map<String, Value>) {
        const READ: [&str; 4] = ["image", "build", "containerEnv", "remoteEnv"];
        for key in keys
            .keys()
            .filter(|key| ![&READ[..], &SILENT].concat().contains(&key.as_str()))
        {
            let why = UNUSED.iter().find(|(name, _)| name == key);
            self.unused(key, why.map_or("the key is not known", |(_, why)| why));
        }
    }
}

/// Returns whether a text has a variable of the format, such as `${localEnv:HOME}`.
fn is_reference(text: &str) -> bool {
    text.contains("${")
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_part) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests;

//! Features of a devcontainer that are plain packages, as tools and packages of the image.

use serde_json::{Map, Value};

use super::reader::Reader;
use crate::base::error::Result;
use crate::config::ToolVersion;
use crate::config::image::{is_package, is_version};
use crate::config::toolchain::{self, Tool};

/// The publisher of the features that are known, within their ids.
const PUBLISHER: &str = "/devcontainers/features/";

/// What a feature becomes.
enum Becomes {
    /// Nothing: every image has it.
    Nothing,
    Tools(&'static [&'static str]),
    Packages(&'static [&'static str]),
}

const KNOWN: [(&str, Becomes); 10] = [
    ("git", Becomes::Nothing),
    (
        "common-utils",
        Becomes::Packages(&["curl", "jq", "less", "procps", "unzip", "zip"]),
    ),
    ("github-cli", Becomes::Packages(&["gh"])),
    ("git-lfs", Becomes::Packages(&["git-lfs"])),
    ("node", Becomes::Tools(&["node", "npm"])),
    ("python", Becomes::Tools(&["python"])),
    ("go", Becomes::Tools(&["go"])),
    ("rust", Becomes::Tools(&["rust"])),
    ("java", Becomes::Tools(&["java"])),
    ("ruby", Becomes::Tools(&["ruby"])),
];

/// Options of features that are about what is installed.
const VERSION: &str = "version";

/// Reads `features`.
pub(super) fn read(keys: &Map<String, Value>, reader: &mut Reader<'_>) -> Result<()> {
    let Some(value) = keys.get("features") else {
        return Ok(());
    };
    let Value::Object(features) = value else {
        return Err(reader.wrong("features", "expected an object of features"));
    };
    if reader.found.build.containerfile.is_some() && !features.is_empty() {
        reader.unused("features", "beside a Dockerfile, install it there");
        return Ok(());
    }
    for (id, options) in features {
        if id.contains("/apt-packages") {
            packages(id, options, reader)?;
            continue;
        }
        let Some(becomes) = known(id) else {
            reader.unused(&format!("features.{id}"), "it is not one that is plain packages");
            continue;
        };
        match becomes {
            Becomes::Nothing => {}
            Becomes::Packages(names) => {
                let names = names.iter().map(|name| (*name).to_owned());
                reader.found.build.packages.extend(names);
            }
            Becomes::Tools(names) => {
                for tool in names.iter().filter_map(|name| toolchain::tool(name)) {
                    let version = version(id, tool, options, reader);
                    reader.found.build.tools.insert(tool.name.to_owned(), version);
                }
            }
        }
        other_options(id, options, reader);
    }
    Ok(())
}

fn known(id: &str) -> Option<&'static Becomes> {
    let (_, name) = id.split_once(PUBLISHER)?;
    let name = name.split([':', '@']).next()?;
    KNOWN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, becomes)| becomes)
}

/// Returns where a tool comes from: its own registry where that has the version, else the distribution, which is said
/// unless that was asked for.
fn version(id: &str, tool: &Tool, options: &Value, reader: &mut Reader<'_>) -> ToolVersion {
    let wanted = match options {
        Value::String(version) => Some(version.as_str()),
        options => options.get(VERSION).and_then(Value::as_str),
    };
    match wanted {
        None | Some("os-provided" | "system" | "latest" | "lts") => {}
        // The version is that of the feature's first tool.
        Some(wanted) if tool.registry.is_some() && is_version(wanted) && tool.name != "npm" => {
            return ToolVersion::Registry(wanted.to_owned());
        }
        Some(_) if tool.name == "npm" => {}
        Some(_) => reader.unused(
            &format!("features.{id}.{VERSION}"),
            &format!("`{}` is that of the distribution", tool.name),
        ),
    }
    ToolVersion::Distribution
}

fn other_options(id: &str, options: &Value, reader: &mut Reader<'_>) {
    for key in options
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| *key != VERSION)
    {
        reader.unused(
            &format!("features.{id}.{key}"),
            "only the packages of a feature are used",
        );
    }
}

/// Reads the feature that is a list of packages.
fn packages(id: &str, options: &Value, reader: &mut Reader<'_>) -> Result<()> {
    let key = format!("features.{id}.packages");
    let Some(Value::String(names)) = options.get("packages") else {
        return Err(reader.wrong(&key, "expected packages, with commas between them"));
    };
    for name in names.split([',', ' ']).filter(|name| !name.is_empty()) {
        if !is_package(name) {
            return Err(reader.wrong(&key, &format!("`{name}` is not a package as apt names it")));
        }
        reader.found.build.packages.push(name.to_owned());
    }
    Ok(())
}

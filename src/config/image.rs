//! Reads `image`: the name of an image, or how one is built for the project.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Serialize, Serializer};

use super::Config;
use super::field::Field;
use super::keys::{IMAGE, IMAGE_BUILD};
use super::node::Kind;
use super::section::Section;
use super::toolchain::{self, TOOLS, Tool};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;

/// The name of images that `image.build` describes, without a tag.
pub(crate) const BUILT: &str = "localhost/cordwainer-project";
/// The name of images for services that a configuration describes, without a tag.
pub(crate) const SERVICE: &str = "localhost/cordwainer-service";
/// What a built image stands on unless the configuration names another base.
pub const DEFAULT_BASE: &str = "debian:bookworm-slim";
/// The largest Containerfile, in bytes.
const CONTAINERFILE_LIMIT: u64 = 1 << 20;
/// The word for what the distribution's packages have.
const DISTRIBUTION: &str = "distribution";

/// The image of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its name for the engine. That of a built image identifies what the configuration says of it.
    pub name: String,
    /// How it is built; `None` where the configuration names an image, or a file that is not read yet.
    pub build: Option<ImageBuild>,
    /// The devcontainer.json that says how, relative to the repository root, if the configuration names one.
    pub devcontainer: Option<String>,
    /// What of that file is not used, in sentences without their ends.
    pub unused: Vec<String>,
}

/// How an image is built: onto a base, or from a Containerfile. The client and the entrypoint are added to both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageBuild {
    /// An image with apt; unset is Debian's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Packages of the distribution.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Tools by name, and where each comes from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, ToolVersion>,
    /// Commands of a shell, run as root after all else, one layer each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// The person's own Containerfile, relative to the repository root, instead of all other keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containerfile: Option<String>,
    /// The stage of the Containerfile that is built; unset is the last one. Only a devcontainer.json sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Arguments of the Containerfile. Only a devcontainer.json sets them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Variables of the image's environment. Only a devcontainer.json sets them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// Where a tool comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolVersion {
    /// The distribution's packages, in the version that they have.
    Distribution,
    /// The registry of its language, in this version.
    Registry(String),
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.devcontainer, &self.build) {
            (Some(path), _) => serializer.collect_map([("devcontainer", path)]),
            (None, Some(build)) => serializer.collect_map([("build", build)]),
            (None, None) => serializer.serialize_str(&self.name),
        }
    }
}

impl Serialize for ToolVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Distribution => DISTRIBUTION,
            Self::Registry(version) => version,
        })
    }
}

impl Image {
    /// Returns the image of a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Returns the image as that of a service: one that is built has no client in it, and another name.
    pub(crate) fn of_service(self) -> Self {
        let tag = self.name.strip_prefix(BUILT).filter(|_| self.build.is_some());
        match tag {
            Some(tag) => Self {
                name: format!("{SERVICE}{tag}"),
                ..self
            },
            None => self,
        }
    }

    /// Returns the image that is built as `build` says; `containerfile` is the content of the file that it names.
    pub(crate) fn built(build: ImageBuild, containerfile: &[u8]) -> Self {
        let mut hash = sha1_smol::Sha1::new();
        // It has no keys but texts, so that it can always be written.
        hash.update(&serde_json::to_vec(&build).unwrap_or_default());
        hash.update(containerfile);
        let digits = hash.digest().to_string();
        Self {
            name: format!("{BUILT}:{}", &digits[..12]),
            build: Some(build),
            ..Self::default()
        }
    }
}

impl ImageBuild {
    /// Returns the content of the Containerfile that is named, in the checkout at `root`; nothing where none is.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Configuration`] where it cannot be read, is not a file, is empty, or is larger than 1 MiB.
    pub(crate) fn read_containerfile(&self, root: &Path) -> Result<Vec<u8>> {
        let Some(path) = &self.containerfile else {
            return Ok(Vec::new());
        };
        let failed = || format!("cannot read `{path}`");
        let file = root.join(path);
        let metadata = std::fs::metadata(&file).with_context(ErrorKind::Configuration, failed)?;
        let wrong = |why: &str| Error::new(ErrorKind::Configuration, format!("`{path}` {why}"));
        if !metadata.is_file() {
            return Err(wrong("is not a file"));
        }
        if metadata.len() > CONTAINERFILE_LIMIT {
            return Err(wrong("is larger than 1 MiB"));
        }
        let content = std::fs::read(&file).with_context(ErrorKind::Configuration, failed)?;
        if content.trim_ascii().is_empty() {
            return Err(wrong("is empty"));
        }
        Ok(content)
    }

    /// Returns the commands that prove that the tools are there.
    fn proofs(&self) -> impl Iterator<Item = &'static str> {
        let tools = self.tools.keys().filter_map(|name| toolchain::tool(name));
        tools.map(|tool| tool.proof)
    }
}

/// Reads `image`, and puts what its tools imply before the commands of `container.toolchain`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    top.set("image", &mut config.image, read_image);
    imply_toolchain(config);
}

/// Puts what the tools of the image imply before the commands of `container.toolchain`.
pub(super) fn imply_toolchain(config: &mut Config) {
    let Some(build) = &config.image.build else { return };
    let own = std::mem::take(&mut config.container.toolchain);
    config.container.toolchain = build.proofs().map(str::to_owned).collect();
    for command in own {
        if !config.container.toolchain.contains(&command) {
            config.container.toolchain.push(command);
        }
    }
}

/// Reads the name of an image, or how it is built.
pub(super) fn read_image(field: &Field<'_>) -> Option<Image> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return field.word("the name of an image").map(Image::named);
    }
    let problems = field.report.count();
    let section = Section::open(field, IMAGE)?;
    let (build, devcontainer) = (section.field("build"), section.field("devcontainer"));
    if let (Some(_), Some(field)) = (build, devcontainer) {
        return field.refuse_with("contradicts `build`", "leave one of the two out");
    }
    if let Some(field) = devcontainer {
        return Some(Image {
            devcontainer: Some(field.repository_path()?),
            ..Image::default()
        });
    }
    let Some(field) = build else {
        if field.report.count() > problems {
            return None;
        }
        return field.refuse_with(
            "expected `build` or `devcontainer`",
            "write `image: NAME`, `image: {build: …}` or `image: {devcontainer: PATH}`",
        );
    };
    let section = Section::open(field, IMAGE_BUILD)?;
    let build = read_build(&section);
    check_containerfile(&section);
    if field.report.count() > problems {
        return None;
    }
    if build == ImageBuild::default() {
        let names: Vec<String> = IMAGE_BUILD.iter().map(|key| format!("`{}`", key.name)).collect();
        return field.refuse(format!("expected one of {}, found nothing to build", names.join(", ")));
    }
    Some(Image::built(build, b""))
}

fn read_build(section: &Section<'_>) -> ImageBuild {
    let mut build = ImageBuild::default();
    section.set_some("base", &mut build.base, read_base);
    section.set("packages", &mut build.packages, |field| {
        field.list("a list of packages", read_package)
    });
    section.set("tools", &mut build.tools, read_tools);
    section.set("run", &mut build.run, |field| {
        field.list("a list of commands", read_command)
    });
    section.set_some("containerfile", &mut build.containerfile, Field::repository_path);
    build
}

/// Refuses keys beside `containerfile`, which says all of them itself.
fn check_containerfile(section: &Section<'_>) {
    if section.field("containerfile").is_none() {
        return;
    }
    for name in ["base", "packages", "tools", "run"] {
        if let Some(field) = section.field(name) {
            field.refuse_with::<()>(
                "contradicts `containerfile`, which says what the image is made of",
                format!("leave one of the two out: `{name}` can be a line of the containerfile"),
            );
        }
    }
}

fn read_base(field: &Field<'_>) -> Option<String> {
    let name = field.word("the name of an image")?;
    if is_image_name(&name) {
        Some(name)
    } else {
        field.expected("the name of an image")
    }
}

/// Returns whether a text can name an image, and is nothing else to whoever reads a Containerfile.
pub(super) fn is_image_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
}

/// Reads a package as apt takes it: its name, and perhaps an architecture and a version.
fn read_package(field: &Field<'_>) -> Option<String> {
    const WHAT: &str = "a package as apt names it, such as `libpq-dev` or `jq=1.6-2.1`";
    let package = field.word(WHAT)?;
    if is_package(&package) {
        return Some(package);
    }
    field.expected(WHAT)
}

/// Returns whether a text is a package as apt takes it.
pub(super) fn is_package(package: &str) -> bool {
    let (name, version) = match package.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (package, None),
    };
    let (name, architecture) = name.split_once(':').unwrap_or((name, "any"));
    // See deb-control(5) for names and deb-version(7) for versions. apt takes a hyphen at the end as "remove".
    let is_name = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c))
        && !name.ends_with('-');
    let is_architecture = !architecture.is_empty()
        && architecture
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    is_name && is_architecture && version.is_none_or(is_version)
}

pub(super) fn is_version(version: &str) -> bool {
    version.len() <= 100
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".+-~:_".contains(c))
}

fn read_tools(field: &Field<'_>) -> Option<BTreeMap<String, ToolVersion>> {
    let mut tools = BTreeMap::new();
    for entry in field.entries("a mapping of tool to `distribution` or a version")? {
        let Some(tool) = toolchain::tool(entry.name) else {
            let near = toolchain::tool_of_program(entry.name)
                .map(|tool| tool.name)
                .or_else(|| text::nearest(entry.name, TOOLS.iter().map(|tool| tool.name)));
            let hint = near.map_or_else(|| OTHERWISE.to_owned(), |name| format!("did you mean `{name}`?"));
            entry.refuse("unknown tool", Some(hint));
            continue;
        };
        if let Some(version) = read_version(&entry.field, tool) {
            tools.insert(tool.name.to_owned(), version);
        }
    }
    Some(tools)
}

/// What to do where a tool cannot be had as it is written.
const OTHERWISE: &str = "install it with `packages`, `run` or a `containerfile`";

fn read_version(field: &Field<'_>, tool: &Tool) -> Option<ToolVersion> {
    match field.scalar() {
        Some(DISTRIBUTION) if tool.packages.is_empty() => field.refuse_with(
            format!("Debian has no package of `{}`", tool.name),
            format!("write a version, such as `\"{}\"`", tool.first_version),
        ),
        Some(DISTRIBUTION) => Some(ToolVersion::Distribution),
        Some(version) if !is_version(version) => field.expected("`distribution` or a version such as `20.11.1`"),
        Some(version) if tool.registry.is_none() => field.refuse_with(
            format!("none of npm, PyPI and crates.io has versions of `{}`", tool.name),
            match tool.image {
                Some(image) => format!(
                    "write `distribution`, name an image that has it, such as `base: {image}:{version}`, or {OTHERWISE}"
                ),
                None => format!("write `distribution`, or {OTHERWISE}"),
            },
        ),
        Some(version) => Some(ToolVersion::Registry(version.to_owned())),
        None => field.expected("`distribution` or a version such as `20.11.1`"),
    }
}

/// Reads a command that stands in one line of a Containerfile.
fn read_command(field: &Field<'_>) -> Option<String> {
    let command = field.text()?;
    if command.trim_end().chars().any(char::is_control) {
        return field.refuse_with(
            "expected a command in one line",
            "write one item for each command, or join them with `&&`",
        );
    }
    Some(command.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        Config::parse(text, "test").unwrap()
    }

    #[test]
    fn the_name_of_a_built_image_is_that_of_its_description() {
        let name = |text: &str| read(text).image.name;
        let one = name("image: {build: {packages: [jq, make], tools: {rust: distribution}}}");
        assert_eq!(
            one,
            name("image:\n  build:\n    tools: {rust: distribution}\n    packages: [jq, make]\n")
        );
        assert!(one.starts_with("localhost/cordwainer-project:"), "{one}");
        for other in [
            "image: {build: {packages: [jq], tools: {rust: distribution}}}",
            "image: {build: {packages: [jq, make], tools: {cpp: distribution}}}",
            "image: {build: {packages: [jq, make], tools: {rust: distribution}, run: [a]}}",
            "image: {build: {packages: [jq, make], tools: {rust: distribution}, base: debian}}",
        ] {
            assert_ne!(one, name(other), "{other}");
        }
        assert_eq!(name("image: x:1"), "x:1");
    }

    #[test]
    fn what_tools_imply_is_checked_before_ones_own_commands_and_reads_back() {
        let text = "image: {build: {tools: {node: 20.11.1, go: distribution}}}\n\
                    container: {toolchain: [make --version, go version]}\n";
        let config = read(text);
        assert_eq!(
            config.container.toolchain,
            ["go version", "node --version", "make --version"]
        );
        let shown = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&shown), config);
        assert!(shown.contains(r#""image":{"build":{"tools":{"go":"distribution","node":"20.11.1"}}}"#));
    }

    #[test]
    fn what_tools_imply_comes_from_where_the_image_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let text = "xtask_dir: x\nimage: {build: {tools: {go: distribution}}}\n";
        std::fs::write(folder.path().join("configuration.yaml"), text).unwrap();
        let values = crate::config::effective(folder.path(), &crate::config::ConfigSource::default()).unwrap();
        let found = values.iter().find(|value| value.key == "container.toolchain").unwrap();
        assert_eq!(
            (found.value.to_string().as_str(), found.origin.to_string().as_str()),
            ("[\"go version\"]", "configuration.yaml:2")
        );
    }

    #[test]
    fn a_containerfile_is_read_from_the_checkout_and_is_part_of_the_name() {
        use crate::config::ConfigSource;
        use crate::config::file::LoadedConfig;

        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "configuration.yaml",
            "xtask_dir: x\nimage: {build: {containerfile: Dev}}\n",
        );
        let load =
            || LoadedConfig::load(folder.path(), &ConfigSource::default()).map(|loaded| loaded.config.image.name);
        let error = load().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("configuration.yaml:2: image.build.containerfile: cannot read `Dev`"),
            "{error}"
        );
        write("Dev", "\n");
        assert!(load().unwrap_err().to_string().ends_with("`Dev` is empty"));
        write("Dev", "FROM a\n");
        let one = load().unwrap();
        write("Dev", "FROM b\n");
        assert_ne!(load().unwrap(), one);
    }
}

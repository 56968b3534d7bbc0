//! The configuration's file on disk: read, and checked against the disk's own links.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::config::devcontainer::{self, Devcontainer};
use crate::config::image::imply_toolchain;
use crate::config::locate::{ConfigFile, is_foreign, locate, read};
use crate::config::{Config, ConfigSource, FILE_NAME, Image, Origin, lexical};

/// A configuration from a file, and where each of its values comes from.
pub(crate) struct LoadedConfig {
    pub(crate) config: Config,
    /// The file that it was read from, or would be.
    pub(crate) file: ConfigFile,
    /// By dotted key; keys that are set nowhere are left out.
    pub(crate) origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Reads the configuration of the repository whose checkout is at `root`, from the file with a usual name.
    ///
    /// # Errors
    /// Fails with [`ErrorKind::Configuration`] when the file is missing, cannot be read, or has problems; then
    /// [`Problems`](crate::config::Problems) are the cause.
    pub fn load(root: &Path) -> Result<Self> {
        Ok(LoadedConfig::load(root, &ConfigSource::default())?.config)
    }
}

impl LoadedConfig {
    /// Reads the configuration of the repository whose checkout is at `root`.
    ///
    /// # Errors
    /// Those of [`Config::load`], and of the same kind when both usual names are there.
    pub(crate) fn load(root: &Path, source: &ConfigSource) -> Result<Self> {
        let file = locate(root, source)?;
        match read(&file.path, &file.shown) {
            Ok(text) => Self::read(root, file, &text, source),
            Err(error) if !file.path.exists() && is_foreign(&root.join(FILE_NAME)) => Err(Error::new(
                error.kind(),
                format!("{error}, and `{FILE_NAME}` belongs to another program"),
            )
            .hint("run `cordwainer init` to write one")),
            Err(error) => Err(error),
        }
    }

    /// Reads the configuration for a command that only looks: where no file is named and none is there, what is set
    /// beside it and the defaults hold.
    pub(crate) fn load_if_there(root: &Path, source: &ConfigSource) -> Result<Self> {
        let file = locate(root, source)?;
        match file.path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && source.file.is_none() => {
                Self::read(root, file, "", source)
            }
            _ => Self::load(root, source),
        }
    }

    /// Reads the configuration for a command that must not depend on it: where it cannot be read, the defaults hold.
    pub(crate) fn load_or_default(root: &Path, source: &ConfigSource) -> Self {
        Self::load_if_there(root, source).unwrap_or_else(|_| Self {
            config: Config::default(),
            file: ConfigFile::at(root, FILE_NAME),
            origins: BTreeMap::new(),
        })
    }

    fn read(root: &Path, file: ConfigFile, text: &str, source: &ConfigSource) -> Result<Self> {
        let real = root
            .canonicalize()
            .with_context(ErrorKind::Configuration, || format!("cannot find `{}`", root.display()))?;
        let resolve = |path: &Path| match path.to_str() {
            Some(".git") => git_folder(&real),
            _ => resolved(&real.join(path)),
        };
        let (mut config, mut origins) = Config::default().read_all(text, &file.shown, &source.settings, &resolve)?;
        read_image_files(&mut config, &real, &mut origins)?;
        Ok(Self { config, file, origins })
    }
}

/// Reads the files that say how images are built, and names each image by their content, too: another content is another
/// image.
///
/// # Errors
/// Of kind [`ErrorKind::Configuration`] where a file cannot be read, naming it and what names it.
fn read_image_files(config: &mut Config, root: &Path, origins: &mut BTreeMap<String, Origin>) -> Result<()> {
    let image = |image: &Image, key: &str, section: &str| {
        read_files(image, root).map_err(|error| {
            let origin = origins.get(section);
            let place = origin.map_or_else(String::new, |origin| format!("{origin}: "));
            let below = match &image.devcontainer {
                Some(_) => "devcontainer",
                None => "build.containerfile",
            };
            let hint = error.hint_text().map_or_else(
                || "create the file, or correct its path, which is relative to the repository".to_owned(),
                str::to_owned,
            );
            Error::new(ErrorKind::Configuration, format!("{place}{key}.{below}: {error}")).hint(hint)
        })
    };
    config.image = image(&config.image, "image", "image")?;
    for service in config.services.each() {
        let key = format!("services.{}.image", service.name);
        service.image = image(&service.image, &key, "services")?.of_service();
    }
    if config.image.devcontainer.is_some() {
        imply_toolchain(config);
        if let Some(origin) = origins.get("image").cloned() {
            origins.entry("container.toolchain".to_owned()).or_insert(origin);
        }
    }
    Ok(())
}

/// Returns the image whose description is read from the files that are named, in the checkout at `root`.
fn read_files(image: &Image, root: &Path) -> Result<Image> {
    let (build, unused) = match (&image.devcontainer, &image.build) {
        (Some(path), _) => {
            let Devcontainer { build, unused } = devcontainer::read(root, path)?;
            (build, unused)
        }
        (None, Some(build)) if build.containerfile.is_some() => (build.clone(), Vec::new()),
        (None, _) => return Ok(image.clone()),
    };
    let content = build.read_containerfile(root)?;
    Ok(Image {
        devcontainer: image.devcontainer.clone(),
        unused,
        ..Image::built(build, &content)
    })
}

/// Returns where git keeps what belongs to all worktrees of a checkout: in a linked worktree, `.git` is a file that
/// names a folder there, see gitrepository-layout(5).
fn git_folder(root: &Path) -> PathBuf {
    let own = root.join(".git");
    let linked = std::fs::read_to_string(&own).ok().and_then(|text| {
        let folder = root.join(text.strip_prefix("gitdir:")?.trim());
        let common = std::fs::read_to_string(folder.join("commondir")).unwrap_or_else(|_| ".".to_owned());
        Some(folder.join(common.trim()))
    });
    resolved(&linked.unwrap_or(own))
}

/// Returns the places in the checkout at `root` that a path of its configuration leads over: its own, and after each
/// link on its way the target of that link. They are relative to `root`; places outside of it are left out.
pub(crate) fn places(root: &Path, path: &Path) -> Vec<PathBuf> {
    let real = resolved(root);
    let path = real.join(path);
    let inside = steps(&path).filter_map(|step| step.strip_prefix(&real).ok().map(Path::to_owned));
    inside.filter(|place| !place.as_os_str().is_empty()).collect()
}

/// Follows the links of a path, even if its target does not exist yet.
fn resolved(path: &Path) -> PathBuf {
    steps(path).last().unwrap_or_default()
}

/// Returns a path, and after each link on its way the target of that link: no link leads on from the last one, unless
/// links form a circle.
fn steps(path: &Path) -> impl Iterator<Item = PathBuf> {
    // As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let first = Some(lexical(path));
    let steps = std::iter::successors(first, |step| past_first_link(step));
    steps.take(MOST_LINKS + 1).map(|step| lexical(&step))
}

/// Returns the place with the first link of its path followed; `None` when there is none. `..` after a link is the
/// folder above its target.
fn past_first_link(path: &Path) -> Option<PathBuf> {
    let mut here = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                here.pop();
            }
            part => here.push(part),
        }
        if let Ok(target) = std::fs::read_link(&here) {
            here.pop();
            return Some(here.join(target).join(parts.as_path()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_place_on_the_way_of_links_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checkout");
        std::fs::create_dir_all(root.join("real/deep")).unwrap();
        std::fs::write(root.join("real/deep/text.md"), "").unwrap();
        symlink("real", root.join("prompts")).unwrap();
        symlink("../real/deep/text.md", root.join("real/measure.md")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("../elsewhere", root.join("out")).unwrap();
        symlink(root.join("real"), folder.path().join("back")).unwrap();
        let check = |path: &str, expect: &[&str]| {
            let mut found = places(&root, Path::new(path));
            found.dedup();
            assert_eq!(found, expect.iter().map(PathBuf::from).collect::<Vec<_>>(), "{path}");
        };
        check(
            "prompts/measure.md",
            &["prompts/measure.md", "real/measure.md", "real/deep/text.md"],
        );
        check("not/there", &["not/there"]);
        check("loop", &["loop"]);
        check("out/file", &["out/file"]);
        check(root.join("real").to_str().unwrap(), &["real"]);
        check(folder.path().join("back/deep").to_str().unwrap(), &["real/deep"]);
        check("/dev/null", &[]);
    }

    #[test]
    fn a_path_is_resolved_as_far_as_its_links_lead() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/deep")).unwrap();
        std::fs::create_dir(root.join("b")).unwrap();
        symlink("../a/deep", root.join("b/link")).unwrap();
        symlink("b/link/../file", root.join("above")).unwrap();
        symlink("b/link/not/there", root.join("nowhere")).unwrap();
        symlink("two", root.join("one")).unwrap();
        symlink("one", root.join("two")).unwrap();
        let check = |path: &str, expect: &str| assert_eq!(resolved(&root.join(path)), root.join(expect), "{path}");
        check("b/link/x", "a/deep/x");
        check("above", "a/file");
        check("nowhere/x", "a/deep/not/there/x");
        check("b/../a/./deep", "a/deep");
        check("one/x", "one/x");
    }
}

//! `configuration.yaml` on disk: found at the repository root, read, and checked against the disk's own links.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::config::{Config, FILE_NAME, lexical};

/// One byte more than [`Config::parse`] accepts, so that it refuses a larger file.
const READ_LIMIT: u64 = (1 << 20) + 1;

impl Config {
    /// Reads the configuration of the repository whose checkout is at `root`.
    ///
    /// # Errors
    /// Fails with [`ErrorKind::Configuration`] when the file is missing, cannot be read, or has problems; then
    /// [`Problems`](crate::config::Problems) are the cause.
    pub fn load(root: &Path) -> Result<Self> {
        let path = root.join(FILE_NAME);
        let text = read(&path)?;
        let real = root
            .canonicalize()
            .with_context(ErrorKind::Configuration, || format!("cannot find `{}`", root.display()))?;
        let resolve = |path: &Path| match path.to_str() {
            Some(".git") => git_folder(&real),
            _ => resolved(&real.join(path)),
        };
        Self::parse_with(&text, FILE_NAME, &resolve).map_err(Error::from)
    }
}

fn read(path: &Path) -> Result<String> {
    let unreadable = || format!("cannot read `{}`", path.display());
    let refuse = |message: String| Err(Error::new(ErrorKind::Configuration, message));
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return refuse(format!("`{}` is not a file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(path)),
        Err(error) => return Err(error).with_context(ErrorKind::Configuration, unreadable),
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(READ_LIMIT).read_to_end(&mut bytes))
        .with_context(ErrorKind::Configuration, unreadable)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|byte| *byte == b'\n').count();
            refuse(format!("{FILE_NAME}:{line}: not UTF-8"))
        }
    }
}

fn missing(path: &Path) -> Error {
    let message = format!("there is no configuration at `{}`", path.display());
    Error::new(ErrorKind::Configuration, message).hint("run `cordwainer init` to write one")
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

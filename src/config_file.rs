//! `configuration.yaml` on disk: found at the repository root, read, and checked against the disk's own links.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, FILE_NAME};
use crate::error::{Context as _, Error, ErrorKind, Result};

/// One byte more than [`Config::parse`] takes, so that it is the one to refuse.
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
        let resolve = |path: &Path| match path.to_str() {
            Some(".git") => git_folder(root),
            _ => resolved(&root.join(path)),
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
    Error::new(ErrorKind::Configuration, message).hint("run `cargo xtask generator init` to write one")
}

/// Where git keeps what belongs to all worktrees of a checkout: in a linked worktree, `.git` is a file that names a folder
/// there, see gitrepository-layout(5).
fn git_folder(root: &Path) -> PathBuf {
    let own = root.join(".git");
    let linked = std::fs::read_to_string(&own).ok().and_then(|text| {
        let folder = root.join(text.strip_prefix("gitdir:")?.trim());
        let common = std::fs::read_to_string(folder.join("commondir")).unwrap_or_else(|_| ".".to_owned());
        Some(folder.join(common.trim()))
    });
    resolved(&linked.unwrap_or(own))
}

/// The places in the checkout at `root` that a path of its configuration leads over: its own, and after each link on its
/// way the one that the link leads to. They are relative to `root`; what lies outside of it is left out.
pub(crate) fn places(root: &Path, path: &Path) -> Vec<PathBuf> {
    // As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let real = resolved(root);
    let mut found = Vec::new();
    let mut here = crate::config::lexical(&real.join(path));
    for _ in 0..=MOST_LINKS {
        found.extend(here.strip_prefix(&real).ok().map(Path::to_owned));
        let Some(next) = past_first_link(&here) else { break };
        here = next;
    }
    found.retain(|place| !place.as_os_str().is_empty());
    found
}

/// The same place with the first link of its path followed; `None` when there is none.
fn past_first_link(path: &Path) -> Option<PathBuf> {
    let mut above: Vec<&Path> = path.ancestors().collect();
    above.reverse();
    above.into_iter().find_map(|folder| {
        let target = std::fs::read_link(folder).ok()?;
        let rest = path.strip_prefix(folder).ok()?;
        Some(crate::config::lexical(&folder.parent()?.join(target).join(rest)))
    })
}

/// Follows the links of a path as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let simple = crate::config::lexical(path);
    for ancestor in simple.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), simple.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    simple
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
}

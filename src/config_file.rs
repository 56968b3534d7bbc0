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

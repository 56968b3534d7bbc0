//! Which file is the configuration, and its text: the file that the caller names, or the one with a usual name at the
//! repository's root.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::ours::is_ours;
use super::source::ConfigSource;
use super::{FILE_NAME, OWN_FILE_NAME};
use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// One byte more than [`Config::parse`](crate::config::Config::parse) accepts, so that it refuses a larger file.
const READ_LIMIT: u64 = (1 << 20) + 1;

/// The configuration's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its name in reports: as the caller gave it, or relative to the repository's root.
    pub(crate) shown: String,
}

impl ConfigFile {
    /// Returns the file with a usual name at a root.
    pub(super) fn at(root: &Path, name: &str) -> Self {
        Self {
            path: root.join(name),
            shown: name.to_owned(),
        }
    }
}

/// Returns the file that is there, or the one to write where none is.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where both usual names are taken, and which holds cannot be told.
pub(crate) fn locate(root: &Path, source: &ConfigSource) -> Result<ConfigFile> {
    if let Some(path) = &source.file {
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        return Ok(ConfigFile {
            path: path.clone(),
            shown,
        });
    }
    let is_there = |name: &str| root.join(name).symlink_metadata().is_ok();
    let name = match (is_there(OWN_FILE_NAME), is_there(FILE_NAME)) {
        (_, true) if is_foreign(&root.join(FILE_NAME)) => OWN_FILE_NAME,
        (true, true) => {
            let message = format!("both `{OWN_FILE_NAME}` and `{FILE_NAME}` are there");
            return Err(Error::new(ErrorKind::Configuration, message)
                .hint("keep one of the two, or name the one that holds with `--config FILE`"));
        }
        (true, false) => OWN_FILE_NAME,
        (false, _) => FILE_NAME,
    };
    Ok(ConfigFile::at(root, name))
}

/// Reads a file's text; `shown` is its name in reports.
pub(super) fn read(path: &Path, shown: &str) -> Result<String> {
    let unreadable = || format!("cannot read `{}`", path.display());
    let refuse = |message: String| Err(Error::new(ErrorKind::Configuration, message));
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return refuse(format!("`{}` is not a file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_symlink() => {
            let message = format!("`{}` is a link to a file that is not there", path.display());
            return Err(Error::new(ErrorKind::Configuration, message).hint("remove the link, or write the file"));
        }
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
            refuse(format!("{shown}:{line}: not UTF-8"))
        }
    }
}

fn missing(path: &Path) -> Error {
    let message = format!("there is no configuration at `{}`", path.display());
    Error::new(ErrorKind::Configuration, message).hint("run `cordwainer init` to write one")
}

/// Returns whether the file under the common name is another program's. One that cannot be read is taken for ours, so
/// that what is wrong with it is told.
pub(crate) fn is_foreign(path: &Path) -> bool {
    read(path, FILE_NAME).is_ok_and(|text| !is_ours(&text))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_is_the_one_that_is_named_or_the_one_that_is_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let found = |source: &ConfigSource| {
            locate(root, source)
                .map(|file| file.shown)
                .map_err(|error| error.to_string())
        };
        let usual = ConfigSource::default();
        assert_eq!(found(&usual), Ok("configuration.yaml".to_owned()));
        fs::write(root.join("configuration.yaml"), "homeassistant: {}").expect("a file");
        assert_eq!(found(&usual), Ok("cordwainer.yaml".to_owned()));
        fs::write(root.join("cordwainer.yaml"), "").expect("a file");
        assert_eq!(found(&usual), Ok("cordwainer.yaml".to_owned()));
        fs::write(root.join("configuration.yaml"), "gates: []").expect("a file");
        let both = "both `cordwainer.yaml` and `configuration.yaml` are there";
        assert_eq!(found(&usual), Err(both.to_owned()));
        let named = ConfigSource {
            file: Some(root.join("ci/night.yaml")),
            ..ConfigSource::default()
        };
        assert_eq!(found(&named), Ok("ci/night.yaml".to_owned()));
        fs::remove_file(root.join("configuration.yaml")).expect("it was there");
        assert_eq!(found(&usual), Ok("cordwainer.yaml".to_owned()));
    }
}

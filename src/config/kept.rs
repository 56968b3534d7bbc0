//! What is never cleared or overwritten: the configuration itself, and the folders that it names for us.

use std::path::{Path, PathBuf};

use super::field::Field;
use super::paths::overlap;
use super::{Config, FILE_NAME};

/// The paths that are never cleared or overwritten, with their names for people.
pub(super) struct KeptPaths<'a> {
    /// Resolved paths and their names for people.
    paths: Vec<(PathBuf, &'static str)>,
    /// Makes a path of the configuration absolute and follows its links, where the caller can.
    resolve: &'a dyn Fn(&Path) -> PathBuf,
}

impl<'a> KeptPaths<'a> {
    /// Collects the folders that `config` names so far.
    pub(super) fn of(config: &Config, resolve: &'a dyn Fn(&Path) -> PathBuf) -> Self {
        let mut paths = vec![
            (resolve(Path::new(FILE_NAME)), "the configuration"),
            (resolve(Path::new(&config.xtask_dir)), "`xtask_dir`"),
            (resolve(&config.secrets_dir), "`secrets_dir`"),
        ];
        paths.extend(config.state_dir.iter().map(|path| (resolve(path), "`state_dir`")));
        Self { paths, resolve }
    }

    /// Reads a folder in the repository that may be cleared.
    pub(super) fn folder(&self, field: &Field<'_>) -> Option<String> {
        let path = field.repository_path()?;
        match self.at(&path) {
            None => Some(path),
            Some(name) => field.refuse(format!("expected a folder that may be cleared, but {name} is there")),
        }
    }

    /// Returns the name of a kept path that is at `path`, above it or below it.
    pub(super) fn at(&self, path: &str) -> Option<&'static str> {
        let path = (self.resolve)(Path::new(path));
        let kept = self.paths.iter().find(|(other, _)| overlap(&path, other));
        kept.map(|(_, name)| *name)
    }
}

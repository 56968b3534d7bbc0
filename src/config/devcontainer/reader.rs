//! What a devcontainer.json describes, while it is read.

use crate::base::error::{Error, ErrorKind};
use crate::base::text::one_line;
use crate::config::ImageBuild;

/// What a file describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Devcontainer {
    /// How the image is built.
    pub(crate) build: ImageBuild,
    /// What is not obeyed, in sentences without their ends.
    pub(crate) unused: Vec<String>,
}

/// Returns the error of a place in a file.
pub(super) fn wrong(place: &str, why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{place}: {}", one_line(why, 200)))
}

/// A file being read.
pub(super) struct Reader<'a> {
    pub(super) path: &'a str,
    pub(super) found: Devcontainer,
}

impl Reader<'_> {
    /// Returns the error of a key.
    pub(super) fn wrong(&self, key: &str, why: &str) -> Error {
        wrong(&format!("{}: {}", self.path, one_line(key, 100)), why)
    }

    /// Notes a key that is not obeyed.
    pub(super) fn unused(&mut self, key: &str, why: &str) {
        let note = format!("{}: `{}` is not used: {why}", self.path, one_line(key, 100));
        if !self.found.unused.contains(&note) {
            self.found.unused.push(note);
        }
    }
}

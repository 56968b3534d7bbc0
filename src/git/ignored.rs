//! Whether the person's ignore rules cover a path of the checkout.

use std::fs;
use std::path::Path;

use super::rules::{IgnoreFile, Settings};
use super::work::Work;
use super::{Git, bytes};
use crate::base::error::Result;

impl Git {
    /// Returns whether git ignores a path below the checkout, or a folder above it.
    pub fn ignores(&self, path: &Path) -> Result<bool> {
        let settings = Settings::of(self, &self.open()?)?;
        let path = path.strip_prefix(&self.workdir).unwrap_or(path);
        let work = Work::new();
        let outside = settings.ignore_files();
        // Each with the folder that it lies in, the nearest first.
        let mut inside: Vec<(&Path, IgnoreFile)> = Vec::new();
        let mut parts: Vec<_> = path.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
        parts.reverse();
        for part in parts {
            let folder = part.parent().unwrap_or(Path::new(""));
            if let Ok(content) = fs::read(self.workdir.join(folder).join(".gitignore")) {
                inside.insert(0, (folder, IgnoreFile::parse(&content, settings.ignore_case)));
            }
            let is_folder = part != path || self.workdir.join(part).is_dir();
            let below = |folder: &Path| bytes::of_path(part.strip_prefix(folder).unwrap_or(part));
            let own = inside
                .iter()
                .map(|(folder, rules)| rules.ignores(below(folder), is_folder, &work));
            let others = outside
                .iter()
                .map(|rules| rules.ignores(below(Path::new("")), is_folder, &work));
            if own.chain(others).flatten().next() == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

//! The first commit of a generation: sources cleared, seed files rendered.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{EntryKind, NewCommit, Oid, TreeEdit, TreeEntry};
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::trailer::GENERATION;
use crate::prompt::{SeedValues, Template, render_seed};

/// What a generation's branch begins with.
pub(in crate::lifecycle) struct FirstCommit {
    /// The branch's first tip.
    pub(in crate::lifecycle) tip: Oid,
    /// Source folders that the base has and the branch does not have.
    pub(super) cleared: Vec<String>,
    /// Files rendered from templates.
    pub(super) seeded: Vec<String>,
}

impl Generator {
    /// Makes the generation's first commit. Where nothing is cleared or seeded, the base is the tip.
    pub(in crate::lifecycle) fn first_commit(&self, generation: &GenerationName, base: Oid) -> Result<FirstCommit> {
        let before = self.project.git.commit_info(base)?;
        let files = self.project.git.files(base)?;
        let cleared = self.cleared_folders(&files);
        let edit = TreeEdit {
            remove: cleared.iter().map(PathBuf::from).collect(),
            keep: vec![PathBuf::from(&self.project.config.xtask_dir)],
            write: self.seeds(generation, base)?,
        };
        for (destination, _) in &edit.write {
            refuse_replacing(destination, &edit.remove, &files)?;
        }
        let seeded = edit.write.iter().map(|(path, _)| path.display().to_string()).collect();
        let tree = self.project.git.edit_tree(before.tree, &edit)?;
        let tip = if tree == before.tree {
            base
        } else {
            self.project.git.commit(&NewCommit {
                tree,
                parents: vec![base],
                message: format!("Start {generation}\n\n{GENERATION}: {generation}\n"),
                author: None,
                committer: None,
                time: self.project.clock().now(),
            })?
        };
        Ok(FirstCommit { tip, cleared, seeded })
    }

    /// Returns the folders of a tree that a generation begins without.
    pub(super) fn cleared_folders(&self, files: &[TreeEntry]) -> Vec<String> {
        if self.project.config.preserve_sources {
            Vec::new()
        } else {
            present(&self.project.config.source_dirs, files)
        }
    }

    /// Renders `seed_files` from templates of the base commit.
    fn seeds(&self, generation: &GenerationName, base: Oid) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let values = self.seed_values(generation);
        let mut seeds = Vec::new();
        for (destination, name) in &self.project.config.seed_files {
            let refuse =
                |what: String| Error::new(ErrorKind::Configuration, format!("`seed_files.{destination}`: {what}"));
            let Some(bytes) = self.project.git.read_file(base, name.as_ref())? else {
                return Err(refuse(format!("there is no `{name}` in commit {base}")).hint("commit the template first"));
            };
            let text = String::from_utf8(bytes).map_err(|_| refuse(format!("the template `{name}` is not UTF-8")))?;
            let rendered = render_seed(Template { name, text: &text }, &values)?;
            seeds.push((PathBuf::from(destination), rendered.into_bytes()));
        }
        Ok(seeds)
    }

    fn seed_values(&self, generation: &GenerationName) -> SeedValues {
        let config = &self.project.config;
        let name = generation.as_str();
        SeedValues {
            generation: name.to_owned(),
            base_branch: config.base_branch.clone(),
            module_path: config.module_path.clone(),
            binary_name: config.binary_name.clone(),
            binary_dir: config.binary_dir.clone(),
            main_package: config.main_package.clone(),
            version_file: config.version_file.clone(),
            version: name.strip_prefix(&config.gen_prefix).unwrap_or(name).to_owned(),
            date: self.project.clock().now().strftime("%Y-%m-%d").to_string(),
        }
    }
}

/// Returns those of `folders` that are a file of a tree, hold one, or lie below one: a path through a link is refused
/// later.
pub(in crate::lifecycle) fn present(folders: &[String], files: &[TreeEntry]) -> Vec<String> {
    let is_there = |folder: &&String| {
        let folder = Path::new(folder.as_str());
        let concerns = |file: &TreeEntry| {
            let leads_through = matches!(file.kind, EntryKind::Link | EntryKind::Submodule);
            file.path.starts_with(folder) || leads_through && folder.starts_with(&file.path)
        };
        files.iter().any(concerns)
    };
    folders.iter().filter(is_there).cloned().collect()
}

/// Refuses a seed file in the place of a folder, or below a file: one of the two would silently be lost.
fn refuse_replacing(destination: &Path, cleared: &[PathBuf], files: &[TreeEntry]) -> Result<()> {
    let stays = |file: &&TreeEntry| !cleared.iter().any(|folder| file.path.starts_with(folder));
    let in_the_way = |file: &&TreeEntry| {
        let is_file = matches!(file.kind, EntryKind::File | EntryKind::Executable);
        file.path != destination
            && (file.path.starts_with(destination) || is_file && destination.starts_with(&file.path))
    };
    let Some(other) = files.iter().filter(stays).find(in_the_way) else {
        return Ok(());
    };
    let (destination, other) = (destination.display(), other.path.display());
    let message = format!("`seed_files.{destination}` would take the place of `{other}`");
    Err(Error::new(ErrorKind::Configuration, message)
        .hint("choose another destination, or clear that path with `source_dirs`"))
}

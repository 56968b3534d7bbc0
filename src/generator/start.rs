//! `start`: a generation branch from the base branch, with an empty issue store.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::crash::crash_point;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::GenerationName;
use crate::generator::Generator;
use crate::git::{Head, NewCommit, Oid, RefMove, Severity, TreeEdit};
use crate::issue::{FORMAT, StoreMeta};
use crate::prompt::{SeedValues, Template, render_seed};
use crate::store::Store;

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// The generation's name behind the prefix; unset is the present time.
    pub name: Option<String>,
    /// Where to begin instead of the base branch's tip.
    pub from: Option<String>,
}

/// What was started.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct StartDone {
    /// The generation.
    pub generation: GenerationName,
    /// The base branch it will be merged into.
    pub base_branch: String,
    /// The commit it began from.
    pub base: String,
    /// The generation's first tip: the base, or a commit on it.
    pub tip: String,
    /// Source folders that are not on the generation branch.
    pub cleared: Vec<String>,
    /// Files rendered from templates.
    pub seeded: Vec<String>,
    /// What is unusual about the repository.
    pub hazards: Vec<String>,
}

/// The trailer by which the first commit of a generation is known.
pub(super) const GENERATION_TRAILER: &str = "Cordwainer-Generation";

impl Generator {
    /// Starts a generation. Touches refs alone: the person's checkout stays as it is.
    pub async fn start(&self, options: &StartOptions) -> Result<StartDone> {
        let _lock = self.lock("start")?;
        let base = self.starting_point(options)?;
        let hazards = self.tolerable_hazards(base)?;
        let generation = self.new_name(options)?;
        self.clear_interrupted_start(&generation, base)?;
        self.refuse_taken(&generation)?;

        let first = self.first_commit(&generation, base)?;
        let now = self.world().now();
        Store::create(&self.git, &generation, &self.store_meta(&generation, now), now)?;
        crash_point!("start.store");
        self.create(&generation.branch(), first.tip)?;
        crash_point!("start.branch");
        self.create(&generation.base_mark(), base)?;
        crash_point!("start.marked");
        self.remember(&generation)?;
        Ok(StartDone {
            generation,
            base_branch: self.config.base_branch.clone(),
            base: base.to_string(),
            tip: first.tip.to_string(),
            cleared: first.cleared,
            seeded: first.seeded,
            hazards,
        })
    }

    fn store_meta(&self, generation: &GenerationName, now: Timestamp) -> StoreMeta {
        StoreMeta {
            format: FORMAT,
            generation: generation.to_string(),
            base_branch: self.config.base_branch.clone(),
            created_at: now,
            measures: Vec::new(),
        }
    }

    /// The commit to begin from, with the guards on HEAD.
    fn starting_point(&self, options: &StartOptions) -> Result<Oid> {
        match self.git.head()? {
            Head::Unborn { name } => {
                return Err(
                    Error::new(ErrorKind::Precondition, format!("branch `{name}` has no commit yet"))
                        .hint("commit something first: a generation begins from a commit"),
                );
            }
            Head::Detached { .. } if options.from.is_none() => {
                return Err(Error::new(ErrorKind::Precondition, "HEAD is detached")
                    .hint("check out a branch, or say where to begin with `--from REVISION`"));
            }
            Head::Detached { .. } | Head::Branch { .. } => {}
        }
        let branch = &self.config.base_branch;
        let Some(tip) = self.git.branch_tip(branch)? else {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("the base branch `{branch}` does not exist"),
            )
            .hint("set `base_branch` in configuration.yaml to the branch that generations are merged into"));
        };
        match &options.from {
            Some(revision) => self.git.resolve(revision),
            None => Ok(tip),
        }
    }

    /// Refuses what cannot be handled without loss; answers the rest as sentences.
    fn tolerable_hazards(&self, base: Oid) -> Result<Vec<String>> {
        let (refused, tolerable): (Vec<_>, Vec<_>) = self
            .git
            .hazards(base)?
            .into_iter()
            .partition(|hazard| hazard.severity == Severity::Refuse);
        if refused.is_empty() {
            return Ok(tolerable.into_iter().map(|hazard| hazard.text).collect());
        }
        let texts: Vec<_> = refused.into_iter().map(|hazard| hazard.text).collect();
        Err(Error::new(
            ErrorKind::Precondition,
            format!("this repository cannot be worked on safely: {}", texts.join("; ")),
        ))
    }

    fn new_name(&self, options: &StartOptions) -> Result<GenerationName> {
        let name = match &options.name {
            Some(name) if name.contains('/') => {
                let message = format!("`{}` cannot name a generation: it has a `/`", name.escape_debug());
                return Err(Error::new(ErrorKind::Usage, message).hint("`gen_prefix` may have one"));
            }
            Some(name) if name.is_empty() => {
                return Err(Error::new(ErrorKind::Usage, "the name of a generation cannot be empty"));
            }
            Some(name) => name.clone(),
            None => self.world().now().strftime("%Y-%m-%d-%H%M%S").to_string(),
        };
        GenerationName::new(format!("{}{name}", self.config.gen_prefix))
    }

    /// Removes what a `start` of this name left when it died before its last step.
    fn clear_interrupted_start(&self, generation: &GenerationName, base: Oid) -> Result<()> {
        let Some(store) = self.git.reference(&generation.issues())? else {
            return Ok(());
        };
        if self.git.reference(&generation.base_mark())?.is_some() {
            return Ok(());
        }
        if let Some(tip) = self.git.reference(&generation.branch())? {
            let commit = self.git.commit_info(tip)?;
            let ours = tip == base || commit.trailer(GENERATION_TRAILER).as_deref() == Some(generation.as_str());
            if ours {
                self.delete(&generation.branch(), tip)?;
            }
        }
        self.delete(&generation.issues(), store)
    }

    fn refuse_taken(&self, generation: &GenerationName) -> Result<()> {
        if self.git.reference(&generation.base_mark())?.is_some() {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("the generation `{generation}` is open already"),
            )
            .hint("choose another name, or go on with it: `generator run`"));
        }
        if self.git.reference(&generation.branch())?.is_some() {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("a branch `{generation}` exists, and is no generation"),
            )
            .hint("choose another name with `--name`"));
        }
        Ok(())
    }

    /// Makes the generation's first commit: sources cleared, seed files rendered. Without either, the base is the tip.
    fn first_commit(&self, generation: &GenerationName, base: Oid) -> Result<FirstCommit> {
        let before = self.git.commit_info(base)?;
        let edit = TreeEdit {
            remove: self.cleared_folders(),
            keep: vec![PathBuf::from(&self.config.xtask_dir)],
            write: self.seeds(generation, base)?,
        };
        let cleared: Vec<_> = edit.remove.iter().map(|path| path.display().to_string()).collect();
        let seeded: Vec<_> = edit.write.iter().map(|(path, _)| path.display().to_string()).collect();
        let tree = self.git.edit_tree(before.tree, &edit)?;
        if tree == before.tree {
            return Ok(FirstCommit {
                tip: base,
                cleared: Vec::new(),
                seeded,
            });
        }
        let message = format!("Start {generation}\n\n{GENERATION_TRAILER}: {generation}\n");
        let commit = NewCommit {
            tree,
            parents: vec![base],
            message,
            author: None,
            time: self.world().now(),
        };
        Ok(FirstCommit {
            tip: self.git.commit(&commit)?,
            cleared,
            seeded,
        })
    }

    fn cleared_folders(&self) -> Vec<PathBuf> {
        if self.config.preserve_sources {
            Vec::new()
        } else {
            self.config.source_dirs.iter().map(PathBuf::from).collect()
        }
    }

    /// Renders `seed_files` from templates of the base commit.
    fn seeds(&self, generation: &GenerationName, base: Oid) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let values = self.seed_values(generation);
        let mut seeds = Vec::new();
        for (destination, template) in &self.config.seed_files {
            let Some(bytes) = self.git.read_file(base, template.as_ref())? else {
                let message = format!("`seed_files.{destination}`: there is no `{template}` in commit {base}");
                return Err(Error::new(ErrorKind::Configuration, message).hint("commit the template first"));
            };
            let text = String::from_utf8(bytes).map_err(|_| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("`seed_files.{destination}`: the template `{template}` is not UTF-8"),
                )
            })?;
            seeds.push((
                PathBuf::from(destination),
                render_seed(
                    Template {
                        name: template,
                        text: &text,
                    },
                    &values,
                )?
                .into_bytes(),
            ));
        }
        Ok(seeds)
    }

    fn seed_values(&self, generation: &GenerationName) -> SeedValues {
        let config = &self.config;
        SeedValues {
            generation: generation.to_string(),
            base_branch: config.base_branch.clone(),
            module_path: config.module_path.clone(),
            binary_name: config.binary_name.clone(),
            binary_dir: config.binary_dir.clone(),
            main_package: config.main_package.clone(),
            version_file: config.version_file.clone(),
            version: generation.as_str().trim_start_matches(&config.gen_prefix).to_owned(),
            date: self.world().now().strftime("%Y-%m-%d").to_string(),
        }
    }

    /// Creates a ref that must not exist yet.
    pub(super) fn create(&self, name: &str, target: Oid) -> Result<()> {
        match self.git.move_reference(name, None, Some(target), "cordwainer: start")? {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(
                ErrorKind::Precondition,
                format!("`{name}` appeared meanwhile"),
            )),
        }
    }

    /// Deletes a ref that must still be at `expected`.
    pub(super) fn delete(&self, name: &str, expected: Oid) -> Result<()> {
        match self.git.move_reference(name, Some(expected), None, "cordwainer: end")? {
            RefMove::Moved | RefMove::Stale { actual: None } => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(ErrorKind::Precondition, format!("`{name}` moved meanwhile"))
                .hint("somebody else works on this generation: look at it, then run the command again")),
        }
    }
}

struct FirstCommit {
    tip: Oid,
    cleared: Vec<String>,
    seeded: Vec<String>,
}

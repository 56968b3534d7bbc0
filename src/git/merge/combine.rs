//! A merge by paths: changes of one side are taken, and files that both changed are compared.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use super::changes::{self, Changes, Files, Leaf, folders_above};
use super::content::{Driver, Versions};
use super::drivers::{ATTRIBUTES, Drivers};
use super::folders::Vanished;
use super::renames::{self, Moves, Renames};
use crate::base::error::{Context as _, Result};
use crate::git::edit::Editor;
use crate::git::work::Work;
use crate::git::{Git, bytes};

/// How many lines are compared in all files of a merge; ten million take some hundredths of a second.
const MOST_STEPS: u64 = 200_000_000;

/// Paths as bytes, ordered.
pub(super) type Paths = BTreeSet<Vec<u8>>;

/// The trees of a merge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trees {
    pub(super) ancestor: Oid,
    pub(super) ours: Oid,
    pub(super) theirs: Oid,
}

/// The result of a merge.
pub(super) struct Combined {
    /// The merged tree; at a conflict, it has our side's entry.
    pub(super) tree: Oid,
    /// The conflicts.
    pub(super) conflicts: Paths,
    /// The changes of each side, to check that they were kept.
    pub(super) sides: [Changes; 2],
    /// The files that one side renamed and the other side changed.
    pub(super) followed: Renames,
}

/// Merges two trees. A path that is `unknown` in the ancestor is a conflict unless both sides have the same.
pub(super) fn combine(git: &Git, repository: &Repository, trees: Trees, unknown: &Paths) -> Result<Combined> {
    let combination = Combination {
        git,
        repository,
        trees,
        ours: Files::of(repository, trees.ours)?,
        sides: [
            changes::between(repository, trees.ancestor, trees.ours)?,
            changes::between(repository, trees.ancestor, trees.theirs)?,
        ],
        edits: BTreeMap::new(),
        compared: BTreeMap::new(),
        followed: Renames::new(),
        done: Paths::new(),
        conflicts: Paths::new(),
    };
    combination.run(unknown)
}

struct Combination<'repository> {
    git: &'repository Git,
    repository: &'repository Repository,
    trees: Trees,
    /// Our tree.
    ours: Files<'repository>,
    /// Ours, and theirs.
    sides: [Changes; 2],
    /// The entries of the merge that replace those of our side.
    edits: BTreeMap<Vec<u8>, Option<Leaf>>,
    /// The files that both sides changed, by the path of the result.
    compared: BTreeMap<Vec<u8>, Versions>,
    followed: Renames,
    /// Paths that need no further decision.
    done: Paths,
    conflicts: Paths,
}

impl Combination<'_> {
    fn run(mut self, unknown: &Paths) -> Result<Combined> {
        self.refuse_unknown(unknown);
        self.follow_renames()?;
        self.take_changes();
        self.compare()?;
        self.refuse_files_as_folders()?;
        Ok(Combined {
            tree: self.write()?,
            conflicts: self.conflicts,
            sides: self.sides,
            followed: self.followed,
        })
    }

    fn refuse_unknown(&mut self, unknown: &Paths) {
        for path in unknown {
            let [ours, theirs] = self.sides.each_ref().map(|side| side.get(path));
            if ours != theirs {
                self.refuse([path]);
            }
        }
    }

    /// Notes that these paths are conflicts.
    fn refuse<const N: usize>(&mut self, paths: [&[u8]; N]) {
        for path in paths {
            self.conflicts.insert(path.to_vec());
            self.done.insert(path.to_vec());
        }
    }

    /// Applies the change of one side to a file at the place to which the other side moved it. A file that a side added
    /// to a folder which the other side renamed is a conflict.
    fn follow_renames(&mut self) -> Result<()> {
        let ancestor = Files::of(self.repository, self.trees.ancestor)?;
        let theirs = Files::of(self.repository, self.trees.theirs)?;
        let mut moves = [Moves::default(), Moves::default()];
        for (side, other) in [(0, 1), (1, 0)] {
            let gone = if side == 0 { &self.ours } else { &theirs };
            let vanished = Vanished::find(&ancestor, gone, &self.sides[other])?;
            let matters = |path: &[u8]| self.sides[other].contains_key(path) || vanished.have(path);
            moves[side] = renames::find(self.repository, &self.sides[side], matters)?;
            for path in vanished.misplaced(&moves[side]) {
                self.refuse([&path]);
            }
        }
        for (side, other) in [(0, 1), (1, 0)] {
            for (old, new) in &moves[side].renames {
                if !self.done.contains(old) {
                    self.follow(side, old, new, moves[other].renames.get(old));
                }
            }
            for old in moves[side].unsure.difference(&moves[other].unsure) {
                if self.sides[other].contains_key(old) {
                    self.refuse([old]);
                }
            }
        }
        Ok(())
    }

    /// Applies the change of the other side to the file `old`, which `side` has at `new`, and the other side at
    /// `elsewhere`.
    fn follow(&mut self, side: usize, old: &[u8], new: &[u8], elsewhere: Option<&Vec<u8>>) {
        let other = 1 - side;
        let Some(change) = self.sides[other].get(old).copied() else {
            return;
        };
        let at = |sides: &[Changes; 2], side: usize| sides[side].get(new).and_then(|change| change.is);
        let there = match (change.is, elsewhere) {
            (Some(changed), _) if !self.sides[other].contains_key(new) => Some(changed),
            (None, Some(elsewhere)) if elsewhere == new => at(&self.sides, other),
            (None, Some(elsewhere)) => return self.refuse([old, new, elsewhere]),
            _ => None,
        };
        let (Some(here), Some(there)) = (at(&self.sides, side), there) else {
            return self.refuse([old, new]);
        };
        let (ours, theirs) = if side == 0 { (here, there) } else { (there, here) };
        let was = change.was;
        self.compared.insert(new.to_vec(), Versions { was, ours, theirs });
        self.edits.insert(old.to_vec(), None);
        self.followed.insert(old.to_vec(), new.to_vec());
        self.done.extend([old.to_vec(), new.to_vec()]);
    }

    /// Applies the changes of one side alone, and notes the files to compare.
    fn take_changes(&mut self) {
        let [our_side, their_side] = &self.sides;
        for (path, theirs) in their_side {
            if self.done.contains(path) {
                continue;
            }
            match our_side.get(path).map(|ours| (ours.is, theirs.is)) {
                None => drop(self.edits.insert(path.clone(), theirs.is)),
                Some((ours, theirs)) if ours == theirs => {}
                Some((Some(ours), Some(their))) => {
                    let was = theirs.was;
                    let versions = Versions {
                        was,
                        ours,
                        theirs: their,
                    };
                    self.compared.insert(path.clone(), versions);
                }
                // One side changed it, and the other side deleted it.
                Some(_) => drop(self.conflicts.insert(path.clone())),
            }
        }
    }

    /// Merges files that both sides changed: attributes first, because they determine how the rest is merged.
    fn compare(&mut self) -> Result<()> {
        let compared = std::mem::take(&mut self.compared);
        let is_attributes = |path: &[u8]| bytes::split_last(path).1 == ATTRIBUTES;
        let (attributes, others): (Vec<_>, Vec<_>) = compared.into_iter().partition(|(path, _)| is_attributes(path));
        let work = Work::of(MOST_STEPS);
        for (path, versions) in attributes {
            let merged = versions.merge(self.git, self.repository, &work, || Ok(Driver::Text))?;
            self.settle(path, merged);
        }
        let mut drivers = Drivers::new(self.git, self.repository)?;
        let mut settled = Vec::new();
        for (path, versions) in others {
            let driver = || drivers.of(&path, |path| self.result(path));
            settled.push((versions.merge(self.git, self.repository, &work, driver)?, path));
        }
        for (merged, path) in settled {
            self.settle(path, merged);
        }
        Ok(())
    }

    fn settle(&mut self, path: Vec<u8>, merged: Option<Leaf>) {
        match merged {
            Some(_) => drop(self.edits.insert(path, merged)),
            None => drop(self.conflicts.insert(path)),
        }
    }

    /// Returns the entry of the merge at a path.
    fn result(&self, path: &[u8]) -> Result<Option<Leaf>> {
        match self.edits.get(path) {
            Some(edit) => Ok(*edit),
            None => self.ours.leaf(path),
        }
    }

    /// Refuses a merge with a file and a folder of the same name.
    fn refuse_files_as_folders(&mut self) -> Result<()> {
        let mut looked_at: BTreeMap<&[u8], bool> = BTreeMap::new();
        let mut found = Paths::new();
        for (path, _) in self.edits.iter().filter(|(_, edit)| edit.is_some()) {
            for folder in folders_above(path) {
                let is_file = match looked_at.get(folder) {
                    Some(is_file) => *is_file,
                    None => self.result(folder)?.is_some(),
                };
                looked_at.insert(folder, is_file);
                if is_file {
                    found.extend([path.clone(), folder.to_vec()]);
                }
            }
            if let Some(folder) = self.ours.folder(path)? {
                let below = changes::files_below(self.repository, folder, path)?;
                if below.iter().any(|file| self.edits.get(file) != Some(&None)) {
                    found.insert(path.clone());
                }
            }
        }
        self.conflicts.extend(found);
        Ok(())
    }

    /// Writes the merged tree. At a conflict, it has our side's entry.
    fn write(&self) -> Result<Oid> {
        let odb = self.repository.odb().context("cannot open the object database")?;
        let mut editor = Editor::new(self.git, &odb, self.trees.ours);
        let fits = |path: &&Vec<u8>| !self.conflicts.contains(*path);
        for path in self
            .edits
            .iter()
            .filter(|(_, edit)| edit.is_none())
            .map(|(path, _)| path)
        {
            if fits(&path) && self.ours.leaf(path)?.is_some() {
                editor.remove(path, &[])?;
            }
        }
        for (path, edit) in &self.edits {
            if let (Some(leaf), true) = (edit, fits(&path)) {
                editor.put(path, leaf.kind, leaf.id)?;
            }
        }
        editor.write()
    }
}

//! Layers: what `commands.prepare` made, kept below `layers` in the state folder and laid under the worktrees of tasks and
//! gates, which write above them and never into them.
//!
//! A layer is a folder: `record.json` (what it was made of), `used` (its time is that of the last use), `worktree` (folders
//! that git ignores, each at its own path) and `cache`. It is built beside and renamed when all of it is on the disk. Whoever
//! uses one holds a shared lock on its folder, whoever builds or removes one an exclusive lock. Shared layers were made
//! from a commit that had landed; those of a task that changes what they depend on are below `private`, under its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_private_folder, own_folder, write_atomically};
use crate::base::regular;
use crate::git::{Times, fingerprint, make_folder, remove_folder, settle};
use crate::project::Project;

mod key;
mod listing;
mod record;

pub(crate) use self::key::LayerKey;
pub(crate) use self::listing::{LayerSummary, note, noted};
pub(crate) use self::record::LayerRecord;

const RECORD: &str = "record.json";
const USED: &str = "used";
const WORKTREE: &str = "worktree";
const CACHE: &str = "cache";
const PRIVATE: &str = "private";
/// What the name of a folder begins with that is being built.
const BUILDING: &str = ".new-";
/// What the name of a folder begins with that is being removed.
const REMOVING: &str = ".gone-";

/// The layers of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    folder: PathBuf,
    /// Where slots note which layer they stand on.
    tops: PathBuf,
}

/// Whose a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// Everybody's: it was made from a commit that had landed.
    Shared,
    /// A task's own.
    Task(&'a str),
}

/// A layer that can be used; while this lives, nobody removes it.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) folder: PathBuf,
    pub(crate) record: LayerRecord,
    _held: File,
}

/// What was found under a key.
pub(crate) enum Found {
    /// A layer that is as it was made.
    Layer(Arc<Layer>),
    /// Nothing.
    Nothing,
    /// One that was not: it is removed. Why, as the end of a sentence about it.
    Broken(String),
}

/// A layer that is being made.
pub(crate) struct Building {
    folder: PathBuf,
    held: File,
}

impl Project {
    /// Returns the layers of this repository.
    pub(crate) fn layers(&self) -> Layers {
        Layers::of(&self.state_dir)
    }
}

impl Layers {
    /// Names the layers of a state folder.
    pub(crate) fn of(state_dir: &Path) -> Self {
        Self {
            folder: state_dir.join("layers"),
            tops: state_dir.join("tops"),
        }
    }

    fn place(&self, whose: Whose<'_>) -> PathBuf {
        match whose {
            Whose::Shared => self.folder.clone(),
            Whose::Task(task) => self.folder.join(PRIVATE).join(task),
        }
    }

    /// Looks for a layer, and notes that it is used. Everything of it is looked at: a layer of which something is missing,
    /// cut off or written to is removed.
    pub(crate) fn find(&self, whose: Whose<'_>, key: &str) -> Result<Found> {
        self.open(&self.place(whose).join(key))
    }

    /// Opens the layer of a folder, as [`Self::find`] does.
    pub(crate) fn open(&self, folder: &Path) -> Result<Found> {
        let held = match opened(folder)? {
            Opened::Folder(held) => held,
            Opened::Nothing => return Ok(Found::Nothing),
            Opened::Other => {
                self.discard(folder)?;
                return Ok(Found::Broken("something else is in place of their folder".to_owned()));
            }
        };
        held.lock_shared()
            .context(format!("cannot lock `{}`", folder.display()))?;
        if !folder.is_dir() {
            return Ok(Found::Nothing);
        }
        match checked(folder) {
            Ok(record) => {
                regular::write(&folder.join(USED), b"").context(format!("cannot write into `{}`", folder.display()))?;
                Ok(Found::Layer(Arc::new(Layer {
                    folder: folder.to_owned(),
                    record,
                    _held: held,
                })))
            }
            Err(why) => {
                drop(held);
                self.discard(folder)?;
                Ok(Found::Broken(why))
            }
        }
    }

    /// Makes the layer of a task everybody's, if it was made from the very tree that has landed now.
    pub(crate) fn adopt(&self, key: &str, tree: &str) -> Result<()> {
        for task in names(&self.folder.join(PRIVATE))? {
            let folder = self.place(Whose::Task(&task)).join(key);
            let Ok(record) = LayerRecord::read(&folder) else {
                continue;
            };
            if record.tree == tree && record.key == key {
                let place = self.place(Whose::Shared).join(key);
                return match fs::rename(&folder, &place) {
                    Ok(()) => Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
                    // What is not a folder there is removed when it is looked for.
                    Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(()),
                    Err(error) => Err(error).context(format!("cannot rename `{}`", folder.display())),
                };
            }
        }
        Ok(())
    }

    /// Begins a layer; `owner_ids` are those of the user in the container.
    pub(crate) fn begin(&self, key: &str, owner_ids: (u32, u32)) -> Result<Building> {
        own_folder(&self.folder)?;
        let folder = self
            .folder
            .join(format!("{BUILDING}{key}-{}", Clock::machine().token()?));
        create_private_folder(&folder)?;
        let held = File::open(&folder).context(format!("cannot open `{}`", folder.display()))?;
        held.lock().context(format!("cannot lock `{}`", folder.display()))?;
        create_private_folder(&folder.join(WORKTREE))?;
        let building = Building { folder, held };
        make_folder(&building.cache(), Some(owner_ids))?;
        crash_point!("layer.begun");
        Ok(building)
    }

    /// Makes what was built a layer: on the disk first, then under its name.
    pub(crate) fn finish(&self, building: Building, whose: Whose<'_>, mut record: LayerRecord) -> Result<Arc<Layer>> {
        let Building { folder, held } = building;
        let worktree = folder.join(WORKTREE);
        let cache = folder.join(CACHE);
        settle(&worktree)?;
        settle(&cache)?;
        let (worktree, cache) = (fingerprint(&worktree)?, fingerprint(&cache)?);
        record.bytes = worktree.bytes + cache.bytes;
        record.looks = vec![worktree.digest, cache.digest];
        let text = serde_json::to_vec_pretty(&record).context("cannot write the record of a layer")?;
        write_atomically(&folder.join(RECORD), &text)?;
        settle_folder(&folder)?;
        crash_point!("layer.built");
        let parent = self.place(whose);
        create_private_folder(&parent)?;
        let place = parent.join(&record.key);
        if let Err(error) = fs::rename(&folder, &place) {
            let is_taken = error.kind() == io::ErrorKind::DirectoryNotEmpty;
            if is_taken && let Found::Layer(faster) = self.open(&place)? {
                // Somebody else has made the same meanwhile, and may already use it.
                remove_folder(&folder)?;
                return Ok(faster);
            }
            fs::rename(&folder, &place).context(format!("cannot rename `{}`", folder.display()))?;
        }
        settle_folder(&parent)?;
        crash_point!("layer.kept");
        regular::write(&place.join(USED), b"").context(format!("cannot write into `{}`", place.display()))?;
        held.lock_shared()
            .context(format!("cannot lock `{}`", place.display()))?;
        Ok(Arc::new(Layer {
            folder: place,
            record,
            _held: held,
        }))
    }

    /// Removes what a killed process was building or removing, and the layers of tasks for which `is_over` returns true.
    /// Returns how many of the former there were.
    pub(crate) fn clear(&self, is_over: impl Fn(&str) -> bool) -> Result<usize> {
        let mut removed = 0;
        for rest in self.rests()? {
            removed += usize::from(Self::remove_rest(&rest)?);
        }
        for task in names(&self.folder.join(PRIVATE))? {
            if is_over(&task) {
                remove_folder(&self.place(Whose::Task(&task)))?;
            }
        }
        Ok(removed)
    }

    /// Takes a layer away from its name, so that nobody finds it any more, and removes it.
    fn discard(&self, folder: &Path) -> Result<()> {
        let gone = self.folder.join(format!("{REMOVING}{}", Clock::machine().token()?));
        match fs::rename(folder, &gone) {
            Ok(()) => remove_folder(&gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).context(format!("cannot remove `{}`", folder.display())),
        }
    }
}

impl Layer {
    /// Returns the folder that has what belongs at a path of the worktree.
    pub(crate) fn worktree(&self, path: &str) -> PathBuf {
        self.folder.join(WORKTREE).join(path)
    }

    /// Returns the folder of the caches.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.join(CACHE)
    }

    /// Returns the times that fit what was built.
    ///
    /// # Errors
    ///
    /// Where its record names no tree.
    pub(crate) fn times(&self) -> Result<Times> {
        self.record.times()
    }
}

impl Building {
    /// Returns where the folders of the worktree get.
    pub(crate) fn worktree(&self) -> PathBuf {
        self.folder.join(WORKTREE)
    }

    /// Returns where the caches get, which the container writes.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.join(CACHE)
    }

    /// Removes what was built.
    pub(crate) fn abandon(self) -> Result<()> {
        remove_folder(&self.folder)
    }
}

/// What is at the place of a layer.
enum Opened {
    /// Its folder, open for a lock.
    Folder(File),
    Nothing,
    /// Something that is not a folder.
    Other,
}

/// Opens the folder of a layer for a lock.
fn opened(folder: &Path) -> Result<Opened> {
    match regular::open_folder(folder) {
        Ok(file) => Ok(Opened::Folder(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Opened::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let is_there = folder.symlink_metadata().is_ok();
            is_there.then_some(Opened::Other).ok_or_else(|| in_the_way(folder))
        }
        Err(error) => Err(error).context(format!("cannot open `{}`", folder.display())),
    }
}

/// Returns the error about what is in place of `folder`, or of one above it.
fn in_the_way(folder: &Path) -> Error {
    let mut above = folder.ancestors();
    let file = above.find(|above| above.symlink_metadata().is_ok()).unwrap_or(folder);
    let message = format!("`{}` is not a folder", file.display());
    Error::new(ErrorKind::Precondition, message)
        .hint("move it elsewhere: what `commands.prepare` makes is kept there, and is made anew")
}

/// Returns the record of a layer that is as it was made, or what is wrong with it.
fn checked(folder: &Path) -> Result<LayerRecord, String> {
    let record = LayerRecord::read(folder)?;
    if folder.file_name().and_then(|name| name.to_str()) != Some(record.key.as_str()) {
        return Err("its record is another one's".to_owned());
    }
    if record.architecture != std::env::consts::ARCH {
        return Err(format!("it was made for another architecture, {}", record.architecture));
    }
    // It is written again at each use.
    if folder.join(USED).symlink_metadata().is_ok_and(|used| !used.is_file()) {
        return Err(format!("`{USED}` in it is not a regular file"));
    }
    let looks = [WORKTREE, CACHE].map(|part| fingerprint(&folder.join(part)).map(|looks| looks.digest).ok());
    if record.looks.iter().map(Some).ne(looks.iter().map(Option::as_ref)) {
        return Err("files in it are missing or have changed".to_owned());
    }
    Ok(record)
}

fn settle_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.context(format!("cannot write `{}` to the disk", folder.display()))
}

/// Returns the names in a folder, none where there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = || format!("cannot list `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(in_the_way(folder)),
        entries => entries.context(failed())?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.context(failed())?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;

//! What layers there are, and how one that nobody uses is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::LayerRecord;
use super::{BUILDING, Layers, Opened, PRIVATE, REMOVING, USED, Whose, names, opened};
use crate::base::error::Result;
use crate::base::regular;
use crate::git::remove_folder;

/// One layer, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerSummary {
    /// The folder that has it.
    pub(crate) folder: PathBuf,
    /// The task that it belongs to; `None` for one that all share.
    pub(crate) task: Option<String>,
    /// The command that made it; `None` where its record cannot be read.
    pub(crate) command: Option<String>,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// When it was used last.
    pub(crate) last_used: SystemTime,
}

impl Layers {
    /// Lists all layers, those that were used longest ago first.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be listed.
    pub(crate) fn list(&self) -> Result<Vec<LayerSummary>> {
        let mut found = Vec::new();
        self.list_in(None, &mut found)?;
        for task in names(&self.folder.join(PRIVATE))? {
            self.list_in(Some(&task), &mut found)?;
        }
        found.sort_by_key(|layer| layer.last_used);
        Ok(found)
    }

    fn list_in(&self, task: Option<&str>, found: &mut Vec<LayerSummary>) -> Result<()> {
        let place = self.place(task.map_or(Whose::Shared, Whose::Task));
        for name in names(&place)? {
            if name == PRIVATE || name.starts_with(BUILDING) || name.starts_with(REMOVING) {
                continue;
            }
            let folder = place.join(name);
            let record = LayerRecord::read(&folder).ok();
            found.push(LayerSummary {
                task: task.map(str::to_owned),
                last_used: last_used(&folder),
                bytes: record.as_ref().map_or(0, |record| record.bytes),
                command: record.map(|record| record.command),
                folder,
            });
        }
        Ok(())
    }

    /// Removes a layer, unless somebody uses it: a container, or a session that is suspended. Returns whether it is gone.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub(crate) fn remove(&self, layer: &LayerSummary) -> Result<bool> {
        let opened = opened(&layer.folder)?;
        if matches!(opened, Opened::Nothing) {
            return Ok(true);
        }
        if opened.is_held() || self.is_under_a_slot(&layer.folder)? {
            return Ok(false);
        }
        self.discard(&layer.folder)?;
        Ok(true)
    }

    /// Returns whether somebody uses a layer, so that it cannot be removed.
    ///
    /// # Errors
    ///
    /// Where it cannot be looked at.
    pub(crate) fn is_in_use(&self, layer: &LayerSummary) -> Result<bool> {
        Ok(opened(&layer.folder)?.is_held() || self.is_under_a_slot(&layer.folder)?)
    }

    /// Lists what killed processes were making or removing.
    ///
    /// # Errors
    ///
    /// Where the folder of the layers cannot be listed.
    pub(crate) fn rests(&self) -> Result<Vec<PathBuf>> {
        let mut rests = Vec::new();
        for name in names(&self.folder)? {
            let folder = self.folder.join(&name);
            if (name.starts_with(BUILDING) || name.starts_with(REMOVING)) && is_free(&folder)? {
                rests.push(folder);
            }
        }
        Ok(rests)
    }

    /// Removes one of [`Self::rests`], unless somebody is at it. Returns whether it is gone.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub(crate) fn remove_rest(folder: &Path) -> Result<bool> {
        let is_free = is_free(folder)?;
        if is_free {
            remove_folder(folder)?;
        }
        Ok(is_free)
    }

    /// Removes the layers that nobody has used for so long; returns what was removed.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be listed or removed.
    pub(crate) fn remove_unused(&self, for_long: Duration) -> Result<Vec<LayerSummary>> {
        let mut removed = Vec::new();
        for layer in self.list()? {
            let unused = layer.last_used.elapsed().unwrap_or_default();
            if unused > for_long && self.remove(&layer)? {
                removed.push(layer);
            }
        }
        Ok(removed)
    }

    /// Returns whether a slot notes that what its session wrote stands on a layer.
    fn is_under_a_slot(&self, folder: &Path) -> Result<bool> {
        let mut notes = names(&self.tops)?.into_iter().map(|slot| noted(&self.tops.join(slot)));
        Ok(notes.any(|noted| noted.as_deref() == Some(folder)))
    }
}

impl Opened {
    /// Takes the lock of a folder, as long as it is open; returns whether somebody else has it.
    fn is_held(&self) -> bool {
        matches!(self, Self::Folder(folder) if folder.try_lock().is_err())
    }
}

/// Returns whether nobody is at a folder that is there.
fn is_free(folder: &Path) -> Result<bool> {
    let opened = opened(folder)?;
    Ok(!matches!(opened, Opened::Nothing) && !opened.is_held())
}

/// The file in which a slot notes its layer.
const NOTE: &str = "layer";

/// Returns the layer that the folder of a slot notes.
pub(crate) fn noted(tops: &Path) -> Option<PathBuf> {
    let text = regular::read_to_string(&tops.join(NOTE)).ok()?;
    Some(PathBuf::from(text))
}

/// Notes a layer in the folder of a slot.
pub(crate) fn note(tops: &Path, layer: &Path) -> std::io::Result<()> {
    regular::write(&tops.join(NOTE), layer.as_os_str().as_encoded_bytes())
}

fn last_used(folder: &Path) -> SystemTime {
    let times = [USED, ""].map(|name| fs::metadata(folder.join(name)).and_then(|file| file.modified()));
    times.into_iter().find_map(Result::ok).unwrap_or(SystemTime::UNIX_EPOCH)
}

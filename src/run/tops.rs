//! What the containers of a slot see of a layer: each of its folders, read-only, and above it a folder of the slot's own that
//! gets what is written. Where the engine cannot do that, a copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::config::CACHE_FOLDER;
use crate::git::{SeenFolder, copy_tree, make_folder};
use crate::project::layers::{Found, Layer, Layers, note, noted};
use crate::sandbox::engine::{ContainerSpec, LayeredMount, Layering, Mount};
use crate::sandbox::spec::WORKSPACE;

/// A layer under a slot.
pub(crate) struct PreparedMounts {
    layer: Arc<Layer>,
    /// The folder of the slot's own.
    tops: PathBuf,
    /// The folders of the layer for which the slot has a mount point.
    points: Vec<PathBuf>,
    layering: Layering,
    /// The user and group in the container.
    owner_ids: (u32, u32),
}

/// One folder of a layer.
struct Part {
    lower: PathBuf,
    /// The slot's own folder for it.
    own: PathBuf,
    target: String,
}

impl PreparedMounts {
    pub(crate) fn new(layer: Arc<Layer>, tops: PathBuf, points: Vec<PathBuf>, by: (Layering, (u32, u32))) -> Self {
        let (layering, owner_ids) = by;
        Self {
            layer,
            tops,
            points,
            layering,
            owner_ids,
        }
    }

    /// Returns the layer.
    pub(crate) fn under(&self) -> &Arc<Layer> {
        &self.layer
    }

    /// Returns the folder that has what containers write above the layer.
    pub(crate) fn tops(&self) -> &Path {
        &self.tops
    }

    /// Makes the slot's own folders anew, so that a container sees the layer as it was made.
    ///
    /// # Errors
    ///
    /// Where a folder cannot be made, or copied.
    pub(crate) fn renew(&self) -> Result<()> {
        make_folder(&self.tops, None)?;
        for part in self.parts() {
            make_folder(&part.own, None)?;
            match self.layering {
                Layering::Overlay => {
                    make_folder(&part.own.join("upper"), Some(self.owner_ids))?;
                    make_folder(&part.own.join("work"), Some(self.owner_ids))?;
                }
                Layering::Copy => {
                    let copy = part.own.join("copy");
                    make_folder(&copy, Some(self.owner_ids))?;
                    copy_tree(&part.lower, &copy, Some(self.owner_ids))?;
                }
            }
        }
        // Last: without it, nothing of it is used again.
        note(&self.tops, &self.layer.folder).context(format!("cannot write into `{}`", self.tops.display()))?;
        crash_point!("layer.laid_under");
        Ok(())
    }

    /// Returns whether the slot's own folders are there as this engine uses them.
    pub(crate) fn is_there(&self) -> bool {
        let name = match self.layering {
            Layering::Overlay => "upper",
            Layering::Copy => "copy",
        };
        noted(&self.tops).as_ref() == Some(&self.layer.folder) && self.parts().all(|part| part.own.join(name).is_dir())
    }

    /// Adds the folders to the specification of a container.
    pub(crate) fn add_to(&self, spec: &mut ContainerSpec) {
        for Part { lower, own, target } in self.parts() {
            match self.layering {
                Layering::Overlay => spec.layers.push(LayeredMount {
                    lower,
                    upper: own.join("upper"),
                    work: own.join("work"),
                    target,
                }),
                Layering::Copy => spec.mounts.push(Mount {
                    source: own.join("copy"),
                    target,
                    read_only: false,
                }),
            }
        }
    }

    /// Returns the folders of the worktree that are mounted, each with the folder of the host that gets what is written.
    pub(crate) fn written(&self) -> impl Iterator<Item = SeenFolder> {
        let own = match self.layering {
            Layering::Overlay => "upper",
            Layering::Copy => "copy",
        };
        self.parts().filter_map(move |part| {
            let seen_at = part.target.strip_prefix(WORKSPACE)?.strip_prefix('/')?;
            Some(SeenFolder {
                folder: part.own.join(own),
                seen_at: PathBuf::from(seen_at),
            })
        })
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let folders = self.layer.record.folders.iter().enumerate();
        let folders = folders.filter(|(_, path)| self.points.iter().any(|point| point.to_str() == Some(path)));
        let folders = folders.map(|(index, path)| Part {
            lower: self.layer.worktree(path),
            own: self.tops.join((index + 1).to_string()),
            target: format!("{WORKSPACE}/{path}"),
        });
        let cache = Part {
            lower: self.layer.cache(),
            own: self.tops.join("0"),
            target: CACHE_FOLDER.to_owned(),
        };
        folders.chain([cache])
    }
}

/// Returns the layer on which what a suspended session wrote stands; `None` where it is not there any more as it was.
pub(crate) fn layer_under(tops: &Path, layers: &Layers) -> Result<Option<Arc<Layer>>> {
    let Some(folder) = noted(tops) else { return Ok(None) };
    Ok(match layers.open(&folder)? {
        Found::Layer(layer) => Some(layer),
        Found::Nothing | Found::Broken(_) => None,
    })
}

//! What a layer was made of.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RECORD;
use crate::base::error::{Context as _, Result};
use crate::base::regular;
use crate::git::{Oid, Times};

/// The format of records: layers of another one are made anew.
pub(super) const FORMAT: u32 = 1;

/// What a layer was made of, and what it looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    /// The format of this record.
    pub(crate) format: u32,
    /// The key: a hash over all parts on which the result depends.
    pub(crate) key: String,
    /// The command that made it.
    pub(crate) command: String,
    /// The engine's id of the image.
    pub(crate) image: String,
    /// The machine's architecture.
    pub(crate) architecture: String,
    /// The commit that it was made from.
    pub(crate) commit: String,
    /// That commit's tree.
    pub(crate) tree: String,
    /// The folders of the worktree that it has.
    pub(crate) folders: Vec<String>,
    /// The time that all files of the tree had, in seconds since 1970.
    pub(crate) source_time: i64,
    /// When it had been built, in seconds since 1970.
    pub(crate) built_time: i64,
    /// Its size in bytes.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// What its parts look like.
    #[serde(default)]
    pub(crate) looks: Vec<String>,
}

impl LayerRecord {
    /// Reads the record of a layer; else returns what is wrong, as the end of a sentence about the layer.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let text =
            regular::read(&folder.join(RECORD)).map_err(|error| format!("its record cannot be read: {error}"))?;
        let record: Self =
            serde_json::from_slice(&text).map_err(|error| format!("its record cannot be read: {error}"))?;
        if record.format != FORMAT {
            return Err("another version made it".to_owned());
        }
        Ok(record)
    }

    /// Returns the times that fit what was built.
    pub(super) fn times(&self) -> Result<Times> {
        Ok(Times {
            tree: Oid::from_str(&self.tree).context("the record of a layer names no tree")?,
            source: self.source_time,
            built: self.built_time,
        })
    }
}

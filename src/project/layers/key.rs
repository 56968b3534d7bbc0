//! The key of a layer: a hash over everything on which what is prepared depends.

use sha1_smol::Sha1;

use super::LayerRecord;
use super::record::FORMAT;
use crate::base::error::{Context as _, Result};
use crate::config::Config;
use crate::git::{Git, Oid, Times};

/// Everything on which a layer depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerKey {
    /// The hash.
    pub(crate) hash: String,
    command: String,
    image: String,
    commit: Oid,
    tree: Oid,
}

impl LayerKey {
    /// Computes the key for a commit, the engine's id of the image, and the ids of the user in the container; `None` where
    /// nothing is prepared: there is no command, or the commit has no file of those on which its result depends.
    pub(crate) fn of(git: &Git, config: &Config, commit: Oid, image: &str, ids: (u32, u32)) -> Result<Option<Self>> {
        let Some(prepare) = &config.commands.prepare else {
            return Ok(None);
        };
        let tree = git.tree_of(commit)?;
        let mut hash = Sha1::new();
        let mut part = |name: &str, value: &str| {
            // Lengths keep the parts apart, whatever is in them.
            hash.update(format!("{name} {} {value}\n", value.len()).as_bytes());
        };
        part("format", &FORMAT.to_string());
        part("command", &prepare.command);
        part("image", image);
        part("architecture", std::env::consts::ARCH);
        part("user", &format!("{}:{}", ids.0, ids.1));
        for (name, value) in &config.container.env {
            part("variable", name);
            part("value", value);
        }
        let mut has_inputs = prepare.inputs.is_empty();
        let inputs = git.matching(tree, &prepare.inputs);
        for file in inputs.context("the files of `commands.prepare.inputs` cannot be found")? {
            has_inputs = true;
            part("file", &file.path.to_string_lossy());
            part("content", &format!("{:o} {}", file.kind.mode(), file.id));
        }
        Ok(has_inputs.then(|| Self {
            hash: hash.digest().to_string(),
            command: prepare.command.clone(),
            image: image.to_owned(),
            commit,
            tree,
        }))
    }

    /// Returns the tree of the commit.
    pub(crate) fn tree(&self) -> Oid {
        self.tree
    }

    /// Builds the record of the layer of this key that has these folders.
    pub(crate) fn record(&self, folders: Vec<String>, times: Times) -> LayerRecord {
        LayerRecord {
            format: FORMAT,
            key: self.hash.clone(),
            command: self.command.clone(),
            image: self.image.clone(),
            architecture: std::env::consts::ARCH.to_owned(),
            commit: self.commit.to_string(),
            tree: self.tree.to_string(),
            folders,
            source_time: times.source,
            built_time: times.built,
            bytes: 0,
            looks: Vec::new(),
        }
    }
}

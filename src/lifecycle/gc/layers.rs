//! What was prepared for tasks and gates (`commands.prepare`): layers beyond the bounds of `keep`, those of tasks that are
//! over, and what a killed process was making or removing.

use std::path::PathBuf;
use std::time::Duration;

use super::open::Open;
use super::report::{Kept, Looked};
use crate::base::error::Result;
use crate::base::fs::size_on_disk;
use crate::base::text::one_line;
use crate::project::Project;
use crate::project::layers::{LayerSummary, Layers};

/// Something that was prepared.
#[derive(Debug)]
pub(super) enum Prepared {
    /// A whole layer.
    Layer(LayerSummary),
    /// What is left of one.
    Rest(PathBuf),
}

impl Prepared {
    /// Removes it; returns whether it is gone.
    pub(super) fn remove(&self, layers: &Layers) -> Result<bool> {
        match self {
            Self::Layer(layer) => layers.remove(layer),
            Self::Rest(folder) => Layers::remove_rest(folder),
        }
    }
}

/// Lists the layers that can go: the one that was used last is looked at first, so that it is the last to go.
pub(super) fn look(project: &Project, open: &Open) -> Result<Looked<Prepared>> {
    let (layers, keep) = (project.layers(), project.config.keep);
    let mut looked = Looked::default();
    for rest in layers.rests()? {
        let bytes = size_on_disk(&rest);
        looked.free(
            "what is left of a prepared layer",
            "it is not whole",
            Some(bytes),
            Prepared::Rest(rest),
        );
    }
    let mut together: u64 = 0;
    for layer in layers.list()?.into_iter().rev() {
        together = together.saturating_add(layer.bytes);
        let why = match &layer.task {
            Some(task) if !open.tasks.contains(task) => "its task is over",
            _ if keep.layer_age.is_some_and(|most| is_older(&layer, most)) => {
                "`keep.layer_age`: nobody has used it since"
            }
            _ if keep.layer_size.is_some_and(|most| together > most) => {
                "`keep.layer_size`: those that were used later take up the room"
            }
            _ => continue,
        };
        let what = what(&layer);
        if layers.is_in_use(&layer)? {
            looked
                .kept
                .push(Kept::new(what, "a container or a session that can go on uses it"));
            continue;
        }
        let bytes = layer.bytes;
        looked.free(what, why, Some(bytes), Prepared::Layer(layer));
    }
    Ok(looked)
}

fn is_older(layer: &LayerSummary, most: Duration) -> bool {
    layer.last_used.elapsed().unwrap_or_default() > most
}

fn what(layer: &LayerSummary) -> String {
    let command = match &layer.command {
        Some(command) => format!("by `{}`", one_line(command, 60)),
        None => "by something that its record does not name".to_owned(),
    };
    match &layer.task {
        Some(task) => format!("what was prepared {command} for {}", one_line(task, 40)),
        None => format!("what was prepared {command}"),
    }
}

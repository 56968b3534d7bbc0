//! `commands.prepare`: run once for each state of the files on which it depends, and what it leaves kept as a layer.
//!
//! It runs like a gate, in a sealed container on a worktree of the commit in question. A commit that has landed makes a
//! layer that all share. A task's own commit uses the shared layer where its inputs are unchanged, else it makes one that
//! nobody but this task uses; when the very tree of it lands, the layer becomes everybody's.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{GateRun, Ran, Runner};
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text;
use crate::config::{Gate, Prepare};
use crate::git::{Oid, SOURCE_TIME, Times};
use crate::model::IssueId;
use crate::project::layers::{Building, Found, Layer, LayerKey, Whose};
use crate::record::event::EventKind;
use crate::run::disk;
use crate::run::land::SNAPSHOT_LIMITS;
use crate::run::slots::Prepared;

/// The name of the command in reports.
pub(crate) const NAME: &str = "commands.prepare";
/// How many paths are named that are not kept.
const NAMED: usize = 5;

/// What is prepared.
pub(crate) struct Preparing<'a> {
    pub(crate) commit: Oid,
    /// The branch that git in the container has checked out.
    pub(crate) branch: &'a str,
    pub(crate) labels: BTreeMap<String, String>,
    /// The task whose own commit it is; `None` where it has landed.
    pub(crate) task: Option<&'a IssueId>,
}

/// What came of preparing.
pub(crate) enum Outcome {
    /// The layer to lay under a worktree; `None` where nothing is prepared.
    Ready(Option<Arc<Layer>>),
    /// The command failed: how, and its last lines.
    Failed(String, Vec<String>),
    /// The run is to end.
    Cancelled,
}

impl Outcome {
    /// Returns the layer, or the error of a commit that no task has touched: its environment is at fault. Breaks when the
    /// run is to end.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the command failed.
    pub(crate) fn landed(self) -> Result<ControlFlow<(), Option<Arc<Layer>>>> {
        match self {
            Self::Ready(layer) => Ok(ControlFlow::Continue(layer)),
            Self::Cancelled => Ok(ControlFlow::Break(())),
            Self::Failed(how, output) => {
                let message = format!("the dependencies could not be prepared before any work: `{NAME}` {how}");
                let error = match output.as_slice() {
                    [] => Error::new(ErrorKind::Precondition, message),
                    lines => Error::new(ErrorKind::Precondition, message)
                        .because(format!("its last output:\n| {}", lines.join("\n| "))),
                };
                let fix = if disk::is_over(&how) {
                    "raise `container.disk`, or have the command write less"
                } else {
                    "fix the command, the image or `network.allow`"
                };
                Err(error.hint(format!("{fix}; `cordwainer doctor --gates` tries it without a call")))
            }
        }
    }
}

impl Runner<'_> {
    /// Returns the layer for a commit: one that is there, else one that is made now.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] where the image is missing, or the engine failed again and again.
    pub(crate) async fn prepare(&self, wanted: &Preparing<'_>) -> Result<Outcome> {
        let project = self.project;
        let Some(prepare) = &project.config.commands.prepare else {
            return Ok(Outcome::Ready(None));
        };
        let image = self.engine.ensure_image(&project.config.image.name).await?;
        let ids = self.owner_ids();
        let Some(key) = LayerKey::of(&project.git, &project.config, wanted.commit, &image, ids)? else {
            return Ok(Outcome::Ready(None));
        };
        if let Some(layer) = self.checked.and_then(|checked| checked.get(&key.hash)) {
            return Ok(Outcome::Ready(Some(layer)));
        }
        // A task's own layer is made by the task alone.
        let _turn = match self.turn_of_preparing {
            Some(turn) if wanted.task.is_none() => Some(turn.lock().await),
            _ => None,
        };
        let outcome = match tokio::task::block_in_place(|| self.existing(wanted, &key))? {
            Some(layer) => Outcome::Ready(Some(layer)),
            None => self.make(wanted, prepare, &key, ids).await?,
        };
        // What belongs to a task alone is not held: nobody else may have it.
        if let (Some(checked), Outcome::Ready(layer), None) = (self.checked, &outcome, wanted.task) {
            checked.set(layer.clone());
        }
        Ok(outcome)
    }

    /// Looks for a layer: everybody's, else the task's own.
    fn existing(&self, wanted: &Preparing<'_>, key: &LayerKey) -> Result<Option<Arc<Layer>>> {
        let layers = self.project.layers();
        if wanted.task.is_none() {
            layers.adopt(&key.hash, &key.tree().to_string())?;
        }
        let task = wanted.task.map(ToString::to_string);
        for whose in [Some(Whose::Shared), task.as_deref().map(Whose::Task)]
            .into_iter()
            .flatten()
        {
            match layers.find(whose, &key.hash)? {
                Found::Layer(layer) => return Ok(Some(layer)),
                Found::Nothing => {}
                Found::Broken(why) => self.recorder.emit(EventKind::Warned {
                    what: format!("prepared dependencies are not used, and made anew: {why}"),
                }),
            }
        }
        Ok(None)
    }

    /// Runs the command on a worktree of the commit, and keeps what it leaves.
    async fn make(
        &self,
        wanted: &Preparing<'_>,
        prepare: &Prepare,
        key: &LayerKey,
        ids: (u32, u32),
    ) -> Result<Outcome> {
        let project = self.project;
        let begun = Instant::now();
        self.recorder.emit(EventKind::PreparationStarted {
            task: wanted.task.cloned(),
            command: text::one_line(&prepare.command, 120),
        });
        let building = project.layers().begin(&key.hash, ids)?;
        let mut times = Times {
            tree: key.tree(),
            // That of every checkout.
            source: SOURCE_TIME,
            built: now(),
        };
        let mut place = self.lay_out(wanted.commit, wanted.branch, None, Some(times))?;
        place.mounts.prepared = Some(Prepared::Building(building.cache()));
        let folder = self.recorder.folder(&format!("prepare-{}", &key.hash[..10]))?;
        let sandbox = self.sandbox(&place, wanted.labels.clone(), &folder);
        let command = Gate::of(NAME.to_owned(), prepare.command.clone(), prepare.timeout);
        let GateRun { ran, output, .. } = Box::pin(self.run(&sandbox, 0, &command, key.tree())).await?;
        crash_point!("layer.prepared");
        let outcome = match ran {
            Ran::Passed => {
                times.built = now().saturating_add(1);
                tokio::task::block_in_place(|| {
                    let (layer, dropped) = self.keep(wanted, building, &mut place.slot, (key, times))?;
                    self.tell(wanted, begun, &Made::Layer(&layer, &dropped));
                    Ok::<_, Error>(Outcome::Ready(Some(layer)))
                })?
            }
            ran => {
                building.abandon()?;
                let how = ran.how();
                self.tell(wanted, begun, &Made::Nothing(&how, &output));
                match ran {
                    Ran::Cancelled => Outcome::Cancelled,
                    _ => Outcome::Failed(how, output),
                }
            }
        };
        place.give_back()?;
        Ok(outcome)
    }

    /// Moves what was left into the layer, and keeps it. Returns what is not in it, too.
    fn keep(
        &self,
        wanted: &Preparing<'_>,
        building: Building,
        slot: &mut crate::git::Slot,
        (key, times): (&LayerKey, Times),
    ) -> Result<(Arc<Layer>, Vec<String>)> {
        let taken = slot.take_ignored(key.tree(), &SNAPSHOT_LIMITS, &building.worktree())?;
        let dropped = taken.dropped.iter().map(|path| path.display().to_string()).collect();
        let folders = taken.folders.iter().filter_map(|path| path.to_str());
        let record = key.record(folders.map(str::to_owned).collect(), times);
        let task = wanted.task.map(ToString::to_string);
        let whose = task.as_deref().map_or(Whose::Shared, Whose::Task);
        Ok((self.project.layers().finish(building, whose, record)?, dropped))
    }

    /// Reports how it ended.
    fn tell(&self, wanted: &Preparing<'_>, begun: Instant, made: &Made<'_>) {
        let (layer, dropped, failed) = match made {
            Made::Layer(layer, dropped) => (Some(*layer), *dropped, None),
            Made::Nothing(how, output) => (None, &[][..], Some((*how, *output))),
        };
        let mut named: Vec<String> = dropped
            .iter()
            .take(NAMED)
            .map(|path| text::one_line(path, 100))
            .collect();
        if dropped.len() > NAMED {
            named.push(format!("and {} more", dropped.len() - NAMED));
        }
        self.recorder.emit(EventKind::PreparationEnded {
            task: wanted.task.cloned(),
            seconds: begun.elapsed().as_secs_f64(),
            bytes: layer.map_or(0, |layer| layer.record.bytes),
            folders: layer.map(|layer| layer.record.folders.clone()).unwrap_or_default(),
            dropped: named,
            failed: failed.map(|(how, _)| how.to_owned()),
            output: failed.map(|(_, output)| output.to_vec()).unwrap_or_default(),
        });
    }
}

/// What came of running the command.
enum Made<'a> {
    /// A layer, and what is not in it.
    Layer(&'a Layer, &'a [String]),
    /// Nothing: how it ended, and its last lines.
    Nothing(&'a str, &'a [String]),
}

/// Returns the time in whole seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::layers::{LayerRecord, Layers};
    use crate::run::gate::checked_layer::CheckedLayer;

    #[test]
    fn a_layer_is_looked_at_once_for_a_task_and_found_by_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layers = Layers::of(folder.path());
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let building = layers.begin("key", owner).unwrap();
        let record = LayerRecord {
            format: 1,
            key: "key".to_owned(),
            command: String::new(),
            image: String::new(),
            architecture: String::new(),
            commit: String::new(),
            tree: String::new(),
            folders: Vec::new(),
            source_time: 0,
            built_time: 0,
            bytes: 0,
            looks: Vec::new(),
        };
        let layer = layers.finish(building, Whose::Shared, record).unwrap();
        let checked = CheckedLayer::default();
        assert!(checked.get("key").is_none());
        checked.set(Some(Arc::clone(&layer)));
        assert!(checked.get("key").is_some_and(|found| Arc::ptr_eq(&found, &layer)));
        assert!(checked.get("other").is_none());
        checked.forget();
        assert!(checked.get("key").is_none());
    }
}

//! Gates outside of a run: what `cordwainer doctor --gates` and `stop` ask for, with records of their own.

use std::path::PathBuf;

use tokio::sync::mpsc::unbounded_channel;

use super::{Runner, Tried};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::project::Project;
use crate::project::labels::{RUN_LABEL, repository_labels};
use crate::record::recorder::Recorder;
use crate::sandbox::engine::Engine;

/// What gates are tried on.
pub(crate) struct Trial<'a> {
    pub(crate) commit: Oid,
    /// The branch that is checked out in the slot.
    pub(crate) branch: &'a str,
    /// Whether results that are known are not looked up.
    pub(crate) anew: bool,
}

/// The results of all gates of the configuration, in its order.
pub(crate) struct TrialResult {
    pub(crate) tried: Vec<Tried>,
    /// The folder that has the output of those that were run: `gate-<number>.txt`, counted from 1.
    pub(crate) records: PathBuf,
}

/// Returns the result of every configured gate on a commit; `None` when `interruption` ended it.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`](crate::base::error::ErrorKind::Engine) where the image is missing, or the engine
/// failed under a gate again and again.
pub(crate) async fn outside_of_a_run(
    project: &Project,
    engine: &Engine,
    trial: &Trial<'_>,
    interruption: &Interruption,
) -> Result<Option<TrialResult>> {
    let run = project.new_run();
    // Nobody listens; the record is kept like a run's.
    let (events, _) = unbounded_channel();
    let clock = project.clock().clone();
    let recorder = Recorder::create(&project.state_dir, &run, clock, events, project.redactor().clone())?;
    let id = project.git.repository_id()?;
    let mut labels = repository_labels(&project.git, id.as_deref());
    labels.insert(RUN_LABEL.to_owned(), run.to_string());
    let runner = Runner {
        project,
        engine,
        recorder: &recorder,
        interruption,
        checked: None,
    };
    let tried = runner.try_on(trial.commit, trial.branch, labels, trial.anew).await?;
    let records = recorder.path(&super::tip::records_of(trial.commit));
    Ok(tried.map(|tried| TrialResult { tried, records }))
}

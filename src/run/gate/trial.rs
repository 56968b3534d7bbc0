//! Gates outside of a run: what `cordwainer doctor --gates` and `stop` ask for, with records of their own.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tokio::sync::mpsc::unbounded_channel;

use super::custom::{self, Place, Told};
use super::lanes::Lanes;
use super::prepare::Preparing;
use super::tip::records_of;
use super::{Runner, Tried};
use crate::base::error::Result;
use crate::base::interruption::{Interruption, interrupted};
use crate::git::Oid;
use crate::model::Verdict;
use crate::project::Project;
use crate::project::labels::{RUN_LABEL, repository_labels};
use crate::record::recorder::Recorder;
use crate::run::extension::{AddedGate, Asking};
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
    let outside = Outside::new(project)?;
    let runner = outside.runner(project, engine, interruption);
    let labels = outside.labels.clone();
    let tried = runner.try_on(trial.commit, trial.branch, labels, trial.anew).await?;
    let records = outside.recorder.path(&records_of(trial.commit));
    Ok(tried.map(|tried| TrialResult { tried, records }))
}

/// Has gates that are written in Rust judge a merge beside the commit that it is to be landed on. Returns the first that it
/// does not pass, by its name; `None` where it passes all.
///
/// # Errors
///
/// As [`outside_of_a_run`], and of kind [`ErrorKind::Interrupted`](crate::base::error::ErrorKind::Interrupted) when
/// `interruption` ended it.
pub(crate) async fn custom_on_merge(
    (project, engine): (&Project, &Engine),
    trial: &Trial<'_>,
    (gates, parent): (&[AddedGate], Oid),
    interruption: &Interruption,
) -> Result<Option<(String, Told)>> {
    let outside = Outside::new(project)?;
    let runner = outside.runner(project, engine, interruption);
    let wanted = Preparing {
        commit: trial.commit,
        branch: trial.branch,
        labels: outside.labels.clone(),
        task: None,
    };
    let ControlFlow::Continue(layer) = Box::pin(runner.prepare(&wanted)).await?.landed()? else {
        return Err(interrupted());
    };
    let folder = outside.recorder.folder(&records_of(trial.commit))?;
    let lanes = Lanes::lay_out(&runner, trial.commit, trial.branch, layer.as_ref(), 1)?;
    let sandboxes = lanes.sandboxes(&runner, &outside.labels, &folder);
    let mut place = Place {
        sandbox: &sandboxes[0],
        tree: project.git.tree_of(trial.commit)?,
        number: project.config.gates.len(),
    };
    let mut refused = None;
    for added in gates {
        let asking = Asking {
            task: None,
            git: &project.git,
            parent,
            result: trial.commit,
        };
        let came = Box::pin(runner.ask_custom(added, asking, &mut place)).await?;
        let told = custom::told(came, project.redactor()).ok_or_else(interrupted)?;
        if told.verdict != Verdict::Passed {
            refused = Some((added.name.clone(), told));
            break;
        }
    }
    drop(sandboxes);
    lanes.give_back()?;
    Ok(refused)
}

/// What gates and shells outside of a run are run with.
pub(super) struct Outside {
    pub(super) recorder: Recorder,
    pub(super) labels: BTreeMap<String, String>,
}

impl Outside {
    pub(super) fn new(project: &Project) -> Result<Self> {
        let run = project.new_run();
        // Nobody listens; the record is kept like a run's.
        let (events, _) = unbounded_channel();
        let clock = project.clock().clone();
        let recorder = Recorder::create(&project.state_dir, &run, clock, events, project.redactor().clone())?;
        let id = project.git.repository_id()?;
        let mut labels = repository_labels(&project.git, id.as_deref());
        labels.insert(RUN_LABEL.to_owned(), run.to_string());
        Ok(Self { recorder, labels })
    }

    pub(super) fn runner<'a>(
        &'a self,
        project: &'a Project,
        engine: &'a Engine,
        interruption: &'a Interruption,
    ) -> Runner<'a> {
        Runner {
            project,
            engine,
            recorder: &self.recorder,
            interruption,
            checked: None,
            turn_of_preparing: None,
        }
    }
}

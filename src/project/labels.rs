//! Labels: to which repository and run a container belongs.

use std::collections::BTreeMap;

use crate::base::process::ProcessIdentity;
use crate::git::Git;
use crate::sandbox::engine::FoundContainer;

/// The label with the repository's id.
pub(crate) const REPOSITORY_LABEL: &str = "cordwainer.repository";
/// The label with the place of its git folder when the container was created, which is all that earlier versions
/// recorded.
pub(crate) const PATH_LABEL: &str = "cordwainer.repo";

/// The label with the run of a container.
pub(crate) const RUN_LABEL: &str = "cordwainer.run";
/// The label with the purpose of a container: a role, or `gate`.
pub(crate) const ROLE_LABEL: &str = "cordwainer.role";
/// The label with the task of a container.
pub(crate) const TASK_LABEL: &str = "cordwainer.task";

/// The label with the candidate of an attempt, counted from 1, where it has several.
pub(crate) const CANDIDATE_LABEL: &str = "cordwainer.candidate";

/// The label that tells apart containers of gates which run side by side.
pub(crate) const LANE_LABEL: &str = "cordwainer.lane";

/// The label of containers in which `cordwainer doctor` and `cordwainer image check` try something; its value is always [`TRIAL`].
const TRIAL_LABEL: &str = "cordwainer.trial";
/// The value of the label.
const TRIAL: &str = "yes";
/// The label with the process that tries it.
const PROCESS_LABEL: &str = "cordwainer.process";

/// Returns the labels of containers in which this process tries something that belongs to no run.
pub(crate) fn trial_labels() -> BTreeMap<String, String> {
    let process = ProcessIdentity::own().map(|own| (PROCESS_LABEL.to_owned(), own.to_string()));
    all_trials().into_iter().chain(process).collect()
}

/// Returns the labels that all such containers have, whosever they are.
pub(crate) fn all_trials() -> BTreeMap<String, String> {
    BTreeMap::from([(TRIAL_LABEL.to_owned(), TRIAL.to_owned())])
}

/// Returns whether a container with [`all_trials`] was left by a process that is gone. One of an earlier boot is, when it
/// does not run.
pub(crate) fn is_abandoned(container: &FoundContainer) -> bool {
    let process = container.labels.get(PROCESS_LABEL);
    process
        .and_then(|text| ProcessIdentity::parse(text))
        .is_some_and(|process| process.has_ended() || (process.is_of_another_boot() && !container.running))
}

/// Returns the labels that identify containers of a repository with this id.
pub(crate) fn repository_labels(git: &Git, id: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(PATH_LABEL.to_owned(), git.common_dir().to_string_lossy().into_owned())]);
    labels.extend(id.map(|id| (REPOSITORY_LABEL.to_owned(), id.to_owned())));
    labels
}

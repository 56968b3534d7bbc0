//! Labels: to which repository and run a container belongs.

use std::collections::BTreeMap;

use crate::git::Git;

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

/// The label that tells apart containers of gates which run side by side.
pub(crate) const LANE_LABEL: &str = "cordwainer.lane";

/// Returns the labels that identify containers of a repository with this id.
pub(crate) fn repository_labels(git: &Git, id: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(PATH_LABEL.to_owned(), git.common_dir().to_string_lossy().into_owned())]);
    labels.extend(id.map(|id| (REPOSITORY_LABEL.to_owned(), id.to_owned())));
    labels
}

//! What of a run is at work now: claims and containers that no recovery may take for left behind.

use crate::base::registry::{Registered, Registry};
use crate::model::IssueId;

/// A purpose (a role, or `gate`), and the task if it has one.
type Work = (&'static str, Option<IssueId>);

/// The work in progress of one run; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveWork {
    work: Registry<Work>,
    /// The names of containers that a dead run started, and this one goes on with.
    adopted: Registry<String>,
}

/// Work that is in progress until this is dropped.
pub(crate) type ActiveWorkGuard = Registered<Work>;

impl ActiveWork {
    /// Notes that a role, or `gate`, is at work, on a task if it has one.
    pub(crate) fn note(&self, purpose: &'static str, task: Option<IssueId>) -> ActiveWorkGuard {
        self.work.note((purpose, task))
    }

    /// Notes that the run goes on with a container which a dead one started.
    pub(crate) fn note_adopted(&self, container: String) -> Registered<String> {
        self.adopted.note(container)
    }

    /// Returns whether it does.
    pub(crate) fn has_adopted(&self, container: &str) -> bool {
        self.adopted.has(|name| name == container)
    }

    /// Returns whether somebody is at work on a task.
    pub(crate) fn has_task(&self, task: &IssueId) -> bool {
        self.work.has(|(_, at_work)| at_work.as_ref() == Some(task))
    }

    /// Returns whether a call of a role is at work, on this task or on none. The names are those of labels.
    pub(crate) fn has(&self, purpose: &str, task: Option<&str>) -> bool {
        let named = |id: &Option<IssueId>| id.as_ref().map(ToString::to_string);
        self.work
            .has(|(at_work, id)| *at_work == purpose && named(id).as_deref() == task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_known_until_it_ends() {
        let active_work = ActiveWork::default();
        let (one, other) = (IssueId::new(1), IssueId::new(2));
        let first = active_work.note("stitch", Some(one.clone()));
        let again = active_work.note("stitch", Some(one.clone()));
        let measure = active_work.note("measure", None);
        assert!(active_work.has_task(&one) && !active_work.has_task(&other));
        assert!(active_work.has("stitch", Some("cw-1")) && active_work.has("measure", None));
        assert!(
            !active_work.has("stitch", None)
                && !active_work.has("measure", Some("cw-1"))
                && !active_work.has("gate", None)
        );
        drop(first);
        assert!(active_work.has_task(&one), "the other attempt goes on");
        drop((again, measure));
        assert!(!active_work.has_task(&one) && !active_work.has("measure", None));
    }
}

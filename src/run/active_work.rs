//! What of a run is at work now: claims and containers that no recovery may take for left behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::IssueId;

/// What somebody is at: a role, or `gate`, and the task if it has one.
type Work = (&'static str, Option<IssueId>);

/// The work under way of one run; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveWork(Arc<Mutex<Vec<Work>>>);

/// Something that is at work until this is dropped.
#[derive(Debug)]
pub(crate) struct ActiveWorkGuard {
    all: ActiveWork,
    work: Work,
}

impl ActiveWork {
    /// Notes that a role, or `gate`, is at work, on a task if it has one.
    pub(crate) fn note(&self, purpose: &'static str, task: Option<IssueId>) -> ActiveWorkGuard {
        let work = (purpose, task);
        self.works().push(work.clone());
        ActiveWorkGuard {
            all: self.clone(),
            work,
        }
    }

    /// Returns whether somebody is at work on a task.
    pub(crate) fn has_task(&self, task: &IssueId) -> bool {
        self.works().iter().any(|(_, at_work)| at_work.as_ref() == Some(task))
    }

    /// Returns whether a call of a role is at work, on this task or on none. The names are those of labels.
    pub(crate) fn has(&self, purpose: &str, task: Option<&str>) -> bool {
        let named = |id: &Option<IssueId>| id.as_ref().map(ToString::to_string);
        self.works()
            .iter()
            .any(|(at_work, id)| *at_work == purpose && named(id).as_deref() == task)
    }

    fn works(&self) -> MutexGuard<'_, Vec<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ActiveWorkGuard {
    fn drop(&mut self) {
        let mut works = self.all.works();
        if let Some(at) = works.iter().position(|work| *work == self.work) {
            works.swap_remove(at);
        }
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

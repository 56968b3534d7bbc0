//! The sessions at work that a person can speak to: who has something to say finds them here, and they find it here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::IssueId;

/// The conversations of a run; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations(Arc<Mutex<BTreeMap<Key, Arc<Said>>>>);

/// A task, and which of its candidates; 0 where there are none.
type Key = (IssueId, u32);

/// What was said to a session and has not reached it yet.
#[derive(Debug, Default)]
struct Said {
    queue: Mutex<Queue>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<String>,
    /// Whether the session takes nothing more.
    is_closed: bool,
}

impl Conversations {
    /// Opens the conversation with the session of a task that begins now. It ends when what this returns is dropped.
    pub(crate) fn open(&self, task: &IssueId, candidate: u32) -> Conversation {
        let said = Arc::new(Said::default());
        let key = (task.clone(), candidate);
        locked(&self.0).insert(key.clone(), Arc::clone(&said));
        Conversation {
            all: self.clone(),
            key,
            said,
        }
    }

    /// Says something to all sessions of a task. Returns to how many: none where none takes anything.
    pub(crate) fn say(&self, task: &IssueId, text: &str) -> usize {
        let sessions = locked(&self.0);
        let of_task = sessions.iter().filter(|((of, _), _)| of == task);
        of_task.filter(|(_, said)| said.push(text)).count()
    }

    /// Returns whether a session of a task takes something.
    pub(crate) fn has(&self, task: &IssueId) -> bool {
        let sessions = locked(&self.0);
        let mut of_task = sessions.iter().filter(|((of, _), _)| of == task);
        of_task.any(|(_, said)| !locked(&said.queue).is_closed)
    }
}

impl Said {
    /// Adds a text, unless the session takes nothing more.
    fn push(&self, text: &str) -> bool {
        let mut queue = locked(&self.queue);
        if queue.is_closed {
            return false;
        }
        queue.texts.push_back(text.to_owned());
        drop(queue);
        self.more.notify_one();
        true
    }
}

/// One session's side of a conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    all: Conversations,
    key: Key,
    said: Arc<Said>,
}

impl Conversation {
    /// Waits for the next text. Nothing is lost when the wait is given up.
    pub(crate) async fn next(&self) -> String {
        loop {
            if let Some(text) = self.take() {
                return text;
            }
            self.said.more.notified().await;
        }
    }

    fn take(&self) -> Option<String> {
        locked(&self.said.queue).texts.pop_front()
    }

    /// Takes nothing more. Returns what was said before that and not taken yet.
    pub(crate) fn close(&self) -> Vec<String> {
        let mut queue = locked(&self.said.queue);
        queue.is_closed = true;
        queue.texts.drain(..).collect()
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let mut sessions = locked(&self.all.0);
        // The next session of the task may have begun.
        if sessions.get(&self.key).is_some_and(|now| Arc::ptr_eq(now, &self.said)) {
            sessions.remove(&self.key);
        }
    }
}

/// What is in a lock is whole even if a thread died over it.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> IssueId {
        id.parse().unwrap()
    }

    #[tokio::test]
    async fn what_is_said_reaches_all_sessions_of_its_task_and_no_other() {
        let conversations = Conversations::default();
        let (one, other) = (task("cw-k7qd"), task("cw-m3hx"));
        assert_eq!(conversations.say(&one, "nobody is there"), 0);
        let (first, second) = (conversations.open(&one, 1), conversations.open(&one, 2));
        let beside = conversations.open(&other, 0);
        assert!(conversations.has(&one) && conversations.has(&other));
        assert_eq!(conversations.say(&one, "a"), 2);
        assert_eq!(conversations.say(&one, "b"), 2);
        assert_eq!(
            (first.next().await, first.next().await),
            ("a".to_owned(), "b".to_owned())
        );
        // What was not taken when a session ends is not lost.
        assert_eq!(second.close(), ["a", "b"]);
        assert_eq!(conversations.say(&one, "c"), 1);
        assert_eq!(beside.close(), Vec::<String>::new());
        assert!(!conversations.has(&other));
        drop((first, second));
        assert!(!conversations.has(&one));
    }

    #[tokio::test]
    async fn a_session_that_waits_is_woken() {
        let conversations = Conversations::default();
        let session = conversations.open(&task("cw-k7qd"), 0);
        let saying = conversations.clone();
        let (heard, said) = tokio::join!(session.next(), async move { saying.say(&task("cw-k7qd"), "now") });
        assert_eq!((heard.as_str(), said), ("now", 1));
    }

    #[test]
    fn a_session_that_ends_late_does_not_end_the_next_one() {
        let conversations = Conversations::default();
        let before = conversations.open(&task("cw-k7qd"), 0);
        let next = conversations.open(&task("cw-k7qd"), 0);
        drop(before);
        assert_eq!(conversations.say(&task("cw-k7qd"), "x"), 1);
        assert_eq!(next.close(), ["x"]);
    }
}

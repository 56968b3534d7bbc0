//! The open items of a document as tasks to be filed.

use super::item::DocumentItem;
use super::reading::Reading;
use crate::base::text::normalised_title;
use crate::issues::issue::{BatchIssue, NewIssue};

/// What stands between a document and an item in the name by which a task is recognized.
const MARK: char = '#';

impl Reading {
    /// Returns the items that are not done as a batch; `name` is the document's, by which a task is recognized when it is
    /// imported again.
    pub fn batch(&self, name: &str) -> Vec<BatchIssue> {
        let open = |id: &String| self.items.iter().any(|item| !item.done && item.id.as_ref() == Some(id));
        let items = self.items.iter().enumerate().filter(|(_, item)| !item.done);
        let batch = items.map(|(index, item)| {
            let key = item.id.clone().unwrap_or_else(|| format!("item {}", index + 1));
            let depends_on = item.depends_on.iter().filter(|id| open(id)).cloned().collect();
            BatchIssue::new(key, task(item, name), depends_on)
        });
        batch.collect()
    }
}

/// Returns the beginning of the names that the items of a document have.
pub fn origin(external: &str) -> Option<&str> {
    let (origin, _) = external.rsplit_once(MARK)?;
    origin.strip_prefix("document:")
}

fn task(item: &DocumentItem, name: &str) -> NewIssue {
    let mut task = NewIssue::titled(&item.title);
    let id = item
        .id
        .as_ref()
        .map(|id| format!("{id} of `{name}`."))
        .unwrap_or_default();
    let parts = [item.description.as_str(), id.as_str()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    task.description = parts.join("\n\n");
    task.priority = item.priority;
    task.issue_type.clone_from(&item.issue_type);
    let own = item
        .id
        .clone()
        .unwrap_or_else(|| normalised_title(&item.title).replace(' ', "-"));
    // No id has one, and the last one is where the document's name ends.
    task.external = Some(format!("document:{name}{MARK}{}", own.replace(MARK, "")));
    task
}

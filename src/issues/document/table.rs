//! Rows of tables that are items: the columns say what their cells are.

use super::item::{Words, ids_in, is_id, priority_of, type_named, words_of};
use super::words::{self, has};

/// Names of columns, in lower case, by what is in them; the first that fits is taken.
const TITLES: &[&str] = &[
    "title",
    "story",
    "user story",
    "requirement",
    "task",
    "feature",
    "summary",
    "test case",
    "test",
    "check",
    "issue",
    "bug",
    "item",
    "component",
    "name",
    "description",
    "what",
    "titel",
    "aufgabe",
    "anforderung",
    "titre",
    "tâche",
    "título",
    "tarea",
];
const IDS: &[&str] = &["id", "key", "#", "no", "nr", "no.", "nr.", "number", "ticket", "ref"];
const PRIORITIES: &[&str] = &[
    "priority",
    "prio",
    "severity",
    "importance",
    "moscow",
    "priorität",
    "schweregrad",
    "priorité",
    "prioridad",
];
const STATES: &[&str] = &[
    "status", "state", "done", "done?", "result", "progress", "stand", "statut", "estado",
];
const TYPES: &[&str] = &["type", "kind", "category", "typ", "art", "label", "labels", "tipo"];
const NEEDS: &[&str] = &[
    "depends on",
    "dependencies",
    "blocked by",
    "depends",
    "needs",
    "after",
    "prerequisites",
    "abhängig von",
];

/// What a table is for, by its columns.
pub(super) struct Columns {
    title: usize,
    id: Option<usize>,
    priority: Option<usize>,
    state: Option<usize>,
    issue_type: Option<usize>,
    needs: Option<usize>,
}

impl Columns {
    /// Returns where what is; `None` for a table whose rows are not items.
    pub(super) fn of(names: &[String]) -> Option<Self> {
        let names: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
        let column = |words: &[&str]| words.iter().find_map(|word| names.iter().position(|name| name == word));
        let columns = Self {
            title: column(TITLES)?,
            id: column(IDS),
            priority: column(PRIORITIES),
            state: column(STATES),
            issue_type: column(TYPES),
            needs: column(NEEDS),
        };
        let facts = [columns.id, columns.priority, columns.state, columns.issue_type];
        facts.iter().any(Option::is_some).then_some(columns)
    }

    /// Returns whether a table tells how far parts of something are, and nothing else of them.
    pub(super) fn is_of_states(&self) -> bool {
        self.state.is_some() && self.id.is_none() && self.priority.is_none() && self.issue_type.is_none()
    }

    /// Reads a row; `None` for one without a title. The rest is what further columns say.
    pub(super) fn words(&self, names: &[String], cells: &[String]) -> Option<Words> {
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim());
        let title = cell(Some(self.title));
        if title.is_empty() {
            return None;
        }
        let mut words = words_of(title, "");
        let id = cell(self.id);
        if is_id(id) {
            words.id = Some(id.to_owned());
        }
        words.is_marked = true;
        words.priority = priority_of(cell(self.priority)).or(words.priority);
        words.issue_type = type_named(cell(self.issue_type)).or(words.issue_type);
        words.done = self.state.map(|at| is_done(cell(Some(at)))).or(words.done);
        words.depends_on.extend(ids_in(cell(self.needs)));
        let known = [
            Some(self.title),
            self.id,
            self.priority,
            self.state,
            self.issue_type,
            self.needs,
        ];
        for (at, name) in names.iter().enumerate().filter(|(at, _)| !known.contains(&Some(*at))) {
            let text = cell(Some(at));
            if !text.is_empty() {
                words.rest.push_str(&format!("\n{}: {text}", name.trim()));
            }
        }
        Some(words)
    }
}

fn is_done(cell: &str) -> bool {
    let cell = cell.to_lowercase();
    let is_marked =
        ["✅", "☑", "✔", "✓"].iter().any(|mark| cell.starts_with(mark)) || ["x", "[x]"].contains(&cell.as_str());
    let is_denied = has(&cell, "not|in progress|partly|partially|nicht|teilweise");
    !is_denied && (is_marked || has(&cell, words::DONE_CELLS))
}

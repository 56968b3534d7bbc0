//! Which parts of a document are its items.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::{Block, ListItem, What};
use super::item::{DocumentItem, Words, is_story, prefix, take_dependencies, words_of};
use super::kind::{DocumentKind, Signs};
use super::mode::Request;
use super::section::{Role, Sections, plain, says_nothing};
use super::table::Columns;
use super::words::{self, has};

/// How many items are read of one document.
pub const MOST_ITEMS: usize = 2000;

/// What is known of a document before its items are.
pub(super) struct Known<'a> {
    pub(super) signs: &'a Signs,
    pub(super) kind: DocumentKind,
    /// What its title or its first words ask for.
    pub(super) request: Option<Request>,
}

/// Collects items from the parts of a document, in order.
struct Collector<'a> {
    known: &'a Known<'a>,
    /// Beginnings of ids that several items have.
    prefixes: BTreeSet<String>,
    sections: Sections,
    items: Vec<DocumentItem>,
    /// The items that the present list is within: depth and place.
    above: Vec<(usize, usize)>,
    /// The heading that is an item: its level and the item's place.
    heading: Option<(u8, usize)>,
}

/// Returns the items of a document.
pub(super) fn items(blocks: &[Block], known: &Known<'_>) -> Vec<DocumentItem> {
    if known.kind == DocumentKind::BugReport {
        return vec![bug(blocks, known.signs)];
    }
    let mut collector = Collector {
        known,
        prefixes: shared_prefixes(blocks),
        sections: Sections::default(),
        items: Vec::new(),
        above: Vec::new(),
        heading: None,
    };
    for (index, block) in blocks.iter().enumerate() {
        match &block.what {
            What::Front(_) => {}
            What::Heading { level, text } => {
                let is_item = collector.is_item(&blocks[index + 1..], *level, text);
                collector.heading(block.line, (*level, text), is_item);
            }
            What::Paragraph { text, .. } => collector.paragraph(block.line, text),
            What::Item(item) => collector.list_item(block.line, item),
            What::Row { columns, cells } => collector.row(block.line, columns, cells),
        }
    }
    finished(collector.items)
}

/// Drops what is named as a dependency and is not an item, and what has no title. A user story is a feature, whatever it is called.
fn finished(mut items: Vec<DocumentItem>) -> Vec<DocumentItem> {
    items.retain(|item| !item.title.is_empty());
    let ids: BTreeSet<String> = items.iter().filter_map(|item| item.id.clone()).collect();
    for item in &mut items {
        let mut seen = BTreeSet::new();
        let own = item.id.clone();
        item.depends_on
            .retain(|id| ids.contains(id) && own.as_ref() != Some(id) && seen.insert(id.clone()));
        item.description = item.description.trim().to_owned();
        if is_story(&item.title) || is_story(&item.description) {
            "feature".clone_into(&mut item.issue_type);
        }
    }
    items
}

/// Returns the beginnings of ids that at least two parts of a document have.
fn shared_prefixes(blocks: &[Block]) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for block in blocks {
        let id = match &block.what {
            What::Heading { text, .. } => words_of(text, "").id,
            What::Item(item) => words_of(&item.text, &item.lead).id,
            _ => None,
        };
        if let Some(id) = id {
            *counts.entry(prefix(&id).to_owned()).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(prefix, _)| prefix)
        .collect()
}

/// Returns the one item of a bug report: itself.
fn bug(blocks: &[Block], signs: &Signs) -> DocumentItem {
    let mut priority = None;
    let mut told = None;
    let mut description = String::new();
    for block in blocks {
        let (text, lead) = match &block.what {
            What::Paragraph { text, lead } => (text.as_str(), lead.as_str()),
            What::Item(item) => (item.text.as_str(), item.lead.as_str()),
            What::Heading { text, .. } => {
                description.push_str(&format!("\n## {text}\n"));
                continue;
            }
            _ => continue,
        };
        description.push_str(&format!("{text}\n"));
        for line in text.lines().filter_map(|line| line.split_once(':')) {
            if has(&plain(line.0), words::SEVERITY) {
                priority = priority.or(super::item::priority_of(line.1));
            }
        }
        let is_told = has(
            &plain(lead),
            "describe the bug|summary|description|what happened|bug description",
        );
        if is_told && told.is_none() {
            let rest = text
                .strip_prefix(lead)
                .unwrap_or(text)
                .trim_start_matches([':', ' ', '\n']);
            told = rest.lines().next().map(str::to_owned);
        }
    }
    let titled = Some(signs.title.clone()).filter(|title| !title.is_empty() && !is_label(title));
    let title = titled.or(told).unwrap_or_else(|| signs.title.clone());
    let words = words_of(&title, "");
    DocumentItem {
        line: blocks.first().map_or(1, |block| block.line),
        id: None,
        title: words.title,
        description: description.trim().to_owned(),
        issue_type: "bug".to_owned(),
        priority: priority.unwrap_or(2),
        done: false,
        depends_on: Vec::new(),
    }
}

/// Returns whether a title is nothing but the form's: `Describe the bug`.
fn is_label(title: &str) -> bool {
    let title = plain(title);
    has(&title, "describe the bug") || ["bug report", "summary", "description"].contains(&title.as_str())
}

impl Collector<'_> {
    /// Returns whether a heading is an item: it has an id, and nothing below it has one or a box.
    fn is_item(&self, below: &[Block], level: u8, text: &str) -> bool {
        if !self.is_named(&words_of(text, "")) && !self.is_bug(below, level, text) {
            return false;
        }
        let section = below
            .iter()
            .take_while(|block| !matches!(&block.what, What::Heading { level: next, .. } if *next <= level));
        let mut holds_items = section.map(|block| match &block.what {
            What::Item(item) => item.checked.is_some() || self.is_named(&words_of(&item.text, &item.lead)),
            What::Heading { text, .. } => self.is_named(&words_of(text, "")),
            What::Row { columns, .. } => Columns::of(columns).is_some(),
            What::Paragraph { text, .. } => text.lines().any(|line| is_marked(&words_of(line, ""))),
            What::Front(_) => false,
        });
        !holds_items.any(|holds| holds)
    }

    /// Returns whether a heading is a defect: it stands among defects, says nothing of others, and is followed by prose.
    fn is_bug(&self, below: &[Block], level: u8, text: &str) -> bool {
        let is_among = self.sections.role_above(level) == Some(Role::Bugs);
        let has_prose = matches!(below.first().map(|block| &block.what), Some(What::Paragraph { .. }));
        is_among && has_prose && says_nothing(text)
    }

    /// Returns whether words begin with an id that is meant as one.
    fn is_named(&self, words: &Words) -> bool {
        let is_shared = |id: &String| self.prefixes.contains(prefix(id));
        is_marked(words) || words.id.as_ref().is_some_and(is_shared)
    }

    fn heading(&mut self, line: u32, (level, text): (u8, &str), is_item: bool) {
        self.above.clear();
        let is_below = self.heading.is_some_and(|(above, _)| level > above);
        if is_below && !is_item {
            self.describe(&format!("\n{text}\n"));
            return;
        }
        self.heading = None;
        if is_item {
            // The title of an item says nothing of others.
            self.sections.enter(level, "");
            let words = words_of(text, "");
            self.add(line, words);
            self.heading = Some((level, self.items.len().saturating_sub(1)));
        } else {
            self.sections.enter(level, text);
        }
    }

    /// Adds to what is said of the heading that is an item.
    fn describe(&mut self, text: &str) {
        let Some((_, at)) = self.heading else { return };
        let Some(item) = self.items.get_mut(at) else { return };
        let mut text = text.to_owned();
        let depends_on = take_dependencies(&mut text);
        item.depends_on.extend(depends_on);
        item.description.push_str(&format!("{text}\n"));
    }

    fn paragraph(&mut self, line: u32, text: &str) {
        self.above.clear();
        if self.heading.is_some() {
            self.describe(text);
            return;
        }
        if self.sections.says().role == Some(Role::Aside) {
            return;
        }
        for (index, text) in text.lines().enumerate() {
            let words = words_of(text, "");
            if is_marked(&words) {
                let line = line.saturating_add(u32::try_from(index).unwrap_or(u32::MAX));
                self.add(line, words);
            }
        }
    }

    fn list_item(&mut self, line: u32, item: &ListItem) {
        while self.above.last().is_some_and(|(depth, _)| *depth >= item.depth) {
            self.above.pop();
        }
        let mut words = words_of(&item.text, &item.lead);
        let is_own = item.checked.is_some() || self.is_named(&words);
        if let Some((_, at)) = self.above.last().filter(|_| !is_own) {
            if let Some(above) = self.items.get_mut(*at) {
                above
                    .description
                    .push_str(&format!("\n- {}", item.text.replace('\n', " ")));
            }
            return;
        }
        if self.heading.is_some() && !is_own {
            self.describe(&format!("- {}", item.text));
            return;
        }
        if !is_own && !self.is_meant(item) {
            return;
        }
        if !self.is_named(&words) && words.id.is_some() {
            // What only looks like an id belongs to the title.
            words = Words {
                title: item.text.split_whitespace().collect::<Vec<_>>().join(" "),
                id: None,
                ..words
            };
        }
        words.done = item.checked.or(item.is_struck.then_some(true)).or(words.done);
        words.rest.push_str(&format!("\n{}", item.more));
        self.add(line, words);
        self.above.push((item.depth, self.items.len().saturating_sub(1)));
    }

    /// Returns whether an item of a list, without id and box, is an item by where it stands or what it says.
    fn is_meant(&self, item: &ListItem) -> bool {
        let role = self.sections.says().role;
        if role == Some(Role::Aside) || item.depth > 0 {
            return false;
        }
        let is_requirement =
            self.known.kind == DocumentKind::Specification && has(&item.text.to_lowercase(), words::MODAL);
        let is_list_of_work = self.known.kind == DocumentKind::Backlog || self.known.request.is_some();
        role.is_some() && self.known.kind != DocumentKind::Unknown || is_requirement || is_list_of_work
    }

    fn row(&mut self, line: u32, columns: &[String], cells: &[String]) {
        if self.sections.says().role == Some(Role::Aside) {
            return;
        }
        let words = Columns::of(columns).and_then(|known| known.words(columns, cells));
        if let Some(words) = words {
            self.add(line, words);
        }
    }

    fn add(&mut self, line: u32, words: Words) {
        let says = self.sections.says();
        let usual = self.usual(says.role);
        self.items.push(words.item(line, says, usual));
    }

    /// Returns the type of items that name none.
    fn usual(&self, role: Option<Role>) -> &'static str {
        let title = plain(&self.known.signs.title);
        match (self.known.request, role) {
            (Some(Request::Refactor), _) => return "chore",
            (Some(Request::Audit | Request::Review), _) | (None, Some(Role::Cases)) => return "task",
            (None, Some(Role::Bugs)) => return "bug",
            (None, Some(Role::Requirements)) => return "feature",
            (None, _) => {}
        }
        match self.known.kind {
            DocumentKind::Specification => "feature",
            DocumentKind::Backlog if has(&title, words::FEATURE_LISTS) => "feature",
            _ => "task",
        }
    }
}

fn is_marked(words: &Words) -> bool {
    words.id.is_some() && words.is_marked
}

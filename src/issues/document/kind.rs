//! What a document is: points for words of its title and its headings, and for how it is built.

use std::collections::BTreeSet;

use serde::Serialize;

use super::blocks::{Block, What};
use super::item::{prefix, words_of};
use super::section::{is_version, of_changelog, plain};
use super::table::Columns;
use super::words::{self, has};

/// The fewest points of a kind that is believed.
const ENOUGH: u32 = 4;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A report of one defect.
    BugReport,
    /// What is to be tested.
    TestPlan,
    /// What was done, and what is next.
    StatusReport,
    /// A list of work.
    Backlog,
    /// What a program, or a part of one, must do.
    Specification,
    /// None of these, or not to be recognized.
    Unknown,
}

impl DocumentKind {
    /// Returns its name for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::BugReport => "bug report",
            Self::TestPlan => "test plan",
            Self::StatusReport => "status report",
            Self::Backlog => "backlog",
            Self::Specification => "specification",
            Self::Unknown => "document of no known kind",
        }
    }
}

/// What a document shows of itself.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// As it is written.
    pub(super) title: String,
    front: String,
    /// Headings, and words in front of a colon or in bold at the beginning of a line, in lower case.
    labels: BTreeSet<String>,
    boxes: usize,
    list_items: usize,
    modal: usize,
    /// Items that begin with a word for a priority.
    ranked: usize,
    prefixes: BTreeSet<String>,
    tables: usize,
    tables_of_states: usize,
    tables_of_cases: usize,
    versions: usize,
    changes: usize,
}

/// A kind with its points and what they are for.
pub(super) struct Judged {
    pub(super) kind: DocumentKind,
    /// From 0 to 100.
    pub(super) confidence: u8,
    pub(super) why: Vec<String>,
}

impl Signs {
    /// Collects the signs of a document.
    pub(super) fn of(blocks: &[Block]) -> Self {
        let mut signs = Self::default();
        for block in blocks {
            match &block.what {
                What::Front(text) => signs.front = text.to_lowercase(),
                What::Heading { text, .. } => {
                    signs.labels.insert(plain(text));
                    signs.versions += usize::from(is_version(text));
                    signs.changes += usize::from(of_changelog(text).is_some());
                    let id = words_of(text, "").id;
                    signs.prefixes.extend(id.map(|id| prefix(&id).to_owned()));
                }
                What::Paragraph { text, lead } => signs.paragraph(text, lead),
                What::Item(item) => {
                    signs.list_items += 1;
                    signs.boxes += usize::from(item.checked.is_some());
                    signs.modal += usize::from(has(&item.text.to_lowercase(), words::MODAL));
                    let words = words_of(&item.text, &item.lead);
                    signs.ranked += usize::from(words.priority.is_some());
                    signs.prefixes.extend(words.id.map(|id| prefix(&id).to_owned()));
                }
                What::Row { columns, .. } => signs.row(columns),
            }
        }
        signs.title = title(blocks);
        signs
    }

    fn paragraph(&mut self, text: &str, lead: &str) {
        for line in text.lines() {
            let label = line.split_once(':').map(|(label, _)| label);
            let is_short = |label: &&str| label.split_whitespace().count() <= 4;
            self.labels.extend(label.filter(is_short).map(plain));
            let words = words_of(line, "");
            self.modal += usize::from(has(&line.to_lowercase(), words::MODAL) && words.id.is_some());
            self.prefixes
                .extend(words.id.filter(|_| words.is_marked).map(|id| prefix(&id).to_owned()));
        }
        if !lead.is_empty() {
            self.labels.insert(plain(lead));
        }
    }

    fn row(&mut self, columns: &[String]) {
        let Some(known) = Columns::of(columns) else { return };
        self.tables += 1;
        self.tables_of_states += usize::from(known.is_of_states());
        let has_case = |name: &String| {
            has(
                &name.to_lowercase(),
                "steps|expected|expected result|precondition|test case|check",
            )
        };
        self.tables_of_cases += usize::from(columns.iter().any(has_case));
    }

    fn has_label(&self, words: &str) -> bool {
        self.labels.iter().any(|label| has(label, words))
    }

    fn titled(&self, words: &str) -> bool {
        has(&plain(&self.title), words)
    }

    /// Says what the document is.
    pub(super) fn judge(&self) -> Judged {
        let mut all = [
            (DocumentKind::BugReport, self.bug_report()),
            (DocumentKind::TestPlan, self.test_plan()),
            (DocumentKind::StatusReport, self.status_report()),
            (DocumentKind::Backlog, self.backlog()),
            (DocumentKind::Specification, self.specification()),
        ];
        let sum = |points: &Points| points.iter().map(|(count, _)| count).sum::<u32>();
        // Of equals the first one stays first.
        all.sort_by_key(|(_, points)| std::cmp::Reverse(sum(points)));
        let [(kind, points), (_, second), ..] = all;
        let (best, second) = (sum(&points), sum(&second));
        if best < ENOUGH {
            return Judged {
                kind: DocumentKind::Unknown,
                confidence: 50,
                why: vec!["neither its title nor its headings are those of a known kind".to_owned()],
            };
        }
        let confidence = 50 + 8 * (best - second).min(4) + 3 * (best - ENOUGH).min(5);
        Judged {
            kind,
            confidence: u8::try_from(confidence.min(95)).unwrap_or(95),
            why: points.into_iter().map(|(_, why)| why.to_owned()).collect(),
        }
    }

    fn bug_report(&self) -> Points {
        let parts = [
            (
                4,
                self.has_label(words::REPRODUCE),
                "it says how to reproduce something",
            ),
            (3, self.has_label(words::EXPECTED), "it says what was expected"),
            (2, self.has_label(words::ACTUAL), "it says what happened instead"),
            (1, self.has_label(words::SEVERITY), "it has a severity"),
            (3, has(&self.front, "bug"), "its front matter names a bug"),
            (2, self.titled(words::OF_BUG), "its title is that of a bug report"),
        ];
        let points = points(parts);
        let is_told = [words::REPRODUCE, words::EXPECTED]
            .iter()
            .any(|words| self.has_label(words));
        if is_told || has(&self.front, "bug") {
            points
        } else {
            Vec::new()
        }
    }

    fn test_plan(&self) -> Points {
        let has_ids = ["TC", "TC-", "TEST-", "T-"]
            .iter()
            .any(|id| self.prefixes.contains(*id));
        points([
            (5, self.titled(words::OF_TEST_PLAN), "its title is that of a test plan"),
            (3, self.has_label(words::CASES), "it has a section of test cases"),
            (3, has_ids, "its items have ids of test cases"),
            (2, self.tables_of_cases > 0, "its table has columns of test cases"),
            (
                1,
                self.has_label("exit criteria|entry criteria"),
                "it says when tests end",
            ),
        ])
    }

    fn status_report(&self) -> Points {
        let tells_both = self.has_label(words::DONE) && (self.has_label(words::DOING) || self.has_label(words::OPEN));
        points([
            (5, self.titled(words::OF_STATUS), "its title is that of a report"),
            (2, tells_both, "it tells what is done apart from what is not"),
            (5, self.versions > 0 && self.changes > 0, "it lists changes by version"),
            (
                3,
                self.tables_of_states > 0 && self.tables_of_cases == 0,
                "its table tells how far each part is",
            ),
            (
                1,
                self.has_label("risks|blockers|blocked|highlights"),
                "it tells what is in the way",
            ),
        ])
    }

    fn backlog(&self) -> Points {
        let has_table = self.tables > self.tables_of_states && self.tables_of_cases == 0;
        let has_stories = self
            .prefixes
            .iter()
            .any(|id| ["US", "US-", "STORY-", "TASK-", "BUG-", "T"].contains(&id.as_str()));
        points([
            (4, self.titled(words::OF_BACKLOG), "its title is that of a list of work"),
            (2, self.boxes >= 2, "its items have boxes to tick"),
            (
                1,
                self.boxes > 0 && self.boxes * 2 >= self.list_items,
                "most of its lists are such items",
            ),
            (3, has_table, "its table has items with priorities or states"),
            (1, has_stories, "its items have ids of tasks or stories"),
            (1, self.ranked >= 2, "its items have priorities"),
            (1, self.has_label(words::OPEN), "it has a section of what is to be done"),
        ])
    }

    fn specification(&self) -> Points {
        let has_ids = self
            .prefixes
            .iter()
            .any(|id| ["R", "REQ-", "FR-", "NFR-", "REQ", "FR"].contains(&id.as_str()));
        points([
            (
                4,
                self.titled(words::OF_SPECIFICATION),
                "its title is that of a specification",
            ),
            (
                2,
                self.has_label(words::REQUIREMENTS),
                "it has a section of requirements",
            ),
            (
                1,
                self.has_label(words::BESIDE_REQUIREMENTS),
                "it says what it is for, or what it leaves out",
            ),
            (3, self.modal >= 2, "its sentences say what must be"),
            (2, has_ids, "its items have ids of requirements"),
        ])
    }
}

type Points = Vec<(u32, &'static str)>;

fn points<const N: usize>(parts: [(u32, bool, &'static str); N]) -> Points {
    let kept = parts.into_iter().filter(|(_, holds, _)| *holds);
    kept.map(|(count, _, why)| (count, why)).collect()
}

/// Returns the title: that of the front matter, else the first heading, else a first line that stands alone.
fn title(blocks: &[Block]) -> String {
    let front = blocks.iter().find_map(|block| match &block.what {
        What::Front(text) => text.lines().find_map(|line| line.strip_prefix("title:")),
        _ => None,
    });
    if let Some(title) = front {
        return title.trim().trim_matches(['"', '\'']).to_owned();
    }
    let heading = blocks.iter().find_map(|block| match &block.what {
        What::Heading { text, .. } => Some(text.trim().to_owned()),
        _ => None,
    });
    let first = blocks.first().and_then(|block| match &block.what {
        What::Paragraph { text, .. } => text.lines().next(),
        _ => None,
    });
    let subject = first.and_then(|line| {
        ["Subject:", "Betreff:", "Title:"]
            .iter()
            .find_map(|word| line.strip_prefix(word))
    });
    let alone = first.filter(|line| line.chars().count() <= 80 && !line.ends_with(['.', ':', ',']));
    subject
        .map(|subject| subject.trim().to_owned())
        .or(heading)
        .or(alone.map(str::to_owned))
        .unwrap_or_default()
}

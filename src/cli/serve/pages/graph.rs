//! Which task waits for which, as a picture: columns from left to right, each task right of all that it waits for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::base::text::one_line;
use crate::issues::issue::{Issue, Issues, Status};
use crate::model::IssueId;
use crate::report::words::in_words;

/// How many tasks are drawn at most.
const MOST: usize = 200;
/// How wide a task is, in units of the picture.
const WIDTH: usize = 112;
/// How wide the room between two columns is.
const GAP: usize = 56;
/// How high a task is, and the room to the next one.
const ROW: usize = 40;
/// How high a task is.
const HEIGHT: usize = 28;
/// How long titles are, in characters.
const TITLE: usize = 100;

/// The picture.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Graph {
    width: usize,
    height: usize,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// How many tasks are not drawn.
    left_out: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Node {
    id: String,
    title: String,
    status: String,
    class: &'static str,
    x: usize,
    y: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Edge {
    path: String,
}

impl Graph {
    /// Draws the tasks that wait for others, or are waited for; `None` where none does.
    pub(super) fn of(issues: &Issues) -> Option<Self> {
        let edges = issues.iter().flat_map(|issue| &issue.dependencies);
        let waited_for: BTreeSet<&IssueId> = edges.map(|edge| &edge.depends_on_id).collect();
        let is_part = |issue: &&Issue| !issue.dependencies.is_empty() || waited_for.contains(&issue.id);
        let all: Vec<&Issue> = issues.iter().filter(is_part).collect();
        let drawn = &all[..all.len().min(MOST)];
        if drawn.is_empty() {
            return None;
        }
        let columns = columns(drawn);
        let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
        let mut places: BTreeMap<&IssueId, (usize, usize)> = BTreeMap::new();
        for issue in drawn {
            let column = columns.get(&issue.id).copied().unwrap_or_default();
            let row = rows.entry(column).or_default();
            places.insert(&issue.id, (column * (WIDTH + GAP) + 4, *row * ROW + 4));
            *row += 1;
        }
        let last = columns.values().max().copied().unwrap_or_default();
        let most = rows.values().max().copied().unwrap_or_default();
        let nodes = drawn
            .iter()
            .filter_map(|issue| Some(Node::of(issue, *places.get(&issue.id)?)));
        let edges = drawn
            .iter()
            .flat_map(|issue| issue.dependencies.iter().map(move |edge| (issue, &edge.depends_on_id)));
        let edges = edges.filter_map(|(issue, on)| Some(Edge::of(*places.get(on)?, *places.get(&issue.id)?)));
        Some(Self {
            width: (last + 1) * WIDTH + last * GAP + 8,
            height: most * ROW + 8,
            nodes: nodes.collect(),
            edges: edges.collect(),
            left_out: all.len() - drawn.len(),
        })
    }
}

/// Returns the column of each task: one more than the greatest of those that it waits for. There are no circles in a store, and
/// what is not drawn does not count.
fn columns<'a>(drawn: &[&'a Issue]) -> BTreeMap<&'a IssueId, usize> {
    let mut columns: BTreeMap<&IssueId, usize> = drawn.iter().map(|issue| (&issue.id, 0)).collect();
    // Each pass settles one more column, so there are as many as columns.
    for _ in 0..drawn.len() {
        let mut is_settled = true;
        for issue in drawn {
            let behind = issue
                .dependencies
                .iter()
                .filter_map(|edge| columns.get(&edge.depends_on_id));
            let column = behind.max().map_or(0, |column| column + 1);
            if columns.insert(&issue.id, column) != Some(column) {
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    columns
}

impl Node {
    fn of(issue: &Issue, (x, y): (usize, usize)) -> Self {
        let class = match issue.status {
            Status::Open => "open",
            Status::InProgress => "call",
            Status::Blocked => "held",
            Status::Closed => "good",
        };
        Self {
            id: issue.id.to_string(),
            title: one_line(&issue.title, TITLE),
            status: in_words(issue.status.word()),
            class,
            x,
            y,
        }
    }
}

impl Edge {
    /// Draws from the right of what is waited for to the left of what waits.
    fn of((from_x, from_y): (usize, usize), (to_x, to_y): (usize, usize)) -> Self {
        let (begin, end) = (from_x + WIDTH, to_x);
        let (top, bottom) = (from_y + HEIGHT / 2, to_y + HEIGHT / 2);
        let bend = GAP / 2;
        Self {
            path: format!(
                "M{begin} {top}C{} {top} {} {bottom} {end} {bottom}",
                begin + bend,
                end.saturating_sub(bend)
            ),
        }
    }
}

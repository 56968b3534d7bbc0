//! `cordwainer issues tree`.

use crate::base::error::Result;
use crate::base::text;
use crate::cli::Context;
use crate::issues::issue::TreeRow;
use crate::issues::store::Store;
use crate::model::TypedId;

/// Prints the trees below these tasks, or below all that no other depends on; in JSON the rows, from top to bottom.
pub(super) fn tree(context: &Context, store: &Store, ids: &[TypedId]) -> Result<()> {
    let issues = store.read()?;
    let rows = issues.tree(&issues.find_all(ids)?)?;
    if context.output.json {
        return context.output.print_json(&rows);
    }
    if rows.is_empty() {
        context.output.say("There are no tasks yet.");
        return Ok(());
    }
    context.output.print(&drawn(&rows))
}

/// Draws the rows, each with lines from the task above it.
fn drawn(rows: &[TreeRow]) -> String {
    // From the bottom up it is known at which depths a further row follows.
    let mut follows: Vec<bool> = Vec::new();
    let mut lines = Vec::new();
    for row in rows.iter().rev() {
        follows.resize(row.depth + 1, false);
        let mut line = String::new();
        for (depth, further) in follows.iter().enumerate().skip(1) {
            line.push_str(match (depth == row.depth, further) {
                (true, true) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "│  ",
                (false, false) => "   ",
            });
        }
        follows[row.depth] = true;
        let title = text::one_line(&row.title, 200);
        line.push_str(&format!("{} {} {title}", row.id, row.status.word()));
        match (row.repeated, row.shared) {
            (true, _) => line.push_str(" (shared; see above)"),
            (false, true) => line.push_str(" (shared)"),
            (false, false) => {}
        }
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issues::tests::sample;

    #[test]
    fn a_tree_is_drawn_with_its_shared_tasks_marked() {
        let mut issues = sample();
        let [three, five] = ["cw-3", "cw-5"].map(|id| id.parse().unwrap());
        issues
            .add_dependency(&five, &three, jiff::Timestamp::UNIX_EPOCH)
            .unwrap();
        insta::assert_snapshot!(drawn(&issues.tree(&[]).unwrap()), @r"
        cw-4 open Wait for it
        ├─ cw-2 held Render the page
        │  └─ cw-3 closed Close the door (shared)
        └─ cw-1 in_progress Parse the header
        cw-5 open Go on
        └─ cw-3 closed Close the door (shared; see above)
        ");
    }
}

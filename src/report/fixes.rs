//! What was fixed, for a person.

use crate::base::text::one_line;
use crate::issues::fixed::{FixedTask, Named};

/// How many tasks are shown.
const SHOWN: usize = 20;

/// Returns what tasks have fixed: the cause of each, where it was, and what guards it now.
pub(crate) fn fixed(tasks: &[FixedTask]) -> String {
    let mut text = "Fixed:".to_owned();
    for task in tasks.iter().take(SHOWN) {
        text.push_str(&format!("\n  {} {}", task.id, one_line(&task.title, 100)));
        let untold = || "its agent has not said".to_owned();
        let cause = task.cause.as_ref().map_or_else(untold, |cause| one_line(cause, 300));
        let place = task.place.as_ref().map_or_else(untold, named);
        let proof = task.proof.as_ref();
        let proof = proof.map(|proof| format!("its proof `{}`, which failed before", one_line(proof, 200)));
        let guards: Vec<String> = task.test.as_ref().map(named).into_iter().chain(proof).collect();
        let guards = match guards.as_slice() {
            [] => "nothing that is known".to_owned(),
            guards => guards.join("; "),
        };
        for (name, value) in [("cause", cause), ("where", place), ("guarded by", guards)] {
            text.push_str(&format!("\n    {name:<10} {value}"));
        }
    }
    if let Some(more @ 1..) = tasks.len().checked_sub(SHOWN) {
        text.push_str(&format!("\n  and {more} more; `--json` lists them all"));
    }
    text
}

fn named(named: &Named) -> String {
    let text = one_line(&named.text, 300);
    if named.is_there {
        text
    } else {
        format!("{text} (which is not there)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IssueId;

    #[test]
    fn what_is_not_known_is_said() {
        let task = FixedTask {
            id: IssueId::new(1),
            title: "Keep half sizes".to_owned(),
            commit: "5f1c0ffee".parse().unwrap(),
            cause: Some("they were cut off".to_owned()),
            place: Some(Named {
                text: "src/size.rs:4".to_owned(),
                is_there: true,
            }),
            test: Some(Named {
                text: "tests/half.rs: halves".to_owned(),
                is_there: false,
            }),
            proof: Some("cargo test half".to_owned()),
        };
        let untold = FixedTask {
            cause: None,
            place: None,
            test: None,
            proof: None,
            ..task.clone()
        };
        insta::assert_snapshot!(fixed(&[task, untold]), @r"
        Fixed:
          cw-1 Keep half sizes
            cause      they were cut off
            where      src/size.rs:4
            guarded by tests/half.rs: halves (which is not there); its proof `cargo test half`, which failed before
          cw-1 Keep half sizes
            cause      its agent has not said
            where      its agent has not said
            guarded by nothing that is known
        ");
    }
}

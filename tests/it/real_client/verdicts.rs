//! Calls that end by themselves: done, or out of what they were given.

use super::live::{Account, Row, check};

super::rows! {
    podman: a_task_is_done, another_model_than_the_one_asked_for, turns_are_used_up, an_unexpected_key_is_stopped;
    docker: a_budget_is_used_up, an_answer_of_another_model_counts_all_the_same;
}

mod rows {
    use super::{Account, Row};

    pub(super) fn a_task_is_done() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  read /workspace/README.md
    tokens 7 1000 0 11
  write /workspace/a.txt one
    tokens 5 200 1000 13
  bash \"cat /workspace/a.txt\"
    tokens 3 20 1200 17",
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 4,
            ..Row::default()
        }
    }

    pub(super) fn turns_are_used_up() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
  write /workspace/b.txt two
  write /workspace/c.txt three",
            more: "stitch: {max_turns: 2}\n",
            code: 7,
            attempts: &[("agent_failed", "max_turns")],
            status: "blocked",
            requests: 2,
            ..Row::default()
        }
    }

    pub(super) fn a_budget_is_used_up() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
    tokens 100 0 0 40000
  write /workspace/b.txt two",
            more: "stitch: {budget_usd: 0.3}\n",
            code: 7,
            attempts: &[("budget_spent", "budget")],
            status: "blocked",
            requests: 1,
            ..Row::default()
        }
    }

    pub(super) fn an_unexpected_key_is_stopped() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  hang always
  write /workspace/a.txt one",
            account: Account::UnexpectedKey,
            code: 7,
            attempts: &[("infrastructure_failed", "permanent")],
            status: "open",
            says: "expects a subscription to pay",
            // The client has said whose money it is before it asks for anything.
            further_requests: 1,
            ..Row::default()
        }
    }

    pub(super) fn another_model_than_the_one_asked_for() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  hang always
  write /workspace/a.txt one",
            account: Account::Renaming,
            more: "stitch: {model: opus, strict_model: true}\n",
            code: 7,
            attempts: &[("infrastructure_failed", "permanent")],
            status: "open",
            says: "another model",
            further_requests: 1,
            // A request may be under way when the call is stopped, and counts at its worst then.
            broken_off: true,
            ..Row::default()
        }
    }

    pub(super) fn an_answer_of_another_model_counts_all_the_same() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
    model claude-sonnet-4-5
  write /workspace/b.txt two
    model claude-sonnet-4-5",
            more: "stitch: {model: opus}\n",
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 3,
            ..Row::default()
        }
    }
}

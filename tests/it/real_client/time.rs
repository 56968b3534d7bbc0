//! Answers that take their time, or never come.

use super::live::{Row, check};

super::rows! {
    podman: a_slow_answer_is_waited_for, an_answer_that_stalls_is_idle;
    docker: an_answer_that_never_comes_is_idle, a_call_that_never_ends_runs_out_of_time;
}

mod rows {
    use super::Row;

    fn timed_out(script: &'static str, more: &'static str, says: &'static str) -> Row {
        Row {
            script,
            more,
            code: 7,
            attempts: &[("timed_out", "crashed")],
            status: "blocked",
            says,
            ..Row::default()
        }
    }

    pub(super) fn a_slow_answer_is_waited_for() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
    pause 250ms",
            more: "stitch: {idle_timeout: 10s}\n",
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 2,
            ..Row::default()
        }
    }

    pub(super) fn an_answer_that_never_comes_is_idle() -> Row {
        let script = "about \"The task: cw-1\"
  hang always
  write /workspace/a.txt one";
        Row {
            requests: 1,
            broken_off: true,
            ..timed_out(
                script,
                "stitch: {idle_timeout: 6s, max_attempts: 1}\n",
                "`idle_timeout`",
            )
        }
    }

    pub(super) fn an_answer_that_stalls_is_idle() -> Row {
        let script = "about \"The task: cw-1\"
  write /workspace/a.txt one
  stall always
  write /workspace/b.txt two";
        Row {
            requests: 2,
            broken_off: true,
            ..timed_out(
                script,
                "stitch: {idle_timeout: 6s, max_attempts: 1}\n",
                "`idle_timeout`",
            )
        }
    }

    pub(super) fn a_call_that_never_ends_runs_out_of_time() -> Row {
        let script = "about \"The task: cw-1\"
  write /workspace/a.txt one
  bash \"while sleep 0.2; do echo still here; done\"";
        Row {
            requests: 2,
            broken_off: true,
            ..timed_out(
                script,
                "stitch: {timeout: 8s, max_attempts: 1}\n",
                "it ran past `timeout`",
            )
        }
    }
}

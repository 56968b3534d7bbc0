//! Failures that pass: the client repeats its requests, and where that is not enough, we make the call again.

use super::live::{Account, Row, check};

super::rows! {
    podman: a_rate_that_is_too_high_is_waited_out, an_error_of_the_server, nobody_listens, a_cut_answer;
    docker: a_rate_that_stays_too_high, a_limit_that_is_not_the_accounts, an_overloaded_api, a_connection_that_is_reset;
}

mod rows {
    use super::{Account, Row};

    const RETRY: &str = "retry: {initial: 1s, ceiling: 1s, count: 2}\n";

    fn given_up(script: &'static str, requests: u64) -> Row {
        Row {
            script,
            more: RETRY,
            code: 5,
            attempts: &[
                ("infrastructure_failed", "transient"),
                ("infrastructure_failed", "transient"),
                ("infrastructure_failed", "transient"),
            ],
            status: "open",
            requests,
            ..Row::default()
        }
    }

    pub(super) fn a_rate_that_is_too_high_is_waited_out() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  refuse 429 rate_limit_error
    header retry-after 1
  write /workspace/a.txt one",
            account: Account::ApiKey,
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 3,
            ..Row::default()
        }
    }

    pub(super) fn a_rate_that_stays_too_high() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 429 rate_limit_error always
    header retry-after 1";
        Row {
            account: Account::ApiKey,
            ..given_up(script, 6)
        }
    }

    /// The client then says so: `Server is temporarily limiting requests (not your usage limit)`.
    pub(super) fn a_limit_that_is_not_the_accounts() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 429 rate_limit_error \"Try again later\" always";
        given_up(script, 6)
    }

    pub(super) fn an_error_of_the_server() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 500 api_error \"Internal server error\" always";
        given_up(script, 6)
    }

    pub(super) fn an_overloaded_api() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 529 overloaded_error Overloaded always";
        given_up(script, 6)
    }

    pub(super) fn nobody_listens() -> Row {
        Row {
            more: "retry: {initial: 1s, ceiling: 1s, count: 2}\nstitch: {base_url: \"{refusing}\"}\n",
            ..given_up("about \"The task: cw-1\"", 0)
        }
    }

    pub(super) fn a_connection_that_is_reset() -> Row {
        let script = "about \"The task: cw-1\"
  reset always";
        Row {
            broken_off: true,
            ..given_up(script, 6)
        }
    }

    pub(super) fn a_cut_answer() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  cut
  write /workspace/a.txt one
    pause 50ms",
            broken_off: true,
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 3,
            ..Row::default()
        }
    }
}

//! Usage limits, and paid overage.

use super::live::{Account, Row, check};

super::rows! {
    podman: a_limit_with_a_reset_stops_the_run, overage_in_use_is_stopped_at_once, a_warning_is_none_of_our_business;
    docker: a_limit_without_a_reset, a_limit_that_only_words_tell, overage_that_is_only_available_is_no_reason_to_stop;
}

mod rows {
    use super::{Account, Row};

    pub(super) fn a_limit_with_a_reset_stops_the_run() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
  limit five_hour in 5h
  write /workspace/b.txt two",
            more: "limits: {wait: never}\n",
            code: 8,
            attempts: &[("limited", "limited")],
            status: "open",
            requests: 2,
            ..Row::default()
        }
    }

    pub(super) fn a_limit_without_a_reset() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  limit seven_day",
            more: "limits: {wait: never}\n",
            code: 8,
            attempts: &[("limited", "limited")],
            status: "open",
            requests: 1,
            ..Row::default()
        }
    }

    pub(super) fn a_limit_that_only_words_tell() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  refuse 429 rate_limit_error \"You've hit your session limit · resets 10:30am (UTC)\" always",
            // With a subscription this client always sends an event, too: older ones did not.
            account: Account::ApiKey,
            more: "limits: {wait: never}\n",
            code: 8,
            attempts: &[("limited", "limited")],
            status: "open",
            requests: 2,
            ..Row::default()
        }
    }

    pub(super) fn overage_in_use_is_stopped_at_once() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  bash \"while sleep 0.2; do echo still here; done\"
    unified status rejected
    unified overage-status allowed
    unified reset in 5h
    unified overage-reset in 5h
    unified representative-claim five_hour
  write /workspace/b.txt two",
            code: 8,
            attempts: &[("limited", "overage")],
            status: "open",
            requests: 1,
            broken_off: true,
            unheard: true,
            ..Row::default()
        }
    }

    pub(super) fn overage_that_is_only_available_is_no_reason_to_stop() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
    unified status allowed
    unified overage-status allowed
    unified reset in 5h
    unified representative-claim five_hour",
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 2,
            ..Row::default()
        }
    }

    pub(super) fn a_warning_is_none_of_our_business() -> Row {
        Row {
            script: "about \"The task: cw-1\"
  write /workspace/a.txt one
    unified status allowed_warning
    unified reset in 5h
    unified representative-claim five_hour
    unified 5h-utilization 0.93
    unified 5h-surpassed-threshold 0.9",
            attempts: &[("merged", "success")],
            status: "closed",
            requests: 2,
            ..Row::default()
        }
    }
}

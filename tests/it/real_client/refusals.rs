//! Refusals that no retry mends: the account, the model, the request.

use super::live::{Account, Row, check};

super::rows! {
    podman: an_expired_login, an_unknown_model;
    docker: a_forbidden_account, credit_that_is_used_up;
}

mod rows {
    use super::{Account, Row};

    fn refused(script: &'static str, requests: u64) -> Row {
        Row {
            script,
            code: 7,
            attempts: &[("infrastructure_failed", "permanent")],
            status: "open",
            requests,
            ..Row::default()
        }
    }

    pub(super) fn an_expired_login() -> Row {
        // The client itself tries again, though nothing can have changed; we do not.
        let script = "about \"The task: cw-1\"
  refuse 401 authentication_error \"OAuth token has expired.\" always";
        refused(script, 2)
    }

    pub(super) fn a_forbidden_account() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 403 permission_error \"This organization has been disabled.\" always";
        refused(script, 1)
    }

    pub(super) fn an_unknown_model() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 404 not_found_error \"model: claude-nonesuch\" always";
        // Asked for again without a stream.
        refused(script, 2)
    }

    pub(super) fn credit_that_is_used_up() -> Row {
        let script = "about \"The task: cw-1\"
  refuse 400 invalid_request_error \"Your credit balance is too low to access the Anthropic API.\" always";
        Row {
            account: Account::ApiKey,
            ..refused(script, 1)
        }
    }
}

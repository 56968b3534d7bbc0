//! How a container ended, from the state that the engine reports.

use crate::sandbox::engine::lookup::State;

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + N when signal N killed it; `None` when the engine does not know it, which is never a
    /// success.
    pub code: Option<i64>,
    /// Whether the kernel killed it, or a process in it, because memory ran out. Engines can miss that on control
    /// groups of version 1: there a SIGKILL that was not sent from here counts, if the container had a memory limit.
    pub oom: bool,
}

impl Exit {
    /// Returns whether it succeeded.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns the signal that ended it, by the convention of shells: a program may also have chosen such a code.
    pub fn signal(&self) -> Option<i64> {
        self.code
            .map(|code| code - 128)
            .filter(|signal| (1..=64).contains(signal))
    }

    /// Reads a state; `None` while the container has not ended.
    pub(super) fn of(state: &State) -> Option<Self> {
        // Podman reports `stopped` for a container that has ended and is not yet cleaned up.
        let ended = !state.running && matches!(state.status.as_str(), "exited" | "stopped" | "dead");
        ended.then_some(Self {
            code: state.exit_code,
            oom: state.oom_killed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: &str, expect: Option<(Option<i64>, bool)>) {
        let parsed: State = serde_json::from_str(state).unwrap();
        let exit = Exit::of(&parsed).map(|exit| (exit.code, exit.oom));
        assert_eq!(exit, expect, "{state}");
    }

    #[test]
    fn an_unknown_code_is_not_success() {
        check(r#"{"Status":"exited","ExitCode":0}"#, Some((Some(0), false)));
        check(r#"{"Status":"exited"}"#, Some((None, false)));
        check(
            r#"{"Status":"stopped","ExitCode":3,"OOMKilled":null}"#,
            Some((Some(3), false)),
        );
        check(
            r#"{"Status":"exited","ExitCode":137,"OOMKilled":true}"#,
            Some((Some(137), true)),
        );
        assert!(!Exit { code: None, oom: false }.success());
    }

    #[test]
    fn what_runs_or_never_ran_has_not_ended() {
        check(r#"{"Status":"running","Running":true,"ExitCode":0}"#, None);
        check(r#"{"Status":"paused","ExitCode":0}"#, None);
        check(
            r#"{"Status":"created","ExitCode":0,"FinishedAt":"0001-01-01T00:00:00Z"}"#,
            None,
        );
        check(r#"{"Status":"created","ExitCode":0}"#, None);
        check(r#"{"Status":"stopping","Running":true,"ExitCode":0}"#, None);
        check("{}", None);
    }

    #[test]
    fn signals_by_the_shells_convention() {
        let signal = |code| Exit { code, oom: false }.signal();
        assert_eq!(signal(Some(143)), Some(15));
        assert_eq!(signal(Some(0)), None);
        assert_eq!(signal(Some(255)), None);
        assert_eq!(signal(None), None);
    }
}

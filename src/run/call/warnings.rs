//! What an agent is told before its turns or its budget end, so that it finishes and leaves something whole.
//!
//! The orchestrator knows how far a call is, and writes that into a file beside the gateway's socket, which the container can
//! only read. A hook of the client prints the file once, after the next use of a tool, and the client appends the text to the
//! conversation: what came before it stays as it was, in the cache, too.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::request::Call;
use crate::accounting::budget::{Allowance, BudgetWarning};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::write_atomically;
use crate::model::{PromptName, Usage};
use crate::project::templates::templates;
use crate::prompt::{Templates, ends_soon};
use crate::sandbox::engine::GATEWAY_FOLDER;

/// The shares of its turns or its budget, in percent, at which an agent is told.
const NEAR: [u8; 2] = [80, 95];

/// Where a call ends by itself; all `None` where its agent is not told before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct End {
    turns: Option<u32>,
    budget: Allowance,
}

impl End {
    /// Returns where a call ends. Its budget is known where the gateway meters it; of money, the client's own limit comes
    /// first.
    pub(super) fn of(call: &Call<'_>) -> Self {
        if call.sandbox.config.budget.warn == BudgetWarning::Off {
            return Self::default();
        }
        let of_client = call.reservation.for_client();
        let mut budget = call.reservation.allowance();
        budget.usd = budget.usd.map(|usd| of_client.map_or(usd, |least| least.min(usd)));
        Self {
            turns: call.role.max_turns,
            budget: if call.is_metered() {
                budget
            } else {
                Allowance::default()
            },
        }
    }

    /// Returns whether there is none.
    pub(super) fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the hook that prints a warning. One of a higher share replaces those before it; agents of an agent get none, since
/// it is not theirs to end.
pub(super) fn hook() -> Value {
    let shares = NEAR
        .map(|share| share.to_string())
        .into_iter()
        .rev()
        .collect::<Vec<_>>();
    let command = format!(
        "case $(cat) in *'\"agent_id\"'*) exit 0 ;; esac; for share in {}; do \
         file={GATEWAY_FOLDER}/{}; [ -f \"$file\" ] || continue; \
         mkdir \"/tmp/.cordwainer-warned-$share\" 2>/dev/null && cat \"$file\"; exit 0; done",
        shares.join(" "),
        file_of("$share"),
    );
    json!({"matcher": "", "hooks": [{"type": "command", "command": command}]})
}

fn file_of(share: &str) -> String {
    format!("warning-{share}.json")
}

/// The warnings of one call.
pub(super) struct Warnings {
    folder: PathBuf,
    end: End,
    /// What it is told with.
    templates: Templates,
    /// What the API reported so far.
    used: Usage,
    /// The greatest share of which the agent was told.
    told: u8,
}

impl Warnings {
    /// Begins without any: what an earlier call in the slot was told goes.
    ///
    /// # Errors
    ///
    /// When a file of an earlier call cannot be removed, or the person's template cannot be used.
    pub(super) fn begin(call: &Call<'_>) -> Result<Self> {
        let folder = call.sandbox.mounts.gateway.clone();
        for share in NEAR {
            let path = folder.join(file_of(&share.to_string()));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let failed = || format!("cannot remove `{}`", path.display());
                    return Err(error).with_context(ErrorKind::Unexpected, failed);
                }
                _ => {}
            }
        }
        let (end, sandbox) = (End::of(call), &call.sandbox);
        let names: &[PromptName] = if end.is_open() { &[] } else { &[PromptName::EndsSoon] };
        Ok(Self {
            folder,
            end,
            templates: templates(sandbox.config, sandbox.root, names)?,
            used: Usage::default(),
            told: 0,
        })
    }

    /// Tells the agent how many turns it has had, if that is news; returns what a person is to know of it.
    pub(super) fn after_turns(&mut self, turns: u32) -> Option<Result<String>> {
        let most = self.end.turns.filter(|most| turns < *most)?;
        let share = share_of_turns(turns, most)?;
        self.tell(share, &format!("{turns} of its {most} turns are used"))
    }

    /// Counts an answer, and tells the agent how much of its budget is used when another one like it has come, if that is
    /// news; returns what a person is to know of it.
    pub(super) fn after_answer(&mut self, usage: &Usage) -> Option<Result<String>> {
        self.used += *usage;
        let share = share_of_budget(&self.end.budget, &self.used, usage)?;
        self.tell(
            share,
            &format!("with the next answer {share} % of its budget may be used"),
        )
    }

    fn tell(&mut self, share: u8, how: &str) -> Option<Result<String>> {
        if share <= self.told {
            return None;
        }
        self.told = share;
        let path = self.folder.join(file_of(&share.to_string()));
        let told = ends_soon(&self.templates, share, how).and_then(|text| write(&path, &text));
        Some(told.map(|()| format!("{how}, which the agent is told")))
    }
}

/// Returns the share that so many turns have reached. Of few turns, one that is left must be enough to finish.
fn share_of_turns(turns: u32, most: u32) -> Option<u8> {
    let reached = |share: &&u8| u64::from(turns) >= percent_of(most.into(), **share).max(1);
    NEAR.iter().rev().find(reached).copied()
}

fn percent_of(whole: u64, share: u8) -> u64 {
    whole / 100 * u64::from(share) + whole % 100 * u64::from(share) / 100
}

/// Returns the share that is reached when another answer like the last one has come.
fn share_of_budget(end: &Allowance, used: &Usage, last: &Usage) -> Option<u8> {
    let is_reached = |share: &&u8| {
        let part = f64::from(**share) / 100.0;
        let by_money = end.usd.is_some_and(|most| used.cost_usd + last.cost_usd >= most * part);
        let tokens = used.tokens().saturating_add(last.tokens());
        by_money || end.tokens.is_some_and(|most| tokens >= percent_of(most, **share))
    };
    NEAR.iter().rev().find(is_reached).copied()
}

/// Writes what the hook prints: the client's own form for what is added to a conversation.
fn write(path: &Path, text: &str) -> Result<()> {
    let said = json!({"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": text}});
    write_atomically(path, said.to_string().as_bytes())?;
    // Every user of the container reads it; the folder above keeps other users of the host away.
    std::fs::set_permissions(path, Permissions::from_mode(0o644))
        .with_context(ErrorKind::Unexpected, || format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_share_of_turns_leaves_one_to_finish() {
        for (turns, most, expect) in [
            (7, 10, None),
            (8, 10, Some(80)),
            (9, 10, Some(95)),
            (15, 20, None),
            (16, 20, Some(80)),
            (19, 20, Some(95)),
            (3, 4, Some(95)),
            (2, 4, None),
            (1, 2, Some(95)),
        ] {
            assert_eq!(share_of_turns(turns, most), expect, "{turns} of {most}");
        }
    }

    fn warnings(folder: &Path, end: End) -> Warnings {
        Warnings {
            folder: folder.to_owned(),
            end,
            templates: Templates::default(),
            used: Usage::default(),
            told: 0,
        }
    }

    fn usage(output: u64, cost_usd: f64) -> Usage {
        Usage {
            output,
            cost_usd,
            ..Usage::default()
        }
    }

    /// Runs the hook as the client does, with its folders in place of those of a container; returns what it prints.
    fn hooked(folder: &Path, input: &str) -> String {
        let hook = hook()["hooks"][0]["command"].as_str().unwrap().to_owned();
        let hook = hook
            .replace(GATEWAY_FOLDER, folder.to_str().unwrap())
            .replace("/tmp/.cordwainer", &format!("{}/.cordwainer", folder.display()));
        let mut child = Command::new("sh")
            .args(["-c", &hook])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn an_agent_is_told_once_and_nobody_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let end = End {
            turns: Some(10),
            budget: Allowance {
                usd: None,
                tokens: Some(1000),
            },
        };
        let mut warnings = warnings(folder.path(), end);
        let own = r#"{"tool_name":"Bash","tool_response":"\"agent_id\":\"x\""}"#;
        assert!(warnings.after_turns(7).is_none());
        assert_eq!(hooked(folder.path(), own), "");
        let told = warnings.after_turns(8).unwrap().unwrap();
        assert_eq!(told, "8 of its 10 turns are used, which the agent is told");
        assert_eq!(hooked(folder.path(), r#"{"agent_id":"x","tool_name":"Bash"}"#), "");
        let said: Value = serde_json::from_str(&hooked(folder.path(), own)).unwrap();
        let text = said["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
        assert!(
            text.starts_with("This session ends by itself soon: 8 of its 10 turns are used. Bring"),
            "{text}"
        );
        assert_eq!(hooked(folder.path(), own), "");
        // Whichever end comes first is the one that is told.
        assert!(warnings.after_answer(&usage(400, 9.0)).is_none());
        assert!(warnings.after_answer(&usage(275, 9.0)).unwrap().is_ok());
        assert!(warnings.after_turns(9).is_none());
        assert!(hooked(folder.path(), own).contains("Do nothing new now"));
        assert_eq!(hooked(folder.path(), own), "");
    }

    #[test]
    fn a_share_of_the_budget_is_reached_with_the_next_answer() {
        let end = |usd, tokens| Allowance { usd, tokens };
        for (end, used, last, expect) in [
            (end(None, None), usage(1_000_000, 99.0), usage(1, 1.0), None),
            (end(Some(1.0), None), usage(1_000_000, 0.5), usage(9, 0.25), None),
            (end(Some(1.0), None), usage(0, 0.5), usage(0, 0.3), Some(80)),
            (end(Some(1.0), Some(100)), usage(50, 0.1), usage(50, 0.1), Some(95)),
            (end(None, Some(100)), usage(70, 0.0), usage(9, 0.0), None),
        ] {
            assert_eq!(share_of_budget(&end, &used, &last), expect, "{end:?} {used:?}");
        }
    }

    #[test]
    fn where_nothing_ends_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut warnings = warnings(folder.path(), End::default());
        assert!(warnings.after_turns(9).is_none() && warnings.after_answer(&usage(9, 9.0)).is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

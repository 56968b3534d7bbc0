//! What a person types next after a run, and as a generation stands. Each step is a command in backticks and what it
//! does, without a period, to be read after `Next:`.

use crate::base::text::one_line;
use crate::issues::issue::{Issue, Issues, Status};
use crate::model::IssueId;
use crate::run::plan::Reason;
use crate::run::waiting::pause::{Pause, PauseCause};

/// How many steps are named at once.
const MOST: usize = 3;
/// How many tasks one command names.
const MOST_TASKS: usize = 5;

/// How a run, or a generation without one, stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing<'a> {
    /// The tasks whose agents ask a person something.
    pub(crate) asking: Vec<&'a IssueId>,
    /// Those that are stuck, and that nobody can accept as they are.
    pub(crate) stuck: Vec<&'a IssueId>,
    /// The other tasks that are held, but for proposals.
    pub(crate) held: Vec<&'a IssueId>,
    /// Those of them whose result can be accepted as it is.
    pub(crate) acceptable: Vec<&'a IssueId>,
    /// Whether a run ended in the middle of a task.
    pub(crate) interrupted: bool,
    /// How many proposals wait to be released.
    pub(crate) proposed: usize,
    /// How many tasks can begin.
    pub(crate) ready: usize,
    /// Whether a measure has said all that is to be done.
    pub(crate) is_measured: bool,
    /// Whether anything is merged that the base branch does not have.
    pub(crate) merged: bool,
    /// Where `stop` merges it.
    pub(crate) base_branch: &'a str,
}

impl<'a> Standing<'a> {
    /// Finds that out from the issues of a generation.
    pub(crate) fn of(issues: &'a Issues) -> Self {
        let held = issues.iter().filter(|issue| issue.status == Status::Blocked);
        let (proposed, held): (Vec<&Issue>, Vec<&Issue>) = held.partition(|issue| issue.is_proposed());
        let (asking, held): (Vec<&Issue>, Vec<&Issue>) = held.into_iter().partition(|issue| issue.question.is_some());
        let is_stuck = |issue: &&Issue| issue.is_stuck() && issue.acceptable().is_err();
        let (stuck, held): (Vec<&Issue>, Vec<&Issue>) = held.into_iter().partition(is_stuck);
        let acceptable = held.iter().filter(|issue| issue.acceptable().is_ok());
        Self {
            acceptable: acceptable.map(|issue| &issue.id).collect(),
            interrupted: false,
            asking: asking.into_iter().map(|issue| &issue.id).collect(),
            stuck: stuck.into_iter().map(|issue| &issue.id).collect(),
            held: held.into_iter().map(|issue| &issue.id).collect(),
            proposed: proposed.len(),
            ready: issues.ready().len(),
            is_measured: is_measured(issues),
            merged: issues.iter().any(|issue| issue.commit.is_some()),
            base_branch: &issues.meta().base_branch,
        }
    }
}

/// Returns whether a measure has said all that is to be done, of groups that of the last one.
fn is_measured(issues: &Issues) -> bool {
    let groups = issues.group_counts();
    match groups.all {
        0 => issues.meta().mode.is_some() && issues.is_measured(),
        _ => groups.is_complete(),
    }
}

/// Returns why a run ended, for a person.
pub(crate) fn why(reason: &Reason) -> String {
    match reason {
        Reason::Complete => "measure proposes nothing more, and nothing is open".to_owned(),
        Reason::Reported => "all files are read, and the report is written".to_owned(),
        Reason::GroupsDone => "all groups are done".to_owned(),
        Reason::RequestDone => "all that was asked for is done".to_owned(),
        Reason::CyclesMade => "the requested cycles are done".to_owned(),
        Reason::TasksDone => "the tasks are done, and no measure was requested".to_owned(),
        Reason::TasksAttempted(1) => "1 task was attempted, as requested".to_owned(),
        Reason::TasksAttempted(count) => format!("{count} tasks were attempted, as requested"),
        Reason::Proposed(1) => "1 proposal waits for you, as requested".to_owned(),
        Reason::Proposed(count) => format!("{count} proposals wait for you, as requested"),
        Reason::Waiting => "the open tasks wait for others, which this run does not attempt".to_owned(),
        Reason::Blocked => "the remaining tasks are held for you, or wait for those that are".to_owned(),
        Reason::Stuck(cycles) => format!("{cycles} cycles in a row have merged nothing"),
        Reason::Limited(pause) => format!("calls pause: {}", pause.reason),
        Reason::BudgetSpent(reason) | Reason::Refused(reason) | Reason::Red(reason) => reason.clone(),
        Reason::Infrastructure(last) => format!("the infrastructure failed several times: {last}"),
    }
}

/// Returns what to do after a run that ended for a reason.
pub(crate) fn after_run(reason: &Reason, standing: &Standing) -> Vec<String> {
    let mut steps = match reason {
        Reason::Limited(pause) => after_pause(pause, false),
        Reason::BudgetSpent(_) => vec![
            "`cordwainer status` shows what is spent of each budget".to_owned(),
            "raise the one that is spent; then `cordwainer resume` continues (`--budget-usd` bounds each run anew)"
                .to_owned(),
        ],
        Reason::Refused(_) => vec![
            "`cordwainer doctor` checks the credential and the client".to_owned(),
            "`cordwainer resume` tries again".to_owned(),
        ],
        Reason::Red(_) => vec![
            "`cordwainer issues add TITLE` files a task for it, and `cordwainer run` does it and goes on".to_owned(),
            "`cordwainer run` tries the gate again, where it was not the work".to_owned(),
        ],
        Reason::Infrastructure(_) => vec![
            "start the engine again, if it has ended; `cordwainer doctor` checks it and this machine".to_owned(),
            "`cordwainer resume` continues".to_owned(),
        ],
        Reason::Reported => vec!["`cordwainer report show` prints the report".to_owned()],
        Reason::Stuck(_) => vec![
            "`cordwainer run --cycles 1` asks for tasks all the same, once what stood in the way is another (the documents, a gate, the model)"
                .to_owned(),
        ],
        Reason::Complete
        | Reason::GroupsDone
        | Reason::RequestDone
        | Reason::CyclesMade
        | Reason::TasksDone
        | Reason::TasksAttempted(_)
        | Reason::Proposed(_)
        | Reason::Waiting
        | Reason::Blocked => Vec::new(),
    };
    if steps.is_empty() {
        steps = as_it_stands(standing);
    } else {
        steps.extend(with_questions(&standing.asking));
        steps.extend(with_stuck(&standing.stuck));
        steps.extend(with_held(&standing.held, &standing.acceptable));
    }
    steps.truncate(most(standing));
    steps
}

/// Returns what to do after a person interrupted a run.
pub(crate) fn after_interruption() -> Vec<String> {
    vec!["`cordwainer resume` continues".to_owned()]
}

/// Returns what to do about a run that a person has paused.
pub(crate) fn of_paused_run() -> Vec<String> {
    vec![
        "`cordwainer runs resume` lets the run go on".to_owned(),
        "`cordwainer runs stop` ends it".to_owned(),
    ]
}

/// Returns what to do about a pause, which a run waits out, or not.
pub(crate) fn after_pause(pause: &Pause, is_waited_out: bool) -> Vec<String> {
    let over = "`cordwainer resume` continues when the pause is over".to_owned();
    let now = "`cordwainer resume --now` continues at once".to_owned();
    match pause.cause {
        PauseCause::Limit if is_waited_out => vec![now],
        PauseCause::Limit => vec![over, now],
        PauseCause::Reserve => vec![
            over,
            "a lower `limits.reserve`, or `off`, lets calls begin before".to_owned(),
            now,
        ],
        PauseCause::Overage => vec![
            over,
            "`limits.overage: allow` in the configuration allows paid overage; then `cordwainer resume --now` continues at once"
                .to_owned(),
        ],
        PauseCause::Login => vec![
            "log in again on the machine that the token file comes from, or set a new CLAUDE_CODE_OAUTH_TOKEN; then `cordwainer resume` continues"
                .to_owned(),
        ],
    }
}

/// Returns what to do with a generation in which nothing runs and nothing pauses.
pub(crate) fn as_it_stands(standing: &Standing) -> Vec<String> {
    let mut steps = Vec::new();
    if standing.interrupted {
        steps.push("`cordwainer resume` repairs what the interrupted run left, and continues".to_owned());
    }
    steps.extend(with_questions(&standing.asking));
    steps.extend(with_proposals(standing.proposed));
    steps.extend(with_stuck(&standing.stuck));
    steps.extend(with_held(&standing.held, &standing.acceptable));
    // What continues does what is ready, too.
    if standing.ready > 0 && !standing.interrupted {
        steps.push("`cordwainer run` does the tasks that are ready".to_owned());
    } else if steps.is_empty() && !standing.is_measured {
        steps.push("`cordwainer run` asks for more tasks and does them".to_owned());
    }
    if standing.merged {
        let base = one_line(standing.base_branch, 100);
        steps.push(format!("`cordwainer stop` merges the generation into `{base}`"));
    }
    steps.truncate(most(standing));
    steps
}

/// Returns how many steps are named: a task that is stuck has one of its own, and keeps none of the others out.
fn most(standing: &Standing) -> usize {
    MOST + standing.stuck.len().min(MOST_TASKS).saturating_sub(1)
}

fn with_proposals(count: usize) -> Vec<String> {
    if count == 0 {
        return Vec::new();
    }
    vec![
        "`cordwainer issues list --status held` lists what is proposed".to_owned(),
        "`cordwainer issues release --proposed` releases all of it, with `--edit` what you choose".to_owned(),
    ]
}

/// Returns what to do about tasks whose agents ask something.
pub(crate) fn with_questions(asking: &[&IssueId]) -> Vec<String> {
    match asking {
        [] => Vec::new(),
        [one] => vec![
            format!("`cordwainer issues show {one}` shows what its agent asks"),
            format!("`cordwainer issues answer {one} TEXT` answers it; then `cordwainer run` goes on with that"),
        ],
        [first, ..] => vec![
            "`cordwainer issues list --status held` lists what agents ask".to_owned(),
            format!("`cordwainer issues answer {first} TEXT` answers one; then `cordwainer run` goes on with that"),
        ],
    }
}

/// Returns what would get tasks on that are stuck, a step for each.
pub(crate) fn with_stuck(stuck: &[&IssueId]) -> Vec<String> {
    let step = |one: &&IssueId| {
        format!(
            "`cordwainer issues comment {one} TEXT` tells it what it lacks, or `rules` give its next attempt another model; then \
             `cordwainer issues release {one}` has it tried again"
        )
    };
    let show = match stuck {
        [one] => Some(format!("`cordwainer issues show {one}` shows where it is stuck")),
        [] => None,
        _ => Some("`cordwainer issues list --status held` shows where each is stuck".to_owned()),
    };
    show.into_iter()
        .chain(stuck.iter().take(MOST_TASKS).map(step))
        .collect()
}

/// Returns what to do about held tasks, some of which have a result that can be accepted as it is.
pub(crate) fn with_held(held: &[&IssueId], acceptable: &[&IssueId]) -> Vec<String> {
    let accept = |one: &IssueId| {
        format!("`cordwainer issues release {one} --accept` merges its result as it is, where you consent to that")
    };
    match (held, acceptable) {
        ([], _) => Vec::new(),
        ([one], acceptable) => vec![
            format!("`cordwainer issues show {one}` shows why it is held, and what can be done"),
            match acceptable {
                [] => format!("`cordwainer issues release {one}` lets it be attempted"),
                [..] => accept(one),
            },
        ],
        (several, acceptable) => {
            let mut steps = vec!["`cordwainer issues list --status held` shows why each is held".to_owned()];
            if let [first, ..] = acceptable {
                steps.push(accept(first));
            } else if several.len() <= MOST_TASKS {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                steps.push(format!(
                    "`cordwainer issues release {}` lets them be attempted",
                    ids.join(" ")
                ));
            }
            steps
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::waiting::pause::LimitMet;

    fn pause(cause: PauseCause) -> Pause {
        let limit = LimitMet {
            resets_at: None,
            reason: "no".to_owned(),
            cause,
        };
        Pause::new(None, limit, 0, std::time::Duration::ZERO, Timestamp::UNIX_EPOCH)
    }

    fn standing(held: &[IssueId], ready: usize, merged: bool) -> Standing<'_> {
        Standing {
            asking: Vec::new(),
            stuck: Vec::new(),
            held: held.iter().collect(),
            acceptable: Vec::new(),
            interrupted: false,
            proposed: 0,
            ready,
            is_measured: false,
            merged,
            base_branch: "main",
        }
    }

    fn ids(count: u32) -> Vec<IssueId> {
        (1..=count).map(IssueId::new).collect()
    }

    #[test]
    fn proposals_that_wait_come_first() {
        let proposed = Standing {
            proposed: 2,
            ..standing(&[], 0, false)
        };
        let steps = after_run(&Reason::Proposed(2), &proposed);
        assert_eq!(steps.len(), 2, "{steps:?}");
        assert!(
            steps[1].starts_with("`cordwainer issues release --proposed`"),
            "{steps:?}"
        );
    }

    #[test]
    fn each_end_of_a_run_names_what_to_type() {
        let none: Vec<IssueId> = Vec::new();
        for (reason, held, ready, expect) in [
            (
                Reason::Blocked,
                ids(1),
                0,
                &["issues show cw-1", "issues release cw-1", "stop"][..],
            ),
            (
                Reason::CyclesMade,
                ids(2),
                0,
                &["issues list --status held", "issues release cw-1 cw-2", "stop"],
            ),
            (Reason::Blocked, ids(6), 0, &["issues list --status held", "stop"]),
            (Reason::TasksAttempted(1), none.clone(), 2, &["run", "stop"]),
            (Reason::Complete, none.clone(), 0, &["run", "stop"]),
            (
                Reason::Limited(pause(PauseCause::Limit)),
                none.clone(),
                1,
                &["resume", "resume --now"],
            ),
            (
                Reason::BudgetSpent("x".to_owned()),
                ids(1),
                1,
                &["status", "resume", "issues show cw-1"],
            ),
            (Reason::Refused("x".to_owned()), none.clone(), 1, &["doctor", "resume"]),
            (Reason::Infrastructure("x".to_owned()), none, 1, &["doctor", "resume"]),
        ] {
            let steps = after_run(&reason, &standing(&held, ready, true));
            assert!(steps.len() <= MOST, "{steps:?}");
            assert_eq!(steps.len(), expect.len(), "{reason:?}: {steps:?}");
            for (step, command) in steps.iter().zip(expect) {
                assert!(step.contains(&format!("`cordwainer {command}`")), "{reason:?}: {step}");
            }
        }
    }

    #[test]
    fn what_waits_for_consent_names_how_to_give_it() {
        let held = ids(2);
        for (held, expect) in [
            (&held[1..], "issues show cw-2"),
            (&held[..], "issues list --status held"),
        ] {
            let standing = Standing {
                acceptable: vec![&held[held.len() - 1]],
                ..standing(held, 1, true)
            };
            let steps = after_run(&Reason::Blocked, &standing);
            for (step, command) in steps.iter().zip([expect, "issues release cw-2 --accept", "run"]) {
                assert!(step.contains(&format!("`cordwainer {command}`")), "{steps:?}");
            }
        }
    }

    #[test]
    fn a_question_names_how_to_answer_it() {
        let ids = ids(2);
        for (asking, first, second) in [
            (&ids[..1], "issues show cw-1", "issues answer cw-1 TEXT"),
            (&ids[..], "issues list --status held", "issues answer cw-1 TEXT"),
        ] {
            let standing = Standing {
                asking: asking.iter().collect(),
                ..standing(&[], 0, false)
            };
            let steps = after_run(&Reason::Blocked, &standing);
            for (step, command) in steps.iter().zip([first, second]) {
                assert!(step.contains(&format!("`cordwainer {command}`")), "{steps:?}");
            }
        }
    }

    #[test]
    fn each_task_that_is_stuck_names_what_would_get_it_on() {
        let ids = ids(7);
        for (stuck, first) in [
            (&ids[..1], "issues show cw-1"),
            (&ids[..4], "issues list --status held"),
            (&ids[..], "issues list --status held"),
        ] {
            let standing = Standing {
                stuck: stuck.iter().collect(),
                ..standing(&[], 0, false)
            };
            let steps = after_run(&Reason::Stuck(2), &standing);
            assert_eq!(steps.len(), stuck.len().min(MOST_TASKS) + 2, "{steps:?}");
            assert!(steps[0].contains("`cordwainer run --cycles 1`"), "{steps:?}");
            assert!(steps[1].contains(&format!("`cordwainer {first}`")), "{steps:?}");
            for (step, id) in steps[2..].iter().zip(stuck) {
                assert!(step.contains(&format!("`cordwainer issues release {id}`")), "{steps:?}");
            }
        }
    }

    #[test]
    fn what_an_interrupted_run_left_comes_first() {
        let held = ids(1);
        let standing = Standing {
            interrupted: true,
            ..standing(&held, 2, true)
        };
        let steps = as_it_stands(&standing);
        assert!(steps[0].starts_with("`cordwainer resume` "), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("`cordwainer run`")), "{steps:?}");
    }

    #[test]
    fn a_generation_with_nothing_to_merge_is_not_to_be_stopped() {
        let steps = as_it_stands(&standing(&[], 0, false));
        assert_eq!(steps, ["`cordwainer run` asks for more tasks and does them"]);
        // One measure says all that a request asks for.
        let measured = Standing {
            is_measured: true,
            ..standing(&[], 0, true)
        };
        assert_eq!(
            as_it_stands(&measured),
            ["`cordwainer stop` merges the generation into `main`"]
        );
    }

    #[test]
    fn money_and_logins_are_not_waited_for() {
        assert!(after_pause(&pause(PauseCause::Overage), false)[1].contains("`limits.overage: allow`"));
        assert!(after_pause(&pause(PauseCause::Login), false)[0].starts_with("log in again"));
    }
}

//! The messages of the commits of tasks: what a task was, what its agent says of the work, and trailers by which its attempt is
//! known and what it came to.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::text::{one_line, title_in_message};
use crate::config::CommitStyle;
use crate::git::{CommitInfo, DiffStat};
use crate::issues::attempt::{Attempt, ChangeType};
use crate::issues::issue::Issue;
use crate::issues::round::Calls;
use crate::model::generation::GenerationName;
use crate::model::{GateResult, IssueId, RunId, Usage, Verdict, trailer};

/// How many gates a message names.
const MOST_GATES: usize = 10;

/// One attempt at a task, distinguished from every other one, also in histories that were merged into each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptName<'name> {
    pub(crate) generation: &'name GenerationName,
    pub(crate) task: &'name IssueId,
    /// Counted from 1.
    pub(crate) number: u32,
    /// The run that made it.
    pub(crate) run: &'name RunId,
    /// The id of the repository that the run was of, where it is known.
    pub(crate) repository: Option<&'name str>,
    /// Which candidate of the attempt it is, counted from 1; 0 where it has none.
    pub(crate) candidate: u32,
}

impl AttemptName<'_> {
    /// Names a candidate of the attempt.
    pub(crate) fn of_candidate(self, candidate: u32) -> Self {
        Self { candidate, ..self }
    }

    /// Returns whether a commit came of this attempt, by its trailers.
    pub(super) fn made(&self, commit: &CommitInfo) -> bool {
        let says = |key, value: &str| commit.trailer(key).as_deref() == Some(value);
        // Commits of earlier versions do not name it.
        let of_another = self
            .repository
            .is_some_and(|own| commit.trailer(trailer::REPOSITORY).is_some_and(|said| said != own));
        says(trailer::GENERATION, self.generation.as_str())
            && says(trailer::TASK, &self.task.to_string())
            && says(trailer::ATTEMPT, &self.number.to_string())
            && says(trailer::RUN, self.run.as_str())
            && !of_another
    }
}

/// Returns what a message says in words: what the task was, or what its agent says that changed, and why. A summary is
/// checked, and no line of it passes for a trailer.
fn words(issue: &Issue, calls: &Calls, style: CommitStyle) -> String {
    let title = title_in_message(&issue.title, 200);
    let summary = calls.summary.as_ref();
    let mut text = match (style, summary) {
        (CommitStyle::Plain, _) => title,
        (CommitStyle::Conventional, Some(summary)) => summary.to_string(),
        (CommitStyle::Conventional, None) => format!("{}: {title}", change_type(issue).name()),
    };
    text.push_str("\n\n");
    let body = summary.map_or(&[][..], |summary| &summary.body);
    for line in body {
        let _ = writeln!(text, "{line}");
    }
    if !body.is_empty() {
        text.push('\n');
    }
    match summary {
        Some(summary) if summary.breaking && style == CommitStyle::Conventional => {
            let _ = writeln!(text, "BREAKING CHANGE: {}\n", summary.subject);
        }
        _ => {}
    }
    text
}

/// Returns what kind of change a task is whose agent does not say.
fn change_type(issue: &Issue) -> ChangeType {
    match issue.issue_type.as_str() {
        "bug" => ChangeType::Fix,
        "feature" | "epic" => ChangeType::Feat,
        _ => ChangeType::Chore,
    }
}

/// Returns the message of a task's commit: what the task was, and trailers that name where it came from. Tokens and
/// money are those of all attempts up to this one, whose `calls` are these.
pub(crate) fn message(attempt: &AttemptName<'_>, issue: &Issue, calls: &Calls, style: CommitStyle) -> String {
    let mut text = words(issue, calls, style);
    let earlier = issue.attempts.iter().filter(|one| one.number < attempt.number);
    let earlier = earlier.flat_map(|one| {
        one.call
            .iter()
            .chain(one.rounds.iter().filter_map(|round| round.call.as_ref()))
    });
    let model = earlier
        .chain(calls.of_session())
        .filter_map(|call| call.model.as_deref())
        .last();
    let usage = usage_up_to(issue, attempt.number, calls);
    let mut trailers = vec![
        (trailer::GENERATION, attempt.generation.to_string()),
        (trailer::TASK, attempt.task.to_string()),
        (trailer::ATTEMPT, attempt.number.to_string()),
        (trailer::RUN, attempt.run.to_string()),
    ];
    let candidate = Some(attempt.candidate).filter(|number| *number > 0);
    trailers.extend(candidate.map(|number| (trailer::CANDIDATE, number.to_string())));
    trailers.extend(attempt.repository.map(|id| (trailer::REPOSITORY, id.to_owned())));
    trailers.extend([
        (trailer::MODEL, one_line(model.unwrap_or("unknown"), 100)),
        (trailer::TOKENS, usage.tokens().to_string()),
        (trailer::COST, format!("{:.4} USD", usage.cost_usd)),
    ]);
    let rounds = calls.count_of(false);
    if rounds > 0 {
        trailers.push((trailer::ROUNDS, rounds.to_string()));
    }
    if let Some((stage, review)) = calls.review() {
        trailers.push((trailer::SCORE, review.score.to_string()));
        let model = stage.call.as_ref().and_then(|call| call.model.as_deref());
        trailers.extend(model.map(|model| (trailer::REVIEWED_BY, one_line(model, 100))));
    }
    for (key, value) in trailers {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}

/// What is known of work when it lands.
pub(crate) struct Landing {
    /// How each gate came out that was run on it.
    pub(crate) gates: Vec<GateResult>,
    /// How much it changes.
    pub(crate) changed: Option<DiffStat>,
    /// How long the attempt took.
    pub(crate) took: Duration,
}

/// Returns the message of the commit of work that lands: the one of [`message`], with what the gates said of the work, how
/// much it changes, and how long it took.
pub(crate) fn landing_message(
    name: &AttemptName<'_>,
    issue: &Issue,
    calls: &Calls,
    landing: &Landing,
    style: CommitStyle,
) -> String {
    let mut text = message(name, issue, calls, style);
    let mut add = |key, value: String| {
        let _ = writeln!(text, "{key}: {value}");
    };
    if let Some(gates) = gates_in_short(&landing.gates) {
        add(trailer::GATES, gates);
    }
    if let Some(changed) = landing.changed {
        add(
            trailer::LINES,
            format!("+{} -{}", changed.insertions, changed.deletions),
        );
    }
    add(trailer::DURATION, format!("{:.1} s", landing.took.as_secs_f64()));
    text
}

/// Returns how gates came out, in a line: `test passed, lint failed (advisory)`. Where there are many, those that just passed
/// are left out first; `None` where there are none.
fn gates_in_short(gates: &[GateResult]) -> Option<String> {
    let mut gates: Vec<_> = gates.iter().collect();
    let more = gates.len().saturating_sub(MOST_GATES);
    if more > 0 {
        gates.sort_by_key(|gate| gate.verdict == Verdict::Passed);
        gates.truncate(MOST_GATES);
    }
    let one = |gate: &&GateResult| {
        let advisory = if gate.advisory { " (advisory)" } else { "" };
        format!("{} {}{advisory}", one_line(&gate.gate, 40), gate.verdict.name())
    };
    let mut said: Vec<_> = gates.iter().map(one).collect();
    said.extend((more > 0).then(|| format!("and {more} more")));
    (!said.is_empty()).then(|| said.join(", "))
}

/// Returns the message of the commit of what a person took as it was.
pub(crate) fn accepted_message(
    name: &AttemptName<'_>,
    issue: &Issue,
    attempt: &Attempt,
    (changed, by): (DiffStat, &str),
    style: CommitStyle,
) -> String {
    let calls = Calls {
        first: attempt.call.clone(),
        rounds: attempt.rounds.clone(),
        stages: attempt.stages.clone(),
        summary: attempt.summary.clone(),
        question: None,
    };
    let landing = Landing {
        gates: Vec::new(),
        changed: Some(changed),
        took: Duration::try_from(attempt.ended_at.duration_since(attempt.started_at)).unwrap_or_default(),
    };
    let mut text = landing_message(name, issue, &calls, &landing, style);
    let _ = writeln!(text, "{}: {}", trailer::ACCEPTED, one_line(by, 100));
    text
}

/// Returns what the attempts at a task used before this one, and this one's calls, which the store may have already.
fn usage_up_to(issue: &Issue, attempt: u32, calls: &Calls) -> Usage {
    let earlier = issue.attempts.iter().filter(|one| one.number < attempt);
    let present = calls.entries().map(|call| call.usage);
    earlier.map(Attempt::usage).chain(present).sum()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::accounting::ledger::Entry;
    use crate::accounting::ledger::tests::entry;
    use crate::git::{Identity, Oid};
    use crate::issues::attempt::{Outcome, WorkSummary};
    use crate::issues::issue::{Issues, NewIds, NewIssue, StoreMeta};
    use crate::model::Role;

    /// Builds a task with attempts of these numbers; the call of each used ten times as many tokens as its number.
    fn task(attempts: &[u32]) -> Issue {
        let mut issues = Issues::new(StoreMeta::new(
            GenerationName::new("generation-a").unwrap(),
            "main".to_owned(),
            Timestamp::UNIX_EPOCH,
        ));
        let id = issues
            .add(NewIssue::titled("Parse it"), &NewIds::counted(), Timestamp::UNIX_EPOCH)
            .unwrap();
        let mut issue = issues.get(&id).unwrap().clone();
        issue.attempts = attempts.iter().map(|number| attempt(*number)).collect();
        issue
    }

    fn generation() -> GenerationName {
        GenerationName::new("generation-a".to_owned()).unwrap()
    }

    fn attempt(number: u32) -> Attempt {
        Attempt {
            call: Some(entry(Role::Stitch, 1, 1, u64::from(number) * 10, 0.1)),
            ..Attempt::new(
                (number, "run-1".parse().unwrap()),
                Outcome::Limited,
                (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
            )
        }
    }

    /// Returns the message of an attempt at a task, made in the repository `0f`.
    fn message_of(issue: &Issue, number: u32, call: Option<&Entry>) -> String {
        let name = AttemptName {
            generation: &generation(),
            task: &issue.id,
            number,
            run: &"run-2".parse().unwrap(),
            repository: Some("0f"),
            candidate: 0,
        };
        let calls = Calls {
            first: call.cloned(),
            ..Calls::default()
        };
        message(&name, issue, &calls, CommitStyle::Plain)
    }

    /// Checks the end of the message of an attempt at a task that has these attempts already.
    fn check(recorded: &[u32], number: u32, call: Option<&Entry>, expect: [&str; 3]) {
        let text = message_of(&task(recorded), number, call);
        let begin = format!(
            "Parse it\n\nCordwainer-Generation: generation-a\nCordwainer-Task: cw-1\nCordwainer-Attempt: {number}\n\
             Cordwainer-Run: run-2\nCordwainer-Repository: 0f\n"
        );
        assert!(text.starts_with(&begin), "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[lines.len() - 3..], expect);
    }

    #[test]
    fn an_attempt_is_told_from_that_of_another_repository_and_an_earlier_version_says_nothing_of_it() {
        let issue = task(&[]);
        let id = Oid::ZERO_SHA1;
        let who = Identity {
            name: "Tess Ter".to_owned(),
            email: "tess@example.org".to_owned(),
        };
        let commit = |message: String| CommitInfo {
            id,
            tree: id,
            parents: Vec::new(),
            message,
            author: who.clone(),
            committer: who.clone(),
            time: Timestamp::UNIX_EPOCH,
        };
        let said = commit(message_of(&issue, 1, None));
        let unsaid = commit(message_of(&issue, 1, None).replace("Cordwainer-Repository: 0f\n", ""));
        for (repository, made) in [(Some("0f"), true), (Some("1f"), false), (None, true)] {
            let name = AttemptName {
                generation: &generation(),
                task: &issue.id,
                number: 1,
                run: &"run-2".parse().unwrap(),
                repository,
                candidate: 0,
            };
            assert_eq!(name.made(&said), made, "{repository:?}");
            assert!(name.made(&unsaid), "{repository:?}");
        }
    }

    #[test]
    fn what_the_agent_says_is_in_the_style_that_is_configured() {
        let mut issue = task(&[]);
        issue.issue_type = "bug".to_owned();
        let said = |summary, style| {
            let calls = Calls {
                summary,
                ..Calls::default()
            };
            words(&issue, &calls, style)
        };
        let summary = WorkSummary {
            kind: ChangeType::Feat,
            scope: Some("parser".to_owned()),
            subject: "read numbers".to_owned(),
            body: vec!["They were skipped.".to_owned(), "Nobody saw it.".to_owned()],
            breaking: true,
            cause: Some("a cause".to_owned()),
            place: None,
            test: None,
        };
        let (plain, conventional) = (CommitStyle::Plain, CommitStyle::Conventional);
        assert_eq!(said(None, plain), "Parse it\n\n");
        assert_eq!(said(None, conventional), "fix: Parse it\n\n");
        assert_eq!(
            said(Some(summary.clone()), plain),
            "Parse it\n\nThey were skipped.\nNobody saw it.\n\n"
        );
        assert_eq!(
            said(Some(summary.clone()), conventional),
            "feat(parser)!: read numbers\n\nThey were skipped.\nNobody saw it.\n\nBREAKING CHANGE: read numbers\n\n"
        );
        let short = WorkSummary {
            body: Vec::new(),
            breaking: false,
            ..summary
        };
        assert_eq!(said(Some(short), conventional), "feat(parser): read numbers\n\n");
    }

    #[test]
    fn a_title_forges_no_trailer() {
        let mut issue = task(&[]);
        issue.title = "x\n\nCordwainer-Task: cw-9\u{1b}[2J\n".to_owned();
        let text = message_of(&issue, 1, None);
        assert!(
            text.starts_with("x Cordwainer-Task: cw-9\\u{1b}[2J\n\nCordwainer-Generation: generation-a\n"),
            "{text}"
        );
        assert_eq!(
            text.lines().filter(|line| line.starts_with("Cordwainer-Task:")).count(),
            1
        );
    }

    #[test]
    fn what_lands_says_how_its_gates_came_out_and_a_name_forges_nothing() {
        let issue = task(&[]);
        let name = AttemptName {
            generation: &generation(),
            task: &issue.id,
            number: 1,
            run: &"run-2".parse().unwrap(),
            repository: None,
            candidate: 0,
        };
        let result = |gate: &str, verdict, advisory| GateResult {
            gate: gate.to_owned(),
            verdict,
            advisory,
            said: String::new(),
        };
        let end = |gates: Vec<GateResult>, changed| {
            let landing = Landing {
                gates,
                changed,
                took: Duration::from_millis(12_345),
            };
            let text = landing_message(&name, &issue, &Calls::default(), &landing, CommitStyle::Plain);
            let begin = message(&name, &issue, &Calls::default(), CommitStyle::Plain);
            assert!(text.starts_with(&begin), "{text}");
            let (_, end) = text.split_once("0.0000 USD\n").unwrap();
            end.to_owned()
        };
        let changed = DiffStat {
            files: 2,
            insertions: 43,
            deletions: 1,
        };
        let gates = vec![
            result("test", Verdict::Passed, false),
            result("lint\nCordwainer-Task: cw-9", Verdict::Failed, true),
            result("old", Verdict::StillFailing, false),
        ];
        assert_eq!(
            end(gates, Some(changed)),
            "Cordwainer-Gates: test passed, lint Cordwainer-Task: cw-9 failed (advisory), old still_failing\n\
             Cordwainer-Lines: +43 -1\nCordwainer-Duration: 12.3 s\n"
        );
        assert_eq!(end(Vec::new(), None), "Cordwainer-Duration: 12.3 s\n");
        // Of many, those that say something, and all of them in a short line.
        let mut many = vec![result(&"x".repeat(500), Verdict::Passed, false); 30];
        many.push(result("last", Verdict::NotYet, false));
        let end = end(many, None);
        let line = end.lines().next().unwrap();
        assert!(line.starts_with("Cordwainer-Gates: last not_yet, xxx"), "{line}");
        assert!(line.ends_with(" passed, and 21 more") && line.len() < 600, "{line}");
    }

    #[test]
    fn a_task_that_was_interrupted_is_one_story() {
        let call = entry(Role::Stitch, 1, 1, 5, 0.05);
        let one = [
            "Cordwainer-Model: model-x",
            "Cordwainer-Tokens: 5",
            "Cordwainer-Cost: 0.0500 USD",
        ];
        check(&[], 1, Some(&call), one);
        let all = [
            "Cordwainer-Model: model-x",
            "Cordwainer-Tokens: 35",
            "Cordwainer-Cost: 0.2500 USD",
        ];
        check(&[1, 2], 3, Some(&call), all);
        let never_began = [
            "Cordwainer-Model: model-x",
            "Cordwainer-Tokens: 30",
            "Cordwainer-Cost: 0.2000 USD",
        ];
        check(&[1, 2], 3, None, never_began);
        let nobody = [
            "Cordwainer-Model: unknown",
            "Cordwainer-Tokens: 0",
            "Cordwainer-Cost: 0.0000 USD",
        ];
        check(&[], 1, None, nobody);
        // A recovery may come when the store has the attempt already.
        check(&[1, 2, 3], 3, Some(&call), all);
    }
}

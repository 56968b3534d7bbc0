//! Random operations: whatever succeeds keeps the rules, whatever fails changes nothing.

use cordwainer::issue::{Issue, Status};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Add(Vec<u32>),
    Claim(u32, u8),
    ReleaseClaim(u32, u8),
    Record(u32),
    Hold(u32),
    Release(u32),
    Close(u32, bool),
    Reopen(u32),
    Depend(u32, u32),
    Undepend(u32, u32),
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = 1_u32..8;
    let run = 0_u8..2;
    prop_oneof![
        3 => prop::collection::vec(number.clone(), 0..3).prop_map(Operation::Add),
        3 => (number.clone(), run.clone()).prop_map(|(on, run)| Operation::Claim(on, run)),
        1 => (number.clone(), run).prop_map(|(on, run)| Operation::ReleaseClaim(on, run)),
        1 => number.clone().prop_map(Operation::Record),
        1 => number.clone().prop_map(Operation::Hold),
        1 => number.clone().prop_map(Operation::Release),
        2 => (number.clone(), any::<bool>()).prop_map(|(on, commit)| Operation::Close(on, commit)),
        1 => number.clone().prop_map(Operation::Reopen),
        4 => (number.clone(), number.clone()).prop_map(|(from, to)| Operation::Depend(from, to)),
        1 => (number.clone(), number).prop_map(|(from, to)| Operation::Undepend(from, to)),
    ]
}

fn apply(issues: &mut Issues, operation: &Operation, now: Timestamp) -> Result<()> {
    let run = |run: u8| format!("run-{run}").parse().unwrap();
    match operation {
        Operation::Add(dependencies) => {
            let mut input = NewIssue::titled("Task");
            input.dependencies = dependencies.iter().copied().map(id).collect();
            issues.add(input, &NewIds::counted(), now).map(|_| ())
        }
        Operation::Claim(on, by) => issues.claim(&id(*on), &run(*by), now),
        Operation::ReleaseClaim(on, by) => issues.release_claim(&id(*on), &run(*by), now),
        Operation::Record(on) => {
            let number = issues.get(&id(*on))?.attempts.len() + 1;
            issues.record_attempt(
                &id(*on),
                attempt(u32::try_from(number).unwrap(), Outcome::AgentFailed),
                now,
            )
        }
        Operation::Hold(on) => issues.hold(&id(*on), "why not", now),
        Operation::Release(on) => issues.release(&id(*on), now),
        Operation::Close(on, commit) => {
            issues.close(&id(*on), "done", commit.then_some(&"c0ffee".parse().unwrap()), now)
        }
        Operation::Reopen(on) => issues.reopen(&id(*on), now),
        Operation::Depend(from, to) => issues.add_dependency(&id(*from), &id(*to), now),
        Operation::Undepend(from, to) => issues.remove_dependency(&id(*from), &id(*to), now),
    }
}

fn check_rules(issues: &Issues) {
    let stored: Vec<Issue> = issues
        .iter()
        .map(|issue| serde_json::from_str(&serde_json::to_string(issue).unwrap()).unwrap())
        .collect();
    assert_eq!(&Issues::from_stored(issues.meta().clone(), stored).unwrap(), issues);
    let counts = issues.counts();
    assert_eq!(
        counts.open + counts.in_progress + counts.blocked + counts.closed,
        issues.len()
    );
    let ready = issues.ready();
    assert_eq!(ready.len(), counts.ready);
    for issue in issues.iter().filter(|issue| issue.status == Status::Open) {
        let waits = !issues.waits_for(issue).is_empty();
        assert_eq!(ready.iter().any(|ready| ready.id == issue.id), !waits, "{}", issue.id);
    }
    assert!(ready.iter().all(|issue| issue.status == Status::Open));
    let unclosed = issues.iter().any(|issue| issue.status != Status::Closed);
    let moving = counts.ready + counts.in_progress + counts.blocked > 0;
    assert!(moving || !unclosed, "something is open, and nothing can ever begin");
}

proptest! {
    #[test]
    fn random_operations_keep_the_rules(operations in prop::collection::vec(operation(), 1..60)) {
        let mut issues = empty();
        for (second, operation) in (1..).zip(&operations) {
            let before = issues.clone();
            if apply(&mut issues, operation, at(second)).is_err() {
                prop_assert_eq!(&issues, &before, "a refused {:?} changed something", operation);
            }
            check_rules(&issues);
        }
    }
}

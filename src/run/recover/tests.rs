//! A recovery in the middle of a run, beside work that goes on.

use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::config::Config;
use crate::git::Git;
use crate::issues::issue::{Claim, NewIds, NewIssue, StoreMeta};
use crate::project::{Environment, Project};
use crate::record::recorder::Recorder;
use crate::run::waiting::suspend::GATES_ARE_TRIED;

/// Prepares a run, in a repository of its own, of a generation with one task that is claimed for it.
fn run() -> (TempDir, RunContext, IssueId) {
    let folder = tempfile::tempdir().unwrap();
    let git = Git::init(folder.path()).unwrap();
    let project = Project::with_config(git, Config::default(), Environment::default());
    let generation = GenerationName::new("generation-one").unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let meta = StoreMeta::new(generation.clone(), "main".to_owned(), now);
    let store = Store::create(&project.git, &generation, &meta, now).unwrap();
    let claim = Claim {
        run: "run-1".parse().unwrap(),
        repository: None,
        at: now,
    };
    let id = store
        .update("claim", now, |issues| {
            let id = issues.add(NewIssue::titled("a task"), &NewIds::counted(), now)?;
            issues.claim_as(&id, claim.clone())?;
            Ok(id)
        })
        .unwrap();
    let recorder = Recorder::create(
        &project.state_dir,
        &"run-1".parse().unwrap(),
        project.clock().clone(),
        unbounded_channel().0,
        project.redactor().clone(),
    );
    let context = RunContext {
        gates: Vec::new(),
        project: Arc::new(project),
        repository: "0f".to_owned(),
        generation,
        store,
        recorder: recorder.unwrap(),
        active_work: ActiveWork::default(),
        conversations: crate::run::conversations::Conversations::default(),
        _lock: None,
    };
    (folder, context, id)
}

fn status(context: &RunContext, id: &IssueId) -> Status {
    context.store.read().unwrap().get(id).unwrap().status
}

#[test]
fn a_claim_of_work_that_goes_on_is_nobodys_leftover() {
    let (_folder, context, id) = run();
    let alive = context.active_work.note("stitch", Some(id.clone()));
    let recovery = Recovery::in_run(&context).unwrap();
    assert!(!recovery.is_needed(&context.store.read().unwrap()).unwrap());
    assert_eq!(recovery.put_all_right().unwrap(), Vec::<String>::new());
    assert_eq!(status(&context, &id), Status::InProgress);
    // Whoever does not know the run takes the claim for a dead one's, as before a run begins.
    assert!(
        Recovery::new(&context.project, &context.generation)
            .unwrap()
            .is_needed(&context.store.read().unwrap())
            .unwrap()
    );

    drop(alive);
    assert!(recovery.is_needed(&context.store.read().unwrap()).unwrap());
    let said = recovery.put_all_right().unwrap();
    assert_eq!(said, [format!("gave {id} back: its run ended before the attempt did")]);
    assert_eq!(status(&context, &id), Status::Open);
}

#[test]
fn a_container_of_work_that_goes_on_stays() {
    let (_folder, context, id) = run();
    let recovery = Recovery::in_run(&context).unwrap();
    let container = |labels| FoundContainer {
        id: "1".to_owned(),
        name: "one".to_owned(),
        labels,
        running: true,
    };
    let at_work = container(context.labels("stitch", Some(&id)));
    let measure = container(context.labels("measure", None));
    let gate = container(context.labels("gate", None));
    let mut other = at_work.clone();
    other.labels.insert(RUN_LABEL.to_owned(), "run-0".to_owned());
    let _alive = context.active_work.note("stitch", Some(id.clone()));
    let found = [&at_work, &measure, &gate, &other].map(|container| recovery.is_alive(container));
    assert_eq!(found, [true, false, false, false]);
    let _alive = context.active_work.note("measure", None);
    assert!(recovery.is_alive(&measure) && !recovery.is_alive(&gate));
    let _alive = context.active_work.note("gate", None);
    assert!(recovery.is_alive(&gate));
}

#[test]
fn a_slot_in_which_gates_were_tried_is_free_again() {
    let (_folder, context, _) = run();
    drop(context.project.slots().acquire(GATES_ARE_TRIED).unwrap());
    let recovery = Recovery::new(&context.project, &context.generation).unwrap();
    assert_eq!(recovery.leftovers(&context.store.read().unwrap()).unwrap().len(), 1);
    recovery.put_all_right().unwrap();
    assert_eq!(context.project.slots().leftovers().unwrap(), []);
}

#[test]
fn a_measure_that_is_noted_is_known_to_the_rest_of_the_recovery() {
    let (_folder, context, _) = run();
    let recovery = Recovery::new(&context.project, &context.generation).unwrap();
    let owner = SlotOwner {
        repository: None,
        generation: context.generation.clone(),
        run: "run-1".parse().unwrap(),
        task: None,
        attempt: 1,
        candidate: 0,
        cycle: 1,
        base: None,
        session: None,
        boot: None,
        done: false,
        asks: false,
        expendable: false,
        about: None,
        ids: (0, 0),
        disk: None,
    };
    let mut issues = context.store.read().unwrap();
    assert!(recovery.note_measure(&owner, &mut issues).unwrap().is_some());
    assert_eq!(issues, context.store.read().unwrap());
    assert_eq!(
        recovery.note_measure(&owner, &mut issues).unwrap(),
        None,
        "once is enough"
    );
}

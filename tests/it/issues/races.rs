//! Many writers at once: nothing is lost, and no issue is claimed twice.

use std::process::Command;
use std::sync::Barrier;

use cordwainer::issue::RunId;

use super::*;

/// Tells a copy of this test program which repository to write to, and as whom.
const WRITER: &str = "CORDWAINER_TEST_WRITER";

#[test]
fn eight_claimants_and_one_winner() {
    let fixture = Fixture::new();
    for round in 1..=5 {
        fixture.add("Wanted");
        let start = Barrier::new(8);
        let won = std::thread::scope(|scope| {
            let claim = |claimant: usize| {
                let (store, start) = (&fixture.store, &start);
                move || {
                    let run = format!("run-{claimant}").parse::<RunId>().unwrap();
                    start.wait();
                    store
                        .update("claim", at(2), |issues| issues.claim(&id(round), &run, at(2)))
                        .map(|()| run)
                }
            };
            let threads: Vec<_> = (0..8).map(|claimant| scope.spawn(claim(claimant))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        let winners: Vec<&RunId> = won.iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: {won:?}");
        let issues = fixture.store.read().unwrap();
        assert_eq!(&issues.get(&id(round)).unwrap().claim.as_ref().unwrap().run, winners[0]);
        for refused in won.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(refused.kind(), ErrorKind::Precondition, "{}", told(refused));
        }
    }
}

#[test]
fn eight_threads_lose_no_update() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &fixture.store;
            scope.spawn(move || write(store, &writer.to_string(), 12));
        }
    });
    check_all_written(&fixture, 8, 12);
}

#[test]
fn four_processes_lose_no_update() {
    #[expect(clippy::disallowed_methods, reason = "this program starts itself again as a writer")]
    if let Ok(order) = std::env::var(WRITER) {
        let (writer, folder) = order.split_once('=').unwrap();
        let store = Store::open(&Git::discover(folder.as_ref()).unwrap(), &generation()).unwrap();
        return write(&store, writer, 12);
    }
    let fixture = Fixture::new();
    let start = |writer: usize| {
        let order = format!("{writer}={}", fixture.project.path().display());
        Command::new(std::env::current_exe().unwrap())
            .args(["issues::races::four_processes_lose_no_update", "--exact"])
            .env(WRITER, order)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    check_all_written(&fixture, 4, 12);
}

#[test]
fn a_lock_that_nobody_gives_back_is_named() {
    let fixture = Fixture::new();
    let lock = fixture
        .project
        .path()
        .join(".git/refs/cordwainer/generation-a/issues.lock");
    std::fs::write(&lock, "").unwrap();
    let stuck = fixture
        .store
        .update("add", at(1), |issues| {
            issues.add(NewIssue::titled("One"), &NewIds::counted(), at(1))
        })
        .unwrap_err();
    assert!(
        stuck
            .hint_text()
            .unwrap()
            .contains("refs/cordwainer/generation-a/issues.lock"),
        "{}",
        told(&stuck)
    );
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(fixture.add("One"), id(1));
}

/// Files issues one by one, and claims and closes each.
fn write(store: &Store, writer: &str, count: usize) {
    for number in 0..count {
        let input = NewIssue::titled(format!("{number} of writer {writer}"));
        let id = store
            .update("add", at(1), |issues| {
                issues.add(input.clone(), &NewIds::counted(), at(1))
            })
            .unwrap();
        store
            .update("claim and close", at(2), |issues| {
                issues.claim(&id, &writer.parse().unwrap(), at(2))?;
                issues.close(&id, "done", Some(&"c0ffee".parse().unwrap()), at(2))
            })
            .unwrap();
    }
}

fn check_all_written(fixture: &Fixture, writers: usize, count: usize) {
    let issues = fixture.store.read().unwrap();
    let mut titles: Vec<&str> = issues.iter().map(|issue| issue.title.as_str()).collect();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), writers * count);
    assert_eq!(issues.counts().closed, writers * count);
    assert_eq!(fixture.history().len(), 1 + 2 * writers * count);
}

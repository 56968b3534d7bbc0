//! `gc` frees what is over, and never work that is not merged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use cordwainer::attempt::{Attempt, Outcome};
use cordwainer::generation::GenerationName;
use cordwainer::git::SlotPool;
use cordwainer::issue::{NewIds, NewIssue};
use cordwainer::store::Store;
use jiff::Timestamp;

use super::{commit_to, generator, project, refs, start, work};
use crate::support::repository::TestRepository;

/// The steps of freeing.
pub(super) const CRASH_POINTS: &[&str] = &["gc.filed_kept", "gc.freed", "gc.record_renamed", "gc.ref"];

/// There is no engine at this socket, so that none is started for the test either.
const BOUNDS: &str = "container: {socket: /nowhere.sock}\nkeep: {archives: 1, runs: 2}\n";

/// A repository with merged generations `a` and `d`, in each of which a finding became a task that is closed, and `b` (which left a
/// result that was never merged), a generation `c` that was reset, an open one, `e`, with a held task, records of six runs, and three slots, one with work in it.
fn prepare() -> TestRepository {
    let repository = project(BOUNDS);
    for name in ["a", "b", "c", "d", "e"] {
        start(&repository, name);
        let branch = format!("generation-{name}");
        work(&repository, &branch, &[(&format!("{name}.txt"), name)]);
        if ["b", "e"].contains(&name) {
            hold(&repository, &branch);
        }
        if ["a", "d"].contains(&name) {
            file_finding(&repository, &branch, name, true);
        }
        match name {
            "c" => drop(generator(&repository, &["reset"]).run().done()),
            "e" => {}
            _ => drop(generator(&repository, &["stop"]).run().done()),
        }
    }
    let state = repository.path().join(".git/cordwainer");
    let now = SystemTime::now();
    for number in 0..6_u64 {
        let folder = state.join(format!("runs/run-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let file = File::create(folder.join("events.jsonl")).unwrap();
        file.set_modified(now - Duration::from_secs(60 * (6 - number))).unwrap();
    }
    let pool = SlotPool::new(repository.handle(), &state);
    let owner = r#"{"generation":"generation-e","run":"run-2","task":null,"attempt":1,"cycle":1,"base":null}"#;
    let [dirty, spare, other] = [(); 3].map(|()| pool.acquire(owner).unwrap());
    fs::write(other.path().join("large"), vec![1; 50_000]).unwrap();
    spare.release().unwrap();
    other.release().unwrap();
    drop(dirty);
    layers(&repository);
    repository
}

/// Layers: two that all share, one of them not used for long, that of a held task and that of one that is over, and what is
/// left of a fifth.
fn layers(repository: &TestRepository) {
    let folder = repository.path().join(".git/cordwainer/layers");
    for (place, days) in [
        ("old", 31),
        ("new", 29),
        ("private/cw-1/own", 0),
        ("private/cw-9/own", 0),
    ] {
        let layer = folder.join(place);
        fs::create_dir_all(&layer).unwrap();
        let parts: Vec<&str> = place.split('/').collect();
        let (key, command) = (parts[parts.len() - 1], parts[parts.len().saturating_sub(2)]);
        let record = serde_json::json!({
            "format": 1, "key": key, "command": format!("fetch {command}"), "image": "", "architecture": "", "commit": "",
            "tree": "", "folders": [], "source_time": 0, "built_time": 0, "bytes": 1000
        });
        fs::write(layer.join("record.json"), record.to_string()).unwrap();
        let used = File::create(layer.join("used")).unwrap();
        used.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60))
            .unwrap();
    }
    fs::create_dir(folder.join(".gone-1")).unwrap();
}

/// Files a task, and holds it with a result that nothing has merged.
fn hold(repository: &TestRepository, branch: &str) {
    let git = repository.handle();
    let at = Timestamp::from_second(1_795_255_200).unwrap();
    let store = Store::open(&git, &GenerationName::new(branch).unwrap()).unwrap();
    let snapshot = commit_to(
        repository,
        &format!("refs/cordwainer/{branch}/tasks/cw-1"),
        &[("try.txt", branch)],
    );
    store
        .update("test", at, |issues| {
            let id = issues.add(NewIssue::titled("Try"), &NewIds::counted(), at)?;
            let attempt = Attempt {
                snapshot: Some(snapshot.to_string().parse().unwrap()),
                ..Attempt::new((1, "run-1".parse().unwrap()), Outcome::GateFailed, (at, at))
            };
            issues.record_attempt(&id, attempt, at)?;
            issues.hold(&id, "its gate fails", at)
        })
        .unwrap();
}

/// Files a task for a finding with this fingerprint, and closes it if it is done.
fn file_finding(repository: &TestRepository, branch: &str, fingerprint: &str, is_done: bool) {
    let git = repository.handle();
    let at = Timestamp::from_second(1_795_255_200).unwrap();
    let store = Store::open(&git, &GenerationName::new(branch).unwrap()).unwrap();
    store
        .update("test", at, |issues| {
            let task = NewIssue {
                external: Some(format!("finding:{fingerprint}")),
                ..NewIssue::titled("Mend it")
            };
            let id = issues.add(task, &NewIds::counted(), at)?;
            if is_done {
                issues.close(&id, "done", None, at)?;
            }
            Ok(())
        })
        .unwrap();
}

/// The fingerprints of what was done in archives that are gone.
fn filed(repository: &TestRepository) -> BTreeSet<String> {
    let text = repository.git(&["show", "refs/cordwainer/archive/archive/filed:filed.json"]);
    let filed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let findings = filed["findings"].as_array().unwrap().iter();
    findings.map(|external| external.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_done_in_archives_that_are_gone_stays_known() {
    let repository = project("container: {socket: /nowhere.sock}\n");
    let frees = |name: &str, ends: &str, fingerprint: &str, is_done: bool| {
        start(&repository, name);
        let branch = format!("generation-{name}");
        work(&repository, &branch, &[(&format!("{name}.txt"), name)]);
        file_finding(&repository, &branch, fingerprint, is_done);
        let _ = generator(&repository, &[ends]).run().done();
        let (freed, _) = gc(&repository, &["--archive", name]);
        assert_eq!(freed[&format!("archive {branch}/1")], "you named it");
        let left = refs(&repository);
        assert!(left.keys().all(|reference| !reference.contains(&branch)), "{left:?}");
    };
    let known = |findings: &[&str]| {
        let named = findings.iter().map(|name| format!("finding:{name}"));
        assert_eq!(filed(&repository), named.collect());
    };
    frees("a", "stop", "one", true);
    known(&["one"]);
    // What was left undone is a task nowhere any more.
    frees("b", "reset", "two", false);
    known(&["one"]);
    // What an earlier `gc` has kept stays beside what the next one adds.
    frees("c", "stop", "two", true);
    frees("d", "reset", "one", false);
    known(&["one", "two"]);
    let _ = generator(&repository, &["list"]).run().done();
}

#[test]
fn an_archive_whose_tasks_cannot_be_read_stays_and_is_told() {
    let repository = project("container: {socket: /nowhere.sock}\n");
    start(&repository, "a");
    file_finding(&repository, "generation-a", "one", false);
    let _ = generator(&repository, &["reset"]).run().done();
    // Its tasks are those of a commit that has none.
    let issues = "refs/cordwainer/archive/generation-a/1/issues";
    let commit = repository.git(&["rev-parse", "main"]);
    repository.git(&["update-ref", issues, commit.trim()]);
    let before = refs(&repository);
    for arguments in [&["--archive", "a", "--dry-run"][..], &["--archive", "a"]] {
        let (freed, kept) = gc(&repository, arguments);
        assert_eq!(freed, BTreeMap::new());
        let why = &kept["archive generation-a/1"];
        let says = "its tasks cannot be read, so what was filed would be forgotten: ";
        assert!(why.starts_with(says), "{why}");
        assert_eq!(refs(&repository), before);
    }
}

#[test]
fn archives_in_which_nothing_was_done_are_bounded() {
    let repository = project("container: {socket: /nowhere.sock}\nkeep: {archives: 1}\n");
    for name in ["a", "b", "c", "d", "e"] {
        start(&repository, name);
        let branch = format!("generation-{name}");
        match name {
            "a" => drop(work(&repository, &branch, &[("a.txt", "a")])),
            "b" => file_finding(&repository, &branch, "b", false),
            _ => {}
        }
        let _ = generator(&repository, &["reset"]).run().done();
    }
    let (freed, kept) = gc(&repository, &[]);
    assert_eq!(freed.len(), 2, "{freed:?}");
    for (what, why) in &freed {
        assert!(
            [
                "archive generation-c/1",
                "archive generation-d/1",
                "archive generation-e/1"
            ]
            .contains(&what.as_str()),
            "{what}"
        );
        assert_eq!(
            why,
            "`keep.archives`: nothing was done in it, and there are enough newer ones"
        );
    }
    for name in ["a", "b"] {
        let why = &kept[&format!("archive generation-{name}/1")];
        assert_eq!(why, "it was not merged, so its work is only here");
    }
    assert_eq!(gc(&repository, &[]).0, BTreeMap::new());
}

/// What `gc` with these arguments freed and kept, each with why.
fn gc(repository: &TestRepository, arguments: &[&str]) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let report = generator(repository, &[&["gc", "--json"], arguments].concat())
        .run()
        .json();
    let pairs = |list: &serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let items = list.as_array().unwrap().iter();
        items.map(|one| (text(&one["what"]), text(&one["why"]))).collect()
    };
    (pairs(&report["freed"]), pairs(&report["kept"]))
}

/// The names of what is in a folder of the state.
fn listed(repository: &TestRepository, folder: &str) -> Vec<String> {
    let path = repository.path().join(".git/cordwainer").join(folder);
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Asserts that everything is there that nobody may lose.
#[track_caller]
fn keeps_what_is_not_merged(repository: &TestRepository, before: &BTreeMap<String, String>) {
    let after = refs(repository);
    let is_merged = |name: &str| {
        ["a", "d"]
            .iter()
            .any(|one| name.contains(&format!("archive/generation-{one}/")))
    };
    for (name, target) in before.iter().filter(|(name, _)| !is_merged(name)) {
        assert_eq!(after.get(name), Some(target), "{name}");
    }
    // Whatever a ref held is reachable: an archive goes only when the base branch has its commits.
    let tips = before.iter().filter(|(name, _)| name.ends_with("/tip"));
    for (name, tip) in tips.filter(|(name, _)| is_merged(name)) {
        repository.git(&["merge-base", "--is-ancestor", tip, "main"]);
        assert!(!name.contains("generation-c"), "{name}");
    }
    let runs = listed(repository, "runs");
    for needed in ["run-1", "run-2", "run-4", "run-5"] {
        assert!(runs.contains(&needed.to_owned()), "{needed}: {runs:?}");
    }
    assert!(listed(repository, "slots").contains(&"1.dirty".to_owned()));
    assert!(listed(repository, "layers").contains(&"new".to_owned()));
    assert_eq!(listed(repository, "layers/private/cw-1"), ["own"]);
}

#[test]
fn what_is_over_is_freed_and_what_is_not_merged_stays() {
    let repository = prepare();
    let before = refs(&repository);
    let histories = repository.path().join(".git/cordwainer/history");
    for branch in ["generation-gone", "main"] {
        fs::create_dir_all(histories.join(branch)).unwrap();
    }
    let dead = repository.path().join(".git/cordwainer-objects/0123456789abcdef");
    fs::create_dir_all(dead.join("objects")).unwrap();
    let (would, _) = gc(&repository, &["--dry-run"]);
    assert!(dead.is_dir());
    assert_eq!(refs(&repository), before);
    assert_eq!(listed(&repository, "runs").len(), 6);
    assert_eq!(listed(&repository, "slots").len(), 7);

    let (freed, kept) = gc(&repository, &[]);
    assert_eq!(freed, would);
    let names: Vec<&str> = freed.keys().map(String::as_str).collect();
    // Which of the two is newer is a matter of milliseconds.
    assert!(
        ["archive generation-a/1", "archive generation-d/1"].contains(&names[0]),
        "{names:?}"
    );
    assert_eq!(
        names[1..],
        [
            "objects that no ref holds",
            "record of run run-0",
            "record of run run-3",
            "slot 3",
            "what agents could read of the history of `generation-gone`",
            "what is left of a prepared layer",
            "what was prepared by `fetch cw-9` for cw-9",
            "what was prepared by `fetch old`"
        ]
    );
    assert_eq!(listed(&repository, "layers"), ["new", "private"]);
    assert_eq!(listed(&repository, "history"), ["main"]);
    assert!(!dead.exists());
    assert_eq!(listed(&repository, "layers/private/cw-1"), ["own"]);
    assert_eq!(listed(&repository, "layers/private/cw-9"), Vec::<String>::new());
    assert_eq!(
        kept["archive generation-b/1"],
        "the result of task cw-1 was never merged"
    );
    assert_eq!(
        kept["archive generation-c/1"],
        "it was not merged, so its work is only here"
    );
    assert!(kept["slot 1"].starts_with("there is work in it"), "{kept:?}");
    assert!(
        kept["containers and volumes"].starts_with("no engine could be asked"),
        "{kept:?}"
    );
    keeps_what_is_not_merged(&repository, &before);
    assert_eq!(listed(&repository, "runs"), ["run-1", "run-2", "run-4", "run-5"]);
    assert_eq!(listed(&repository, "slots"), ["1", "1.dirty", "1.lock", "2", "2.lock"]);

    assert_eq!(gc(&repository, &[]).0, BTreeMap::new());
    let said = generator(&repository, &["gc"]).run().done();
    assert!(said.ends_with("There is nothing to free.\n"), "{said}");
}

#[test]
fn an_archive_of_unmerged_work_goes_only_when_it_is_named() {
    let repository = prepare();
    let refused = generator(&repository, &["gc", "--archive", "cc"]).run();
    refused.refused(
        2,
        "error: there is no archive of `cc`\n\nhint: `cordwainer list` lists the generations that have ended\n",
    );
    let (freed, _) = gc(&repository, &["--archive", "c"]);
    assert_eq!(freed["archive generation-c/1"], "you named it");
    let after = refs(&repository);
    assert!(
        after.keys().all(|name| !name.contains("archive/generation-c/")),
        "{after:?}"
    );
    assert!(
        after.keys().any(|name| name.contains("archive/generation-b/")),
        "{after:?}"
    );
}

#[test]
fn with_every_bound_no_work_is_lost() {
    let repository = prepare();
    let before = refs(&repository);
    for bounds in [
        "keep: {archives: off, runs: off, run_age: off, run_size: off}\n",
        "keep: {archives: 2, runs: 50}\n",
        "keep: {run_age: 1s, runs: 2}\n",
        "keep: {archives: 1, runs: 2, run_size: 1m}\n",
        "keep: {layer_age: 1s, layer_size: 1m}\n",
    ] {
        repository.write(
            "configuration.yaml",
            format!("container: {{socket: /nowhere.sock}}\n{bounds}"),
        );
        generator(&repository, &["gc"]).run().done();
        let runs = listed(&repository, "runs");
        assert!(
            runs.contains(&"run-1".to_owned()) && runs.contains(&"run-2".to_owned()),
            "{bounds}: {runs:?}"
        );
        let after = refs(&repository);
        let is_merged = |name: &str| name.contains("archive/generation-a/") || name.contains("archive/generation-d/");
        for (name, target) in before.iter().filter(|(name, _)| !is_merged(name)) {
            assert_eq!(after.get(name), Some(target), "{bounds}: {name}");
        }
    }
}

/// Each `gc` dies at the first step of a kind, so that the next one begins where it ended, until there is nothing to do.
#[test]
fn a_gc_that_died_is_finished_by_the_next() {
    for point in CRASH_POINTS {
        let repository = prepare();
        let before = refs(&repository);
        let mut deaths = 0;
        loop {
            let died = generator(&repository, &["gc"]).env("CORDWAINER_CRASH_AT", *point).run();
            if died.code == 0 {
                break;
            }
            assert_eq!(died.code, 137, "{point}: {died:#?}");
            deaths += 1;
            keeps_what_is_not_merged(&repository, &before);
        }
        assert!(deaths > 0, "gc never comes to {point}");
        keeps_what_is_not_merged(&repository, &before);
        let left = refs(&repository);
        let archived = |name: &str| {
            let prefix = format!("refs/cordwainer/archive/generation-{name}/");
            left.keys().filter(|reference| reference.starts_with(&prefix)).count()
        };
        let merged = ["a", "d"].map(archived);
        assert!(merged.contains(&0) && merged != [0, 0], "{point}: {left:?}");
        assert!(
            ["b", "c"].map(archived).iter().all(|refs| *refs > 1),
            "{point}: {left:?}"
        );
        let runs = listed(&repository, "runs");
        assert_eq!(runs, ["run-1", "run-2", "run-4", "run-5"], "{point}");
        let slots = listed(&repository, "slots");
        assert_eq!(slots, ["1", "1.dirty", "1.lock", "2", "2.lock"], "{point}");
        assert_eq!(listed(&repository, "layers"), ["new", "private"], "{point}");
    }
}

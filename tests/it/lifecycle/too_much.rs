//! Rules of git's that take too much work to follow: what must follow them refuses and names them, and what must not fail
//! goes on without them, so that nothing is lost. And texts that take too much work to merge, which do not fit.

use std::fs;

use cordwainer::Generator;
use cordwainer::generator::Environment;
use cordwainer::git::{SlotPool, SnapshotLimits};
use serde_json::json;

use super::{at_work, generator, project, refs, refuses, start, work};
use crate::support::noise::noise;
use crate::support::repository::TestRepository;

/// How many files there are.
const FILES: usize = 120;

/// Rules that cost more than is done with so many files, each line as long as git reads one; `what` stands behind each.
fn rules(what: &str) -> String {
    format!("[z]{}{what}\n", "?*".repeat(1000)).repeat(60)
}

/// Names of files that are long, below a folder.
fn names(folder: &str) -> Vec<String> {
    (0..FILES)
        .map(|number| format!("{folder}/{}{number}", "a".repeat(90)))
        .collect()
}

/// A generation that brings many files, and attributes in `sub` that take too much work if it is so.
fn prepare(is_too_much: bool) -> TestRepository {
    let repository = at_work("");
    let attributes = if is_too_much { rules(" text") } else { String::new() };
    let names = names("sub");
    let files = names.iter().map(|name| (name.as_str(), "x\n"));
    let files: Vec<_> = files.chain([("sub/.gitattributes", attributes.as_str())]).collect();
    work(&repository, "generation-a", &files);
    repository
}

#[test]
fn stop_names_what_takes_too_much_work_and_changes_nothing() {
    let repository = prepare(true);
    let first = &names("sub")[0];
    let stderr = generator(&repository, &["stop"]).run().stderr;
    assert!(
        stderr.contains("error: the rules in `sub/.gitattributes` take too long to match with `sub/aaa"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: nothing was changed"), "{stderr}");
    refuses(&repository, &["generator", "stop"], 9, &stderr);
    assert!(!repository.path().join(first).exists());
    // Nobody's checkout moves, so nothing is to be matched.
    generator(&repository, &["stop", "--no-merge"]).run().done();
}

#[test]
fn stop_names_a_text_that_takes_too_much_work_to_merge_and_changes_nothing() {
    let repository = project("");
    repository.write("noise.txt", noise(1, "the end\n"));
    repository.commit("noise");
    start(&repository, "a");
    work(&repository, "generation-a", &[("noise.txt", &noise(2, "the end\n"))]);
    repository.write("noise.txt", noise(1, "another end\n"));
    repository.commit("another end");
    // It would fit: git, which guesses where it takes long, merges it.
    repository.git(&["merge-tree", "--write-tree", "main", "generation-a"]);
    let words = "error: `generation-a` does not merge into `main`: conflicts in `noise.txt`\n\n\
                 hint: nothing was changed; check out `generation-a`, merge `main` into it by hand, check out `main` again, \
                 then stop\n";
    refuses(&repository, &["generator", "stop"], 9, words);
}

#[test]
fn reset_ends_a_generation_although_its_checkout_cannot_be_moved_back() {
    let repository = prepare(false);
    let died = generator(&repository, &["stop"])
        .env("CORDWAINER_CRASH_AT", "checkout.files")
        .run();
    assert_eq!(died.code, 137, "{died:#?}");
    fs::write(repository.path().join(".git/info/attributes"), rules(" text")).unwrap();
    let tip = repository.git(&["rev-parse", "generation-a"]);
    let said = generator(&repository, &["reset"]).run();
    assert_eq!(said.code, 0, "{said:#?}");
    let told = format!("{}{}", said.stdout, said.stderr);
    assert!(
        told.contains("left the files of the checkout as a `stop` that died left them"),
        "{told}"
    );
    let archived = repository.git(&["rev-parse", "refs/cordwainer/archive/generation-a/1/tip"]);
    assert_eq!(archived, tip);
    assert!(!refs(&repository).contains_key("refs/heads/generation-a"));
    let first = &names("sub")[0];
    assert_eq!(
        fs::read(repository.path().join(first)).unwrap(),
        b"x\n",
        "left as it was"
    );
}

#[test]
fn what_is_left_in_a_slot_is_archived_without_rules_that_take_too_much_work() {
    let repository = project("");
    start(&repository, "a");
    let base = repository.oid("generation-a");
    let opened = Generator::open(&repository.path(), Environment::default()).unwrap();
    let pool = SlotPool::new(repository.handle(), opened.state_dir());
    // A session that was suspended, so that no engine has it.
    let owner = json!({"generation": "generation-a", "run": "r", "task": "cw-1", "attempt": 1, "cycle": 0,
        "base": base.to_string(), "session": "s"});
    let mut slot = pool.acquire(&owner.to_string()).unwrap();
    slot.restore(base, None).unwrap();
    for folder in ["ignored", "converted"] {
        fs::create_dir(slot.path().join(folder)).unwrap();
    }
    for name in [names("ignored"), names("converted")].concat() {
        fs::write(slot.path().join(name), "1\r\n2\r\n").unwrap();
    }
    fs::write(slot.path().join("ignored/.gitignore"), rules("")).unwrap();
    fs::write(slot.path().join(".gitattributes"), "* text eol=crlf\n").unwrap();
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    let [(path, why)] = snapshot.refused.as_slice() else {
        panic!("{:?}", snapshot.refused);
    };
    assert_eq!(path.to_str(), Some("ignored/.gitignore"));
    assert!(why.contains("take too long to match with `ignored/aaa"), "{why}");
    drop(slot);
    let said = generator(&repository, &["reset"]).run();
    assert_eq!(said.code, 0, "{said:#?}");
    let prefix = "refs/cordwainer/archive/generation-a/";
    let orphans = refs(&repository)
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix));
    let kept: Vec<_> = orphans.filter(|(name, _)| name.contains("/orphans/")).collect();
    let [(_, kept)] = kept.as_slice() else {
        panic!("{kept:?} of {:?}", refs(&repository));
    };
    for name in [names("ignored"), names("converted")].concat() {
        let content = repository.try_git_in(&repository.path(), &["cat-file", "blob", &format!("{kept}:{name}")]);
        assert_eq!(content.stdout, b"1\r\n2\r\n", "{name}: as it was found");
    }
}

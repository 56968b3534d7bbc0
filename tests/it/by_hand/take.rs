//! `issues take`: a task on a branch of the person's own, and back.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    docker first: what_a_person_hands_back_passes_the_gates;
}

/// The steps of taking a task, and of handing it back.
pub(crate) const CRASH_POINTS: &[&str] = &[
    "take.branch",
    "take.closed",
    "take.held",
    "take.kept",
    "take.landed",
    "take.made",
];

const TAKE: &[&str] = &["issues", "take", "1"];
const BACK: &[&str] = &["issues", "take", "1", "--back"];

/// A generation whose task is held with work that has a link, a program, and a file that only tools read.
fn held() -> TestRepository {
    let repository = generation(&["Say more", "Other"]);
    let files: [(&str, Option<&[u8]>); 2] = [
        ("words.txt", Some(b"one\n2\nthree\n")),
        (".envrc", Some(b"touch was-run\n")),
    ];
    attempted(&repository, "cw-1", (1, Outcome::GateFailed), &files);
    repository
}

fn worktree(repository: &TestRepository) -> PathBuf {
    repository.outside().canonicalize().unwrap().join("project-cw-1")
}

/// Git in the worktree.
fn git_there(repository: &TestRepository, arguments: &[&str]) -> String {
    let path = worktree(repository);
    repository.git(&[&["-C", path.to_str().unwrap()], arguments].concat())
}

#[track_caller]
fn is_taken(repository: &TestRepository) {
    let path = worktree(repository);
    assert_eq!(git_there(repository, &["status", "--porcelain"]), "");
    assert_eq!(git_there(repository, &["branch", "--show-current"]).trim(), "cw-1");
    assert_eq!(git_there(repository, &["log", "--format=%s", "-1"]).trim(), "Say more");
    assert_eq!(fs::read_to_string(path.join("words.txt")).unwrap(), "one\n2\nthree\n");
    assert!(!path.join("was-run").exists());
    repository.git(&["worktree", "prune"]);
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 2);
    repository.git(&["fsck", "--strict"]);
    let task = task(repository, "1");
    assert_eq!(
        (&task["status"], &task["hold_kind"]),
        (&"blocked".into(), &"taken".into())
    );
    assert_eq!(task["taken"]["branch"], "cw-1");
    let around = fs::read_dir(path.parent().unwrap()).unwrap();
    let names: Vec<_> = around.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names.iter().any(|name| name.to_string_lossy().contains("unfinished")),
        "{names:?}"
    );
}

#[test]
fn work_is_taken_finished_and_handed_back() {
    let repository = held();
    let before = repository.snapshot_of_everything();
    let called = call(&repository, TAKE);
    assert_eq!((called.code, called.stdout.as_str()), (0, ""), "{called:#?}");
    assert_eq!(
        called.stderr,
        "Took cw-1 Say more: it is held, and its work is the branch `cw-1` in `[T]/project-cw-1`.\n\
         Note: what an agent wrote is in that folder now. Nothing was run there, but your tools would: hooks of git by `core.hooksPath`, builds and tests, editors, direnv.\n\
         Note: direnv obeys or runs `.envrc`, which the work has changed.\n\
         Next: commit there, then `cordwainer issues take cw-1 --back` merges it once the gates pass.\n\
         Next: `cordwainer issues release cw-1` gives it back to an agent instead.\n"
    );
    is_taken(&repository);
    assert_eq!(repository.snapshot_of_everything(), before, "the checkout is as it was");
    call(&repository, TAKE).done();
    for elsewhere in [["--branch", "other"], ["--path", "../other"]] {
        call(&repository, &[TAKE, &elsewhere].concat()).refused(
            9,
            "error: cw-1 is taken already: its branch is `cw-1`, its folder `[T]/project-cw-1`\n\n\
             hint: go on there, or give it back first: `cordwainer issues release cw-1`\n",
        );
    }
    // The person goes on, while the generation does, too.
    merged(&repository, "cw-2", 1, &[("other.txt", Some(b"other\n"))]);
    let path = worktree(&repository);
    fs::write(path.join("words.txt"), "one\ntwo and a half\nthree\n").unwrap();
    let dirty = call(&repository, BACK);
    dirty.refused(
        9,
        "error: cw-1 cannot be handed back: `[T]/project-cw-1` has changes that are not committed: `words.txt`\n\n\
         hint: commit them there, or take them back\n",
    );
    git_there(&repository, &["commit", "--quiet", "--all", "--message", "Say a half"]);
    let called = call(&repository, BACK);
    assert_eq!(called.code, 0, "{called:#?}");
    let git = repository.handle();
    let tip = git.commit_info(git.reference(BRANCH).unwrap().unwrap()).unwrap();
    assert_eq!(
        called.stderr,
        format!(
            "Merged cw-1 Say more: it is on the generation branch as {}.\n\
             Note: no gates are configured, so nothing checked it.\n\
             Branch and worktree stay: they are yours.\n",
            tip.id
        )
    );
    assert_eq!((tip.subject(), tip.parents.len()), ("Say more", 1));
    assert!(tip.message.contains("\n- Say a half\n"), "{}", tip.message);
    assert_eq!(tip.author.name, "Tess Ter");
    let shown = repository.git(&["show", "generation-a:words.txt"]);
    assert_eq!(shown, "one\ntwo and a half\nthree");
    assert_eq!(repository.git(&["show", "generation-a:other.txt"]), "other");
    let task = task(&repository, "1");
    assert_eq!(
        (&task["status"], &task["commit"]),
        (&"closed".into(), &tip.id.to_string().into())
    );
    assert_eq!(task.get("taken"), None);
    // Whoever counts what was merged counts it.
    let counted = call(&repository, &["stats", "tasks", "--json"]).json();
    assert_eq!(counted["tasks"][0]["outcome"], "merged", "{counted:#}");
    let compared = call(
        &repository,
        &["runs", "compare", "generation-a", "generation-a", "--json"],
    )
    .json();
    assert_eq!(
        (&compared[0]["tasks"]["merged"], &compared[0]["outcomes"]),
        (&2.into(), &serde_json::json!({"merged": 2})),
        "{compared:#}"
    );
    // What the person did is an attempt of theirs, which `issues diff` shows, and not the agent's before it.
    let attempts = task["attempts"].as_array().unwrap();
    assert_eq!(
        (attempts.len(), &attempts[1]["person"], &attempts[1]["reason"]),
        (2, &"Tess Ter".into(), &"handed back by Tess Ter".into())
    );
    let diff = call(&repository, &["issues", "diff", "1"]).done();
    assert!(
        diff.starts_with("cw-1 Say more, attempt 2: ") && diff.contains("\n-two\n+two and a half\n"),
        "{diff}"
    );
    let agents = call(&repository, &["issues", "diff", "1", "1"]).done();
    assert!(agents.contains("\n-two\n+2\n"), "{agents}");
    assert!(path.is_dir() && repository.git(&["branch", "--list", "cw-1"]).contains("cw-1"));
    // Once more changes nothing, and it can be taken out like any other work.
    call(&repository, BACK).done();
    assert_eq!(repository.oid("generation-a"), tip.id);
    call(&repository, &["issues", "revert", "1"]).done();
    assert_eq!(repository.git(&["show", "generation-a:words.txt"]), "one\ntwo\nthree");
    assert_eq!(call(&repository, &["issues", "diff", "1"]).done(), diff, "it is kept");
}

#[test]
fn a_death_on_the_way_is_finished_by_the_next_call() {
    for point in ["take.held", "take.branch", "take.made"] {
        let repository = held();
        let died = cordwainer(&repository, TAKE).env("CORDWAINER_CRASH_AT", point).run();
        assert_eq!(died.code, 137, "{point}: {died:#?}");
        call(&repository, TAKE).done();
        is_taken(&repository);
        call(&repository, TAKE).done();
        is_taken(&repository);
    }
    for point in ["take.kept", "take.landed", "take.closed"] {
        let repository = held();
        call(&repository, TAKE).done();
        let died = cordwainer(&repository, BACK).env("CORDWAINER_CRASH_AT", point).run();
        assert_eq!(died.code, 137, "{point}: {died:#?}");
        call(&repository, BACK).done();
        let log = repository.git(&["log", "--format=%s", "generation-a"]);
        assert_eq!(log.matches("Say more").count(), 1, "{point}: {log}");
        let task = task(&repository, "1");
        assert_eq!(task["attempts"].as_array().unwrap().len(), 2, "{point}: {task:#}");
        assert_eq!(violations(&repository), Vec::<String>::new());
    }
}

/// What a half-made worktree left is made again; what a person has put in the way is not touched.
#[test]
fn nothing_of_the_persons_is_in_the_way_for_long() {
    let repository = held();
    let place = worktree(&repository);
    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine.txt"), "mine").unwrap();
    let expect_refused = |words: &[&str], text: &str| {
        let before = repository.git(&["for-each-ref"]);
        call(&repository, words).refused(9, text);
        assert_eq!(repository.git(&["for-each-ref"]), before);
    };
    expect_refused(
        TAKE,
        "error: there is something at `[T]/project-cw-1`\n\nhint: `--path` names another folder\n",
    );
    let nowhere = ["issues", "take", "1", "--path", "../nowhere/deep"];
    let refused = call(&repository, &nowhere);
    assert!(
        refused.stderr.contains("the folder around it is not there"),
        "{refused:#?}"
    );
    repository.git(&["branch", "cw-1"]);
    expect_refused(
        TAKE,
        "error: cw-1 cannot be taken: there is a branch `cw-1`\n\nhint: `--branch` names another one\n",
    );
    let odd = call(&repository, &["issues", "take", "1", "--branch", "a..b"]);
    assert_eq!(odd.code, 2, "{odd:#?}");
    let own = [
        "issues",
        "take",
        "1",
        "--branch",
        "mine/words",
        "--path",
        "../elsewhere",
        "--json",
    ];
    let json = call(&repository, &own).json();
    assert_eq!(
        (&json["branch"], &json["issue"]["status"]),
        (&"mine/words".into(), &"blocked".into())
    );
    assert_eq!(json["new_to_run"][0]["path"], ".envrc");
    let there = repository.outside().join("elsewhere");
    assert!(there.join(".git").is_file());
    assert_eq!(fs::read_to_string(place.join("mine.txt")).unwrap(), "mine");
    // Released, it is an agent's again, and the branch stays.
    call(&repository, &["issues", "release", "1"]).done();
    let task = task(&repository, "1");
    assert_eq!((&task["status"], task.get("taken")), (&"open".into(), None));
    let refused = call(&repository, BACK);
    assert!(
        refused
            .stderr
            .starts_with("error: cw-1 cannot be handed back: nobody has taken it\n"),
        "{refused:#?}"
    );
    assert!(there.is_dir());
}

#[test]
fn a_task_that_nobody_has_attempted_begins_at_the_tip_and_a_conflict_is_the_persons() {
    let repository = generation(&["Say more", "Closed"]);
    call(&repository, TAKE).done();
    let nothing = call(&repository, BACK);
    assert!(
        nothing
            .stderr
            .starts_with("error: cw-1 cannot be handed back: `cw-1` changes nothing\n"),
        "{nothing:#?}"
    );
    let path = worktree(&repository);
    fs::write(path.join("words.txt"), "one\nzwei\nthree\n").unwrap();
    git_there(&repository, &["commit", "--quiet", "--all", "--message", "German"]);
    merged(&repository, "cw-2", 1, &[("words.txt", Some(b"one\ndeux\nthree\n"))]);
    let refused = call(&repository, BACK);
    refused.refused(
        9,
        "error: cw-1 cannot be handed back: it conflicts with newer work in `words.txt`\n\n\
         hint: `git rebase generation-a` in `[T]/project-cw-1` brings that together\n",
    );
    // As the hint says.
    let rebase = std::process::Command::new("git")
        .args([
            "-C",
            path.to_str().unwrap(),
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.org",
            "rebase",
            "--quiet",
            "--strategy-option=theirs",
            "generation-a",
        ])
        .output()
        .unwrap();
    assert!(rebase.status.success(), "{rebase:?}");
    call(&repository, BACK).done();
    assert_eq!(repository.git(&["show", "generation-a:words.txt"]), "one\nzwei\nthree");
    let closed = call(&repository, &["issues", "take", "2"]);
    assert!(
        closed.stderr.starts_with("error: cw-2 cannot be taken: it is closed\n"),
        "{closed:#?}"
    );
    let unknown = call(&repository, &["issues", "take", "1", "3"]);
    assert_eq!(unknown.code, 9, "{unknown:#?}");
}

/// No hook, no filter, no submodule's code and no `fsmonitor` of the person's settings runs while the worktree is made, and no
/// link leads out of it.
#[test]
fn nothing_runs_while_the_worktree_is_made() {
    let repository = generation(&["Attack"]);
    let marker = repository.outside().join("was-run");
    let touch = format!("touch {}", marker.display());
    for (key, value) in [
        ("core.fsmonitor", touch.as_str()),
        ("core.hooksPath", "hooks"),
        ("filter.evil.smudge", &touch),
        ("filter.evil.process", &touch),
        ("filter.evil.required", "true"),
        ("submodule.sub.update", &format!("!{touch}")),
    ] {
        repository.git(&["config", key, value]);
    }
    let hook = format!("#!/bin/sh\n{touch}\n");
    let files: [(&str, Option<&[u8]>); 4] = [
        (".gitattributes", Some(b"* filter=evil\n")),
        ("hooks/post-checkout", Some(hook.as_bytes())),
        ("hooks/reference-transaction", Some(hook.as_bytes())),
        (
            ".gitmodules",
            Some(b"[submodule \"sub\"]\n\tpath = sub\n\turl = ../project\n"),
        ),
    ];
    attempted(&repository, "cw-1", (1, Outcome::GateFailed), &files);
    let called = call(&repository, TAKE);
    assert!(!marker.exists(), "{called:#?}");
    if called.code != 0 {
        assert_eq!(called.code, 9, "what would harm a checkout is refused: {called:#?}");
        assert!(!worktree(&repository).exists());
    }
}

/// As what agents do, and what `stop` merges: unless the person has it merged without them.
fn what_a_person_hands_back_passes_the_gates(engine: TestEngine) {
    let project = Project::new(
        engine,
        "gates: [{name: test, command: cat=src/b.txt, compare: strict}]\n",
    );
    project.add("By hand", "nothing");
    let place = project.repository.outside().join("by-hand");
    let there = place.to_str().unwrap();
    project.run(&["issues", "take", "1", "--path", there]).expect(0);
    let commit = |file: &str| {
        fs::create_dir_all(place.join("src")).unwrap();
        fs::write(place.join("src").join(file), "x\n").unwrap();
        project.repository.git(&["-C", there, "add", "--all"]);
        project
            .repository
            .git(&["-C", there, "commit", "--quiet", "--message", file]);
    };
    commit("a.txt");
    let refs = project.repository.git(&["for-each-ref"]);
    let refused = project.run(&["issues", "take", "1", "--back"]).expect(9);
    refused
        .says("error: cw-1 cannot be handed back: it does not pass the gate `test`: it exited with ")
        .says("; nothing was changed")
        .says("`cordwainer issues take cw-1 --back --no-gates` merges it as it is");
    assert_eq!(project.repository.git(&["for-each-ref"]), refs);
    assert_eq!(project.issue("cw-1")["hold_kind"], "taken");
    commit("b.txt");
    project
        .run(&["issues", "take", "1", "--back"])
        .expect(0)
        .says("The gates passed on it.");
    assert_eq!(project.issue("cw-1")["status"], "closed");
    // On the person's word, without them.
    project.add("By hand again", "nothing");
    let other = project.repository.outside().join("again");
    let there = other.to_str().unwrap();
    project.run(&["issues", "take", "2", "--path", there]).expect(0);
    fs::remove_file(other.join("src/b.txt")).unwrap();
    project
        .repository
        .git(&["-C", there, "commit", "--quiet", "--all", "--message", "Without b"]);
    project.run(&["issues", "take", "2", "--back"]).expect(9);
    let merged = project
        .run(&["issues", "take", "2", "--back", "--no-gates", "--json"])
        .expect(0);
    let merged: serde_json::Value = serde_json::from_str(&merged.stdout).unwrap();
    assert_eq!(
        (&merged["status"], &merged["gates"]),
        (&"closed".into(), &"skipped".into())
    );
    project.expect_tidy();
}

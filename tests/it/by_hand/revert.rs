//! `issues revert`: merged work, taken out of the generation again.

use std::path::Path;

use super::*;

/// The steps of it.
pub(crate) const CRASH_POINTS: &[&str] = &["revert.landed", "revert.reopened"];

const REVERT: &[&str] = &["issues", "revert", "1"];

/// A generation with two merged tasks: the second one is built on the first, the third waits for it.
fn two_merged() -> TestRepository {
    let repository = generation(&["First", "Second", "Third"]);
    call(&repository, &["issues", "dep", "add", "2", "1"]).done();
    call(&repository, &["issues", "dep", "add", "3", "1"]).done();
    merged(
        &repository,
        "cw-1",
        1,
        &[("words.txt", Some(b"one\n2\nthree\n")), ("new.txt", Some(b"new\n"))],
    );
    merged(&repository, "cw-2", 1, &[("other.txt", Some(b"other\n"))]);
    repository
}

fn read(repository: &TestRepository, path: &str) -> Option<String> {
    let git = repository.handle();
    let tip = git.reference(BRANCH).unwrap().unwrap();
    let content = git.read_file(tip, Path::new(path)).unwrap();
    content.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[track_caller]
fn is_taken_out(repository: &TestRepository) {
    assert_eq!(read(repository, "words.txt").as_deref(), Some("one\ntwo\nthree\n"));
    assert_eq!(read(repository, "new.txt"), None);
    assert_eq!(
        read(repository, "other.txt").as_deref(),
        Some("other\n"),
        "later work stays"
    );
    let log = repository.git(&["log", "--format=%s", "generation-a"]);
    assert_eq!(
        log.matches("Revert \"First\"").count(),
        1,
        "once, however often it was tried: {log}"
    );
    let task = task(repository, "1");
    assert_eq!(
        (&task["status"], &task["commit"]),
        (&"open".into(), &serde_json::Value::Null)
    );
    assert_eq!(task["comments"].as_array().unwrap().len(), 1, "{task}");
    assert_eq!(violations(repository), Vec::<String>::new());
}

#[test]
fn merged_work_is_taken_out_and_may_come_again() {
    let repository = two_merged();
    let first = task(&repository, "1")["commit"].as_str().unwrap().to_owned();
    let before = repository.snapshot_of_everything();
    let called = cordwainer(&repository, &[REVERT, &["--reason", "it breaks the import"]].concat()).run();
    assert_eq!((called.code, called.stdout.as_str()), (0, ""), "{called:#?}");
    assert_eq!(repository.snapshot_of_everything(), before, "nothing of the person's");
    let git = repository.handle();
    let tip = git.commit_info(git.reference(BRANCH).unwrap().unwrap()).unwrap();
    assert_eq!(
        called.stderr,
        format!(
            "Took cw-1 First out of the generation: {} undoes {first}. The task is open again.\n\
             Note: gates did not run on what is left.\n\
             Note: cw-2 depends on it, and stays merged.\n\
             Note: cw-3 depends on it, and waits for it again.\n",
            tip.id
        )
    );
    assert_eq!(tip.trailer("Cordwainer-Reverts").as_deref(), Some("cw-1"));
    assert_eq!(
        tip.trailer("Cordwainer-Reverts-Commit").as_deref(),
        Some(first.as_str())
    );
    assert!(tip.message.contains("it breaks the import"), "{}", tip.message);
    is_taken_out(&repository);
    let comment = task(&repository, "1")["comments"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        comment.contains(&first) && comment.ends_with(" it breaks the import"),
        "{comment}"
    );
    // Once more changes nothing.
    let refs = repository.git(&["for-each-ref"]);
    cordwainer(&repository, REVERT).run().done();
    assert_eq!(repository.git(&["for-each-ref"]), refs);
    // It is merged again, and taken out again, this time for good.
    merged(&repository, "cw-1", 2, &[("new.txt", Some(b"newer\n"))]);
    assert_eq!(violations(&repository), Vec::<String>::new());
    let json = cordwainer(&repository, &[REVERT, &["--close", "--json"]].concat())
        .run()
        .json();
    assert_eq!(
        (&json["issue"]["status"], &json["issue"]["commit"]),
        (&"closed".into(), &serde_json::Value::Null)
    );
    assert_eq!(json["dependents"][0]["id"], "cw-2");
    assert_eq!(read(&repository, "new.txt"), None);
    assert_eq!(violations(&repository), Vec::<String>::new());
}

#[test]
fn a_death_on_the_way_is_finished_by_the_next_call() {
    for point in CRASH_POINTS {
        let repository = two_merged();
        let died = cordwainer(&repository, REVERT).env("CORDWAINER_CRASH_AT", point).run();
        assert_eq!(died.code, 137, "{point}: {died:#?}");
        cordwainer(&repository, REVERT).run().done();
        is_taken_out(&repository);
    }
    // Or by the end of the generation, which names the task as not done.
    let repository = two_merged();
    let died = cordwainer(&repository, REVERT)
        .env("CORDWAINER_CRASH_AT", "revert.landed")
        .run();
    assert_eq!(died.code, 137, "{died:#?}");
    let json = cordwainer(&repository, &["stop", "--json"]).run().json();
    let ids = |name: &str| {
        let tasks = json[name].as_array().unwrap().iter();
        tasks
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("tasks"), ids("undone")),
        (vec!["cw-2".to_owned()], vec!["cw-1".to_owned(), "cw-3".to_owned()]),
        "{json:#}"
    );
}

#[test]
fn later_work_in_the_same_places_is_not_lost() {
    let repository = two_merged();
    let tip = repository.oid("generation-a");
    merged(&repository, "cw-3", 1, &[("words.txt", Some(b"one\nzwei\nthree\n"))]);
    let refused = cordwainer(&repository, REVERT).run();
    refused.refused(
        9,
        "error: cw-1 cannot be taken out again: later work changed the same places in `words.txt`\n\n\
         hint: that work is of cw-3: take that out first\n",
    );
    assert_ne!(repository.oid("generation-a"), tip);
    cordwainer(&repository, &["issues", "revert", "3"]).run().done();
    cordwainer(&repository, REVERT).run().done();
    is_taken_out(&repository);
}

#[test]
fn what_is_not_merged_cannot_be_taken_out() {
    let repository = two_merged();
    let hint = "\n\nhint: `cordwainer issues list --status closed` lists what is done\n";
    let refuses = |words: &[&str], code: i32, text: &str| {
        let before = repository.git(&["for-each-ref"]);
        cordwainer(&repository, words).run().refused(code, text);
        assert_eq!(repository.git(&["for-each-ref"]), before);
    };
    refuses(
        &["issues", "revert", "3"],
        9,
        &format!("error: cw-3 is not merged: it is open{hint}"),
    );
    call(&repository, &["issues", "close", "3"]).done();
    let words = format!("error: cw-3 is not merged: it was closed without a commit of this generation{hint}");
    refuses(&["issues", "revert", "3"], 9, &words);
    refuses(
        &["issues", "revert", "cw-9"],
        2,
        "error: unknown task `cw-9`\n\nhint: the tasks are cw-1, cw-2, cw-3\n",
    );
    repository.git(&["checkout", "--quiet", "generation-a"]);
    let checked_out = cordwainer(&repository, REVERT).run();
    assert_eq!(checked_out.code, 9, "{checked_out:#?}");
    assert!(checked_out.stderr.contains("is checked out at"), "{checked_out:#?}");
}

/// An acceptance that comes later takes no commit that was taken out for its own.
#[test]
fn accepted_work_that_was_taken_out_is_accepted_anew() {
    let repository = generation(&["First"]);
    attempted(
        &repository,
        "cw-1",
        (1, Outcome::ProtectedPath),
        &[("words.txt", Some(b"accepted\n"))],
    );
    let accept = ["issues", "release", "1", "--accept"];
    call(&repository, &accept).done();
    call(&repository, REVERT).done();
    assert_eq!(read(&repository, "words.txt").as_deref(), Some("one\ntwo\nthree\n"));
    call(&repository, &["issues", "hold", "1", "--reason", "again"]).done();
    call(&repository, &accept).done();
    assert_eq!(read(&repository, "words.txt").as_deref(), Some("accepted\n"));
    let tip = repository.oid("generation-a").to_string();
    assert_eq!(task(&repository, "1")["commit"], tip);
}

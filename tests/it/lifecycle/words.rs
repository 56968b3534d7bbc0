//! What people and programs get to read.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;

use super::{at_work, generator, project, start};
use crate::support::command::cordwainer;

/// Hides ids of commits, short and whole, and moments.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{40}\b", "[commit]");
    settings.add_filter(r"\b[0-9a-f]{10}\b", "[short]");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "[time]");
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings
}

#[test]
fn status_and_list_as_json() {
    let repository = at_work("");
    start(&repository, "b");
    let status = generator(&repository, &["status", "--json"]).run().done();
    generator(&repository, &["reset", "--generation", "b"]).run().done();
    let list = generator(&repository, &["list", "--json"]).run().done();
    settings().bind(|| {
        insta::assert_snapshot!("lifecycle_status_json", status);
        insta::assert_snapshot!("lifecycle_list_json", list);
    });
}

#[test]
fn status_and_list_for_people() {
    let repository = at_work("");
    start(&repository, "b");
    let status = generator(&repository, &["status"]).run().done();
    generator(&repository, &["reset", "--generation", "b"]).run().done();
    let list = generator(&repository, &["list"]).run().done();
    settings().bind(|| {
        insta::assert_snapshot!("lifecycle_status", status);
        insta::assert_snapshot!("lifecycle_list", list);
    });
}

#[test]
fn every_command_that_reports_has_json_and_nothing_else_on_stdout() {
    let repository = project("");
    assert_eq!(
        generator(&repository, &["start", "--name", "a", "--json"]).run().json()["generation"],
        "generation-a"
    );
    start(&repository, "b");
    assert_eq!(
        generator(&repository, &["switch", "a", "--json"]).run().json()["generation"],
        "generation-a"
    );
    assert_eq!(
        generator(&repository, &["--json", "reset"]).run().json()["generation"],
        "generation-a"
    );
    assert_eq!(
        generator(&repository, &["stop", "--json", "--no-merge"]).run().json()["left"],
        "generation-b"
    );
    assert_eq!(
        generator(&repository, &["stop", "--json"]).run().json()["base_branch"],
        "main"
    );
}

#[test]
fn without_a_generation_the_list_says_how_to_begin() {
    let repository = project("");
    let told = generator(&repository, &["list"]).run().done();
    assert_eq!(told, "There is no generation yet: `cordwainer start` creates one.\n");
}

#[test]
fn status_says_that_an_ending_was_interrupted() {
    let repository = at_work("");
    let died = generator(&repository, &["stop"])
        .env("CORDWAINER_CRASH_AT", "stop.prepared")
        .run();
    assert_eq!(died.code, 137);
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert_eq!(
        status["hazards"][0],
        "ending it was interrupted: run `cordwainer stop` again to continue"
    );
}

#[test]
fn a_call_that_makes_no_sense_has_exit_code_2() {
    let repository = project("");
    for arguments in [
        &["generator", "strat"][..],
        &["generator"],
        &["nonsense"],
        &["generator", "start", "--nam", "x"],
        &["generator", "run", "--max-tasks", "0"],
        &["generator", "run", "--cycles", "-1"],
        &["generator", "stitch", "../../etc"],
        &["-C", "/nowhere/at/all", "generator", "list"],
        &["generator", "list", "-C", "/nowhere/at/all"],
    ] {
        let called = cordwainer(&repository, arguments).run();
        assert_eq!(called.code, 2, "{arguments:?}: {called:#?}");
        assert_eq!(called.stdout, "", "{arguments:?}");
        assert!(!called.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let repository = at_work("");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let called = generator(&repository, &["list"]).stdout(OwnedFd::from(writer)).run();
    assert_eq!((called.code, called.stderr.as_str()), (0, ""));
}

#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let repository = at_work("");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let called = generator(&repository, &["list"]).stdout(full).run();
    called.refused(
        1,
        "error: cannot write to stdout\n  No space left on device (os error 28)\n\nhint: the disk is full: free some space on it (`cordwainer gc` removes what past runs no longer need, `cordwainer image clean` unused images), then repeat the command\n",
    );
}

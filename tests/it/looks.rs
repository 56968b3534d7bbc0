//! How things look: marks and colours where a person reads on a terminal and nowhere else, times of the machine's zone,
//! and failures in plain words. None needs an engine.

use std::fs;

use insta::assert_snapshot;

use crate::support::command::{Cordwainer, cordwainer};
use crate::support::pseudo_terminal::PseudoTerminal;
use crate::support::repository::TestRepository;
use crate::support::screens::settings;

const GREEN_CHECK: &str = "\u{1b}[32m✓\u{1b}[0m";
const RED_ERROR: &str = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m";
const CYAN_HINT: &str = "\u{1b}[36mhint:\u{1b}[0m";

fn project() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "preserve_sources: true\n");
    repository.commit("A project");
    repository
}

fn start(repository: &TestRepository, name: &str) -> Cordwainer {
    cordwainer(repository, &["generator", "start", "--name", name])
}

/// What a terminal shows of a call with these variables.
fn at_terminal(call: Cordwainer, variables: &[(&str, &str)]) -> String {
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, *value));
    PseudoTerminal::start(call.command()).ended().1
}

#[test]
fn a_terminal_gets_marks_and_colours() {
    let repository = project();
    let shown = at_terminal(start(&repository, "a"), &[]);
    assert!(
        shown.contains(&format!("{GREEN_CHECK} Started generation-a")),
        "{shown:?}"
    );
    assert!(shown.contains("\u{1b}[33mNote:\u{1b}[0m no `gates`"), "{shown:?}");
    let shown = at_terminal(start(&repository, "a"), &[]);
    assert!(shown.contains(RED_ERROR) && shown.contains(CYAN_HINT), "{shown:?}");
}

#[test]
fn who_wants_no_colours_gets_none() {
    let repository = project();
    let shown = at_terminal(start(&repository, "a"), &[("NO_COLOR", "1")]);
    assert!(shown.contains("✓ Started generation-a"), "{shown:?}");
    assert!(!shown.contains("\u{1b}["), "{shown:?}");
    let shown = at_terminal(start(&repository, "b"), &[("TERM", "dumb")]);
    assert!(shown.contains("\nStarted generation-b"), "{shown:?}");
    assert!(!shown.contains("\u{1b}["), "{shown:?}");
}

#[test]
fn pipes_get_marks_and_colours_where_they_are_forced_alone() {
    let repository = project();
    let plain = start(&repository, "a").run();
    assert!(plain.stdout.starts_with("Started generation-a"), "{plain:?}");
    assert!(!plain.stderr.contains('\u{1b}'), "{plain:?}");
    let forced = start(&repository, "b").env("CLICOLOR_FORCE", "1").run();
    assert!(
        forced.stdout.starts_with(&format!("{GREEN_CHECK} Started")),
        "{forced:?}"
    );
    let not_forced = start(&repository, "c").env("CLICOLOR_FORCE", "0").run();
    assert!(not_forced.stdout.starts_with("Started"), "{not_forced:?}");
    let json = cordwainer(&repository, &["generator", "list", "--json"]).env("CLICOLOR_FORCE", "1");
    let json = json.run().done();
    assert!(!json.contains('\u{1b}'), "{json}");
}

#[test]
fn people_get_their_own_time_and_programs_utc() {
    let repository = project();
    start(&repository, "a").run().done();
    let add = ["issues", "add", "Lay the table"];
    cordwainer(&repository, &add).run().done();
    let show = |zone: &str, more: &[&str]| {
        let words = [&["issues", "show", "cw-1"], more].concat();
        cordwainer(&repository, &words).env("TZ", zone).run().done()
    };
    let json: serde_json::Value = serde_json::from_str(&show("Asia/Tokyo", &["--json"])).unwrap();
    let created = json["created_at"].as_str().unwrap();
    let utc: jiff::Timestamp = created.parse().unwrap();
    assert!(created.ends_with('Z'), "{created}");
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let there = utc.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let shown = show("Asia/Tokyo", &[]);
    assert!(shown.contains(&format!("created    {there}\n")), "{shown}");
    assert!(!show("UTC", &[]).contains(&there));
}

#[test]
fn a_generation_begins_where_it_is_told_to_and_says_so() {
    let repository = project();
    repository.git(&["tag", "v1.9.0"]);
    repository.write("more.txt", "x");
    repository.commit("More");
    let from = ["generator", "start", "--name", "a", "--from", "v1.9.0"];
    let called = cordwainer(&repository, &from).run().done();
    let tag = repository.oid("v1.9.0").to_string();
    let expect = format!(
        "Started generation-a from v1.9.0 ({}); it will be merged into main.\n",
        &tag[..10]
    );
    assert_eq!(called, expect);
}

#[test]
fn a_list_has_a_header_dates_and_counts_and_the_newest_first() {
    let repository = project();
    for name in ["a", "b"] {
        start(&repository, name).run().done();
    }
    cordwainer(&repository, &["issues", "add", "Lay the table"])
        .run()
        .done();
    let list = cordwainer(&repository, &["generator", "list"])
        .run()
        .screen("generator list");
    let status = cordwainer(&repository, &["generator", "status"])
        .run()
        .screen("generator status");
    settings().bind(|| {
        assert_snapshot!(list, @r"
        $ cordwainer generator list
            generation    phase  began                tip         tasks
         *  generation-b  open   [time]  [commit]  1 open
            generation-a  open   [time]  [commit]  none
        [exit 0]
        ");
        assert_snapshot!(status, @r"
        $ cordwainer generator status
         generation  generation-b
         phase       open
         base        main at [commit]
         began       [time]
         tip         [commit]
         tasks       1 open (1 ready), 0 in progress, 0 held, 0 closed
         cycles      0
         used        0 tokens, $0.00 in 0 calls
        Next: `cordwainer run` does the tasks that are ready.
        [exit 0]
        ");
    });
}

#[test]
fn no_words_of_a_library_reach_a_person() {
    let repository = project();
    let cases = [
        (&["generator", "start", "--from", "nope"][..], "`nope` names no commit"),
        (&["-C", "/", "generator", "status"], "is not in a git repository"),
    ];
    for (words, says) in cases {
        // Options of all commands follow the first word.
        let words: Vec<&str> = match words {
            ["-C", folder, first, rest @ ..] => [&[*first, "-C", folder][..], rest].concat(),
            words => words.to_vec(),
        };
        let called = cordwainer(&repository, &words).run();
        assert!(called.stderr.contains(says), "{}", called.stderr);
        for foreign in ["class=", "code=", "revspec", "libgit2"] {
            assert!(!called.stderr.contains(foreign), "{}", called.stderr);
        }
    }
    let head = repository.path().join(".git/HEAD");
    fs::write(&head, "nonsense\n").unwrap();
    let called = cordwainer(&repository, &["generator", "start"]).run();
    assert_ne!(called.code, 0);
    assert!(!called.stderr.contains("class="), "{}", called.stderr);
}

#[test]
fn a_transcript_is_found_by_the_name_of_its_records() {
    let repository = project();
    let state = repository.path().join(".git/cordwainer");
    let records = state.join("runs/20261127-1/cw-1-1");
    fs::create_dir_all(&records).unwrap();
    fs::write(records.join("transcript.jsonl"), "{}\n").unwrap();
    fs::create_dir(repository.path().join("below")).unwrap();
    let by_name = |name: &str, folder: &str| {
        cordwainer(&repository, &["transcript", name])
            .in_folder(repository.path().join(folder))
            .run()
    };
    for name in ["runs/20261127-1/cw-1-1", "runs/20261127-1/cw-1-1/transcript.jsonl"] {
        for folder in ["", "below"] {
            let shown = by_name(name, folder).done();
            assert!(shown.starts_with("outcome"), "{shown}");
        }
    }
    // What a person has there is theirs.
    repository.write("runs/20261127-1/cw-1-1/transcript.jsonl", "");
    let shown = by_name("runs/20261127-1/cw-1-1", "").done();
    assert!(!shown.contains("skipped"), "{shown}");
    let missing = by_name("runs/none", "");
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("cannot read the transcript `runs/none`"),
        "{missing:?}"
    );
}

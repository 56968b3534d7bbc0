//! `issues diff`, on a terminal through a pager, and elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::support::pseudo_terminal::PseudoTerminal;

fn changed() -> TestRepository {
    let repository = generation(&["Say more"]);
    let files: [(&str, Option<&[u8]>); 2] = [
        ("words.txt", Some(b"one\n2\nthree\nfour\n")),
        ("new file.txt", Some(b"new\n")),
    ];
    attempted(&repository, "cw-1", (1, Outcome::GateFailed), &files);
    repository
}

#[test]
fn a_diff_is_one_that_git_applies() {
    let repository = changed();
    let text = call(&repository, &["issues", "diff", "1"]).done();
    let snapshot = repository.git(&["rev-parse", "refs/cordwainer/generation-a/tasks/cw-1"]);
    let expected = format!(
        "cw-1 Say more, attempt 1: {}\n\
         diff --git a/new file.txt b/new file.txt\nnew file mode 100644\nindex 0000000000..3e757656cf\n--- /dev/null\n+++ b/new file.txt\n@@ -0,0 +1,1 @@\n+new\n\
         diff --git a/words.txt b/words.txt\nindex 4cb29ea38f..ea14db2cbf 100644\n--- a/words.txt\n+++ b/words.txt\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n",
        snapshot.trim()
    );
    assert_eq!(text, expected);
    let file = repository.outside().join("a.patch");
    fs::write(&file, &text).unwrap();
    repository.git(&["apply", file.to_str().unwrap()]);
    assert_eq!(
        fs::read_to_string(repository.path().join("words.txt")).unwrap(),
        "one\n2\nthree\nfour\n"
    );
    assert_eq!(
        fs::read_to_string(repository.path().join("new file.txt")).unwrap(),
        "new\n"
    );
}

#[test]
fn figures_and_documents_say_the_same() {
    let repository = changed();
    let text = call(&repository, &["issues", "diff", "1", "--stat"]).done();
    assert!(
        text.ends_with(" new file.txt |   1 +\n words.txt    |   3 ++-\n 2 files changed, +3 -1\n"),
        "{text}"
    );
    let json = call(&repository, &["issues", "diff", "1", "--json"]).json();
    assert_eq!((&json["id"], &json["attempt"]), (&"cw-1".into(), &"1".into()));
    assert_eq!(json["files"][1]["path"], "words.txt");
    assert_eq!(
        (&json["files"][1]["insertions"], &json["files"][1]["deletions"]),
        (&2.into(), &1.into())
    );
    assert!(
        json["files"][1]["patch"]
            .as_str()
            .unwrap()
            .ends_with("-two\n+2\n three\n+four\n")
    );
    let json = call(&repository, &["issues", "diff", "1", "--stat", "--json"]).json();
    assert_eq!(json["files"][1].get("patch"), None);
    call(&repository, &["generator", "reset"]).done();
    let ended = call(&repository, &["issues", "diff", "1", "--generation", "a", "--stat"]).done();
    assert_eq!(ended, text, "an ended generation keeps it");
}

#[test]
fn an_attempt_is_named_and_what_is_not_there_is_refused() {
    let repository = changed();
    attempted(&repository, "cw-1", (2, Outcome::GateFailed), &[("words.txt", None)]);
    let id: IssueId = "cw-1".parse().unwrap();
    let nothing = |issues: &mut cordwainer::issue::Issues| {
        let candidate = |number, outcome, snapshot: Option<&str>| Candidate {
            number,
            chosen: number == 2,
            outcome,
            reason: String::new(),
            snapshot: snapshot.map(|id| id.parse().unwrap()),
            score: None,
            changed: None,
            records: None,
            call: None,
            rounds: Vec::new(),
            stages: Vec::new(),
            red: None,
            summary: None,
            question: None,
        };
        let first = issues.get(&id)?.attempts[0].snapshot.clone().unwrap();
        let mut three = attempt(3, Outcome::NoChange, None);
        three.candidates = vec![
            candidate(1, Outcome::NotChosen, Some(first.as_str())),
            candidate(2, Outcome::NoChange, None),
        ];
        issues.record_attempt(&id, three, at(5))
    };
    store(&repository).update("test", at(5), nothing).unwrap();
    let first = call(&repository, &["issues", "diff", "1", "1"]).done();
    let candidate = call(&repository, &["issues", "diff", "1", "3.1"]).done();
    assert_eq!(candidate.replace("attempt 3.1", "attempt 1"), first);
    let last = call(&repository, &["issues", "diff", "1"]).done();
    assert!(
        last.starts_with("cw-1 Say more, attempt 3.1: "),
        "the last that left anything: {last}"
    );
    let second = call(&repository, &["issues", "diff", "1", "2"]).done();
    assert!(second.contains("deleted file mode 100644\n"), "{second}");
    let hint = "\n\nhint: `cordwainer issues show cw-1` lists its attempts\n";
    for (words, why) in [
        ("4", "there is no attempt 4"),
        ("3", "attempt 3 has left no commit"),
        ("3.2", "attempt 3.2 has left no commit"),
        ("3.3", "attempt 3 has no candidate 3"),
    ] {
        call(&repository, &["issues", "diff", "1", words]).refused(9, &format!("error: cw-1: {why}{hint}"));
    }
    let odd = call(&repository, &["issues", "diff", "1", "last"]);
    assert_eq!(odd.code, 2, "{odd:#?}");
    assert!(
        odd.stderr
            .contains("`last` is not an attempt, such as `2`, or `2.1` for a candidate"),
        "{odd:#?}"
    );
    call(&repository, &["issues", "add", "Nothing yet"]).done();
    let untouched = call(&repository, &["issues", "diff", "2"]);
    assert!(
        untouched.stderr.starts_with("error: cw-2: it has not been attempted\n"),
        "{untouched:#?}"
    );
}

/// Paths and contents of an agent's do nothing to the terminal, and no program that the repository names is run.
#[test]
fn what_an_agent_wrote_is_harmless() {
    let repository = generation(&["Attack"]);
    let marker = repository.outside().join("was-run");
    repository.git(&["config", "diff.evil.command", &format!("touch {}", marker.display())]);
    repository.git(&["config", "diff.evil.textconv", &format!("touch {}", marker.display())]);
    repository.git(&["config", "diff.external", &format!("touch {}", marker.display())]);
    let long = [b"x".repeat(10 << 20), b"\n".to_vec()].concat();
    let many = b"\n".repeat(300_000);
    let files: [(&str, Option<&[u8]>); 6] = [
        (".gitattributes", Some(b"* diff=evil filter=evil\n")),
        (
            "a\n+++ b/words.txt",
            Some(b"\x1b[2J\x1b]0;owned\x07 \xe2\x80\xae evil\r\n"),
        ),
        ("binary", Some(b"\0\x1b[2J")),
        ("long.txt", Some(&long)),
        ("many.txt", Some(&many)),
        ("\u{202e}txt.exe", Some(b"not \xff UTF-8\n")),
    ];
    attempted(&repository, "cw-1", (1, Outcome::GateFailed), &files);
    let text = call(&repository, &["issues", "diff", "1"]).done();
    let odd = |character: char| character != '\n' && character != '\t' && character.is_control();
    assert!(!text.contains(odd) && !text.contains('\u{202e}'), "control characters");
    for expected in [
        "diff --git \"a/a\\n+++ b/words.txt\" \"b/a\\n+++ b/words.txt\"\n",
        "+\\u{1b}[2J\\u{1b}]0;owned\\u{7} \\u{202e} evil\\r\n",
        "Binary files /dev/null and b/binary differ\n",
        "Files /dev/null and b/many.txt differ: 300 kB are not shown\n",
        "+++ b/\\u{202e}txt.exe\n",
        "+not \u{fffd} UTF-8\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in it");
    }
    assert!(
        text.lines().any(|line| line.len() == (10 << 20) + 1),
        "the long line is there"
    );
    assert!(!marker.exists());
}

/// A program that the person chose as pager.
fn pager(repository: &TestRepository, script: &str) -> String {
    let file = repository.outside().join("my-pager");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

#[test]
fn on_a_terminal_it_goes_through_the_persons_pager_in_colour() {
    let repository = changed();
    let script = "echo \"LESS=$LESS first=$1\"; cat";
    let mine = pager(&repository, script);
    let diff = ["issues", "diff", "1"];
    let on_terminal = |call: crate::support::command::Cordwainer| {
        let (code, shown) = PseudoTerminal::start(call.command()).ended();
        assert_eq!(code, Some(0), "{shown}");
        shown.replace('\r', "")
    };
    let shown = on_terminal(
        cordwainer(&repository, &diff)
            .env("GIT_PAGER", format!("{mine} a"))
            .env("PAGER", "false"),
    );
    assert!(shown.starts_with("LESS=FRX first=a\n"), "{shown}");
    for expected in [
        "\u{1b}[32m+2\u{1b}[0m\n",
        "\u{1b}[31m-two\u{1b}[0m\n",
        "\u{1b}[36m@@ -1,3 +1,4 @@\u{1b}[0m\n",
        "\u{1b}[1mdiff --git a/words.txt b/words.txt\u{1b}[0m\n",
    ] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    repository.git(&["config", "core.pager", &format!("{mine} b")]);
    let shown = on_terminal(
        cordwainer(&repository, &diff)
            .env("PAGER", "false")
            .env("LESS", "S")
            .env("NO_COLOR", "1"),
    );
    assert!(
        shown.starts_with("LESS=S first=b\n") && shown.contains("\n+2\n"),
        "{shown}"
    );
    for plain in [
        cordwainer(&repository, &[&diff[..], &["--no-pager"]].concat()),
        cordwainer(&repository, &diff).env("GIT_PAGER", ""),
        cordwainer(&repository, &diff).env("GIT_PAGER", "cat"),
    ] {
        let shown = on_terminal(plain);
        assert!(
            shown.starts_with("cw-1 Say more") && shown.contains("\u{1b}[32m+2\u{1b}[0m\n"),
            "{shown}"
        );
    }
    let piped = cordwainer(&repository, &diff).env("GIT_PAGER", mine).run().done();
    assert!(
        piped.starts_with("cw-1 Say more"),
        "no pager where nobody looks: {piped}"
    );
}

#[test]
fn a_pager_that_ends_early_is_no_error_and_one_that_is_not_there_is_told() {
    let repository = generation(&["Much"]);
    let much = "a line of some length, again and again\n".repeat(100_000);
    attempted(
        &repository,
        "cw-1",
        (1, Outcome::GateFailed),
        &[("much.txt", Some(much.as_bytes()))],
    );
    let start = |pager: &str| {
        PseudoTerminal::start(
            cordwainer(&repository, &["issues", "diff", "1"])
                .env("GIT_PAGER", pager)
                .command(),
        )
    };
    let (code, shown) = start("head -n 1").ended();
    assert_eq!((code, shown.lines().count()), (Some(0), 1), "{shown}");
    let (code, shown) = start("exit 3").ended();
    assert_eq!((code, shown.as_str()), (Some(0), ""));
    let (code, shown) = start("/nowhere/pager").ended();
    assert_eq!(code, Some(0));
    assert!(
        shown.contains("the pager `/nowhere/pager` cannot be started"),
        "{}",
        &shown[..500]
    );
    assert!(shown.lines().count() > 100_000, "all of it is there");
}

/// Ctrl-C is a key of the pager's: the command waits until that ends.
#[test]
fn an_interrupt_is_the_pagers() {
    let repository = changed();
    let mine = pager(
        &repository,
        "trap 'echo caught; exit 0' INT\necho ready\nwhile :; do sleep 0.05; done",
    );
    let mut terminal = PseudoTerminal::start(
        cordwainer(&repository, &["issues", "diff", "1"])
            .env("GIT_PAGER", mine)
            .command(),
    );
    terminal.shows("ready");
    terminal.interrupt();
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("caught"), "{shown}");
}

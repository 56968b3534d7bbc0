//! `stats lines`: what git has is counted, whatever it is.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

fn lines(repository: &TestRepository, more: &[&str]) -> Called {
    cordwainer(repository, &[&["stats", "lines"], more].concat()).run()
}

fn counted(repository: &TestRepository, more: &[&str]) -> Value {
    lines(repository, &[more, &["--json"]].concat()).json()
}

/// The lines of a language: files, all, code, comments, blank, production, test.
fn of(report: &Value, language: &str) -> Value {
    let all = report["languages"].as_array().unwrap();
    let one = all.iter().find(|one| one["language"] == language);
    let lines = &one.unwrap_or_else(|| panic!("no {language}: {report:#}"))["lines"];
    let names = ["files", "all", "code", "comments", "blank", "production", "test"];
    names.map(|name| lines[name].clone()).into_iter().collect()
}

const RUST: &str =
    "//! A.\n\n/* b\n\n*/\npub fn c() {} // d\n\n#[cfg(test)]\nmod tests {\n    // e\n    fn f() {}\n}\n";

#[test]
fn the_lines_of_a_tree_are_those_that_wc_counts() {
    let repository = TestRepository::new();
    for (path, text) in [
        ("src/a.rs", RUST),
        ("tests/b.rs", "fn b() {}\n"),
        ("tools/c.py", "# c\n\nprint('#')\n"),
        ("tools/test_c.py", "assert True\n"),
        ("page.html", "<script>a()</script>\n<!-- b\nc -->\n\n<p>\n"),
        ("docs/d.md", "# D\n\n```rust\n\nfn e() {}\n```\n"),
        ("run", "#!/bin/sh\ntrue\n"),
        ("empty.rs", ""),
        ("Makefile", "all:\n\ttrue\n"),
    ] {
        repository.write(path, text);
    }
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"odd\xff\n\x1b[2J.rs"));
    repository.write(odd, "fn odd() {}\n");
    repository.write("latin.c", b"/* \xe4 */\nint a;\r\n\r\n");
    let commit = repository.commit("all of it");
    let report = counted(&repository, &[]);
    assert_eq!(report["revision"], commit.to_string());
    // Every file here is in a known language, and every line of it has an end.
    let wc = "git ls-files -z | xargs -0 cat | wc -l";
    let told = std::process::Command::new("sh")
        .args(["-c", wc])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let told: u64 = String::from_utf8(told.stdout).unwrap().trim().parse().unwrap();
    assert_eq!(report["total"]["all"], told, "{report:#}");
    let parts = ["code", "comments", "blank"].map(|part| report["total"][part].as_u64().unwrap());
    assert_eq!(parts.iter().sum::<u64>(), told);
    assert_eq!(report["not_counted"]["unknown"], 0, "{report:#}");
    // A line with code and a comment is one of code, and the tests of `src/a.rs` are no production.
    assert_eq!(of(&report, "Rust"), json!([4, 14, 7, 5, 2, 2, 5]));
    assert_eq!(of(&report, "Python"), json!([2, 4, 2, 1, 1, 1, 1]));
    assert_eq!(of(&report, "HTML"), json!([1, 5, 2, 2, 1, 2, 0]));
    assert_eq!(of(&report, "C"), json!([1, 3, 1, 1, 1, 1, 0]));
    assert_eq!(of(&report, "Shell"), json!([1, 2, 1, 1, 0, 1, 0]));
}

#[test]
fn the_checkout_does_not_count() {
    let repository = TestRepository::new();
    repository.write("a.rs", "fn a() {}\n");
    let before = repository.commit("one line");
    repository.write("a.rs", "fn a() {}\nfn b() {}\n");
    repository.write("new.rs", "fn c() {}\n");
    assert_eq!(of(&counted(&repository, &[]), "Rust"), json!([1, 1, 1, 0, 0, 1, 0]));
    repository.commit("three lines");
    fs::remove_file(repository.path().join("a.rs")).unwrap();
    assert_eq!(of(&counted(&repository, &[]), "Rust"), json!([2, 3, 3, 0, 0, 3, 0]));
    for at in ["HEAD~1", &before.to_string(), &before.to_string()[..8]] {
        assert_eq!(
            of(&counted(&repository, &["--at", at]), "Rust"),
            json!([1, 1, 1, 0, 0, 1, 0]),
            "{at}"
        );
    }
}

#[test]
fn what_is_no_text_of_a_known_language_is_said_and_not_counted() {
    let repository = TestRepository::new();
    repository.git(&["rm", "--quiet", "README.md"]);
    repository.write("a.rs", "fn a() {}\n");
    repository.write("image.rs", b"\x00\x01\n");
    repository.write("one.xyzzy", "text\n");
    repository.write("two.xyzzy", "text\n");
    repository.write("LICENSE", "text\n");
    std::os::unix::fs::symlink("a.rs", repository.path().join("link.rs")).unwrap();
    std::os::unix::fs::symlink("/etc", repository.path().join("etc")).unwrap();
    // The largest file that is read has 64 MiB.
    let large = fs::File::create(repository.path().join("large.c")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    repository.commit("odd");
    repository.add_submodule();
    repository.commit("a submodule");
    let report = counted(&repository, &[]);
    assert_eq!(
        report["not_counted"],
        json!({
            // And `.gitmodules`.
            "unknown": 4, "unknown_names": [[".xyzzy", 2], [".gitmodules", 1], ["LICENSE", 1]],
            "binary": 1, "links": 2, "submodules": 1, "too_large": ["large.c"],
        })
    );
    assert_eq!(report["total"]["files"], 1);
    let text = lines(&repository, &[]).done();
    assert!(
        text.contains(
            "\n\nNot counted: 4 texts in no known language (.xyzzy, .gitmodules, LICENSE); 1 binary file; 2 links; 1 submodule; \
             1 file of more than 64 MiB (large.c)."
        ),
        "{text}"
    );
}

#[test]
fn long_lines_are_counted_as_fast_as_short_ones() {
    let repository = TestRepository::new();
    repository.write("a.c", format!("/*{}*/\nint a;\n", " ".repeat(10 << 20)));
    repository.write("b.js", format!("let b = \"{}\";\n", "x".repeat(10 << 20)));
    repository.write("c.html", "<script>\n".repeat(100_000));
    repository.commit("long");
    let report = counted(&repository, &[]);
    assert_eq!(of(&report, "C"), json!([1, 2, 1, 1, 0, 1, 0]));
    assert_eq!(of(&report, "JavaScript"), json!([1, 1, 1, 0, 0, 1, 0]));
    assert_eq!(of(&report, "HTML"), json!([1, 100_000, 100_000, 0, 0, 100_000, 0]));
}

#[test]
fn a_commit_that_is_none_is_refused_with_the_way_on() {
    let repository = TestRepository::new();
    lines(&repository, &["--at", "mian"]).refused(
        2,
        "error: `mian` names no commit of this repository\n\nhint: did you mean the branch `main`?\n",
    );
    let tree = repository.oid("HEAD^{tree}").to_string();
    assert_eq!(lines(&repository, &["--at", &tree]).code, 2);
    lines(&repository, &["--generation", "nope"]).refused(
        9,
        "error: no generation `nope` is open\n\nhint: `cordwainer start` creates one\n",
    );
    lines(&repository, &["--csv", "--json"]).refused(
        2,
        "error: `--csv` and `--json` are two formats of one output\n\nhint: leave one of them out\n",
    );
    let empty = TestRepository::empty();
    lines(&empty, &[]).refused(
        9,
        "error: nothing is committed yet on `main`\n\nhint: `--at` names another commit\n",
    );
    // A commit without files has no lines.
    empty.git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    let report = counted(&empty, &[]);
    assert_eq!((&report["languages"], &report["total"]["all"]), (&json!([]), &json!(0)));
    assert_eq!(
        lines(&empty, &["--csv"]).done(),
        "language,files,lines,code,comments,blank,production,test,revision\n"
    );
}

#[test]
fn lines_as_a_table_and_as_csv() {
    let repository = TestRepository::new();
    repository.git(&["rm", "--quiet", "README.md"]);
    repository.write("src/a.rs", RUST);
    repository.write("docs/b.md", "# B\n\nText.\n");
    let commit = repository.commit("a project").to_string();
    assert_eq!(
        lines(&repository, &["--csv"]).done(),
        format!(
            "language,files,lines,code,comments,blank,production,test,revision\nRust,1,12,5,5,2,1,4,{commit}\n\
             Markdown,1,3,0,2,1,0,0,{commit}\n"
        )
    );
    let text = lines(&repository, &[]).done();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [
            [
                &commit[..10],
                "files",
                "lines",
                "code",
                "comments",
                "blank",
                "production",
                "test"
            ],
            ["Rust", "1", "12", "5", "5", "2", "1", "4"],
            ["Markdown", "1", "3", "0", "2", "1", "0", "0"],
            ["total", "2", "15", "5", "7", "3", "1", "4"],
        ]
    );
}

use super::*;
use crate::issues::issue::{FileAction, Status, TaskFile};

const LIMITS: BatchLimits = BatchLimits {
    max_issues: 3,
    lines_min: 250,
    lines_max: 350,
    most_lines: Some(500),
    needs_proof: false,
};

fn proposal(key: &str, depends_on: &[&str]) -> Proposal {
    Proposal {
        key: key.into(),
        title: format!("Build {key}"),
        description: "Build it.".into(),
        required_reading: vec!["docs/spec.md".into()],
        files: vec![file("src/a.txt")],
        requirements: vec!["It works.".into()],
        acceptance_criteria: vec!["One sees it.".into()],
        estimated_lines: 300,
        priority: 2,
        depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
        proof: None,
    }
}

fn file(path: &str) -> TaskFile {
    TaskFile {
        path: path.into(),
        action: FileAction::Create,
    }
}

fn known(number: u32, title: &str, status: Status) -> KnownIssue {
    KnownIssue {
        key: None,
        id: IssueId::new(number),
        title: title.into(),
        status,
    }
}

fn check(batch: Vec<Proposal>, problems: &[&str]) {
    let existing = [
        known(1, "Lay the ground", Status::Closed),
        known(2, "Write the manual", Status::Open),
    ];
    let validated = validate(batch.into(), &existing, &LIMITS);
    assert_eq!(validated.problems, problems);
}

/// Checks a proposal `a` with one thing changed.
fn check_one(change: impl FnOnce(&mut Proposal), problem: &str) {
    let mut one = proposal("a", &[]);
    change(&mut one);
    let key = one.key.clone();
    check(vec![one], &[&format!("Proposal `{key}`: {problem}")]);
}

#[test]
fn a_good_batch_passes_in_order_of_its_dependencies() {
    check(vec![], &[]);
    let batch = vec![
        proposal("c", &["b", "cw-2"]),
        proposal("b", &["a"]),
        proposal("a", &["cw-1"]),
    ];
    let existing = [
        known(1, "Lay the ground", Status::Closed),
        known(2, "Write it", Status::Open),
    ];
    let validated = validate(batch.into(), &existing, &LIMITS);
    assert_eq!(validated.problems, Vec::<String>::new());
    let keys: Vec<_> = validated.accepted.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
}

#[test]
fn text_fields_are_checked() {
    check_one(|one| one.title = " ".into(), "title is empty.");
    check_one(
        |one| one.title = "two\nlines".into(),
        "title must be one line without control characters.",
    );
    check_one(
        |one| one.title = "x".repeat(121),
        "title has 121 characters, but at most 120 are allowed.",
    );
    check_one(|one| one.title = "!?".into(), "title has no letter or digit.");
    check_one(|one| one.description = "\n".into(), "description is empty.");
    check_one(
        |one| one.description = "\u{1b}[2J".into(),
        "description has control characters.",
    );
    check_one(
        |one| one.description = "x".repeat(100_001),
        "description has 100001 bytes, but at most 100000 are allowed.",
    );
    check_one(|one| one.requirements.clear(), "requirements is empty.");
    check_one(
        |one| one.acceptance_criteria = vec!["fine".into(), String::new()],
        "item 2 of acceptance_criteria is empty.",
    );
    check_one(
        |one| one.required_reading = vec!["x".into(); 101],
        "required_reading has 101 items, but at most 100 are allowed.",
    );
    check_one(
        |one| one.requirements = vec!["x".repeat(4001)],
        "item 1 of requirements has 4001 bytes, but at most 4000 are allowed.",
    );
    check_one(|one| one.priority = 5, "priority is 5, but goes from 0 to 4.");
}

#[test]
fn keys_are_words() {
    let rule = "key must be at most 60 letters, digits, `-` and `_`, beginning with a letter.";
    for key in ["", "1", "a b", "-a", "é", "a/b"] {
        check_one(|one| one.key = key.into(), rule);
    }
    check_one(
        |one| one.key = "cw-7".into(),
        "key looks like the id of an existing task; choose a word.",
    );
    check(
        vec![proposal("a", &[]), {
            let mut other = proposal("a", &[]);
            other.title = "Another".into();
            other
        }],
        &["The key `a` is used more than once."],
    );
}

#[test]
fn files_lie_in_the_repository() {
    let cases = [
        ("", "is empty"),
        ("/etc/passwd", "is not relative to the repository's root"),
        ("~/x", "is not relative to the repository's root"),
        ("a/../../b", "leaves the repository"),
        ("..", "leaves the repository"),
        (".git/config", "lies in git's own folder"),
        ("sub/.GIT/hooks/x", "lies in git's own folder"),
        ("a//b", "is not in its shortest form, or names a folder"),
        ("src/", "is not in its shortest form, or names a folder"),
        ("./a", "is not in its shortest form, or names a folder"),
        ("a\\b", "has a backslash or a control character"),
    ];
    for (path, why) in cases {
        check_one(
            |one| one.files = vec![file(path)],
            &format!("file path `{path}` {why}."),
        );
    }
    check_one(
        |one| one.files.clear(),
        "files is empty: name at least one file that the task creates, modifies or deletes.",
    );
    check_one(
        |one| one.files.push(file("src/a.txt")),
        "file path `src/a.txt` is listed twice.",
    );
    let mut odd = proposal("a", &[]);
    odd.files = vec![file(".gitignore"), file("a/..b/...c"), file("naïve file.txt")];
    check(vec![odd], &[]);
}

#[test]
fn estimates_are_advice_up_to_a_bound() {
    check_one(
        |one| one.estimated_lines = 501,
        "estimated_lines is 501, but at most 500 are allowed: split it.",
    );
    for estimated_lines in [0, 1, 351, 500] {
        let one = Proposal {
            estimated_lines,
            ..proposal("a", &[])
        };
        check(vec![one], &[]);
    }
}

#[test]
fn dependencies_are_keys_or_ids_and_lead_somewhere() {
    check(
        vec![
            proposal("parser", &["parsr", "cw-9", "1"]),
            proposal("other", &["parsr"]),
        ],
        &[
            "Proposal `parser` depends on `parsr`, which is neither a key of this answer nor the id of an existing task.",
            "Proposal `parser` depends on `cw-9`, which is neither a key of this answer nor the id of an existing task.",
            "Proposal `parser` depends on `1`, which is neither a key of this answer nor the id of an existing task.",
            "Proposal `other` depends on `parsr`, which is neither a key of this answer nor the id of an existing task. Did you mean `parser`?",
        ],
    );
    check(vec![proposal("a", &["a"])], &["Proposal `a` depends on itself."]);
    check(
        vec![proposal("entry", &["b"]), proposal("b", &["c"]), proposal("c", &["b"])],
        &["The dependencies go in a circle: `b` needs `c` needs `b`."],
    );
}

/// Checks the keys that are filed, and the problems with the others, of an answer with these proposals.
fn check_mixed(batch: Batch, accepted: &[&str], problems: &[&str]) {
    let validated = validate(batch, &[known(1, "Lay the ground", Status::Closed)], &LIMITS);
    let keys: Vec<_> = validated.accepted.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, accepted);
    assert_eq!(validated.problems, problems);
}

#[test]
fn the_good_are_taken_from_among_the_bad() {
    let mut untitled = proposal("b", &[]);
    untitled.title.clear();
    let batch = vec![proposal("a", &["cw-1"]), untitled, proposal("c", &["a"])];
    check_mixed(batch.into(), &["a", "c"], &["Proposal `b`: title is empty."]);
    // What waits for a bad one waits with it, however far away.
    let batch = vec![proposal("c", &["b"]), proposal("b", &["a"]), proposal("a", &["nobody"])];
    check_mixed(
        batch.into(),
        &[],
        &[
            "Proposal `a` depends on `nobody`, which is neither a key of this answer nor the id of an existing task.",
            "Proposal `b` waits for `a`, which is not filed.",
            "Proposal `c` waits for `b`, which is not filed.",
        ],
    );
    let batch = vec![proposal("a", &["b"]), proposal("b", &["a"]), proposal("c", &[])];
    check_mixed(
        batch.into(),
        &["c"],
        &["The dependencies go in a circle: `a` needs `b` needs `a`."],
    );
    // One that cannot be read is known by its key.
    let unread = Batch {
        proposals: vec![proposal("a", &[]), proposal("c", &["b"])],
        unread: BTreeSet::from(["b".to_owned()]),
        problems: vec!["Proposal `b` cannot be read: why.".to_owned()],
    };
    check_mixed(
        unread,
        &["a"],
        &[
            "Proposal `b` cannot be read: why.",
            "Proposal `c` waits for `b`, which is not filed.",
        ],
    );
}

#[test]
fn keys_of_an_earlier_answer_name_what_was_filed() {
    let existing = [KnownIssue {
        key: Some("ground".into()),
        ..known(4, "Lay the ground", Status::Open)
    }];
    let validated = validate(vec![proposal("walls", &["ground"])].into(), &existing, &LIMITS);
    assert_eq!(validated.problems, Vec::<String>::new());
    assert_eq!(validated.accepted[0].depends_on, ["cw-4"]);
    // A key that the answer uses itself is its own.
    let batch = vec![proposal("ground", &[]), proposal("walls", &["ground"])];
    let validated = validate(batch.into(), &existing, &LIMITS);
    assert_eq!(validated.accepted[1].depends_on, ["ground"]);
}

#[test]
fn a_batch_has_a_size() {
    let batch = ["a", "b", "c", "d"].map(|key| proposal(key, &[])).to_vec();
    check(
        batch,
        &["There are 4 proposals, but at most 3 are allowed: keep the most important ones."],
    );
    let mut twin = proposal("b", &[]);
    twin.title = "BUILD: a!".into();
    check(
        vec![proposal("a", &[]), twin],
        &["Proposals `a` and `b` have the same title."],
    );
}

#[test]
fn what_is_there_already_is_dropped_and_said() {
    let mut done = proposal("ground", &[]);
    done.title = "lay the  GROUND.".into();
    let batch = vec![
        done,
        proposal("walls", &["ground"]),
        proposal("b", &[]),
        proposal("c", &[]),
    ];
    let existing = [known(1, "Lay the ground", Status::Closed)];
    let validated = validate(batch.into(), &existing, &LIMITS);
    assert_eq!(validated.problems, Vec::<String>::new());
    assert_eq!(
        validated.dropped_duplicates,
        [("lay the  GROUND.".to_owned(), IssueId::new(1))]
    );
    assert_eq!(validated.accepted[0].depends_on, ["cw-1"]);
    assert_eq!(validated.accepted.len(), 3);
}

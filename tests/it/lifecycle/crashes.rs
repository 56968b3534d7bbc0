//! Death at every step of `start`, `stop` and `reset`: the same command again ends where an uninterrupted one does.

use std::collections::BTreeMap;
use std::fs;

use super::{at_work, commit_to, generator, project, refs, start};
use crate::support::crash_points::crash_points_of_the_lifecycle;
use crate::support::repository::TestRepository;

/// One command of the lifecycle, and the repository that it is given.
struct Case {
    name: &'static str,
    prepare: fn() -> TestRepository,
    arguments: &'static [&'static str],
    /// The crash points that it comes to.
    reaches: &'static [&'static str],
}

const START: &[&str] = &[
    "start.begun",
    "start.store",
    "start.branch",
    "start.remembered",
    "start.marked",
];
const STOP: &[&str] = &["stop.finished", "stop.prepared", "stop.landed"];
const TAG: &[&str] = &["stop.tagged"];
const CHECKOUT: &[&str] = &["checkout.files", "checkout.moved", "stop.checkout"];
const ACCEPT: &[&str] = super::accept::CRASH_POINTS;
const REVERT: &[&str] = crate::by_hand::revert::CRASH_POINTS;
const SHELL: &[&str] = crate::by_hand::shell::CRASH_POINTS;
const TAKE: &[&str] = crate::by_hand::take::CRASH_POINTS;
const END: &[&str] = &["end.archived", "end.branch", "end.slots", "end.ref"];

/// A generation with files added, changed and removed, a base that moved on, tasks with attempts, and an issue.
pub(super) fn prepare_stop() -> TestRepository {
    let repository = at_work("source_dirs: [src]\ncleanup_dirs: [templates]\n");
    let deep = [
        ("deep/er/a.txt", "a\n"),
        ("deep/b.txt", "b\n"),
        ("README.md", "# Changed\n"),
    ];
    super::work(&repository, "generation-a", &deep);
    for task in ["cw-1", "cw-2"] {
        let reference = format!("refs/cordwainer/generation-a/tasks/{task}");
        commit_to(&repository, &reference, &[("try.txt", task)]);
    }
    repository.write("meanwhile.txt", "meanwhile\n");
    repository.commit("meanwhile");
    repository
}

/// What two repositories must have in common in the end: refs with their trees and numbers of parents, the store
/// without its moments, and the checkout.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    refs: BTreeMap<String, String>,
    checkout: String,
    files: BTreeMap<String, Vec<u8>>,
}

pub(super) fn end(repository: &TestRepository) -> End {
    // Of a tag, what it points to: the first pair of fields is of the ref itself, the second of what a tag is of.
    let format = "%(refname) %(tree)%(*tree) %(numparent)%(*numparent)";
    let listed = repository.git(&["for-each-ref", &format!("--format={format}")]);
    let shape = |line: &str| {
        let [name, tree, parents]: [&str; 3] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let what = if name.ends_with("/issues") {
            repository.git(&["ls-tree", "-r", "--name-only", name])
        } else {
            tree.to_owned()
        };
        (name.to_owned(), format!("{what}, {parents} parents"))
    };
    let files = walkdir::WalkDir::new(repository.path())
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git")
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file());
    let content = |entry: walkdir::DirEntry| {
        let name = entry
            .path()
            .strip_prefix(repository.path())
            .unwrap()
            .display()
            .to_string();
        (name, fs::read(entry.path()).unwrap())
    };
    End {
        refs: listed.lines().map(shape).collect(),
        checkout: repository
            .git(&["status", "--porcelain=2", "--branch"])
            .lines()
            .skip(1)
            .collect(),
        files: files.map(content).collect(),
    }
}

/// Dies at every step of a case, each time that it is reached, and calls the same command again.
fn check(case: &Case) {
    let twin = (case.prepare)();
    generator(&twin, case.arguments).run().done();
    let expected = end(&twin);
    for point in case.reaches {
        let mut times = 0;
        while dies(case, &format!("{point}:{}", times + 1), &expected) {
            times += 1;
        }
        assert!(times > 0, "{} never comes to {point}", case.name);
    }
}

/// Dies at one step and calls again; answers whether that step was reached at all.
fn dies(case: &Case, at: &str, expected: &End) -> bool {
    let repository = (case.prepare)();
    let died = generator(&repository, case.arguments)
        .env("CORDWAINER_CRASH_AT", at)
        .run();
    if died.code == 0 {
        return false;
    }
    assert_eq!(died.code, 137, "{} at {at}: {died:#?}", case.name);
    let again = generator(&repository, case.arguments).run();
    let complete = at == "start.marked:1" && again.stderr.contains("is open already");
    assert!(again.code == 0 || complete, "{} after {at}: {again:#?}", case.name);
    assert_eq!(end(&repository), *expected, "{} after {at}", case.name);
    true
}

#[test]
fn every_crash_point_is_in_some_case() {
    let mut reached = [
        START,
        STOP,
        TAG,
        CHECKOUT,
        END,
        ACCEPT,
        REVERT,
        SHELL,
        TAKE,
        super::gc::CRASH_POINTS,
    ]
    .concat();
    reached.sort_unstable();
    assert_eq!(
        Vec::from_iter(crash_points_of_the_lifecycle()),
        reached,
        "add a new crash point to the list of the command that comes to it"
    );
}

#[test]
fn a_start_that_died_is_made_good_by_the_next() {
    check(&Case {
        name: "start",
        prepare: || project("source_dirs: [src]\nseed_files: {VERSION: templates/version.j2}\n"),
        arguments: &["start", "--name", "a"],
        reaches: START,
    });
}

#[test]
fn a_stop_that_died_while_it_landed_is_finished_by_the_next() {
    check(&Case {
        name: "stop",
        prepare: prepare_stop,
        arguments: &["stop"],
        reaches: &[
            "stop.finished",
            "stop.prepared",
            "checkout.files",
            "checkout.moved",
            "stop.checkout",
            "stop.landed",
        ],
    });
}

#[test]
fn a_stop_that_tags_and_writes_files_is_finished_by_the_next() {
    check(&Case {
        name: "stop with a tag",
        prepare: super::closing::prepare,
        arguments: &["stop"],
        reaches: &[
            "stop.finished",
            "stop.prepared",
            "checkout.files",
            "stop.checkout",
            "stop.landed",
            "stop.tagged",
            "end.archived",
            "end.ref",
        ],
    });
}

#[test]
fn a_stop_that_died_while_it_removed_is_finished_by_the_next() {
    check(&Case {
        name: "stop",
        prepare: prepare_stop,
        arguments: &["stop"],
        reaches: END,
    });
}

#[test]
fn a_stop_beside_the_checkout_of_another_branch_is_finished_by_the_next() {
    check(&Case {
        name: "stop beside a checkout",
        prepare: || {
            let repository = prepare_stop();
            repository.git(&["checkout", "--quiet", "-b", "elsewhere"]);
            repository
        },
        arguments: &["stop"],
        reaches: STOP,
    });
}

#[test]
fn a_stop_with_nothing_new_is_finished_by_the_next() {
    check(&Case {
        name: "stop with nothing new",
        prepare: || {
            let repository = project("");
            start(&repository, "a");
            repository
        },
        arguments: &["stop"],
        reaches: &[
            "stop.finished",
            "stop.landed",
            "end.archived",
            "end.branch",
            "end.slots",
            "end.ref",
        ],
    });
}

#[test]
fn a_reset_that_died_is_finished_by_the_next() {
    check(&Case {
        name: "reset",
        prepare: prepare_stop,
        arguments: &["reset"],
        reaches: END,
    });
}

#[test]
fn a_reset_undoes_a_stop_that_died() {
    let twin = prepare_stop();
    generator(&twin, &["reset"]).run().done();
    let expected = end(&twin);
    for point in [STOP, CHECKOUT, END].concat() {
        let repository = prepare_stop();
        let died = generator(&repository, &["stop"])
            .env("CORDWAINER_CRASH_AT", point)
            .run();
        let landed = refs(&repository)["refs/heads/main"] != refs(&twin)["refs/heads/main"];
        if died.code == 0 || landed {
            continue;
        }
        generator(&repository, &["reset"]).run().done();
        let mut ended = end(&repository);
        // That somebody meant to stop is kept, like everything else.
        ended.refs.remove("refs/cordwainer/archive/generation-a/1/finished");
        assert_eq!(ended, expected, "after {point}");
    }
}

#[test]
fn a_person_who_changes_files_after_a_death_loses_nothing() {
    for point in ["checkout.files", "checkout.moved", "stop.checkout"] {
        let repository = prepare_stop();
        let died = generator(&repository, &["stop"])
            .env("CORDWAINER_CRASH_AT", point)
            .run();
        assert_eq!(died.code, 137, "{died:#?}");
        repository.write("README.md", "# Mine\n");
        let again = generator(&repository, &["stop"]).run();
        assert_eq!(again.code, 9, "{again:#?}");
        assert!(
            again.stderr.contains("uncommitted changes: `README.md`"),
            "{}",
            again.stderr
        );
        assert_eq!(
            fs::read_to_string(repository.path().join("README.md")).unwrap(),
            "# Mine\n"
        );
        repository.write("README.md", "# Changed\n");
        generator(&repository, &["stop"]).run().done();
        assert_eq!(repository.git(&["status", "--porcelain"]), "", "{point}");
    }
}

#[test]
fn a_checkout_that_died_between_two_files_is_finished() {
    let twin = prepare_stop();
    generator(&twin, &["stop"]).run().done();
    let expected = end(&twin);
    let changed = ["README.md", "deep/b.txt", "deep/er/a.txt", "new.txt"];
    for count in 0..=changed.len() {
        let repository = prepare_stop();
        let died = generator(&repository, &["stop"])
            .env("CORDWAINER_CRASH_AT", "stop.prepared")
            .run();
        assert_eq!(died.code, 137, "{died:#?}");
        // As libgit2 leaves it when it is killed: some files are there, one of them empty, the index knows of none.
        for (at, path) in changed.iter().take(count).enumerate() {
            let content = repository.git(&["show", &format!("generation-a:{path}")]) + "\n";
            let content = if at + 1 == count { "" } else { content.as_str() };
            repository.write(path, content);
        }
        let again = generator(&repository, &["stop"]).run();
        assert_eq!(again.code, 0, "after {count} files: {again:#?}");
        assert_eq!(end(&repository), expected, "after {count} files");
    }
}

#[test]
fn an_unnamed_start_clears_what_an_earlier_one_left() {
    let repository = project("source_dirs: [src]\n");
    for point in ["start.begun", "start.store", "start.branch", "start.remembered"] {
        let died = generator(&repository, &["start", "--name", point])
            .env("CORDWAINER_CRASH_AT", point)
            .run();
        assert_eq!(died.code, 137, "{died:#?}");
        let listing = generator(&repository, &["list", "--json"]).run().json();
        assert_eq!(listing["open"].as_array().unwrap().len(), 0, "{point}");
    }
    start(&repository, "z");
    let names: Vec<_> = refs(&repository).into_keys().collect();
    let expected = [
        "refs/cordwainer/generation-z/base",
        "refs/cordwainer/generation-z/issues",
        "refs/heads/generation-z",
        "refs/heads/main",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_branch_that_somebody_moved_after_a_dead_start_is_theirs() {
    let repository = project("source_dirs: [src]\n");
    let died = generator(&repository, &["start", "--name", "a"])
        .env("CORDWAINER_CRASH_AT", "start.branch")
        .run();
    assert_eq!(died.code, 137, "{died:#?}");
    let theirs = super::work(&repository, "generation-a", &[("theirs.txt", "x\n")]);
    let called = generator(&repository, &["start", "--name", "a"]).run();
    called.refused(
        9,
        "error: a branch `generation-a` exists, and is not a generation\n\nhint: choose another name with `--name`\n",
    );
    assert_eq!(repository.oid("generation-a"), theirs);
}

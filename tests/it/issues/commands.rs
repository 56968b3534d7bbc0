//! The commands of `issues` as a person types them: several tasks at once, corrections, trees, imports, ended
//! generations, and ids.

use std::fs::File;

use insta::assert_snapshot;

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;
use crate::support::screens::settings;

/// A repository with the generation `generation-search` and these tasks, `cw-1` and so on.
pub(super) fn started(titles: &[&str]) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "");
    repository.commit("configure");
    call(&repository, &["generator", "start", "--name", "search"]).done();
    for title in titles {
        call(&repository, &["issues", "add", title]).done();
    }
    repository
}

pub(super) fn call(repository: &TestRepository, words: &[&str]) -> Called {
    cordwainer(repository, words).run()
}

/// Calls a command whose words have no spaces, and returns its screen.
fn screen(repository: &TestRepository, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    call(repository, &words).screen(command)
}

fn json(repository: &TestRepository, words: &[&str]) -> serde_json::Value {
    serde_json::from_str(&call(repository, &[words, &["--json"]].concat()).done()).unwrap()
}

fn store(repository: &TestRepository) -> String {
    repository.git(&["rev-parse", "refs/cordwainer/generation-search/issues"])
}

#[test]
fn several_tasks_change_in_one_commit_or_not_at_all() {
    let repository = started(&["One", "Two", "Three"]);
    call(&repository, &["issues", "close", "cw-2"]).done();
    let before = store(&repository);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues close cw-1 cw-2 cw-3"), @r"
        $ cordwainer issues close cw-1 cw-2 cw-3
        error: none of the 3 tasks was changed
          cw-2 cannot be closed: it is already closed (by Tess Ter)

        hint: `cordwainer issues reopen` opens it again
        [exit 9]
        ");
        assert_snapshot!(screen(&repository, "issues close cw-1 cw-9"), @r"
        $ cordwainer issues close cw-1 cw-9
        error: unknown task `cw-9`

        hint: the tasks are cw-1, cw-2, cw-3
        [exit 2]
        ");
    });
    assert_eq!(store(&repository), before);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues hold cw-1 cw-3 3 --reason later"), @r"
        $ cordwainer issues hold cw-1 cw-3 3 --reason later
        Now held: cw-1 One.
        Now held: cw-3 Three.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues comment cw-1 cw-3 Soon"), @r"
        $ cordwainer issues comment cw-1 cw-3 Soon
        Commented on cw-1 One.
        Commented on cw-3 Three.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues release cw-1 cw-3"), @r"
        $ cordwainer issues release cw-1 cw-3
        Released cw-1 One.
        Released cw-3 Three.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues reopen cw-2"), @r"
        $ cordwainer issues reopen cw-2
        Reopened cw-2 Two.
        [exit 0]
        ");
    });
    let history = repository.git(&["log", "--format=%s", &format!("{before}..{}", store(&repository))]);
    assert_snapshot!(history, @r"
    issues: reopen cw-2
    issues: release cw-1, cw-3
    issues: comment on cw-1, cw-3
    issues: hold cw-1, cw-3
    ");
    let both = json(&repository, &["issues", "show", "cw-3", "cw-1"]);
    assert_eq!(both[0]["title"], "Three");
    assert_eq!(both[1]["comments"][0]["text"], "Soon");
    assert_eq!(json(&repository, &["issues", "show", "cw-1"])["id"], "cw-1");
    let shown = call(&repository, &["issues", "show", "cw-1", "cw-2"]).done();
    assert!(
        shown.starts_with("cw-1 One\n") && shown.contains("\n\ncw-2 Two\n"),
        "{shown}"
    );
}

#[test]
fn a_task_is_corrected() {
    let repository = started(&["Prase the header", "Other"]);
    repository.write("text.md", "From stdin.\n");
    let edit = [
        "issues",
        "edit",
        "cw-1",
        "--title",
        "Parse the header",
        "-d",
        "-",
        "--priority",
        "1",
    ];
    let rest = ["--type", "bug", "--label", "parser,ui"];
    let stdin = File::open(repository.path().join("text.md")).unwrap();
    let called = cordwainer(&repository, &[&edit[..], &rest].concat()).stdin(stdin).run();
    assert_eq!(called.stderr, "Changed cw-1 Parse the header.\n");
    let issue = json(&repository, &["issues", "show", "cw-1"]);
    assert_eq!(issue["description"], "From stdin.\n");
    assert_eq!(issue["labels"], serde_json::json!(["parser", "ui"]));
    assert_eq!(
        (issue["priority"].as_u64(), issue["issue_type"].as_str()),
        (Some(1), Some("bug"))
    );
    let before = store(&repository);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues edit cw-1"), @r"
        $ cordwainer issues edit cw-1
        error: there is no terminal for an editor, and none is named

        hint: name one in the variable `EDITOR`
        [exit 9]
        ");
        assert_snapshot!(screen(&repository, "issues edit cw-1 cw-2 --remove-label ui"), @r"
        $ cordwainer issues edit cw-1 cw-2 --remove-label ui
        error: none of the 2 tasks was changed
          cw-2 cannot be changed: it has no label `ui`
        [exit 2]
        ");
        assert_snapshot!(screen(&repository, "issues edit cw-1 --type nonsense"), @r"
        $ cordwainer issues edit cw-1 --type nonsense
        error: invalid value 'nonsense' for '--type <TYPE>'
          [possible values: task, bug, feature, chore, epic]

        For more information, try '--help'.
        [exit 2]
        ");
        assert_snapshot!(screen(&repository, "issues add Third --type bugg"), @r"
        $ cordwainer issues add Third --type bugg
        error: invalid value 'bugg' for '--type <TYPE>'
          [possible values: task, bug, feature, chore, epic]

          tip: a similar value exists: 'bug'

        For more information, try '--help'.
        [exit 2]
        ");
    });
    assert_eq!(store(&repository), before);
    call(&repository, &["issues", "edit", "cw-1", "--remove-label", "ui"]).done();
    assert_eq!(
        json(&repository, &["issues", "show", "cw-1"])["labels"],
        serde_json::json!(["parser"])
    );
}

#[test]
fn what_nobody_worked_on_is_deleted() {
    let repository = started(&["One", "Two", "Three"]);
    call(&repository, &["issues", "dep", "add", "cw-2", "cw-1"]).done();
    let before = store(&repository);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues delete cw-3 cw-1"), @r"
        $ cordwainer issues delete cw-3 cw-1
        error: none of the 2 tasks was changed
          cw-1 cannot be deleted: cw-2 depends on it

        hint: `cordwainer issues close cw-1` closes it instead; `cordwainer issues dep remove cw-2 cw-1` removes the dependency
        [exit 9]
        ");
    });
    assert_eq!(store(&repository), before);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues delete cw-1 cw-2"), @r"
        $ cordwainer issues delete cw-1 cw-2
        Deleted cw-1 One.
        Deleted cw-2 Two.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues list"), @r"
        $ cordwainer issues list
        id    status  priority  title  note
        cw-3  open    2         Three  ready
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues show cw-1"), @r"
        $ cordwainer issues show cw-1
        error: unknown task `cw-1`

        hint: the only task is cw-3
        [exit 2]
        ");
    });
    let files = repository.git(&["ls-tree", "-r", "--name-only", &store(&repository)]);
    assert_eq!(files, "issues/cw-3.json\nmeta.json");
}

#[test]
fn dependencies_are_shown_as_a_tree() {
    let repository = started(&["Lexer", "Parser", "Printer", "Tests"]);
    for (id, on) in [("cw-2", "cw-1"), ("cw-3", "cw-2"), ("cw-4", "cw-2"), ("cw-4", "cw-3")] {
        call(&repository, &["issues", "dep", "add", id, on]).done();
    }
    call(&repository, &["issues", "close", "cw-1"]).done();
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues tree"), @r"
        $ cordwainer issues tree
        cw-4 open Tests
        ├─ cw-2 open Parser (shared)
        │  └─ cw-1 closed Lexer
        └─ cw-3 open Printer
           └─ cw-2 open Parser (shared; see above)
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues tree cw-3"), @r"
        $ cordwainer issues tree cw-3
        cw-3 open Printer
        └─ cw-2 open Parser (shared)
           └─ cw-1 closed Lexer
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues dep add cw-1 cw-4"), @r"
        $ cordwainer issues dep add cw-1 cw-4
        error: cw-1 cannot get a dependency: it is closed (by Tess Ter)

        hint: `cordwainer issues reopen` opens it again
        [exit 9]
        ");
        assert_snapshot!(screen(&repository, "issues dep add cw-2 cw-4"), @r"
        $ cordwainer issues dep add cw-2 cw-4
        error: cw-2 cannot depend on cw-4: they would wait for each other: cw-2 → cw-4 → cw-2
        [exit 9]
        ");
        assert_snapshot!(screen(&repository, "issues dep remove cw-4 cw-2"), @r"
        $ cordwainer issues dep remove cw-4 cw-2
        cw-4 no longer depends on cw-2.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues tree 3 --json"), @r#"
        $ cordwainer issues tree 3 --json
        [
          {
            "id": "cw-3",
            "title": "Printer",
            "status": "open",
            "depth": 0,
            "parent": null,
            "shared": false,
            "repeated": false
          },
          {
            "id": "cw-2",
            "title": "Parser",
            "status": "open",
            "depth": 1,
            "parent": "cw-3",
            "shared": false,
            "repeated": false
          },
          {
            "id": "cw-1",
            "title": "Lexer",
            "status": "closed",
            "depth": 2,
            "parent": "cw-2",
            "shared": false,
            "repeated": false
          }
        ]
        [exit 0]
        "#);
    });
}

#[test]
fn github_issues_are_imported_once() {
    let repository = started(&[]);
    repository.write(
        "gh.json",
        r#"[
  {"body": "It\r\nfails.", "labels": [{"id": "L1", "name": "good first issue", "description": "", "color": "ededed"}],
   "number": 7, "state": "OPEN", "title": "Parse the header", "url": "https://github.com/o/r/issues/7"},
  {"body": "", "labels": [], "number": 6, "state": "CLOSED", "title": "Old", "url": "https://github.com/o/r/issues/6"}
]"#,
    );
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues import gh.json"), @r"
        $ cordwainer issues import gh.json
        cw-1 Parse the header
        Imported 1 task; 1 is closed on GitHub.
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, "issues import gh.json"), @r"
        $ cordwainer issues import gh.json
        Imported 0 tasks; 1 is here already; 1 is closed on GitHub.
        [exit 0]
        ");
    });
    let issue = json(&repository, &["issues", "show", "cw-1"]);
    assert_eq!(issue["description"], "It\nfails.");
    assert_eq!(issue["labels"], serde_json::json!(["good-first-issue"]));
    assert_eq!(issue["external"], "https://github.com/o/r/issues/7");
    let before = store(&repository);
    repository.write(
        "bad.json",
        r#"[{"number": 8, "title": "Fine"}, {"number": 9, "title": "", "labels": "bug"}, {"id": "x", "title": "X", "depends_on": ["y"]}]"#,
    );
    repository.write("worse.json", "title: no JSON\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues import bad.json"), @r#"
        $ cordwainer issues import bad.json
        error: nothing was imported from `[T]/project/bad.json`
          the batch has 3 problems
          entry 2 `#9`: `labels`: invalid type: string "bug", expected a sequence
          entry 2 `#9`: the title is empty
          entry 3 `x`: dependency `y` is neither a key of the batch nor a task of the store

        hint: correct these entries, and import all of them again
        [exit 2]
        "#);
        assert_snapshot!(screen(&repository, "issues import worse.json"), @r"
        $ cordwainer issues import worse.json
        error: nothing was imported from `[T]/project/worse.json`
          the text is neither a JSON array nor JSON lines
          line 1: expected ident at line 1 column 2

        hint: `cordwainer issues export`, or `gh issue list --json number,title,body,labels,state,url`, prints what `cordwainer issues import` reads
        [exit 2]
        ");
    });
    assert_eq!(store(&repository), before);
}

#[test]
fn the_tasks_of_an_ended_generation_are_read_and_stay_as_they_are() {
    let repository = started(&["One", "Two"]);
    call(&repository, &["issues", "dep", "add", "cw-2", "cw-1"]).done();
    call(&repository, &["generator", "reset"]).done();
    let ended = "issues --generation search";
    settings().bind(|| {
        assert_snapshot!(screen(&repository, &format!("{ended} list")), @r"
        $ cordwainer issues --generation search list
        id    status  priority  title  note
        cw-1  open    2         One    ready
        cw-2  open    2         Two    waits for cw-1
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, &format!("{ended} tree")), @r"
        $ cordwainer issues --generation search tree
        cw-2 open Two
        └─ cw-1 open One
        [exit 0]
        ");
        assert_snapshot!(screen(&repository, &format!("{ended} close cw-1")), @r"
        $ cordwainer issues --generation search close cw-1
        error: the generation `generation-search` has ended

        hint: its commits and tasks are kept under `refs/cordwainer/archive/generation-search/1/`; `cordwainer issues --generation generation-search list` shows its tasks, which can no longer change
        [exit 9]
        ");
    });
    let all = ["issues", "--generation", "generation-search"];
    let export = json(&repository, &[&all[..], &["export"]].concat());
    assert_eq!(export[1]["title"], "Two");
    assert_eq!(json(&repository, &[&all[..], &["show", "cw-2"]].concat()), export[1]);
    for change in [
        &["add", "Three"][..],
        &["edit", "cw-1", "--title", "x"],
        &["hold", "cw-1", "--reason", "x"],
        &["release", "cw-1"],
        &["reopen", "cw-1"],
        &["delete", "cw-1"],
        &["comment", "cw-1", "x"],
        &["dep", "remove", "cw-2", "cw-1"],
        &["import", "-"],
    ] {
        let called = call(&repository, &[&all[..], change].concat());
        let reason = "error: the generation `generation-search` has ended\n";
        assert!(called.code == 9 && called.stderr.starts_with(reason), "{called:#?}");
    }
}

/// Calls a command that draws ids, as it does for people.
fn drawing(repository: &TestRepository, words: &[&str]) -> Called {
    cordwainer(repository, words).env_remove("CORDWAINER_COUNTED_IDS").run()
}

/// The first word of a line: the id of the task that was filed.
fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap().to_owned()
}

#[test]
fn ids_are_drawn_and_their_first_letters_are_enough() {
    let repository = started(&["Counted"]);
    let add = |title: &str| first_word(&drawing(&repository, &["issues", "add", title]).done());
    let ids = ["One", "Two", "Three"].map(add);
    for id in &ids {
        let bare = id.strip_prefix("cw-").unwrap();
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        assert!(
            bare.len() == 4 && bare.chars().all(is_plain) && bare.parse::<u32>().is_err(),
            "{id}"
        );
    }
    call(&repository, &["issues", "dep", "add", "1", &ids[0][3..].to_uppercase()]).done();
    let counted = json(&repository, &["issues", "show", "cw-1"]);
    assert_eq!(counted["dependencies"][0]["depends_on_id"], ids[0].as_str());
    let listed = json(&repository, &["issues", "list"]);
    let titles: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].clone())
        .collect();
    assert_eq!(
        titles,
        ["Counted", "One", "Two", "Three"],
        "in the order in which they were filed"
    );
    let file = format!("issues/{}.json", ids[2]);
    assert!(
        repository
            .git(&["ls-tree", "-r", "--name-only", &store(&repository)])
            .contains(&file)
    );
    call(&repository, &["generator", "reset"]).done();
    drawing(&repository, &["generator", "start", "--name", "next"]).done();
    let next = add("Of the next generation");
    assert!(!ids.contains(&next));
    assert_eq!(json(&repository, &["issues", "show", &next[3..]])["id"], next.as_str());
}

#[test]
fn a_batch_keeps_its_order_and_an_ambiguous_id_names_the_candidates() {
    let repository = started(&[]);
    let batch: Vec<_> = (0..60)
        .map(|number| serde_json::json!({"key": format!("k{number}"), "title": format!("{number}")}))
        .collect();
    repository.write("batch.json", serde_json::to_string(&batch).unwrap());
    drawing(&repository, &["issues", "import", "batch.json"]).done();
    let listed = json(&repository, &["issues", "list"]);
    let titles = |of: &serde_json::Value| -> Vec<String> {
        let title = |one: &serde_json::Value| one["title"].as_str().unwrap().to_owned();
        of.as_array().unwrap().iter().map(title).collect()
    };
    let expect: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    assert_eq!(titles(&listed), expect);
    assert_eq!(titles(&json(&repository, &["issues", "ready"])), expect);
    // Of sixty ids two begin with the same of 22 letters.
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let (one, other) = ids
        .iter()
        .zip(&ids[1..])
        .find(|(one, other)| one[..4] == other[..4])
        .unwrap();
    let called = call(&repository, &["issues", "show", &one[3..4]]);
    assert_eq!(called.code, 2);
    for part in [one, other, "hint: type one more letter of the id"] {
        assert!(called.stderr.contains(part), "{part}: {}", called.stderr);
    }
}

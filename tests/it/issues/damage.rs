//! Stores that cannot be read whole: each is an error with ref, path and reason, never a shorter list.

use git2::build::TreeUpdateBuilder;

use super::*;

/// Changes one file of a store with two issues behind the store's back; `None` removes it.
#[expect(
    clippy::disallowed_methods,
    reason = "who damages a store does not go through its writer"
)]
fn check(path: &str, change: impl Fn(&str) -> Option<String>, expected: &str) {
    let fixture = Fixture::new();
    fixture.add("One");
    fixture.add("Two");
    let repository = fixture.repository();
    let tree = repository.find_commit(fixture.tip()).unwrap().tree().unwrap();
    let before = tree.get_path(path.as_ref()).map_or(String::new(), |entry| {
        String::from_utf8(repository.find_blob(entry.id()).unwrap().content().to_vec()).unwrap()
    });
    let mut update = TreeUpdateBuilder::new();
    match change(&before) {
        Some(text) => update.upsert(path, repository.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob),
        None => update.remove(path),
    };
    let tree = repository
        .find_tree(update.create_updated(&repository, &tree).unwrap())
        .unwrap();
    let author = git2::Signature::new("x", "x", &git2::Time::new(0, 0)).unwrap();
    let tip = repository.commit(None, &author, &author, "damage", &tree, &[]).unwrap();
    repository
        .reference(&generation().issues(), tip, true, "damage")
        .unwrap();
    let error = fixture.store.read().unwrap_err();
    let text = told(&error).replace(&tip.to_string(), "TIP");
    let expected = format!("cannot read the issue store `refs/cordwainer/generation-a/issues` at TIP\n  {expected}");
    assert!(text.starts_with(&expected), "{path}:\n{text}\nbut expected\n{expected}");
    fixture
        .store
        .update("write", at(9), |issues| {
            issues.add(NewIssue::titled("x"), &NewIds::counted(), at(9))
        })
        .unwrap_err();
    assert_eq!(fixture.tip(), tip, "{path}: a damaged store was written to");
}

fn check_replaced(path: &str, from: &str, to: &str, expected: &str) {
    check(
        path,
        |text| {
            assert!(text.contains(from), "{text}");
            Some(text.replace(from, to))
        },
        expected,
    );
}

#[test]
fn a_broken_file_is_named() {
    let unreadable = "`issues/cw-2.json` cannot be parsed\n  ";
    check("issues/cw-2.json", |_| Some(String::new()), unreadable);
    check("issues/cw-2.json", |text| Some(text[..100].to_owned()), unreadable);
    check(
        "issues/cw-2.json",
        |text| Some(format!("<<<<<<< ours\n{text}")),
        unreadable,
    );
    check_replaced(
        "issues/cw-2.json",
        "\"title\"",
        "\"titel\"",
        &format!("{unreadable}unknown field `titel`"),
    );
    check_replaced(
        "issues/cw-2.json",
        "\"open\"",
        "\"merged\"",
        &format!("{unreadable}unknown variant `merged`"),
    );
    check_replaced("issues/cw-2.json", "\"priority\": 2", "\"priority\": -1", unreadable);
    check_replaced("issues/cw-2.json", "cw-2", "cw-0", unreadable);
    check_replaced(
        "issues/cw-2.json",
        "cw-2",
        "cw-3",
        "`issues/cw-2.json` holds the task cw-3",
    );
}

#[test]
fn a_newer_store_is_left_alone() {
    let newer = "`meta.json`: the store has format 2, and this version reads format 1\nhint: if a newer version";
    check(
        "meta.json",
        |_| Some(r#"{"format": 2, "something": "else"}"#.to_owned()),
        newer,
    );
    check("meta.json", |_| None, "`meta.json` is missing");
    check(
        "meta.json",
        |_| Some("{}".to_owned()),
        "`meta.json` cannot be parsed\n  missing field `format`",
    );
    check(
        "index.json",
        |_| Some("{}".to_owned()),
        "`index.json` does not belong in an issue store",
    );
    check(
        "issues/cw-1",
        |_| Some("{}".to_owned()),
        "`issues/cw-1` does not belong in an issue store",
    );
    check(
        "issues/old/cw-1.json",
        |_| Some("{}".to_owned()),
        "`issues/old/cw-1.json` does not belong in an issue store",
    );
}

#[test]
fn contradictions_are_found() {
    let contradiction = "the stored tasks contradict each other: ";
    let edge = |from: u32, to: u32| {
        format!(r#""dependencies": [{{"issue_id": "cw-{from}", "depends_on_id": "cw-{to}", "type": "blocks"}}]"#)
    };
    let check = |from: &str, to: &str, expected: &str| {
        check_replaced("issues/cw-2.json", from, to, &format!("{contradiction}{expected}"));
    };
    check(
        r#""dependencies": []"#,
        &edge(2, 2),
        "dependencies form a circle: cw-2 → cw-2",
    );
    check(
        r#""dependencies": []"#,
        &edge(2, 7),
        "cw-2: depends on cw-7, which does not exist",
    );
    check(r#""dependencies": []"#, &edge(1, 2), "cw-2: holds a dependency of cw-1");
    check(
        "\"open\"",
        "\"closed\"",
        "cw-2: status `closed` and its closing time disagree",
    );
    check(
        "\"open\"",
        "\"in_progress\"",
        "cw-2: status `in_progress` and its claim disagree",
    );
    check(
        r#""hold": null"#,
        r#""hold": "why""#,
        "cw-2: status `open` and its hold disagree",
    );
}

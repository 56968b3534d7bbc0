//! Repositories of an agent's own in the tree.

use std::os::unix::fs::symlink;

use super::{Scene, names};

#[test]
fn a_nested_repository_is_refused_and_its_files_are_kept() {
    let mut scene = Scene::new(&[("a", "a")]);
    scene.write("lib/code.rs", "code");
    scene.repository.git_in(&scene.at("lib"), &["init", "--quiet"]);
    scene.write("other/.git", "gitdir: /etc");
    for alike in [".GIT", "git~1", ".git ", ".g\u{200c}it"] {
        scene.write(&format!("alike/{alike}/config"), "x");
    }
    symlink("a", scene.at(".gitmodules")).unwrap();
    let snapshot = scene.snapshot();
    let expected = [
        ".gitmodules",
        "alike/.GIT",
        "alike/.git ",
        "alike/.g\u{200c}it",
        "alike/git~1",
        "lib/.git",
        "other/.git",
    ];
    assert_eq!(names(&snapshot.refused), expected);
    assert_eq!(scene.file(&snapshot, "lib/code.rs").as_deref(), Some("code"));
}

#[test]
fn a_bare_repository_is_refused_and_that_of_the_base_is_not() {
    let mut scene = Scene::new(&[
        ("fixture/HEAD", "ref: refs/heads/main\n"),
        ("fixture/objects/x", "x"),
        ("fixture/refs/x", "x"),
        ("half/HEAD", "ref: refs/heads/main\n"),
        ("half/refs/x", "x"),
    ]);
    scene.write("fixture/objects/x", "y");
    scene.write("half/objects/x", "the other half");
    scene.write("worktree/head", "ref: refs/heads/main\n");
    scene.write("worktree/commondir", "../fixture\n");
    scene.write("refs/HEAD", "of no repository");
    let snapshot = scene.snapshot();
    assert_eq!(names(&snapshot.refused), ["half", "worktree"]);
    assert_eq!(scene.file(&snapshot, "fixture/objects/x").as_deref(), Some("y"));
    assert_eq!(scene.file(&snapshot, "half/refs/x").as_deref(), Some("x"));
    assert_eq!(scene.file(&snapshot, "refs/HEAD").as_deref(), Some("of no repository"));
}

//! Repositories of an agent's own in the tree.

use std::os::unix::fs::symlink;

use cordwainer::testing;

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

/// How many lists of submodules are tried, and the seed.
const SMALL: u32 = 30;
const LONG: u32 = 1_500;
const SEED: u64 = 8_024;

/// What lists of submodules are put together from.
const PIECES: &[&str] = &[
    "[submodule \"a\"]\n",
    "[submodule \"../a\"]\n",
    "[submodule \"a/..\"]\n",
    "[submodule \"a..b\"]\n",
    "[submodule \"\"]\n",
    "[submodule.a]\n",
    "[SubModule \"a\"]\n",
    "[core]\n",
    "\tpath = sub\n",
    "\tpath = -sub\n",
    "\tpath = \"-sub\"\n",
    "\turl = https://host.example/x\n",
    "\turl = --upload-pack=x\n",
    "\turl = \"--upload-pack=x\"\n",
    "\turl = https://host.example/%0ahost=other\n",
    "\turl = git://host.example/%0Ahost\n",
    "\turl = ../x\n",
    "\turl = ..//x\n",
    "\turl = ./../:x\n",
    "\turl = http:///x\n",
    "\turl = \\\n-x\n",
    "\turl\n",
    "\tupdate = !touch x\n",
    "\tupdate = checkout\n",
    "\tUpDate = \"!x\"\n",
    "# comment\n",
    "; = [\n",
    "garbage\n",
    "= x\n",
    "\n",
];

#[test]
fn no_list_of_submodules_that_is_kept_spoils_a_check_of_the_repository() {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut taken = 0;
    for case in 0..testing::size(SMALL, LONG) {
        let mut scene = Scene::new(&[("a", "a")]);
        let content: String = (0..rng.usize(1..6)).map(|_| *rng.choice(PIECES).unwrap()).collect();
        scene.write("deep/.gitattributes", "x".repeat(rng.usize(2000..2100)));
        scene.write(".gitmodules", &content);
        let snapshot = scene.snapshot();
        taken += u32::from(!names(&snapshot.refused).contains(&".gitmodules"));
        let tree = snapshot.tree.to_string();
        let commit = scene.repository.git(&["commit-tree", &tree, "-m", "kept"]);
        scene.repository.git(&["update-ref", "refs/kept", &commit]);
        let checked = scene
            .repository
            .try_git_in(&scene.repository.path(), &["fsck", "--strict"]);
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(
            checked.status.success(),
            "case {case} of seed {SEED}: {content}\n{said}"
        );
    }
    assert!(taken > 0);
}

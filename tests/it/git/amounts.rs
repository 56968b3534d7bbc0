//! An agent leaves too much of something: of files, of bytes, of rules, of depth.

use std::fs;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::attacks::Scene;

#[test]
fn one_file_under_many_names_is_refused_where_they_are_too_much() {
    let mut scene = Scene::new(&[("a", "a")]);
    scene.write("large-0", vec![b'x'; 1 << 20]);
    for number in 1..20 {
        fs::hard_link(scene.at("large-0"), scene.at(format!("large-{number}"))).unwrap();
    }
    let snapshot = scene.snapshot();
    assert_eq!((snapshot.changed.len(), snapshot.refused.len()), (10, 1));
    assert!(snapshot.refused[0].1.contains("10 MB"), "{:?}", snapshot.refused);
}

#[test]
fn rules_without_end_are_not_read_again_and_again() {
    let mut scene = Scene::new(&[("a", "a")]);
    let rules = format!("ignored\n{}", "# a word\n".repeat(60_000));
    for folder in ["d", "e", "f"] {
        scene.write(&format!("{folder}/.gitignore"), &rules);
        scene.write(&format!("{folder}/ignored"), "x");
    }
    let snapshot = scene.snapshot();
    assert_eq!(snapshot.ignored.len(), 1, "{:?}", snapshot.ignored);
    assert_eq!(snapshot.changed.len(), 5);
}

#[test]
fn too_many_files_are_refused_once() {
    let mut scene = Scene::new(&[("a", "a")]);
    for number in 0..150 {
        scene.write(&format!("many/{number:03}"), "x");
    }
    let snapshot = scene.snapshot();
    assert_eq!((snapshot.refused.len(), snapshot.changed.len()), (1, 100));
    assert!(snapshot.refused[0].1.contains("more than 100"));
}

#[test]
fn folders_deeper_than_any_path_are_refused_and_removed() {
    let mut scene = Scene::new(&[("a", "a")]);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut folder = openat(CWD, scene.slot.path(), flags, Mode::empty()).unwrap();
    for _ in 0..3000 {
        mkdirat(&folder, "dddddd", Mode::RWXU).unwrap();
        folder = openat(&folder, "dddddd", flags, Mode::empty()).unwrap();
    }
    let snapshot = scene.snapshot();
    assert_eq!(snapshot.refused.len(), 1);
    assert!(snapshot.refused[0].1.contains("300 folders deep"));
}

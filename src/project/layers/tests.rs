use std::fs;
use std::time::Duration;

use super::*;

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn record(key: &str, tree: &str) -> LayerRecord {
    LayerRecord {
        format: record::FORMAT,
        key: key.to_owned(),
        command: "make".to_owned(),
        image: "i".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        commit: TREE.to_owned(),
        tree: tree.to_owned(),
        folders: vec!["target".to_owned()],
        source_time: 1,
        built_time: 2,
        bytes: 0,
        looks: Vec::new(),
    }
}

/// Makes a layer with one file in a folder and one in its caches.
fn made(layers: &Layers, whose: Whose<'_>, key: &str) -> Arc<Layer> {
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let building = layers.begin(key, ids).unwrap();
    fs::create_dir(building.worktree().join("target")).unwrap();
    fs::write(building.worktree().join("target/built"), "built").unwrap();
    fs::write(building.cache().join("fetched"), "fetched").unwrap();
    layers.finish(building, whose, record(key, TREE)).unwrap()
}

fn is_there(layers: &Layers, whose: Whose<'_>, key: &str) -> bool {
    matches!(layers.find(whose, key).unwrap(), Found::Layer(_))
}

#[test]
fn a_layer_is_found_as_it_was_made_and_by_whom_it_is_for_alone() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    drop(made(&layers, Whose::Task("cw-1"), "k"));
    assert!(!is_there(&layers, Whose::Shared, "k"));
    assert!(!is_there(&layers, Whose::Task("cw-2"), "k"));
    let Found::Layer(found) = layers.find(Whose::Task("cw-1"), "k").unwrap() else {
        panic!("it is there");
    };
    assert_eq!(found.record.bytes, 12);
    assert_eq!(
        fs::read_to_string(found.worktree("target").join("built")).unwrap(),
        "built"
    );
}

#[test]
fn whatever_changes_it_makes_it_useless_and_it_is_removed() {
    for (what, path, content) in [
        ("a file written to", "worktree/target/built", Some("other")),
        ("a file cut off", "cache/fetched", Some("")),
        ("a file removed", "cache/fetched", None),
        ("a file added", "worktree/target/new", Some("")),
        ("no record", "record.json", None),
        ("half a record", "record.json", Some("{")),
    ] {
        let state = tempfile::tempdir().unwrap();
        let layers = Layers::of(state.path());
        let folder = made(&layers, Whose::Shared, "k").folder.clone();
        assert!(is_there(&layers, Whose::Shared, "k"), "{what}");
        match content {
            Some(content) => fs::write(folder.join(path), content).unwrap(),
            None => fs::remove_file(folder.join(path)).unwrap(),
        }
        assert!(
            matches!(layers.find(Whose::Shared, "k").unwrap(), Found::Broken(_)),
            "{what}"
        );
        assert!(!folder.exists(), "{what}");
        assert!(
            matches!(layers.find(Whose::Shared, "k").unwrap(), Found::Nothing),
            "{what}"
        );
    }
}

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_fifo_in_place_of_a_layer_or_of_its_files_is_not_waited_for() {
    for name in ["record.json", "used", ""] {
        let state = tempfile::tempdir().unwrap();
        let layers = Layers::of(state.path());
        let folder = made(&layers, Whose::Shared, "k").folder.clone();
        if name.is_empty() {
            fs::remove_dir_all(&folder).unwrap();
            fifo(&folder);
        } else {
            fifo(&folder.join(name));
        }
        assert_eq!(layers.list().unwrap().len(), 1, "{name}");
        let found = layers.find(Whose::Shared, "k").unwrap();
        assert!(matches!(found, Found::Broken(_)), "{name}");
        assert!(folder.symlink_metadata().is_err(), "{name}");
        drop(made(&layers, Whose::Shared, "k"));
        assert!(is_there(&layers, Whose::Shared, "k"), "{name}");
    }
}

#[test]
fn a_fifo_among_the_layers_is_removed_like_one_of_them() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    drop(made(&layers, Whose::Shared, "k"));
    for name in ["other", ".new-k-1", ".gone-1"] {
        fifo(&state.path().join("layers").join(name));
    }
    assert_eq!(layers.clear(|_| false).unwrap(), 2);
    let list = layers.list().unwrap();
    let other = list.iter().find(|layer| layer.folder.ends_with("other")).unwrap();
    assert!(!layers.is_in_use(other).unwrap());
    assert!(layers.remove(other).unwrap());
    assert_eq!(layers.list().unwrap().len(), 1);
}

#[test]
fn a_file_in_place_of_all_layers_is_named_with_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    fs::write(state.path().join("layers"), "").unwrap();
    let errors = [
        layers.find(Whose::Shared, "k").map(drop).unwrap_err(),
        layers.clear(|_| true).map(drop).unwrap_err(),
        layers.list().map(drop).unwrap_err(),
    ];
    for error in errors {
        let place = state.path().join("layers");
        assert_eq!(error.to_string(), format!("`{}` is not a folder", place.display()));
        assert!(error.hint_text().unwrap().starts_with("move it elsewhere"), "{error}");
    }
}

#[test]
fn a_copied_layer_is_not_taken_for_another_one() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    let folder = made(&layers, Whose::Shared, "k").folder.clone();
    fs::rename(&folder, folder.with_file_name("other")).unwrap();
    assert!(matches!(layers.find(Whose::Shared, "other").unwrap(), Found::Broken(_)));
}

#[test]
fn a_layer_of_another_architecture_is_not_used() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    let file = made(&layers, Whose::Shared, "k").folder.join("record.json");
    let text = fs::read_to_string(&file).unwrap();
    let other = text.replace(std::env::consts::ARCH, "mips");
    assert_ne!(text, other);
    fs::write(&file, other).unwrap();
    let Found::Broken(why) = layers.find(Whose::Shared, "k").unwrap() else {
        panic!("it is not used");
    };
    assert_eq!(why, "it was made for another architecture, mips");
}

#[test]
fn what_a_task_prepared_becomes_everybodys_when_its_very_tree_has_landed() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    drop(made(&layers, Whose::Task("cw-1"), "k"));
    layers.adopt("k", "another tree").unwrap();
    assert!(!is_there(&layers, Whose::Shared, "k"));
    layers.adopt("k", TREE).unwrap();
    assert!(is_there(&layers, Whose::Shared, "k"));
    assert!(!is_there(&layers, Whose::Task("cw-1"), "k"));
}

#[test]
fn what_was_not_finished_is_removed_unless_it_is_still_being_made() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let building = layers.begin("k", ids).unwrap();
    assert_eq!(layers.clear(|_| false).unwrap(), 0);
    assert!(building.cache().exists());
    let cache = building.cache();
    drop(building);
    drop(made(&layers, Whose::Task("cw-1"), "k"));
    drop(made(&layers, Whose::Task("cw-2"), "k"));
    assert_eq!(layers.clear(|task| task == "cw-1").unwrap(), 1);
    assert!(!cache.exists());
    assert!(!is_there(&layers, Whose::Task("cw-1"), "k"));
    assert!(is_there(&layers, Whose::Task("cw-2"), "k"));
}

#[test]
fn a_layer_in_use_stays_and_one_that_nobody_used_for_long_goes() {
    let state = tempfile::tempdir().unwrap();
    let layers = Layers::of(state.path());
    let used = made(&layers, Whose::Shared, "used");
    let suspended = made(&layers, Whose::Shared, "suspended").folder.clone();
    drop(made(&layers, Whose::Shared, "unused"));
    let tops = state.path().join("tops/1");
    fs::create_dir_all(&tops).unwrap();
    note(&tops, &suspended).unwrap();
    assert_eq!(noted(&tops), Some(suspended));
    assert!(layers.remove_unused(Duration::from_secs(3600)).unwrap().is_empty());
    let removed = layers.remove_unused(Duration::ZERO).unwrap();
    let removed: Vec<_> = removed
        .iter()
        .map(|layer| layer.folder.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(removed, ["unused"]);
    drop(used);
    assert_eq!(layers.list().unwrap().len(), 2);
}

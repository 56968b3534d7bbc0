//! `cordwainer init`: fitted to what is there, and never over it.

use std::fs;
use std::path::{Path, PathBuf};

use cordwainer::config::schema;
use cordwainer::detect::{Detection, detect};
use cordwainer::error::{Error, ErrorKind};
use cordwainer::read_tree;
use cordwainer::scaffold::{BaseBranch, InitOptions, InitReport, init};
use tempfile::TempDir;

mod commands;
mod layouts;

/// A folder with these files; a path that ends with `/` is a folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// What `init` finds in a folder.
fn detected(root: &Path) -> Detection {
    detect(&read_tree(root, &|_| false).expect("a folder that can be read"))
}

fn try_run(root: &Path, options: &InitOptions) -> Result<InitReport, Error> {
    let detection = if root.is_dir() {
        detected(root)
    } else {
        Detection::default()
    };
    init(root, &detection, options)
}

/// The branch `name` as the base.
fn base(name: &str) -> BaseBranch {
    BaseBranch {
        name: name.to_owned(),
        reason: "a test".to_owned(),
        missing: None,
    }
}

fn run(root: &Path, scaffold: bool) -> InitReport {
    let options = InitOptions {
        scaffold,
        base_branch: Some(base("trunk")),
        secrets_to_ignore: Some(".secrets".into()),
        ..InitOptions::default()
    };
    try_run(root, &options).expect("init works")
}

#[test]
fn the_schema_is_written_on_request_and_named_where_it_is() {
    let begins = "# yaml-language-server: $schema=configuration.schema.json\n";
    let text = |folder: &TempDir| fs::read_to_string(folder.path().join("configuration.yaml")).expect("a file");
    let without = folder(&[]);
    run(without.path(), false);
    assert!(!without.path().join("configuration.schema.json").exists());
    assert!(!text(&without).contains("yaml-language-server"));

    let with = folder(&[]);
    let options = InitOptions {
        schema: true,
        ..InitOptions::default()
    };
    try_run(with.path(), &options).expect("init works");
    assert!(text(&with).starts_with(begins), "{}", text(&with));
    let written = fs::read_to_string(with.path().join("configuration.schema.json")).expect("a file");
    assert_eq!(written, schema());

    let there = folder(&[("configuration.schema.json", "{}")]);
    run(there.path(), false);
    assert!(text(&there).starts_with(begins), "{}", text(&there));
}

#[test]
fn the_folder_for_tokens_is_ignored_once() {
    let line = "/.secrets/";
    for (before, after) in [
        (None, "/.secrets/\n"),
        (Some(""), "/.secrets/\n"),
        (Some("a\n# b"), "a\n# b\n/.secrets/\n"),
        (Some("a\r\nb\r\n"), "a\r\nb\r\n/.secrets/\r\n"),
        (Some("x\n.secrets\n\n"), "x\n.secrets\n\n"),
    ] {
        let files: Vec<_> = before.map(|text| (".gitignore", text)).into_iter().collect();
        let folder = folder(&files);
        for _ in 0..2 {
            let report = run(folder.path(), false);
            assert!(
                !report.notes.iter().any(|note| note.contains(line)),
                "{:?}",
                report.notes
            );
            assert_eq!(
                fs::read_to_string(folder.path().join(".gitignore")).expect("a file"),
                after
            );
        }
    }
    // A folder of another name, and one that git ignores already.
    let other = folder(&[]);
    fs::write(other.path().join(".gitignore"), b"\xff\n").expect("a file");
    let options = InitOptions {
        secrets_to_ignore: Some("keys".into()),
        ..InitOptions::default()
    };
    try_run(other.path(), &options).expect("init works");
    assert_eq!(
        fs::read(other.path().join(".gitignore")).expect("a file"),
        b"\xff\n/keys/\n"
    );
    let ignored = folder(&[]);
    try_run(ignored.path(), &InitOptions::default()).expect("init works");
    assert!(!ignored.path().join(".gitignore").exists());
}

#[test]
fn an_ignore_file_keeps_its_rights_and_a_link_is_left_alone() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let closed = folder(&[(".gitignore", "a\n")]);
    let path = closed.path().join(".gitignore");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    run(closed.path(), false);
    assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);

    let elsewhere = folder(&[("ignored", "a\n")]);
    let linked = folder(&[]);
    symlink(elsewhere.path().join("ignored"), linked.path().join(".gitignore")).expect("a link");
    let report = run(linked.path(), false);
    assert_eq!(
        fs::read_to_string(elsewhere.path().join("ignored")).expect("a file"),
        "a\n"
    );
    let note = ".gitignore is not a file that can be extended: add `/.secrets/`, so that no token is committed.";
    assert!(report.notes.iter().any(|found| found == note), "{:?}", report.notes);
}

#[test]
fn a_second_init_changes_nothing() {
    let folder = folder(&[
        ("configuration.yaml", "max_issues: 3\n"),
        (".cargo/config.toml", "[build]\njobs = 1\n"),
    ]);
    let first = run(folder.path(), true);
    assert_eq!(
        first.kept,
        [".cargo/config.toml", "configuration.yaml"].map(PathBuf::from)
    );
    let alias = "Add to `[alias]` in .cargo/config.toml: xtask = ";
    assert!(
        first.notes.iter().any(|note| note.starts_with(alias)),
        "{:?}",
        first.notes
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("configuration.yaml")).expect("a file"),
        "max_issues: 3\n"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join(".cargo/config.toml")).expect("a file"),
        "[build]\njobs = 1\n"
    );

    let second = run(folder.path(), true);
    assert_eq!((second.written, second.changed), (Vec::new(), Vec::new()));
    // What has the line already is not listed.
    assert_eq!(second.kept.len() + 1, first.kept.len() + first.written.len());
}

#[test]
fn a_link_is_neither_followed_nor_replaced() {
    let elsewhere = folder(&[]);
    let target = elsewhere.path().join("configuration.yaml");
    let folder = folder(&[]);
    std::os::unix::fs::symlink(&target, folder.path().join("configuration.yaml")).expect("a link");
    let report = run(folder.path(), false);
    assert_eq!(report.kept, [PathBuf::from("configuration.yaml")]);
    assert!(!target.exists());

    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("xtask")).expect("a link");
    let options = InitOptions {
        scaffold: true,
        ..InitOptions::default()
    };
    let error = try_run(folder.path(), &options).expect_err("xtask leads elsewhere");
    assert_eq!(error.kind(), ErrorKind::Precondition);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[test]
fn nothing_but_the_files_is_left_behind() {
    let folder = folder(&[]);
    let report = run(folder.path(), true);
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder.path())
        .into_iter()
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(folder.path()).expect("below").to_owned())
        .collect();
    let mut written = report.written;
    found.sort();
    written.sort();
    assert_eq!(found, written);
}

/// Checks what the scaffold makes of a root manifest: whether xtask is a workspace of its own.
fn check_scaffold(manifest: Option<&str>, own_workspace: bool) {
    let folder = folder(
        &manifest
            .map(|text| ("Cargo.toml", text))
            .into_iter()
            .collect::<Vec<_>>(),
    );
    run(folder.path(), true);
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("a file");
    assert_eq!(
        read("xtask/Cargo.toml").contains("[workspace]"),
        own_workspace,
        "{manifest:?}"
    );
    let which = if own_workspace {
        "--manifest-path xtask/Cargo.toml"
    } else {
        "--package xtask"
    };
    assert_eq!(
        read(".cargo/config.toml"),
        format!(
            "[alias]\nxtask = \"run {which} --\"\n\n# Keeps the memory of long runs small.\n[env]\nMALLOC_ARENA_MAX = \"2\"\n"
        )
    );
    assert!(read("xtask/src/main.rs").contains("cordwainer::cli::main()"));
}

#[test]
fn the_scaffold_fits_the_workspace() {
    check_scaffold(None, true);
    check_scaffold(Some("[package]\nname = \"a\"\n"), true);
    check_scaffold(Some("[workspace]\nmembers = [\"a\", \"b\"]\n"), true);
    check_scaffold(Some("[workspace]\nmembers = [\n  \"a\",\n  \"xtask\",\n]\n"), false);
    check_scaffold(Some("[workspace]\nmembers = ['*']\n"), false);
}

#[test]
fn what_cannot_work_is_said() {
    let folder = folder(&[("file", "")]);
    let error = try_run(&folder.path().join("file"), &InitOptions::default()).expect_err("a file is no folder");
    assert_eq!(error.kind(), ErrorKind::Usage);
    let options = InitOptions {
        base_branch: Some(base("generation-x")),
        ..InitOptions::default()
    };
    let error = try_run(folder.path(), &options).expect_err("a generation is no base");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

//! `cordwainer init`: fitted to what is there, and never over it.

use std::fs;
use std::path::{Path, PathBuf};

use cordwainer::config::{Config, schema};
use cordwainer::error::ErrorKind;
use cordwainer::scaffold::{InitOptions, InitReport, init};
use tempfile::TempDir;

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

fn run(root: &Path, scaffold: bool) -> InitReport {
    let options = InitOptions {
        scaffold,
        base_branch: Some("trunk".to_owned()),
    };
    init(root, &options).expect("init works")
}

/// Checks what `init` makes of a folder: ecosystems, names (module, binary, main package) and source folders.
fn check(files: &[(&str, &str)], ecosystems: &[&str], names: [Option<&str>; 3], source_dirs: &[&str]) {
    let folder = folder(files);
    let report = run(folder.path(), false);
    assert_eq!(report.ecosystems, ecosystems);
    assert_eq!(
        report.written,
        ["configuration.schema.json", "configuration.yaml"].map(PathBuf::from)
    );
    let config = Config::load(folder.path()).expect("what init writes has no problems");
    let found = [&config.module_path, &config.binary_name, &config.main_package].map(|name| name.as_deref());
    assert_eq!(found, names);
    assert_eq!(config.source_dirs, source_dirs);
    assert_eq!(config.preserve_sources, !source_dirs.is_empty());
    let expected = Config {
        module_path: config.module_path.clone(),
        binary_name: config.binary_name.clone(),
        main_package: config.main_package.clone(),
        source_dirs: config.source_dirs.clone(),
        preserve_sources: config.preserve_sources,
        base_branch: "trunk".to_owned(),
        ..Config::default()
    };
    assert_eq!(config, expected, "everything else is a comment");
}

#[test]
fn each_ecosystem() {
    check(&[], &[], [None; 3], &[]);
    check(
        &[
            ("Cargo.toml", "[package]\nname = \"shoe\"\n"),
            ("src/main.rs", ""),
            ("tests/it.rs", ""),
        ],
        &["rust"],
        [Some("shoe"), Some("shoe"), None],
        &["src", "tests"],
    );
    check(
        &[
            ("go.mod", "module example.com/me/shoe/v2\n"),
            ("cmd/last/main.go", ""),
            ("internal/x.go", ""),
        ],
        &["go"],
        [Some("example.com/me/shoe/v2"), Some("last"), Some("./cmd/last")],
        &["cmd", "internal"],
    );
    check(
        &[("go.mod", "module example.com/me/shoe/v2\n"), ("main.go", "")],
        &["go"],
        [Some("example.com/me/shoe/v2"), Some("shoe"), Some(".")],
        &[],
    );
    check(
        &[
            ("package.json", r#"{"name": "@me/shoe", "bin": {"lace": "x.js"}}"#),
            ("src/x.js", ""),
        ],
        &["node"],
        [Some("@me/shoe"), Some("lace"), None],
        &["src"],
    );
    check(
        &[
            ("pyproject.toml", "[tool.x]\nname = 'no'\n[project]\nname = 'my-shoe'\n"),
            ("my_shoe/__init__.py", ""),
        ],
        &["python"],
        [Some("my-shoe"), None, None],
        &["my_shoe"],
    );
    check(
        &[("pom.xml", "<project/>"), ("src/main/java/A.java", "")],
        &["java"],
        [None; 3],
        &["src"],
    );
    check(
        &[
            ("build.gradle.kts", ""),
            ("settings.gradle.kts", "rootProject.name = \"shoe\"\n"),
        ],
        &["java"],
        [Some("shoe"), None, None],
        &[],
    );
    check(&[("Gemfile", ""), ("lib/a.rb", "")], &["ruby"], [None; 3], &["lib"]);
    check(
        &[("composer.json", r#"{"name": "me/shoe"}"#), ("src/a.php", "")],
        &["php"],
        [Some("me/shoe"), None, None],
        &["src"],
    );
    check(
        &[("src/Shoe/Shoe.csproj", "")],
        &["dotnet"],
        [Some("Shoe"), None, None],
        &["src"],
    );
    check(
        &[
            ("Cargo.toml", "[workspace]\n"),
            ("package.json", "not json"),
            ("src/lib.rs", ""),
        ],
        &["rust", "node"],
        [None; 3],
        &["src"],
    );
}

#[test]
fn names_that_cannot_stand_in_a_file_are_left_out() {
    check(
        &[("package.json", r#"{"name": "a\nb: c", "bin": {"-x": "y"}}"#)],
        &["node"],
        [None; 3],
        &[],
    );
    check(
        &[("package.json", r#"{"name": "true", "bin": {"1.0": "y"}}"#)],
        &["node"],
        [Some("true"), Some("1.0"), None],
        &[],
    );
}

#[test]
fn the_file_begins_with_the_editors_schema_line() {
    let folder = folder(&[]);
    run(folder.path(), false);
    let text = fs::read_to_string(folder.path().join("configuration.yaml")).expect("a file");
    assert!(
        text.starts_with("# yaml-language-server: $schema=configuration.schema.json\n"),
        "{text}"
    );
    let written = fs::read_to_string(folder.path().join("configuration.schema.json")).expect("a file");
    assert_eq!(written, schema());
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
    assert!(
        first.notes[0].starts_with("Add to `[alias]` in .cargo/config.toml: xtask = "),
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
    assert_eq!(second.written, Vec::<PathBuf>::new());
    assert_eq!(second.kept.len(), first.kept.len() + first.written.len());
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
    let error = init(folder.path(), &options).expect_err("xtask leads elsewhere");
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
        format!("[alias]\nxtask = \"run --quiet {which} --\"\n")
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
    let error = init(&folder.path().join("file"), &InitOptions::default()).expect_err("a file is no folder");
    assert_eq!(error.kind(), ErrorKind::Usage);
    let options = InitOptions {
        base_branch: Some("generation-x".to_owned()),
        ..InitOptions::default()
    };
    let error = init(folder.path(), &options).expect_err("a generation is no base");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

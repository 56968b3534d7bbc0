//! Repositories of all kinds: whatever a task does not touch stays byte for byte as it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cordwainer::testing::size;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    podman: line_ends_and_names_stay, a_shallow_clone_works, an_empty_tree_works;
    docker: submodules_stay, thousands_of_files_work;
}

/// Does one task, and sees that only its file is new.
fn one_task(project: &Project) {
    let before = project.files("generation-one");
    project.add("a change", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    let mut after = project.files("generation-one");
    assert!(after.remove("src/a.txt").is_some());
    assert_eq!(after, before);
    project.expect_tidy();
}

fn line_ends_and_names_stay(engine: TestEngine) {
    let repository = TestRepository::empty();
    repository.write("mixed.txt", "one\r\ntwo\nthree\r\n");
    repository.write("unix.txt", "one\ntwo\n");
    repository.commit("before there were rules");
    repository.write(".gitattributes", "*.txt text\nmixed.txt -text\n");
    repository.git(&["config", "core.autocrlf", "true"]);
    repository.write(Path::new(OsStr::from_bytes(b"caf\xe9/\xff\xfe.txt")), "x\n");
    repository.write("a\nb \"c\".txt", "x\n");
    let project = Project::on(engine, repository, "");
    one_task(&project);
}

fn a_shallow_clone_works(engine: TestEngine) {
    let origin = TestRepository::new();
    origin.write("src/old.txt", "old\n");
    origin.commit("more");
    let repository = TestRepository::empty();
    let url = format!("file://{}", origin.path().display());
    repository.git(&["fetch", "--quiet", "--depth=1", &url, "main"]);
    repository.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    assert!(repository.path().join(".git/shallow").is_file());
    let project = Project::on(engine, repository, "");
    one_task(&project);
}

fn an_empty_tree_works(engine: TestEngine) {
    let socket = engine.socket();
    let mut project = Project::with_socket(engine, TestRepository::empty(), &socket, "");
    project
        .repository
        .git(&["rm", "--quiet", "--cached", "configuration.yaml"]);
    project
        .repository
        .git(&["commit", "--quiet", "--message", "nothing is here"]);
    project.reconfigure(None, "");
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    assert!(project.files("generation-one").is_empty());
    one_task(&project);
}

fn submodules_stay(engine: TestEngine) {
    let other = TestRepository::new();
    let repository = TestRepository::new();
    let url = other.path();
    let allow = "protocol.file.allow=always";
    repository.git(&[
        "-c",
        allow,
        "submodule",
        "--quiet",
        "add",
        url.to_str().unwrap(),
        "vendor/other",
    ]);
    let project = Project::on(engine, repository, "");
    assert!(project.files("generation-one")["vendor/other"].starts_with("160000 commit"));
    one_task(&project);
    project.add("writes into a submodule", "write vendor/other/new.txt x");
    let ran = project.run(&["generator", "stitch"]);
    assert_ne!(ran.code, Some(1), "{}", ran.stderr);
    assert!(project.files("generation-one")["vendor/other"].starts_with("160000 commit"));
    project.expect_tidy();
}

/// So many that slots share a checkout; 20,000 under `cargo xtask test --long`.
fn thousands_of_files_work(engine: TestEngine) {
    let count = size(3_000, 20_000);
    let repository = TestRepository::new();
    // Git would tidy so many new objects up behind our back, and write into its folder meanwhile.
    repository.git(&["config", "gc.auto", "0"]);
    for number in 0..count {
        repository.write(format!("data/{}/{number}.txt", number % 30), format!("{number}\n"));
    }
    let project = Project::on(engine, repository, "");
    one_task(&project);
    project.add("another change", "delete data/7\nwrite data/new.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    // README.md, configuration.yaml, src/a.txt and data/new.txt are there beside; a thirtieth, data/7, is gone.
    let gone = (0..count).filter(|number| number % 30 == 7).count();
    assert_eq!(project.files("generation-one").len(), count - gone + 4);
    project.expect_tidy();
}

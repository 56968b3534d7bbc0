//! Large repositories: slots are layers over a checkout that they share.

use std::fs;

use crate::support::engines::{TestEngine, engine_tests, skip};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    both: work_above_a_shared_checkout_goes_on_is_judged_and_lands;
}

/// Writes so many files that slots share a checkout of them.
pub(super) fn write_many_files(repository: &TestRepository) {
    for number in 0..2_100 {
        let path = format!("many/{}/{}.txt", number % 20, number / 20);
        repository.write(path, format!("{number}\n"));
    }
}

fn work_above_a_shared_checkout_goes_on_is_judged_and_lands(engine: TestEngine) {
    if !rustix::process::geteuid().is_root() {
        skip("slots share checkouts only with root");
        return;
    }
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    write_many_files(&repository);
    let configuration =
        "gates: [{command: cat=src/1.txt, compare: strict}, cat=many/3/3.txt]\ncycles: off\nlimits: {wait: never}\n";
    let project = Project::on(engine, repository, configuration);
    let before = project.files("generation-one").len();
    project.add(
        "changes a little",
        "tokens 100 10 0.25\ndelete many/0/1.txt\nappend many/1/1.txt more\nrename many/2/1.txt many/2/new.txt\n\
         limit 1900000000\ntokens 100 10 0.25\nwrite src/1.txt one\nwrite many/0/2.txt other",
    );
    project.run(&["resume", "--now"]).expect(8);
    // It waits in its slot, which has what it changed and nothing else.
    let state = project.state();
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(state.join(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("uppers/1"), [".git", "many"]);
    assert_eq!(names("uppers/1/many"), ["0", "1", "2"]);
    assert_eq!(names("uppers/1/many/1"), ["1.txt"]);
    assert_eq!(names("slots/1"), [] as [&str; 0]);
    project.run(&["resume", "--now"]).expect(0);
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
    let files = project.files("generation-one");
    for (path, expect) in [
        ("src/1.txt", Some("one")),
        ("many/0/1.txt", None),
        ("many/0/2.txt", Some("other")),
        ("many/1/1.txt", Some("21 more")),
        ("many/2/1.txt", None),
        ("many/2/new.txt", Some("22")),
        ("many/3/3.txt", Some("63")),
    ] {
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let content = files.contains_key(path).then(|| words(project.content(path)));
        assert_eq!(content.as_deref(), expect, "{path}");
    }
    assert_eq!(files.len(), before);
    // The next task, and its gates, are above the checkout that is there: it differs little from the newer tip.
    let checkouts = names("checkouts");
    assert_eq!(checkouts.len(), 2, "{checkouts:?}");
    project.add(
        "changes a little more",
        "tokens 100 10 0.25\nwrite src/2.txt two\nwrite many/0/1.txt again",
    );
    project.run(&["resume", "--now"]).expect(0);
    assert_eq!(project.content("many/0/1.txt"), "again");
    assert_eq!(project.files("generation-one").len(), before + 2);
    assert_eq!(names("checkouts"), checkouts);
    project.expect_tidy();
}

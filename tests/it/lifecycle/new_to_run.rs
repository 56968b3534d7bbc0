//! What `stop` tells of files that tools obey or run by themselves.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::{at_work, generator, project, refs, start, work};

#[test]
fn a_branch_that_is_left_to_merge_is_told_what_is_new_to_run_in_it() {
    let prepared = || {
        let repository = at_work("");
        work(
            &repository,
            "generation-a",
            &[("Makefile", "all:\n"), ("notes.txt", "x\n")],
        );
        // What came onto the base branch meanwhile is not the generation's.
        repository.write("package.json", "{}\n");
        repository.commit("mine");
        repository
    };
    let repository = prepared();
    let told = generator(&repository, &["stop", "--no-merge"]).run().done();
    assert_eq!(
        told,
        "Ended generation-a; its branch generation-a is still to be merged (3 files, +3 -0).\n\
         Read these files before your next command: tools obey or run them automatically.\n  Makefile (new; make)\n"
    );
    assert!(refs(&repository).contains_key("refs/heads/generation-a"));
    let repository = prepared();
    let done = generator(&repository, &["stop", "--no-merge", "--json"]).run().json();
    let expect = json!([{"path": "Makefile", "tool": "make", "change": "added", "named_by": null}]);
    assert_eq!(done["new_to_run"], expect, "{done:#}");
    assert_eq!((&done["left"], &done["merged"]), (&json!("generation-a"), &json!(null)));
}

#[test]
fn links_are_followed_as_far_as_the_system_follows_them() {
    for (links, is_followed) in [(1, true), (9, true), (40, true), (41, false)] {
        let repository = project("");
        let name = |link: usize| match link {
            0 => "Makefile".to_owned(),
            last if last == links => "rules".to_owned(),
            between => format!("link-{between}"),
        };
        for link in 0..links {
            symlink(name(link + 1), repository.path().join(name(link))).unwrap();
        }
        repository.write("rules", "all:\n");
        repository.commit("a chain of links");
        // Where this system follows more or fewer of them, the constant is to be looked at again.
        let read = fs::read(repository.path().join("Makefile"));
        assert_eq!(read.is_ok(), is_followed, "{links}: {read:?}");
        start(&repository, "a");
        work(&repository, "generation-a", &[("rules", "all: harm\n")]);
        let done = generator(&repository, &["stop", "--json"]).run().json();
        let paths: Vec<_> = done["new_to_run"].as_array().unwrap().iter().collect();
        assert_eq!(paths.len(), usize::from(is_followed), "{links}: {done:#}");
        assert!(paths.iter().all(|file| file["path"] == "rules"), "{done:#}");
    }
}

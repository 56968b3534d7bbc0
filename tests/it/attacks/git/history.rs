//! The hunt for what was never merged: stashes, other branches, amended commits, and other tasks. The control is a
//! container that borrows from the repository's own objects, as earlier versions had it.

use crate::attacks::told::{Told, plain_container, script};
use crate::support::engines::TestEngine;
use crate::support::project::Project;
use crate::support::repository::TestRepository;

/// The attack of the scripted agent that looks for any of these ids in every file, as indexes of packs have them.
fn hunt(ids: &[String]) -> String {
    let byte = |id: &str, at: usize| u8::from_str_radix(&id[at..at + 2], 16).unwrap();
    let higher = |id: &String| -> Option<String> {
        let bytes = (0..id.len()).step_by(2).map(|at| byte(id, at).checked_add(1));
        bytes.map(|byte| byte.map(|byte| format!("{byte:02x}"))).collect()
    };
    // A byte that cannot be one higher leaves its id out: there are several.
    let words: Vec<String> = ids.iter().filter_map(higher).collect();
    assert!(!words.is_empty(), "{ids:?}");
    format!("hunt {}", words.join(" "))
}

/// Commits, trees and blobs that a revision reaches and the generation does not.
fn beside(repository: &TestRepository, revision: &str) -> Vec<String> {
    let listed = repository.git(&[
        "rev-list",
        "--objects",
        "--no-object-names",
        revision,
        "^generation-one",
    ]);
    listed.lines().map(str::to_owned).collect()
}

/// A repository with a branch, an amended commit and a stash beside `main`.
fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/old.txt", "old\n");
    repository.commit("begin");
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.write("src/other.txt", "of another branch\n");
    repository.commit("other");
    repository.git(&["tag", "amended"]);
    repository.write("src/other.txt", "amended\n");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--message", "amended"]);
    repository.write("src/other.txt", "stashed\n");
    repository.git(&["stash", "--quiet"]);
    repository.git(&["checkout", "--quiet", "main"]);
    repository
}

/// Has an agent hunt for each of them in its container, and finds them from a plain one.
pub(super) fn hunted(engine: TestEngine) {
    let project = Project::on(engine, repository(), "stitch: {max_attempts: 1}\n");
    let repository = &project.repository;
    project.add(
        "is never merged",
        "write src/unmerged.txt unmerged\nfail it stays unmerged",
    );
    project.run(&["generator", "stitch", "cw-1"]).expect(7);
    let unmerged = project.issue("cw-1")["attempts"][0]["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    let revisions = [unmerged.as_str(), "other", "amended", "stash@{0}"];
    let hidden: Vec<String> = revisions
        .iter()
        .flat_map(|revision| beside(repository, revision))
        .collect();
    // Where each object is in a pack, the hunt finds whatever is there.
    repository.git(&["repack", "-adn", "--quiet"]);
    let all = hunt(&hidden);
    let own = hunt(&of_the_generation(repository));
    let script = script([all.as_str(), own.as_str()]);
    project.add("hunts", &format!("{script}write src/a.txt done"));
    project.run(&["generator", "stitch", "cw-2"]).expect(0);
    let told = Told::by_task(&project, "cw-2");
    assert!(!told.done(&all), "{}", told.came(&all));
    assert!(
        told.came(&own).contains("/run/cordwainer/objects"),
        "{}",
        told.came(&own)
    );
    project.expect_tidy();
    let objects = repository.path().join(".git/objects");
    let options = [
        "--network",
        "none",
        "--volume",
        &format!("{}:/objects:ro", objects.display()),
    ];
    let told = plain_container(engine, &options, &script);
    assert!(told.came(&all).contains("/objects/pack"), "{}", told.came(&all));
}

/// Commits, trees and blobs of the generation itself.
fn of_the_generation(repository: &TestRepository) -> Vec<String> {
    let listed = repository.git(&["rev-list", "--objects", "--no-object-names", "generation-one"]);
    listed.lines().map(str::to_owned).collect()
}

//! A person's git clears up all the time while a run works.

use cordwainer::testing::size;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::upkeep::beside;

engine_tests! {
    podman: a_run_outlives_a_git_that_clears_up_all_the_time;
}

/// What a person may run at any time, and what git's own upkeep runs by itself.
const CLEARING: [&[&str]; 6] = [
    &["gc", "--quiet", "--prune=now"],
    &["repack", "-a", "-d", "-q"],
    &["prune", "--expire=now"],
    &["multi-pack-index", "write", "--no-progress"],
    &["worktree", "prune", "--expire=now"],
    &["pack-refs", "--all", "--prune"],
];

fn a_run_outlives_a_git_that_clears_up_all_the_time(engine: TestEngine) {
    let project = Project::new(engine, "");
    let tasks = size(4, 40);
    for number in 0..tasks {
        let files: Vec<_> = (0..20)
            .map(|file| format!("write src/{number}/{file}.txt {number}-{file}"))
            .collect();
        project.add(&format!("change {number}"), &files.join("\n"));
    }
    let repository = &project.repository;
    let mut chance = fastrand::Rng::with_seed(11);
    let upkeep = || {
        // Half of the time the one that forgives nothing.
        let arguments = CLEARING[chance.usize(..CLEARING.len()) * chance.usize(..2)];
        // Where a pack goes while git looks through all of them, git gives up and changes nothing.
        let output = repository.try_git_in(&repository.path(), arguments);
        output.status.success()
    };
    let (ran, rounds) = beside(upkeep, || project.run(&["generator", "run"]));
    ran.expect(0);
    assert!(rounds > tasks / 2, "only {rounds} rounds");
    repository.git(&["fsck", "--full", "--strict"]);
    let outcomes: Vec<_> = (1..=tasks)
        .map(|number| project.outcomes(&format!("cw-{number}")))
        .collect();
    assert!(outcomes.iter().all(|outcomes| outcomes == &["merged"]), "{outcomes:?}");
    assert_eq!(project.containers(), Vec::<String>::new());
    assert_eq!(project.status()["tasks"]["in_progress"], 0);
    project.run(&["generator", "stop"]).expect(0);
    repository.git(&["fsck", "--full", "--strict"]);
    let files = repository.git(&["ls-tree", "-r", "--name-only", "main", "src"]);
    assert_eq!(files.lines().count(), tasks * 20 + 1);
}

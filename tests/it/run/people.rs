//! What people do in the repository while a run is at work.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::noise::noise;
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::scripts::WAIT;

engine_tests! {
    podman: a_generation_that_moved_on_is_a_conflict_and_is_tried_again, a_checkout_of_the_generation_stops_the_run,
        a_text_that_takes_too_much_work_to_merge_is_a_conflict_and_the_run_goes_on;
    docker: issues_may_change_while_a_run_works, a_conflict_that_stays_is_held;
}

fn a_generation_that_moved_on_is_a_conflict_and_is_tried_again(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add(
        "shares a file",
        "write src/shared.txt mine\non 1 fifo go\non 1 append go x",
    );
    let run = project.spawn(&["generator", "stitch"]);
    project.while_the_agent_waits(|| move_on(&project, "theirs"));
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(7);
    ran.says("conflicts with newer work in `src/shared.txt`");
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["conflict", "merged"]);
    assert_eq!(project.content("src/shared.txt"), "mine");
    project.expect_tidy();
}

fn a_conflict_that_stays_is_held(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {max_attempts: 2}\n");
    project.add("shares a file", &format!("write src/shared.txt mine\n{WAIT}"));
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| move_on(&project, "theirs"));
    // The slot is the same, so its pipe must have gone before the second one can be waited for.
    project.wait_for_agent("cw-1", 2);
    project.while_the_agent_waits(|| move_on(&project, "theirs again"));
    Ran::from(run.wait_with_output().unwrap())
        .expect(7)
        .says("held for you: 2 attempts in a row failed.");
    assert_eq!(project.outcomes("cw-1"), ["conflict", "conflict"]);
    assert_eq!(project.content("src/shared.txt"), "theirs again");
    project.expect_tidy();
}

fn a_text_that_takes_too_much_work_to_merge_is_a_conflict_and_the_run_goes_on(engine: TestEngine) {
    let repository = TestRepository::new();
    repository.write("src/shared.txt", noise(1, "the end\n"));
    repository.write("noise/shared.txt", noise(2, "the end\n"));
    repository.commit("noise");
    let project = Project::on(
        engine,
        repository,
        "stitch: {max_attempts: 1}\nmax_changed_lines: off\n",
    );
    project.add(
        "shares a file",
        "on 1 copy noise src\non 1 fifo go\non 1 append go x\non 2 write src/b.txt x",
    );
    project.add("shares nothing", "write src/a.txt x");
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| move_on(&project, noise(1, "another end").as_str()));
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(0);
    ran.says("conflicts with newer work in `src/shared.txt`");
    // It does not count: what others did meanwhile is not the task's fault.
    assert_eq!(project.outcomes("cw-1"), ["conflict", "merged"]);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    assert_eq!(project.content("src/shared.txt"), noise(1, "another end"));
    project.expect_tidy();
}

/// Commits to the generation branch without a checkout, as a person with plumbing can.
pub(crate) fn move_on(project: &Project, text: &str) {
    let git = |arguments: &[&str]| project.repository.git(arguments);
    let file = project.repository.outside().join("shared.txt");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    let blob = git(&["hash-object", "-w", file.to_str().unwrap()]);
    let index = project.repository.outside().join("index");
    let with_index = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command
            .args(arguments)
            .current_dir(project.repository.path())
            .env("GIT_INDEX_FILE", &index);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    with_index(&["read-tree", "generation-one"]);
    with_index(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("100644,{blob},src/shared.txt"),
    ]);
    let tree = with_index(&["write-tree"]);
    let commit = git(&["commit-tree", &tree, "-p", "generation-one", "-m", "by hand"]);
    git(&["update-ref", "refs/heads/generation-one", &commit]);
}

fn a_checkout_of_the_generation_stops_the_run(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x\non 1 fifo go\non 1 append go x");
    let elsewhere = project.repository.outside().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    let worktree = |arguments: &[&str]| drop(project.repository.git(&[&["worktree"], arguments].concat()));
    let check_out = || worktree(&["add", "--quiet", elsewhere, "generation-one"]);
    let put_back = || worktree(&["remove", "--force", elsewhere]);

    check_out();
    project.run(&["generator", "run"]).expect(9).says("elsewhere");
    assert!(project.outcomes("cw-1").is_empty());
    put_back();

    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(check_out);
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(9);
    ran.says("was checked out at")
        .says("hint: check out another branch there, then resume");
    let issue = project.issue("cw-1");
    assert_eq!(issue["status"], "open");
    assert!(issue["attempts"][0]["snapshot"].is_string(), "{issue:#}");
    put_back();
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.merges_of("cw-1"), 1);
    project.expect_tidy();
}

fn issues_may_change_while_a_run_works(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("at work", &format!("write src/a.txt x\n{WAIT}"));
    project.add("to be closed", "write src/b.txt x");
    project.add("to be held", "write src/c.txt x");
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        project.run(&["issues", "close", "cw-1", "--reason", "no"]).expect(9);
        project
            .run(&["issues", "close", "cw-2", "--reason", "not needed"])
            .expect(0);
        project.run(&["issues", "hold", "cw-3", "--reason", "later"]).expect(0);
        project.add("came later", "write src/d.txt x");
        project.run(&["issues", "comment", "cw-1", "Good luck."]).expect(0);
    });
    Ran::from(run.wait_with_output().unwrap())
        .expect(7)
        .says("2 tasks merged (2 files, +2 -0), 1 held");
    let files = project.files("generation-one");
    let there = ["src/a.txt", "src/b.txt", "src/c.txt", "src/d.txt"].map(|path| files.contains_key(path));
    assert_eq!(there, [true, false, false, true]);
    assert_eq!(project.issue("cw-1")["comments"][0]["text"], "Good luck.");
    project.expect_tidy();
}

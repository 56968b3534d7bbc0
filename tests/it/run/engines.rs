//! Engines that are absent, hang, or go away in the middle.

use std::path::Path;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::sockets::Socket;

engine_tests! {
    both: an_engine_that_goes_away_costs_nothing_but_time;
    docker: an_engine_that_is_absent_or_hangs_is_told;
}

fn an_engine_that_is_absent_or_hangs_is_told(engine: TestEngine) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let silent = runtime.block_on(async { Socket::silent() });
    let absent = Path::new("/nowhere/engine.sock");
    for socket in [absent, &silent.path()] {
        let repository = TestRepository::new();
        let project = Project::with_socket(engine, repository, socket, "");
        project.run(&["generator", "start", "--name", "one"]).expect(0);
        project.add("a change", "write src/a.txt x");
        let ran = project.run(&["generator", "run"]).expect(5);
        ran.says(socket.to_str().unwrap()).says("hint:");
        assert_eq!(project.issue("cw-1")["status"], "open");
        assert!(project.outcomes("cw-1").is_empty());
        project.expect_untouched();
    }
}

fn an_engine_that_goes_away_costs_nothing_but_time(engine: TestEngine) {
    let real = engine.socket();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (proxy, cut) = runtime.block_on(async { Socket::proxy(&real) });
    let retry = "retry: {initial: 1s, ceiling: 1s, count: 2}\n";
    let mut project = Project::with_socket(engine, TestRepository::new(), &proxy.path(), retry);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add(
        "loses its engine",
        "write src/a.txt begun\non 1 hang\nwrite src/b.txt done",
    );
    let run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    cut.send(true).unwrap();
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(5);
    ran.says("its worktree is not touched")
        .says("the infrastructure failed several times");

    // Nobody could end the container; what it had done is kept, the claim is given back, the slot is not reused.
    assert_eq!(project.containers().len(), 1);
    let issue = project.issue("cw-1");
    assert_eq!(issue["status"], "open");
    assert_eq!(issue["attempts"].as_array().unwrap().len(), 1, "{issue:#}");
    assert_eq!(issue["attempts"][0]["outcome"], "infrastructure_failed");
    let kept = issue["attempts"][0]["snapshot"].as_str().unwrap();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/a.txt")]), "begun");

    project.reconfigure(None, "");
    project
        .run(&["generator", "resume"])
        .expect(0)
        .says("removed the container");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed", "merged"]);
    assert_eq!(project.content("src/b.txt"), "done");
    project.expect_tidy();
}

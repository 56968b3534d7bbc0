//! The way to the run itself: its socket, by which it is stopped and paused. The control is a container of an ordinary
//! user's making, which has the folder of the repository, while the same run is at work.

use std::fs;

use crate::attacks::told::{Told, plain_container, script};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::scripts::WAIT;

engine_tests! {
    both: no_container_reaches_the_run;
}

fn no_container_reaches_the_run(engine: TestEngine) {
    let project = Project::new(engine, "");
    let state = fs::canonicalize(project.repository.path())
        .unwrap()
        .join(".git/cordwainer");
    let socket = state.join("run.sock");
    let by_its_path = format!("connect-unix {}", socket.display());
    let tries = [
        by_its_path.clone(),
        format!("connect-unix /proc/1/root{}", socket.display()),
        "connect-unix /run/cordwainer/run.sock".to_owned(),
        "connect-unix /run/run.sock".to_owned(),
        "connect-unix /workspace/run.sock".to_owned(),
        "connect-unix /workspace/.git/run.sock".to_owned(),
        "connect-unix /workspace/.git/cordwainer/run.sock".to_owned(),
        "connect-abstract run.sock".to_owned(),
        format!("read {}", state.join("lock").display()),
    ];
    let all = script(tries.iter().map(String::as_str));
    project.add("speaks to the run", &(all + WAIT + "write src/a.txt done"));
    let run = project.spawn(&["stitch"]);
    project.while_the_agent_waits(|| {
        let folder = project.repository.outside();
        let folder = fs::canonicalize(folder).unwrap();
        let mounted = format!("{0}:{0}", folder.display());
        let options = ["--network", "none", "--volume", &mounted];
        let control = plain_container(engine, &options, &script([by_its_path.as_str()]));
        assert!(control.done(&by_its_path), "{}", control.came(&by_its_path));
        for name in project.containers() {
            let seen = engine.client().args(["inspect", &name]).output().unwrap().stdout;
            let seen = String::from_utf8(seen).unwrap();
            // What is mounted is below the state folder, and never that folder or its socket.
            let whole = format!("\"{}\"", state.display());
            assert!(seen.contains(state.to_str().unwrap()), "{seen}");
            assert!(!seen.contains("run.sock") && !seen.contains(&whole), "{seen}");
        }
    });
    Ran::from(run.wait_with_output().unwrap()).expect(0);
    let told = Told::by_task(&project, "cw-1");
    let done = tries.iter().filter(|attack| told.done(attack));
    assert_eq!(done.collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

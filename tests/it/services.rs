//! Services beside agents and gates, for real: PostgreSQL and Redis from Debian's packages.

mod failures;
mod images;

use std::fs;

use cordwainer::event::EventKind;
use rustix::process::Signal;

use crate::attacks::told::Told;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::services::{DB, QUEUE, configuration, odd};

engine_tests! {
    both: services_are_gone_with_what_they_are_for_however_that_ends;
    podman first: a_project_whose_tests_need_a_database_and_a_queue_is_worked_on;
    podman: services_are_for_whom_they_are_configured;
}

/// What the project's own tests do, as a gate and by the agent.
const TESTS: &str = "#!/bin/sh
set -eu
sql() { psql -h db -U app -d postgres -v ON_ERROR_STOP=1 -qAt -c \"$1\"; }
sql 'create table item (name text)'
sql \"insert into item values ('one'), ('two')\"
test \"$(sql 'select count(*) from item')\" = 2
redis-cli -h queue set key value >/dev/null
test \"$(redis-cli -h queue get key)\" = value
# Many at once, and one that is large.
for n in 1 2 3 4 5 6 7 8; do sql \"select pg_sleep(0.1), $n\" >/dev/null & done
wait
test \"$(sql \"select repeat('x', 3000000)\" | wc -c)\" = 3000001
echo all tests pass
";

fn project(engine: TestEngine, configuration: &str) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A web project\n");
    repository.write("tests.sh", TESTS);
    Project::on(engine, repository, configuration)
}

/// The services of events that became ready, each with whether its container had every guarantee.
fn ready(project: &Project) -> Vec<(String, bool)> {
    let events = project.events();
    let mut found: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::ServiceReady { service, report, .. } => Some((service.clone(), report.holds())),
            _ => None,
        })
        .collect();
    found.sort();
    found
}

fn a_project_whose_tests_need_a_database_and_a_queue_is_worked_on(engine: TestEngine) {
    let services = format!("{DB}{QUEUE}");
    let project = project(engine, &configuration(&services, "gates: [sh tests.sh]\n"));
    let script = "attack shell tests <<END\nsh tests.sh\nEND\nattack shell hosts <<END\ngrep 127.0.0 /etc/hosts\nEND\n\
                  write src/a.txt done\n";
    project.add("uses both", script);
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("cw-1: service `db` is ready after ")
        .says("gate `sh tests.sh` passed");
    let told = Told::by_task(&project, "cw-1");
    assert_eq!(told.came("shell tests"), "done: all tests pass");
    assert!(
        told.came("shell hosts").contains("127.0.0.2 db"),
        "{}",
        told.came("shell hosts")
    );
    // Beside the agent, beside the gate, and beside the gate before any work: with every guarantee.
    let each = |name: &str| vec![(name.to_owned(), true); 3];
    assert_eq!(ready(&project), [each("db"), each("queue")].concat());
    let records = project.records("cw-1-1").pop().unwrap();
    for (file, says) in [
        ("service-db.txt", "database system is ready"),
        ("service-queue.txt", "Ready to accept connections"),
        ("gate-1-service-db.txt", "database system is ready"),
    ] {
        let text = fs::read_to_string(records.join(file)).unwrap();
        assert!(text.contains(says), "{file}: {text}");
    }
    project.expect_tidy();
}

fn services_are_for_whom_they_are_configured(engine: TestEngine) {
    let services = format!("{DB}    for: [gates]\n{QUEUE}    for: [tasks]\n");
    let gate = "gates: ['psql -h db -U app -d postgres -c \"select 1\" && ! redis-cli -h queue ping']\n";
    let project = project(engine, &configuration(&services, gate));
    let script = "attack shell db <<END\npsql -h db -U app -d postgres -c 'select 1'\nEND\n\
                  attack shell queue <<END\nredis-cli -h queue ping\nEND\nwrite src/a.txt done\n";
    project.add("uses one", script);
    project.run(&["generator", "stitch"]).expect(0);
    let told = Told::by_task(&project, "cw-1");
    assert!(!told.done("shell db"), "{}", told.came("shell db"));
    assert_eq!(told.came("shell queue"), "done: PONG");
    // The gate is tried before any work, too.
    let expect = [("db", true), ("db", true), ("queue", true)].map(|(name, holds)| (name.to_owned(), holds));
    assert_eq!(ready(&project), expect);
    project.expect_tidy();
}

fn services_are_gone_with_what_they_are_for_however_that_ends(engine: TestEngine) {
    let text = configuration(QUEUE, "stitch: {max_attempts: 9}\nstop_grace: 1s\n");
    let project = project(engine, &text);
    // The agent ends by itself, in an error.
    project.add("ends", "exit 3");
    project.run(&["generator", "stitch"]).expect(7);
    project.expect_tidy();
    // The orchestrator is killed while an agent works.
    project.add(
        "hangs",
        "write src/a.txt begun\non 1 hang\non 2 hang\nwrite src/b.txt done",
    );
    let mut run = project.spawn(&["generator", "stitch", "cw-2"]);
    project.wait_for_agent("cw-2", 1);
    assert_eq!(project.containers().len(), 2, "the agent's and the service's");
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(project.containers().len(), 2, "nobody is there to end them");
    let next = project.status()["next"][0].clone();
    assert!(next.as_str().unwrap().starts_with("`cordwainer resume` "), "{next}");
    // The next command ends them, and a person interrupts it.
    let run = project.spawn(&["generator", "stitch", "cw-2"]);
    project.wait_for_agent("cw-2", 2);
    assert_eq!(project.containers().len(), 2);
    signal(&run, Signal::INT);
    let _ = Ran::from(run.wait_with_output().unwrap()).expect(130);
    project.expect_tidy();
    // While a service is awaited, too, beside the container whose command waits for it.
    let never = odd("sleep 1000", "    within: 10m\n").replacen("    within: 6s\n", "", 1);
    let mut project = project;
    // Nothing is in progress that could use the time.
    project.reconfigure(None, &configuration(&never, "stop_grace: 1h\n"));
    let run = project.spawn(&["generator", "stitch", "cw-2"]);
    wait_until(|| project.containers().len() == 2);
    signal(&run, Signal::INT);
    let _ = Ran::from(run.wait_with_output().unwrap()).expect(130);
    project.expect_tidy();
    assert_eq!(project.outcomes("cw-2").last().map(String::as_str), Some("cancelled"));
}

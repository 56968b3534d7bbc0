//! A run with eight tasks at work that is killed at random instants, again and again. What it comes to is looked at by the
//! checker. Two kills by default, 40 under `cargo xtask test --long`; `CORDWAINER_TEST_SEED` begins elsewhere.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::Duration;

use cordwainer::event::EventKind;
use cordwainer::testing::size;
use fastrand::Rng;

use crate::run::parallel::ended;
use crate::support::checker::Watch;
use crate::support::disk::{expect_whole, moments};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;

engine_tests! {
    docker first: a_run_of_eight_that_is_killed_at_any_instant_breaks_no_invariant;
}

const AT_ONCE: usize = 8;
/// So many are open before each run, so that eight come to work.
const OPEN: usize = 12;
/// How long a run lives at most once eight are at work, and how long where that is not waited for, in milliseconds.
const LONGEST: u64 = 2_500;
const GATE: &str = "gates: [{name: red, command: absent=src/red.txt, compare: strict}]\n";

/// What agents do; `N` is the task's number, and two tasks have one `P`.
const SCRIPTS: [&str; 6] = [
    // What one of them has left after a death stays as it is.
    "write src/N.txt N\nsleep 800\nwrite src/more-N.txt N",
    "tokens 100 10 0.01\nsleep 500\nwrite src/N.txt N",
    "write src/red.txt N\nsleep 400\ndone\ndelete src/red.txt\nwrite src/N.txt N",
    "sleep 600\nwrite src/shared-P.txt N",
    "write src/N.txt N\non 1 fail it is not found",
    "sleep 1200\nwrite src/N.txt N\nwrite src/deep/N/a.txt N",
];

/// Files tasks until so many are open.
fn top_up(project: &Project, filed: &mut usize) {
    let open = project.status()["tasks"]["open"].as_u64().unwrap();
    let at_work = project.status()["tasks"]["in_progress"].as_u64().unwrap();
    for _ in usize::try_from(open + at_work).unwrap()..OPEN {
        *filed += 1;
        let script = SCRIPTS[*filed % SCRIPTS.len()]
            .replace('N', &filed.to_string())
            .replace('P', &(*filed / SCRIPTS.len() / 2).to_string());
        project.add(&format!("task {filed}"), &script);
    }
}

/// How many attempts of the newest run are at work, by its events from this one on.
fn at_work(project: &Project, before: usize) -> usize {
    let mut tasks = BTreeSet::new();
    for event in project.events().into_iter().skip(before) {
        match event {
            EventKind::TaskClaimed { task, .. } => tasks.extend([task]),
            EventKind::Adopted(adopted) => tasks.extend(adopted.call.task),
            EventKind::AttemptEnded { task, .. } => tasks.retain(|one| *one != task),
            _ => {}
        }
    }
    tasks.len()
}

/// Lets a run live for a while, and kills it. By turns it is killed with eight at work, and at any instant: while it goes on with
/// those that the one before has left.
fn kill(project: &Project, random: &mut Rng, (mut run, before): (Child, usize), is_waited_for: bool) -> usize {
    if is_waited_for {
        wait_until(|| at_work(project, before) >= AT_ONCE);
    }
    // The instant is what chance is for: nothing is waited for.
    std::thread::sleep(Duration::from_millis(random.u64(0..LONGEST)));
    run.kill().unwrap();
    run.wait().unwrap();
    at_work(project, before)
}

#[expect(clippy::print_stdout, reason = "says how much was tried")]
fn a_run_of_eight_that_is_killed_at_any_instant_breaks_no_invariant(engine: TestEngine) {
    let mut random = moments();
    let more = format!("agent: {{credentials: none}}\n{GATE}stitch: {{parallel: {AT_ONCE}, fix_rounds: 1}}\n");
    let project = Project::with_socket(engine, TestRepository::new(), &engine.socket(), &more);
    let watch = Watch::begin(&project);
    project.run(&["start", "--name", "one"]).expect(0);
    let resume = ["generator", "resume", "--tasks-only"];
    let (mut filed, mut hit) = (0, Vec::new());
    for number in 0..size(2, 40) {
        top_up(&project, &mut filed);
        let before = project.events().len();
        let run = (project.spawn(&resume), before);
        hit.push(kill(&project, &mut random, run, number % 2 == 0));
        watch.witness();
    }
    assert!(hit.iter().any(|count| *count >= AT_ONCE), "killed with {hit:?} at work");
    let ran = ended(project.spawn(&resume));
    assert!(matches!(ran.code, Some(0 | 7)), "{}{}", ran.stdout, ran.stderr);
    for number in 1..=filed {
        let id = format!("cw-{number}");
        let issue = project.issue(&id);
        // Two that write one file may be in each other's way until they are held.
        let may_be_held = SCRIPTS[number % SCRIPTS.len()].contains("shared");
        let is_done = issue["status"] == "closed" || may_be_held && issue["status"] == "blocked";
        assert!(is_done, "{issue:#}");
        let merges = usize::from(issue["status"] == "closed");
        assert_eq!(project.merges_of(&id), merges, "{id}");
    }
    expect_whole(&project.repository, "at the end");
    watch.expect_all_true(&["red"]);
    project.expect_tidy();
    println!("killed with {hit:?} attempts at work, {filed} tasks");
}

//! What agents write is read whatever else a run waits for.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::run::parallel::{ended, expect_merged};
use crate::support::disk::Disk;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::WAIT;

engine_tests! {
    docker first: what_waits_for_the_disk_stops_no_stream;
}

/// The repository is on a disk that writes nothing for a while; state and records are on another one.
fn what_waits_for_the_disk_stops_no_stream(engine: TestEngine) {
    let Some(disk) = Disk::new() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let state = elsewhere.path();
    let more = format!("state_dir: {}\nstitch: {{parallel: 2}}\n", state.display());
    let project = Project::on(engine, disk.repository(), &more);
    project.add("waits for the disk", &format!("{WAIT}write src/1.txt x"));
    project.add(
        "goes on",
        &format!("{WAIT}say This is heard meanwhile.\n{WAIT}write src/2.txt x"),
    );
    let mut command = project.command(&["run", "--tasks-only"]);
    // All streams are read by one thread, which whatever waits on it would stop.
    command.env("TOKIO_WORKER_THREADS", "1");
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| ["cw-1", "cw-2"].iter().all(|task| waiting(state, task).is_some()));

    let frozen = disk.freeze();
    let_go_on(state, "cw-1");
    // What it left is being read, or what came of it written.
    wait_until(|| waits_for_a_disk(&run));
    let_go_on(state, "cw-2");
    wait_until(|| transcripts(state).contains("This is heard meanwhile."));
    assert!(waits_for_a_disk(&run), "the disk is as slow as before");
    drop(frozen);
    let_go_on(state, "cw-2");
    ended(run).expect(0);
    expect_merged(&project, 1..=2);
    project.expect_tidy();
}

/// The slot in which the agent of a task waits for this test.
fn waiting(state: &Path, task: &str) -> Option<u32> {
    let slots = state.join("slots");
    (1..=2).find(|slot| {
        let marker = fs::read_to_string(slots.join(format!("{slot}.dirty"))).unwrap_or_default();
        marker.contains(&format!("\"{task}\"")) && slots.join(format!("{slot}/go")).exists()
    })
}

fn let_go_on(state: &Path, task: &str) {
    wait_until(|| waiting(state, task).is_some());
    let slot = waiting(state, task).unwrap();
    let pipe = state.join(format!("slots/{slot}/go"));
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    fs::remove_file(&pipe).unwrap();
}

/// Whether a thread of a run is in a call to the system that no signal ends: one that waits for a disk.
fn waits_for_a_disk(run: &Child) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", run.id())).unwrap();
    threads.flatten().any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in brackets and may have any characters (proc(5)).
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('D'))
    })
}

/// All that runs have heard of their agents.
fn transcripts(state: &Path) -> String {
    let files = walkdir::WalkDir::new(state.join("runs")).into_iter().flatten();
    let transcripts = files.filter(|file| file.file_name() == "transcript.jsonl");
    transcripts
        .map(|file| fs::read_to_string(file.path()).unwrap_or_default())
        .collect()
}

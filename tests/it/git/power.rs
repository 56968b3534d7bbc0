//! Power failures while two processes write the store of tasks as fast as they can: what was told is there, and git finds
//! everything that a ref reaches.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use cordwainer::testing::size;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::command::{begun_by, cordwainer};
use crate::support::disk::{Disk, expect_whole, moments};
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;

/// Files tasks without end in a process group of its own; says in a file what it was told of each.
fn writer(repository: &TestRepository, told: &Path) -> Child {
    let call = cordwainer(repository, &["issues", "add", "A task"]);
    let call = call.command();
    let mut shell = begun_by("sh", &["-c", "while :; do \"$@\"; done", "sh"], call);
    shell.stdout(File::options().append(true).create(true).open(told).unwrap());
    shell.process_group(0).spawn().unwrap()
}

/// The ids of the tasks of which a writer was told that they are filed.
fn ids(told: &Path) -> Vec<String> {
    let text = fs::read_to_string(told).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let words = whole
        .lines()
        .filter_map(|line| line.split(' ').find(|word| word.starts_with("cw-")));
    words.map(|word| word.trim_end_matches([':', '.']).to_owned()).collect()
}

#[test]
fn tasks_that_were_told_to_be_filed_outlive_each_power_failure() {
    let Some(disk) = Disk::new() else { return };
    let repository = disk.repository();
    repository.write("configuration.yaml", "");
    repository.commit("configure");
    let _ = cordwainer(&repository, &["generator", "start", "--name", "search"])
        .run()
        .done();
    disk.sync();
    let outside = tempfile::tempdir().unwrap();
    let told = [1, 2].map(|number| outside.path().join(format!("told-{number}")));
    let all = || told.iter().flat_map(|told| ids(told)).collect::<Vec<_>>();
    let mut random = moments();
    for number in 0..size(12, 100) {
        let writers = told.each_ref().map(|told| writer(&repository, told));
        let groups = writers.each_ref().map(Pid::from_child);
        let enough = all().len() + random.usize(1..12);
        wait_until(|| all().len() >= enough);
        // Anywhere in what comes next.
        std::thread::sleep(Duration::from_millis(random.u64(0..60)));
        for group in groups {
            kill_process_group(group, Signal::STOP).unwrap();
        }
        let content = disk.content();
        let filed = all();
        for (mut writer, group) in writers.into_iter().zip(groups) {
            kill_process_group(group, Signal::KILL).unwrap();
            writer.wait().unwrap();
        }
        disk.fail(&content);
        let moment = format!("power failure {number}, after {} tasks", filed.len());
        expect_whole(&repository, &moment);
        let listed = cordwainer(&repository, &["issues", "list", "--json"]).run().done();
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        for id in &filed {
            assert!(listed.iter().any(|task| task["id"] == **id), "{moment}: {id} is gone");
        }
        expect_whole(&repository, &moment);
    }
    assert!(all().len() > 12);
}

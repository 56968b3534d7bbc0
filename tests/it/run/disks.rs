//! Full disks: a clear error, nothing lost, and `resume` goes on once there is room again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::parallel::{ended, let_all_go_on, wait_for_agents};
use crate::support::disk::Disk;
use crate::support::engines::{TestEngine, engine_tests, skip};
use crate::support::own_engine::OwnEngine;
use crate::support::project::{Project, Ran};
use crate::support::scripts::WAIT;

engine_tests! {
    both: containers_that_do_not_fit_cost_nothing_but_time;
    podman: records_that_do_not_fit_end_the_run;
    docker: objects_that_do_not_fit_end_the_run;
}

/// A small file system in memory, over a folder, with what was in it; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, with a word why, where this user may not mount.
    fn over(folder: &Path, size: &str) -> Option<Self> {
        let aside = folder.with_extension("aside");
        fs::create_dir_all(folder).unwrap();
        fs::rename(folder, &aside).unwrap();
        fs::create_dir(folder).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder)
            .output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skip("this user may not mount a small file system");
            return None;
        }
        let disk = Self(folder.to_owned());
        let copied = Command::new("cp")
            .arg("-a")
            .arg(aside.join("."))
            .arg(folder)
            .status()
            .unwrap();
        assert!(copied.success());
        fs::remove_dir_all(&aside).unwrap();
        Some(disk)
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let grown = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(grown.success());
    }

    /// Leaves no room for anything.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed says why; what is still in use then goes with its last user.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn records_that_do_not_fit_end_the_run(engine: TestEngine) {
    let project = Project::new(engine, "");
    let Some(disk) = SmallDisk::over(&project.state(), "4m") else {
        return;
    };
    project.add(
        "says too much",
        "write src/a.txt begun\non 1 flood 1000 20000\nwrite src/b.txt done",
    );
    let ran = project.run(&["generator", "run"]).expect(1);
    let said = ran.stdout.clone();
    ran.says("No space left on device");
    assert_eq!(project.containers(), Vec::<String>::new(), "{said}");
    disk.grow("64m");
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.merges_of("cw-1"), 1);
    let issue = project.issue("cw-1");
    let kept = issue["attempts"][0]["snapshot"].as_str().unwrap();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/a.txt")]), "begun");
    drop(disk);
    project.expect_untouched();
}

fn objects_that_do_not_fit_end_the_run(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    let Some(disk) = SmallDisk::over(&project.repository.path().join(".git/objects"), "4m") else {
        return;
    };
    project.add(
        "meets a full disk",
        "write src/a.txt begun\non 1 fifo go\non 1 append go x\nwrite src/b.txt done",
    );
    let run = project.spawn(&["generator", "run"]);
    let mut filler = None;
    project.while_the_agent_waits(|| filler = Some(disk.fill()));
    let ran = Ran::from(run.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(1), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(project.containers(), Vec::<String>::new());
    fs::remove_file(filler.unwrap()).unwrap();
    project
        .run(&["generator", "resume"])
        .expect(0)
        .says("kept what attempt 1 at cw-1 had left");
    assert_eq!(project.merges_of("cw-1"), 1);
    let issue = project.issue("cw-1");
    let kept = issue["attempts"][0]["snapshot"].as_str().unwrap();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/b.txt")]), "done");
    project.repository.git(&["fsck", "--no-dangling"]);
    project.reconfigure(None, "");
}

/// Has nothing that is removed from a folder make room before what this returns is dropped.
fn hold(folder: &Path) -> Vec<fs::File> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    // What is removed meanwhile holds nothing.
    files.filter_map(|entry| fs::File::open(entry.path()).ok()).collect()
}

/// The engine's own storage alone is full: first before a run, then beside an agent at work, whose gates have no container.
fn containers_that_do_not_fit_cost_nothing_but_time(engine: TestEngine) {
    let Some(disk) = Disk::of_megabytes(400) else {
        return;
    };
    let mut own = OwnEngine::with_storage(engine.kind(), disk.root().join("storage"));
    let engine = own.serve_with_image(engine);
    let retry = "retry: {initial: 1s, ceiling: 1s, count: 2}\n";
    let project = Project::new(
        engine,
        &format!("gates: [{{command: cat=src/b.txt, compare: strict}}]\n{retry}"),
    );
    project.add(
        "meets a full disk",
        &format!("write src/a.txt begun\n{WAIT}write src/b.txt done"),
    );
    let is_open = || {
        assert_eq!(project.issue("cw-1")["status"], "open");
        assert_eq!(project.merges_of("cw-1"), 0);
    };

    let filler = disk.fill();
    let ran = project.run(&["generator", "run", "--tasks-only"]).expect(5);
    ran.says("no space left on device");
    is_open();
    fs::remove_file(filler).unwrap();

    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    let held = hold(&own.storage());
    let filler = disk.fill();
    let_all_go_on(&project, &slots);
    let ran = ended(run).expect(5);
    ran.says("no space left on device");
    is_open();
    drop(held);
    fs::remove_file(filler).unwrap();

    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.issue("cw-1")["status"], "closed");
    assert_eq!(project.merges_of("cw-1"), 1);
    assert_eq!(project.content("src/b.txt"), "done");
    let calls = project.status()["usage"]["calls"].clone();
    assert_eq!(calls, 1, "what the agent had done was kept");
    project.repository.git(&["fsck", "--no-dangling"]);
    project.expect_tidy();
}

//! Masks over single files of git's folder, which earlier systems relied on: moving the folder away and copying it back
//! leaves them behind.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use cordwainer::engine::{ContainerSpec, Mount, UserChoice};

use crate::attacks::git::control::{Scene, fired};
use crate::attacks::git::{Attack, Becomes};
use crate::support::engines::{self, TestEngine};
use crate::support::scripts::scripted;

/// The attack; its hook is what the masks would keep away.
pub(super) fn attack() -> Attack {
    let script = "try write .git/hooks/post-commit early\ntry rename .git src/moved\ntry copy src/moved .git\n\
        try write .git/hooks/post-commit <<END\n#!/bin/sh\ntouch {marker}\nEND\n\
        try mode .git/hooks/post-commit 755\n";
    Attack::new(
        "masks moved away",
        script,
        "git commit -q --allow-empty -m x",
        Becomes::Merged,
    )
}

/// Runs the agent of an attack in a container where git's own folder is mounted, and its hooks and configuration are masked.
pub(super) fn control(engine: TestEngine, scene: &Scene, attack: &Attack) {
    let folder = tempfile::tempdir().unwrap();
    let clone = scene.clone_in(folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = engine.connect().await;
        let (user, group) = engine.slot_owner();
        own(&clone, user, group);
        let masked = [("", false), ("/.git/hooks", true), ("/.git/config", true)];
        let mount = |(path, read_only): (&str, bool)| Mount {
            source: clone.join(path.trim_start_matches('/')),
            target: format!("/workspace{path}"),
            read_only,
        };
        let spec = ContainerSpec {
            command: ["/claude", "-p", "--verbose", "--output-format", "stream-json"]
                .map(str::to_owned)
                .into(),
            working_dir: Some("/workspace".into()),
            user: UserChoice::SlotOwner,
            mounts: masked.map(mount).into(),
            ..engines::probe("masks", &[])
        };
        let script = scripted(&attack.at(".git", scene));
        engines::run(&engine, &spec, script.as_bytes()).await;
    });
    own(&clone, 0, 0);
    assert!(fired(scene, &clone, attack), "the masks held, so this proves nothing");
}

fn own(folder: &Path, user: u32, group: u32) {
    chown(folder, Some(user), Some(group)).unwrap();
    let owner = format!("{user}:{group}");
    let done = Command::new("chown").args(["-R", &owner]).arg(folder).status().unwrap();
    assert!(done.success());
}

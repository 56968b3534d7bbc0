//! Containers that get what was asked for.

use std::collections::BTreeSet;
use std::path::Path;

use cordwainer::guarantee::RequestedContainer;

use super::{claude_specification, judge, judge_with_input, specification, with_limits_that_hold, workspace};
use crate::support::engines::{TestEngine, absent, run};
use crate::support::seal::SealListener;

#[tokio::test]
async fn the_scripted_image_has_every_guarantee() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let steps = [
            "write-file=/workspace/done",
            "write-file=/tmp/x",
            "write-file=/home/agent/x",
            "echo-stdin",
        ];
        let (ran, report) = judge_with_input(&engine, specification(slot.path(), &steps), &[], b"to the command").await;
        assert!(report.holds(), "{engine}: {:#?}", report.refused().collect::<Vec<_>>());
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("to the command\n", ""));
        assert!(ran.exit.success());
        assert!(slot.path().join("done").exists());
    }
}

#[tokio::test]
async fn the_claude_image_has_every_guarantee() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let script = "cat; touch /tmp/x \"$HOME/x\" /workspace/done; touch /usr/x /etc/x /run/x; git --version";
        let Some(spec) = claude_specification(&engine, slot.path(), script).await else {
            absent("Claude image");
            continue;
        };
        let (ran, report) = judge_with_input(&engine, spec, &[], b"to the command\n").await;
        assert!(report.holds(), "{engine}: {:#?}", report.refused().collect::<Vec<_>>());
        assert!(
            ran.stdout.starts_with("to the command\ngit version"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
        assert_eq!(
            ran.stderr.lines().count(),
            3,
            "nothing else can be written: {}",
            ran.stderr
        );
        assert!(slot.path().join("done").exists());
    }
}

/// What the entrypoint tries out is gone by then; and a refused container ends although its relay has begun.
#[tokio::test]
async fn the_entrypoint_leaves_nothing_behind() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let script = "ls -A /workspace \"$HOME\" /tmp /var/tmp | grep cordwainer; touch /workspace/done";
        let Some(spec) = claude_specification(&engine, slot.path(), script).await else {
            absent("Claude image");
            continue;
        };
        let (ran, _) = judge(&engine, spec.clone(), &[]).await;
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
        std::fs::remove_file(slot.path().join("done")).unwrap();

        let spec = with_limits_that_hold(&engine, spec);
        let more = RequestedContainer {
            user: Some((4000, 4000)),
            ..engine.asked(&spec.clone().sealed(Path::new("/")), &BTreeSet::new())
        };
        let listener = SealListener::new(more, &engine.describe());
        let ran = run(&engine, &spec.sealed(listener.folder()), b"").await;
        assert_eq!(ran.exit.code, Some(125), "{}", ran.stderr);
        assert!(ran.stderr.contains("`user`"), "{}", ran.stderr);
        assert_eq!(std::fs::read_dir(slot.path()).unwrap().count(), 0);
    }
}

/// The exit code is the command's, and its outputs end with it although the relay lives on.
#[tokio::test]
async fn the_command_ends_as_if_nothing_stood_before_it() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let (ran, _) = judge(
            &engine,
            specification(slot.path(), &["out=a\\n", "err=b", "exit=7"]),
            &[],
        )
        .await;
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("a\n", "b\n"));
        assert_eq!(ran.exit.code, Some(7));
        let (ran, _) = judge(&engine, specification(slot.path(), &["signal-self=9"]), &[]).await;
        assert_eq!(ran.exit.signal(), Some(9));
    }
}

//! The relay in the image: the gateway's socket as an address on loopback.

use super::{claude_specification, judge, specification, workspace};
use crate::support::engines::{TestEngine, absent};

#[tokio::test]
async fn the_gateway_answers_at_its_address() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        // As soon as the command runs, without any wait.
        let (ran, _) = judge(
            &engine,
            specification(slot.path(), &["get=127.0.0.1:8080", "get=127.0.0.1:8080"]),
            &[],
        )
        .await;
        assert_eq!(ran.stdout, "hello\nhello\n", "{}", ran.stderr);
        let script =
            r"for n in 1 2; do printf 'HEAD / HTTP/1.1\r\n\r\n' | socat - TCP:127.0.0.1:8080 | tail -n 1; echo; done";
        let Some(spec) = claude_specification(&engine, slot.path(), script).await else {
            absent("Claude image");
            continue;
        };
        let (ran, _) = judge(&engine, spec, &[]).await;
        assert_eq!(ran.stdout, "hello\nhello\n", "{}", ran.stderr);
    }
}

/// So the command has no child that it did not make.
#[tokio::test]
async fn the_relay_belongs_to_the_init() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let script = "for p in /proc/[0-9]*; do if [ \"$(cat $p/comm)\" = socat ]; then grep PPid $p/status; fi; done";
        let Some(spec) = claude_specification(&engine, slot.path(), script).await else {
            absent("Claude image");
            continue;
        };
        let (ran, _) = judge(&engine, spec, &[]).await;
        assert_eq!(ran.stdout, "PPid:\t1\n", "{}", ran.stderr);
    }
}

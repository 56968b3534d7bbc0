//! Container engines: every test runs on podman and on Docker Engine.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cordwainer::engine::{ContainerSpec, Engine, Mount};

use crate::support::engines::{engine_tests, labels, probe, read, run, skip};

mod half_removed;

engine_tests! {
    async both:
        lines_arrive_whole_and_in_order,
        exit_codes_and_signals_are_told_apart,
        memory_that_runs_out_is_told,
        a_program_that_ignores_signals_dies_by_kill,
        a_program_that_ignores_one_signal_ends_by_the_other,
        a_sweep_takes_its_own_labels_only,
        what_the_engine_forgot_of_a_container_ends_with_it,
        large_input_that_nobody_reads_hangs_nothing,
        large_input_arrives_whole,
        output_before_input_is_read_hangs_nothing,
        a_slow_reader_loses_nothing,
        the_spec_arrives,
        the_slot_can_be_written,
        what_cannot_start_is_told_and_leaves_nothing;
}

async fn lines_arrive_whole_and_in_order(engine: Engine) {
    let steps = [
        r"out=a\x0d\n",
        r"out=gr\xc3",
        r"out=\xbc\xff\x00\n",
        "out-long=300",
        "lines=20000",
        "err=last",
    ];
    let spec = ContainerSpec {
        line_limit: Some(100),
        ..probe("lines", &steps)
    };
    let mut container = engine.start(&spec, b"").await.unwrap();
    let mut lines = Vec::new();
    while let Some(output) = container.next_output().await {
        lines.push((output.stream, output.line.bytes, output.line.truncated));
    }
    let stderr = lines.iter().filter(|line| line.0 == cordwainer::engine::Stream::Stderr);
    assert_eq!(stderr.map(|line| line.1.as_slice()).collect::<Vec<_>>(), [b"last"]);
    lines.retain(|line| line.0 == cordwainer::engine::Stream::Stdout);
    let begin: Vec<_> = lines.iter().take(4).map(|line| (line.1.as_slice(), line.2)).collect();
    let long = [b'x'; 100];
    assert_eq!(
        begin,
        [
            (&b"a\r"[..], false),
            (&b"gr\xc3\xbc\xff\0"[..], false),
            (&long[..], true),
            (&b"line 0"[..], false)
        ]
    );
    assert_eq!(lines.len(), 20_003);
    assert_eq!(lines.last().unwrap().1, b"line 19999");
    assert!(container.exit().await.unwrap().success());
    container.remove().await.unwrap();
}

async fn exit_codes_and_signals_are_told_apart(engine: Engine) {
    for (step, code, signal) in [
        ("exit=0", 0, None),
        ("exit=7", 7, None),
        ("exit=255", 255, None),
        ("signal-self=9", 137, Some(9)),
        ("signal-self=15", 143, Some(15)),
    ] {
        let ran = run(&engine, &probe("exit", &[step]), b"").await;
        assert_eq!((ran.exit.code, ran.exit.signal()), (Some(code), signal), "{step}");
        assert!(!ran.exit.oom, "{step}");
    }
}

async fn memory_that_runs_out_is_told(engine: Engine) {
    let spec = ContainerSpec {
        memory: Some(32 << 20),
        ..probe("oom", &["allocate=200000000"])
    };
    if let Err(unenforced) = engine.check_limits(&spec) {
        let refused = engine.start(&spec, b"").await.err().unwrap();
        assert_eq!(refused.to_string(), unenforced.to_string());
        assert!(refused.to_string().contains("`container.memory`"), "{refused}");
        return skip("the engine cannot limit memory");
    }
    let ran = run(&engine, &spec, b"").await;
    assert_eq!(ran.exit.code, Some(137), "{}", ran.stderr);
    assert!(ran.exit.oom);
    let modest = ContainerSpec {
        memory: Some(64 << 20),
        ..probe("oom", &["allocate=1000000"])
    };
    assert!(!run(&engine, &modest, b"").await.exit.oom);
}

async fn a_program_that_ignores_signals_dies_by_kill(engine: Engine) {
    let deaf = ["ignore-sigint", "ignore-sigterm", r"out=ready\n", "sleep=600"];
    let spec = probe("kill", &deaf);
    for terminate in [false, true] {
        let mut container = engine.start(&spec, b"").await.unwrap();
        container.next_output().await.unwrap();
        let begun = std::time::Instant::now();
        if terminate {
            container.terminate(Duration::from_millis(50)).await.unwrap();
        } else {
            container.kill().await.unwrap();
        }
        // Far from what it takes (0.03 to 0.3 s), near enough to tell it from ten seconds of patience with PID 1.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(!engine.list(&spec.labels).await.unwrap()[0].running);
        assert!(read(&mut container).await.0.is_empty());
        assert_eq!(container.exit().await.unwrap().signal(), Some(9));
        container.remove().await.unwrap();
        assert_eq!(engine.list(&spec.labels).await.unwrap(), []);
    }
}

async fn a_program_that_ignores_one_signal_ends_by_the_other(engine: Engine) {
    for (ignored, code) in [("ignore-sigint", 143), ("ignore-sigterm", 130)] {
        let spec = probe("end", &[ignored, r"out=ready\n", "sleep=600"]);
        let mut container = engine.start(&spec, b"").await.unwrap();
        container.next_output().await.unwrap();
        container.terminate(Duration::from_secs(2)).await.unwrap();
        assert_eq!(container.exit().await.unwrap().code, Some(code), "{ignored}");
        container.remove().await.unwrap();
    }
}

async fn a_sweep_takes_its_own_labels_only(engine: Engine) {
    let mut mine = probe("sweep", &["sleep=600"]);
    mine.labels.insert("cordwainer.run".into(), "one".into());
    let mut other = mine.clone();
    other.labels.insert("cordwainer.run".into(), "one-more".into());
    for spec in [&mine, &mine, &other] {
        drop(engine.start(spec, b"").await.unwrap());
    }
    assert!(engine.sweep(&[].into()).await.is_err());
    assert_eq!(engine.sweep(&mine.labels).await.unwrap().len(), 2);
    assert_eq!(engine.list(&mine.labels).await.unwrap(), []);
    let left = engine.list(&labels("sweep")).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].labels["cordwainer.run"], "one-more");
    assert!(left[0].running);
    assert_eq!(engine.sweep(&labels("sweep")).await.unwrap().len(), 1);
}

/// An engine that is killed while it creates a container knows of no process in it. Here one is put there by hand.
async fn what_the_engine_forgot_of_a_container_ends_with_it(engine: Engine) {
    drop(engine.start(&probe("forgotten", &["sleep=600"]), b"").await.unwrap());
    let found = engine.list(&labels("forgotten")).await.unwrap();
    let all = Path::new("/sys/fs/cgroup");
    let top = if all.join("cgroup.controllers").exists() {
        all.to_owned()
    } else {
        all.join("pids")
    };
    let group = top.join(format!("cordwainer-test-{}", found[0].id));
    if fs::create_dir(&group).is_err() {
        engine.sweep(&labels("forgotten")).await.unwrap();
        return skip("no control group can be made");
    }
    let mut forgotten = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(group.join("cgroup.procs"), forgotten.id().to_string()).unwrap();
    assert_eq!(engine.sweep(&labels("forgotten")).await.unwrap().len(), 1);
    assert_eq!(
        forgotten.wait().unwrap().signal(),
        Some(9),
        "it ends with the container"
    );
    fs::remove_dir(group).unwrap();
}

async fn large_input_that_nobody_reads_hangs_nothing(engine: Engine) {
    let ran = run(
        &engine,
        &probe("unread", &[r"out=done\n", "exit=3"]),
        &vec![b'x'; 5 << 20],
    )
    .await;
    assert_eq!(ran.exit.code, Some(3));
    // Podman 4.3 gives up an attachment when nobody takes its input any more, in one of thirty runs before it has
    // passed on the output.
    let lost = engine.describe().contains("podman") && ran.stdout.is_empty();
    assert!(lost || ran.stdout == "done\n", "{}", ran.stdout);
}

async fn large_input_arrives_whole(engine: Engine) {
    let ran = run(&engine, &probe("stdin", &["count-stdin"]), &vec![b'x'; 5 << 20]).await;
    assert_eq!(ran.stdout, "5242880 bytes\n");
    let empty = run(&engine, &probe("stdin", &["count-stdin"]), b"").await;
    assert_eq!(empty.stdout, "0 bytes\n");
}

async fn output_before_input_is_read_hangs_nothing(engine: Engine) {
    let steps = ["lines=200000", "count-stdin"];
    let ran = run(&engine, &probe("both", &steps), &vec![b'x'; 5 << 20]).await;
    assert!(ran.stdout.ends_with("line 199999\n5242880 bytes\n"));
}

async fn a_slow_reader_loses_nothing(engine: Engine) {
    let spec = probe("slow", &["lines=1000000"]);
    let mut container = engine.start(&spec, b"").await.unwrap();
    let mut count = 0;
    while container.next_output().await.is_some() {
        if count % 100_000 == 0 {
            // No wait for a condition: the pause makes the reader slow, and no event says that the writer is blocked.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        count += 1;
    }
    assert_eq!(count, 1_000_000);
    assert!(container.exit().await.unwrap().success());
    container.remove().await.unwrap();
}

async fn the_spec_arrives(engine: Engine) {
    let limited = ContainerSpec {
        memory: Some(64 << 20),
        cpus: Some(0.5),
        pids: Some(64),
        ..ContainerSpec::default()
    };
    // An engine that cannot enforce them refuses them, see above.
    let limits = match engine.check_limits(&limited) {
        Ok(()) => limited,
        Err(_) => ContainerSpec::default(),
    };
    let spec = ContainerSpec {
        working_dir: Some("/workspace".into()),
        env: vec![("GREETING".into(), "two words=and more".into())],
        tmpfs: [("/scratch".to_owned(), "mode=1777".to_owned())].into(),
        memory: limits.memory,
        cpus: limits.cpus,
        pids: limits.pids,
        hosts: vec![],
        read_only_root: true,
        ..probe(
            "spec",
            &[
                "env=GREETING",
                "cwd",
                "write-file=/scratch/a",
                "cat=/proc/self/status",
                "write-file=/b",
            ],
        )
    };
    let ran = run(&engine, &spec, b"").await;
    assert!(
        ran.stdout.starts_with("two words=and more\n/workspace\n"),
        "{}",
        ran.stdout
    );
    for line in [
        "NoNewPrivs:\t1",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
    ] {
        assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    }
    assert!(!ran.stdout.lines().any(|line| line == "Pid:\t1"), "an init is PID 1");
    assert!(ran.stderr.contains("Read-only file system"), "{}", ran.stderr);
    assert_eq!(ran.exit.code, Some(99));
}

async fn the_slot_can_be_written(engine: Engine) {
    let slot = tempfile::tempdir().unwrap();
    let (user, group) = engine.slot_owner();
    std::os::unix::fs::chown(slot.path(), Some(user), Some(group)).unwrap();
    let mount = |target: &str, read_only| Mount {
        source: slot.path().to_owned(),
        target: target.into(),
        read_only,
    };
    let spec = ContainerSpec {
        mounts: vec![mount("/workspace", false), mount("/look", true)],
        ..probe(
            "slot",
            &["write-file=/workspace/new", "cat=/look/new", "write-file=/look/other"],
        )
    };
    let ran = run(&engine, &spec, b"").await;
    assert_eq!(ran.stdout, "written by the probe\n", "{}", ran.stderr);
    assert!(ran.stderr.contains("Read-only file system"), "{}", ran.stderr);
    let written = std::fs::metadata(slot.path().join("new")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&written), user);
    assert!(!slot.path().join("other").exists());
}

async fn what_cannot_start_is_told_and_leaves_nothing(engine: Engine) {
    let name = "cannot-start";
    let absent_image = ContainerSpec {
        image: "localhost/cordwainer-no-such-image:1".into(),
        ..probe(name, &[])
    };
    let absent_mount = ContainerSpec {
        mounts: vec![Mount {
            source: Path::new("/no/such/folder").into(),
            target: "/workspace".into(),
            read_only: false,
        }],
        ..probe(name, &[])
    };
    for (spec, sign) in [(absent_image, "no-such-image"), (absent_mount, "/no/such/folder")] {
        let error = engine.start(&spec, b"").await.unwrap_err();
        let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(text.contains(sign), "{text}");
        assert_eq!(error.kind(), cordwainer::error::ErrorKind::Engine);
        assert_eq!(engine.list(&spec.labels).await.unwrap(), []);
    }
    // The init starts, and says what it could not.
    let absent_program = ContainerSpec {
        command: vec!["/no-such-program".into()],
        ..probe(name, &[])
    };
    let ran = run(&engine, &absent_program, b"").await;
    assert!(ran.stderr.contains("No such file"), "{}", ran.stderr);
    assert!(!ran.exit.success());
}

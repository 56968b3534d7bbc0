//! What agents do, well or badly, and what becomes of their tasks.

use cordwainer::engine::{ContainerSpec, Mount, UserChoice};

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
    podman: an_agent_that_says_nothing_is_stopped, an_agent_that_never_ends_is_stopped, forging_works_where_no_mask_is;
    docker: every_deed_has_its_outcome, an_agent_that_stays_after_its_result_has_succeeded, a_flood_of_output_does_no_harm;
}

/// A task, and what is to become of it.
struct Case {
    title: &'static str,
    script: &'static str,
    outcome: &'static str,
    status: &'static str,
    /// Part of the reason of the attempt.
    reason: &'static str,
    /// Whether what it left is kept on the task's ref.
    kept: bool,
}

const fn case(
    title: &'static str,
    script: &'static str,
    (outcome, status, reason): (&'static str, &'static str, &'static str),
    kept: bool,
) -> Case {
    Case {
        title,
        script,
        outcome,
        status,
        reason,
        kept,
    }
}

const MERGED: (&str, &str, &str) = ("merged", "closed", "");

/// A link that leads out of the tree.
const HELD_LINK: (&str, &str, &str) = ("protected_path", "blocked", "out of the repository");

/// A folder that git takes for a repository.
const HELD_REPOSITORY: (&str, &str, &str) = ("protected_path", "blocked", "git takes this folder for a repository");

const CASES: [Case; 24] = [
    case("an honest change", "write src/a.txt one", MERGED, true),
    case(
        "no change",
        "say I looked around.",
        ("no_change", "blocked", "the agent changed nothing"),
        false,
    ),
    case(
        "garbage between the lines",
        "garbage <<<>>>\nwrite src/b.txt two\ngarbage {}",
        MERGED,
        true,
    ),
    case(
        "nothing at all",
        "nothing",
        ("agent_failed", "blocked", "no result line: it exited with 0"),
        false,
    ),
    case(
        "no result",
        "write src/c.txt x\nno-result",
        ("agent_failed", "blocked", "no result line"),
        true,
    ),
    case(
        "an exit code",
        "write src/c.txt y\nexit 7",
        ("agent_failed", "blocked", "it exited with 7"),
        true,
    ),
    case(
        "a signal",
        "write src/c.txt z\nsignal 6",
        ("agent_failed", "blocked", "it ended by signal 6"),
        true,
    ),
    case(
        "an error",
        "write src/c.txt w\nfail I cannot.",
        ("agent_failed", "blocked", "I cannot."),
        true,
    ),
    case("a link", "symlink src/link a.txt", MERGED, true),
    case("a link out of the tree", "symlink src/out /etc", HELD_LINK, false),
    case(
        "writing through such a link",
        "symlink src/etc /etc\ntry write src/etc/passwd x\nwrite src/aside.txt x",
        HELD_LINK,
        true,
    ),
    case("a pipe", "fifo src/pipe\nwrite src/d.txt x", MERGED, true),
    case("a socket", "socket src/socket\nwrite src/e.txt x", MERGED, true),
    case(
        "only a pipe",
        "fifo src/pipe",
        ("no_change", "blocked", "the agent changed nothing"),
        false,
    ),
    case(
        "a nested repository",
        "mkrepo src/nested\nwrite src/nested/f.txt x",
        ("protected_path", "blocked", "may not be committed"),
        true,
    ),
    case(
        "a large file",
        "write src/g.txt x\nbigfile src/large 209715200",
        (
            "protected_path",
            "blocked",
            "`src/large` may not be committed: it has 209 MB, and one file may have at most 52 MB",
        ),
        true,
    ),
    case(
        "a forged repository",
        "forge-git\nwrite src/h.txt x",
        HELD_REPOSITORY,
        true,
    ),
    case(
        "a protected path",
        "write xtask/src/main.rs x",
        ("protected_path", "blocked", "it touches `xtask/src/main.rs`"),
        true,
    ),
    case(
        "the same in other letters",
        "write .Cargo/config.toml x",
        ("protected_path", "blocked", "it touches `.Cargo/config.toml`"),
        true,
    ),
    case(
        "attributes that ask for what is not done here",
        "write src/.gitattributes *.txt working-tree-encoding=UTF-16",
        (
            "protected_path",
            "blocked",
            "`working-tree-encoding=UTF-16` in `src/.gitattributes`",
        ),
        true,
    ),
    case(
        "all deleted",
        "delete README.md\ndelete docs\ndelete src\ndelete configuration.yaml",
        ("protected_path", "blocked", "it touches `configuration.yaml`"),
        true,
    ),
    case(
        "outside",
        "write ../escaped.txt x",
        ("agent_failed", "blocked", "it exited with 65"),
        false,
    ),
    case(
        "control characters \u{2764}",
        "say <<END\n\u{1b}[31mred\u{7}\u{202e}\nEND\nwrite src/i.txt x\nfail \u{1b}]0;title\u{7}",
        ("agent_failed", "blocked", "\\u{1b}]0;title\\u{7}"),
        true,
    ),
    case(
        "a mistake in the script",
        "wriet x",
        ("agent_failed", "blocked", "no step `wriet`"),
        false,
    ),
];

/// Every deed in one run, so that each also shows that it does not spoil what follows.
fn every_deed_has_its_outcome(engine: TestEngine) {
    let more = "silence_agent: false\nstitch: {max_attempts: 1}\n";
    let project = Project::new(engine, more);
    for case in &CASES {
        project.add(case.title, case.script);
    }
    let ran = project.run(&["generator", "run"]).expect(7);
    let is_odd = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(
        !ran.stdout.contains(is_odd),
        "control characters reach a pipe:\n{:?}",
        ran.stdout
    );
    for (index, case) in CASES.iter().enumerate() {
        expect(&project, &format!("cw-{}", index + 1), case);
    }
    for (path, mode) in [("src/link", "120000 blob"), ("src/a.txt", "100644 blob")] {
        assert!(project.files("generation-one")[path].starts_with(mode), "{path}");
    }
    assert!(!std::fs::exists("/etc/passwd-escaped").unwrap());
    for absent in [
        "src/out",
        "src/aside.txt",
        "src/pipe",
        "src/socket",
        "src/c.txt",
        "moved-git",
    ] {
        assert!(!project.files("generation-one").contains_key(absent), "{absent}");
    }
    project.expect_tidy();
}

#[track_caller]
fn expect(project: &Project, id: &str, case: &Case) {
    let issue = project.issue(id);
    let title = case.title;
    assert_eq!(issue["status"], case.status, "{title}: {issue:#}");
    assert_eq!(issue["attempts"].as_array().unwrap().len(), 1, "{title}");
    let attempt = &issue["attempts"][0];
    assert_eq!(attempt["outcome"], case.outcome, "{title}: {issue:#}");
    let reason = attempt["reason"].as_str().unwrap();
    assert!(
        reason.contains(case.reason),
        "{title}: `{}` is not in `{reason}`",
        case.reason
    );
    assert_eq!(attempt["snapshot"].is_string(), case.kept, "{title}: {issue:#}");
    assert_eq!(project.merges_of(id), usize::from(case.status == "closed"), "{title}");
    if case.status == "closed" {
        let commit = issue["commit"].as_str().unwrap();
        project
            .repository
            .git(&["merge-base", "--is-ancestor", commit, "generation-one"]);
    }
    let shown = project.run(&["issues", "show", id]).expect(0).stdout;
    assert!(
        shown.contains(&case.outcome.replace('_', " ")) || case.outcome == "protected_path",
        "{title}:\n{shown}"
    );
    let folder = project.state().join(attempt["records"].as_str().unwrap());
    for name in ["prompt.md", "transcript.jsonl", "stderr.txt"] {
        assert!(folder.join(name).is_file(), "{title}: {name}");
    }
    if let Some(kept) = attempt["snapshot"].as_str() {
        let tip = project
            .repository
            .git(&["rev-parse", &format!("refs/cordwainer/generation-one/tasks/{id}")]);
        assert_eq!(tip, kept, "{title}");
    }
}

fn stopped(engine: TestEngine, limits: &str, script: &str, reason: &str) {
    let more = format!("stitch: {{max_attempts: 1, {limits}}}\n");
    let project = Project::new(engine, &more);
    project.add("goes on and on", script);
    project.run(&["generator", "stitch"]).expect(7).says(reason);
    assert_eq!(project.outcomes("cw-1"), ["timed_out"]);
    let kept = project.issue("cw-1")["attempts"][0]["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/a.txt")]), "begun");
    project.expect_tidy();
}

fn an_agent_that_says_nothing_is_stopped(engine: TestEngine) {
    let script = "write src/a.txt begun\nhang";
    stopped(
        engine,
        "idle_timeout: 1s",
        script,
        "no output for longer than `idle_timeout`",
    );
}

fn an_agent_that_never_ends_is_stopped(engine: TestEngine) {
    let chatter = "write src/a.txt begun\n".to_owned() + &"sleep 200\nsay Still here.\n".repeat(400);
    stopped(
        engine,
        "timeout: 2s, idle_timeout: off",
        &chatter,
        "it ran past `timeout`",
    );
}

fn an_agent_that_stays_after_its_result_has_succeeded(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {result_grace: 2s}\n");
    project.add("stays", "write src/a.txt done\nhang-after-result");
    project.run(&["generator", "stitch"]).expect(0).says("merged as");
    assert_eq!(project.content("src/a.txt"), "done");
    project.expect_tidy();
}

fn a_flood_of_output_does_no_harm(engine: TestEngine) {
    let project = Project::new(engine, "");
    // One line of eight megabytes, longer than any line that is kept whole, then a hundred thousand short ones.
    let script = "flood 8388608 1\nflood 20 100000\nwrite src/a.txt done";
    project.add("floods", script);
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.content("src/a.txt"), "done");
    project.expect_tidy();
}

/// The control of the case "a forged repository": what the mask prevents there succeeds without it.
fn forging_works_where_no_mask_is(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("forges", "forge-git\nwrite src/a.txt x");
    project.run(&["generator", "stitch"]).expect(7);
    let transcript = std::fs::read_to_string(project.records("cw-1-1")[0].join("transcript.jsonl")).unwrap();
    for attack in [
        "rewrite .git",
        "move .git",
        "remove .git",
        "put a repository in place of .git",
    ] {
        assert!(
            !transcript.contains(&format!("{attack}: done")),
            "{attack}:\n{transcript}"
        );
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let said = runtime.block_on(async {
        let engine = engine.connect().await;
        std::fs::write(folder.path().join(".git"), "gitdir: /somewhere\n").unwrap();
        let (user, group) = engine.slot_owner();
        for path in [folder.path().to_owned(), folder.path().join(".git")] {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
        let spec = ContainerSpec {
            command: vec![
                "/claude".into(),
                "-p".into(),
                "--output-format".into(),
                "stream-json".into(),
                "--verbose".into(),
            ],
            working_dir: Some("/workspace".into()),
            user: UserChoice::SlotOwner,
            mounts: vec![Mount {
                source: folder.path().to_owned(),
                target: "/workspace".into(),
                read_only: false,
            }],
            ..engines::probe("forging", &[])
        };
        engines::run(&engine, &spec, scripted("forge-git").as_bytes())
            .await
            .stdout
    });
    for attack in ["rewrite .git", "move .git", "put a repository in place of .git"] {
        assert!(said.contains(&format!("{attack}: done")), "{attack}:\n{said}");
    }
}

//! Attacks on the walls of the container. The controls are containers as an engine makes them when it is told less.

use std::fs;
use std::path::Path;

use cordwainer::engine::EngineKind;

use crate::attacks::told::{Told, limits, plain_container, script};
use crate::support::engines::{self, TestEngine, engine_tests, skip};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::scripts::WAIT;

engine_tests! {
    both: no_wall_gives_way, bombs_hurt_nobody_else, a_flood_of_output_fills_no_disk;
}

/// The container in which an attack succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    /// As it comes: root, and the capabilities that engines give.
    Plain,
    /// As it comes, for an ordinary user.
    User,
    /// With every capability and device that matters here, and no filter of system calls.
    Privileged,
    /// That, and the host's processes.
    HostProcesses,
    /// As it comes, with the folder around the repository and the engine's socket mounted, as earlier systems had it.
    Mounted,
}

const CONTROLS: [Control; 5] = [
    Control::Plain,
    Control::User,
    Control::Privileged,
    Control::HostProcesses,
    Control::Mounted,
];

use Control::{HostProcesses, Mounted, Plain, Privileged, User};

/// Attacks, the control of each, and what the machine must have for it to mean anything. `{outside}` is a folder of the
/// host with a file `secret` and the repository `project`, `{socket}` the engine's, `{pid}` a process of the host.
const ATTACKS: [(&str, Control, &str); 27] = [
    ("capabilities", Plain, "/"),
    ("privileges", Plain, "/"),
    ("become-root", Plain, "/"),
    ("create /planted", Plain, "/"),
    ("create /srv/planted", Plain, "/"),
    ("setuid-program /setuid-probe", User, "/"),
    ("seccomp", Privileged, "/"),
    ("mount /workspace", Privileged, "/"),
    ("mount /tmp", Privileged, "/"),
    ("remount /", Privileged, "/"),
    ("hostname planted", Privileged, "/"),
    ("raw-socket", Privileged, "/"),
    ("module", Privileged, "/proc/modules"),
    ("device /workspace/null 1 3", Privileged, "/"),
    ("open /proc/sys/vm/drop_caches", Privileged, "/proc/sys/vm/drop_caches"),
    ("open /proc/sysrq-trigger", Privileged, "/proc/sysrq-trigger"),
    ("rewrite /proc/sys/kernel/core_pattern", Privileged, "/"),
    (
        "open /sys/kernel/mm/transparent_hugepage/enabled",
        Privileged,
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ),
    ("open /dev/kmsg", Privileged, "/dev/kmsg"),
    (
        "release-agent /workspace/groups",
        Privileged,
        "/sys/fs/cgroup/pids/release_agent",
    ),
    ("read /proc/{pid}/root{outside}/secret", HostProcesses, "/"),
    ("open /proc/{pid}/mem", HostProcesses, "/"),
    ("read {outside}/secret", Mounted, "/"),
    ("read {outside}/project/.git/config", Mounted, "/"),
    ("read {outside}/project/.secrets/claude.json", Mounted, "/"),
    ("read {outside}/project/.git/cordwainer/lock", Mounted, "/"),
    ("engine {socket}", Mounted, "/"),
];

fn no_wall_gives_way(engine: TestEngine) {
    let repository = TestRepository::empty();
    repository.write(".gitignore", ".secrets\n");
    repository.write(".secrets/claude.json", "{}\n");
    let project = Project::on(engine, repository, "");
    let outside = fs::canonicalize(project.repository.outside()).unwrap();
    fs::write(outside.join("secret"), "hidden\n").unwrap();
    let fill = |attack: &str| {
        let socket = engine.socket();
        attack
            .replace("{outside}", outside.to_str().unwrap())
            .replace("{socket}", socket.to_str().unwrap())
            .replace("{pid}", &std::process::id().to_string())
    };
    let tried: Vec<(String, Control)> = ATTACKS
        .iter()
        .filter(|(attack, _, needed)| meant(attack, needed))
        .map(|(attack, control, _)| (fill(attack), *control))
        .collect();
    let all = script(tried.iter().map(|(attack, _)| attack.as_str()));
    project.add("breaks out", &(all + "write src/a.txt done"));
    project.run(&["generator", "stitch"]).expect(0);
    let told = Told::by_task(&project, "cw-1");
    let done = tried
        .iter()
        .map(|(attack, _)| attack.as_str())
        .filter(|attack| told.done(attack));
    assert_eq!(
        done.collect::<Vec<_>>(),
        [""; 0],
        "these succeed in the sealed container"
    );
    project.expect_tidy();

    for control in CONTROLS {
        let attacks = tried
            .iter()
            .filter(|(_, by)| *by == control)
            .map(|(attack, _)| attack.as_str());
        let attacks: Vec<&str> = attacks.collect();
        let told = plain_container(engine, &options(control, &outside, engine), &script(attacks.clone()));
        let refused = attacks.iter().filter(|attack| !told.done(attack));
        let refused: Vec<_> = refused
            .map(|attack| format!("{attack}: {}", told.came(attack)))
            .collect();
        assert_eq!(refused, [""; 0], "the controls of these do not fire ({control:?})");
    }
}

/// Whether the machine has what an attack is about.
fn meant(attack: &str, needed: &str) -> bool {
    let has = Path::new(needed).exists();
    if !has {
        skip(&format!("`{attack}`: this machine has no `{needed}`"));
    }
    has
}

/// Options of `run` that make such a container.
fn options(control: Control, outside: &Path, engine: TestEngine) -> Vec<&'static str> {
    // A test ends with its process: what little leaks here is a few bytes.
    let leaked = |text: String| -> &'static str { text.leak() };
    let volume = |path: &Path| leaked(format!("{0}:{0}", path.display()));
    let mut options = vec!["--network", "none"];
    options.extend_from_slice(match control {
        Plain => &[],
        User => &["--user", "1000:1000"],
        Privileged | HostProcesses => privileged(engine),
        Mounted => &["--volume"],
    });
    match control {
        HostProcesses => options.extend(["--pid", "host"]),
        Mounted => {
            let socket = engine.socket();
            options.extend([volume(outside), "--volume", volume(&socket)]);
        }
        _ => {}
    }
    options
}

/// Docker's `--privileged` wants every capability, and not every machine has all of them to give.
fn privileged(engine: TestEngine) -> &'static [&'static str] {
    match engine.kind() {
        EngineKind::Podman => &["--privileged"],
        EngineKind::Docker => &[
            "--cap-add=SYS_ADMIN",
            "--cap-add=SYS_PTRACE",
            "--cap-add=SYS_MODULE",
            "--cap-add=NET_RAW",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--device=/dev/kmsg",
            "--volume=/sys:/sys",
        ],
    }
}

/// What is more than there is, each in a task of its own: some end with their agent, when memory runs out.
const BOMBS: [&str; 6] = [
    "processes 100",
    "allocate 100000000",
    "fill /tmp/full 100000000",
    "fill /dev/shm/full 100000000",
    "many /tmp/many 100000",
    "descriptors 70000",
];
/// Files that an agent may leave and that would burden everybody after it.
const FILE_BOMB: &str = "write src/file.txt x\nbigfile src/big 60000000000";

/// How much there is.
const LITTLE: &str = "  memory: 64m\n  pids: 64\n---\nstitch: {max_attempts: 1}\n";

fn bombs_hurt_nobody_else(engine: TestEngine) {
    let project = Project::new(engine, LITTLE);
    let bombs: Vec<&str> = BOMBS.into_iter().filter(|bomb| more_than_there_is(bomb)).collect();
    project.add("a bomb of files", FILE_BOMB);
    for bomb in &bombs {
        project.add(bomb, &(script([*bomb]) + "write src/bombs.txt done"));
    }
    project.add("an honest change", "write src/honest.txt done");
    project.run(&["generator", "run"]).expect(7);
    let contained = |(number, bomb): (usize, &&str)| {
        let id = format!("cw-{}", number + 2);
        let reason = project.issue(&id)["attempts"][0]["reason"].to_string();
        let refused = || !Told::by_task(&project, &id).done(bomb);
        (reason.contains("ran out of memory") || refused())
            .then_some(())
            .ok_or_else(|| (*bomb).to_owned())
    };
    let had = bombs.iter().enumerate().filter_map(|bomb| contained(bomb).err());
    assert_eq!(had.collect::<Vec<_>>(), [""; 0], "these take what is not theirs");
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    assert_eq!(project.content("src/honest.txt"), "done");
    assert!(!project.files("generation-one").contains_key("src/big"));
    project.expect_tidy();

    let all = script(bombs.iter().copied());
    let told = plain_container(engine, &["--network", "none", "--shm-size", "1g"], &all);
    let contained = bombs.iter().filter(|bomb| !told.done(bomb));
    let contained: Vec<_> = contained.map(|bomb| format!("{bomb}: {}", told.came(bomb))).collect();
    assert_eq!(contained, [""; 0], "the controls of these do not fire");
}

/// Whether a container without limits would have as much as a bomb takes.
fn more_than_there_is(bomb: &str) -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let little = bomb.starts_with("descriptors") && limit.maximum.is_some_and(|most| most <= 70_000);
    if little {
        skip(&format!("`{bomb}`: the machine itself lets no process have so many"));
    }
    !little
}

/// Of a container's output nothing stays with the engine: its log would fill the host's disk.
fn a_flood_of_output_fills_no_disk(engine: TestEngine) {
    const BYTES: usize = 4_000_000;
    let project = Project::new(engine, "");
    project.add("floods", &format!("flood 1000 4000\n{WAIT}write src/a.txt done"));
    let run = project.spawn(&["generator", "stitch"]);
    project.while_the_agent_waits(|| {
        for name in project.containers() {
            assert!(log_of(engine, &name) < 10_000, "the engine keeps the output");
        }
        assert_eq!(project.containers().len(), 1);
    });
    Ran::from(run.wait_with_output().unwrap()).expect(0);

    let name = format!("cordwainer-attack-log-{}", std::process::id());
    let mut command = engine.client();
    command
        .args(["run", "--network", "none", "--name", &name])
        .args(limits());
    command.args([engines::IMAGE, "/probe", &format!("out-long={BYTES}")]);
    let ran = command.output().unwrap();
    let kept = log_of(engine, &name);
    let removed = engine.client().args(["rm", &name]).output().unwrap();
    assert!(ran.status.success() && removed.status.success(), "{ran:?} {removed:?}");
    assert!(
        kept > BYTES,
        "{kept} bytes: engines keep no logs, so this proves nothing"
    );
}

/// Bytes that an engine has of a container's output.
fn log_of(engine: TestEngine, name: &str) -> usize {
    let output = engine.client().args(["logs", name]).output().unwrap();
    output.stdout.len()
}

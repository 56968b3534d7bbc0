//! Another user of the same machine, while an agent works and afterwards.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::engines::{TestEngine, engine_tests, skip};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;
use crate::support::scripts::WAIT;

engine_tests! {
    podman: another_user_gets_nothing_of_what_an_agent_does, a_request_of_another_user_is_refused_even_if_it_arrives;
    docker: another_user_works_beside_and_never_inside;
}

/// A user and group that nobody is, but for these tests.
const OTHER: u32 = 64_321;

/// A project that another user can come by, and what that one needs.
struct Shared {
    project: Project,
    /// The other user's own folder.
    home: PathBuf,
}

impl Shared {
    /// Makes a project with these lines in its configuration; `None` where no second user can be had, or no engine.
    fn new(engine: TestEngine, configuration: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("not root, who alone can become a second user");
            return None;
        }
        let repository = TestRepository::new();
        repository.write("src/old.txt", "old\n");
        repository.write(".gitignore", "/.state/\n");
        // A folder of state that was there before, and is anybody's to look into.
        fs::create_dir(repository.path().join(".state")).unwrap();
        let project = Project::on(engine, repository, configuration);
        let outside = project.repository.outside();
        fs::set_permissions(outside, Permissions::from_mode(0o755)).unwrap();
        let home = outside.join("other");
        fs::create_dir(&home).unwrap();
        // Where this test's program is, another user may not come.
        fs::copy(env!("CARGO_BIN_EXE_cordwainer"), home.join("cordwainer")).unwrap();
        let root = project.repository.path();
        let trusted = format!("[safe]\n\tdirectory = {0}\n\tdirectory = {0}/.git\n", root.display());
        let named = "[user]\n\tname = O. Ther\n\temail = other@example.org\n";
        fs::write(home.join(".gitconfig"), trusted + named).unwrap();
        chown(&home, Some(OTHER), Some(OTHER)).unwrap();
        Some(Self { project, home })
    }

    /// Runs a program as the other user.
    fn as_other(&self, program: &Path, folder: &Path, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("CORDWAINER_COUNTED_IDS", "1")
            .uid(OTHER)
            .gid(OTHER)
            .output()
            .unwrap()
    }

    /// Calls cordwainer as the other user.
    fn call(&self, folder: &Path, arguments: &[&str]) -> Ran {
        self.as_other(&self.home.join("cordwainer"), folder, arguments).into()
    }

    /// What the other user can do something with, below folders of the project; folders that cannot be entered are passed
    /// over by `find`, which is what they are for.
    fn found(&self, folders: &[&str], able: &str) -> Vec<String> {
        let root = self.project.repository.path();
        let there: Vec<_> = folders
            .iter()
            .filter(|folder| root.join(folder).exists())
            .copied()
            .collect();
        let output = self.as_other(
            "find".as_ref(),
            &root,
            &[&there[..], &["-mindepth", "1", able, "!", "-type", "l"]].concat(),
        );
        let listed = String::from_utf8(output.stdout).unwrap();
        listed.lines().map(str::to_owned).collect()
    }

    /// Panics unless the other user can read nothing of ours, and write nothing at all.
    #[track_caller]
    fn expect_closed(&self) {
        let ours = [
            ".git/cordwainer",
            ".git/cordwainer-locks",
            ".git/cordwainer-objects",
            ".state",
        ];
        assert_eq!(self.found(&ours, "-readable"), Vec::<String>::new());
        assert_eq!(self.found(&ours, "-executable"), Vec::<String>::new());
        assert_eq!(self.found(&["."], "-writable"), Vec::<String>::new());
    }
}

fn another_user_gets_nothing_of_what_an_agent_does(engine: TestEngine) {
    for line in ["", "state_dir: .state\n"] {
        let Some(shared) = Shared::new(engine, line) else {
            return;
        };
        let project = &shared.project;
        // The control: without what is tested, such a file is a gift.
        assert!(!shared.found(&["src"], "-readable").is_empty());
        project.add(
            "a gift",
            &format!("write src/gift.txt x\nmode src/gift.txt 6777\nmode . 777\nmode src 777\n{WAIT}"),
        );
        let run = project.spawn(&["generator", "run"]);
        let state = project
            .repository
            .path()
            .join(if line.is_empty() { ".git/cordwainer" } else { ".state" });
        let pipe = state.join("slots/1/go");
        crate::support::project::waiting::wait_until(|| pipe.exists());
        for part in [
            "slots/1",
            "private/1",
            "sessions/1",
            "gateways/1",
            "runs",
            "run.sock",
            "repository.json",
        ] {
            assert!(state.join(part).exists(), "{part}");
        }
        shared.expect_closed();
        assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
        Ran::from(run.wait_with_output().unwrap()).expect(0);
        shared.expect_closed();
        project.run(&["generator", "stop"]).expect(0);
        shared.expect_closed();
    }
}

fn another_user_works_beside_and_never_inside(engine: TestEngine) {
    let Some(shared) = Shared::new(engine, "") else { return };
    let project = &shared.project;
    project.add("slow", &format!("write src/slow.txt x\n{WAIT}"));
    let run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| {
        let refs = project.repository.git(&["for-each-ref"]);
        for arguments in [
            &["generator", "run"][..],
            &["generator", "reset"],
            &["generator", "stop"],
            &["runs", "stop"],
            &["issues", "add", "a gift"],
        ] {
            let ran = shared.call(&project.repository.path(), arguments);
            assert_ne!(ran.code, Some(0), "{arguments:?}: {}", ran.stdout);
            ran.says("ermission denied");
        }
        assert_eq!(project.repository.git(&["for-each-ref"]), refs);
        // A clone is the other user's own, also while somebody is at work here.
        let url = project.repository.path();
        let arguments = ["clone", "--quiet", url.to_str().unwrap(), "clone"];
        let cloned = shared.as_other("git".as_ref(), &shared.home, &arguments);
        assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
        let clone = shared.home.join("clone");
        shared.call(&clone, &["generator", "start", "--name", "one"]).expect(0);
        shared.call(&clone, &["issues", "add", "mine"]).expect(0);
        shared.call(&clone, &["generator", "reset"]).expect(0);
    });
    Ran::from(run.wait_with_output().unwrap()).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

/// The folder keeps others away, and so does the mode of the socket. With neither, the run looks who asks.
fn a_request_of_another_user_is_refused_even_if_it_arrives(engine: TestEngine) {
    let Some(shared) = Shared::new(engine, "") else { return };
    let project = &shared.project;
    project.add("slow", &format!("write src/slow.txt x\n{WAIT}"));
    let run = project.spawn(&["run"]);
    let stop = || shared.call(&project.repository.path(), &["runs", "stop"]);
    project.while_the_agent_waits(|| {
        stop().says("ermission denied");
        let opened = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(project.repository.path().join(".git"))
            .status();
        assert!(opened.unwrap().success());
        stop()
            .expect(9)
            .says("only the user who began the run may request anything of it");
    });
    Ran::from(run.wait_with_output().unwrap()).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
}

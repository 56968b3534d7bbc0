//! What a person sees of errors and their hints: whole screens, as a terminal shows them. None needs an engine.

use std::fs::{self, File};

use insta::assert_snapshot;

use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;
use crate::support::screens::settings;

/// Calls a command, and returns its screen.
fn screen(repository: &TestRepository, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    cordwainer(repository, &words).run().screen(command)
}

/// A repository with this configuration and a source file.
fn project(configuration: &str) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", configuration);
    repository.write("src/table.txt", "bare\n");
    repository.commit("A project");
    repository
}

/// A project with the generation `generation-search` and the task `cw-1`.
fn at_work(configuration: &str) -> TestRepository {
    let repository = project(configuration);
    for words in [&["start", "--name", "search"][..], &["issues", "add", "Lay the table"]] {
        cordwainer(&repository, words).run().done();
    }
    repository
}

/// Commits a change of the source file on the generation's branch, and leaves the checkout on `main`.
fn change_on_the_generation(repository: &TestRepository) {
    repository.git(&["switch", "--quiet", "generation-search"]);
    repository.write("src/table.txt", "laid by an agent\n");
    repository.commit("Lay the table");
    repository.git(&["switch", "--quiet", "main"]);
}

#[test]
fn a_folder_outside_of_any_repository() {
    let repository = TestRepository::new();
    let folder = repository.outside().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    let called = cordwainer(&repository, &["status"]).in_folder(folder).run();
    settings().bind(|| {
        assert_snapshot!(called.screen("status"), @r"
        $ cordwainer status
        error: `[T]/elsewhere` is not in a git repository

        hint: run the command in a repository, or create one with `git init`
        [exit 9]
        ");
    });
}

#[test]
fn no_configuration() {
    let repository = TestRepository::new();
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "start"), @r"
        $ cordwainer start
        error: there is no configuration at `[T]/project/configuration.yaml`

        hint: run `cordwainer init` to write one
        [exit 3]
        ");
    });
}

#[test]
fn an_unknown_key_in_the_configuration() {
    let repository = project("image: localhost/agent:1\nstitch:\n  max_attemps: 3\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "config check"), @r"
        $ cordwainer config check
        configuration.yaml:3:3: stitch.max_attemps: unknown key (did you mean `max_attempts`?)
        [exit 3]
        ");
    });
}

#[test]
fn values_of_the_configuration_that_are_wrong() {
    let repository = project("cycles: many\nstitch: {timeout: 20}\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "run"), @r"
        $ cordwainer run
        error: `configuration.yaml` has 2 problems
          configuration.yaml:1:9: cycles: expected a whole number from 1 to 1000000 or `off`, found `many`
          configuration.yaml:2:19: stitch.timeout: expected a time such as `90s`, `30m` or `1h30m`, or `off`, found `20`
        [exit 3]
        ");
    });
}

#[test]
fn names_in_the_configuration_that_fit_nothing() {
    let repository =
        project("source_dirs: [nope]\ncontext_files: [\"nope/**\"]\nmeasure_prompt: nope.md\nstitch: {model: opuss}\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "config check"), @r"
        $ cordwainer config check
        Warning: `measure_prompt`: cannot read the template `[T]/project/nope.md`: No such file or directory (os error 2).
        Warning: `context_files`: no file matches `nope/**`.
        Warning: `source_dirs`: there is no folder `nope`.
        Warning: `stitch.model`: `opuss` is neither an alias of a model nor a name with `claude-` in it (did you mean `opus`?).
        configuration.yaml is valid.
        [exit 0]
        ");
    });
}

#[test]
fn an_unknown_flag() {
    let repository = project("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "run --cycle 3"), @r"
        $ cordwainer run --cycle 3
        error: unexpected argument '--cycle' found

          tip: a similar argument exists: '--cycles'

        Usage: cordwainer run --cycles <N>

        For more information, try '--help'.
        [exit 2]
        ");
    });
}

#[test]
fn a_word_of_other_tools() {
    let repository = project("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "--json merge"), @r"
        $ cordwainer --json merge
        error: unrecognized subcommand 'merge'

          tip: use 'cordwainer stop' to merge the generation into the base branch and end it

        Usage: cordwainer [OPTIONS] <COMMAND>

        For more information, try '--help'.
        [exit 2]
        ");
    });
}

#[test]
fn a_value_that_is_none() {
    let repository = at_work("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues list --status close"), @r"
        $ cordwainer issues list --status close
        error: invalid value 'close' for '--status <STATUS>'
          [possible values: open, in_progress, held, closed]

          tip: a similar value exists: 'closed'

        For more information, try '--help'.
        [exit 2]
        ");
    });
}

#[test]
fn a_generation_for_a_command_that_takes_none() {
    let repository = project("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "start --generation search"), @r"
        $ cordwainer start --generation search
        error: this command takes no `--generation`: it does not work on one that is named

        hint: `--name` names the new generation
        [exit 2]
        ");
    });
}

/// Called by another name, hints have that name; below `generator` they name the shorter command all the same.
#[test]
fn hints_name_the_program_as_it_was_called() {
    let repository = project("");
    let called = |name: &str, package: Option<&str>| {
        let program = repository.outside().join(name);
        if !program.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cordwainer"), &program).unwrap();
        }
        let mut command = std::process::Command::new(program);
        command
            .args(["-C", ".", "generator", "status"])
            .current_dir(repository.path())
            .env_remove("CARGO_PKG_NAME");
        let output = command
            .envs(package.map(|package| ("CARGO_PKG_NAME", package)))
            .output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    for (name, package, hint) in [
        ("cw", None, "hint: `cw start` creates one"),
        ("xtask", Some("xtask"), "hint: `cargo xtask start` creates one"),
        ("cordwainer", Some("xtask"), "hint: `cordwainer start` creates one"),
    ] {
        let told = called(name, package);
        assert!(told.contains(hint), "{name}: {told}");
    }
}

#[test]
fn no_generation_is_open() {
    let repository = project("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues list"), @r"
        $ cordwainer issues list
        error: no generation is open in this repository

        hint: `cordwainer start` creates one
        [exit 9]
        ");
    });
}

#[test]
fn an_unknown_generation() {
    let repository = at_work("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "status --generation serach"), @r"
        $ cordwainer status --generation serach
        error: no generation `serach` is open

        hint: did you mean `generation-search`?
        [exit 9]
        ");
    });
}

#[test]
fn an_unknown_issue() {
    let repository = at_work("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues show cw-7"), @r"
        $ cordwainer issues show cw-7
        error: unknown task `cw-7`

        hint: the only task is cw-1
        [exit 2]
        ");
    });
}

#[test]
fn a_dependency_that_does_not_exist() {
    let repository = at_work("");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues add Eat --depends-on cw-7"), @r"
        $ cordwainer issues add Eat --depends-on cw-7
        error: unknown task `cw-7`

        hint: the only task is cw-1
        [exit 2]
        ");
    });
}

#[test]
fn a_held_task_without_anything_to_accept() {
    let repository = at_work("");
    let hold = ["issues", "hold", "cw-1", "--reason", "guests are late"];
    cordwainer(&repository, &hold).run().done();
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues release cw-1 --accept"), @r"
        $ cordwainer issues release cw-1 --accept
        error: cw-1 cannot be accepted: it has not been attempted

        hint: only a result that touches a protected path, is larger than `max_changed_lines`, weakens tests, was not passed by its review, met a stage that failed, is not proven, or has a file that was left out or redacted can be accepted
        [exit 9]
        ");
    });
}

#[test]
fn a_stop_over_changes_that_are_not_committed() {
    let repository = at_work("");
    change_on_the_generation(&repository);
    repository.write("src/table.txt", "laid by a person\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "stop"), @r"
        $ cordwainer stop
        error: the base branch `main` is checked out with uncommitted changes: `src/table.txt`

        hint: commit or stash them, then stop again
        [exit 9]
        ");
    });
}

#[test]
fn a_stop_with_a_conflict() {
    let repository = at_work("");
    change_on_the_generation(&repository);
    repository.write("src/table.txt", "laid by a person\n");
    repository.commit("Lay the table myself");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "stop"), @r"
        $ cordwainer stop
        error: `generation-search` does not merge into `main`: conflicts in `src/table.txt`

        hint: nothing was changed; check out `generation-search`, merge `main` into it by hand, check out `main` again, then stop
        [exit 9]
        ");
    });
}

#[test]
fn another_process_is_at_work() {
    let repository = at_work("");
    let path = repository.path().join(".git/cordwainer/lock");
    fs::write(&path, r#"{"id":"20260102-030405000-42","pid":42}"#).unwrap();
    let lock = File::options().read(true).write(true).open(path).unwrap();
    lock.lock().unwrap();
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "run"), @r"
        $ cordwainer run
        error: `[run]` is at work on this repository (process 42, lock `[T]/project/.git/cordwainer/lock`)

        hint: wait until it ends, or end it with `cordwainer runs stop`; `cordwainer runs resume` lets it go on if it is paused, and `cordwainer status` shows what it does
        [exit 6]
        ");
    });
}

#[test]
fn no_engine_is_reachable() {
    let repository = at_work("agent: {credentials: none}\ncontainer: {socket: /no/such/engine.sock}\n");
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "run"), @r"
        $ cordwainer run
        Warning: git does not ignore `.secrets`: add `[folder]` to `.gitignore`.
        error: cannot use the engine at `container.socket` `[socket]`
          no such socket

        hint: start the engine that listens there, or remove the setting to have one looked for
        [exit 5]
        ");
    });
}

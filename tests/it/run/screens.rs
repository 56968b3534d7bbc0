//! What a person sees: whole screens, as the commands print them. Ids, times and folders are replaced.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::engines::{IMAGE, TestEngine, engine_tests, limits_that_hold, skip};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::screens::settings;
use crate::support::scripts::{proposal, user_prompt};

engine_tests! {
    podman: a_run_and_what_it_leaves, the_image_is_missing, a_doctor_where_all_is_well;
}

/// Calls a command, and returns its screen.
fn screen(project: &Project, command: &str) -> String {
    project.run(&command.split(' ').collect::<Vec<_>>()).screen(command)
}

fn a_run_and_what_it_leaves(engine: TestEngine) {
    let proposals = [
        proposal("a", "Lay the table", &[], "write src/a.txt from a"),
        proposal("b", "Wait", &["a"], "say Nothing to do."),
    ];
    let prompt = user_prompt(&format!(
        "tokens 100 10 0.25\npropose {}",
        json!({ "proposals": proposals })
    ));
    let project = Project::new(engine, &prompt);
    settings().bind(|| {
        assert_snapshot!(screen(&project, "run --cycles 1"), @r"
        $ cordwainer run --cycles 1
        Warning: git does not ignore `.secrets`: add `[folder]` to `.gitignore`.
        Run [run] on generation-one: podman [version] ([mode]), image localhost/cordwainer-scripted-agent:latest.
        Measure 1: asking for tasks.
        Warning: measure: the client reports 1.2k tokens, $0.25, and the model's API 0 tokens, $0.00.
          2 tasks filed (1.2k tokens, $0.25).
          + cw-1: Lay the table
          + cw-2: Wait (after cw-1)
        cw-1: Lay the table.
        Warning: cw-1: the client reports 1.1k tokens, $0.0008, and the model's API 0 tokens, $0.00.
          cw-1: merged as [commit] (1 file, +1 -0, [seconds], 1.1k tokens, $0.0008).
        cw-2: Wait.
        Warning: cw-2: the client reports 1.1k tokens, $0.0008, and the model's API 0 tokens, $0.00.
          cw-2: no change: the agent changed nothing ([seconds], 1.1k tokens, $0.0008).
          cw-2: held for you.
        Run ended: the remaining tasks are held for you, or wait for those that are. 1 task merged (1 file, +1 -0), 1 held, 0 open; 3.4k tokens, $0.25.
        Next: `cordwainer issues show cw-2` shows where it is stuck.
        Next: `cordwainer issues comment cw-2 TEXT` tells it what it lacks, or `rules` give its next attempt another model; then `cordwainer issues release cw-2` has it tried again.
        Next: `cordwainer stop` merges the generation into `main`.
        [exit 7]
        ");
        assert_snapshot!(screen(&project, "status"), @r"
        $ cordwainer status
         generation  generation-one
         phase       open
         base        main at [commit]
         began       [time]
         tip         [commit]
         tasks       0 open (0 ready), 0 in progress, 1 held, 1 closed
         stuck       cw-2: no change: the agent changed nothing
         cycles      1
         used        3.4k tokens, $0.25 in 3 calls
           measure   1.2k tokens, $0.25 in 1 call
           stitch    2.2k tokens, $0.0016 in 2 calls
        Next: `cordwainer issues show cw-2` shows where it is stuck.
        Next: `cordwainer issues comment cw-2 TEXT` tells it what it lacks, or `rules` give its next attempt another model; then `cordwainer issues release cw-2` has it tried again.
        Next: `cordwainer stop` merges the generation into `main`.
        [exit 0]
        ");
        assert_snapshot!(screen(&project, "list"), @r"
        $ cordwainer list
            generation      phase  began                tip         tasks
         *  generation-one  open   [time]  [commit]  1 closed, 1 held
        [exit 0]
        ");
    });
    its_tasks(&project);
}

fn its_tasks(project: &Project) {
    settings().bind(|| {
        assert_snapshot!(screen(project, "issues list"), @r"
        $ cordwainer issues list
        id    status  priority  title          note
        cw-1  closed  2         Lay the table  merged
        cw-2  held    2         Wait           held: no change: the agent changed nothing
        [exit 0]
        ");
        assert_snapshot!(screen(project, "issues show cw-2"), @r"
        $ cordwainer issues show cw-2
        cw-2 Wait
          status     held
          held       no change: the agent changed nothing
          priority   2
          type       task
          created    [time]
          changed    [time]
          used       1.1k tokens, $0.0008 in 1 call

        depends on
          cw-1 closed Lay the table

        description
          ~~~script
          say Nothing to do.
          ~~~

        required reading
          - docs/specification.md

        files
          create src/a.txt

        requirements
          - It is done.

        acceptance criteria
          - One sees it.

        size
          about 10 lines

        attempts
          1 no change: the agent changed nothing
            run [run], [time], [seconds]
            scripted-model, 1 turn, 1090 tokens (input 120, cache write 30, cache read 900, output 40), $0.0008
            records runs/[run]/cw-2-1
            session [session]

        to decide
          `cordwainer transcript runs/[run]/cw-2-1` shows what the agent did
          `cordwainer issues comment cw-2 TEXT` adds to what the next attempt is told
          `rules: [{when: {attempt: 2}, model: …}]` in the configuration gives the next attempt another model
          `cordwainer issues release cw-2` has it attempted again; earlier attempts no longer count
          `cordwainer issues close cw-2 --reason TEXT` drops it
        [exit 0]
        ");
    });
}

fn the_image_is_missing(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("Lay the table", "write src/a.txt x");
    let path = project.repository.path().join("configuration.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(IMAGE, "localhost/cordwainer-no-such:1")).unwrap();
    settings().bind(|| {
        assert_snapshot!(screen(&project, "run"), @r"
        $ cordwainer run
        Warning: git does not ignore `.secrets`: add `[folder]` to `.gitignore`.
        error: there is no image `localhost/cordwainer-no-such:1` on podman [version] (`[socket]`)

        hint: run `cordwainer image build` to build it
        [exit 5]
        ");
    });
}

fn a_doctor_where_all_is_well(engine: TestEngine) {
    if !limits_that_hold(&engine.socket()).is_empty() {
        return skip("the engine cannot limit containers, so its screen is another one");
    }
    let repository = TestRepository::new();
    repository.write(".gitignore", "/.secrets/\n");
    // So little is free on every machine that runs this.
    let project = Project::on(engine, repository, "  disk: 1g\n---\n");
    settings().bind(|| {
        assert_snapshot!(screen(&project, "doctor"), @r"
        $ cordwainer doctor
        podman [version] (`[socket]`)
          ✓ limits             the engine enforces what is set
          ✓ image              localhost/cordwainer-scripted-agent:latest
          ✓ runtimes           the engine offers [runtimes]
          ✓ environment        the image does not change who pays
          ✓ toolchain          nothing is requested
          ✓ entrypoint         reports what the container got
          ✓ gateway            can be reached from inside
          ✓ runtime            [kernel]
          ✓ user               [user]
          ✓ capabilities       none
          ✓ no_new_privileges  on
          ✓ seccomp            a filter
          ✓ read_only_root     read-only
          ✓ tmpfs              each with a size
          ✓ mounts             only what was requested
          ✓ engine_socket      none
          ✓ kernel_files       read-only
          ✓ memory             [number] bytes, swap included
          ✓ cpus               off
          ✓ pids               2048
          ✓ open_files         [number]
          ✓ network            loopback alone
          ✓ init               [program]
          ✓ worktree           can be written, and belongs to its user
          ✓ git                no git in the image
          ✓ home               can be written
          ✓ temporary          can be written

        repository and machine
          ✓ repository         nothing in `main` prevents work
          ✓ identity           commits are Tess Ter's
          ✓ branch             `generation-one` is checked out nowhere
          ✓ settings           the client's settings do not change who pays
          ✓ state_dir          `[folder]`
          ✓ uncalled_roles     every section of the configuration is read
          ✓ unmatched          the repository has what the configuration names
          ✓ gates              none are configured: whatever an agent finishes is merged unchecked
          ✓ git_locks          none is left
          ✓ secrets_dir        `.secrets` is ignored by git, and only its owner can read it
          ✓ credential         there is one
          ✓ network_credentials  none are configured
          ✓ disk               [size] free at `[folder]`; an attempt that writes more than 1g is ended (`container.disk`, watched)
          ✓ open_files         at most [number]
          ✓ client             tried with Claude Code [version] to [version]
          ✓ proxy              none is requested
        [exit 0]
        ");
    });
}

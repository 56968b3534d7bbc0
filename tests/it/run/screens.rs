//! What a person sees: whole screens, as the commands print them. Ids, times and folders are replaced.

use insta::{Settings, assert_snapshot};
use serde_json::json;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::scripts::{proposal, user_prompt};

engine_tests! {
    podman: a_run_and_what_it_leaves;
}

/// Calls a command; returns its words and both of its outputs, as a terminal would have them one after the other.
fn screen(project: &Project, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let Ran { stdout, stderr, .. } = project.run(&words);
    format!("$ cordwainer {command}\n{stdout}{stderr}")
}

/// Compares with what differs from run to run replaced.
fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    for (pattern, replacement) in [
        (r"\d{8}-\d{9}-\d+", "[run]"),
        (r"`/[^`]*\.sock`", "`[socket]`"),
        (r"`/[^`]*`", "`[folder]`"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[session]"),
        (r"\b[0-9a-f]{40}\b", "[commit]"),
        (r"\b[0-9a-f]{10}\b", "[commit]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", "[time]"),
        (r"\b\d+\.\d s\b", "[seconds]"),
        (r"podman \d[\d.]*", "podman [version]"),
        (r"\(rootful, ", "("),
        (r"\(rootless, ", "("),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
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
        assert_snapshot!(screen(&project, "generator run --cycles 1"), @r"
        $ cordwainer generator run --cycles 1
        Warning: git does not ignore `.secrets`: add `[folder]` to `.gitignore`.
        Run [run] on generation-one: podman [version] (`[socket]`), image localhost/cordwainer-scripted-agent:latest.
        Measure 1: asking for tasks.
        Warning: measure: the client reports 1.2k tokens, $0.25, and the model's API 0 tokens, $0.00.
          2 tasks filed (1.2k tokens, $0.25).
          + cw-1: Lay the table
          + cw-2: Wait (after cw-1)
        cw-1: Lay the table.
        Warning: cw-1: the client reports 1.1k tokens, $0.0008, and the model's API 0 tokens, $0.00.
          cw-1: merged as [commit] ([seconds], 1.1k tokens, $0.0008).
        cw-2: Wait.
        Warning: cw-2: the client reports 1.1k tokens, $0.0008, and the model's API 0 tokens, $0.00.
          cw-2: no change: the agent changed nothing ([seconds], 1.1k tokens, $0.0008).
          cw-2: held for a person: no change: the agent changed nothing.
        Run ended: what is left waits for a person: 1 held. 1 task merged, 1 held, 0 open; 3.4k tokens, $0.25.
        ");
        assert_snapshot!(screen(&project, "generator status"), @r"
        $ cordwainer generator status
         generation  generation-one
         phase       open
         base        [commit]
         tip         [commit]
         tasks       0 open (0 ready), 0 in progress, 1 held, 1 closed
         cycles      1
         used        3.4k tokens, $0.25 in 3 calls
           measure   1.2k tokens, $0.25 in 1 call
           stitch    2.2k tokens, $0.0016 in 2 calls
        ");
        assert_snapshot!(screen(&project, "generator list"), @r"
        $ cordwainer generator list
         *  generation-one  open  [commit]
        ");
        assert_snapshot!(screen(&project, "issues list"), @r"
        $ cordwainer issues list
        id    status  priority  title          note
        cw-1  closed  2         Lay the table  merged
        cw-2  held    2         Wait           held: no change: the agent changed nothing
        ");
        assert_snapshot!(screen(&project, "issues show cw-2"), @r"
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
            run [run], [time], 0 s
            scripted-model, 1 turns, 1090 tokens (input 120, cache write 30, cache read 900, output 40), $0.0008
            records runs/[run]/cw-2-1
            session [session]
        ");
    });
}

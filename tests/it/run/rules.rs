//! Rules: the agents of some tasks are called otherwise.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: a_later_attempt_has_another_model_and_says_so;
}

fn a_later_attempt_has_another_model_and_says_so(engine: TestEngine) {
    let text = "stitch: {model: sonnet}\nrules:\n- {when: {attempt: 2}, model: opus, max_turns: 7}\n";
    let project = Project::new(engine, text);
    project.add("needs a second try", "on 1 fail it is too hard\nwrite src/a.txt one");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["agent_failed", "merged"]);
    let calls = project.calls("cw-1");
    assert_eq!([&calls[0]["model"], &calls[1]["model"]], ["sonnet", "opus"]);
    let shown = project.run(&["issues", "show", "cw-1"]).expect(0);
    let shown = shown.says("called with model opus by rule 1, max_turns 7 by rule 1");
    assert_eq!(shown.stdout.matches("called with").count(), 1, "{}", shown.stdout);
    let trailers = project
        .repository
        .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
    assert!(trailers.contains("Cordwainer-Model: opus"), "{trailers}");
    project.expect_tidy();
}

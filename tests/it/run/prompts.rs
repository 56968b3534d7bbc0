//! Templates of a person in the place of built-in prompts.

use serde_json::json;

use super::rounds::prompt;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    podman: agents_are_told_by_the_templates_of_a_person, a_template_that_cannot_be_right_stops_a_run_before_any_call;
}

/// A gate that is red at first, and two of the texts that the session is told then.
const CONFIGURATION: &str = "gates: [{command: cat=src/b.txt, compare: strict}]\n\
                             prompts: {fix_round: prompts/fix_round.md, red_gate: prompts/red_gate.md}\n";
const WORK: &str = "write src/a.txt one\ndone\nwrite src/b.txt two";
const ROUND: &str = "Attempt {{ attempt }}\n\nMake it green.\n{{ failed }}";

fn agents_are_told_by_the_templates_of_a_person(engine: TestEngine) {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("prompts/fix_round.md", ROUND);
    let red = "Red is {{ gate }}, it {{ how }}:\n{{ output | fenced(\"said\") }}\n";
    repository.write("prompts/red_gate.md", red);
    let project = Project::on(engine, repository, CONFIGURATION);
    project.add("writes two files", WORK);
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let told = prompt(&project, "cw-1-1-fix-1");
    let begin = "Attempt 1\n\nMake it green.\nRed is cat=src/b.txt, it exited with 99:\n<<<";
    assert!(told.starts_with(begin) && told.contains(" said\n"), "{told}");
    assert!(!told.contains("Find the cause"), "{told}");
    project.expect_tidy();
}

fn a_template_that_cannot_be_right_stops_a_run_before_any_call(engine: TestEngine) {
    let project = Project::new(engine, CONFIGURATION);
    project.repository.write("prompts/fix_round.md", ROUND);
    project.add("writes two files", WORK);
    // One that is missing, too, though it would be needed only in a second round.
    let _ = project
        .run(&["run", "--tasks-only"])
        .expect(3)
        .says("`prompts.red_gate`: cannot read the template `");
    assert_eq!(project.issue("cw-1")["attempts"], json!([]));
    for (text, says) in [
        (
            "Red is {{ gate }}.\n",
            "leaves out `output`: what it printed; may be empty",
        ),
        (
            "Red is {{ gate }}.\n{{ output }}\n",
            "line 2: text of others stands there without marks: `output`",
        ),
        ("Red is {{ gat }}.\n", "line 1: unknown variable `gat`"),
    ] {
        project.repository.write("prompts/red_gate.md", text);
        let _ = project
            .run(&["run", "--tasks-only"])
            .expect(3)
            .says("`prompts.red_gate`: ")
            .says("the template `prompts/red_gate.md`")
            .says(says);
        assert_eq!(project.issue("cw-1")["attempts"], json!([]), "{says}");
    }
    assert_eq!(project.containers(), Vec::<String>::new());
}

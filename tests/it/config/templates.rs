//! The built-in templates of prompts: listed, printed, and used as they are printed.

use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

#[test]
fn built_in_templates_are_listed_printed_and_used_as_they_are_printed() {
    let repository = TestRepository::new();
    let call = |words: &[&str]| cordwainer(&repository, words).run();
    let listed = call(&["config", "template"]).done();
    let fix = "fix.md.j2: the measure of `fix`\n  replaced by modes.fix.prompt\n  extends     measure.md.j2\n  blocks      opening, rules\n  \
               variables   attempt, coverage, documents, ";
    assert!(listed.contains(fix), "{listed}");
    let stitch = "stitch.md.j2: an attempt at a task\n  replaced by stitch_prompt\n  variables   acceptance_criteria, ";
    assert!(listed.contains(stitch), "{listed}");
    let all = call(&["config", "template", "--json"]).json();
    for template in all.as_array().unwrap() {
        let name = template["name"].as_str().unwrap();
        let printed = call(&["config", "template", name]).done();
        assert_eq!(
            printed.trim_end(),
            template["text"].as_str().unwrap().trim_end(),
            "{name}"
        );
        let one = call(&["config", "template", name.trim_end_matches(".md.j2"), "--json"]).json();
        assert_eq!(one, *template);
    }
    call(&["config", "template", "fixx"]).refused(
        2,
        "error: there is no built-in template `fixx`\n\nhint: did you mean `fix`?\n",
    );
    // What is printed can stand in its own place, and its prompt is the same.
    repository.write("configuration.yaml", "");
    repository.commit("A project");
    let prompt = || call(&["feature", "Sort sizes", "--prompt"]).done();
    let before = prompt();
    repository.write("prompts/feature.md.j2", call(&["config", "template", "feature"]).done());
    repository.write(
        "configuration.yaml",
        "modes: {feature: {prompt: prompts/feature.md.j2}}\n",
    );
    assert_eq!(prompt(), before);
    let changed = call(&["config", "template", "feature"]).done() + "Be brief.\n";
    repository.write(
        "prompts/feature.md.j2",
        changed.replace("You plan a feature", "You plan a small feature"),
    );
    assert!(prompt().contains("You plan a small feature"), "{}", prompt());
}

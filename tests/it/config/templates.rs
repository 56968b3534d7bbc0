//! The built-in templates of prompts: listed, printed, and used as they are printed.

use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

#[test]
fn built_in_templates_are_listed_printed_and_used_as_they_are_printed() {
    let repository = TestRepository::new();
    let call = |words: &[&str]| cordwainer(&repository, words).run();
    let listed = call(&["config", "template"]).done();
    let fix = "fix.md.j2: the measure of `fix`\n  replaced by modes.fix.prompt, prompts.fix\n  extends     measure.md.j2\n  \
               blocks      opening, rules\n  needs       example, issues, problems, request\n  \
               variables   asked, attempt, coverage, documents, ";
    assert!(listed.contains(fix), "{listed}");
    let stitch = "stitch.md.j2: an attempt at a task\n  replaced by stitch_prompt, prompts.stitch\n  \
                  needs       acceptance_criteria, comments, description, requirements, title\n  variables   acceptance_criteria, ";
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
        let variables = call(&["config", "template", name, "--variables", "--json"]).json();
        assert_eq!(variables, template["variables"]);
    }
    let variables = call(&["config", "template", "fix_round", "--variables"]).done();
    assert_eq!(
        variables,
        "attempt              which attempt at the task it is, counted from 1\n\
         failed               what did not pass, as the template `red_gate`, `refused_work` or `conflict` says it (needed)\n"
    );
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
    // So it can with the key that all prompts have.
    repository.write("configuration.yaml", "prompts: {feature: prompts/feature.md.j2}\n");
    assert!(prompt().contains("You plan a small feature"), "{}", prompt());
}

#[test]
fn a_template_that_cannot_be_right_is_refused_before_any_call() {
    let repository = TestRepository::new();
    let call = |words: &[&str]| cordwainer(&repository, words).run();
    repository.write("configuration.yaml", "prompts: {feature: prompts/own.md}\n");
    repository.commit("A project");
    let whole = call(&["config", "template", "feature"]).done();
    for (text, told) in [
        (
            "Plan it.\n".to_owned(),
            "`prompts.feature`: the template `prompts/own.md` leaves out `issues`: the tasks that exist: `id`, `title` and `status` each",
        ),
        (
            whole.replacen("{% block rules %}\n", "{% block rules %}\n{{ request }}\n", 1),
            "`prompts.feature`: the template `prompts/own.md`, line ",
        ),
        (
            whole.clone() + "{{ requst }}\n",
            "`prompts.feature`: cannot render the template `prompts/own.md`, line ",
        ),
    ] {
        repository.write("prompts/own.md", &text);
        let refused = call(&["feature", "Sort sizes", "--prompt"]);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
        let mode = call(&["config", "check"]);
        assert!(mode.stderr.contains(told), "{mode:?}");
    }
    repository.write("prompts/own.md", &whole);
    assert!(!call(&["config", "check"]).stderr.contains("prompts.feature"));
}

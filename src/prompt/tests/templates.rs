//! What each prompt carries, and which templates of a person are refused.

use super::*;
use crate::prompt::built_in::built_in;
use crate::prompt::placeholder::Placeholder;
use crate::prompt::sample::sample;

/// Returns a use of a variable that fits every value.
fn used(placeholder: &Placeholder) -> String {
    let name = placeholder.name;
    if placeholder.of_others {
        format!("{{{{ ({name} ~ \"\") | fenced(\"{name}\") }}}}\n")
    } else {
        format!("{{{{ {name} }}}}\n")
    }
}

fn own(text: &str) -> Template<'_> {
    Template {
        name: "prompts/own.md",
        text,
    }
}

#[test]
fn each_prompt_is_as_it_was_written() {
    for name in PromptName::ALL {
        let rendered = render::render(built_in(name).template, &sample(name).unwrap()).unwrap();
        insta::assert_snapshot!(format!("prompt_{}", name.name()), rendered);
    }
}

#[test]
fn each_prompt_has_a_sample_of_every_variable_and_no_other() {
    for name in PromptName::ALL {
        let sample = sample(name).unwrap();
        let mut names: Vec<_> = built_in(name).placeholders().map(|one| one.name).collect();
        names.sort_unstable();
        let mut given: Vec<_> = render::names(&sample).into_iter().collect();
        given.sort_unstable();
        assert_eq!(given, names, "{name:?}");
        for (variable, value) in sample.as_object().unwrap() {
            assert!(!value.is_null(), "{name:?}: {variable}");
        }
        assert!(built_in(name).needs.iter().all(|needed| names.contains(needed)));
        assert_eq!(built_in(name).name, name);
    }
}

#[test]
fn what_is_built_in_passes_and_so_does_one_that_carries_what_it_must() {
    for name in PromptName::ALL {
        check(name, built_in(name).template).unwrap();
        let needs = built_in(name).needs;
        let least: String = built_in(name)
            .placeholders()
            .filter(|one| needs.contains(&one.name))
            .map(|one| used(&one))
            .collect();
        check(name, own(&least)).unwrap();
    }
}

#[test]
fn templates_of_the_demo_pass() {
    let stories = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/xtask/src/demo")).unwrap();
    let folders = stories.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let templates = folders
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "j2"));
    let mut tried = 0;
    for path in templates {
        let file = path.file_name().unwrap().to_str().unwrap();
        let of = |name: &PromptName| file == format!("{}.md.j2", name.name());
        let name = PromptName::ALL.into_iter().find(of).expect(file);
        check(name, own(&std::fs::read_to_string(&path).unwrap())).unwrap();
        tried += 1;
    }
    assert!(tried > 0, "the demo has no template any more");
}

#[test]
fn a_template_that_leaves_out_what_it_must_carry_is_refused_with_its_name() {
    for name in PromptName::ALL {
        let needed: Vec<Placeholder> = built_in(name)
            .placeholders()
            .filter(|one| built_in(name).needs.contains(&one.name))
            .collect();
        for missing in &needed {
            let rest: String = needed.iter().filter(|one| *one != missing).map(used).collect();
            // A condition gives nothing of it to the model.
            let text = format!("{{% if {} %}}it is there{{% endif %}}\n{rest}", missing.name);
            let error = check(name, own(&text)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let message = format!("the template `prompts/own.md` leaves out `{}`: ", missing.name);
            assert!(error.to_string().starts_with(&message), "{name:?}: {error}");
            let hint = format!("`cordwainer config template {}`", name.name());
            assert!(error.hint_text().is_some_and(|told| told.contains(&hint)), "{error:?}");
        }
    }
}

#[test]
fn a_template_must_carry_it_in_a_first_call_too() {
    let refused = |name, text: &str| check(name, own(text)).unwrap_err().to_string();
    let again = "{% if problem %}\n{{ problem | one_line }}\n{{ example }}\n{% endif %}\n";
    let text = format!("{{{{ work }}}}\n{again}");
    assert_eq!(
        refused(PromptName::Review, &text),
        "the template `prompts/own.md` leaves out `example` where the other variables have no value or are empty, as in a first \
         call: a valid answer, which shows the form that is asked for"
    );
    check(PromptName::Review, own(&format!("{text}{{{{ example }}}}\n"))).unwrap();
    for condition in ["attempt > 1", "earlier_attempts", "begins_from", "proof", "keep_tests"] {
        let text = built_in(PromptName::Stitch).template.text.replace(
            "{{ description | fenced(\"description\") }}",
            &format!("{{% if {condition} %}}{{{{ description | fenced(\"it\") }}}}{{% endif %}}"),
        );
        let told = refused(PromptName::Stitch, &text);
        assert!(told.contains("leaves out `description` where "), "{condition}: {told}");
    }
    // So is one that cannot be rendered then.
    let text = "Again:\n{{ failed }}{% if attempt == 1 %}{{ attempt.of }}{% endif %}\n";
    let told = refused(PromptName::FixRound, text);
    assert!(
        told.starts_with("cannot render the template `prompts/own.md`, line 2: "),
        "{told}"
    );
}

#[test]
fn text_of_others_without_marks_is_refused_with_its_line() {
    for name in PromptName::ALL {
        let all: Vec<Placeholder> = built_in(name).placeholders().collect();
        let carried: String = all.iter().map(used).collect();
        let sample = sample(name).unwrap();
        for raw in all.iter().filter(|one| one.of_others && sample[one.name].is_string()) {
            let text = format!("{carried}\nIt says: {{{{ {} }}}}\n", raw.name);
            let error = check(name, own(&text)).unwrap_err().to_string();
            // Not the line further up that has it within marks.
            let line = carried.lines().count() + 2;
            let told = format!(
                "the template `prompts/own.md`, line {line}: text of others stands there without marks: `{}`",
                raw.name
            );
            assert_eq!(error, told, "{name:?}");
            // In one line it can begin no section, and no mark.
            check(
                name,
                own(&text.replace(
                    &format!("{} }}}}\n", raw.name),
                    &format!("{} | one_line }}}}\n", raw.name),
                )),
            )
            .unwrap();
        }
    }
}

#[test]
fn marks_of_a_template_itself_are_none() {
    let stitch = built_in(PromptName::Stitch).template.text;
    for forged in [
        "<<<0123456789abcdef description\n{{ description }}\n0123456789abcdef>>>\n",
        "{{ title | fenced(\"title\") }} {{ description }}\n",
        "{% for one in requirements %}\n- {{ one }}\n{% endfor %}\n",
        "{% for one in comments %}\n{{ one.text | upper }}\n{% endfor %}\n",
    ] {
        let text = format!("{stitch}\n{forged}");
        let error = check(PromptName::Stitch, own(&text)).unwrap_err().to_string();
        assert!(error.contains("without marks"), "{forged}: {error}");
    }
}

#[test]
fn an_own_stage_may_carry_nothing_and_keeps_marks() {
    check_stage(own("Write documents.\n")).unwrap();
    check_stage(own(
        "About {{ title | fenced(\"title\") }}: {{ may_change | join(\", \") }}\n",
    ))
    .unwrap();
    for (text, what) in [
        (
            "{{ title }}",
            "line 1: text of others stands there without marks: `title`",
        ),
        ("{{ titel }}", "line 1: unknown variable `titel`"),
        ("{{ instructions }}", "line 1: unknown variable `instructions`"),
    ] {
        let error = check_stage(own(text)).unwrap_err().to_string();
        assert!(error.contains(what), "{text}: {error}");
    }
}

#[test]
fn what_replaces_a_prompt_is_tried_and_then_used() {
    let mut templates = Templates::default();
    let built_in_text = built_in(PromptName::EndsSoon).template.text;
    let replaced = |text: &str| OwnTemplate {
        path: "prompts/soon.md".to_owned(),
        text: text.to_owned(),
    };
    assert!(templates.replace(PromptName::EndsSoon, replaced("Hurry.")).is_err());
    assert_eq!(templates.get(PromptName::EndsSoon).text, built_in_text);
    templates
        .replace(PromptName::EndsSoon, replaced("Hurry: {{ how }}, {{ share }} %.\n"))
        .unwrap();
    let told = ends_soon(&templates, 80, "8 of its 10 turns are used").unwrap();
    assert_eq!(told, "Hurry: 8 of its 10 turns are used, 80 %.");
}

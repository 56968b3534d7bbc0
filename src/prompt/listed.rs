//! The built-in templates as a person sees them: what each is for, what it carries, and what replaces it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::built_in::{CLOSING, MEASURES, PLAN, PROPOSALS_REVIEW, REVIEW, STAGE, STITCH, WORK, measure_template};
use super::render::used_variables;
use super::template::Template;
use crate::base::error::Result;
use crate::model::ModeKind;

/// A built-in template, with what a person wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuiltInTemplate {
    /// Its name.
    pub name: String,
    /// What it is the prompt of.
    pub about: String,
    /// The key of the configuration that names one of yours in its place; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// The one that it extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The blocks that one of yours which extends it can replace; none where it cannot be extended.
    pub blocks: Vec<String>,
    /// The variables that it uses, with those of the one that it extends. One in its place can use them all.
    pub variables: Vec<String>,
    /// Its text.
    pub text: String,
}

/// The templates beside those of measures: what they are of, and what replaces each.
const OTHERS: [(Template<'static>, &str, Option<&str>); 7] = [
    (PLAN, "the plan of groups", Some("modes.build.plan_prompt")),
    (STITCH, "an attempt at a task", Some("stitch_prompt")),
    (REVIEW, "a review of an attempt", None),
    (CLOSING, "the closing review of a group", None),
    (PROPOSALS_REVIEW, "a review of proposals", None),
    (STAGE, "a stage of your own, around your template", None),
    (WORK, "the task and its changes, within reviews and stages", None),
];

/// Returns all built-in templates: those of the modes, and then the others.
///
/// # Errors
///
/// Where one is not well-formed, which a test keeps from being so.
pub fn built_in_templates() -> Result<Vec<BuiltInTemplate>> {
    // Both modes that report have one.
    let modes = ModeKind::ALL.into_iter().filter(|mode| *mode != ModeKind::Review);
    let of_modes = modes.map(|mode| {
        let name = mode.name();
        let replaced_by = match mode {
            ModeKind::Generate => "measure_prompt".to_owned(),
            _ => format!("modes.{name}.prompt"),
        };
        (
            measure_template(mode),
            match mode {
                ModeKind::Audit => "a part of an audit or a review".to_owned(),
                _ => format!("the measure of `{name}`"),
            },
            Some(replaced_by),
        )
    });
    let others = OTHERS.into_iter();
    let others = others.map(|(template, about, by)| (template, about.to_owned(), by.map(str::to_owned)));
    let listed = of_modes.chain(others).map(|(template, about, replaced_by)| {
        let extends = extended(template.text);
        let parent = MEASURES.into_iter().find(|measure| extends == Some(measure.name));
        let (mut found, mut used) = (BTreeSet::new(), BTreeSet::new());
        for one in std::iter::once(template).chain(parent) {
            found.extend(blocks(one.text).map(str::to_owned));
            used.extend(used_variables(one)?);
        }
        Ok(BuiltInTemplate {
            name: template.name.to_owned(),
            about,
            replaced_by,
            extends: extends.map(str::to_owned),
            blocks: found.into_iter().collect(),
            variables: used.into_iter().collect(),
            text: template.text.to_owned(),
        })
    });
    listed.collect()
}

/// Returns the name of the template that one extends.
fn extended(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("{% extends \"")?;
    rest.split_once('"').map(|(name, _)| name)
}

/// Returns the names of the blocks of a template.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let tags = text.split("{% block ").skip(1);
    tags.filter_map(|tag| tag.split_once(" %}")).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_says_what_it_carries() {
        let all = built_in_templates().unwrap();
        let names: BTreeSet<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/prompt")).unwrap();
        let of_modes = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/prompt/modes")).unwrap();
        for file in files.chain(of_modes) {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(
                !name.contains(".j2") || names.contains(name.as_str()),
                "{name} is not listed"
            );
        }
        let find = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        let fix = find("fix.md.j2");
        assert_eq!(fix.extends.as_deref(), Some("measure.md.j2"));
        assert_eq!(fix.replaced_by.as_deref(), Some("modes.fix.prompt"));
        assert_eq!(fix.blocks, ["opening", "rules"]);
        for variable in ["request", "documents", "example", "needs_proof"] {
            assert!(fix.variables.iter().any(|name| name == variable), "{variable}: {fix:?}");
        }
        for measure in all.iter().filter(|one| one.about.starts_with("the measure of")) {
            assert!(
                measure.replaced_by.is_some() && measure.blocks.len() >= 2,
                "{measure:?}"
            );
        }
        assert!(
            find("stitch.md.j2")
                .variables
                .iter()
                .any(|name| name == "acceptance_criteria")
        );
        assert!(find("work.md.j2").replaced_by.is_none());
    }
}

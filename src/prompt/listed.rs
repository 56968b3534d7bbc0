//! The built-in templates as a person sees them: what each is for, what it carries, and what replaces it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::built_in::{BUILT_IN, BuiltIn};
use super::render::used_variables;
use crate::base::error::Result;
use crate::model::{ModeKind, PromptName};

/// A built-in template, with what a person wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuiltInTemplate {
    /// Its name.
    pub name: String,
    /// What it is the prompt of.
    pub about: String,
    /// The keys of the configuration that name one of yours in its place; of several, the first that is set counts.
    pub replaced_by: Vec<String>,
    /// The one that it extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The blocks that one of yours which extends it can replace; none where it cannot be extended.
    pub blocks: Vec<String>,
    /// The variables that one in its place can use.
    pub variables: Vec<Variable>,
    /// Its text.
    pub text: String,
}

/// A variable of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Whether a template that leaves it out is refused.
    pub needed: bool,
    /// Whether others wrote it: it stands within marks, or in one line.
    pub of_others: bool,
    /// Whether the built-in template, or the one that it extends, uses it.
    pub used: bool,
}

/// Returns all built-in templates, in the order of their names in the configuration.
///
/// # Errors
///
/// Where one is not well-formed, which a test keeps from being so.
pub fn built_in_templates() -> Result<Vec<BuiltInTemplate>> {
    BUILT_IN.iter().map(listed).collect()
}

fn listed(one: &BuiltIn) -> Result<BuiltInTemplate> {
    let extends = extended(one.template.text);
    let parent = BUILT_IN.iter().find(|other| extends == Some(other.template.name));
    let (mut found, mut used) = (BTreeSet::new(), BTreeSet::new());
    for one in std::iter::once(one).chain(parent) {
        found.extend(blocks(one.template.text).map(str::to_owned));
        used.extend(used_variables(one.template)?);
    }
    let mut variables: Vec<Variable> = one
        .placeholders()
        .map(|placeholder| Variable {
            name: placeholder.name.to_owned(),
            about: placeholder.about.to_owned(),
            needed: one.needs.contains(&placeholder.name),
            of_others: placeholder.of_others,
            used: used.contains(placeholder.name),
        })
        .collect();
    variables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(BuiltInTemplate {
        name: one.template.name.to_owned(),
        about: one.about.to_owned(),
        replaced_by: replaced_by(one.name),
        extends: extends.map(str::to_owned),
        blocks: found.into_iter().collect(),
        variables,
        text: one.template.text.to_owned(),
    })
}

/// Returns the keys that name a template in the place of a built-in one.
fn replaced_by(name: PromptName) -> Vec<String> {
    let modes = ModeKind::ALL
        .into_iter()
        .filter(|mode| PromptName::of_mode(*mode) == name);
    let of_modes = modes.map(|mode| format!("modes.{}.prompt", mode.name()));
    let older = match name {
        PromptName::Measure => Some("measure_prompt"),
        PromptName::Stitch => Some("stitch_prompt"),
        PromptName::Plan => Some("modes.build.plan_prompt"),
        _ => None,
    };
    let all = of_modes.chain(older.map(str::to_owned));
    all.chain([format!("prompts.{}", name.name())]).collect()
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
        for (one, name) in all.iter().zip(PromptName::ALL) {
            assert_eq!(one.name, format!("{}.md.j2", name.name()));
            assert_eq!(one.replaced_by.last(), Some(&format!("prompts.{}", name.name())));
        }
        let find = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        let fix = find("fix.md.j2");
        assert_eq!(fix.extends.as_deref(), Some("measure.md.j2"));
        assert_eq!(fix.replaced_by, ["modes.fix.prompt", "prompts.fix"]);
        assert_eq!(fix.blocks, ["opening", "rules"]);
        for variable in ["request", "documents", "example", "needs_proof"] {
            let used = |one: &Variable| one.name == variable && one.used;
            assert!(fix.variables.iter().any(used), "{variable}: {fix:?}");
        }
        for measure in all.iter().filter(|one| one.about.starts_with("the measure of")) {
            assert!(measure.blocks.len() >= 2, "{measure:?}");
        }
        assert_eq!(
            find("audit.md.j2").replaced_by,
            ["modes.audit.prompt", "modes.review.prompt", "prompts.audit"]
        );
        assert_eq!(find("work.md.j2").replaced_by, ["prompts.work"]);
    }
}

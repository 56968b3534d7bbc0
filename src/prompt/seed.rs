//! Seed files: the first files of a generation.

use std::collections::BTreeSet;

use serde::Serialize;

use super::render::{self, values};
use super::template::Template;
use crate::base::error::Result;

/// The variables of a seed file's template. Using one that has no value is an error that names template and line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeedValues {
    /// The generation's branch.
    pub generation: String,
    /// `base_branch`.
    pub base_branch: String,
    /// `module_path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_path: Option<String>,
    /// `binary_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_name: Option<String>,
    /// `binary_dir`.
    pub binary_dir: String,
    /// `main_package`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_package: Option<String>,
    /// `version_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_file: Option<String>,
    /// A version for the generation.
    pub version: String,
    /// The day on which it begins, such as `2026-11-21`.
    pub date: String,
}

const NAMES: [&str; 9] = [
    "generation",
    "base_branch",
    "module_path",
    "binary_name",
    "binary_dir",
    "main_package",
    "version_file",
    "version",
    "date",
];

/// Renders a seed file from its template, unchanged to the byte except the tags.
pub fn render_seed(template: Template<'_>, seed: &SeedValues) -> Result<String> {
    let known: BTreeSet<&str> = NAMES.into_iter().collect();
    let values = values(seed)?;
    render::render_with(template, &values, &known).map_err(|error| explain(error, template, &known, &values))
}

/// Adds which variables of the template have no value, when that may be why it failed.
fn explain(
    error: crate::base::error::Error,
    template: Template<'_>,
    known: &BTreeSet<&str>,
    values: &serde_json::Value,
) -> crate::base::error::Error {
    if error.hint_text().is_some() {
        return error;
    }
    let given = render::names(values);
    let unset: Vec<String> = known
        .difference(&given)
        .filter(|name| template.text.contains(**name))
        .map(|name| format!("`{name}`"))
        .collect();
    if unset.is_empty() {
        error
    } else {
        error.hint(format!("the configuration has no value for {}", unset.join(", ")))
    }
}

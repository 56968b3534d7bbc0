//! Warnings about a configuration that is valid, and hardly what was meant.

use super::Config;
use crate::model::Role;

/// What is said where `container.disk` is off.
pub(crate) const DISK_OFF: &str = "`container.disk` is off: an agent can fill the disk that has the worktrees";

/// Returns a warning about a `review` that no stage is; `None` where there is none.
pub(crate) fn unused_review(config: &Config) -> Option<String> {
    let is_set = config.review != Config::default().review;
    (is_set && !config.called_roles().contains(&Role::Review)).then(|| {
        "`review` is configured and nothing is reviewed: write `stages: [stitch, review]`, or `measure: {review: true}`"
            .to_owned()
    })
}

/// Returns a warning about the sections of a file for roles that nothing calls yet; `None` where it has none.
pub(crate) fn uncalled_roles(config: &Config) -> Option<String> {
    let names: Vec<String> = config.uncalled.iter().map(|name| format!("`{name}`")).collect();
    let (verb, roles) = if names.len() == 1 {
        ("is", "that role")
    } else {
        ("are", "those roles")
    };
    let names = (!names.is_empty()).then(|| names.join(" and "))?;
    Some(format!(
        "{names} in the configuration {verb} not read: nothing calls {roles} yet"
    ))
}

//! Scripts of Gradle: the scripts that they apply, and the builds that they include, by name.

use super::tree::joined;
use super::what::{MOST_OF_A_FILE, What};

/// Reads a script with paths relative to its folder, and those after a variable (`$rootDir/…`) relative to the root,
/// too.
pub(super) fn read(folder: &str, text: &str) -> Option<Vec<What>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let is_applied = line.trim_start().strip_prefix("apply");
        if !is_applied.is_some_and(|rest| rest.contains("from")) && !line.contains("includeBuild") {
            continue;
        }
        // Every other part is in quotes.
        for quoted in line.split(['"', '\'']).skip(1).step_by(2) {
            let variable = quoted.strip_prefix('$').and_then(|rest| rest.split_once('/'));
            let name = variable.map_or(quoted, |(_, name)| name);
            found.extend(joined(folder, name));
            if variable.is_some() || line.contains("rootProject") {
                found.extend(joined("", name));
            }
        }
        if found.len() > MOST_OF_A_FILE {
            return None;
        }
    }
    Some(found.into_iter().map(What::Path).collect())
}

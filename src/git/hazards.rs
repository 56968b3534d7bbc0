//! What in a repository does not go well with work done through libgit2 alone.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use git2::{Oid, Repository};

use super::tree::{peel, visit};
use super::{EntryKind, Git, bytes};
use crate::error::{Context as _, Result};
use crate::text;

/// How grave a hazard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// People should know; the work can be done.
    Warn,
    /// The work would be wrong: it is refused.
    Refuse,
}

/// One thing to know about a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hazard {
    /// How grave it is.
    pub severity: Severity,
    /// What it is, in words for people.
    pub text: String,
}

/// Attributes by which git runs a program, or converts what libgit2 does not, between checkout and store.
const CONVERSIONS: [&str; 2] = ["filter", "working-tree-encoding"];

impl Git {
    /// Looks for what cannot be worked with (programs that git would run on contents, such as LFS), and for what people should know of.
    pub fn hazards(&self, commit: Oid) -> Result<Vec<Hazard>> {
        let repository = self.open()?;
        let mut found = Vec::new();
        let mut attributes = Vec::new();
        let mut submodules = Vec::new();
        let mut collisions = Collisions::default();
        visit(&repository, &peel(&repository, commit)?, b"", &mut |path, kind, id| {
            if bytes::split_last(path).1 == b".gitattributes" && kind != EntryKind::Link {
                attributes.push((path.to_vec(), id));
            }
            if kind == EntryKind::Submodule {
                submodules.push(shown(path));
            }
            collisions.add(path);
        })?;
        for (path, id) in attributes {
            let blob = repository
                .find_blob(id)
                .context(format!("cannot read `{}`", shown(&path)))?;
            found.extend(in_attributes(&shown(&path), blob.content()));
        }
        if let Ok(content) = fs::read(self.common_dir.join("info/attributes")) {
            found.extend(in_attributes("info/attributes", &content));
        }
        if !submodules.is_empty() {
            let text = format!(
                "submodules stay as they are, and empty for agents: {}",
                listed(&submodules)
            );
            found.push(warning(text));
        }
        if !collisions.found.is_empty() {
            let text = format!("paths that differ by case alone: {}", listed(&collisions.found));
            found.push(warning(text));
        }
        found.extend(of_repository(&repository));
        found.sort_by_key(|hazard| std::cmp::Reverse(hazard.severity));
        Ok(found)
    }
}

impl Git {
    /// Says whether the person's ignore rules cover a path of the checkout.
    pub fn ignores(&self, path: &Path) -> Result<bool> {
        let ignored = self.open()?.is_path_ignored(path);
        ignored.context(format!("cannot ask whether git ignores `{}`", path.display()))
    }
}

/// What the repository's own state brings.
fn of_repository(repository: &Repository) -> Vec<Hazard> {
    let mut found = Vec::new();
    if repository.is_shallow() {
        found.push(warning("the clone is shallow: older history is not there".to_owned()));
    }
    let sparse = repository
        .config()
        .and_then(|config| config.get_bool("core.sparseCheckout"));
    if sparse.unwrap_or(false) {
        let text = "the checkout is sparse: `stop` cannot bring it up to date".to_owned();
        found.push(warning(text));
    }
    found
}

fn warning(text: String) -> Hazard {
    Hazard {
        severity: Severity::Warn,
        text,
    }
}

/// Paths that are one path on a system that does not tell case.
#[derive(Default)]
struct Collisions {
    seen: HashMap<String, String>,
    found: Vec<String>,
}

impl Collisions {
    fn add(&mut self, path: &[u8]) {
        let path = String::from_utf8_lossy(path).into_owned();
        if let Some(other) = self.seen.insert(path.to_lowercase(), path.clone()) {
            self.found.push(format!(
                "{} and {}",
                text::one_line(&other, 100),
                text::one_line(&path, 100)
            ));
        }
    }
}

/// What a file of attributes asks for that is not done here.
fn in_attributes(file: &str, content: &[u8]) -> Vec<Hazard> {
    let mut found: Vec<Hazard> = Vec::new();
    for line in String::from_utf8_lossy(content).lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        for word in line.split_whitespace().skip(1) {
            let Some((name, value)) = word.split_once('=') else {
                continue;
            };
            if CONVERSIONS.contains(&name) {
                let word = text::one_line(&format!("{name}={value}"), 60);
                found.push(Hazard {
                    severity: Severity::Refuse,
                    text: format!(
                        "`{word}` in `{file}`: no filters are run here, so contents would be recorded wrongly"
                    ),
                });
            }
        }
    }
    found.dedup();
    found
}

fn shown(path: &[u8]) -> String {
    text::one_line(&String::from_utf8_lossy(path), 100)
}

/// The first few of a list.
fn listed(all: &[String]) -> String {
    const FEW: usize = 5;
    let text = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(FEW + 1) {
        Some(beyond) => format!("{text} and {} more", beyond + 1),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expect: usize) {
        assert_eq!(
            in_attributes(".gitattributes", content.as_bytes()).len(),
            expect,
            "{content:?}"
        );
    }

    #[test]
    fn attributes_that_run_a_program_are_found() {
        check("*.psd filter=lfs diff=lfs merge=lfs -text", 1);
        check("[attr]big filter=lfs\n*.bin\tfilter=smudge", 2);
        check("*.txt working-tree-encoding=UTF-16", 1);
        check("*.psd filter=lfs\n*.png filter=lfs\n", 1);
    }

    #[test]
    fn attributes_that_run_nothing_are_free() {
        check("", 0);
        check("* text=auto eol=lf\n*.psd -filter\n*.x !filter\n# a filter=lfs", 0);
        check("filter=lfs text", 0);
    }
}

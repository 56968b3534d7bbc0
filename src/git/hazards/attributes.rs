//! Attributes with which git runs programs that are not run here, or converts contents in ways that libgit2 does not.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Config, Repository};

use super::hazard::{Hazard, Severity};
use crate::base::text;
use crate::git::Git;

/// The name of a file of attributes in a tree.
pub(super) const NAME: &str = ".gitattributes";
/// Attributes whose values determine how contents differ between checkout and store, in ways that libgit2 does not
/// follow.
const CONVERSIONS: [&str; 2] = ["filter", "working-tree-encoding"];
/// Where builds of git keep the attributes of the whole machine.
const MACHINE: [&str; 3] = [
    "/etc/gitattributes",
    "/usr/local/etc/gitattributes",
    "/opt/homebrew/etc/gitattributes",
];

impl Git {
    /// Returns the files of attributes beside those in trees, whether they are there or not; the weakest first, as git
    /// reads them.
    pub(crate) fn attribute_files(&self, repository: &Repository) -> Vec<PathBuf> {
        let configured = repository
            .config()
            .and_then(|config| config.get_path("core.attributesFile"));
        let personal = configured.ok().or_else(|| self.personal_file("attributes"));
        let machine = MACHINE.iter().map(PathBuf::from);
        let own = self.common_dir.join("info/attributes");
        machine.chain(personal).chain([own]).collect()
    }

    /// Returns where git keeps a file of a person's own settings (`attributes`, `ignore`) unless the configuration
    /// names another place.
    pub(crate) fn personal_file(&self, name: &str) -> Option<PathBuf> {
        Some(self.config_home.as_ref()?.join("git").join(name))
    }
}

/// Returns the hazards of a file of attributes outside of the tree; none if it does not exist.
pub(super) fn in_file(repository: &Repository, path: &Path) -> Vec<Hazard> {
    match fs::read(path) {
        Ok(content) => in_content(repository, &text::one_line(&path.display().to_string(), 200), &content),
        Err(_) => Vec::new(),
    }
}

/// Returns the hazards of a file of attributes: what it requires and is not done here.
pub(super) fn in_content(repository: &Repository, file: &str, content: &[u8]) -> Vec<Hazard> {
    let mut found = Vec::new();
    for (name, value) in values(&String::from_utf8_lossy(content)) {
        let word = text::one_line(&format!("{name}={value}"), 60);
        if CONVERSIONS.contains(&name) {
            let text = format!("`{word}` in `{file}`: no filters are run here, so contents would be recorded wrongly");
            let fix = format!(
                "remove it from `{file}`; to merge a commit that has it already, check out a branch that is not merged into"
            );
            found.push(Hazard::new(Severity::Contents, text, fix));
        } else if name == "merge" && repository.config().is_ok_and(|config| has_driver(&config, value)) {
            let text = format!(
                "`{word}` in `{file}`: merge drivers are not run here, so a file that both sides changed is a conflict"
            );
            let fix = format!("merge such a file by hand, or unset `merge.{value}.driver`");
            found.push(Hazard::new(Severity::Warn, text, fix));
        }
    }
    found.dedup();
    found
}

/// Returns whether the configuration names a program that merges for this attribute.
pub(crate) fn has_driver(config: &Config, name: &str) -> bool {
    config.get_string(&format!("merge.{name}.driver")).is_ok()
}

/// Returns the names and values of all attributes that are set to one.
fn values(content: &str) -> Vec<(&str, &str)> {
    let lines = content.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.split_whitespace().skip(1));
    words.filter_map(|word| word.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expect: usize) {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let mut config = repository.config().unwrap();
        config.set_str("merge.ours.driver", "true").unwrap();
        let found = in_content(&repository, NAME, content.as_bytes());
        assert_eq!(found.len(), expect, "{content:?}");
    }

    #[test]
    fn attributes_that_run_a_program_are_found() {
        check("*.psd filter=lfs diff=lfs merge=lfs -text", 1);
        check("[attr]big filter=lfs\n*.bin\tfilter=smudge", 2);
        check("*.txt working-tree-encoding=UTF-16", 1);
        check("*.psd filter=lfs\n*.png filter=lfs\n", 1);
        check("version merge=ours", 1);
    }

    #[test]
    fn attributes_that_run_nothing_are_free() {
        check("", 0);
        check("* text=auto eol=lf\n*.psd -filter\n*.x !filter\n# a filter=lfs", 0);
        check("filter=lfs text", 0);
        check("* merge=union\n* -merge\n* merge=unknown", 0);
    }
}

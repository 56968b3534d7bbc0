//! Files that other files make tools run: read from their text alone, where that names them plainly.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use self::tree::{folder_of, joined};
use self::what::MOST_OF_A_FILE;
pub(crate) use self::what::What;
use super::paths::one_name;

mod cargo;
mod commands;
mod gradle;
mod make;
mod npm;
mod python;
mod tree;
mod what;

/// Something that a tool runs because a file of the tree names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    /// The file that names it.
    pub(crate) by: String,
    /// The tool, as the table calls it.
    pub(crate) tool: &'static str,
    /// What it runs.
    pub(crate) what: What,
    /// The protected file in place of which it runs: if that one is protected, so is this.
    pub(crate) stands_for: String,
}

/// The most that all files may name: with more, they cannot be followed.
const MOST: usize = 20_000;

/// What the files of one tree make tools run, read one after another.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    named: BTreeSet<Named>,
    crates: Vec<(String, Arc<cargo::Crate>)>,
}

/// How files of a kind are read.
#[derive(Debug)]
enum Reader {
    /// Each by itself: what a text in a folder names, or `None` when the tool may be able to read it, but we are not.
    Each(fn(&str, &str) -> Option<Vec<What>>),
    /// Together with the others of its kind.
    Crates,
}

/// A kind of file that names others.
#[derive(Debug)]
struct Kind {
    /// Whether a file of this path is of the kind.
    names: &'static [&'static str],
    tool: &'static str,
    /// The file of the same folder in place of which the named files run; empty for the file itself.
    stands_for: &'static str,
    read: Reader,
}

/// Each kind once; names are in small letters, and one with a `/` at its end is a folder's.
const KINDS: &[Kind] = &[
    Kind {
        names: &["cargo.toml"],
        tool: "cargo",
        stands_for: "build.rs",
        read: Reader::Crates,
    },
    Kind {
        names: &["package.json"],
        tool: "npm",
        stands_for: "binding.gyp",
        read: Reader::Each(npm::read),
    },
    Kind {
        names: &["pyproject.toml"],
        tool: "python",
        stands_for: "setup.py",
        read: Reader::Each(python::read),
    },
    Kind {
        names: &[".pre-commit-config.yaml"],
        tool: "pre-commit",
        stands_for: "",
        read: Reader::Each(commands::read),
    },
    Kind {
        names: &[
            "lefthook.yml",
            ".lefthook.yml",
            "lefthook.yaml",
            ".lefthook.yaml",
            "lefthook.toml",
            ".lefthook.toml",
        ],
        tool: "lefthook",
        stands_for: "",
        read: Reader::Each(commands::read),
    },
    Kind {
        names: &[".husky/", ".githooks/", ".git-hooks/"],
        tool: "hooks of git",
        stands_for: "",
        read: Reader::Each(commands::read),
    },
    Kind {
        names: &[".envrc"],
        tool: "direnv",
        stands_for: "",
        read: Reader::Each(commands::read),
    },
    Kind {
        names: &["makefile", "gnumakefile"],
        tool: "make",
        stands_for: "",
        read: Reader::Each(make::read),
    },
    Kind {
        names: &[
            "build.gradle",
            "settings.gradle",
            "build.gradle.kts",
            "settings.gradle.kts",
        ],
        tool: "gradle",
        stands_for: "",
        read: Reader::Each(gradle::read),
    },
];

/// Returns whether a file may make tools run others.
pub(crate) fn is_manifest(path: &Path) -> bool {
    kind_of(&one_name(&path.to_string_lossy())).is_some()
}

fn kind_of(path: &str) -> Option<&'static Kind> {
    let mut names = path.rsplit('/');
    let file = names.next().unwrap_or_default();
    let folder = names.next().unwrap_or_default();
    KINDS.iter().find(|kind| {
        kind.names
            .iter()
            .any(|name| name.strip_suffix('/').map_or(*name == file, |name| name == folder))
    })
}

/// What one file of a kind that names others has in it.
#[derive(Debug)]
pub(crate) struct Manifest {
    kind: &'static Kind,
    /// What it names; `None` where that cannot be read here.
    named: Option<Vec<What>>,
    of_crates: Option<Arc<cargo::Crate>>,
}

impl Manifest {
    /// Reads a file, if it is of a kind that names others; there is no text where it has none, or too much.
    pub(crate) fn read(path: &str, text: Option<&str>) -> Option<Self> {
        let kind = kind_of(&one_name(path))?;
        let folder = folder_of(path);
        let (named, of_crates) = match (&kind.read, text) {
            (_, None) => (None, None),
            (Reader::Each(read), Some(text)) => (read(folder, text), None),
            (Reader::Crates, Some(text)) => cargo::read(folder, text)
                .map(|(read, named)| (named, Arc::new(read)))
                .unzip(),
        };
        Some(Self { kind, named, of_crates })
    }
}

impl Naming {
    /// Adds a file that was read. `content` distinguishes what is in it from everything else.
    pub(crate) fn add(&mut self, path: &str, content: &str, manifest: &Manifest) {
        if let Some(read) = &manifest.of_crates {
            self.crates.push((path.to_owned(), Arc::clone(read)));
        }
        let found = manifest.named.clone().filter(|found| {
            found.len() <= MOST_OF_A_FILE && self.named.len() <= MOST && found.iter().all(What::is_followed)
        });
        let found = found.unwrap_or_else(|| vec![What::Unreadable(content.to_owned())]);
        self.named
            .extend(found.into_iter().map(|what| manifest.kind.named(path, what)));
    }

    /// Returns what all of them make tools run.
    pub(crate) fn finish(mut self) -> BTreeSet<Named> {
        let cargo = kind_of("cargo.toml").expect("it is in the table");
        let built = cargo::built_with(&self.crates).into_iter();
        self.named.extend(built.map(|(path, what)| cargo.named(path, what)));
        self.named
    }
}

impl Kind {
    fn named(&self, by: &str, what: What) -> Named {
        let stands_for = match self.stands_for {
            "" => by.to_owned(),
            name => joined(folder_of(by), name).unwrap_or_default(),
        };
        Named {
            by: by.to_owned(),
            tool: self.tool,
            what,
            stands_for,
        }
    }
}

impl Named {
    /// Returns what is read in place of a symbolic link of the tree; `None` when that is not in the tree.
    pub(crate) fn by_link(link: &str, target: &str) -> Option<Self> {
        let what = What::Path(leads_to(link, target)?);
        let what = if what.is_followed() {
            what
        } else {
            What::Unreadable(target.to_owned())
        };
        Some(Self {
            by: link.to_owned(),
            tool: "links",
            what,
            stands_for: link.to_owned(),
        })
    }
}

/// Returns the target of a symbolic link of the tree; `None` when that is not in the tree.
pub(crate) fn leads_to(link: &str, target: &str) -> Option<String> {
    let is_relative = !target.starts_with('/');
    is_relative.then(|| joined(folder_of(link), target)).flatten()
}

#[cfg(test)]
mod tests;

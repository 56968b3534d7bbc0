//! The files of a repository as data: every path, and the contents of the files that say what a project is.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

/// Files whose contents detection reads, by name.
const READ: [&str; 50] = [
    ".editorconfig",
    "Cargo.toml",
    "CMakeLists.txt",
    "Gemfile",
    "GNUmakefile",
    "Makefile",
    "Makefile.am",
    "Makefile.in",
    "Package.swift",
    "Pipfile",
    "Rakefile",
    "build.gradle",
    "build.gradle.kts",
    "bunfig.toml",
    "clippy.toml",
    "composer.json",
    "configure.ac",
    "configure.in",
    "deno.json",
    "deno.jsonc",
    "dev-requirements.txt",
    "go.mod",
    "go.work",
    "makefile",
    "meson.build",
    "mix.exs",
    "mypy.ini",
    "noxfile.py",
    "package.json",
    "phpunit.xml",
    "phpunit.xml.dist",
    "pnpm-workspace.yaml",
    "pom.xml",
    "pyproject.toml",
    "pytest.ini",
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements.txt",
    "requirements_dev.txt",
    "rust-toolchain",
    "rust-toolchain.toml",
    "settings.gradle",
    "settings.gradle.kts",
    "setup.cfg",
    "setup.py",
    "test-requirements.txt",
    "tox.ini",
    "tox.toml",
    "tsconfig.json",
    "yarn.lock",
];

/// How the names end of further files whose contents detection reads.
const READ_ENDINGS: [&str; 3] = [".csproj", ".fsproj", ".vbproj"];

/// The paths of a repository, relative to its root and with `/` between their parts, and the contents of manifests.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
    is_partial: bool,
}

impl Tree {
    /// Returns whether the contents of a file are of use, by its path.
    pub fn reads(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        READ.contains(&name) || READ_ENDINGS.iter().any(|ending| name.ends_with(ending))
    }

    /// Adds a file; `text` may be empty where its contents are not of use or cannot be read.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.insert(path.into(), text.into());
    }

    /// Notes that there are more files than these.
    pub fn cut(&mut self) {
        self.is_partial = true;
    }

    /// Returns whether there are more files than these.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Returns every path.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

/// A folder of a tree, in which a project may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder<'tree> {
    tree: &'tree Tree,
    /// Its path; empty for the root.
    path: &'tree str,
}

impl<'tree> Folder<'tree> {
    /// Returns the folder of a path; the root's is empty.
    pub(super) fn new(tree: &'tree Tree, path: &'tree str) -> Self {
        Self { tree, path }
    }

    /// Returns another folder of the tree, by its path in the repository.
    pub(super) fn below<'path>(&self, path: &'path str) -> Folder<'path>
    where
        'tree: 'path,
    {
        Folder { tree: self.tree, path }
    }

    /// Returns its path, `.` for the root.
    pub(super) fn name(&self) -> String {
        if self.path.is_empty() { "." } else { self.path }.to_owned()
    }

    /// Returns whether it is the root of the repository.
    pub(super) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns the path of something in it, relative to the repository.
    pub(super) fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}/{name}", self.path)
    }

    /// Returns whether it has a file of this path.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.files.contains_key(&self.join(name))
    }

    /// Returns whether it has one of these files.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// Returns the first of these files that it has.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    /// Returns the contents of a file in it; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &'tree str {
        self.tree.files.get(&self.join(name)).map_or("", String::as_str)
    }

    /// Returns the contents of several files in it, one after the other.
    pub(super) fn texts(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.text(name)).collect::<Vec<_>>().join("\n")
    }

    /// Returns every file below it, relative to it.
    pub(super) fn files(&self) -> impl Iterator<Item = &'tree str> + use<'tree> {
        let (tree, path) = (self.tree, self.path);
        let from = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let length = from.len();
        let below = tree.files.range(from.clone()..);
        below
            .map(|(file, _)| file.as_str())
            .take_while(move |file| file.starts_with(&from))
            .map(move |file| &file[length..])
    }

    /// Returns the names of the files in it, without those in folders of it.
    pub(super) fn here(&self) -> impl Iterator<Item = &'tree str> + use<'tree> {
        self.files().filter(|file| !file.contains('/'))
    }

    /// Returns the names of the folders in it.
    pub(super) fn folders(&self) -> BTreeSet<&'tree str> {
        let below = self.files().filter_map(|file| file.split_once('/'));
        below.map(|(folder, _)| folder).collect()
    }

    /// Returns whether it has a folder of this path with a file in it.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        let start = self.join(&format!("{path}/"));
        let next = self.tree.files.range(start.clone()..).next();
        next.is_some_and(|(file, _)| file.starts_with(&start))
    }

    /// Returns whether a file below it ends like this.
    pub(super) fn has_ending(&self, endings: &[&str]) -> bool {
        self.files()
            .any(|file| endings.iter().any(|ending| file.ends_with(ending)))
    }

    /// Returns the folders that have a file `manifest` and match one of these globs, relative to the repository. A glob
    /// that begins with `!` takes folders out again.
    pub(super) fn members(&self, globs: &[String], manifest: &str) -> Vec<String> {
        let matchers: Vec<_> = globs
            .iter()
            .filter_map(|glob| {
                let (takes, glob) = glob
                    .strip_prefix('!')
                    .map_or((true, glob.as_str()), |rest| (false, rest));
                let glob = glob.trim_start_matches("./").trim_end_matches('/');
                let built = GlobBuilder::new(glob).literal_separator(true).build().ok()?;
                Some((takes, built.compile_matcher()))
            })
            .collect();
        let folders = self
            .files()
            .filter_map(|file| file.strip_suffix(manifest)?.strip_suffix('/'));
        let matching = folders.filter(|folder| {
            let last = matchers.iter().rev().find(|(_, glob)| glob.is_match(folder));
            last.is_some_and(|(takes, _)| *takes)
        });
        matching.map(|folder| self.join(folder)).collect()
    }
}

/// Returns a text as one word of a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for path in paths {
            tree.add(*path, "");
        }
        tree
    }

    #[test]
    fn a_folder_has_what_is_below_it_alone() {
        let tree = tree(&["a-b/x", "a/b/c", "a/d", "ab", "e"]);
        let folder = Folder::new(&tree, "a");
        assert_eq!(folder.files().collect::<Vec<_>>(), ["b/c", "d"]);
        assert_eq!(folder.here().collect::<Vec<_>>(), ["d"]);
        assert_eq!(folder.folders().into_iter().collect::<Vec<_>>(), ["b"]);
        assert!(folder.has("d") && !folder.has("e") && folder.has_folder("b") && !folder.has_folder("d"));
        let root = Folder::new(&tree, "");
        assert_eq!(root.here().collect::<Vec<_>>(), ["ab", "e"]);
        assert!(root.has_folder("a") && root.has_folder("a/b") && !root.has_folder("ab"));
    }

    #[test]
    fn members_match_globs_and_have_a_manifest() {
        let tree = tree(&[
            "x/packages/a/m",
            "x/packages/b/c/m",
            "x/packages/n",
            "x/apps/web/m",
            "x/apps/old/m",
        ]);
        let globs = ["packages/*", "./apps/*/", "!apps/old"].map(str::to_owned);
        let found = Folder::new(&tree, "x").members(&globs, "m");
        assert_eq!(found, ["x/apps/web", "x/packages/a"]);
    }

    #[test]
    fn words_of_a_shell_stay_one_word() {
        for (text, word) in [
            ("./a-b/c", "./a-b/c"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}

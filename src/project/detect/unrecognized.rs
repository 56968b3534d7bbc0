//! What is there and not known here, by name: nothing is concluded from it.

use std::collections::BTreeMap;

use super::code::{ending, is_code};
use super::found::{DetectedProject, Unrecognized};
use super::tree::Folder;

/// Files that name a tool or language, at the root or a folder below.
const FILES: [(&str, &str); 26] = [
    ("BUILD.bazel", "Bazel"),
    ("MODULE.bazel", "Bazel"),
    ("WORKSPACE", "Bazel"),
    ("build.zig", "Zig"),
    ("stack.yaml", "Haskell"),
    ("cabal.project", "Haskell"),
    ("pubspec.yaml", "Dart"),
    ("project.clj", "Clojure"),
    ("deps.edn", "Clojure"),
    ("build.sbt", "Scala (sbt)"),
    ("build.sc", "Scala (Mill)"),
    ("dune-project", "OCaml"),
    ("rebar.config", "Erlang"),
    ("gleam.toml", "Gleam"),
    ("Project.toml", "Julia"),
    ("DESCRIPTION", "R"),
    ("shard.yml", "Crystal"),
    ("dub.json", "D"),
    ("dub.sdl", "D"),
    ("elm.json", "Elm"),
    ("foundry.toml", "Solidity"),
    ("cpanfile", "Perl"),
    ("Makefile.PL", "Perl"),
    ("Chart.yaml", "Helm"),
    ("SConstruct", "SCons"),
    ("project.godot", "Godot"),
];
/// How the names of such files end.
const ENDINGS: [(&str, &str); 6] = [
    (".cabal", "Haskell"),
    (".tf", "Terraform"),
    (".nimble", "Nim"),
    (".rockspec", "Lua"),
    (".opam", "OCaml"),
    (".gpr", "Ada"),
];
/// How many kinds of files are listed where no project is known.
const MOST_KINDS: usize = 3;

/// Finds what no rule knows: each tool once, and where there is no project and no tool, the commonest kinds of code.
pub(super) fn find(root: Folder<'_>, projects: &[DetectedProject]) -> Vec<Unrecognized> {
    let mut found: Vec<Unrecognized> = Vec::new();
    for file in root.files().filter(|file| file.matches('/').count() <= 1) {
        let name = file.rsplit('/').next().unwrap_or(file);
        let by_name = FILES.iter().find(|(known, _)| *known == name);
        let by_ending = || {
            ENDINGS
                .iter()
                .find(|(known, _)| name.len() > known.len() && name.ends_with(known))
        };
        let xcode = file.split_once(".xcodeproj/").map(|_| &("", "Xcode"));
        let known = by_name.or_else(by_ending).or(xcode);
        if let Some((_, what)) = known.filter(|(_, what)| found.iter().all(|found| found.name != *what)) {
            found.push(Unrecognized {
                name: (*what).to_owned(),
                file: file.to_owned(),
            });
        }
    }
    if projects.is_empty() && found.is_empty() {
        found = kinds(root);
    }
    found
}

/// Returns the commonest endings of files of code, each with its first file.
fn kinds(root: Folder<'_>) -> Vec<Unrecognized> {
    let mut kinds: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for file in root.files().filter(|file| is_code(file)) {
        if let Some(ending) = ending(file) {
            kinds.entry(ending).or_insert((0, file)).0 += 1;
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let first = kinds.into_iter().take(MOST_KINDS);
    first
        .map(|(ending, (_, file))| Unrecognized {
            name: format!("*.{ending}"),
            file: file.to_owned(),
        })
        .collect()
}

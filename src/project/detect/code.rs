//! Which files are code, and which folders hold it.

use std::collections::BTreeSet;

use super::tree::Folder;

/// How the names of files of code end, in any language that people write programs in.
const ENDINGS: [&str; 74] = [
    "adb", "ads", "agda", "asm", "bash", "bat", "c", "cbl", "cc", "cjs", "clj", "cljs", "cob", "coffee", "cpp", "cr",
    "cs", "cts", "cu", "cxx", "d", "dart", "el", "elm", "erl", "ex", "exs", "f", "f90", "fs", "fsx", "gd", "gleam",
    "go", "groovy", "h", "hh", "hpp", "hs", "hx", "ipynb", "java", "jl", "js", "jsx", "kt", "lisp", "lua", "m", "mjs",
    "ml", "mts", "nim", "pas", "php", "pl", "pm", "ps1", "py", "r", "rb", "rkt", "rs", "scala", "scm", "sh", "sol",
    "sql", "svelte", "swift", "tf", "ts", "tsx", "zig",
];

/// Folders that hold no code of the project itself, whatever is in them.
const NOT_SOURCES: [&str; 27] = [
    "bazel",
    "build",
    "ci",
    "coverage",
    "demo",
    "demos",
    "dist",
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "external",
    "fixtures",
    "node_modules",
    "out",
    "samples",
    "script",
    "scripts",
    "site",
    "target",
    "testdata",
    "third-party",
    "third_party",
    "vendor",
    "website",
    "xtask",
];

/// Returns what the name of a file ends with, after its last dot.
pub(super) fn ending(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty()).then_some(ending)
}

/// Returns whether a file is code, by its name.
pub(super) fn is_code(path: &str) -> bool {
    let ending = ending(path).map(str::to_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()) || matches!(ending.as_str(), "vb" | "vue" | "v"))
}

/// Returns the folders directly in `folder` with code that ends like this, relative to the repository. Folders of
/// documents, examples and built files are left out, unless `beside` names them.
pub(super) fn source_dirs(folder: Folder<'_>, endings: &[&str], beside: &[&str]) -> Vec<String> {
    let is_source = |name: &str| {
        let lower = name.to_lowercase();
        !name.starts_with('.') && (beside.contains(&name) || !NOT_SOURCES.contains(&lower.as_str()))
    };
    let mut found = BTreeSet::new();
    for file in folder.files() {
        let Some((name, below)) = file.split_once('/') else {
            continue;
        };
        if ending(below).is_some_and(|end| endings.contains(&end)) && is_source(name) {
            found.insert(name);
        }
    }
    found.into_iter().map(|name| folder.join(name)).collect()
}

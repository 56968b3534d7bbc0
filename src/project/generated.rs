//! Files that programs write and people do not read line by line: their lines say nothing about the size of a change.

use std::path::Path;

/// Files in which package managers note what they resolved, by name.
const LOCK_FILES: [&str; 26] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "bun.lockb",
    "cabal.project.freeze",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "packages.lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pubspec.lock",
    "stack.yaml.lock",
    "uv.lock",
    "yarn.lock",
];

/// How the names of files end that generators write: bundles, source maps, recorded outputs, protocol buffers.
const ENDINGS: [&str; 16] = [
    ".css.map",
    ".designer.cs",
    ".freezed.dart",
    ".g.cs",
    ".g.dart",
    ".generated.go",
    ".generated.ts",
    ".js.map",
    ".min.css",
    ".min.js",
    ".pb.cc",
    ".pb.go",
    ".pb.h",
    ".snap",
    "_pb2.py",
    "_pb2_grpc.py",
];

/// Returns whether a path is by its name a lock file or a generated file. What a file says of itself, or attributes say
/// of it, does not count: whoever wrote the change wrote that, too.
pub(crate) fn is_generated(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let lower = name.to_lowercase();
    LOCK_FILES.contains(&name) || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_and_generated_files_are_known_by_name() {
        for (path, expect) in [
            ("Cargo.lock", true),
            ("web/package-lock.json", true),
            ("web/dist/app.min.js", true),
            ("api/service_pb2.py", true),
            ("tests/snapshots/a.snap", true),
            ("src/lock.rs", false),
            ("Cargo.lock/src.rs", false),
            ("src/main.rs", false),
            ("notes/map", false),
        ] {
            assert_eq!(is_generated(Path::new(path)), expect, "{path}");
        }
    }
}

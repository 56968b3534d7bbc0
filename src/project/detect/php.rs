//! PHP, with Composer.

use serde_json::Value;

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::manifest::json;
use super::tree::Folder;

const MANIFEST: &str = "composer.json";
/// Names of scripts, the usual ones first; the first that exists counts.
const TEST: [&str; 5] = ["test", "tests", "test:unit", "phpunit", "pest"];
const LINT: [&str; 9] = [
    "lint",
    "cs",
    "cs-check",
    "cs:check",
    "check-style",
    "phpcs",
    "check-cs",
    "style",
    "test:lint",
];
const TYPES: [&str; 9] = [
    "phpstan",
    "stan",
    "analyse",
    "analyze",
    "static-analysis",
    "types",
    "psalm",
    "phpstan:check",
    "test:types",
];

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let manifest = json(folder.text(MANIFEST));
    vec![DetectedProject {
        ecosystem: Ecosystem::Php,
        folder: folder.name(),
        manifest: MANIFEST.to_owned(),
        package_manager: "composer".to_owned(),
        members: Vec::new(),
        source_dirs: source_dirs(folder, &["php"], &[]),
        commands: commands(folder, &manifest),
        tools: vec!["php".to_owned(), "composer".to_owned()],
        hosts: vec!["composer"],
        names: Names::module(manifest["name"].as_str().map(str::to_owned)),
    }]
}

fn commands(folder: Folder<'_>, manifest: &Value) -> Commands {
    let script = |names: &[&str]| {
        let name = names.iter().find(|name| !manifest["scripts"][**name].is_null())?;
        Some(format!("composer run {name}"))
    };
    let requires = |name: &str| {
        ["require", "require-dev"]
            .iter()
            .any(|kind| !manifest[*kind][name].is_null())
    };
    // A program counts where it is both required and configured.
    let program = |rows: &[(&str, &[&str], &str)]| {
        let row = rows
            .iter()
            .find(|(package, files, _)| requires(package) && folder.has_any(files))?;
        Some(row.2.to_owned())
    };
    let phpunit: &[&str] = &["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"];
    let test = script(&TEST).or_else(|| {
        program(&[
            ("pestphp/pest", phpunit, "vendor/bin/pest"),
            ("phpunit/phpunit", phpunit, "vendor/bin/phpunit"),
        ])
    });
    let lint = script(&LINT).or_else(|| {
        program(&[
            (
                "squizlabs/php_codesniffer",
                &["phpcs.xml", "phpcs.xml.dist", ".phpcs.xml", ".phpcs.xml.dist"],
                "vendor/bin/phpcs",
            ),
            (
                "friendsofphp/php-cs-fixer",
                &[".php-cs-fixer.php", ".php-cs-fixer.dist.php"],
                "vendor/bin/php-cs-fixer check",
            ),
            ("laravel/pint", &["pint.json", "artisan"], "vendor/bin/pint --test"),
        ])
    });
    let types = script(&TYPES).or_else(|| {
        program(&[
            (
                "phpstan/phpstan",
                &["phpstan.neon", "phpstan.neon.dist", "phpstan.dist.neon"],
                "vendor/bin/phpstan analyse",
            ),
            ("vimeo/psalm", &["psalm.xml", "psalm.xml.dist"], "vendor/bin/psalm"),
        ])
    });
    Commands {
        setup: vec!["composer install".to_owned()],
        build: script(&["build"]).into_iter().collect(),
        test: test.into_iter().collect(),
        lint: lint.into_iter().collect(),
        type_check: types.into_iter().collect(),
    }
}

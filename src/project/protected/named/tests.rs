use super::*;

/// Checks what these files name, as `tool: what (by, in the place of what)`.
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let mut naming = Naming::default();
    for (path, text) in files {
        if let Some(manifest) = Manifest::read(path, Some(text)) {
            naming.add(path, "id", &manifest);
        }
    }
    let found: Vec<String> = naming
        .finish()
        .into_iter()
        .map(|one| {
            let what = match one.what {
                What::Path(path) => path,
                What::Value { key, value } => format!("{key}={value}"),
                What::Unreadable(content) => format!("unreadable {content}"),
            };
            format!("{}: {what} ({}, {})", one.tool, one.by, one.stands_for)
        })
        .collect();
    assert_eq!(found, expect, "{files:#?}");
}

#[test]
fn build_scripts_of_crates() {
    check(
        &[("Cargo.toml", "[package]\nname = \"x\"\nbuild = \"tools/../evil.rs\"\n")],
        &["cargo: evil.rs (Cargo.toml, build.rs)"],
    );
    check(
        &[(
            "a/CARGO.toml",
            "\u{feff}package = { build = [\"one.rs\", \"../two.rs\"] }\n",
        )],
        &[
            "cargo: a/one.rs (a/CARGO.toml, a/build.rs)",
            "cargo: two.rs (a/CARGO.toml, a/build.rs)",
        ],
    );
    check(&[("Cargo.toml", "[package]\nbuild = false\n")], &[]);
    check(&[("Cargo.toml", "[package]\nbuild = \"../../out.rs\"\n")], &[]);
    check(
        &[("Cargo.toml", "[package")],
        &["cargo: unreadable id (Cargo.toml, build.rs)"],
    );
    check(&[("Cargo.lock", "[package")], &[]);
}

#[test]
fn what_runs_in_the_compiler_with_all_that_it_needs() {
    let macros = "[lib]\nproc-macro = true\n[dependencies]\nhelper.workspace = true\n";
    check(
        &[
            (
                "Cargo.toml",
                "[workspace.dependencies]\nhelper = { path = \"lib/helper\" }\n",
            ),
            (
                "lib/helper/Cargo.toml",
                "[dependencies]\ndeep = { path = \"../deep\" }\n",
            ),
            ("lib/deep/Cargo.toml", "[lib]\npath = \"code/lib.rs\"\n"),
            ("lib/other/Cargo.toml", "[package]\nname = \"other\"\n"),
            ("macros/Cargo.toml", macros),
        ],
        &[
            "cargo: lib/deep/code (lib/deep/Cargo.toml, lib/deep/build.rs)",
            "cargo: lib/deep/src (lib/deep/Cargo.toml, lib/deep/build.rs)",
            "cargo: lib/helper/src (lib/helper/Cargo.toml, lib/helper/build.rs)",
            "cargo: macros/src (macros/Cargo.toml, macros/build.rs)",
        ],
    );
    for manifest in [
        "[build-dependencies]\nh = { path = \"h\" }\n",
        "[target.'cfg(unix)'.build-dependencies.h]\npath = \"./h\"\n",
        "[patch.crates-io]\nh = { path = \"h\" }\n",
    ] {
        check(
            &[("Cargo.toml", manifest), ("h/Cargo.toml", "[package]\nname = \"h\"\n")],
            &["cargo: h/src (h/Cargo.toml, h/build.rs)"],
        );
    }
    check(
        &[(
            "Cargo.toml",
            "[lib]\ncrate-type = [\"proc-macro\"]\npath = \"lib.rs\"\n",
        )],
        &[
            "cargo: lib.rs (Cargo.toml, build.rs)",
            "cargo: src (Cargo.toml, build.rs)",
        ],
    );
}

#[test]
fn what_installing_a_package_runs() {
    check(
        &[(
            "web/package.json",
            "\u{feff}{\"scripts\": {\"prepare\": \"npm run generate && X=1 ./tools/a\", \"pregenerate\": \"node b\", \
             \"generate\": \"tsc\", \"test\": \"node c.js\"}}",
        )],
        &[
            "npm: web/b (web/package.json, web/binding.gyp)",
            "npm: web/b.cjs (web/package.json, web/binding.gyp)",
            "npm: web/b.js (web/package.json, web/binding.gyp)",
            "npm: web/b.mjs (web/package.json, web/binding.gyp)",
            "npm: web/b.ts (web/package.json, web/binding.gyp)",
            "npm: web/tools/a (web/package.json, web/binding.gyp)",
            "npm: scripts.generate=\"tsc\" (web/package.json, web/binding.gyp)",
            "npm: scripts.pregenerate=\"node b\" (web/package.json, web/binding.gyp)",
            "npm: scripts.prepare=\"npm run generate && X=1 ./tools/a\" (web/package.json, web/binding.gyp)",
        ],
    );
    check(
        &[(
            "package.json",
            "{\"lint-staged\": {\"*.ts\": [\"python3 tools/fix.py\"]}, \"bin\": \"x.js\"}",
        )],
        &[
            "npm: tools/fix.py (package.json, binding.gyp)",
            "npm: lint-staged={\"*.ts\":[\"python3 tools/fix.py\"]} (package.json, binding.gyp)",
        ],
    );
    check(&[("package.json", "{\"scripts\": {\"test\": \"x\"}}")], &[]);
    check(
        &[("package.json", "{} // x")],
        &["npm: unreadable id (package.json, binding.gyp)"],
    );
}

#[test]
fn what_building_a_python_project_runs() {
    check(
        &[(
            "pyproject.toml",
            "[build-system]\nbackend-path = [\"build/backend\"]\n[tool.hatch.build.targets.wheel.hooks.custom]\n\
             path = \"hook.py\"\n[tool.poetry.build]\nscript = \"b.py\"\n",
        )],
        &[
            "python: b.py (pyproject.toml, setup.py)",
            "python: build/backend (pyproject.toml, setup.py)",
            "python: hook.py (pyproject.toml, setup.py)",
        ],
    );
}

#[test]
fn scripts_of_hooks_and_of_shells() {
    let config = "repos:\n- repo: local\n  hooks:\n  - id: x\n    entry: bash -c 'tools/check.sh --all'\n    files: src/a.py\n    \
                  language: system\n  - entry: python\n    args: [tools/lint.py]\n";
    let itself = "(.pre-commit-config.yaml, .pre-commit-config.yaml)";
    check(
        &[(".pre-commit-config.yaml", config)],
        &[
            &format!("pre-commit: tools/check.sh {itself}"),
            &format!("pre-commit: tools/lint.py {itself}"),
        ],
    );
    let itself = "(web/.envrc, web/.envrc)";
    check(
        &[(
            "web/.envrc",
            "# x\nuse node\nsource_env ../env.sh\nPATH_add tools\nexport A=b/c\n. \"$PWD/x.sh\"\n",
        )],
        &[
            &format!("direnv: env.sh {itself}"),
            &format!("direnv: tools {itself}"),
            &format!("direnv: web/tools {itself}"),
            &format!("direnv: web/x.sh {itself}"),
            &format!("direnv: x.sh {itself}"),
        ],
    );
    check(
        &[(
            ".husky/pre-commit",
            "#!/bin/sh\nif ! \"$(dirname \"$0\")/../tools/x\"; then exit 1; fi\nnpm test\n",
        )],
        &["hooks of git: tools/x (.husky/pre-commit, .husky/pre-commit)"],
    );
    check(
        &[(
            "lefthook.yml",
            "pre-commit:\n  commands:\n    a:\n      run: |\n        tools/a.sh {files}\n    glob: x/y.sh\n",
        )],
        &["lefthook: tools/a.sh (lefthook.yml, lefthook.yml)"],
    );
    check(
        &[("Makefile", "-include rules.mk sub/x.inc # y.mk\nall:\n\tinclude\n")],
        &[
            "make: rules.mk (Makefile, Makefile)",
            "make: sub/x.inc (Makefile, Makefile)",
        ],
    );
}

#[test]
fn scripts_and_builds_of_gradle() {
    check(
        &[(
            "app/build.gradle",
            "plugins { id 'java' }\napply plugin: 'x'\n  apply from: '../gradle/a.txt'\n\
             apply from: \"${rootDir}/b.txt\"\napply from: rootProject.file('c.txt')\n",
        )],
        &[
            "gradle: app/b.txt (app/build.gradle, app/build.gradle)",
            "gradle: app/c.txt (app/build.gradle, app/build.gradle)",
            "gradle: b.txt (app/build.gradle, app/build.gradle)",
            "gradle: c.txt (app/build.gradle, app/build.gradle)",
            "gradle: gradle/a.txt (app/build.gradle, app/build.gradle)",
        ],
    );
    check(
        &[(
            "settings.gradle.kts",
            "pluginManagement { includeBuild(\"build-logic\") }\napply(from = \"x.kts\")\ninclude(\"app\")\n",
        )],
        &[
            "gradle: build-logic (settings.gradle.kts, settings.gradle.kts)",
            "gradle: x.kts (settings.gradle.kts, settings.gradle.kts)",
        ],
    );
}

//! The tools themselves, on what was merged of agents that planted something for them. The control is the same tool in a
//! checkout in which the agent had its way.

use std::fs;
use std::path::Path;
use std::process::Command;

use cordwainer::config::Config;
use cordwainer::testing::size;

use crate::attacks::git::agent;
use crate::support::engines::{TestEngine, absent, engine_tests, skip};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    podman: no_tool_runs_what_an_agent_planted;
}

/// A tool, what the person has for it, what an agent plants, and what the person calls next.
struct Tool {
    program: &'static str,
    size: Size,
    /// Files of the person's, in which `{marker}` proves nothing.
    files: &'static [(&'static str, &'static str)],
    /// Scripts of agents, each of them a task: `{marker}` is the file that proves that it ran.
    scripts: &'static [&'static str],
    /// Commands of `sh`: what the person does once, before any agent worked, and then after it.
    before: &'static str,
    after: &'static str,
}

/// What it takes to try a tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// Every machine has it that is set up for the tests.
    Small,
    /// It is tried where it is.
    Large,
    /// It takes minutes, and is tried by `cargo xtask test --long` alone.
    Slow,
}

const MACRO: &str = "write macros/src/lib.rs <<END\nextern crate proc_macro;\n#[proc_macro]\npub fn one(_: proc_macro::TokenStream) -> \
                     proc_macro::TokenStream {\n    std::fs::write(\"{marker}\", \"\").unwrap();\n    \"1\".parse().unwrap()\n}\nEND\n";
const BUILD: &str = "write evil.rs fn main() { std::fs::write(\"{marker}\", \"\").unwrap() }\nwrite Cargo.toml <<END\n\
                     [package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2024\"\nbuild = \"evil.rs\"\n\
                     [dependencies]\nmacros = { path = \"macros\" }\nEND\n";
const HELPER: &str = "write helper/src/lib.rs pub fn help() { std::fs::write(\"{marker}\", \"\").unwrap() }\n";
const WRAPPER: &str = "write wrapper <<END\n#!/bin/sh\ntouch {marker}\nexec \"$@\"\nEND\nmode wrapper 755\n\
                       write .cargo/config.toml <<END\n[build]\nrustc-wrapper = \"./wrapper\"\nEND\n";

const TOOLS: [Tool; 9] = [
    Tool {
        program: "cargo",
        size: Size::Small,
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                 [dependencies]\nmacros = { path = \"macros\" }\n[build-dependencies]\nhelper = { path = \"helper\" }\n",
            ),
            ("build.rs", "fn main() { helper::help() }\n"),
            ("src/main.rs", "fn main() { println!(\"{}\", macros::one!()) }\n"),
            (
                "macros/Cargo.toml",
                "[package]\nname = \"macros\"\nversion = \"0.0.0\"\n[lib]\nproc-macro = true\n",
            ),
            (
                "macros/src/lib.rs",
                "extern crate proc_macro;\n#[proc_macro]\npub fn one(_: proc_macro::TokenStream) -> \
                 proc_macro::TokenStream {\n    \"1\".parse().unwrap()\n}\n",
            ),
            (
                "helper/Cargo.toml",
                "[package]\nname = \"helper\"\nversion = \"0.0.0\"\n",
            ),
            ("helper/src/lib.rs", "pub fn help() {}\n"),
        ],
        scripts: &[MACRO, BUILD, HELPER, WRAPPER],
        before: "",
        after: "cargo check --quiet --offline",
    },
    Tool {
        program: "npm",
        size: Size::Large,
        files: &[
            (
                "package.json",
                "{\"name\": \"victim\", \"scripts\": {\"prepare\": \"node npm/prepare\"}}",
            ),
            ("npm/prepare.js", ""),
        ],
        scripts: &[
            "write package.json {\"name\": \"victim\", \"scripts\": {\"postinstall\": \"touch {marker}\"}}",
            "write npm/prepare.js require(\"fs\").writeFileSync(\"{marker}\", \"\")",
            "write binding.gyp {\"targets\": []}\nwrite .npmrc <<END\nnode-gyp={marker}\nscript-shell=./shell\nEND\n\
             write shell <<END\n#!/bin/sh\ntouch {marker}\nEND\nmode shell 755",
        ],
        before: "",
        after: "npm install --offline --no-audit --no-fund --no-update-notifier",
    },
    Tool {
        program: "make",
        size: Size::Small,
        files: &[("Makefile", "include rules.mk\nall:\n"), ("rules.mk", "")],
        scripts: &[
            "write rules.mk $(shell touch {marker})",
            "write Makefile $(shell touch {marker})",
        ],
        before: "",
        after: "make",
    },
    Tool {
        program: "git",
        size: Size::Small,
        files: &[
            (".githooks/pre-commit", "#!/bin/sh\n. git/check.sh\n"),
            ("git/check.sh", ""),
        ],
        scripts: &[
            "write git/check.sh touch {marker}",
            "write .githooks/post-commit <<END\n#!/bin/sh\ntouch {marker}\nEND\nmode .githooks/post-commit 755",
            "delete .githooks\nwrite aside/pre-commit <<END\n#!/bin/sh\ntouch {marker}\nEND\n\
             mode aside/pre-commit 755\nsymlink .githooks aside",
        ],
        before: "chmod +x .githooks/pre-commit; git config core.hooksPath .githooks",
        after: "git -c user.name=x -c user.email=x@example.com commit --quiet --allow-empty --message next",
    },
    Tool {
        program: "pre-commit",
        size: Size::Small,
        files: &[
            (
                ".pre-commit-config.yaml",
                "repos:\n- repo: local\n  hooks:\n  - id: check\n    name: check\n    language: system\n    \
                 entry: sh pre-commit/check.sh\n    always_run: true\n    pass_filenames: false\n",
            ),
            ("pre-commit/check.sh", ""),
        ],
        scripts: &[
            "write pre-commit/check.sh touch {marker}",
            "write .pre-commit-config.yaml <<END\nrepos:\n- repo: local\n  hooks:\n  - {id: x, name: x, language: system, \
             entry: touch {marker}, always_run: true, pass_filenames: false}\nEND",
        ],
        before: "",
        after: "pre-commit run --all-files",
    },
    Tool {
        program: "direnv",
        size: Size::Small,
        files: &[(".envrc", ". direnv/env.sh\n"), ("direnv/env.sh", "")],
        scripts: &["write direnv/env.sh touch {marker}"],
        before: "direnv allow .",
        after: "direnv exec . true",
    },
    Tool {
        program: "mvn",
        size: Size::Large,
        files: &[(".mvn/maven.config", "")],
        scripts: &[
            "write .mvn/jvm.config -Xlog:gc:file={marker}",
            "write java/jvm.config -Xlog:gc:file={marker}\ndelete .mvn\nsymlink .mvn java",
        ],
        before: "",
        after: "mvn --offline --version",
    },
    Tool {
        program: "gradle",
        size: Size::Slow,
        files: &[
            ("settings.gradle", ""),
            ("build.gradle", "apply from: \"gradle/rules.txt\"\n"),
            ("gradle/rules.txt", ""),
        ],
        scripts: &[
            "write gradle.properties org.gradle.jvmargs=-Xlog:gc:file={marker}",
            "write java/options org.gradle.jvmargs=-Xlog:gc:file={marker}\nsymlink gradle.properties java/options",
            "write settings.gradle new File(\"{marker}\").text = \"\"",
            "write gradle/rules.txt new File(\"{marker}\").text = \"\"",
            "write buildSrc/build.gradle new File(\"{marker}\").text = \"\"",
            "write home/.gradle/init.gradle new File(\"{marker}\").text = \"\"",
        ],
        before: "",
        after: "GRADLE_USER_HOME=home/.gradle gradle --offline --no-daemon help",
    },
    // Not a program of its own: what the person's shell runs by that name.
    Tool {
        program: "sh",
        size: Size::Small,
        files: &[("gradlew", "")],
        scripts: &[
            "write gradlew touch {marker}",
            "delete gradlew\nwrite x touch {marker}\nsymlink gradlew x",
        ],
        before: "",
        after: "sh gradlew",
    },
];

impl Tool {
    /// Whether this run of the tests has the time for it.
    fn is_asked_for(&self) -> bool {
        self.size != Size::Slow || size(false, true)
    }

    fn is_there(&self) -> bool {
        let there = Command::new("sh")
            .args(["-c", &format!("command -v {}", self.program)])
            .output();
        there.unwrap().status.success()
    }

    /// Does this by `sh`, with a home folder of its own, and says what came of it; whether it succeeds does not matter.
    fn call(repository: &TestRepository, commands: &str) -> String {
        let outside = repository.outside();
        let mut command = Command::new("sh");
        command
            .args(["-c", commands])
            .current_dir(repository.path())
            .env("HOME", outside.join("home"))
            .env("XDG_DATA_HOME", outside.join("home/data"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("CARGO_TARGET_DIR", outside.join("target"))
            .env("RUSTUP_HOME", rustup_home())
            .env_remove("RUSTC_WRAPPER");
        format!("`{commands}`: {:?}", command.output().unwrap())
    }
}

/// Where the toolchain lies that built this test; a home folder of its own has none.
fn rustup_home() -> std::path::PathBuf {
    let toolchain = Path::new(env!("CARGO")).ancestors().nth(4);
    toolchain.unwrap_or(Path::new("")).to_owned()
}

fn repository<'tool>(tools: impl IntoIterator<Item = &'tool Tool>) -> TestRepository {
    let repository = TestRepository::empty();
    repository.write(
        ".gitignore",
        "/target\n/Cargo.lock\n/package-lock.json\n/.gradle\n/node_modules\n",
    );
    for tool in tools {
        for (path, text) in tool.files {
            repository.write(path, text);
        }
    }
    repository
}

fn no_tool_runs_what_an_agent_planted(engine: TestEngine) {
    let mut tools: Vec<&Tool> = Vec::new();
    for tool in TOOLS.iter().filter(|tool| tool.is_asked_for()) {
        match (tool.is_there(), tool.size) {
            (true, _) => tools.push(tool),
            (false, Size::Small) => absent(&format!("program `{}`", tool.program)),
            (false, Size::Large | Size::Slow) => skip(&format!("no program `{}`", tool.program)),
        }
    }
    let mut list = Config::default().protected_paths;
    list.extend(["**/Makefile", "**/*.gradle"].map(str::to_owned));
    let list = serde_json::to_string(&list).unwrap();
    let more = format!("stitch: {{max_attempts: 1}}\nprotected_paths: {list}\n");
    let project = Project::on(engine, repository(tools.iter().copied()), &more);
    let marker = project.repository.outside().join("marker");
    let scripts: Vec<_> = tools.iter().flat_map(|tool| tool.scripts).collect();
    for script in &scripts {
        project.add("planted", &script.replace("{marker}", marker.to_str().unwrap()));
    }
    for tool in &tools {
        Tool::call(&project.repository, tool.before);
    }
    project.run(&["generator", "run"]).expect(7);
    for (index, script) in scripts.iter().enumerate() {
        let issue = project.issue(&format!("cw-{}", index + 1));
        assert_eq!(issue["attempts"][0]["outcome"], "protected_path", "{script}: {issue:#}");
    }
    project.run(&["generator", "stop"]).expect(0);
    for tool in &tools {
        let said = Tool::call(&project.repository, tool.after);
        assert!(!marker.exists(), "{} ran what an agent planted: {said}", tool.program);
    }
}

/// Each script by itself, where nobody holds it back.
#[test]
fn every_tool_runs_it_in_a_plain_checkout() {
    for tool in TOOLS.iter().filter(|tool| tool.is_asked_for() && tool.is_there()) {
        for script in tool.scripts {
            let repository = repository([tool]);
            repository.commit("a project");
            let marker = repository.outside().join("marker");
            fs::create_dir_all(repository.outside().join("home")).unwrap();
            Tool::call(&repository, tool.before);
            agent(
                &repository.path(),
                &script.replace("{marker}", marker.to_str().unwrap()),
            );
            let said = Tool::call(&repository, tool.after);
            assert!(marker.exists(), "{} does not run it: {script}\n{said}", tool.program);
        }
    }
}

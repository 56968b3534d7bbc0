//! `package.json`, with npm, pnpm, yarn or bun.

use serde_json::Value;

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::manifest::{json, json_texts};
use super::tree::Folder;

const MANIFEST: &str = "package.json";
pub(super) const ENDINGS: [&str; 11] = [
    "astro", "cjs", "cts", "js", "jsx", "mjs", "mts", "svelte", "ts", "tsx", "vue",
];

/// Names of scripts, the usual ones first; the first that exists counts.
const LINT: [&str; 4] = ["lint", "lint:check", "eslint", "check:lint"];
const FORMAT: [&str; 5] = [
    "format:check",
    "check:format",
    "format-check",
    "fmt:check",
    "prettier:check",
];
const TYPES: [&str; 8] = [
    "typecheck",
    "type-check",
    "types:check",
    "check-types",
    "check:types",
    "type:check",
    "tsc",
    "types",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    /// Yarn 1.
    Classic,
    /// Yarn 2 and later.
    Berry,
    Bun,
}

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let manifest = json(folder.text(MANIFEST));
    let members = members(folder, &manifest);
    let is_stub = [
        "scripts",
        "dependencies",
        "devDependencies",
        "name",
        "bin",
        "workspaces",
    ]
    .iter()
    .all(|key| manifest[*key].is_null());
    // Such a file only says how the files beside it are loaded.
    if is_stub && !folder.is_root() {
        return Vec::new();
    }
    let manager = Manager::of(folder, &manifest);
    let mut tools = vec!["node".to_owned()];
    match manager {
        Manager::Npm => tools.push("npm".to_owned()),
        Manager::Bun => tools = vec!["bun".to_owned()],
        _ => tools.push(manager.name().to_owned()),
    }
    vec![DetectedProject {
        ecosystem: Ecosystem::Node,
        folder: folder.name(),
        manifest: MANIFEST.to_owned(),
        package_manager: manager.name().to_owned(),
        source_dirs: source_dirs(folder, &ENDINGS, &[]),
        commands: commands(folder, &manifest, manager, &members),
        tools,
        hosts: match manager {
            Manager::Classic | Manager::Berry => vec!["yarn"],
            _ => vec!["npm"],
        },
        names: names(&manifest),
        members,
    }]
}

impl Manager {
    /// Reads it from `packageManager`, as corepack does, else from the lock file; without either it is npm.
    fn of(folder: Folder<'_>, manifest: &Value) -> Self {
        let is_classic = || folder.text("yarn.lock").contains("yarn lockfile v1");
        let named = manifest["packageManager"].as_str().unwrap_or_default();
        match named.split('@').next().unwrap_or_default() {
            "pnpm" => Self::Pnpm,
            "bun" => Self::Bun,
            "npm" => Self::Npm,
            "yarn" if named.starts_with("yarn@1.") => Self::Classic,
            "yarn" => Self::Berry,
            _ if folder.has("pnpm-lock.yaml") || folder.has("pnpm-workspace.yaml") => Self::Pnpm,
            _ if folder.has("yarn.lock") && is_classic() => Self::Classic,
            _ if folder.has_any(&["yarn.lock", ".yarnrc.yml"]) => Self::Berry,
            _ if folder.has_any(&["bun.lock", "bun.lockb"]) => Self::Bun,
            _ => Self::Npm,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Classic | Self::Berry => "yarn",
            Self::Bun => "bun",
        }
    }

    /// Returns the command that runs a script.
    fn run(self, script: &str) -> String {
        match (self, script) {
            // `bun test` is a test runner of its own.
            (Self::Npm | Self::Pnpm | Self::Classic | Self::Berry, "test") => format!("{} test", self.name()),
            _ => format!("{} run {script}", self.name()),
        }
    }

    /// Returns the command that runs a program of a dependency.
    fn execute(self, program: &str) -> String {
        match self {
            Self::Npm => format!("npx --no-install {program}"),
            Self::Pnpm => format!("pnpm exec {program}"),
            Self::Classic | Self::Berry => format!("yarn run {program}"),
            Self::Bun => format!("bunx --no-install {program}"),
        }
    }

    /// Returns the command that runs a script in every member that has it; none where the manager knows no such one.
    fn run_everywhere(self, script: &str) -> Option<String> {
        match self {
            Self::Npm => Some(format!("npm run {script} --workspaces --if-present")),
            Self::Pnpm => Some(format!("pnpm --recursive run {script}")),
            Self::Classic => None,
            Self::Berry => Some(format!("yarn workspaces foreach --all run {script}")),
            Self::Bun => Some(format!("bun run --filter '*' {script}")),
        }
    }

    fn install(self, folder: Folder<'_>) -> &'static str {
        let has_lock = folder.has_any(&["package-lock.json", "npm-shrinkwrap.json"]);
        match self {
            Self::Npm if has_lock => "npm ci",
            Self::Npm => "npm install",
            Self::Pnpm => "pnpm install --frozen-lockfile",
            Self::Classic => "yarn install --frozen-lockfile",
            Self::Berry => "yarn install --immutable",
            Self::Bun => "bun install --frozen-lockfile",
        }
    }
}

fn commands(folder: Folder<'_>, manifest: &Value, manager: Manager, members: &[String]) -> Commands {
    let scripts: Vec<Value> = members.iter().map(|member| scripts_of(folder, member)).collect();
    let find = |names: &[&str]| {
        let own = names.iter().find(|name| has_script(&manifest["scripts"], name));
        let everywhere = || {
            let name = names
                .iter()
                .find(|name| scripts.iter().any(|scripts| has_script(scripts, name)))?;
            manager.run_everywhere(name)
        };
        own.map(|name| manager.run(name)).or_else(everywhere)
    };
    let depends = |name: &str| {
        ["dependencies", "devDependencies"]
            .iter()
            .any(|kind| !manifest[*kind][name].is_null())
    };
    let mut commands = Commands {
        setup: vec![manager.install(folder).to_owned()],
        build: find(&["build"]).into_iter().collect(),
        test: find(&["test", "test:unit"]).into_iter().collect(),
        lint: [find(&LINT), find(&FORMAT)].into_iter().flatten().collect(),
        type_check: find(&TYPES).into_iter().collect(),
    };
    if commands.test.is_empty() && manager == Manager::Bun && has_bun_tests(folder) {
        commands.test.push("bun test".to_owned());
    }
    let has_eslint = || {
        folder
            .here()
            .any(|name| name.starts_with("eslint.config.") || name.starts_with(".eslintrc"))
    };
    if commands.lint.is_empty() && depends("eslint") && has_eslint() {
        commands.lint.push(manager.execute("eslint ."));
    }
    if commands.lint.is_empty() && depends("@biomejs/biome") && folder.has_any(&["biome.json", "biome.jsonc"]) {
        commands.lint.push(manager.execute("biome check"));
    }
    if commands.type_check.is_empty() && depends("typescript") && folder.has("tsconfig.json") {
        commands.type_check.push(manager.execute("tsc --noEmit"));
    }
    commands
}

/// Returns whether a script exists; npm's own stub of `test`, which fails, does not count.
fn has_script(scripts: &Value, name: &str) -> bool {
    let script = scripts[name].as_str().unwrap_or_default();
    !script.is_empty() && !script.contains("no test specified")
}

/// Returns whether there are tests by the names that bun looks for.
fn has_bun_tests(folder: Folder<'_>) -> bool {
    folder.files().any(|file| {
        [".test.", "_test.", ".spec.", "_spec."].iter().any(|part| {
            let end = file.rsplit_once(part).map(|(_, end)| end);
            end.is_some_and(|end| ["ts", "tsx", "js", "jsx"].contains(&end))
        })
    })
}

fn scripts_of(folder: Folder<'_>, member: &str) -> Value {
    let below = member.strip_prefix(&folder.join("")).unwrap_or(member);
    json(folder.text(&format!("{below}/{MANIFEST}")))["scripts"].take()
}

fn members(folder: Folder<'_>, manifest: &Value) -> Vec<String> {
    let workspaces = &manifest["workspaces"];
    let mut globs = json_texts(workspaces);
    globs.extend(json_texts(&workspaces["packages"]));
    globs.extend(pnpm_packages(folder.text("pnpm-workspace.yaml")));
    folder.members(&globs, MANIFEST)
}

/// Returns the items of the list `packages` of a `pnpm-workspace.yaml`, read by line: one glob stands on each.
fn pnpm_packages(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| line.trim_end() != "packages:").skip(1);
    let items = lines.take_while(|line| line.trim().is_empty() || line.starts_with([' ', '-', '#']));
    let globs = items.filter_map(|line| line.trim().strip_prefix("- "));
    globs
        .map(|glob| {
            glob.split(" #")
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\''])
                .to_owned()
        })
        .collect()
}

fn names(manifest: &Value) -> Names {
    let name = manifest["name"].as_str().map(str::to_owned);
    let binary = match &manifest["bin"] {
        Value::Object(programs) => programs.keys().next().cloned(),
        Value::String(_) => name
            .as_ref()
            .and_then(|name| name.rsplit('/').next())
            .map(str::to_owned),
        _ => None,
    };
    Names {
        module_path: name,
        binary_name: binary,
        main_package: None,
    }
}

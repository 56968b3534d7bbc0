//! The commands of a file that check something.

use super::scopes;
use crate::project::tampering::pattern::pattern;

/// What a command checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Test,
    Lint,
    Format,
    /// Something of the project's own, which may run any of the others.
    Script,
}

/// A command that checks something.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) path: String,
    pub(super) line: usize,
    /// The tool, without its arguments.
    pub(super) name: String,
    pub(super) class: Class,
    /// Why its failure does not count.
    pub(super) ignored: Option<String>,
    /// The words by which it leaves something out.
    pub(super) leaves_out: Vec<String>,
    /// Whether warnings fail it.
    pub(super) is_strict: bool,
}

/// Finds the commands of a file.
pub(super) fn of(path: &str, text: &str) -> Vec<Check> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if matches!(name, "package.json" | "composer.json") {
        return of_scripts(path, text);
    }
    let is_yaml = pattern!(r"\.ya?ml$").is_match(name);
    let ignored = if is_yaml { scopes::ignored(text) } else { Vec::new() };
    let lines: Vec<&str> = text.lines().collect();
    let sets_lax = lines
        .iter()
        .position(|line| pattern!(r"^\s*set\s+\+e\b").is_match(line));
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(command) = command_of(line, is_yaml) else {
            continue;
        };
        let around = ignored.get(index).cloned().flatten();
        let around = around.or_else(|| sets_lax.filter(|lax| *lax < index).map(|_| "set +e".to_owned()));
        found.extend(of_line(path, index + 1, command, around.as_deref()));
    }
    found
}

/// Finds the commands among the scripts of a `package.json` or `composer.json`, each of which has a line of its own.
fn of_scripts(path: &str, text: &str) -> Vec<Check> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        return Vec::new();
    };
    let Some(scripts) = value.get("scripts").and_then(serde_json::Value::as_object) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, script) in scripts {
        let key_text = format!("\"{key}\"");
        let line = text
            .lines()
            .position(|line| line.trim_start().starts_with(&key_text))
            .map_or(1, |line| line + 1);
        let commands = match script {
            serde_json::Value::Array(all) => all.iter().filter_map(serde_json::Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        };
        for command in commands {
            found.extend(of_line(path, line, command, None));
        }
    }
    found
}

/// Returns the command in a line: without the key or the sign of a list before it, and without its comment.
fn command_of(line: &str, is_yaml: bool) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') || line.starts_with("//") {
        return None;
    }
    let line = line.split_once(" # ").map_or(line, |(command, _)| command.trim_end());
    let rest = pattern!(r"^(?:-\s+)?(?:\w[\w.-]*\s*[:=]\s+)?[|>]?[-+]?\s*")
        .find(line)
        .filter(|_| is_yaml);
    let key = pattern!(r"^(?:-\s+)?(\w[\w.-]*)\s*[:=]\s").captures(line);
    if let Some(key) = key.as_ref().and_then(|key| key.get(1)) {
        let runs = matches!(
            key.as_str(),
            "run"
                | "script"
                | "scripts"
                | "command"
                | "commands"
                | "cmd"
                | "entry"
                | "test_script"
                | "sh"
                | "bash"
                | "before_script"
                | "after_script"
        );
        if !runs {
            return None;
        }
        let behind = line.find([':', '=']).map_or(line, |at| line[at + 1..].trim());
        return Some(behind.trim_matches(['"', '\'', '[', ']']));
    }
    let line = rest.map_or(line, |rest| &line[rest.end()..]);
    Some(line.trim_matches(['"', '\'']))
}

/// Finds the checks in a line of a shell.
fn of_line(path: &str, line: usize, command: &str, around: Option<&str>) -> Vec<Check> {
    let is_lax = command.starts_with('-') || command.starts_with("@-");
    let whole = command.trim_start_matches(['@', '-', '+']).trim_start();
    let lax =
        pattern!(r"\|\|\s*(?:true|:|exit\s+0|echo\b.*|/bin/true|\(?exit 0\)?)\s*\)?\s*$|;\s*(?:true|exit\s+0)\s*$")
            .find(whole);
    let mut found = Vec::new();
    for segment in pattern!(r"&&|\|\||;|\|").split(whole) {
        let segment = without_wrapper(segment.trim().trim_start_matches('('));
        let Some((name, class)) = check_of(segment) else {
            continue;
        };
        let ignored = lax.map(|lax| lax.as_str().trim().to_owned());
        let own = pattern!(r"--exit-zero|--passWithNoTests|--if-present")
            .find(segment)
            .map(|found| found.as_str().to_owned());
        let ignored = ignored
            .or(own)
            .or_else(|| is_lax.then(|| "-".to_owned()))
            .or_else(|| around.map(str::to_owned));
        let left_out = pattern!(
            r"--ignore(?:-glob)?[= ]\S+|--deselect[= ]\S+|--skip[= ]\S+|--exclude(?:-tag|-group)?[= ]\S+|-[km][ =]?[\x22']?not\b[^\x22']*|--testPathIgnorePatterns[= ]?\S*|-DskipTests\S*|-Dmaven\.test\.skip\S*|--tag[ =]~\S+|-x\s+(?:test|check)\b|--no-tests\S*|-skip[= ]\S+"
        );
        found.push(Check {
            path: path.to_owned(),
            line,
            name,
            class,
            ignored,
            leaves_out: if class == Class::Test {
                left_out
                    .find_iter(segment)
                    .map(|found| found.as_str().to_owned())
                    .collect()
            } else {
                Vec::new()
            },
            is_strict: pattern!(
                r"-D\s*warnings|-Werror|--max-warnings[= ]0|--strict\b|--error-on-warnings|--warnings-as-errors"
            )
            .is_match(segment),
        });
    }
    found
}

/// Returns a command without what only prepares it: variables, `sudo`, and the tools that run others.
fn without_wrapper(command: &str) -> &str {
    let wrappers = pattern!(
        r"^(?:(?:[A-Z_][A-Z0-9_]*=\S*|sudo|exec|time|xvfb-run|bundle exec|poetry run|uv run|pipenv run|hatch run|rye run|pdm run|npx(?: --yes)?|pnpm (?:exec|dlx)|yarn (?:exec|dlx)|bunx|dotenv --|cross-env|coverage run -m|python3? -m|vendor/bin/|\./vendor/bin/|php vendor/bin/|\./node_modules/\.bin/|node_modules/\.bin/|bin/|\./bin/|retry|timeout \S+|env)\s*)+"
    );
    match wrappers.find(command) {
        Some(found) => &command[found.end()..],
        None => command,
    }
}

/// Returns what a command checks, and the name by which it is compared.
fn check_of(command: &str) -> Option<(String, Class)> {
    let test = pattern!(
        r"^(?:cargo (?:\+\S+ )?(?:test|nextest|t|tarpaulin|llvm-cov)\b|(?:npm|pnpm|yarn|bun)(?: run)? (?:t|test|coverage)\b[\w:-]*|deno (?:task )?test\b|jest\b|vitest\b|mocha\b|ava\b|tap\b|c8\b|nyc\b|playwright test|cypress run|node --test|pytest\b|py\.test\b|unittest\b|nose2\b|tox\b|nox\b|(?:python3? )?manage\.py test|go test\b|gotestsum\b|\.?/?mvnw? .*\b(?:test|verify|install|package)\b|\.?/?gradlew? .*\b(?:\w*[tT]est|check|build)\b|ctest\b|dotnet test\b|rspec\b|rake(?: test| spec)?$|rails test\b|phpunit\b|pest\b|composer (?:run )?test\b|(?:php )?artisan test\b|mix test\b|swift test\b|xcodebuild .*\btest\b|bazel test\b|bats\b)"
    );
    let lint = pattern!(
        r"^(?:cargo (?:\+\S+ )?(?:clippy|check|deny|audit|doc)\b|(?:npm|pnpm|yarn|bun)(?: run)? (?:lint|typecheck|type-check|check|audit)\b[\w:-]*|eslint\b|biome\b|oxlint\b|stylelint\b|tsc\b|ruff(?: check)?\b|flake8\b|pylint\b|mypy\b|pyright\b|bandit\b|golangci-lint\b|go vet\b|staticcheck\b|rubocop\b|phpstan\b|psalm\b|mix (?:credo|dialyzer)\b|swiftlint\b|shellcheck\b|detekt\b|ktlint\b|clang-tidy\b|cppcheck\b|actionlint\b)"
    );
    let format = pattern!(
        r"^(?:cargo (?:\+\S+ )?fmt\b|prettier\b|black\b|isort\b|gofmt\b|rustfmt\b|mix format\b|clang-format\b|(?:npm|pnpm|yarn|bun)(?: run)? format\b[\w:-]*)"
    );
    let script = pattern!(
        r"^(?:make\b|just\b|task\b|\./|bash |sh |(?:npm|pnpm|yarn|bun) run \S+|cargo (?:xtask|make|x)\b|pre-commit run|invoke\b|nx\b|turbo\b|composer (?:run )?\S+|rake \S+)"
    );
    let classes = [
        (test, Class::Test),
        (lint, Class::Lint),
        (format, Class::Format),
        (script, Class::Script),
    ];
    classes.into_iter().find_map(|(words, class)| {
        let found = words.find(command)?;
        Some((name_of(found.as_str()), class))
    })
}

/// Returns a tool without what does not matter for whether it is still run: a toolchain, `run`.
fn name_of(found: &str) -> String {
    let mut words = found
        .split_whitespace()
        .filter(|word| !word.starts_with('+') && *word != "run");
    let first = words.next().unwrap_or_default().trim_start_matches("./");
    match words.next_back() {
        Some(last) => format!("{first} {last}"),
        None => first.to_owned(),
    }
}

//! Python: pip, uv, poetry, pdm, pipenv and hatch, and the tools that are configured.

use toml::Table;

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::manifest::{at, text_at, texts_at, toml};
use super::tree::{Folder, shell_word};

/// Files by which a project is found, the most telling first.
const MANIFESTS: [&str; 6] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "requirements.txt",
    "manage.py",
];
/// Files that name what a project needs for its development.
const REQUIREMENTS: [&str; 6] = [
    "requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "test-requirements.txt",
];

/// A project's folder, with its settings read once.
struct Python<'tree> {
    folder: Folder<'tree>,
    settings: Table,
    /// `setup.cfg` and `tox.ini`, which have sections of many tools.
    sections: String,
}

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let Some(manifest) = folder.first(&MANIFESTS) else {
        return Vec::new();
    };
    let project = Python::new(folder);
    // Other tools keep their settings in these files, too.
    if manifest == "pyproject.toml" && !project.is_python() {
        return Vec::new();
    }
    let manager = project.manager();
    let mut tools = vec!["python3".to_owned()];
    if manager != "pip" {
        tools.push(manager.to_owned());
    }
    let globs = texts_at(&project.settings, &["tool", "uv", "workspace", "members"]);
    let members = folder.members(&globs, "pyproject.toml");
    let mut commands = project.commands(manager);
    if commands.test.is_empty() {
        commands.test = tests_of(folder, &members);
    }
    for (command, tool) in [("tox", "tox"), ("nox", "nox")] {
        if commands.test.iter().any(|test| test.ends_with(command)) {
            tools.push(tool.to_owned());
        }
    }
    let name = text_at(&project.settings, &["project", "name"])
        .or_else(|| text_at(&project.settings, &["tool", "poetry", "name"]));
    vec![DetectedProject {
        ecosystem: Ecosystem::Python,
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: manager.to_owned(),
        members,
        source_dirs: source_dirs(folder, &["py", "pyi", "pyx"], &[]),
        commands,
        tools,
        hosts: vec!["pip"],
        names: Names::module(name),
    }]
}

/// Returns how the tests of the members of a workspace are run, each in its folder: uv installs what a member needs.
fn tests_of(folder: Folder<'_>, members: &[String]) -> Vec<String> {
    let tested = members
        .iter()
        .filter(|member| Python::new(folder.below(member)).has_pytest());
    let commands = tested.map(|member| {
        let path = member.strip_prefix(&folder.join("")).unwrap_or(member);
        format!("uv run --directory {} pytest", shell_word(path))
    });
    commands.collect()
}

impl<'tree> Python<'tree> {
    fn new(folder: Folder<'tree>) -> Self {
        Self {
            folder,
            settings: toml(folder.text("pyproject.toml")),
            sections: folder.texts(&["setup.cfg", "tox.ini"]),
        }
    }

    fn is_python(&self) -> bool {
        let has_package = self.settings.contains_key("project") || self.settings.contains_key("build-system");
        has_package || self.has_tool("poetry") || self.folder.has_ending(&[".py"])
    }

    fn has_tool(&self, name: &str) -> bool {
        at(&self.settings, &["tool", name]).is_some()
    }

    fn has_section(&self, name: &str) -> bool {
        self.sections.lines().any(|line| line.trim() == format!("[{name}]"))
    }

    /// Returns the program that installs what is needed: by lock file, then by settings; without either it is pip.
    fn manager(&self) -> &'static str {
        let folder = self.folder;
        let by_lock = [
            ("uv.lock", "uv"),
            ("poetry.lock", "poetry"),
            ("pdm.lock", "pdm"),
            ("Pipfile.lock", "pipenv"),
        ];
        let by_lock = by_lock
            .iter()
            .find(|(file, _)| folder.has(file))
            .map(|(_, manager)| *manager);
        let by_tool = ["uv", "poetry", "pdm"].into_iter().find(|name| self.has_tool(name));
        let has_hatch = at(&self.settings, &["tool", "hatch", "envs"]).is_some() || folder.has("hatch.toml");
        let others = [(folder.has("Pipfile"), "pipenv"), (has_hatch, "hatch")];
        let others = others
            .iter()
            .find(|(is_there, _)| *is_there)
            .map(|(_, manager)| *manager);
        by_lock.or(by_tool).or(others).unwrap_or("pip")
    }

    fn commands(&self, manager: &str) -> Commands {
        let run = |command: &str| match manager {
            "pip" => command.to_owned(),
            manager => format!("{manager} run {command}"),
        };
        Commands {
            setup: self.setup(manager).into_iter().collect(),
            build: match manager {
                "uv" | "poetry" | "pdm" | "hatch" if self.settings.contains_key("build-system") => {
                    vec![format!("{manager} build")]
                }
                _ => Vec::new(),
            },
            test: self.test(manager, &run).into_iter().collect(),
            lint: self.lint().into_iter().map(run).collect(),
            type_check: self.type_check().into_iter().map(run).collect(),
        }
    }

    fn setup(&self, manager: &str) -> Option<String> {
        let command = match manager {
            "uv" if self.folder.has("uv.lock") => "uv sync --locked",
            "uv" => "uv sync",
            "poetry" => "poetry install",
            "pdm" => "pdm install",
            "pipenv" => "pipenv install --dev",
            // They make environments of their own.
            _ if manager != "pip" || self.runner().is_some() => return None,
            _ => {
                let files = REQUIREMENTS.iter().filter(|file| self.folder.has(file));
                let files: Vec<String> = files.map(|file| format!("-r {file}")).collect();
                let is_package = self.settings.contains_key("project") || self.folder.has("setup.py");
                return match files.as_slice() {
                    [] if is_package => Some("python3 -m pip install --editable .".to_owned()),
                    [] => None,
                    files => Some(format!("python3 -m pip install {}", files.join(" "))),
                };
            }
        };
        Some(command.to_owned())
    }

    /// Returns the runner of test environments that is configured, where tests are not run by pytest itself.
    fn runner(&self) -> Option<&'static str> {
        let has_tox = self.folder.has("tox.toml") || self.has_tool("tox");
        let has_tox = has_tox || self.has_section("tox") || self.has_section("testenv");
        let runners = [(has_tox, "tox"), (self.folder.has("noxfile.py"), "nox")];
        let found = runners.into_iter().find(|(is_there, _)| *is_there)?.1;
        (!self.has_pytest()).then_some(found)
    }

    fn has_pytest(&self) -> bool {
        let folder = self.folder;
        let needs_pytest = || {
            let texts = folder.texts(&REQUIREMENTS) + folder.text("pyproject.toml") + folder.text("Pipfile");
            texts.contains("pytest") || folder.texts(&["setup.py", "setup.cfg"]).contains("pytest")
        };
        self.has_tool("pytest")
            || self.has_section("tool:pytest")
            || self.has_section("pytest")
            || folder.has_any(&["pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py"])
            || needs_pytest()
    }

    /// Returns how tests are run: pytest where it is configured or required, then the runners of test environments,
    /// then Django's own.
    fn test(&self, manager: &str, run: &dyn Fn(&str) -> String) -> Option<String> {
        match (self.has_pytest(), manager) {
            (true, "hatch") => return Some("hatch test".to_owned()),
            (true, "pip") => return Some("python3 -m pytest".to_owned()),
            (true, _) => return Some(run("pytest")),
            (false, _) => {}
        }
        let django = || self.folder.has("manage.py").then_some("python3 manage.py test");
        self.runner().or_else(django).map(run)
    }

    fn lint(&self) -> Vec<&'static str> {
        let folder = self.folder;
        let has_ruff = self.has_tool("ruff") || folder.has_any(&["ruff.toml", ".ruff.toml"]);
        let tools = [
            (has_ruff, "ruff check"),
            (folder.has(".flake8") || self.has_section("flake8"), "flake8"),
            (self.has_tool("black"), "black --check ."),
        ];
        tools
            .into_iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, command)| command)
            .collect()
    }

    fn type_check(&self) -> Vec<&'static str> {
        let folder = self.folder;
        let names_files = ["files", "packages", "modules"]
            .iter()
            .any(|key| at(&self.settings, &["tool", "mypy", key]).is_some());
        let has_mypy = self.has_tool("mypy") || folder.has_any(&["mypy.ini", ".mypy.ini"]) || self.has_section("mypy");
        let tools = [
            (has_mypy, if names_files { "mypy" } else { "mypy ." }),
            (self.has_tool("pyright") || folder.has("pyrightconfig.json"), "pyright"),
        ];
        tools
            .into_iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, command)| command)
            .collect()
    }
}

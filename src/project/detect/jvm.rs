//! Java and Kotlin, with Maven or Gradle.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::Folder;

const ENDINGS: [&str; 4] = ["groovy", "java", "kt", "scala"];
const GRADLE: [&str; 4] = [
    "settings.gradle.kts",
    "settings.gradle",
    "build.gradle.kts",
    "build.gradle",
];

/// Finds a project of each build tool: where there are both, the first is Maven's.
pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    maven(folder).into_iter().chain(gradle(folder)).collect()
}

fn maven(folder: Folder<'_>) -> Option<DetectedProject> {
    if !folder.has("pom.xml") {
        return None;
    }
    let text = folder.text("pom.xml");
    let has_wrapper = folder.has("mvnw");
    let program = if has_wrapper { "./mvnw" } else { "mvn" };
    let mut commands = Commands {
        build: vec![format!("{program} -B compile")],
        ..Commands::default()
    };
    if has_tests(folder) {
        commands.test.push(format!("{program} -B test"));
    }
    if text.contains("spotless-maven-plugin") {
        commands.lint.push(format!("{program} -B spotless:check"));
    }
    let modules = elements(text, "module");
    let members = modules
        .iter()
        .filter(|module| !module.starts_with(".."))
        .map(|module| folder.join(module));
    let tools = ["java"].into_iter().chain((!has_wrapper).then_some("mvn"));
    Some(DetectedProject {
        ecosystem: ecosystem(folder),
        folder: folder.name(),
        manifest: "pom.xml".to_owned(),
        package_manager: "maven".to_owned(),
        members: members.collect(),
        source_dirs: source_dirs(folder, &ENDINGS, &[]),
        commands,
        tools: tools.map(str::to_owned).collect(),
        hosts: vec!["maven"],
        names: Names::module(own_artifact(text)),
    })
}

fn gradle(folder: Folder<'_>) -> Option<DetectedProject> {
    let manifest = folder.first(&GRADLE)?;
    let has_wrapper = folder.has("gradlew");
    let program = if has_wrapper { "./gradlew" } else { "gradle" };
    let mut commands = Commands {
        build: vec![format!("{program} assemble")],
        ..Commands::default()
    };
    if has_tests(folder) {
        commands.test.push(format!("{program} test"));
    }
    let text = folder.texts(&GRADLE);
    for (plugin, task) in [
        ("spotless", "spotlessCheck"),
        ("detekt", "detekt"),
        ("ktlint", "ktlintCheck"),
    ] {
        if text.contains(plugin) {
            commands.lint.push(format!("{program} {task}"));
        }
    }
    let tools = ["java"].into_iter().chain((!has_wrapper).then_some("gradle"));
    Some(DetectedProject {
        ecosystem: ecosystem(folder),
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: "gradle".to_owned(),
        members: included(&text).iter().map(|path| folder.join(path)).collect(),
        source_dirs: source_dirs(folder, &ENDINGS, &[]),
        commands,
        tools: tools.map(str::to_owned).collect(),
        hosts: vec!["gradle", "maven"],
        names: Names::module(root_name(&text)),
    })
}

fn ecosystem(folder: Folder<'_>) -> Ecosystem {
    if folder.has_ending(&[".kt"]) && !folder.has_ending(&[".java"]) {
        return Ecosystem::Kotlin;
    }
    Ecosystem::Java
}

/// Returns whether there are tests at the place where both build tools look for them.
fn has_tests(folder: Folder<'_>) -> bool {
    folder
        .files()
        .any(|file| file.starts_with("src/test/") || file.contains("/src/test/"))
}

/// Returns the texts of all elements of a name in XML, comments left out: enough for names of files and artifacts.
fn elements(text: &str, name: &str) -> Vec<String> {
    let parts = text.split("<!--").enumerate();
    let visible = parts.map(|(index, part)| match (index, part.split_once("-->")) {
        (0, _) => part,
        (_, Some((_, rest))) => rest,
        (_, None) => "",
    });
    let visible: String = visible.collect();
    let open = format!("<{name}>");
    let found = visible.split(&open).skip(1).filter_map(|rest| rest.split_once("</"));
    found
        .map(|(value, _)| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect()
}

/// Returns the artifact of a `pom.xml` itself, which stands outside of the elements that name other artifacts.
fn own_artifact(text: &str) -> Option<String> {
    let mut rest = text.to_owned();
    for outer in [
        "parent",
        "dependencies",
        "dependencyManagement",
        "build",
        "profiles",
        "reporting",
    ] {
        while let Some(begin) = rest.find(&format!("<{outer}>")) {
            let close = format!("</{outer}>");
            let end = rest[begin..]
                .find(&close)
                .map_or(rest.len(), |end| begin + end + close.len());
            rest.replace_range(begin..end, "");
        }
    }
    elements(&rest, "artifactId").into_iter().next()
}

/// Returns the folders of the projects that Gradle's settings include: `:a:b` is at `a/b`.
fn included(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("include"));
    let lines = lines.filter(|line| line["include".len()..].starts_with([' ', '(', '\'', '"']));
    let quoted = lines.flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2));
    quoted
        .map(|path| path.trim_start_matches(':').replace(':', "/"))
        .collect()
}

fn root_name(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("rootProject.name"))?;
    let name = line.trim_matches(|c: char| c.is_whitespace() || "='\"".contains(c));
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_the_projects_own() {
        let text = "<project><parent><artifactId>boot</artifactId></parent><!-- <artifactId>no</artifactId> -->\n\
                    <artifactId> shoe </artifactId><dependencies><artifactId>x</artifactId></dependencies>";
        assert_eq!(own_artifact(text).as_deref(), Some("shoe"));
        assert_eq!(own_artifact("<project/>"), None);
        assert_eq!(own_artifact("<parent><artifactId>x</artifactId>"), None);
    }

    #[test]
    fn included_projects_are_folders() {
        let text = "include ':app', \":libs:core\"\nincludeBuild('x')\ninclude(\"web\")\n";
        assert_eq!(included(text), ["app", "libs/core", "web"]);
    }
}

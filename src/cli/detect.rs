//! `cordwainer config detect`.

use super::Context;
use crate::base::error::{Result, exit};
use crate::git::Git;
use crate::project::detect::{DetectedProject, Detection, detect};
use crate::project::read_tree;

/// How many items of a list are printed.
const MOST_ITEMS: usize = 8;

/// Prints what the repository is made of that contains the current folder; without a repository, the folder itself.
pub(super) fn execute(context: &Context) -> Result<u8> {
    let detection = if Git::is_anywhere(&context.directory) {
        of_repository(&Git::discover(&context.directory)?)?
    } else {
        detect(&read_tree(&context.directory, &|_| false)?)
    };
    if context.output.json {
        context.output.print_json(&detection)?;
    } else {
        context.output.print(page(&detection).trim_end())?;
    }
    Ok(exit::DONE)
}

/// Detects what a checkout is made of, without the folders that git ignores.
pub(super) fn of_repository(git: &Git) -> Result<Detection> {
    // What git cannot be asked about is looked at.
    let ignored = |path: &std::path::Path| git.ignores(&path.join("any")).unwrap_or(false);
    Ok(detect(&read_tree(git.workdir(), &ignored)?))
}

fn page(detection: &Detection) -> String {
    let mut page = String::new();
    for project in &detection.projects {
        page.push_str(&of_project(project));
        page.push('\n');
    }
    if detection.projects.is_empty() {
        page.push_str(if detection.has_code {
            "No ecosystem was recognized.\n"
        } else {
            "There is no code yet.\n"
        });
    }
    let unrecognized = detection.unrecognized.iter();
    let unrecognized: Vec<String> = unrecognized
        .map(|found| format!("{} ({})", found.name, found.file))
        .collect();
    let names = &detection.names;
    let keys = [
        ("module", &names.module_path),
        ("program", &names.binary_name),
        ("main package", &names.main_package),
    ];
    let called = keys
        .iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)));
    for (what, items) in [
        ("Not recognized", unrecognized),
        ("Documents", detection.documents.clone()),
        ("Names", called.collect()),
    ] {
        if !items.is_empty() {
            page.push_str(&format!("{what}: {}\n", listed(&items, ", ")));
        }
    }
    if detection.is_partial {
        page.push_str("There are more files than are looked at: something may be missing here.\n");
    }
    page
}

fn of_project(project: &DetectedProject) -> String {
    let place = if project.folder == "." {
        String::new()
    } else {
        format!(" in {}", project.folder)
    };
    let mut text = format!("{}{place} ({})\n", project.ecosystem.title(), project.manifest);
    let commands = &project.commands;
    let hosts: Vec<String> = project.hosts.iter().map(|host| (*host).to_owned()).collect();
    let manager = vec![project.package_manager.clone()];
    for (what, items, between) in [
        ("package manager", &manager, ", "),
        ("members", &project.members, ", "),
        ("source folders", &project.source_dirs, ", "),
        ("set up", &commands.setup, "; "),
        ("build", &commands.build, "; "),
        ("test", &commands.test, "; "),
        ("lint", &commands.lint, "; "),
        ("type check", &commands.type_check, "; "),
        ("tools", &project.tools, ", "),
        ("network.allow", &hosts, ", "),
    ] {
        if !items.is_empty() {
            text.push_str(&format!("  {what:<16} {}\n", listed(items, between)));
        }
    }
    text
}

/// Returns the first items of a list, and how many more there are.
fn listed(items: &[String], between: &str) -> String {
    let mut text = items.iter().take(MOST_ITEMS).cloned().collect::<Vec<_>>().join(between);
    if items.len() > MOST_ITEMS {
        text.push_str(&format!(" and {} more", items.len() - MOST_ITEMS));
    }
    text
}

//! `man`: the man pages of the program and its commands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::report::numbers::counted;

/// The arguments of `man`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder, which is made where it is missing
    folder: PathBuf,
}

pub(super) fn execute(args: &ManArgs, context: &Context) -> Result<u8> {
    let folder = context.directory.join(&args.folder);
    let count = write((context.program)(), &folder)?;
    let value = serde_json::json!({ "folder": folder, "pages": count });
    context.show(&value, || {
        format!("Wrote {} to `{}`.", counted(count, "page"), folder.display())
    })
}

/// Writes the pages of a tree of commands into a folder; returns how many there are.
pub(super) fn write(program: clap::Command, folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder).with_context(ErrorKind::Usage, || format!("cannot create `{}`", folder.display()))?;
    let pages = pages(program)?;
    for (name, page) in &pages {
        let path = folder.join(name);
        fs::write(&path, page).with_context(ErrorKind::Usage, || format!("cannot write `{}`", path.display()))?;
    }
    Ok(pages.len())
}

/// Returns the pages, each with the name of its file: `cordwainer-issues-list.1`.
fn pages(mut program: clap::Command) -> Result<Vec<(String, Vec<u8>)>> {
    program.build();
    let mut pages = Vec::new();
    add(&program, &mut pages)?;
    Ok(pages)
}

fn add(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page).context("cannot write a man page")?;
    pages.push((format!("{name}.1"), page));
    let mut listed = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help");
    listed.try_for_each(|below| add(below, pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names of all commands that help lists, as files are named.
    fn names(command: &clap::Command, name: &str) -> Vec<String> {
        let listed = command
            .get_subcommands()
            .filter(|below| !below.is_hide_set() && below.get_name() != "help");
        let mut found: Vec<String> = listed
            .flat_map(|below| names(below, &format!("{name}-{}", below.get_name())))
            .collect();
        found.push(format!("{name}.1"));
        found
    }

    #[test]
    fn every_command_has_a_page_that_is_whole() {
        let mut program = crate::cli::own_program();
        let pages = pages(program.clone()).unwrap();
        program.build();
        let mut written: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let mut expected = names(&program, "cordwainer");
        written.sort_unstable();
        expected.sort_unstable();
        assert_eq!(written, expected);
        assert!(pages.len() > 50, "{}", pages.len());
        for (name, page) in &pages {
            let page = String::from_utf8(page.clone()).unwrap();
            for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
                assert!(page.contains(section), "{name} has no `{section}`:\n{page}");
            }
            assert!(page.contains("Example"), "{name} has no example:\n{page}");
        }
    }
}

//! `cordwainer init`.

use clap::Args;

use super::Context;
use crate::base::error::{Result, exit};
use crate::git::{Git, Head};
use crate::setup::init::{InitOptions, InitReport, init};

/// Writes a configuration fitted to the repository; overwrites nothing.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// Also write the `xtask` crate and the cargo alias
    #[arg(long)]
    pub scaffold: bool,
}

/// Runs `cordwainer init` on the checkout that contains the current folder; its branch becomes the base branch.
pub(super) fn execute(args: &InitArgs, context: &Context) -> Result<u8> {
    let git = Git::discover(&context.directory)?;
    let base_branch = match git.head()? {
        Head::Branch { name, .. } | Head::Unborn { name } => Some(name),
        Head::Detached { .. } => None,
    };
    let options = InitOptions {
        scaffold: args.scaffold,
        base_branch,
    };
    let report = init(git.workdir(), &options)?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        tell(&report, context);
    }
    Ok(exit::DONE)
}

fn tell(report: &InitReport, context: &Context) {
    if !report.ecosystems.is_empty() {
        context.output.say(&format!("Found {}.", report.ecosystems.join(", ")));
    }
    for path in &report.written {
        context.output.say(&format!("Wrote {}.", path.display()));
    }
    for path in &report.kept {
        context.output.say(&format!("Left {} as it is.", path.display()));
    }
    for note in &report.notes {
        context.output.say(note);
    }
}

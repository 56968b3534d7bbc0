//! `cordwainer gc`: frees what is over.

use clap::Args;

use super::Context;
use crate::base::error::{Result, exit};
use crate::base::text::{one_line, sentence};
use crate::lifecycle::{GcOptions, GcReport, Generator};
use crate::report::numbers;

/// The options of `gc`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GcArgs {
    /// Print what would be freed, and free nothing
    #[arg(long)]
    dry_run: bool,
    /// Also free the archive of an ended generation, and with it work that was never merged: `NAME` or `NAME/NUMBER`;
    /// can be given several times
    #[arg(long, value_name = "GENERATION")]
    archive: Vec<String>,
}

pub(super) async fn execute(args: &GcArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let options = GcOptions {
        dry_run: args.dry_run,
        archives: args.archive.clone(),
    };
    let report = generator.gc(&options).await?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        let mut lines = lines(&report).into_iter();
        lines.try_for_each(|line| context.output.print(&line))?;
    }
    Ok(exit::DONE)
}

fn lines(report: &GcReport) -> Vec<String> {
    let verb = if report.dry_run { "Would free" } else { "Freed" };
    let freed = report.freed.iter().map(|one| {
        let size = one
            .bytes
            .map_or_else(String::new, |bytes| format!(" ({})", numbers::bytes(bytes)));
        sentence(&format!("{verb} {}{size}: {}", one.what, one_line(&one.why, 300)))
    });
    let kept = report.kept.iter().map(|one| {
        let why = one_line(&one.why, 300);
        sentence(&format!("Keeps {}: {why}", one.what))
    });
    let total = if report.freed.is_empty() {
        "There is nothing to free.".to_owned()
    } else {
        format!("{verb} {} in all.", numbers::bytes(report.bytes))
    };
    freed.chain(kept).chain([total]).collect()
}

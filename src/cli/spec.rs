//! `spec inspect`: what a document is, which items it has, and which mode fits it. No model is asked.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::base::error::{Result, exit};
use crate::base::text::one_line;
use crate::cli::Context;
use crate::cli::documents::documents;
use crate::cli::issues::document;
use crate::cli::mode::show_prompt;
use crate::issues::document::{DocumentItem, Reading, read};
use crate::issues::request::{REQUEST_LIMIT, Request};
use crate::lifecycle::StartOptions;
use crate::model::{ModeKind, RequestNeed};
use crate::project::detect::shell_word;
use crate::report::numbers::counted;
use crate::report::terminal;

/// The arguments of `spec`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SpecArgs {
    #[command(subcommand)]
    pub(super) command: SpecCommand,
}

/// The commands of `spec`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SpecCommand {
    /// Say what a document is, which items it has, and which mode fits it
    ///
    /// It reads Markdown and plain text in UTF-8: specifications, backlogs, bug reports, status reports and test plans. No
    /// model is asked, and nothing is changed.
    #[command(
        after_long_help = "Examples:\n  cordwainer spec inspect docs/backlog.md\n  cordwainer spec inspect report.txt --prompt"
    )]
    Inspect {
        /// Document to read; `-` reads stdin
        file: PathBuf,
        /// Print the prompt that its mode would send about it, instead of the reading
        #[arg(long)]
        prompt: bool,
    },
}

pub(super) fn execute(command: &SpecCommand, context: &Context) -> Result<u8> {
    let SpecCommand::Inspect { file, prompt } = command;
    let text = document::text(context, file)?;
    let reading = read(&text)?;
    if *prompt {
        return prompt_about(&reading, &text, file, context);
    }
    if context.output.json {
        context.output.print_json(&reading)?;
        return Ok(exit::DONE);
    }
    context.output.print_document(&shown(&reading, terminal::width()))?;
    context.output.say(&about_mode(reading.mode, &text, file, context));
    let open = reading.items.iter().filter(|item| !item.done).count();
    if open > 0 && file != Path::new("-") {
        let file = shell_word(&one_line(&file.display().to_string(), 200));
        let items = counted(open, "open item");
        context.output.say(&format!(
            "`cordwainer issues import {file}` files its {items} as tasks."
        ));
    }
    Ok(exit::DONE)
}

/// Prints the prompt of the first call that the recommended mode would make about a document.
fn prompt_about(reading: &Reading, text: &str, file: &Path, context: &Context) -> Result<u8> {
    let (mode, generator) = (reading.mode, context.open()?);
    let mut options = StartOptions {
        mode: Some(mode.name().to_owned()),
        ..StartOptions::default()
    };
    match mode.request() {
        RequestNeed::Never if mode.has_groups() => {
            options.documents = documents(&[file.display().to_string()], &generator, context)?;
        }
        RequestNeed::Never => {}
        RequestNeed::Optional | RequestNeed::Always => {
            let redacted = context.environment.redactor.text(text);
            options.request = Some(Request::new(&redacted, Vec::new())?);
        }
    }
    let (name, confidence, why) = (mode.name(), reading.mode_confidence, one_line(&reading.mode_why, 200));
    context.output.say(&format!(
        "The prompt of `{name}` ({confidence} %: {why}). No call is made."
    ));
    show_prompt(generator.measure_prompt(&options)?, false, context)
}

/// Returns which command does the work of a mode, and prints its prompt.
fn about_mode(mode: ModeKind, text: &str, file: &Path, context: &Context) -> String {
    let name = mode.name();
    let shown = shell_word(&one_line(&file.display().to_string(), 200));
    if mode.has_groups() {
        let named = [file.display().to_string()];
        let is_there = file != Path::new("-")
            && context
                .open()
                .and_then(|generator| documents(&named, &generator, context))
                .is_ok();
        if !is_there {
            return format!("Commit it in a repository; there `cordwainer {name} DOCUMENT` does it.");
        }
        return format!("`cordwainer {name} {shown}` does it; with `--prompt` it prints what would be asked.");
    }
    if text.len() > REQUEST_LIMIT {
        return format!(
            "It is larger than a request may be ({REQUEST_LIMIT} bytes): `cordwainer {name} --request-file FILE` does what a part of it asks for."
        );
    }
    format!("`cordwainer {name} --request-file {shown}` does it; with `--prompt` it prints what would be asked.")
}

/// Returns a reading for a person.
fn shown(reading: &Reading, width: Option<u16>) -> String {
    let title = if reading.title.is_empty() {
        "(without a title)"
    } else {
        &reading.title
    };
    let fact = |name: &str, value: &str| format!("{name:<8} {value}");
    let certain = |name: &str, confidence: u8, why: &str| format!("{name} ({confidence} %: {why})");
    let mut lines = vec![
        fact("title", title),
        fact(
            "kind",
            &certain(
                reading.kind.in_words(),
                reading.kind_confidence,
                &reading.kind_why.join("; "),
            ),
        ),
        fact(
            "mode",
            &certain(reading.mode.name(), reading.mode_confidence, &reading.mode_why),
        ),
    ];
    let done = reading.items.iter().filter(|item| item.done).count();
    let items = match (reading.items.len(), done) {
        (0, _) => "none".to_owned(),
        (all, done) => format!("{all}, {done} of them done"),
    };
    lines.push(fact("items", &items));
    if !reading.items.is_empty() {
        let header = ["line", "id", "state", "priority", "type", "title", "waits for"];
        let rows = reading.items.iter().map(row).collect();
        lines.extend([String::new(), terminal::table(&header, rows, width)]);
    }
    lines.join("\n")
}

fn row(item: &DocumentItem) -> Vec<String> {
    vec![
        item.line.to_string(),
        item.id.clone().unwrap_or_default(),
        if item.done { "done" } else { "open" }.to_owned(),
        item.priority.to_string(),
        item.issue_type.clone(),
        one_line(&item.title, 200),
        item.depends_on.join(", "),
    ]
}

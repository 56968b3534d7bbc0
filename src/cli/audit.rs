//! `audit` and `review`: have files read, and report what was found.

use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::ending::{self, StopArgs};
use super::request::RequestArgs;
use super::settings::{RunSettings, from_one};
use super::{Context, mode, showing, start};
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::interruption::Interruption;
use crate::base::text::{one_line, sentence};
use crate::config::Setting;
use crate::issues::request::Request;
use crate::issues::scope::{Scope, Subject, Then};
use crate::lifecycle::{Generator, RunOptions, RunSummary, StartOptions};
use crate::model::generation::GenerationName;
use crate::model::{ModeKind, Severity};
use crate::report::numbers::counted;
use crate::report::{plan, reading};

/// The options of `audit` and `review`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct AuditArgs {
    /// Files and folders to read [default: all that is committed]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read only what has changed since this revision, and what a branch changed since it left that one
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// What to look for: `security`, `performance`, `quality`, `accessibility`, `dependencies`, or `full` for all of them
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = subject)]
    types: Vec<Subjects>,
    /// Report nothing that is less than this: `critical`, `high`, `medium` or `low`
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = severity)]
    severity: Severity,
    /// Exit with 7 if anything is found that is as bad as this, or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severity, conflicts_with = "fix")]
    fail_on: Option<Severity>,
    /// File each finding as a task that is held until you release it, once for all times
    #[arg(long)]
    file_issues: bool,
    /// File each finding as a task, and do these
    #[arg(long, conflicts_with = "file_issues")]
    fix: bool,
    /// Merge the fixes when everything is done and the gates pass
    #[arg(long)]
    stop: bool,
    /// What to look at, in your words; `-` reads it from standard input
    #[arg(long, value_name = "TEXT")]
    request: Option<String>,
    #[command(flatten)]
    given: RequestArgs,
    /// Name of the generation, without the prefix [default: the mode, and the request or the current time]
    #[arg(long)]
    name: Option<String>,
    /// Read this revision [default: what is checked out; with `--fix` or `--file-issues` the base branch]
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Attempt this many tasks at most
    #[arg(long, value_name = "N", value_parser = from_one)]
    max_tasks: Option<u32>,
    /// Print what reading will take, by what was read here, and make no call
    #[arg(long, conflicts_with = "prompt")]
    estimate: bool,
    /// Print the prompt of the first part, and make no call
    #[arg(long)]
    prompt: bool,
    /// Print the sections and texts of the prompt with their sizes, instead of it
    #[arg(long, requires = "prompt")]
    parts: bool,
    /// Print which files would be read, in which parts, and what each will take, and make no call
    #[arg(long, conflicts_with_all = ["prompt", "estimate"])]
    dry_run: bool,
    #[command(flatten)]
    settings: RunSettings,
}

/// What one word of `--type` names.
#[derive(Clone, Debug)]
struct Subjects(Vec<Subject>);

fn subject(text: &str) -> Result<Subjects, String> {
    if text == "full" {
        return Ok(Subjects(Subject::ALL.into()));
    }
    let found = Subject::ALL.into_iter().find(|subject| subject.name() == text);
    found.map(|subject| Subjects(vec![subject])).ok_or_else(|| {
        let names = Subject::ALL.map(Subject::name).join("`, `");
        format!("expected `{names}` or `full`")
    })
}

fn severity(text: &str) -> Result<Severity, String> {
    let found = Severity::ALL.into_iter().find(|severity| severity.name() == text);
    found.ok_or_else(|| format!("expected `{}`", Severity::ALL.map(Severity::name).join("`, `")))
}

impl AuditArgs {
    /// Returns the keys of the configuration that the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.settings.of_review()
    }

    /// Returns what becomes of findings: what is asked for, or what the mode says.
    fn then(&self, mode: ModeKind, writes: bool) -> Result<Then> {
        let then = match (self.fix, self.file_issues) {
            (false, true) => Then::File,
            (true, _) => Then::Fix,
            _ if writes => Then::Fix,
            _ => Then::Report,
        };
        if then == Then::Fix && self.fail_on.is_some() {
            let message = format!(
                "`--fail-on` is about a report, and `modes.{mode}.writes` has findings fixed",
                mode = mode.name()
            );
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("leave one of the two out, or file what is found with `--file-issues`"));
        }
        let about_fixes = [("--stop", self.stop), ("--max-tasks", self.max_tasks.is_some())];
        if let Some((option, _)) = about_fixes.iter().find(|(_, is_given)| *is_given && then != Then::Fix) {
            let becomes = if then == Then::File { "filed" } else { "reported" };
            let message = format!("`{option}` is about fixes, and what is found is {becomes} alone");
            return Err(Error::new(ErrorKind::Usage, message).hint(format!(
                "`--fix` has it fixed; `modes.{mode}.writes: true` in the configuration has it fixed without",
                mode = mode.name()
            )));
        }
        Ok(then)
    }

    fn options(
        &self,
        (mode, then): (ModeKind, Then),
        generator: &Generator,
        context: &Context,
    ) -> Result<StartOptions> {
        let paths = self.paths.iter().map(|path| below_root(path, generator, context));
        let mut subjects: Vec<Subject> = self.types.iter().flat_map(|types| types.0.clone()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let scope = Scope {
            paths: paths.collect::<Result<_>>()?,
            since: self.since.clone(),
            subjects,
            severity: self.severity,
            then,
        };
        let words: Vec<String> = self.request.iter().cloned().collect();
        let request = self.given.read(&words, context)?;
        // Fixes are merged into the base branch, and what is merged there begins from there.
        let here = (then == Then::Report).then(|| "HEAD".to_owned());
        Ok(StartOptions {
            name: self.name.clone(),
            from: self.from.clone().or(here),
            mode: Some(mode.name().to_owned()),
            request: Some(Request::about(request, scope)),
            ..StartOptions::default()
        })
    }
}

/// Reads files, and reports what was found.
pub(super) async fn execute(mode: ModeKind, args: &AuditArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let writes = generator.config().mode_named(mode.name())?.writes;
    let then = args.then(mode, writes)?;
    let options = args.options((mode, then), generator, context)?;
    if args.dry_run {
        let plan = generator.reading_plan(&options)?;
        context.show(&plan, || reading::plan(&plan))?;
        return Ok(if plan.parts.is_empty() {
            exit::NOTHING_TO_DO
        } else {
            exit::DONE
        });
    }
    if args.prompt {
        return mode::show_prompt(generator.measure_prompt(&options)?, args.parts, context);
    }
    if args.estimate {
        let estimate = generator.estimate(&options)?;
        return context.show(&estimate, || plan::estimate(&estimate));
    }
    // What was typed about before is what the next command is about again.
    let before = generator.generation().ok();
    let (generation, cycles) = begin(then, generator, &options, context).await?;
    let chosen = generator.clone().choose(Some(generation.to_string()));
    let options = RunOptions {
        cycles,
        max_tasks: args.max_tasks,
        ..RunOptions::default()
    };
    let interruption = Interruption::default();
    let Some(done) = showing::run_shown(&chosen, options, &interruption, context).await? else {
        return Ok(exit::INTERRUPTED);
    };
    if done.ended.is_some()
        && let Some(before) = before.filter(|before| *before != generation)
    {
        generator.switch(before.as_str())?;
    }
    let code = reported(args, &done, generator, context)?;
    if !args.stop || done.ended.is_some() {
        return Ok(code);
    }
    if !mode::is_all_done(&done) {
        context
            .output
            .say(&format!("Not merged, because not everything is done: {}.", done.reason));
        return Ok(code);
    }
    ending::stop(&chosen, StopArgs::default(), interruption, context).await
}

/// Continues the generation of the options, or starts it; returns how many times its files are read, where that is not as ever.
async fn begin(
    then: Then,
    generator: &Generator,
    options: &StartOptions,
    context: &Context,
) -> Result<(GenerationName, Option<u32>)> {
    // A path or a revision that is not there is told before anything begins.
    let to_read = generator.to_read(options)?;
    let commit = &to_read.revision.as_str()[..10];
    let begun = if let Some(open) = generator.open_for(options)? {
        let again = generator.clone().choose(Some(open.to_string())).ask_again(then)?;
        context.output.say(&format!("Continuing {open}, which reads {commit}."));
        (generator.switch(open.as_str())?, again.then_some(1))
    } else if then == Then::Report {
        let done = generator.start(options).await?;
        let what = format!(
            "Reading {commit} ({}) in {}",
            one_line(options.from.as_deref().unwrap_or_default(), 100),
            done.generation
        );
        context.output.say(&sentence(&what));
        (done.generation, None)
    } else {
        (start::begin(generator, options, context).await?, None)
    };
    Ok(begun)
}

/// Tells where the report is, and returns the code of what it says.
fn reported(args: &AuditArgs, done: &RunSummary, generator: &Generator, context: &Context) -> Result<u8> {
    let run = done.run.as_str();
    let report = match generator.findings_report(Some(run)) {
        Ok((_, report)) => report,
        // It ended before it read anything, or had only tasks to do.
        Err(error) if error.kind() == ErrorKind::Usage => return Ok(done.exit_code),
        Err(error) => return Err(error),
    };
    if context.output.json {
        context.output.print_json_line(&report)?;
    } else {
        let folder = generator.state_dir().join("runs").join(run);
        let not_read = report.examined.not_read.len();
        let which = match not_read {
            0 => String::new(),
            _ => format!(", with {} that were not read, and why", counted(not_read, "file")),
        };
        context.output.print(&format!(
            "The report is in {} (`report.md`, `report.json`, `report.sarif`){which}.",
            folder.display()
        ))?;
    }
    let fails = args.fail_on.is_some_and(|severity| report.reaches(severity));
    Ok(match done.exit_code {
        exit::DONE if fails => exit::TASKS,
        code => code,
    })
}

/// Returns a path as the repository has it; the person gives it from the folder that they are in.
fn below_root(path: &Path, generator: &Generator, context: &Context) -> Result<String> {
    let shown = || one_line(&path.display().to_string(), 200);
    let outside = || {
        let message = format!("`{}` is not in the repository", shown());
        Error::new(ErrorKind::Usage, message).hint("name files and folders that are committed there")
    };
    let root = std::path::absolute(generator.git().workdir()).map_err(|_| outside())?;
    let folder = context.directory.canonicalize().map_err(|_| outside())?;
    let mut parts = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    let root = root.canonicalize().map_err(|_| outside())?;
    let below = parts.strip_prefix(&root).map_err(|_| outside())?;
    let text = below.to_str().ok_or_else(outside)?;
    Ok(if text.is_empty() {
        ".".to_owned()
    } else {
        text.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: AuditArgs,
    }

    fn then_of(line: &str, writes: bool) -> Result<Then, (ErrorKind, String)> {
        let words = std::iter::once("audit").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).unwrap();
        let then = line.args.then(ModeKind::Audit, writes);
        then.map_err(|error| {
            let hint = error.hint_text().unwrap_or_default();
            (error.kind(), format!("{error}\n{hint}"))
        })
    }

    #[test]
    fn options_about_fixes_go_with_whatever_has_findings_fixed() {
        for option in ["--stop", "--max-tasks 2"] {
            assert_eq!(then_of(option, true), Ok(Then::Fix));
            assert_eq!(then_of(&format!("--fix {option}"), false), Ok(Then::Fix));
            for (line, writes, becomes) in [
                (option.to_owned(), false, "reported"),
                (format!("--file-issues {option}"), false, "filed"),
                (format!("--file-issues {option}"), true, "filed"),
            ] {
                let (kind, text) = then_of(&line, writes).unwrap_err();
                let name = option.split(' ').next().unwrap();
                assert_eq!(kind, ErrorKind::Usage, "{line}");
                let says =
                    format!("`{name}` is about fixes, and what is found is {becomes} alone\n`--fix` has it fixed");
                assert!(text.starts_with(&says) && text.contains("modes.audit.writes"), "{text}");
            }
        }
        assert_eq!(then_of("--file-issues", true), Ok(Then::File));
        assert_eq!(then_of("", false), Ok(Then::Report));
    }
}

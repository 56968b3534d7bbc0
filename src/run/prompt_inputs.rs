//! What prompts are made from: documents and file lists of the generation's tip, templates of the person's checkout.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::config::{Config, OwnStage};
pub(crate) use crate::git::path_in_tree;
use crate::git::{EntryKind, Oid, TreeEntry};
use crate::issues::issue::{Issue, Issues};
use crate::issues::proposal;
use crate::project::Project;
use crate::project::protected::ProtectedPaths;
use crate::project::unmatched::document_glob;
use crate::prompt::{
    Document, MeasureContext, StageContext, StitchContext, Template, measure_template, render_measure, render_stage,
    render_stitch,
};
use crate::run::context::RunContext;

/// The largest document that is read for a prompt, in bytes: a larger one does not fit into any.
const DOCUMENT_LIMIT: u64 = 1024 * 1024;

/// Returns the limits of a batch of proposals, where so many of the measure are filed already.
pub(crate) fn proposal_limits(config: &Config, filed: usize) -> proposal::BatchLimits {
    let most = config
        .measure
        .max_per_cycle
        .filter(|most| *most > 0)
        .unwrap_or(config.max_issues)
        .min(config.max_issues);
    proposal::BatchLimits {
        max_issues: most.saturating_sub(u32::try_from(filed).unwrap_or(u32::MAX)),
        lines_min: config.estimated_lines_min,
        lines_max: config.estimated_lines_max,
        most_lines: config.max_estimated_lines,
        needs_proof: config.mode.proof,
    }
}

/// Returns what measure sees of the generation at `tip`, before any of its tasks is filed.
/// What is left out of it for another reason than its size is told to `warn`.
pub(crate) fn measure_context(
    project: &Project,
    issues: &Issues,
    tip: Oid,
    warn: &mut dyn FnMut(String),
) -> Result<MeasureContext> {
    let config = &project.config;
    let entries = project.git.files(tip)?;
    let documents = documents(project, &entries, warn)?;
    let paths = entries.iter().map(|entry| entry.path.display().to_string()).collect();
    Ok(MeasureContext::new(
        documents,
        paths,
        issues.iter(),
        proposal_limits(config, 0),
        config.user_prompt.clone(),
    )
    .with_request(issues.meta().request.as_ref()))
}

/// Renders measure's prompt, by the person's template if there is one.
pub(crate) fn measure_prompt(project: &Project, context: &MeasureContext) -> Result<String> {
    let config = &project.config;
    let custom = template(project, config.measure_template().map(|(_, path)| path))?;
    let built_in = measure_template(config.mode.kind);
    render_measure(custom.as_ref().map_or(built_in, CustomTemplate::borrow), context)
}

/// Renders the prompt of the next attempt at a task, from the generation at `tip`.
pub(crate) fn stitch_prompt(run: &RunContext, protected: &ProtectedPaths, issue: &Issue, tip: Oid) -> Result<String> {
    let config = &run.project.config;
    let mut failure = None;
    let mut context = StitchContext::new(issue, protected.listed(), |path| {
        // A path that an agent proposed: looked up in a tree, never on disk.
        text_of(run, tip, Path::new(path)).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            None
        })
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    context.keep_tests = config.mode.keep_tests;
    let custom = template(&run.project, config.stitch_prompt.as_deref())?;
    render_stitch(custom.as_ref().map(CustomTemplate::borrow), &context)
}

/// Renders the prompt of a stage of the project's own.
pub(crate) fn stage_prompt(project: &Project, stage: &OwnStage, context: &StageContext) -> Result<String> {
    render_stage(read_template(project, &stage.prompt)?.borrow(), context)
}

/// Tries the templates of all stages of the project's own; returns how many there are.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where one cannot be read or rendered, naming the stage, the file and the place.
pub(crate) fn try_stage_prompts(project: &Project) -> Result<usize> {
    for stage in project.config.own_stages() {
        stage_prompt(project, stage, &StageContext::sample()).map_err(|error| {
            let (name, prompt) = (stage.name, &stage.prompt);
            let fix = error.hint_text().map_or_else(
                || format!("correct the file, or the `prompt` of `{name}` in `stages`"),
                str::to_owned,
            );
            let message = format!(
                "the stage `{name}` has no prompt that can be used, `{prompt}`: {}",
                error.in_a_line()
            );
            Error::new(ErrorKind::Configuration, message).hint(fix)
        })?;
    }
    Ok(project.config.own_stages().count())
}

/// Returns the documents that the globs name, in the order of the globs, each once.
fn documents(project: &Project, entries: &[TreeEntry], warn: &mut dyn FnMut(String)) -> Result<Vec<Document>> {
    let mut documents: Vec<Document> = Vec::new();
    let mut known = BTreeSet::new();
    for glob in &project.config.context_files {
        let matcher = document_glob(glob)?;
        for entry in entries.iter().filter(|entry| matcher.is_match(&entry.path)) {
            let path = entry.path.display().to_string();
            if !known.insert(path.clone()) {
                continue;
            }
            match document_text(project, entry)? {
                Ok(text) => documents.push(Document { path, text }),
                Err(why) => warn(format!(
                    "the document `{}` is left out of the prompt: {why}",
                    one_line(&path, 200)
                )),
            }
        }
    }
    Ok(documents)
}

/// Returns a document's text, or why there is none.
fn document_text(project: &Project, entry: &TreeEntry) -> Result<Result<String, &'static str>> {
    if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
        return Ok(Err("it is not a file"));
    }
    if project.git.blob_size(entry.id)? > DOCUMENT_LIMIT {
        return Ok(Err("it is larger than a prompt may be"));
    }
    let text = String::from_utf8(project.git.read_blob(entry.id)?);
    Ok(text.map_err(|_| "it is not UTF-8"))
}

fn text_of(run: &RunContext, tip: Oid, path: &Path) -> Result<Option<String>> {
    let Some(path) = path_in_tree(path) else {
        return Ok(None);
    };
    let bytes = run.project.git.read_file(tip, path)?;
    Ok(bytes
        .filter(|bytes| bytes.len() as u64 <= DOCUMENT_LIMIT)
        .and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// A template of the person's own.
struct CustomTemplate {
    name: String,
    text: String,
}

impl CustomTemplate {
    fn borrow(&self) -> Template<'_> {
        Template {
            name: &self.name,
            text: &self.text,
        }
    }
}

/// Reads a template from the person's checkout, as `configuration.yaml` is: not from the generation, whose files agents
/// write.
fn template(project: &Project, path: Option<&str>) -> Result<Option<CustomTemplate>> {
    path.map(|path| read_template(project, path)).transpose()
}

fn read_template(project: &Project, path: &str) -> Result<CustomTemplate> {
    let file = project.git.workdir().join(path);
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(ErrorKind::Configuration, || {
        format!("cannot read the template `{}`", file.display())
    })?;
    Ok(CustomTemplate {
        name: path.to_owned(),
        text,
    })
}

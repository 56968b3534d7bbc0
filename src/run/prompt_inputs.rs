//! What prompts are made from: documents and file lists of the generation's tip, templates of the person's checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::config::{Config, OwnStage};
pub(crate) use crate::git::path_in_tree;
use crate::git::{EntryKind, Oid, TreeEntry};
use crate::issues::group::{Build, Group, MOST_GROUPS};
use crate::issues::issue::{Issue, Issues};
use crate::issues::proposal;
use crate::issues::store::Store;
use crate::model::{AttemptId, PromptName, Role};
use crate::project::Project;
use crate::project::protected::ProtectedPaths;
use crate::project::specification::{SpecDocument, Unread};
use crate::project::templates;
use crate::project::unmatched::document_glob;
use crate::prompt::{
    AuditContext, Document, KnownGroup, MeasureContext, Omitted, PlanContext, Room, StageContext, StitchContext,
    Templates, check_stage, continuation, render_audit, render_measure, render_plan, render_stage, render_stitch,
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
    let specification = specification_left(project, issues, tip, warn)?;
    let (given, omitted) = documents(project, Role::Measure, (specification, &entries), warn)?;
    let paths = entries.iter().map(|entry| entry.path.display().to_string()).collect();
    Ok(MeasureContext::new(
        Vec::new(),
        paths,
        issues.iter(),
        proposal_limits(config, 0),
        config.user_prompt.clone(),
    )
    .with_documents(given, omitted)
    .with_request(issues.meta().request.as_ref()))
}

/// Returns what measure sees of the generation at `tip` where it asks for the tasks of a group.
pub(crate) fn group_context(
    project: &Project,
    issues: &Issues,
    (tip, group): (Oid, Option<&Group>),
    warn: &mut dyn FnMut(String),
) -> Result<MeasureContext> {
    let told = measure_context(project, issues, tip, warn)?;
    Ok(match group {
        Some(group) => told.with_group(group, issues.build()),
        None => told,
    })
}

/// Returns the most tasks of a group: as many as one measure may propose.
pub(crate) fn most_tasks_of_group(config: &Config) -> u32 {
    proposal_limits(config, 0).max_issues
}

/// Returns what the plan of groups sees of the generation at `tip`.
pub(crate) fn plan_context(
    project: &Project,
    issues: &Issues,
    tip: Oid,
    warn: &mut dyn FnMut(String),
) -> Result<PlanContext> {
    let config = &project.config;
    let entries = project.git.files(tip)?;
    let build = issues.build();
    let specification = project.specification(tip, &build.documents)?;
    let documents = documents(project, Role::Measure, ((specification, Vec::new()), &entries), warn)?;
    let paths = entries.iter().map(|entry| entry.path.display().to_string()).collect();
    let told = PlanContext::new(
        documents,
        paths,
        build,
        most_tasks_of_group(config),
        config.user_prompt.clone(),
    );
    let merged = merged_builds(project, tip, warn)?;
    let mut changed = changed_documents(project, build, tip)?;
    if !build.is_planned() {
        // Of what earlier generations were planned from, what is still the same is not new.
        let now: BTreeMap<String, String> = project.built_from(tip, &build.documents)?.into_iter().collect();
        changed.retain(|path| merged.iter().all(|merged| merged.planned.get(path) != now.get(path)));
    }
    let done: Vec<KnownGroup> = merged.iter().flat_map(KnownGroup::done_in).collect();
    Ok(PlanContext {
        changed,
        merged_groups: done[done.len().saturating_sub(MOST_GROUPS)..].to_vec(),
        ..told
    })
}

/// Returns whether a commit's documents have nothing new, so that nobody needs to be asked: merged generations have done all that the
/// documents ask for as they are. It is about a generation that has no plan yet.
pub(crate) fn is_nothing_new(project: &Project, build: &Build, tip: Oid) -> Result<bool> {
    if build.is_planned() {
        return Ok(false);
    }
    let now = project.built_from(tip, &build.documents)?;
    Ok(are_done(&now, &merged_builds(project, tip, &mut |_| {})?))
}

/// Returns whether each document, with the id of its content, was planned last as it is, by a generation whose groups are all done;
/// the oldest generation comes first.
fn are_done(now: &[(String, String)], merged: &[Build]) -> bool {
    let is_done = |(path, id): &(String, String)| {
        let last = merged
            .iter()
            .rev()
            .find_map(|build| Some((build, build.planned.get(path)?)));
        last.is_some_and(|(build, planned)| planned == id && build.groups.iter().all(|group| group.done.is_some()))
    };
    let has_groups = merged.iter().any(|build| !build.groups.is_empty());
    has_groups && !now.is_empty() && now.iter().all(is_done)
}

/// Returns what merged generations were built from, and in which groups, whose work a commit contains; the oldest first. One that
/// cannot be read is told to `warn`.
fn merged_builds(project: &Project, tip: Oid, warn: &mut dyn FnMut(String)) -> Result<Vec<Build>> {
    let mut builds = Vec::new();
    for archive in project.merged_into(tip)? {
        match Store::archived(&project.git, &archive).and_then(|store| store.read()) {
            Ok(issues) => builds.push(issues.build().clone()),
            Err(error) => warn(format!(
                "what an earlier generation has done is not told: {}",
                error.in_a_line()
            )),
        }
    }
    Ok(builds)
}

/// Returns the documents that changed, or are new, since groups were planned last.
pub(crate) fn changed_documents(project: &Project, build: &Build, tip: Oid) -> Result<Vec<String>> {
    let documents = project.built_from(tip, &build.documents)?.into_iter();
    let changed = documents.filter(|(path, id)| build.planned.get(path) != Some(id));
    Ok(changed.map(|(path, _)| path).collect())
}

/// Renders the prompt of a plan of groups, by the person's template if there is one.
pub(crate) fn plan_prompt(project: &Project, context: &PlanContext) -> Result<String> {
    let templates = templates_of(project, &[PromptName::Plan])?;
    render_plan(Some(templates.get(PromptName::Plan)), context)
}

/// Renders measure's prompt, by the person's template if there is one.
pub(crate) fn measure_prompt(project: &Project, context: &MeasureContext) -> Result<String> {
    let name = PromptName::of_mode(project.config.mode.kind);
    render_measure(templates_of(project, &[name])?.get(name), context)
}

/// Renders the prompt of a measure's session that goes on.
pub(crate) fn measure_continuation(project: &Project, attempt: u32) -> Result<String> {
    let templates = templates_of(project, &[PromptName::Continuation])?;
    continuation(&templates, attempt, &[], None)
}

/// Returns what the review of a measure's proposals sees of documents beside what the measure was told: those for which the
/// role `review` has room.
pub(crate) fn proposals_review_context(run: &RunContext, told: &MeasureContext, base: Oid) -> Result<MeasureContext> {
    let project = &run.project;
    if room(&project.config, Role::Review) == room(&project.config, Role::Measure) {
        return Ok(told.clone());
    }
    let entries = project.git.files(base)?;
    // What is left out was told of with the measure.
    let specification = specification_left(project, &run.store.read()?, base, &mut |_| {})?;
    let named = (specification, entries.as_slice());
    let (given, omitted) = documents(project, Role::Review, named, &mut |what| run.warn(what))?;
    Ok(told.clone().with_documents(given, omitted))
}

/// Renders the prompt of a part of an audit or a review, by the person's template if the mode has one.
pub(crate) fn audit_prompt(project: &Project, context: &AuditContext) -> Result<String> {
    let name = PromptName::of_mode(project.config.mode.kind);
    render_audit(templates_of(project, &[name])?.get(name), context)
}

/// Renders the prompt of the next attempt at a task, from the generation at `tip`; it begins with what another attempt left, if
/// one is given.
pub(crate) fn stitch_prompt(
    run: &RunContext,
    protected: &ProtectedPaths,
    (issue, begins_from): (&Issue, Option<AttemptId>),
    tip: Oid,
) -> Result<String> {
    let config = &run.project.config;
    let mut failure = None;
    let (mut room, mut left_out) = (Room::of(room(config, Role::Stitch)), BTreeMap::new());
    let mut context = StitchContext::new(issue, protected.listed(), |path| {
        // A path that an agent proposed: looked up in a tree, never on disk.
        let bytes = bytes_of(run, tip, Path::new(path)).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            None
        })?;
        let size = bytes.len();
        let text = String::from_utf8(bytes).ok().filter(|_| room.give(path, size).is_ok());
        if text.is_none() {
            left_out.insert(path.to_owned(), size);
        }
        text
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    for reading in &mut context.required_reading {
        reading.bytes = left_out.get(&reading.path).copied();
    }
    if let Some(said) = room.said("stitch.context_bytes") {
        run.warn(format!("{}: {said}", issue.id));
    }
    context.keep_tests = config.mode.keep_tests;
    context.begins_from = begins_from.map(|from| from.to_string());
    let templates = templates_of(&run.project, &[PromptName::Stitch])?;
    render_stitch(Some(templates.get(PromptName::Stitch)), &context)
}

/// Renders the prompt of a stage of the project's own.
pub(crate) fn stage_prompt(project: &Project, stage: &OwnStage, context: &StageContext) -> Result<String> {
    let own = templates::read(project.git.workdir(), &stage.prompt)?;
    check_stage(own.borrow())?;
    let templates = templates_of(project, &[PromptName::Stage, PromptName::Work])?;
    render_stage(own.borrow(), &templates, context)
}

/// Tries the templates of all stages of the project's own; returns how many there are.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] where one cannot be read or rendered, naming the stage, the file and the place.
pub(crate) fn try_stage_prompts(project: &Project) -> Result<usize> {
    for stage in project.config.own_stages() {
        let tried = templates::read(project.git.workdir(), &stage.prompt).and_then(|own| check_stage(own.borrow()));
        tried.map_err(|error| {
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

/// Returns how many bytes of documents a role's prompt has room for.
fn room(config: &Config, role: Role) -> usize {
    let bytes = config.role(role).context_bytes.unwrap_or_default();
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Returns the documents that the generation is built from, and those of them that cannot be given, which are told to `warn`.
fn specification_left(
    project: &Project,
    issues: &Issues,
    tip: Oid,
    warn: &mut dyn FnMut(String),
) -> Result<(Vec<SpecDocument>, Vec<Omitted>)> {
    let (left, unread) = project.specification_left(tip, &issues.build().documents)?;
    let omitted = unread.into_iter().map(|Unread { path, why }| {
        warn(format!("a document is left out of the prompt: {why}"));
        Omitted { path, bytes: 0 }
    });
    let omitted = omitted.collect();
    Ok((left, omitted))
}

/// Returns the documents that are named, then those that the globs name, in the order of the globs, each once: those that the
/// role's prompt gives, and those that it names.
fn documents(
    project: &Project,
    role: Role,
    ((named, mut omitted), entries): ((Vec<SpecDocument>, Vec<Omitted>), &[TreeEntry]),
    warn: &mut dyn FnMut(String),
) -> Result<(Vec<Document>, Vec<Omitted>)> {
    let mut given = Vec::new();
    let mut room = Room::of(room(&project.config, role));
    let mut known: BTreeSet<String> = named.iter().map(|document| document.path.clone()).collect();
    known.extend(omitted.iter().map(|document| document.path.clone()));
    for SpecDocument { path, text, .. } in named {
        match room.give(&path, text.len()) {
            Ok(()) => given.push(Document { path, text }),
            Err(document) => omitted.push(document),
        }
    }
    for glob in &project.config.context_files {
        let matcher = document_glob(glob)?;
        for entry in entries.iter().filter(|entry| matcher.is_match(&entry.path)) {
            let path = entry.path.display().to_string();
            if !known.insert(path.clone()) {
                continue;
            }
            match document(project, entry, path, &mut room)? {
                Found::Given(document) => given.push(document),
                Found::Crowded(document) => omitted.push(document),
                Found::NotText(document, why) => {
                    let path = one_line(&document.path, 200);
                    warn(format!("the document `{path}` is left out of the prompt: {why}"));
                    omitted.push(document);
                }
            }
        }
    }
    room.said(&format!("{role}.context_bytes")).into_iter().for_each(warn);
    Ok((given, omitted))
}

/// What becomes of a document.
enum Found {
    /// Its text is in the prompt.
    Given(Document),
    /// There is no room for it.
    Crowded(Omitted),
    /// It has no text to give, for this reason.
    NotText(Omitted, &'static str),
}

fn document(project: &Project, entry: &TreeEntry, path: String, room: &mut Room) -> Result<Found> {
    if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
        return Ok(Found::NotText(Omitted { path, bytes: 0 }, "it is not a file"));
    }
    let size = project.git.blob_size(entry.id)?;
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if size > DOCUMENT_LIMIT {
        return Ok(Found::Crowded(room.leave_out(&path, bytes)));
    }
    let Ok(text) = String::from_utf8(project.git.read_blob(entry.id)?) else {
        return Ok(Found::NotText(Omitted { path, bytes }, "it is not UTF-8"));
    };
    Ok(match room.give(&path, bytes) {
        Ok(()) => Found::Given(Document { path, text }),
        Err(omitted) => Found::Crowded(omitted),
    })
}

/// Returns the bytes of a file of the generation's tip; none where there is none.
fn bytes_of(run: &RunContext, tip: Oid, path: &Path) -> Result<Option<Vec<u8>>> {
    let Some(path) = path_in_tree(path) else {
        return Ok(None);
    };
    run.project.git.read_file(tip, path)
}

/// Reads the templates that are in force for prompts.
///
/// # Errors
///
/// Those of [`templates::templates`].
pub(crate) fn templates_of(project: &Project, names: &[PromptName]) -> Result<Templates> {
    templates::templates(&project.config, project.git.workdir(), names)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::group::GroupDone;

    /// A build that was planned from documents, with a group for each of these answers: whether it is done.
    fn build(planned: &[(&str, &str)], groups: &[bool]) -> Build {
        let group = |(number, is_done): (usize, &bool)| Group {
            done: is_done.then(|| GroupDone {
                tip: "c0ffee".parse().unwrap(),
                at: Timestamp::UNIX_EPOCH,
                run: "20261121-1".parse().unwrap(),
            }),
            ..Group::new(format!("group-{number}"), "A group", "All of it.")
        };
        Build {
            planned: documents(planned).into_iter().collect(),
            groups: groups.iter().enumerate().map(group).collect(),
            ..Build::default()
        }
    }

    fn documents(all: &[(&str, &str)]) -> Vec<(String, String)> {
        let one = |(path, id): &(&str, &str)| ((*path).to_owned(), (*id).to_owned());
        all.iter().map(one).collect()
    }

    #[test]
    fn nothing_is_new_where_all_groups_of_the_last_plan_of_each_document_are_done() {
        let now = documents(&[("a.md", "1"), ("b.md", "1")]);
        let check = |merged: &[Build], expect: bool| assert_eq!(are_done(&now, merged), expect, "{merged:?}");
        let both = || build(&[("a.md", "1"), ("b.md", "1")], &[true, true]);
        check(&[], false);
        check(&[both()], true);
        check(
            &[build(&[("a.md", "1")], &[true]), build(&[("b.md", "1")], &[true])],
            true,
        );
        check(&[build(&[("a.md", "1")], &[true])], false);
        check(&[build(&[("a.md", "1"), ("b.md", "0")], &[true])], false);
        // A group was left undone, and done by a later one.
        let half = || build(&[("a.md", "1"), ("b.md", "1")], &[true, false]);
        check(&[half()], false);
        check(&[half(), both()], true);
        // What a later plan was about is what the work is by now.
        check(&[both(), build(&[("a.md", "2")], &[true])], false);
        // A plan that found nothing to do says nothing of who has done it.
        check(&[build(&[("a.md", "1"), ("b.md", "1")], &[])], false);
        assert!(!are_done(&[], &[both()]));
    }
}

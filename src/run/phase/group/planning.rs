//! The plan of groups: one call that reads the documents, or none where they are so short that all of it is one group, or where
//! merged generations have done it.

use super::Groups;
use super::calls::{Asked, Called, Calls, name};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::issues::group::answer::{Planned, json_schema, read};
use crate::issues::group::{Build, Group};
use crate::issues::issue::MeasureOf;
use crate::model::Role;
use crate::prompt::{Document, PlanContext};
use crate::record::event::{EventKind, GroupsAsked, GroupsPlanned, PlannedGroup};
use crate::run::call::{FlowPlace, PlanPlace};
use crate::run::phase::measure::{MeasureOutcome, answer_text};
use crate::run::prompt_inputs;
use crate::run::session::Session;

/// Documents that have at most so many bytes together are one group, unless somebody asks for a plan.
pub(crate) const SMALL: usize = 2048;
/// The key of a group that is everything.
const ALL: &str = "all";

/// How groups are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planning {
    /// Short documents are one group, those that merged generations have done are none, and nobody is asked.
    ByRule,
    /// By a call, however short the documents are.
    Asked,
    /// All that is new is one group, and nobody is asked.
    OneGroup,
}

/// Returns whether documents are so short that nobody is asked for groups.
pub(crate) fn is_small(told: &PlanContext) -> bool {
    let asked = || told.documents.iter().filter(|document| told.is_asked(&document.path));
    let bytes: usize = asked().map(|document| document.text.len()).sum();
    let is_left_out = told
        .omitted_documents
        .iter()
        .any(|document| told.is_asked(&document.path));
    !is_left_out && told.groups.is_empty() && asked().next().is_some() && bytes <= SMALL
}

impl Groups {
    /// Plans groups beside those that there are; `number` counts the calls of this run beside those of tasks.
    pub(crate) async fn plan(&self, number: u32, how: Planning, interruption: &Interruption) -> Result<MeasureOutcome> {
        let context = self.context();
        let (base, issues) = (context.tip()?, self.issues()?);
        let told = prompt_inputs::plan_context(&context.project, &issues, base, &mut |what| context.warn(what))?;
        let documents = context.project.built_from(base, &issues.build().documents)?;
        let mut calls = Calls {
            number,
            of: MeasureOf::Plan,
            made: Vec::new(),
            below: String::new(),
            issues,
        };
        let by_rule = how == Planning::ByRule;
        let is_nothing_new = by_rule && prompt_inputs::is_nothing_new(&context.project, calls.issues.build(), base)?;
        if is_nothing_new || how == Planning::OneGroup || by_rule && is_small(&told) {
            let groups = if is_nothing_new {
                Vec::new()
            } else {
                vec![one_group(&told.documents, calls.issues.build(), told.most_tasks)]
            };
            let planned = Planned {
                groups,
                contradictions: Vec::new(),
            };
            return self.file(&calls, &planned, &documents);
        }
        self.tell_asked(&told);
        let _alive = context.active_work.note(Role::Measure.name(), None);
        let mut session = self.sessions.enter_afresh(self.purpose(Role::Measure, number), base)?;
        let planned = Box::pin(self.ask_for_plan(&mut session, &mut calls, (told, &documents), interruption)).await;
        self.leave(session, &calls, planned).await
    }

    pub(super) fn tell_asked(&self, told: &PlanContext) {
        self.context().recorder.emit(EventKind::GroupsAsked(GroupsAsked {
            documents: told.documents.len() + told.omitted_documents.len(),
            changed: if told.groups.is_empty() && told.merged_groups.is_empty() {
                Vec::new()
            } else {
                told.changed.clone()
            },
        }));
    }

    /// Asks until there is a plan that can be filed.
    pub(super) async fn ask_for_plan(
        &self,
        session: &mut Session,
        calls: &mut Calls,
        (mut told, documents): (PlanContext, &[(String, String)]),
        interruption: &Interruption,
    ) -> Result<MeasureOutcome> {
        let context = self.context();
        let most = context.project.config.measure.max_attempts.max(1);
        loop {
            let attempt = told.attempt;
            let asked = Asked {
                name: name(Role::Measure, attempt),
                prompt: prompt_inputs::plan_prompt(&context.project, &told)?,
                schema: json_schema(),
                place: FlowPlace::Plan(PlanPlace {
                    calls: calls.made.clone(),
                }),
            };
            let report = match self.call(session, calls, asked, interruption).await? {
                Called::Answered(report) => report,
                Called::Badly(how) => {
                    let reason = format!("the call for the plan {how}");
                    return self.fail(calls, MeasureOutcome::Refused(reason.clone()), &reason);
                }
                Called::Ended(done, reason) => return self.fail(calls, done, &reason),
            };
            let known = (calls.issues.build().groups.as_slice(), told.may_be_empty());
            match read(&report, known, told.most_tasks) {
                Ok(planned) => return self.file(calls, &planned, documents),
                Err(problems) if attempt < most => {
                    context.recorder.emit(EventKind::MeasureRefused {
                        filed: Vec::new(),
                        problems: problems.clone(),
                    });
                    told = told.again(problems, answer_text(&report));
                    session.begin_round(told.attempt)?;
                }
                Err(problems) => {
                    let reason = format!("no valid plan in {attempt} rounds: {}", problems.join(" "));
                    return self.fail(calls, MeasureOutcome::Refused(one_line(&reason, 2000)), &reason);
                }
            }
        }
    }

    /// Files groups, and notes what documents they are made from.
    fn file(&self, calls: &Calls, planned: &Planned, documents: &[(String, String)]) -> Result<MeasureOutcome> {
        let context = self.context();
        let count = planned.groups.len();
        let contradictions = context
            .store
            .update(&format!("plan {count} groups"), context.now(), |issues| {
                issues.add_groups(planned.groups.clone())?;
                let new = issues.note_planned(documents, &planned.contradictions);
                issues.record_measure(self.record(calls));
                Ok(new)
            })?;
        crash_point!("group.planned");
        let told = |group: &Group| PlannedGroup {
            key: group.key.clone(),
            name: group.name.clone(),
            depends_on: group.depends_on.clone(),
            estimated_tasks: group.estimated_tasks,
        };
        context.recorder.emit(EventKind::GroupsPlanned(GroupsPlanned {
            groups: planned.groups.iter().map(told).collect(),
            contradictions,
            by_rule: calls.made.is_empty(),
            usage: calls.usage(),
        }));
        Ok(MeasureOutcome::Filed(count))
    }
}

/// Returns the group that all of some documents are.
pub(crate) fn one_group(documents: &[Document], build: &Build, most_tasks: u32) -> Group {
    // What `context_files` names beside them is context.
    let named = build.documents.iter().map(String::as_str);
    let paths: Vec<&str> = match named.len() {
        0 => documents.iter().map(|document| document.path.as_str()).collect(),
        _ => named.collect(),
    };
    let paths = paths.join(", ");
    let is_taken = |key: &str| build.groups.iter().any(|group| group.key == key);
    let mut key = ALL.to_owned();
    let mut number = 2;
    while is_taken(&key) {
        key = format!("{ALL}-{number}");
        number += 1;
    }
    let new = if build.groups.is_empty() {
        ""
    } else {
        " and no earlier group covers"
    };
    Group {
        estimated_tasks: most_tasks.clamp(1, 3),
        ..Group::new(
            key,
            one_line(&format!("All of {paths}"), 100),
            one_line(&format!("All that these documents ask for{new}: {paths}"), 4000),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_documents_that_are_named_are_one_group_whatever_else_is_context() {
        let document = |path: &str, bytes: usize| Document {
            path: path.to_owned(),
            text: "x".repeat(bytes),
        };
        let documents = || vec![document("docs/a.md", 10), document("docs/guide.md", SMALL)];
        let of = |named: &[&str]| {
            let build = Build {
                documents: named.iter().map(|name| (*name).to_owned()).collect(),
                ..Build::default()
            };
            let told = PlanContext::new((documents(), Vec::new()), Vec::new(), &build, 9, None);
            (is_small(&told), one_group(&documents(), &build, 9).scope)
        };
        let scope = |paths: &str| format!("All that these documents ask for: {paths}");
        assert_eq!(of(&["docs/a.md"]), (true, scope("docs/a.md")));
        assert_eq!(of(&["docs"]), (false, scope("docs")));
        assert_eq!(of(&[]), (false, scope("docs/a.md, docs/guide.md")));
    }
}

//! Samples of what each prompt can carry: a template is tried with one before a model is given it.

use serde_json::{Value, json};

use super::audit_context::AuditContext;
use super::context::{
    Document, EarlierAttempt, Filed, MeasureContext, Omitted, ReadDocument, Remark, StitchContext, Title,
};
use super::groups::{ClosingContext, PlanContext};
use super::known_groups::{GroupAsked, KnownGroup};
use super::render::values;
use super::session_context as session;
use super::work_context::{ReviewContext, StageContext, WorkContext};
use crate::base::error::Result;
use crate::issues::issue::{FileAction, Status, TaskFile};
use crate::model::PromptName;

/// Returns a value for each variable of a prompt, with none left out.
pub(super) fn sample(name: PromptName) -> Result<Value> {
    Ok(match name {
        PromptName::Measure
        | PromptName::Build
        | PromptName::Feature
        | PromptName::Fix
        | PromptName::Test
        | PromptName::Refactor
        | PromptName::Exec => with(values(&measure())?, &json!({"example": example()})),
        PromptName::Audit => with(values(&audit())?, &json!({"example": example()})),
        PromptName::Plan => with(values(&plan())?, &json!({"example": example()})),
        PromptName::Stitch => values(&stitch())?,
        PromptName::Review => with(
            values(&review())?,
            &json!({"example": example(), "work": "The work.\n"}),
        ),
        PromptName::Closing => with(values(&closing())?, &json!({"example": example()})),
        PromptName::ProposalsReview => with(
            values(&measure())?,
            &json!({"example": example(), "number": 2, "proposals": "[]"}),
        ),
        PromptName::Stage => with(
            stage()?,
            &json!({"instructions": "Write documents.", "work": "The work.\n"}),
        ),
        PromptName::Work => values(&WorkContext::sample())?,
        PromptName::FixRound => session::fix_round_values(2, FAILED),
        PromptName::Continuation => session::continuation_values(2, Some(FAILED), &[text("Mind the half sizes.")]),
        PromptName::Answered => session::answered_values(2, &[text("Round up.")]),
        PromptName::RedGate => session::red_gate_values(("test", "exited with 1"), "42.5 is lost", (false, false)),
        PromptName::RefusedWork => session::failed_values("gives 5 of 10", "src/eu.txt:1: 42.5 is lost"),
        PromptName::Conflict => session::failed_values("conflicts in `src/eu.txt`", "42 8\n42 9"),
        PromptName::EmptyProof => session::empty_proof_values("sh tests/sizes.sh"),
        PromptName::EarlierWork => session::earlier_work_values("2", Some(("conflicts in `src/eu.txt`", "42 8\n42 9"))),
        PromptName::EndsSoon => session::ends_soon_values(80, "8 of its 10 turns are used"),
    })
}

/// Returns a value for each variable of the template of a stage of the project's own.
pub(super) fn stage() -> Result<Value> {
    values(&StageContext::sample())
}

const FAILED: &str = "The check `test` failed.\n";

fn example() -> &'static str {
    "{\"answer\": []}"
}

fn with(mut values: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        values[name] = value.clone();
    }
    values
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn document(path: &str, of: &str) -> Document {
    Document {
        path: text(path),
        text: text(of),
    }
}

fn documents() -> (Vec<Document>, Vec<Omitted>) {
    let omitted = Omitted {
        path: text("docs/table.md"),
        bytes: 500_000,
    };
    (vec![document("docs/sizes.md", "42 is 8.5\n")], vec![omitted])
}

fn known_groups() -> Vec<KnownGroup> {
    vec![KnownGroup {
        key: text("sizes"),
        name: text("Sizes"),
        scope: text("Tables of sizes."),
        state: text("open"),
    }]
}

fn measure() -> MeasureContext {
    let (documents, omitted_documents) = documents();
    MeasureContext {
        attempt: 2,
        documents,
        omitted_documents,
        files: vec![text("README.md")],
        omitted_files: 3,
        issues: vec![Title {
            id: text("cw-7"),
            title: text("Convert European sizes"),
            status: Status::Open,
        }],
        max_issues: 5,
        estimated_lines_min: 250,
        estimated_lines_max: 350,
        max_estimated_lines: Some(1000),
        filed: vec![Filed {
            key: text("eu"),
            id: text("cw-7"),
        }],
        user_prompt: Some(text("Keep it small.")),
        request: Some(text("Half sizes are lost.")),
        request_files: vec![document("logs/test.log", "42.5 is 8\n")],
        coverage: vec![document("test", "src/eu.txt: 3 of 9 lines: 4-6\n")],
        asked: vec![text("docs/sizes.md")],
        group: Some(GroupAsked {
            key: text("sizes"),
            name: text("Sizes"),
            scope: text("Tables of sizes."),
            briefing: text("Half sizes have a dot."),
            estimated_tasks: 2,
        }),
        groups: known_groups(),
        needs_proof: true,
        problems: vec![text("Proposal `uk`: the title is empty.")],
        previous_answer: Some(text("{}")),
    }
}

fn audit() -> AuditContext {
    let subjects = ["security", "performance", "quality", "accessibility", "dependencies"];
    AuditContext {
        mode: text("audit"),
        subjects: subjects.map(text).into(),
        severity: text("medium"),
        user_prompt: Some(text("Keep it small.")),
        request: Some(text("Half sizes are lost.")),
        request_files: vec![document("logs/test.log", "42.5 is 8\n")],
        part: 2,
        parts: 3,
        files: vec![document("src/eu.txt", "1| 42 8\n")],
        since: Some(text("v1")),
        changes: Some(text("+42 8\n")),
        omitted_changes: vec![text("src/long.txt")],
        problem: Some(text("The answer is not JSON.")),
    }
}

fn plan() -> PlanContext {
    let (documents, omitted_documents) = documents();
    PlanContext {
        attempt: 2,
        documents,
        omitted_documents,
        files: vec![text("README.md")],
        omitted_files: 3,
        user_prompt: Some(text("Keep it small.")),
        groups: known_groups(),
        merged_groups: known_groups(),
        asked: vec![text("docs/sizes.md")],
        changed: vec![text("docs/sizes.md")],
        most_groups: 100,
        most_tasks: 5,
        problems: vec![text("The group `uk` has no name.")],
        previous_answer: Some(text("{}")),
    }
}

fn stitch() -> StitchContext {
    let reading = |path: &str, of: Option<&str>| ReadDocument {
        path: text(path),
        text: of.map(text),
        bytes: of.is_none().then_some(500_000),
    };
    StitchContext {
        id: text("cw-7"),
        title: text("Convert European sizes"),
        description: text("As the table says."),
        required_reading: vec![
            reading("docs/sizes.md", Some("42 is 8.5\n")),
            reading("docs/table.md", None),
        ],
        files: vec![TaskFile {
            path: text("src/eu.txt"),
            action: FileAction::Create,
        }],
        requirements: vec![text("Half sizes are kept.")],
        acceptance_criteria: vec![text("42 is 8.5.")],
        proof: Some(text("sh tests/sizes.sh")),
        estimated_lines: Some(300),
        attempt: 2,
        earlier_attempts: vec![EarlierAttempt {
            number: 1,
            outcome: text("gate failed"),
            reason: text("the gate `test` exited with 1"),
            output: Some(text("42.5 is lost\n")),
        }],
        begins_from: Some(text("1")),
        comments: vec![Remark {
            author: text("Ada"),
            text: text("Mind the half sizes."),
        }],
        protected_paths: vec![text("xtask/**")],
        keep_tests: true,
    }
}

fn review() -> ReviewContext {
    ReviewContext {
        work: WorkContext::sample(),
        number: 2,
        min_score: 7,
        block: text("high"),
        problem: Some(text("The score is 12.")),
    }
}

fn closing() -> ClosingContext {
    ClosingContext {
        key: text("sizes"),
        name: text("Sizes"),
        scope: text("Tables of sizes."),
        briefing: text("Half sizes have a dot."),
        number: 2,
        batch: 1,
        batches: 3,
        changes: text("+++ b/src/eu.txt\n"),
        too_large: vec![text("src/long.txt")],
        block: text("high"),
        problem: Some(text("The score is 12.")),
    }
}

//! The one table of the HTTP API.

use super::fields::{Field, Kind, Parameter};
use super::table::{Does, Route};
use super::{actions, reading};

/// Puts the repository before the rest of a path.
macro_rules! of {
    ($rest:literal) => {
        concat!("/api/v1/repositories/{repository}", $rest)
    };
}

const GENERATION: Parameter = Parameter::once("generation", "Generation, ended or not; without it, the current one");
const OF_GENERATION: &[Parameter] = &[GENERATION];
const AFTER: Parameter = Parameter::once(
    "after",
    "Where to go on: the `id` of the last event that was received. The header `Last-Event-ID` counts before it",
);

/// Everything that can be asked.
pub(super) static ROUTES: [Route; 28] = [
    Route::new(
        "/health",
        ["health", "Whether the server answers; it needs no token"],
        (&[], &[]),
        Does::Public(reading::health),
    ),
    Route::new(
        "/api/v1/openapi.json",
        ["openapi", "This document"],
        (&[], &[]),
        Does::Describe,
    ),
    Route::look(
        "/api/v1/repositories",
        ["listRepositories", "The repositories that are served"],
        &[],
        reading::repositories,
    ),
    Route::look(
        "/api/v1/runs",
        [
            "listRegisteredRuns",
            "The last run of each repository of this user, as `cordwainer ps --all --json` prints them",
        ],
        &[],
        reading::registered_runs,
    ),
    Route::new(
        "/api/v1/events",
        [
            "followAll",
            "Server-sent events about what has grown: first how everything stands, then what has changed, with `repository`, \
                 `run`, `offset` and `refs`",
        ],
        (&[], &[]),
        Does::FollowAll,
    ),
    Route::look(
        of!("/status"),
        [
            "status",
            "The state of a generation, as `cordwainer status --json` prints it",
        ],
        OF_GENERATION,
        reading::status,
    ),
    Route::look(
        of!("/generations"),
        [
            "listGenerations",
            "The generations, as `cordwainer list --json` prints them",
        ],
        &[],
        reading::generations,
    ),
    Route::look(
        of!("/runs"),
        [
            "listRuns",
            "The runs, the newest first, as `cordwainer runs list --json` prints them",
        ],
        &[
            Parameter::once("limit", "Number of runs (20); 0 lists all"),
            Parameter::once("of", "Only runs of this generation"),
        ],
        reading::runs,
    ),
    Route::look(
        of!("/runs/{run}"),
        [
            "showRun",
            "Everything about a run, as `cordwainer runs show --json` prints it",
        ],
        &[],
        reading::run,
    ),
    Route::new(
        of!("/runs/{run}/events"),
        [
            "followRun",
            "Server-sent events: the lines of the run's `events.jsonl`, each with the byte offset after it as `id`; `event: run` \
                 names the run that goes on after one that died, `event: end` ends it",
        ],
        (&[AFTER], &[]),
        Does::FollowRun,
    ),
    Route::look(
        of!("/tasks"),
        ["listTasks", "The tasks, as `cordwainer issues list --json` prints them"],
        &[
            GENERATION,
            Parameter::repeated(
                "status",
                "Only tasks with this status: `open`, `in_progress`, `held` or `closed`",
            ),
            Parameter::repeated("label", "Only tasks with this label"),
            Parameter::once("group", "Only tasks of this group"),
        ],
        reading::tasks,
    ),
    Route::look(
        of!("/tasks/{task}"),
        [
            "showTask",
            "Everything about a task, as `cordwainer issues show --json` prints it",
        ],
        OF_GENERATION,
        reading::task,
    ),
    Route::look(
        of!("/tasks/{task}/diff"),
        [
            "diffTask",
            "What an attempt at a task changed, as `cordwainer issues diff --json` prints it",
        ],
        &[
            GENERATION,
            Parameter::once(
                "attempt",
                "Attempt, such as `2` or `2.1`; without it, the last one that left a commit",
            ),
            Parameter::once("stat", "`true` leaves the patches out"),
        ],
        reading::diff,
    ),
    Route::look(
        of!("/transcript"),
        [
            "transcript",
            "What an agent said and did in a call, as lines of text, a part at a time",
        ],
        &[
            Parameter::once(
                "records",
                "Records of the call, as tasks and events name them: `runs/RUN/NAME`",
            ),
            Parameter::once("after", "Where to go on: `next` of the part before"),
        ],
        reading::transcript,
    ),
    Route::look(
        of!("/usage"),
        [
            "usage",
            "What the calls of a generation used, as `cordwainer stats usage --json` prints it",
        ],
        OF_GENERATION,
        reading::usage,
    ),
    Route::look(
        of!("/stats/tasks"),
        [
            "statsTasks",
            "What each task took, as `cordwainer stats tasks --json` prints it",
        ],
        OF_GENERATION,
        reading::task_figures,
    ),
    Route::look(
        of!("/stats/models"),
        [
            "statsModels",
            "Models by role, as `cordwainer stats models --json` prints them",
        ],
        OF_GENERATION,
        reading::model_figures,
    ),
    Route::act(
        of!("/tasks/{task}/hold"),
        ["holdTask", "Keep a task from being worked on until it is released"],
        &[Field::required("reason", Kind::Text, "Reason, recorded with the task")],
        actions::hold,
    ),
    Route::act(
        of!("/tasks/{task}/release"),
        ["releaseTask", "Release a held task"],
        &[
            Field::optional("with", Kind::Text, "What to tell the next attempt, as a comment"),
            Field::optional(
                "from",
                Kind::Text,
                "Attempt whose work the next one begins with, such as `2` or `2.1`",
            ),
        ],
        actions::release,
    ),
    Route::act(
        of!("/tasks/{task}/comment"),
        ["commentOnTask", "Add a comment to a task"],
        &[Field::required("text", Kind::Text, "Text of the comment")],
        actions::comment,
    ),
    Route::act(
        of!("/tasks/{task}/answer"),
        ["answerTask", "Answer what the agent of a held task asks"],
        &[Field::required(
            "texts",
            Kind::Texts,
            "One answer for all questions, or one for each, in their order",
        )],
        actions::answer,
    ),
    Route::act(
        of!("/tasks/{task}/close"),
        ["closeTask", "Close a task that needs no more work"],
        &[Field::optional("reason", Kind::Text, "Reason, recorded with the task")],
        actions::close,
    ),
    Route::act(
        of!("/tasks/{task}/accept"),
        [
            "acceptTask",
            "Merge the result of the last attempt as it is; gates do not run on it",
        ],
        &[],
        actions::accept,
    ),
    Route::act(
        of!("/tasks/{task}/revert"),
        [
            "revertTask",
            "Take the work of a merged task out of the generation again",
        ],
        &[
            Field::optional(
                "reason",
                Kind::Text,
                "Reason: in the commit's message, and for the next attempt",
            ),
            Field::optional("close", Kind::Yes, "Close the task, instead of opening it again"),
        ],
        actions::revert,
    ),
    Route::act(
        of!("/tasks/{task}/say"),
        ["sayToTask", "Say something to the agent that works on a task now"],
        &[Field::required("text", Kind::Text, "What to say, at most 8,192 bytes")],
        actions::say,
    ),
    Route::act(
        of!("/runs/{run}/pause"),
        ["pauseRun", "Pause the run that is at work"],
        &[],
        actions::pause,
    ),
    Route::act(
        of!("/runs/{run}/resume"),
        ["resumeRun", "Let a paused run go on"],
        &[],
        actions::resume,
    ),
    Route::new(
        of!("/runs/{run}/stop"),
        ["stopRun", "Stop the run that is at work, and wait until it has ended"],
        (
            &[],
            &[Field::optional("now", Kind::Yes, "Suspend what is in progress at once")],
        ),
        Does::Stop,
    ),
];

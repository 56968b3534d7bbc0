//! The keys of a mode.

use super::{Files, Key, Shape};
use crate::issues::issue::TYPES;
use crate::model::MODE_KIND_NAMES;

/// The keys of a mode; what is left out is as in the mode that it extends.
pub(crate) const MODE: &[Key] = &[
    Key::new(
        "extends",
        Shape::Choice(&MODE_KIND_NAMES),
        "",
        "The built-in mode that it is built on; needed for a new name.",
    ),
    Key::new(
        "prompt",
        Shape::Text,
        "",
        "Template of its measure, instead of the built-in one.",
    )
    .files(Files::Protected),
    Key::new(
        "plan_prompt",
        Shape::Text,
        "",
        "Template of the plan of its groups, instead of the built-in one; only `build` makes one.",
    )
    .files(Files::Protected),
    Key::new("type", Shape::Choice(&TYPES), "", "Type of its tasks."),
    Key::new(
        "proof",
        Shape::Flag,
        "",
        "Whether each task has a command that fails before the work and passes on its result.",
    ),
    Key::new(
        "keep_tests",
        Shape::Flag,
        "",
        "Whether existing tests must stay as they are.",
    ),
    Key::new(
        "needs_gates",
        Shape::Flag,
        "",
        "Whether it begins only where there is a gate.",
    ),
    Key::new(
        "writes",
        Shape::Flag,
        "",
        "Of `audit`, `review` and what extends them: whether findings become tasks that are done, as with `--fix`. Other modes always write.",
    ),
    Key::new(
        "preserve_sources",
        Shape::Flag,
        "",
        "Whether what is in `source_dirs` stays.",
    ),
    Key::new(
        "stages",
        Shape::StageNames,
        "",
        "The stages of its attempts, by their names in `stages`.",
    ),
    Key::new(
        "gates",
        Shape::Gates,
        "",
        "Its gates, in the form of `gates`, or by their names there.",
    ),
];

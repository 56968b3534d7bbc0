//! The built-in templates that others can extend.

use super::template::Template;
use crate::model::ModeKind;

/// The built-in templates of measures, by the names under which other templates extend them.
pub(super) const MEASURES: [Template<'_>; 6] = [
    Template {
        name: "measure.md.j2",
        text: include_str!("measure.md.j2"),
    },
    Template {
        name: "feature.md.j2",
        text: include_str!("modes/feature.md.j2"),
    },
    Template {
        name: "fix.md.j2",
        text: include_str!("modes/fix.md.j2"),
    },
    Template {
        name: "test.md.j2",
        text: include_str!("modes/test.md.j2"),
    },
    Template {
        name: "refactor.md.j2",
        text: include_str!("modes/refactor.md.j2"),
    },
    Template {
        name: "exec.md.j2",
        text: include_str!("modes/exec.md.j2"),
    },
];

/// Returns the built-in template of the measures of a mode.
pub fn measure_template(mode: ModeKind) -> Template<'static> {
    let [generate, feature, fix, test, refactor, exec] = MEASURES;
    match mode {
        ModeKind::Generate => generate,
        ModeKind::Feature => feature,
        ModeKind::Fix => fix,
        ModeKind::Test => test,
        ModeKind::Refactor => refactor,
        ModeKind::Exec => exec,
    }
}

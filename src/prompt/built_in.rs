//! The built-in templates: those of measures, which others can extend, and all others.

use super::template::Template;
use crate::model::ModeKind;

/// The built-in templates of measures, and of what stands for them in modes that report, by the names under which other
/// templates extend them.
pub(super) const MEASURES: [Template<'_>; 8] = [
    template("measure.md.j2", include_str!("measure.md.j2")),
    template("build.md.j2", include_str!("modes/build.md.j2")),
    template("feature.md.j2", include_str!("modes/feature.md.j2")),
    template("fix.md.j2", include_str!("modes/fix.md.j2")),
    template("test.md.j2", include_str!("modes/test.md.j2")),
    template("refactor.md.j2", include_str!("modes/refactor.md.j2")),
    template("exec.md.j2", include_str!("modes/exec.md.j2")),
    template("audit.md.j2", include_str!("modes/audit.md.j2")),
];

/// An attempt at a task.
pub(super) const STITCH: Template<'static> = template("stitch.md.j2", include_str!("stitch.md.j2"));
/// A review of proposals.
pub(super) const PROPOSALS_REVIEW: Template<'static> =
    template("proposals_review.md.j2", include_str!("proposals_review.md.j2"));
/// A review of an attempt.
pub(super) const REVIEW: Template<'static> = template("review.md.j2", include_str!("review.md.j2"));
/// A stage of the project's own.
pub(super) const STAGE: Template<'static> = template("stage.md.j2", include_str!("stage.md.j2"));
/// What the stages after the work are told of it.
pub(super) const WORK: Template<'static> = template("work.md.j2", include_str!("work.md.j2"));
/// The closing review of a group.
pub(super) const CLOSING: Template<'static> = template("closing.md.j2", include_str!("closing.md.j2"));

/// The built-in template of the plan of groups, by the name under which others extend it.
pub(super) const PLAN: Template<'_> = template("plan.md.j2", include_str!("plan.md.j2"));

const fn template(name: &'static str, text: &'static str) -> Template<'static> {
    Template { name, text }
}

/// Returns the built-in template of the measures of a mode, or of the parts that it reads.
pub fn measure_template(mode: ModeKind) -> Template<'static> {
    let [generate, build, feature, fix, test, refactor, exec, audit] = MEASURES;
    match mode {
        ModeKind::Generate => generate,
        ModeKind::Build => build,
        ModeKind::Feature => feature,
        ModeKind::Fix => fix,
        ModeKind::Test => test,
        ModeKind::Refactor => refactor,
        ModeKind::Exec => exec,
        ModeKind::Audit | ModeKind::Review => audit,
    }
}

//! Cycles of earlier runs.

use super::*;

#[test]
fn cycles_of_earlier_runs_count_until_something_is_merged() {
    let after = |run: Progress, expect: Step| {
        check(
            move |now, limits| {
                limits.cycles = None;
                (now.run, now.blocked) = (run, 1);
            },
            expect,
        );
    };
    after(Progress::after(1), Step::Measure);
    after(Progress::after(2), Step::Stop(Reason::Stuck(2)));
    let mut run = Progress::after(1);
    run.measure_begins();
    run.measured(2);
    after(run.clone(), Step::Stop(Reason::Stuck(2)));
    run.merged_in_cycle += 1;
    after(run, Step::Measure);
    // What is ready was not tried since, and may get it on.
    let mut run = Progress::after(2);
    run.merged_in_cycle += 1;
    after(run, Step::Measure);
}

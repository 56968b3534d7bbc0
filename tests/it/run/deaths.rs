//! The orchestrator dies at every crash point of a run, in a generation that does one task at a time and in one that does
//! three, is resumed, and comes to what one comes to that lived.
//!
//! By default each point is died at once, spread over both kinds of generation and both engines (over the engines alone where only
//! several tasks at once come to it); under `cargo xtask test
//! --long` at each in all four, and the second time that it is reached, too.

mod outcome;
mod stories;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;

use cordwainer::engine::EngineKind;
use cordwainer::testing::size;

use self::outcome::End;
use self::stories::{PLAIN, Story};
use crate::support::crash_points::crash_points_of_a_run;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    both: a_serial_generation_survives_a_death_at_every_step_of_its_tasks,
        a_parallel_generation_survives_a_death_at_every_step_of_its_tasks,
        a_serial_generation_survives_a_death_at_every_step_of_what_judges_and_pauses,
        a_parallel_generation_survives_a_death_at_every_step_of_what_judges_and_pauses;
}

/// How often a run is begun anew at most: a story has two limits.
const MOST_RUNS: usize = 8;

fn a_serial_generation_survives_a_death_at_every_step_of_its_tasks(engine: TestEngine) {
    survives_all(engine, 1, |story| story.name == PLAIN);
}

fn a_parallel_generation_survives_a_death_at_every_step_of_its_tasks(engine: TestEngine) {
    survives_all(engine, 3, |story| story.name == PLAIN);
}

fn a_serial_generation_survives_a_death_at_every_step_of_what_judges_and_pauses(engine: TestEngine) {
    survives_all(engine, 1, |story| story.name != PLAIN);
}

fn a_parallel_generation_survives_a_death_at_every_step_of_what_judges_and_pauses(engine: TestEngine) {
    survives_all(engine, 3, |story| story.name != PLAIN);
}

/// Dies at the points to which these stories come.
fn survives_all(engine: TestEngine, parallel: u32, is_one: fn(&Story) -> bool) {
    let turn = 2 * usize::from(parallel > 1) + usize::from(engine.kind() == EngineKind::Docker);
    let mut lived: BTreeMap<&str, End> = BTreeMap::new();
    let mut points = crash_points_of_a_run();
    points.retain(|point| is_one(stories::with(point)));
    for (number, point) in points.iter().enumerate() {
        let story = stories::with(point);
        if story.needs_several && parallel == 1 {
            continue;
        }
        let of = if story.needs_several { size(2, 1) } else { size(4, 1) };
        if number % of != turn % of {
            continue;
        }
        let expected = lived.entry(story.name).or_insert_with(|| {
            let project = (story.make)(engine, parallel);
            finish(&project);
            let end = End::of(&project, story.tasks);
            assert!(end.is_done(), "{}: {end:#?}", story.name);
            end
        });
        for time in 1..=size(1, 2) {
            survives(story, (engine, parallel), (point, time), expected);
        }
    }
}

/// Dies at the `time`th coming to a point, goes on, and compares. Only the first one must be there.
fn survives(story: &Story, (engine, parallel): (TestEngine, u32), (point, time): (&str, usize), expected: &End) {
    let project = (story.make)(engine, parallel);
    if let Some(before) = stories::death_before(point) {
        let died = die(&project, story, &format!("{before}:1"));
        assert!(died.is_ok(), "{before} was never reached: {}", died.unwrap_err());
    }
    if let Err(said) = die(&project, story, &format!("{point}:{time}")) {
        assert!(
            time > 1,
            "{point} was never reached with {parallel} at once: does `stories::with` know it?\n{said}"
        );
        return;
    }
    finish(&project);
    let end = End::of(&project, story.tasks);
    assert_eq!(end, *expected, "after {point}:{time} with {parallel} at once");
    project.expect_tidy();
}

/// Has a run die; what was said where none did. One that a limit ends is begun anew.
fn die(project: &Project, story: &Story, at: &str) -> Result<(), String> {
    let mut said = String::new();
    for _ in 0..MOST_RUNS {
        let words = (story.command)(project);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = project.command(&words);
        let output = command.env("CORDWAINER_CRASH_AT", at).output().unwrap();
        if output.status.signal() == Some(9) {
            return Ok(());
        }
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(8) {
            break;
        }
    }
    Err(said)
}

/// Goes on until nothing is left to do.
#[track_caller]
fn finish(project: &Project) {
    for _ in 0..MOST_RUNS {
        let ran = project.run(&["resume", "--now"]);
        match ran.code {
            Some(0 | 4) => return,
            Some(8) => {}
            _ => {
                let _ = ran.expect(0);
            }
        }
    }
    panic!("it does not come to an end");
}

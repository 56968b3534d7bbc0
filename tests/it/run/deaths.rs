//! The orchestrator dies at every crash point of a run, in a generation that does one task at a time and in one that does
//! three, is resumed, and comes to what one comes to that lived.
//!
//! By default the deaths of a generation follow one another: each run dies at the first point to which it comes of those at which none
//! has died yet. So a run dies at every point one time in a generation of either kind, one of them on podman and the other one on
//! Docker Engine, by turns (where only several tasks at once come to a point, in that kind alone). What that leaves out are the other
//! engine, a death after which nothing else goes wrong, and the second time that a point is reached: `cargo xtask test --long` has a
//! generation of its own for each point, on both engines, each time.

mod outcome;
mod stories;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use cordwainer::testing::size;

use self::outcome::End;
use self::stories::{STORIES, Story};
use crate::support::crash_points::crash_points_of_a_run;
use crate::support::engines::TestEngine;
use crate::support::project::Project;

/// How often a run is begun anew at most: a story has two limits.
const MOST_RUNS: usize = 8;

/// Makes a test of each story, in which a run dies at the points that the story comes to.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        mod a_generation_survives_a_death_at_every_step {
            $(#[test]
            fn $story() {
                super::survives_all(stringify!($story));
            })+
        }

        #[test]
        fn every_story_is_tested() {
            let told: Vec<&str> = STORIES.iter().map(|story| story.name).collect();
            assert_eq!(told, [$(stringify!($story)),+]);
        }
    };
}

stories! {
    outliving_measure,
    outliving,
    judged,
    proposed,
    paused,
    packed,
    conflicting,
    failing,
    large,
    planned,
    built_after_a_plan_that_failed,
    built,
    plan,
    audited,
    stitched,
    plain,
}

/// How a point is come to: on which engine, and with how many tasks at once.
type Way = (TestEngine, u32);

/// Dies at the points to which a story comes.
fn survives_all(name: &str) {
    let story = stories::named(name);
    let mut points = crash_points_of_a_run();
    points.retain(|point| stories::with(point).name == name);
    assert!(!points.is_empty(), "{name} comes to no point of its own: remove it");
    let mut expected = None;
    for way in ways(story) {
        let expected = expected.get_or_insert_with(|| lives(story, way));
        if size(true, false) {
            survives_one_after_the_other(story, way, points.clone(), expected);
        } else {
            for (point, time) in points.iter().flat_map(|point| [(point, 1), (point, 2)]) {
                survives(story, way, (point, time), expected);
            }
        }
    }
}

/// In which ways the points of a story are come to.
fn ways(story: &Story) -> Vec<Way> {
    let engines: Vec<TestEngine> = TestEngine::each().collect();
    let turn = STORIES.iter().position(|one| one.name == story.name).unwrap();
    let kinds = [1, 3]
        .into_iter()
        .filter(|parallel| *parallel > 1 || !story.needs_several);
    let all = kinds.flat_map(|parallel| engines.iter().map(move |engine| (*engine, parallel)));
    let takes_turns = |(number, _): &(usize, Way)| {
        let (kind, engine) = (number / engines.len(), number % engines.len());
        (kind + turn) % engines.len() == engine
    };
    all.enumerate()
        .filter(|way| size(takes_turns(way), true))
        .map(|(_, way)| way)
        .collect()
}

/// Returns what a generation comes to that lives. It is the same in each way.
fn lives(story: &Story, (engine, parallel): Way) -> End {
    let project = (story.make)(engine, parallel);
    finish(&project);
    let end = End::of(&project, story.tasks);
    assert!(end.is_done(), "{}: {end:#?}", story.name);
    end
}

/// Dies at the `time`th coming to a point, goes on, and compares. Only the first one must be there.
fn survives(story: &Story, (engine, parallel): Way, (point, time): (&str, usize), expected: &End) {
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

/// Dies at each of these points, as many of them in one generation as it comes to, goes on, and compares.
fn survives_one_after_the_other(story: &Story, (engine, parallel): Way, mut points: Vec<String>, expected: &End) {
    while !points.is_empty() {
        let project = (story.make)(engine, parallel);
        if let Some(before) = stories::death_before(&points[0]) {
            let died = die(&project, story, before);
            assert!(died.is_ok(), "{before} was never reached: {}", died.unwrap_err());
        }
        let mut deaths = Vec::new();
        let mut said = String::new();
        while !points.is_empty() {
            match die(&project, story, &points.join(",")) {
                Ok(point) => {
                    points.retain(|one| *one != point);
                    deaths.push(point);
                }
                Err(last) => {
                    said = last;
                    break;
                }
            }
        }
        assert!(
            !deaths.is_empty(),
            "{points:?} were never reached with {parallel} at once: does `stories::with` know them?\n{said}"
        );
        finish(&project);
        let end = End::of(&project, story.tasks);
        assert_eq!(end, *expected, "after {deaths:?} with {parallel} at once");
        project.expect_tidy();
    }
}

/// Has a run die at the first of these points, and returns which one that was; what was said where none did. A run that a limit
/// ends is begun anew.
fn die(project: &Project, story: &Story, at: &str) -> Result<String, String> {
    let crashed = project.repository.outside().join("crashed");
    let mut said = String::new();
    for _ in 0..MOST_RUNS {
        let words = (story.command)(project);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = project.command(&words);
        command
            .env("CORDWAINER_CRASH_AT", at)
            .env("CORDWAINER_CRASHED", &crashed);
        let output = command.output().unwrap();
        if output.status.signal() == Some(9) {
            let point = fs::read_to_string(&crashed).unwrap();
            fs::remove_file(&crashed).unwrap();
            return Ok(point);
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

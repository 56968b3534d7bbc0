//! Streams of events: nothing is lost and nothing comes twice, wherever somebody goes on, and across runs that die.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{api, served, with_tasks};
use crate::runs::records::{WHOLE, attempt, claimed, run_ended, started, whole, write};
use crate::support::command::cordwainer;
use crate::support::serve::{Heard, Served, follow};

const DEAD: &str = "20261130-130000000-1";
const NEXT: &str = "20261130-140000000-1";

/// Follows a run to the event of its end, and returns what came before that.
fn all(served: &Served, path: &str, last: Option<&str>) -> Vec<Heard> {
    let mut asking = served.get(path);
    if let Some(last) = last {
        asking = asking.header("last-event-id", last);
    }
    let mut seen = Vec::new();
    follow(asking, |heard| {
        if heard.event == "end" {
            return Some(());
        }
        seen.push(heard);
        None
    });
    seen
}

#[test]
fn whoever_goes_on_at_any_line_gets_the_rest_and_nothing_twice() {
    let repository = with_tasks();
    let folder = whole(&repository);
    let served = served(&repository, &[]);
    let path = format!("{}/runs/{WHOLE}/events", api(&served));
    let content = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let lines: Vec<&str> = content.lines().skip(1).collect();
    let first = all(&served, &path, None);
    assert_eq!(first.len(), lines.len());
    for (heard, line) in first.iter().zip(&lines) {
        assert_eq!(heard.data, **line, "as it is in the file");
        let offset: usize = heard.id.parse().unwrap();
        assert!(
            content[..offset].ends_with(&format!("{line}\n")),
            "the id is where the line ends"
        );
    }
    for (index, heard) in first.iter().enumerate().take(first.len() - 1) {
        assert_eq!(all(&served, &path, Some(&heard.id)), first[index + 1..], "{index}");
        let by_query = format!("{path}?after={}", heard.id);
        assert_eq!(all(&served, &by_query, None), first[index + 1..]);
        assert_eq!(
            all(&served, &format!("{path}?after=0"), Some(&heard.id)),
            first[index + 1..],
            "the header counts"
        );
    }
    // After the end there is nothing, and a client stops asking.
    let end = &first.last().unwrap().id;
    served.get(&path).header("last-event-id", end).ask().expect(204);
    for wrong in [
        "1",
        "x",
        "-1",
        "999999",
        "../1/2",
        &format!("{NEXT}/0"),
        &format!("{}", content.len() - 1),
    ] {
        let status = served.get(&path).header("last-event-id", wrong).ask().status;
        assert!(
            [400, 409].contains(&status) || wrong.starts_with(NEXT),
            "{wrong}: {status}"
        );
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn line(second: u32, event: &Value) -> String {
    format!("{{\"at\":\"2026-11-30T13:00:{second:02}Z\",\"event\":{event}}}\n")
}

/// Follows a run to its end, and loses the connection each time that so many events have come.
fn followed_in_pieces(served: &Served, path: &str, at_once: usize) -> Vec<Heard> {
    let mut seen: Vec<Heard> = Vec::new();
    loop {
        let mut asking = served.get(path);
        if let Some(last) = seen.last() {
            asking = asking.header("last-event-id", &last.id);
        }
        let mut count = 0;
        let is_end = follow(asking, |heard| {
            let is_end = heard.event == "end";
            seen.push(heard);
            count += 1;
            (is_end || count == at_once).then_some(is_end)
        });
        // Whoever lost the connection before the end learns that nothing more will come.
        if is_end == Some(true) || is_end.is_none() && count == 0 {
            return seen;
        }
    }
}

/// What is followed is written meanwhile, in pieces that end anywhere, and connections are lost at other places.
#[test]
fn a_run_that_dies_is_followed_by_the_one_that_goes_on_and_a_connection_may_be_lost_anywhere() {
    for at_once in [1, 2, 3, 100] {
        let repository = with_tasks();
        // One that goes on after an attempt, as all do but those that are of one attempt alone.
        let progress = json!({"type": "run_progress", "task": 1, "tasks": 2, "usage": {}});
        let folder = write(&repository, DEAD, &[started(DEAD, "generation-one"), progress], b"");
        let served = served(&repository, &[]);
        let path = format!("{}/runs/{DEAD}/events", api(&served));
        let more = line(1, &claimed("cw-1")) + &line(2, &attempt("cw-1", "cancelled"));
        let seen = std::thread::scope(|scope| {
            let follower = scope.spawn(|| followed_in_pieces(&served, &path, at_once));
            for piece in more.as_bytes().chunks(37) {
                append(&folder.join("events.jsonl"), piece);
            }
            // A run of another generation has nothing to do with it.
            let other = "20261130-133000000-1";
            write(
                &repository,
                other,
                &[started(other, "generation-other"), run_ended("x")],
                b"",
            );
            let next = write(&repository, NEXT, &[started(NEXT, "generation-one")], b"");
            let rest = line(1, &attempt("cw-1", "merged")) + &line(2, &run_ended("all is done"));
            for piece in rest.as_bytes().chunks(11) {
                append(&next.join("events.jsonl"), piece);
            }
            follower.join().unwrap()
        });
        let told: Vec<String> = seen
            .iter()
            .map(|heard| match heard.event.as_str() {
                "" => serde_json::from_str::<Value>(&heard.data).unwrap()["event"]["type"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                event => format!("({event})"),
            })
            .collect();
        let expected = [
            "run_started",
            "run_progress",
            "task_claimed",
            "attempt_ended",
            "(run)",
            "run_started",
            "attempt_ended",
            "run_ended",
            "(end)",
        ];
        let has_end = told.last().is_some_and(|last| last == "(end)");
        assert_eq!(told, expected[..if has_end { 9 } else { 8 }], "{at_once} at once");
        let run: Value = serde_json::from_str(&seen[4].data).unwrap();
        assert_eq!(run, json!({"run": NEXT, "after": DEAD}));
        assert_eq!(seen[4].id, format!("{NEXT}/0"));
    }
}

#[test]
fn records_that_are_torn_huge_newer_or_gone_are_told() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let api = api(&served);
    let run = |number: u32| format!("20261130-15000000{number}-1");
    // Torn, and with a line that is none.
    write(
        &repository,
        &run(1),
        &[started(&run(1), "generation-one")],
        b"garbage\n{\"at\":",
    );
    let path = format!("{api}/runs/{}/events", run(1));
    let mut seen = Vec::new();
    follow(served.get(&path), |heard| {
        seen.push(heard);
        (seen.len() == 2).then_some(())
    });
    assert_eq!(
        (&*seen[1].event, seen[1].data.contains("is not an event")),
        ("unreadable", true),
        "{seen:?}"
    );
    // Huge: a line that is too long, and what comes after it.
    let huge = [
        vec![b'x'; 70 << 20],
        b"\n".to_vec(),
        line(9, &run_ended("after it")).into_bytes(),
    ]
    .concat();
    write(&repository, &run(2), &[started(&run(2), "generation-one")], &huge);
    let seen = all(&served, &format!("{api}/runs/{}/events", run(2)), None);
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(
        seen[1].data.contains("MiB") && seen[2].data.contains("after it"),
        "{seen:?}"
    );
    // Newer, gone, and not there.
    let newer = write(&repository, &run(3), &[started(&run(3), "generation-one")], b"");
    fs::write(newer.join("events.jsonl"), "{\"format\":9999}\n{\"at\":\"x\"}\n").unwrap();
    let failed = follow(served.get(&format!("{api}/runs/{}/events", run(3))), Some).unwrap();
    assert_eq!(failed.event, "failed");
    assert!(
        failed.data.contains("a newer version of cordwainer wrote it"),
        "{failed:?}"
    );
    let gone = write(&repository, &run(4), &[], b"");
    fs::remove_file(gone.join("events.jsonl")).unwrap();
    for (number, status) in [(3, 409), (4, 409), (5, 409)] {
        let path = format!("{api}/runs/{}", run(number));
        served.get(&path).ask().expect(status);
        served.get(&path.replacen("/api/v1", "", 1)).ask().expect(status);
    }
    let runs = served.json(&format!("{api}/runs"));
    assert_eq!(runs.as_array().unwrap().len(), 4, "one hides no other");
    served.get(&api.replacen("/api/v1", "", 1)).ask().expect(200);
}

#[test]
fn one_stream_says_what_has_grown_and_after_a_reconnect_how_all_stands() {
    let repository = with_tasks();
    let folder = write(&repository, DEAD, &[started(DEAD, "generation-one")], b"");
    let served = served(&repository, &[]);
    let id = api(&served).rsplit_once('/').unwrap().1.to_owned();
    let length = || fs::metadata(folder.join("events.jsonl")).unwrap().len();
    let mut step = 0;
    let mut refs = Value::Null;
    let done = follow(served.get("/api/v1/events"), |heard| {
        let told: Value = serde_json::from_str(&heard.data).unwrap();
        let one = &told["repositories"][0];
        assert_eq!(
            (&one["repository"], &one["run"], &one["at_work"]),
            (&json!(id), &json!(DEAD), &json!(false)),
            "{told:#}"
        );
        match step {
            0 => {
                assert_eq!((&told["all"], &one["offset"]), (&json!(true), &json!(length())));
                refs = one["refs"].clone();
                append(&folder.join("events.jsonl"), line(1, &claimed("cw-1")).as_bytes());
                step = 1;
            }
            1 if one["offset"] == json!(length()) => {
                assert_eq!((&told["all"], &one["refs"]), (&json!(false), &refs));
                let _ = cordwainer(&repository, &["issues", "comment", "cw-1", "x"])
                    .run()
                    .done();
                step = 2;
            }
            2 if one["refs"] != refs => return Some(one["refs"].clone()),
            _ => {}
        }
        None
    });
    let first = follow(served.get("/api/v1/events"), Some).unwrap();
    let told: Value = serde_json::from_str(&first.data).unwrap();
    assert_eq!(
        (&told["all"], &told["repositories"][0]["refs"]),
        (&json!(true), &done.unwrap())
    );
}

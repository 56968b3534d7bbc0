//! The page of what was used has the charts of `report`, and does not read all events of a generation for each look at it.

use std::fs::{self, File};
use std::io::Write as _;

use serde_json::{Value, json};

use super::{api, page, served};
use crate::runs::records::{claimed, records, started};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;
use crate::support::serve::Served;
use crate::usage::project;

fn line(second: u32, event: &Value) -> String {
    format!(
        "{{\"at\":\"2099-01-01T12:{:02}:{:02}Z\",\"event\":{event}}}\n",
        second / 60,
        second % 60
    )
}

/// Writes the events of a run, which begins at this second and has one each second.
fn write(repository: &TestRepository, run: &str, second: u32, events: &[Value]) {
    let lines = (second..).zip(events).map(|(second, event)| line(second, event));
    let path = records(repository, run).join("events.jsonl");
    fs::write(path, lines.collect::<String>()).unwrap();
}

/// The charts and their tables, of the page and of the report.
fn charts(text: &str) -> String {
    let (_, rest) = text.split_once("<section aria-labelledby=\"spending\">").unwrap();
    rest.split_once("</section>").unwrap().0.to_owned()
}

#[track_caller]
fn expect_charts_of_report(served: &Served, repository: &TestRepository) -> String {
    let path = api(served).replacen("/api/v1", "", 1) + "/usage";
    let shown = page(served, &path)["html"].as_str().unwrap().to_owned();
    let report = cordwainer(repository, &["report", "a", "--html", "-"]).run().done();
    assert_eq!(charts(&shown), charts(&report));
    shown
}

/// How many bytes a process has read.
fn read(served: &Served) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/io", served.child().id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn the_page_has_the_charts_of_the_report_and_reads_what_is_over_once() {
    let repository = project("");
    // One whose attempt has an end in the store alone, one of another generation, and one with many events.
    write(
        &repository,
        "run-1",
        0,
        &[started("run-1", "generation-a"), claimed("cw-1")],
    );
    write(
        &repository,
        "run-2",
        60,
        &[started("run-2", "generation-other"), claimed("cw-1")],
    );
    let step = json!({"type": "tool_used", "call": {"role": "stitch", "task": "cw-2", "attempt": 7}, "tool": "Bash", "summary": "x".repeat(200)});
    let many = [started("run-3", "generation-a"), claimed("cw-2")];
    let many: Vec<Value> = many.into_iter().chain(vec![step; 1000]).collect();
    write(&repository, "run-3", 300, &many);
    let events = records(&repository, "run-3").join("events.jsonl");
    let large = events.metadata().unwrap().len();
    let served = served(&repository, &[]);
    let begun = read(&served);
    let first = expect_charts_of_report(&served, &repository);
    let then = read(&served);
    assert!(then - begun > large, "what is counted: {} of {large}", then - begun);
    assert_eq!(expect_charts_of_report(&served, &repository), first);
    let again = read(&served) - then;
    assert!(again < large / 4, "{again} of {large} bytes are read again");
    // The sums are those of the command.
    let usage = cordwainer(&repository, &["stats", "usage", "--json"]).run().json();
    assert_eq!(served.json(&format!("{}/usage", api(&served))), usage);
    // What is over by its records is not what was over before.
    let mut file = File::options().append(true).open(&events).unwrap();
    file.write_all(line(3000, &json!({"type": "warned", "what": "x"})).as_bytes())
        .unwrap();
    assert_ne!(expect_charts_of_report(&served, &repository), first);
}

//! Each page on a phone and a desk, in light and dark: what axe-core says of it, whether all of it can be reached, and a
//! picture.

use super::{address, opened, serve};
use serde_json::json;

use crate::run::closing::asks;
use crate::run::reviews::{answers, described};
use crate::support::browser::Browser;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: every_page_is_accessible_and_its_picture_is_kept;
}

/// Tasks that come to all kinds of ends: merged after a fix round and a review, held with a red gate, with a question, waiting.
fn project(engine: TestEngine) -> Project {
    let project = Project::new(
        engine,
        "gates: [{command: cat=src/code, name: test, compare: strict}]\nstages: [stitch, review]\nstitch: {max_attempts: 1, parallel: 2}\n",
    );
    let finding = json!({"severity": "low", "category": "tests", "path": "src/table.txt", "line": 1, "title": "The edge is not tested",
        "problem": "Nothing lays an empty table.", "suggestion": "Lay one."});
    let review = format!("tokens 2000 200 0.03\n{}", answers(8, true, &[finding]));
    let tasks = [
        ("Lay the table", "say I look for the table.\ntokens 9000 700 0.21\nwrite src/table.txt laid\nwrite src/code 1\ndone\nwrite src/code 0".to_owned()),
        ("Fold the napkins", "tokens 7000 900 0.19\nwrite src/napkins.txt folded\nwrite src/code 1".to_owned()),
        ("Measure the room", format!("tokens 3000 90 0.05\n{}", asks("Which unit?"))),
    ];
    for (title, work) in tasks {
        let description = described(&work, &review);
        project
            .run(&["issues", "add", title, "--description", &description, "--label", "room"])
            .expect(0);
    }
    project.run(&["generator", "run", "--tasks-only"]);
    project.add_after("Light the candles", "write src/candles.txt lit", &["cw-1", "cw-2"]);
    project
        .run(&["issues", "comment", "cw-2", "Two folds are enough."])
        .expect(0);
    project
}

fn every_page_is_accessible_and_its_picture_is_kept(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = project(engine);
    let served = serve(&project, &[]);
    opened(&browser, &served);
    browser.expect_accessible("repository");
    browser.click("#region-runs a");
    browser.wait_for_heading("Run");
    browser.expect_accessible("run");
    for page in ["Tasks", "Held", "Usage"] {
        browser.follow(page);
        browser.wait_for_heading(page);
        browser.expect_accessible(&page.to_lowercase());
    }
    browser.follow("Tasks");
    browser.wait_for_heading("Tasks");
    browser.follow("cw-1");
    browser.wait_for_heading("cw-1");
    let open_all = "document.querySelectorAll('details').forEach(one => { one.open = true; })";
    browser.script(open_all, &[]);
    browser.expect_accessible("task");
    let all = serve(&project, &["--all"]);
    browser.open("about:blank");
    browser.open(&address(&all));
    browser.wait_for_heading("Repositories");
    browser.expect_accessible("repositories");
    let report = project.repository.outside().join("report.html");
    project.run(&["report", "--html", report.to_str().unwrap()]).expect(0);
    browser.open(&format!("file://{}", report.display()));
    browser.wait_for_text("Lay the table");
    browser.expect_accessible("report");
}

//! What a person does from the page: with a mouse, and with a keyboard alone.

use super::{follow_to_tasks, opened, serve};
use serde_json::json;

use crate::run::closing::asks;
use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::last_word;

engine_tests! {
    podman first: a_task_is_held_and_released_and_a_question_answered, a_keyboard_is_enough;
}

/// The state of a task in the store.
fn status(project: &Project, task: &str) -> String {
    let shown = project.run(&["issues", "show", task, "--json"]).expect(0);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    shown["status"].as_str().unwrap().to_owned()
}

fn a_task_is_held_and_released_and_a_question_answered(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    let said = last_word(&json!({"summary": {"what": "It writes b.", "why": "It was asked for."}}));
    let script = format!(
        "write src/a.txt a\n{}\ndone\nwrite src/b.txt b\n{said}",
        asks("Which unit?")
    );
    project.add("is unclear", &script);
    project.run(&["generator", "run", "--tasks-only"]);
    project.add("waits", "write src/c.txt c");
    let served = serve(&project, &[]);
    opened(&browser, &served);
    follow_to_tasks(&browser);
    browser.follow("cw-2");
    browser.wait_for_heading("cw-2");
    browser.click("#hold summary");
    browser.type_into("#hold-reason", "wait for the answer");
    browser.click("#hold-task");
    browser.wait_for_text("wait for the answer");
    assert_eq!(status(&project, "cw-2"), "blocked");
    browser.wait_for_text("Release");
    browser.click("#release summary");
    browser.type_into("#release-with", "now it may");
    browser.click("#release-task");
    wait_until(|| status(&project, "cw-2") == "open");
    browser.wait_for_text("now it may");
    browser.follow("Held");
    browser.wait_for_text("Which unit?");
    browser.type_into("#answer-cw-1", "Metres.");
    browser.click("#answer-cw-1-send");
    browser.wait_for_text("No agent asks anything.");
    assert_eq!(status(&project, "cw-1"), "open");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    browser.follow("Tasks");
    browser.wait_for_text("merged");
    assert_eq!(project.content("src/b.txt"), "b");
    project.expect_tidy();
}

fn a_keyboard_is_enough(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("waits", "write src/b.txt b");
    let served = serve(&project, &[]);
    opened(&browser, &served);
    tab_to(&browser, "Tasks");
    browser.press(ENTER);
    browser.wait_for_heading("Tasks");
    // The focus is at the heading of the new page, so that what comes next is its content.
    assert_eq!(browser.focused(), "Tasks");
    tab_to(&browser, "cw-1");
    browser.press(ENTER);
    browser.wait_for_text("Hold");
    tab_to(&browser, "Hold");
    browser.press(ENTER);
    browser.press(TAB);
    browser.press("later");
    browser.press(ENTER);
    wait_until(|| status(&project, "cw-1") == "blocked");
    browser.wait_for_text("later");
}

/// Presses the key that goes on to the next control, until that with a text has the focus.
#[track_caller]
fn tab_to(browser: &Browser, text: &str) {
    for _ in 0..60 {
        browser.press(TAB);
        if browser.focused() == text {
            let is_seen = browser.script("return document.activeElement.matches(':focus-visible')", &[]);
            assert_eq!(is_seen, true, "{text}");
            return;
        }
    }
    panic!("`{text}` is not reached\n{}", browser.text());
}

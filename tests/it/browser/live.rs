//! A run that is watched while it lasts.

use super::{opened, opened_at, serve};
use crate::support::browser::Browser;
use crate::support::cable::Cable;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::WAIT;

engine_tests! {
    podman first: a_run_is_watched_from_its_beginning_to_its_end, a_page_goes_on_with_a_run_that_died_and_was_resumed;
}

fn a_run_is_watched_from_its_beginning_to_its_end(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    for task in ["first", "second", "third"] {
        project.add(task, &format!("{WAIT}write src/{task}.txt x"));
    }
    let (cable, lead_to) = Cable::new();
    let host = format!("127.0.0.1:{}", cable.port);
    let served = serve(&project, &["--allow-host", &host]);
    lead_to(served.host());
    opened_at(&browser, &format!("http://{host}/#token={}", served.token));
    browser.wait_for_text("Live");
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    // The page of the runs has it by itself, and leads to it.
    browser.click("#region-runs a");
    browser.wait_for_heading("Run");
    browser.wait_for_text("Stop");
    browser.wait_for_text("cw-1");
    let go_on = || {
        wait_until(|| !project.pipes().is_empty());
        project.let_pipes_go();
    };
    go_on();
    browser.wait_for_text("cw-2");
    // What happens while the page hears nothing is there when it hears again.
    cable.cut();
    browser.wait_for_text("Not connected");
    go_on();
    wait_until(|| project.merges_of("cw-2") == 1);
    cable.mend();
    browser.wait_for_text("Live");
    for task in ["#task-cw-1", "#task-cw-2"] {
        browser.wait_for("that both are merged", |_| browser.text_of(task).contains("merged"));
    }
    browser.wait_for_text("cw-3");
    go_on();
    assert!(run.wait_with_output().unwrap().status.success());
    browser.wait_for("that it is done", |text| {
        text.contains("done") && !text.contains("Stop the run")
    });
    let said = browser.script("return document.getElementById('said').textContent", &[]);
    let said = said.as_str().unwrap();
    assert!(
        !said.is_empty() && said.len() < 200 && !said.contains('\n'),
        "one sentence: {said}"
    );
}

fn a_page_goes_on_with_a_run_that_died_and_was_resumed(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("first", &format!("{WAIT}write src/first.txt x"));
    let served = serve(&project, &[]);
    opened(&browser, &served);
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_until(|| !project.pipes().is_empty());
    browser.click("#region-runs a");
    browser.wait_for_text("mkfifo go");
    run.kill().unwrap();
    run.wait().unwrap();
    browser.wait_for_text("died");
    let resumed = project.spawn(&["generator", "resume", "--tasks-only"]);
    browser.follow("Runs");
    browser.wait_for("the run that goes on with it", |text| {
        text.contains("at work") && text.contains("died")
    });
    project.let_pipes_go();
    assert!(resumed.wait_with_output().unwrap().status.success());
    browser.follow("Tasks");
    browser.wait_for_heading("Tasks");
    browser.wait_for("that it is merged", |_| {
        browser.text_of("#region-closed").contains("merged")
    });
}

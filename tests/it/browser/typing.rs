//! What a person types, does and opens while the page below it changes, or does not come.

use serde_json::json;

use super::{follow_to_tasks, opened, opened_at, serve};
use crate::support::browser::{Browser, LEFT};
use crate::support::cable::Cable;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: what_is_typed_and_what_came_of_it_stay_while_the_page_changes,
        a_transcript_that_did_not_come_comes_at_the_next_try;
}

/// The field that has the focus, what is in it, and where its caret is.
const FIELD: &str = "const field = document.activeElement;\
    return [field.id, field.value, field.selectionStart, field.selectionEnd]";

fn what_is_typed_and_what_came_of_it_stay_while_the_page_changes(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("waits", "write src/a.txt x");
    let served = serve(&project, &[]);
    opened(&browser, &served);
    follow_to_tasks(&browser);
    browser.follow("cw-1");
    browser.wait_for_text("Comment");
    browser.click("#comment summary");
    browser.type_into("#comment-text", "half a sentence");
    browser.press(&LEFT.repeat("sentence".len()));
    let actions = |text: &str| browser.wait_for(text, |_| browser.text_of("#region-actions").contains(text));
    // Other actions are offered from here on: the region of all of them is exchanged.
    project
        .run(&["issues", "hold", "cw-1", "--reason", "not yet"])
        .expect(0);
    actions("Release");
    assert_eq!(
        browser.script(FIELD, &[]),
        json!(["comment-text", "half a sentence", 7, 7])
    );
    browser.press("finished ");
    assert_eq!(
        browser.script(FIELD, &[]),
        json!(["comment-text", "half a finished sentence", 16, 16])
    );
    browser.click("#comment-task");
    actions("Commented.");
    browser.wait_for("the comment", |_| {
        browser.text_of("#region-comments").contains("half a finished sentence")
    });
    let typed = "return document.getElementById('comment-text').value";
    assert_eq!(browser.script(typed, &[]), "", "what is posted is typed no more");
    // What came of it stays where it was.
    project.run(&["issues", "release", "cw-1"]).expect(0);
    actions("Hold");
    assert!(browser.text_of("#comment").contains("Commented."), "{}", browser.text());
    // And where the form goes with it that it stood in, too.
    browser.click("#hold summary");
    browser.type_into("#hold-reason", "not yet, either");
    browser.click("#hold-task");
    actions("Release");
    actions("Held.");
    assert!(!browser.text().contains("Commented."), "it is of the last action alone");
    browser.follow("Tasks");
    browser.wait_for_heading("Tasks");
    assert_eq!(browser.text_of("#notice"), "", "another page says nothing of it");
}

fn a_transcript_that_did_not_come_comes_at_the_next_try(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("talks", "say I look around.\nwrite src/a.txt x");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    let (cable, lead_to) = Cable::new();
    let host = format!("127.0.0.1:{}", cable.port);
    let served = serve(&project, &["--allow-host", &host]);
    lead_to(served.host());
    opened_at(&browser, &format!("http://{host}/#token={}", served.token));
    follow_to_tasks(&browser);
    browser.follow("cw-1");
    browser.wait_for_heading("cw-1");
    browser.wait_for_text("Live");
    cable.cut();
    browser.click("#transcript-1-details summary");
    let transcript = |what: &str| {
        browser.wait_for(what, |_| browser.text_of("#transcript-1").contains(what));
        browser.text_of("#transcript-1")
    };
    transcript("The server does not answer.");
    cable.mend();
    browser.click("#transcript-1 button");
    let shown = transcript("I look around.");
    assert!(!shown.contains("does not answer"), "{shown}");
    assert_eq!(shown.matches("I look around.").count(), 1, "{shown}");
}

//! The token: right, wrong, pasted, and where it rests.

use serde_json::json;

use super::{address, base, opened, serve};
use crate::support::browser::Browser;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: a_token_opens_the_page_and_rests_in_its_own_origin_alone, without_the_token_nothing_is_shown_until_it_is_pasted;
}

fn a_token_opens_the_page_and_rests_in_its_own_origin_alone(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("lay the table", "write src/a.txt x");
    let served = serve(&project, &[]);
    opened(&browser, &served);
    assert!(!browser.address().contains("token"), "{}", browser.address());
    assert_eq!(browser.script("return document.cookie", &[]), "");
    // The history has no address with it either.
    browser.follow("Tasks");
    browser.wait_for_text("lay the table");
    browser.back();
    browser.wait_for_link("Tasks");
    assert!(!browser.address().contains("token"), "{}", browser.address());
    browser.reload();
    browser.wait_for_link("Tasks");
    // Another port of the same host is another origin: it has neither a cookie nor what is stored.
    let other = serve(&project, &[]);
    browser.open(&base(&other));
    browser.wait_for_text("This page needs its token");
    assert_eq!(browser.script("return Object.values(localStorage)", &[]), json!([]));
}

fn without_the_token_nothing_is_shown_until_it_is_pasted(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    project.add("lay the table", "write src/a.txt x");
    let served = serve(&project, &[]);
    for wrong in [
        String::new(),
        format!("/#token={}", "0".repeat(64)),
        "/#token=".to_owned(),
    ] {
        // Another page in between: a fragment alone would load nothing.
        browser.open("about:blank");
        browser.open(&format!("{}{wrong}", base(&served)));
        browser.wait_for_text("This page needs its token");
        let shown = browser.script("return document.documentElement.outerHTML", &[]);
        assert!(!shown.as_str().unwrap().contains("lay the table"));
    }
    browser.expect_accessible("token");
    browser.type_into("#token", "wrong\n");
    // The page asks anew.
    let typed = "return document.getElementById('token')?.value";
    browser.wait_for("an empty form", |_| browser.script(typed, &[]) == "");
    browser.wait_for_text("The token is wrong");
    browser.type_into("#token", &format!("{}\n", address(&served)));
    browser.wait_for_heading("Repositories");
    assert!(!browser.address().contains("token"), "{}", browser.address());
}

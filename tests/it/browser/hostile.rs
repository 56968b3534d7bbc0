//! What agents and repositories may put into pages: titles, outputs, file names and changes that want to be more than text.

use serde_json::json;

use super::{opened, serve};
use crate::support::browser::Browser;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: what_agents_write_is_text_and_nothing_else;
}

/// Each would call `broken()`, or fetch something, if any page took it for more than text.
const HOSTILE: [&str; 7] = [
    "<script>broken()</script>",
    "<img src=x onerror=broken()>",
    "</pre></style></textarea><svg onload=broken()>",
    "\"><a href=javascript:broken()>click</a>",
    "{{ 7 * 7 }}${7*7}",
    // What redacts a whole page would take all that is between them for a key.
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
];

fn what_agents_write_is_text_and_nothing_else(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(
        engine,
        "gates: [{command: cat=src/code, name: test, compare: strict}]\nstitch: {max_attempts: 1}\n",
    );
    let all = HOSTILE.join(" ");
    for hostile in HOSTILE {
        let name = hostile.replace(['/', '\0'], "_").replace(' ', "_");
        let word = json!({"summary": all, "question": null});
        let script = format!(
            "say {all}\nwrite src/{name} {all}\nwrite src/code 0\nanswer <<END\n{all}\n```json\n{word}\n```\nEND\n"
        );
        project.add(&format!("title {hostile}"), &script);
    }
    project.run(&["generator", "run", "--tasks-only"]);
    project.run(&["issues", "comment", "cw-1", &all]).expect(0);
    let served = serve(&project, &[]);
    opened(&browser, &served);
    expect_inert(&browser);
    browser.click("#region-runs a");
    browser.wait_for_text("cw-1");
    expect_inert(&browser);
    for page in ["Tasks", "Held", "Usage"] {
        browser.follow(page);
        browser.wait_for_heading(page);
        expect_inert(&browser);
    }
    browser.follow("Tasks");
    browser.wait_for_heading("Tasks");
    assert!(
        browser.text().contains(HOSTILE[0]),
        "it is shown as it is:\n{}",
        browser.text()
    );
    browser.follow("cw-1");
    browser.wait_for_heading("cw-1");
    browser.script(
        "document.querySelectorAll('details').forEach(one => { one.open = true; });\
         document.querySelectorAll('[data-more]').forEach(one => one.click())",
        &[],
    );
    browser.wait_for("the transcript", |text| text.matches(HOSTILE[1]).count() >= 2);
    expect_inert(&browser);
    let report = project.repository.outside().join("report.html");
    project.run(&["report", "--html", report.to_str().unwrap()]).expect(0);
    browser.open(&format!("file://{}", report.display()));
    browser.wait_for_text(HOSTILE[0]);
    expect_inert(&browser);
}

/// Panics if anything of it became an element, a handler or an address.
#[track_caller]
fn expect_inert(browser: &Browser) {
    let find = "
        const handlers = [...document.querySelectorAll('*')].filter(one => one.getAttributeNames().some(name => name.startsWith('on')));
        const links = [...document.querySelectorAll('[href], [src]')].filter(one => /javascript:|^x$/.test(one.getAttribute('href') ?? one.getAttribute('src')));
        const images = [...document.querySelectorAll('img, iframe, object, embed')];
        const scripts = [...document.querySelectorAll('script:not([src=\"/script.js\"])')];
        return [...handlers, ...links, ...images, ...scripts].map(one => one.outerHTML)";
    assert_eq!(browser.script(find, &[]), json!([]), "{}", browser.text());
}

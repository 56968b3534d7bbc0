//! Many tabs of one browser.

use super::{opened, serve};
use crate::support::browser::Browser;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: eight_tabs_stay_alive;
}

/// A browser opens six connections to a host: with a stream for each tab, the seventh would not even load.
const TABS: usize = 8;

fn eight_tabs_stay_alive(engine: TestEngine) {
    let Some(browser) = Browser::start() else { return };
    let project = Project::new(engine, "");
    let served = serve(&project, &[]);
    opened(&browser, &served);
    let mut tabs = vec![browser.tab()];
    while tabs.len() < TABS {
        tabs.push(browser.open_tab());
        opened(&browser, &served);
    }
    for tab in &tabs {
        browser.turn_to(tab);
        super::follow_to_tasks(&browser);
        browser.wait_for_text("Live");
    }
    project.add("is new", "write src/a.txt x");
    for tab in &tabs {
        browser.turn_to(tab);
        browser.wait_for_text("is new");
    }
    // The tab that reads the stream for all goes; another one takes over.
    browser.turn_to(&tabs[0]);
    browser.close_tab();
    for tab in &tabs[1..] {
        browser.turn_to(tab);
        browser.wait_for_text("Live");
    }
    project.add("is newer", "write src/b.txt x");
    for tab in &tabs[1..] {
        browser.turn_to(tab);
        browser.wait_for_text("is newer");
    }
}

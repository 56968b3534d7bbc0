//! The pages in a real browser.

mod actions;
mod hostile;
mod live;
mod looks;
mod strangers;
mod tabs;
mod token;
mod typing;

use crate::support::browser::Browser;
use crate::support::project::Project;
use crate::support::serve::Served;

/// Serves the pages of a project.
fn serve(project: &Project, arguments: &[&str]) -> Served {
    let mut command = project.command(&["serve"]);
    command.args(arguments);
    Served::start(command)
}

/// Its address without the token.
fn base(served: &Served) -> String {
    format!("http://{}", served.host())
}

/// Its address with the token, as it prints it.
fn address(served: &Served) -> String {
    format!("{}/#token={}", base(served), served.token)
}

/// The page of tasks, by its link.
fn follow_to_tasks(browser: &Browser) {
    browser.wait_for_link("Tasks");
    browser.follow("Tasks");
    browser.wait_for_heading("Tasks");
}

/// Opens the page of the repository, by way of that of all that are served.
fn opened(browser: &Browser, served: &Served) {
    opened_at(browser, &address(served));
}

/// Opens it at an address that leads to it.
fn opened_at(browser: &Browser, address: &str) {
    browser.open(address);
    browser.wait_for_heading("Repositories");
    browser.click("#page section a");
    browser.wait_for_link("Tasks");
}

//! A real browser: Chromium, which ChromeDriver drives over WebDriver.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::cargo::checkout;
use super::engines::absent;
use super::project::waiting::wait_until;

/// The programs, as Debian's packages name them.
const BROWSER: &str = "chromium";
const DRIVER: &str = "chromedriver";
/// What a page of axe-core's rules is held against: WCAG 2.2, levels A and AA, and what all of these rest on.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// How long a script may take, in milliseconds.
const PATIENCE: u32 = 60_000;
/// Keys, as WebDriver writes them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const LEFT: &str = "\u{e012}";

/// A browser with one window, in a profile of its own. Dropped, it ends.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    _driver: Driver,
    _profile: TempDir,
}

/// What a person's device prefers, and how wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// CSS pixels.
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
}

impl Device {
    /// A phone and a desk, each with light and dark colours.
    pub(crate) const ALL: [Self; 4] = [
        Self {
            width: 360,
            is_dark: false,
        },
        Self {
            width: 360,
            is_dark: true,
        },
        Self {
            width: 1280,
            is_dark: false,
        },
        Self {
            width: 1280,
            is_dark: true,
        },
    ];

    fn theme(self) -> &'static str {
        if self.is_dark { "dark" } else { "light" }
    }
}

/// A command of the browser's own protocol, for what WebDriver has none.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({"cmd": self.0, "params": self.1});
        (http::Method::POST, Some(body.to_string()))
    }
}

impl Browser {
    /// Starts one. On a machine without a browser it reports that the calling test is skipped, and returns `None`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with more options of its command line.
    pub(crate) fn start_with(more: &[&str]) -> Option<Self> {
        let (Some(browser), Some(driver)) = (program(BROWSER), program(DRIVER)) else {
            absent("browser (Chromium and its ChromeDriver)");
            return None;
        };
        if !axe().is_file() {
            absent("browser's axe-core, which `cargo xtask test` takes from npm");
            return None;
        }
        let runtime = Runtime::new().unwrap();
        let profile = tempfile::tempdir().unwrap();
        let driver = Driver::start(&driver);
        let capabilities = capabilities(&browser, profile.path(), more);
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let client = runtime
            .block_on(builder.connect(&format!("http://127.0.0.1:{}", driver.port)))
            .unwrap();
        let browser = Self {
            runtime,
            client,
            _driver: driver,
            _profile: profile,
        };
        // Nothing moves while something is clicked.
        browser.become_device(Device::ALL[2]);
        Some(browser)
    }

    /// Opens an address, and waits until its document is loaded.
    pub(crate) fn open(&self, address: &str) {
        self.wait(self.client.goto(address));
    }

    /// Loads the page anew.
    pub(crate) fn reload(&self) {
        self.wait(self.client.refresh());
    }

    /// Goes back in the history.
    pub(crate) fn back(&self) {
        self.wait(self.client.back());
    }

    pub(crate) fn address(&self) -> String {
        self.wait(self.client.current_url()).to_string()
    }

    /// Returns what a script returns; `arguments` are its `arguments`.
    pub(crate) fn script(&self, script: &str, arguments: &[Value]) -> Value {
        self.wait(self.client.execute(script, arguments.to_vec()))
    }

    /// Returns what a promise comes to, of a script that gets `done` as its last argument.
    pub(crate) fn promise(&self, script: &str, arguments: &[Value]) -> Value {
        self.wait(self.client.execute_async(script, arguments.to_vec()))
    }

    /// Returns the text of the page as a person sees it.
    pub(crate) fn text(&self) -> String {
        let text = self.script("return document.body.innerText", &[]);
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |shown| shown.contains(text));
    }

    /// Waits until the page has a link with this text.
    #[track_caller]
    pub(crate) fn wait_for_link(&self, text: &str) {
        let find = "return [...document.querySelectorAll('a')].some(one => one.textContent.trim() === arguments[0])";
        self.wait_for(text, |_| self.script(find, &[json!(text)]) == true);
    }

    /// Waits until the heading of the page begins with this text.
    #[track_caller]
    pub(crate) fn wait_for_heading(&self, text: &str) {
        let find = "return (document.querySelector('h1')?.textContent ?? '').startsWith(arguments[0])";
        self.wait_for(text, |_| self.script(find, &[json!(text)]) == true);
    }

    /// Waits until what the page shows is as it should be; panics with the page in the end.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wait_until(|| is_so(&self.text()))));
        assert!(waited.is_ok(), "not shown: {what}\n{}", self.text());
    }

    /// Clicks what a selector of CSS finds, once it is there.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let into_view = "document.querySelector(arguments[0])?.scrollIntoView({block: 'center'})";
        self.script(into_view, &[json!(selector)]);
        self.act(Locator::Css(selector), async |element| element.click().await);
    }

    /// Follows the link with this text.
    #[track_caller]
    pub(crate) fn follow(&self, link: &str) {
        self.act(Locator::LinkText(link), async |element| element.click().await);
    }

    /// Types into what a selector of CSS finds.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        self.act(Locator::Css(selector), async |element| element.send_keys(text).await);
    }

    /// Finds an element and does something with it; again where it is not there yet, or the page has exchanged it in between.
    #[track_caller]
    fn act(&self, locator: Locator<'_>, act: impl AsyncFn(Element) -> Result<(), CmdError>) {
        self.retry(&format!("{locator:?}"), async || {
            act(self.client.find(locator).await?).await
        });
    }

    /// Does something, again where what it is done to was about to change.
    #[track_caller]
    fn retry(&self, what: &str, act: impl AsyncFn() -> Result<(), CmdError>) {
        self.wait_for(what, |_| match self.runtime.block_on(act()) {
            Ok(()) => true,
            Err(error) if is_of_a_moment(&error) => false,
            Err(error) => panic!("{what}: {error}"),
        });
    }

    /// Presses keys where the focus is.
    #[track_caller]
    pub(crate) fn press(&self, keys: &str) {
        self.retry("the focus", async || {
            self.client.active_element().await?.send_keys(keys).await
        });
    }

    /// The text of what a selector of CSS finds; none where that is nothing.
    pub(crate) fn text_of(&self, selector: &str) -> String {
        let find = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.script(find, &[json!(selector)]).as_str().unwrap().to_owned()
    }

    /// The text of what has the focus.
    pub(crate) fn focused(&self) -> String {
        let text = self.script("return document.activeElement.textContent.trim()", &[]);
        text.as_str().unwrap().to_owned()
    }

    /// Opens another tab, and turns to it.
    pub(crate) fn open_tab(&self) -> WindowHandle {
        let opened = self.wait(self.client.new_window(true));
        self.turn_to(&opened.handle);
        opened.handle
    }

    /// The tab that is turned to.
    pub(crate) fn tab(&self) -> WindowHandle {
        self.wait(self.client.window())
    }

    /// Closes the tab that is turned to; another one must be turned to after it.
    pub(crate) fn close_tab(&self) {
        self.wait(self.client.close_window());
    }

    pub(crate) fn turn_to(&self, tab: &WindowHandle) {
        self.wait(self.client.switch_to_window(tab.clone()));
    }

    /// Makes the page that of a device.
    pub(crate) fn become_device(&self, device: Device) {
        let metrics = json!({"width": device.width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.dev_tools("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": device.theme()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.dev_tools("Emulation.setEmulatedMedia", features);
    }

    /// Looks at the page on each device: axe-core finds nothing, nothing is cut off at the side, and a picture is kept in
    /// `target/screenshots`.
    #[track_caller]
    pub(crate) fn expect_accessible(&self, page: &str) {
        for device in Device::ALL {
            self.become_device(device);
            let beyond = self.script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
                &[],
            );
            assert!(
                beyond.as_i64().unwrap() <= 0,
                "{page}, {device:?}: {beyond} pixels too wide"
            );
            let violations = self.violations();
            assert!(violations.is_empty(), "{page}, {device:?}:\n{}", violations.join("\n"));
            self.keep_picture(&format!("{page}-{}-{}", device.width, device.theme()));
        }
    }

    /// What axe-core finds wrong, a line for each element.
    fn violations(&self) -> Vec<String> {
        let axe = axe();
        self.script(&std::fs::read_to_string(&axe).unwrap(), &[]);
        let ask = "const done = arguments[1]; axe.run(document, {runOnly: arguments[0], resultTypes: ['violations']}).then(\
                   found => done(found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html}: ${node.failureSummary}`))), \
                   error => done([String(error)]))";
        let found = self.promise(ask, &[json!(RULES)]);
        serde_json::from_value(found).unwrap()
    }

    /// Keeps a picture of the whole page.
    fn keep_picture(&self, name: &str) {
        let taken = self.dev_tools("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
        let picture = base64::prelude::BASE64_STANDARD
            .decode(taken["data"].as_str().unwrap())
            .unwrap();
        let folder = checkout().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name).with_extension("png"), picture).unwrap();
    }

    fn dev_tools(&self, command: &'static str, parameters: Value) -> Value {
        self.wait(self.client.issue_cmd(DevTools(command, parameters)))
    }

    #[track_caller]
    fn wait<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> T {
        self.runtime.block_on(command).unwrap()
    }
}

/// Whether an element was not there, or no longer, or something lay above it: the page may have been about to change.
fn is_of_a_moment(error: &CmdError) -> bool {
    let CmdError::Standard(error) = error else { return false };
    matches!(
        error.error,
        ErrorStatus::NoSuchElement | ErrorStatus::StaleElementReference | ErrorStatus::ElementClickIntercepted
    )
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session's end is the browser's; without it the browser would outlive its driver.
        let ended = self.runtime.block_on(self.client.clone().close());
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

/// What drives the browser. Dropped, it ends.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    /// Starts it, on a port that is free.
    fn start(program: &Path) -> Self {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let port = said.lines().find_map(|line| {
            let line = line.unwrap();
            let port = line.split_once("successfully on port ")?.1;
            port.trim_end_matches('.').parse().ok()
        });
        Self {
            process,
            port: port.unwrap(),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Where a program is that is installed.
#[expect(clippy::disallowed_methods, reason = "the machine's own programs, not the library's")]
fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// How the browser is started: without a window, and without looking for updates and the like, which would only wait for a
/// network that is not there. Root has no sandbox of Chromium's.
fn capabilities(browser: &Path, profile: &Path, more: &[&str]) -> serde_json::Map<String, Value> {
    let profile = format!("--user-data-dir={}", profile.display());
    let mut arguments = vec![
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--no-first-run",
        &profile,
    ];
    if rustix::process::geteuid().is_root() {
        arguments.push("--no-sandbox");
    }
    arguments.extend(more);
    let options = json!({"binary": browser, "args": arguments});
    let all = json!({"browserName": "chrome", "goog:chromeOptions": options, "timeouts": {"script": PATIENCE}});
    all.as_object().unwrap().clone()
}

/// Where `cargo xtask test` puts axe-core.
fn axe() -> PathBuf {
    checkout().join("target/axe/axe.min.js")
}

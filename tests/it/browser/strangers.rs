//! Pages of others that try to get in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use super::{base, opened, serve};
use crate::support::browser::Browser;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: a_page_of_another_server_gets_nothing_and_does_nothing;
}

/// What a page of another server tries, each answered with what it got.
const TRIES: &str = "
const [base, repository, done] = arguments;
const tries = {
  read: () => fetch(`${base}/api/v1/repositories`).then(answer => answer.text()),
  readWithAToken: () => fetch(`${base}/api/v1/repositories`, {headers: {Authorization: 'Bearer x'}}).then(answer => answer.text()),
  readThePage: () => fetch(`${base}/`).then(answer => answer.text()),
  post: () => fetch(`${base}/api/v1/repositories/${repository}/tasks/cw-1/hold`, {method: 'POST', body: '{\"reason\":\"x\"}'}).then(answer => answer.text()),
  postUnread: () => fetch(`${base}/api/v1/repositories/${repository}/tasks/cw-1/hold`, {method: 'POST', mode: 'no-cors', body: '{\"reason\":\"x\"}'}).then(answer => answer.text()),
  follow: () => new Promise((heard, failed) => {
    const stream = new EventSource(`${base}/api/v1/events`);
    stream.onmessage = message => heard(message.data);
    stream.onerror = () => { stream.close(); failed('no stream'); };
  }),
  frame: () => new Promise((heard, failed) => {
    const frame = document.createElement('iframe');
    frame.src = `${base}/`;
    frame.onload = () => { try { heard(frame.contentDocument.body.innerText); } catch (error) { failed(error); } };
    document.body.append(frame);
  }),
  script: () => new Promise((heard, failed) => {
    const script = document.createElement('script');
    script.src = `${base}/script.js`;
    script.onload = () => heard('it runs here');
    script.onerror = () => failed('no script');
    document.body.append(script);
  }),
  stored: async () => JSON.stringify({...localStorage}) + document.cookie,
};
Promise.all(Object.entries(tries).map(async ([name, one]) => {
  try { return [name, await one()]; } catch (error) { return [name, null]; }
})).then(all => done(Object.fromEntries(all)));
";

/// Serves one page on loopback, as any program of this machine may.
fn other_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // Each by itself: a browser opens connections ahead, and says nothing on them for long.
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let asked = BufReader::new(stream.try_clone().unwrap()).lines();
    let lines = asked.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
    if lines.count() == 0 {
        return;
    }
    let page = "<!doctype html><title>other</title><p>other</p>";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    // A browser may have gone away.
    let _ = stream.write_all((head + page).as_bytes());
}

fn a_page_of_another_server_gets_nothing_and_does_nothing(engine: TestEngine) {
    // The name of a site that has itself answered with the address of this machine.
    let Some(browser) = Browser::start_with(&["--host-resolver-rules=MAP rebound.example 127.0.0.1"]) else {
        return;
    };
    let project = Project::new(engine, "");
    project.add("lay the table", "write src/a.txt x");
    let served = serve(&project, &[]);
    // The person has the page open, and its token is stored.
    opened(&browser, &served);
    let repository = served.json("/api/v1/repositories")[0]["id"].clone();
    let other = other_server();
    for host in ["127.0.0.1", "localhost"] {
        browser.open(&format!("http://{host}:{other}/"));
        browser.wait_for_text("other");
        let got = browser.promise(TRIES, &[json!(base(&served)), repository.clone()]);
        let nothing = json!({"read": null, "readWithAToken": null, "readThePage": null, "post": null, "postUnread": null, "follow": null,
            "frame": null, "script": null, "stored": "{}"});
        assert_eq!(got, nothing, "{host}");
    }
    browser.open(&base(&served).replace("127.0.0.1", "rebound.example"));
    let shown = browser.script("return document.documentElement.outerHTML", &[]);
    assert!(!shown.as_str().unwrap().contains("script"), "{shown}");
    let read = "fetch('/api/v1/repositories').then(answer => arguments[0](answer.status), error => arguments[0](null))";
    assert_ne!(browser.promise(read, &[]), 200);
    assert_eq!(project.issue("cw-1")["status"], "open");
}

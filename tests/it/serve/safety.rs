//! Who is let in, and who is not.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;

use super::{api, asking_raw, command_of, page, raw, served, until, with_tasks};
use crate::support::command::cordwainer;
use crate::support::serve::{Answered, Place, serving};

/// The headers of each answer.
const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

#[track_caller]
fn expect_headers(answered: &Answered) {
    for (name, value) in HEADERS {
        assert_eq!(answered.header(name), value, "{name} of {answered:?}");
    }
    let policy = answered.header("content-security-policy");
    let parts: Vec<&str> = policy.split("; ").collect();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(parts.contains(&part), "`{part}` is not in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for absent in [
        "set-cookie",
        "access-control-allow-origin",
        "access-control-allow-headers",
    ] {
        assert!(!answered.headers.contains_key(absent), "{answered:?}");
    }
}

#[test]
fn each_answer_has_the_headers_that_keep_others_out_and_none_has_a_cookie() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let api = api(&served);
    let of_task = format!("{api}/tasks/cw-1");
    for (path, status) in [
        ("/health", 200),
        ("/", 200),
        ("/script.js", 200),
        ("/page.css", 200),
        ("/icon.svg", 200),
        ("/x", 404),
        ("/api/v1/runs", 401),
    ] {
        expect_headers(&served.asking(Method::GET, path).ask().expect(status));
    }
    for (path, status) in [
        (&*of_task, 200),
        ("/", 200),
        ("/api/v1/x", 404),
        (&*format!("{api}/tasks/cw-9"), 400),
        (&*format!("{api}/runs/none"), 409),
    ] {
        expect_headers(&served.get(path).ask().expect(status));
    }
    expect_headers(
        &served
            .asking(Method::GET, "/")
            .header("host", "evil.example")
            .ask()
            .expect(421),
    );
    expect_headers(
        &served
            .asking(Method::DELETE, &of_task)
            .with_token(&served.token)
            .ask()
            .expect(405),
    );
}

#[test]
fn without_the_token_there_is_the_shell_and_whether_the_server_answers() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    assert_eq!(served.token.len(), 64);
    let api = api(&served);
    let shell = served.asking(Method::GET, "/").ask().expect(200);
    assert_eq!(shell.header("content-type"), "text/html; charset=utf-8");
    let pages =
        ["", "/tasks", "/tasks/cw-1", "/held", "/usage", "/runs/x"].map(|end| api.replacen("/api/v1", "", 1) + end);
    for path in &pages {
        let other = served.asking(Method::GET, path).ask().expect(200);
        assert_eq!(other.body, shell.body, "{path}: it has nothing of the repository");
    }
    assert_eq!(
        served.asking(Method::GET, "/health").ask().expect(200).json(),
        json!({"status": "ok"})
    );
    let wrong = "0".repeat(64);
    for path in [&*pages[1], "/api/v1/repositories", &format!("{api}/tasks")] {
        served.asking(Method::GET, path).with_token(&wrong).ask().expect(401);
    }
    for header in ["", "Bearer", "Bearer ", "Basic x", &served.token] {
        let asking = served
            .asking(Method::GET, "/api/v1/repositories")
            .header("authorization", header);
        let refused = asking.ask().expect(401);
        assert_eq!(
            (refused.header("www-authenticate"), &refused.json()["kind"]),
            ("Bearer", &json!("refused"))
        );
    }
    // A token in the address or in a cookie is none.
    for path in [
        format!("/api/v1/repositories?token={}", served.token),
        format!("{}?token={}", pages[1], served.token),
    ] {
        let answered = served
            .asking(Method::GET, &path)
            .header("cookie", &format!("token={}", served.token))
            .ask();
        assert!(answered.status == 401 || answered.body == shell.body, "{answered:?}");
    }
    assert_eq!(
        page(&served, &pages[1])["said"],
        "1 open, 0 in progress, 1 held, 0 closed."
    );
}

#[test]
fn guesses_are_slowed_down_and_whoever_has_the_token_is_not() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let guess = || {
        let asking = served
            .asking(Method::GET, "/api/v1/repositories")
            .with_token(&"1".repeat(64));
        asking.ask()
    };
    let statuses: Vec<u16> = (0..60).map(|_| guess().status).collect();
    assert!(
        statuses.iter().all(|status| [401, 429].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
    let refused = (0..60)
        .map(|_| guess())
        .find(|answered| answered.status == 429)
        .unwrap();
    assert_eq!(refused.header("retry-after"), "1");
    served.get("/api/v1/repositories").ask().expect(200);
}

/// What a browser sends for a page of another port of this host, of another host, and of a name that was made to point here.
#[test]
fn a_second_server_on_loopback_does_not_get_in() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let Place::Tcp(address) = &served.place else {
        panic!("{:?}", served.place)
    };
    let port = address.rsplit_once(':').unwrap().1;
    let hold = format!("{}/tasks/cw-2/hold", api(&served));
    let body = json!({"reason": "by another site"});
    // The token is given here, although no other site has it: none of these needs it to be refused.
    let others = [
        ("http://127.0.0.1:1", "same-site"),
        ("http://localhost:1", "same-site"),
        (&*format!("http://localhost:{port}"), "cross-site"),
        ("https://evil.example", "cross-site"),
        ("null", "cross-site"),
    ];
    for (origin, site) in others {
        for asking in [served.post(&hold, &body), served.get("/api/v1/repositories")] {
            asking.clone().header("origin", origin).ask().expect(403);
            asking.clone().header("sec-fetch-site", site).ask().expect(403);
            asking
                .header("origin", origin)
                .header("sec-fetch-site", site)
                .ask()
                .expect(403);
        }
        // Which a browser asks before it sends such a request for a page of another site.
        let before = served
            .asking(Method::OPTIONS, &hold)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answered = before.ask();
        assert_eq!(answered.status, 403);
        assert!(
            answered
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
    }
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "127.0.0.1:1",
        "localhost",
        &format!("localhost.evil.example:{port}"),
    ] {
        served.post(&hold, &body).header("host", host).ask().expect(421);
        served.get("/").header("host", host).ask().expect(421);
    }
    // What a form can send without asking before.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        served.post(&hold, &body).header("content-type", kind).ask().expect(415);
    }
    served.post(&hold, &body).without("content-type").ask().expect(415);
    served.post(&hold, &body).without("authorization").ask().expect(401);
    let tasks = cordwainer(&repository, &["issues", "show", "cw-2", "--json"])
        .run()
        .json();
    assert_eq!(tasks["status"], "open");
    // And what the page itself sends.
    let origin = format!("http://{address}");
    let own = served
        .post(&hold, &body)
        .header("origin", &origin)
        .header("sec-fetch-site", "same-origin");
    own.ask().expect(200);
    served
        .get("/")
        .header("host", &format!("localhost:{port}"))
        .ask()
        .expect(200);
}

#[test]
fn a_server_that_only_shows_changes_nothing_and_offers_nothing() {
    let repository = with_tasks();
    let served = served(&repository, &["--read-only"]);
    let api = api(&served);
    let before = repository.git(&["for-each-ref"]);
    for (end, body) in [
        ("/tasks/cw-2/hold", json!({"reason": "x"})),
        ("/tasks/cw-1/release", json!({})),
        ("/tasks/cw-1/comment", json!({"text": "x"})),
        ("/tasks/cw-1/answer", json!({"texts": ["x"]})),
        ("/tasks/cw-1/close", json!({})),
        ("/tasks/cw-1/accept", json!({})),
        ("/tasks/cw-1/revert", json!({})),
        ("/tasks/cw-1/say", json!({"text": "x"})),
        ("/runs/x/pause", json!({})),
        ("/runs/x/resume", json!({})),
        ("/runs/x/stop", json!({})),
    ] {
        let refused = served.post(&format!("{api}{end}"), &body).ask().expect(403);
        assert!(
            refused.json()["error"].as_str().unwrap().contains("--read-only"),
            "{}",
            refused.body
        );
    }
    assert_eq!(repository.git(&["for-each-ref"]), before);
    let pages = api.replacen("/api/v1", "", 1);
    for end in ["/tasks/cw-1", "/held", "/tasks"] {
        let html = page(&served, &format!("{pages}{end}"))["html"].to_string();
        assert!(html.contains("cw-1") && !html.contains("data-post"), "{html}");
    }
}

#[test]
fn a_socket_is_its_users_alone_and_goes_with_the_server() {
    let repository = with_tasks();
    let path = repository.outside().join("page.sock");
    let listen = format!("unix:{}", path.display());
    let served = served(&repository, &["--listen", &listen]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    served.get("/api/v1/repositories").ask().expect(200);
    served.asking(Method::GET, "/api/v1/repositories").ask().expect(401);
    served.get("/").header("host", "evil.example").ask().expect(421);
    let second = cordwainer(&repository, &["serve", "--listen", &listen]).run();
    assert_eq!(second.code, 9, "{second:?}");
    assert!(
        second.stderr.contains("another program listens on"),
        "{}",
        second.stderr
    );
    served.get("/api/v1/repositories").ask().expect(200);
    let (code, said) = served.end();
    assert_eq!((code, &*said), (Some(130), ""));
    assert!(!path.exists());
    // One that a killed server left is replaced.
    let mut left = self::served(&repository, &["--listen", &listen]);
    left.kill();
    assert!(path.exists());
    let again = self::served(&repository, &["--listen", &listen]);
    again.get("/api/v1/repositories").ask().expect(200);
}

#[test]
fn other_addresses_are_listened_on_only_where_they_are_named_with_a_warning() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let Place::Tcp(address) = &served.place else {
        panic!("{:?}", served.place)
    };
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(served.end(), (Some(130), String::new()));
    let open = self::served(&repository, &["--listen", "0.0.0.0:0", "--allow-host", "page.example"]);
    open.get("/").ask().expect(200);
    open.get("/").header("host", "page.example").ask().expect(200);
    open.get("/").header("host", "other.example").ask().expect(421);
    let (code, said) = open.end();
    assert_eq!(code, Some(130));
    assert!(
        said.starts_with("Warning: others on the network can reach this page"),
        "{said}"
    );
    for (arguments, code) in [
        (&["serve", "--listen", "here"][..], 2),
        (&["serve", "--open", "--listen", "unix:x"], 2),
        (&["serve", "--listen", "192.0.2.1:80"], 9),
    ] {
        assert_eq!(cordwainer(&repository, arguments).run().code, code, "{arguments:?}");
    }
}

/// The arguments of programs can be read by every user of a machine.
#[test]
fn a_browser_is_opened_without_the_token_among_its_arguments() {
    let repository = with_tasks();
    let folder = repository.outside().join("programs");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("xdg-open");
    let seen = repository.outside().join("seen");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\n{{ echo \"$@\"; stat -c %a \"$1\"; cat \"$1\"; }} > {0}.part && mv {0}.part {0}\n",
            seen.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command_of(&repository);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let served = serving(command, &repository.outside().join("state"), &["serve", "--open"]);
    crate::support::project::waiting::wait_until(|| seen.exists());
    let text = fs::read_to_string(&seen).unwrap();
    let (arguments, rest) = text.split_once('\n').unwrap();
    let (mode, content) = rest.split_once('\n').unwrap();
    assert!(
        !arguments.contains(&served.token) && arguments.contains("cordwainer-page-"),
        "{arguments}"
    );
    assert_eq!(mode, "600");
    assert!(
        content.contains(&format!("http://{}/#token={}", served.host(), served.token)),
        "{content}"
    );
    let arguments = arguments.to_owned();
    let of_server = fs::read_to_string(format!("/proc/{}/cmdline", served.child().id())).unwrap();
    assert!(!of_server.contains(&served.token));
    served.end();
    assert!(!fs::exists(arguments).unwrap(), "the file goes with the server");
}

#[test]
fn what_a_client_sends_is_bounded_and_so_is_how_long_it_takes() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let slow = [raw(&served), raw(&served)];
    let begun = Instant::now();
    (&slow[1]).write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    let comment = format!("{}/tasks/cw-1/comment", api(&served));
    let long = json!({"text": "x".repeat(300 << 10)});
    served.post(&comment, &long).ask().expect(413);
    for body in ["", "[]", "{", "{\"text\":1}", "{\"text\":\"x\",\"more\":1}", "\u{0}"] {
        let refused = served.post(&comment, &json!(null)).body(body).ask().expect(400);
        assert_eq!(refused.json()["kind"], "usage", "{body}");
    }
    let many = "x".repeat(200 << 10);
    assert_eq!(served.get("/").header("x-long", &many).ask().status, 431);
    let tasks = cordwainer(&repository, &["issues", "show", "cw-1", "--json"])
        .run()
        .json();
    assert_eq!(tasks["comments"], json!([]));
    // Whoever says nothing, or half of what belongs into the head of a request, keeps no connection.
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(begun.elapsed() < Duration::from_secs(50));
}

#[test]
fn two_hundred_connections_are_served() {
    let repository = with_tasks();
    let served = served(&repository, &[]);
    let asking = |_| asking_raw(&served, "/api/v1/events");
    let mut streams: Vec<TcpStream> = (0..200).map(asking).collect();
    served.get("/api/v1/repositories").ask().expect(200);
    for stream in &mut streams {
        until(stream, "\"all\":true");
    }
    let _ = cordwainer(&repository, &["issues", "comment", "cw-1", "new"])
        .run()
        .done();
    for stream in &mut streams {
        until(stream, "\"all\":false");
    }
    served.get("/api/v1/repositories").ask().expect(200);
}

use axum::http::Request;

use super::*;
use crate::base::clock::Clock;

fn guard(hosts: &[&str]) -> Guard {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Guard::new(Token::draw(&Clock::machine()).unwrap(), &hosts)
}

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri("/x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn only_requests_for_this_server_pass() {
    let local = Door::Tcp("127.0.0.1:8080".parse().unwrap());
    let open = Door::Tcp("192.0.2.7:80".parse().unwrap());
    let guard = guard(&["Page.example", "other.example:8443"]);
    for (door, host, passes) in [
        (local, "127.0.0.1:8080", true),
        (local, "localhost:8080", true),
        (local, "LOCALHOST:8080", true),
        (local, "localhost", false),
        (local, "localhost:8081", false),
        (local, "127.0.0.2:8080", false),
        (local, "evil.example:8080", false),
        (local, "localhost.evil.example:8080", false),
        (local, "127.0.0.1:8080.evil.example", false),
        (local, "", false),
        (local, "page.example", true),
        (local, "page.example:1", true),
        (local, "other.example:8443", true),
        (local, "other.example", false),
        (open, "192.0.2.7", true),
        (open, "192.0.2.7:80", true),
        (open, "localhost", false),
        (Door::Unix, "localhost", true),
        (Door::Unix, "localhost:9000", true),
        (Door::Unix, "[::1]:9000", true),
        (Door::Unix, "evil.example", false),
    ] {
        let found = guard.check(door, &parts(&[("host", host)]));
        assert_eq!(found, if passes { Ok(()) } else { Err(Refusal::Host) }, "{host}");
    }
    assert_eq!(guard.check(local, &parts(&[])), Err(Refusal::Host));
    let two = parts(&[("host", "localhost:8080"), ("host", "localhost:8080")]);
    assert_eq!(guard.check(local, &two), Err(Refusal::Host));
}

#[test]
fn what_another_site_sends_does_not_pass() {
    let door = Door::Tcp("127.0.0.1:8080".parse().unwrap());
    let guard = guard(&["page.example"]);
    let host = ("host", "127.0.0.1:8080");
    for (name, value, passes) in [
        ("origin", "http://127.0.0.1:8080", true),
        ("origin", "http://localhost:8080", false),
        ("origin", "http://127.0.0.1:8081", false),
        ("origin", "http://127.0.0.1", false),
        ("origin", "http://evil.example", false),
        ("origin", "http://127.0.0.1:8080.evil.example", false),
        ("origin", "null", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "", false),
    ] {
        let found = guard.check(door, &parts(&[host, (name, value)]));
        assert_eq!(
            found,
            if passes { Ok(()) } else { Err(Refusal::Site) },
            "{name}: {value}"
        );
    }
    // A link to the page in a document of somebody else.
    let link = |dest| {
        let site = ("sec-fetch-site", "cross-site");
        parts(&[host, site, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", dest)])
    };
    assert_eq!(guard.check(door, &link("document")), Ok(()));
    assert_eq!(guard.check(door, &link("iframe")), Err(Refusal::Site));
    let mut with_token = link("document");
    with_token
        .headers
        .insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer 0"));
    assert_eq!(guard.check(door, &with_token), Err(Refusal::Site));
    let mut post = link("document");
    post.method = Method::POST;
    assert_eq!(guard.check(door, &post), Err(Refusal::Site));
    let proxied = [("host", "page.example"), ("origin", "https://page.example")];
    assert_eq!(guard.check(door, &parts(&proxied)), Ok(()));
}

#[test]
fn failures_are_slowed_down_and_the_right_token_is_not() {
    let guard = guard(&[]);
    let right = format!("Bearer {}", guard.token.reveal());
    let right = parts(&[("authorization", &right)]).headers;
    let wrong = parts(&[("authorization", "Bearer 0")]).headers;
    let found: Vec<_> = (0..100).map(|_| guard.authenticate(&wrong)).collect();
    assert!(found[..10].iter().all(|one| *one == Err(Refusal::Token)), "{found:?}");
    assert_eq!(found[99], Err(Refusal::TooMany));
    assert_eq!(guard.authenticate(&right), Ok(()));
    assert_eq!(guard.authenticate(&HeaderMap::new()), Err(Refusal::TooMany));
    let failures = Failures::new(Instant::now());
    let begun = Instant::now();
    while failures.take(begun) {}
    assert!(failures.take(begun + Duration::from_secs(1)));
    let later = begun + Duration::from_secs(3600);
    let room = (0..1000).take_while(|_| failures.take(later)).count();
    assert_eq!(room, 20, "what is not used is not saved up without bound");
}

#[test]
fn what_changes_something_is_json() {
    for (kind, passes) in [
        ("application/json", true),
        ("application/json; charset=utf-8", true),
        ("Application/JSON", true),
        ("text/plain", false),
        ("application/x-www-form-urlencoded", false),
        ("multipart/form-data; boundary=application/json", false),
        ("application/jsonp", false),
    ] {
        let headers = parts(&[("content-type", kind)]).headers;
        assert_eq!(Guard::check_content(&Method::POST, &headers).is_ok(), passes, "{kind}");
        assert_eq!(Guard::check_content(&Method::GET, &headers), Ok(()));
    }
    assert!(Guard::check_content(&Method::POST, &HeaderMap::new()).is_err());
}

//! `network suggest`: the narrowest rules for what a run was refused.

use cordwainer::config::Config;

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

/// A line of the record of a refused connection or request.
fn refused(host: &str, port: u16, method_and_path: Option<(&str, &str)>) -> String {
    let mut line = serde_json::json!({
        "line": "connection", "at": "2026-11-28T12:00:00Z", "role": "stitch", "task": "cw-1", "attempt": 1,
        "host": host, "port": port, "outcome": "refused", "code": "not_allowed",
        "reason": "`network.allow` does not have the host", "sent": 0, "received": 0, "milliseconds": 1,
    });
    if let Some((method, path)) = method_and_path {
        line["method"] = method.into();
        line["path"] = path.into();
    }
    format!("{line}\n")
}

/// A repository with two runs, of which the last one recorded this.
fn project(recorded: &str) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "state_dir: .state\n");
    repository.write(
        ".state/runs/20261127-090000000-1/network.jsonl",
        refused("old.example.org", 443, None),
    );
    repository.write(".state/runs/20261128-090000000-1/network.jsonl", recorded);
    repository
}

fn suggest(repository: &TestRepository, more: &[&str]) -> Called {
    cordwainer(repository, &[&["network", "suggest"], more].concat()).run()
}

#[test]
fn rules_for_the_last_run_are_printed_for_a_person_to_paste() {
    let recorded = [
        refused("docs.example.org", 443, None),
        refused("docs.example.org", 443, None),
        refused("api.example.org", 80, Some(("GET", "/v1/a"))),
        refused("10.0.0.7", 5432, None),
        refused("\u{1b}[2Jevil.example\n  - npm", 443, None),
        refused("169.254.169.254", 80, Some(("GET", "/latest"))),
        "{\"line\":\"left_out\",\"connections\":7}\n{\"line\":\"conn".to_owned(),
    ];
    let repository = project(&recorded.concat());
    let called = suggest(&repository, &[]);
    let expect = "# Refused in run 20261128-090000000-1. Agents choose what they ask for: keep what they need.\n\
                  network:\n  allow:\n    \
                  - {host: api.example.org:80, methods: [GET], paths: [/v1/a], roles: [stitch]}  # 1 refused\n    \
                  - {host: docs.example.org, roles: [stitch]}  # 2 refused\n    \
                  - {host: 10.0.0.7:5432, roles: [stitch]}  # 1 refused; a private address: whatever listens there can be \
                  reached by agents, then\n\
                  # No rule for 169.254.169.254:80: a link-local address, which containers have no business with\n";
    let expect = expect.replace("api.example.org:80", "\"api.example.org:80\"");
    let expect = expect.replace("10.0.0.7:5432,", "\"10.0.0.7:5432\",");
    assert_eq!(
        (called.code, called.stdout.as_str()),
        (0, expect.as_str()),
        "{called:?}"
    );
    assert!(
        called.stderr.contains("Not recorded one by one: 7 connections."),
        "{called:?}"
    );
    assert!(
        called.stderr.contains("Cut short in the record, and left out: 1 line."),
        "{called:?}"
    );
    Config::parse(&called.stdout, "pasted").expect("what is printed is a configuration");

    let json: serde_json::Value = serde_json::from_str(&suggest(&repository, &["--json"]).stdout).unwrap();
    assert_eq!(json["run"], "20261128-090000000-1");
    assert_eq!(
        json["allow"][1]["entry"],
        serde_json::json!({"host": "docs.example.org", "roles": ["stitch"]})
    );
    assert_eq!(
        (&json["allow"][1]["requests"], &json["left_out"], &json["torn"]),
        (&2.into(), &7.into(), &1.into())
    );

    let old = suggest(&repository, &["20261127-090000000-1"]);
    assert!(
        old.stdout.contains("{host: old.example.org, roles: [stitch]}"),
        "{old:?}"
    );
}

#[test]
fn without_a_refusal_or_a_run_there_is_nothing_to_do() {
    let repository = project("");
    let called = suggest(&repository, &[]);
    assert_eq!((called.code, called.stdout.as_str()), (4, ""), "{called:?}");
    for unknown in ["20261129-090000000-1", "../runs", "\u{1b}[2J"] {
        let called = suggest(&repository, &[unknown]);
        assert_eq!(called.code, 2, "{called:?}");
        assert!(
            called.stderr.contains("there is no run `") && !called.stderr.contains('\u{1b}'),
            "{called:?}"
        );
    }
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "state_dir: .state\n");
    let called = suggest(&repository, &[]);
    assert_eq!(called.code, 4, "{called:?}");
}

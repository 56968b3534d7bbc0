//! The timers of a role: how they fit together when a person sets some of them.

use std::time::Duration;

use cordwainer::config::Config;

/// Checks what `stitch` with these keys makes of its timers, in minutes; `None` is off.
fn check(keys: &str, first_event: Option<u64>, idle: Option<u64>, tool: Option<u64>, whole: Option<u64>) {
    let config =
        Config::parse(&format!("stitch: {{{keys}}}"), "c.yaml").unwrap_or_else(|problems| panic!("{problems}"));
    let role = &config.stitch;
    let found = [
        role.first_event_timeout,
        role.idle_timeout,
        role.tool_timeout,
        role.timeout,
    ];
    let expect =
        [first_event, idle, tool, whole].map(|minutes| minutes.map(|minutes| Duration::from_secs(60 * minutes)));
    assert_eq!(found, expect, "{keys}");
}

#[test]
fn a_default_gives_way_to_what_a_person_wrote() {
    check("", Some(2), Some(15), Some(30), Some(60));
    check("timeout: 10m", Some(2), Some(10), Some(10), Some(10));
    check("timeout: 1m", Some(1), Some(1), Some(1), Some(1));
    check("idle_timeout: 45m", Some(2), Some(45), Some(45), Some(60));
    check("tool_timeout: 5m", Some(2), Some(5), Some(5), Some(60));
    check("idle_timeout: 20m, timeout: 25m", Some(2), Some(20), Some(25), Some(25));
    check("first_event_timeout: 20m", Some(20), Some(15), Some(30), Some(60));
    check(
        "idle_timeout: 5m, tool_timeout: 5m",
        Some(2),
        Some(5),
        Some(5),
        Some(60),
    );
}

/// A timer that is off is longer than any other, but contradicts no hard limit.
#[test]
fn off_is_longer_than_anything() {
    check("idle_timeout: off", Some(2), None, None, Some(60));
    check("tool_timeout: off", Some(2), Some(15), None, Some(60));
    check("timeout: off", Some(2), Some(15), Some(30), None);
    check("timeout: off, idle_timeout: 2h", Some(2), Some(120), Some(120), None);
    check(
        "first_event_timeout: off, timeout: 10m",
        None,
        Some(10),
        Some(10),
        Some(10),
    );
    check(
        "idle_timeout: off, tool_timeout: off, timeout: off",
        Some(2),
        None,
        None,
        None,
    );
}

#[test]
fn the_grace_after_a_result_gives_way_to_a_short_call() {
    for (keys, seconds) in [
        ("timeout: 5s", 5),
        ("timeout: 5m", 20),
        ("timeout: 5s, result_grace: 2s", 2),
    ] {
        let config = Config::parse(&format!("stitch: {{{keys}}}"), "c.yaml");
        let grace = config.map(|config| config.stitch.result_grace);
        assert_eq!(grace, Ok(Duration::from_secs(seconds)), "{keys}");
    }
}

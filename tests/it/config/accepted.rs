//! What is read, and what it amounts to.

use std::collections::BTreeMap;
use std::time::Duration;

use cordwainer::agent::Role;
use cordwainer::config::{Config, Image, LimitWait, MountConfig};
use cordwainer::guarantee::Item;

fn parse(text: &str) -> Config {
    Config::parse(text, "c.yaml").unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// Checks that a text is the default but for what `change` does.
fn check(text: &str, change: impl FnOnce(&mut Config)) {
    let mut expected = Config::default();
    change(&mut expected);
    assert_eq!(parse(text), expected, "{text}");
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn nothing_said_is_the_default() {
    for text in [
        "",
        "\n",
        "# only a comment\n",
        "---\n",
        "{}",
        "\u{feff}",
        "container:\nstitch:\n",
        "source_dirs: ~\ncycles: null",
    ] {
        check(text, |_| {});
    }
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    check("\u{feff}max_issues: 3\r\nsource_dirs:\r\n  - src\r\n", |config| {
        config.max_issues = 3;
        config.source_dirs = strings(&["src"]);
    });
}

#[test]
fn hosts_are_shown_as_they_are_written() {
    let text = "network: {allow: [cargo, Example.org, '*.example.net:8443'], credentials: \
                [{host: a.example, cargo: own, from: {file: a}, paths: [/a/*]}]}";
    let shown = serde_json::to_value(parse(text)).unwrap();
    let credential = serde_json::json!({"host": "a.example", "cargo": "own", "from": {"file": "a"}, "paths": ["/a/*"]});
    let expected = serde_json::json!({
        "allow": ["cargo", "Example.org", "*.example.net:8443"], "credentials": [credential],
    });
    assert_eq!(parse(&shown.to_string()), parse(text));
    assert_eq!(shown["network"], expected);

    let expected = serde_json::json!({"allow": [
        "npm",
        {"host": "a.example.org", "methods": ["GET"], "paths": ["/a/**"], "roles": ["stitch", "gates"]},
    ], "credentials": []});
    let shown = serde_json::to_value(parse(&format!("network: {expected}"))).unwrap();
    assert_eq!(shown["network"], expected);
}

#[test]
fn off_is_not_unset() {
    for off in ["off", "Off", "\"off\"", "false"] {
        check(
            &format!("cycles: {off}\ncontainer: {{memory: {off}, pids: {off}}}"),
            |config| {
                config.cycles = None;
                config.container.memory = None;
                config.container.pids = None;
            },
        );
        check(&format!("stitch: {{timeout: {off}, idle_timeout: {off}}}"), |config| {
            config.stitch.timeout = None;
            config.stitch.idle_timeout = None;
            config.stitch.tool_timeout = None;
        });
    }
}

#[test]
fn sizes_and_times() {
    for (text, bytes) in [
        ("512m", 512 << 20),
        ("4g", 4 << 30),
        ("8388608", 8_388_608),
        ("1GiB", 1 << 30),
        ("\"64M\"", 64 << 20),
    ] {
        check(&format!("container: {{memory: {text}}}"), |config| {
            config.container.memory = Some(bytes);
        });
    }
    for (text, seconds) in [("1h30m", 5400), ("90m", 5400), ("2d", 172_800), ("1d2h3m4s", 93_784)] {
        check(&format!("stitch: {{timeout: {text}}}"), |config| {
            config.stitch.timeout = Some(Duration::from_secs(seconds));
        });
    }
    check("limits: {overage: allow, wait: always}", |config| {
        config.limits.allow_overage = true;
        config.limits.wait = LimitWait::Always;
    });
    check("limits: {reserve: 10}", |config| config.limits.reserve = Some(10));
}

#[test]
fn a_default_of_retry_gives_way() {
    check("retry: {initial: 10m, count: 30}", |config| {
        config.retry.initial = Duration::from_secs(600);
        config.retry.ceiling = Duration::from_secs(600);
        config.retry.count = 30;
        config.retry.breaker = 30;
    });
    check("retry: {ceiling: 2s, breaker: 3, factor: 1.5}", |config| {
        config.retry.initial = Duration::from_secs(2);
        config.retry.ceiling = Duration::from_secs(2);
        config.retry.factor = 1.5;
        config.retry.count = 3;
        config.retry.breaker = 3;
    });
}

#[test]
fn all_roles_take_the_settings_of_a_call() {
    let settings = "model: opus, fallback_model: 'sonnet,haiku', strict_model: true, base_url: 'http://x', effort: max, \
                    budget_tokens: 5, allowed_tools: ['Bash(git *)'], denied_tools: [WebFetch], \
                    args: --append-system-prompt 'Be brief.'";
    for role in [Role::Measure, Role::Stitch] {
        let config = parse(&format!("{role}: {{{settings}}}"));
        let read = config.role(role);
        assert_eq!(read.fallback_model.as_deref(), Some("sonnet,haiku"));
        assert_eq!(read.allowed_tools, ["Bash(git *)"]);
        assert_eq!(read.denied_tools, ["WebFetch"]);
        assert_eq!(read.args, ["--append-system-prompt", "Be brief."]);
        assert_eq!((read.strict_model, read.budget_tokens), (true, Some(5)));
        assert_eq!(config.base_url(role), Some("http://x"));
        let others = Role::ALL.into_iter().filter(|other| *other != role);
        assert!(others.into_iter().all(|other| config.base_url(other).is_none()));
    }
}

#[test]
fn sections_of_roles_that_nothing_calls_load_and_change_nothing() {
    let config = parse("optimize: whatever\n");
    assert_eq!(config.uncalled, ["optimize"]);
    let uncalled = config.uncalled.clone();
    let default = Config {
        uncalled,
        ..Config::default()
    };
    assert_eq!(config, default);
}

#[test]
fn names_of_the_older_system() {
    check(
        "go_source_dirs: [cmd/, ./pkg]\nmagefiles_dir: magefiles\ncobbler_dir: .cobbler/\npodman_image: x:1\nbeads_dir: .beads",
        |config| {
            config.source_dirs = strings(&["cmd", "pkg"]);
            config.xtask_dir = "magefiles".to_owned();
            config.state_dir = Some(".cobbler".into());
            config.image = Image::named("x:1");
            config.beads_dir = Some(".beads".into());
        },
    );
}

#[test]
fn a_list_of_protected_paths_replaces_the_default() {
    check("protected_paths: [Makefile]\nxtask_dir: tools", |config| {
        config.protected_paths = strings(&["Makefile"]);
        config.xtask_dir = "tools".to_owned();
    });
}

#[test]
fn gates_and_environment_both_ways() {
    let config = parse("gates: [make check, {name: lint, command: make lint, timeout: 5m}]");
    let gates: Vec<_> = config
        .gates
        .iter()
        .map(|gate| (gate.name.as_str(), gate.command.as_str(), gate.timeout.as_secs()))
        .collect();
    assert_eq!(gates, [("make check", "make check", 1800), ("lint", "make lint", 300)]);
    for text in [
        "container: {env: {A: 1, B: x=y, C: \"\"}}",
        "container: {env: [A=1, B=x=y, C=]}",
    ] {
        let expected: BTreeMap<String, String> = [("A", "1"), ("B", "x=y"), ("C", "")]
            .map(|(a, b)| (a.into(), b.into()))
            .into();
        assert_eq!(parse(text).container.env, expected);
    }
}

fn mount(source: &str, target: &str, writable: bool) -> MountConfig {
    MountConfig {
        source: source.into(),
        target: target.into(),
        writable,
    }
}

#[test]
fn mounts_both_ways() {
    check(
        "container: {mounts: [/srv/a:/a, /srv/data:/data:rw, {source: ./b, target: /b/, writable: false}]}",
        |config| {
            config.container.mounts = vec![
                mount("/srv/a", "/a", false),
                mount("/srv/data", "/data", true),
                mount("b", "/b", false),
            ];
        },
    );
}

/// However a flag of podman is written, the setting is the same.
#[test]
fn podman_flags_become_settings() {
    for text in [
        "podman_args: [-e, K=a b, -v, '/srv/a:/a:ro', --memory, 2g, --cpus, 1.5, --network, none, --user, 1000:1000]",
        "podman_args: ['-eK=a b', '-v/srv/a:/a:ro', --memory=2g, --cpus=1.5, --network=none, --user=1000:1000]",
        "podman_args: [\"--env 'K=a b'\", '--volume /srv/a:/a:ro', -m2g --cpus 1.5 --net none -u 1000:1000]",
        "podman_args: \"-e 'K=a b' --mount type=bind,source=/srv/a,target=/a,readonly -m=2g --cpus=1.5 --net=none -u=1000:1000\"",
    ] {
        check(text, |config| {
            config.container.env = [("K".to_owned(), "a b".to_owned())].into();
            config.container.mounts = vec![mount("/srv/a", "/a", false)];
            config.container.memory = Some(2 << 30);
            config.container.cpus = Some(1.5);
            config.container.network = Some("none".to_owned());
            config.container.user = Some("1000:1000".to_owned());
        });
    }
}

#[test]
fn what_is_relaxed_is_named() {
    let expect = |config: &mut Config| {
        config.container.network = Some("host".to_owned());
        config.container.relax = [Item::Network, Item::Seccomp].into();
    };
    check("container: {network: host, relax: [seccomp, network, seccomp]}", expect);
    check(
        "podman_args: --network=host\ncontainer: {relax: [network, seccomp]}",
        expect,
    );
}

#[test]
fn podman_flags_that_repeat_add_up() {
    check(
        "podman_args: [--tmpfs, '/scratch:size=1g', --mount, 'type=tmpfs,destination=/t', --add-host, 'a:10.0.0.1', --label, team=tools, -v, './x:/x', -v, '/y:/y:rw', --mount, 'type=bind,source=/z,target=/z,readonly=false']\ncontainer: {labels: {a: b}}",
        |config| {
            config.container.tmpfs = [("/scratch", "size=1g"), ("/t", "")]
                .map(|(a, b)| (a.into(), b.into()))
                .into();
            config.container.hosts = strings(&["a:10.0.0.1"]);
            config.container.labels = [("a", "b"), ("team", "tools")]
                .map(|(a, b)| (a.into(), b.into()))
                .into();
            config.container.mounts = vec![
                mount("x", "/x", false),
                mount("/y", "/y", true),
                mount("/z", "/z", true),
            ];
        },
    );
}

/// What is shown can be read again, and is the same configuration; what may be a secret is not shown.
#[test]
fn the_effective_configuration_reads_back() {
    let text = "
source_dirs: [src]
cycles: off
user_prompt: \"off\"
binary_name: \"12\"
container: {cpus: 1.5, memory: 100000000, mounts: ['/srv:/srv:rw'], tmpfs: {/t: ''}, user: 1000, env: {A: 'yes'}}
stitch: {timeout: 1h30m, tools: [Read], model: opus, parallel: auto}
measure: {model: opus, parallel: 1, idle_timeout: 1m, denied_tools: [Bash]}
retry: {factor: 1.5, initial: 1s}
budget: {usd: 12.5, tokens: 1000000, task_usd: 1, cycle_tokens: 5}
limits: {wait: never, default_wait: 2h, reserve: 10}
commands: {test: make test}
gates: [make all, test, {files: [a/*]}, {name: web, command: curl x, serve: {command: ./run, port: 3000}, results: out.xml, when: {types: [bug]}}]
seed_files: {a/b: t/b}
";
    let config = parse(text);
    let shown = serde_yaml::to_string(&config).expect("a configuration can be written");
    assert_eq!(parse(&shown), config, "{shown}");

    let secret = parse("container: {env: {MY_API_KEY: hush, github_token: hush, MODE: loud}}");
    let shown = serde_yaml::to_string(&secret).expect("a configuration can be written");
    assert!(
        !shown.contains("hush") && shown.contains("MY_API_KEY: <set>") && shown.contains("MODE: loud"),
        "{shown}"
    );
}

//! Real projects of the registries, as their authors published them: `init` alone writes the gates that test them in the
//! container.

use std::collections::BTreeSet;
use std::fs;
use std::net::ToSocketAddrs as _;

use cordwainer::network::Preset;

use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, limits_that_hold};
use crate::support::published::{Origin, fetch};

/// The certificates that this machine trusts: a mirror may have one of its own.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A published project.
struct Published {
    origin: Origin,
    /// What git ignores in it: no archive of a package manager has that.
    ignored: &'static str,
    /// A file of its sources, and what to replace in it so that a test fails.
    breaks: (&'static str, &'static str, &'static str),
}

const PUBLISHED: [Published; 5] = [
    Published {
        origin: Origin::Cargo("itoa", "1.0.11"),
        ignored: "/target/\n",
        breaks: ("src/lib.rs", "b'-'", "b'+'"),
    },
    Published {
        origin: Origin::Npm("left-pad", "1.3.0"),
        ignored: "/node_modules/\n",
        breaks: ("index.js", "' '", "'_'"),
    },
    Published {
        origin: Origin::Python("markupsafe", "2.1.5"),
        ignored: "__pycache__/\n*.egg-info/\n*.so\n/build/\n",
        breaks: ("src/markupsafe/_native.py", "\"&lt;\"", "\"<\""),
    },
    Published {
        origin: Origin::Distribution("golang-github-google-uuid"),
        ignored: "",
        breaks: ("uuid.go", "dst[8] = '-'", "dst[8] = '_'"),
    },
    Published {
        origin: Origin::Distribution("cjson"),
        ignored: "/build/\n",
        breaks: ("cJSON.c", "output, \"false\"", "output, \"FALSE\""),
    },
];

/// Adds to the presets of `network.allow` the addresses of their hosts: a mirror may have some that no name is allowed to
/// lead to unless they are listed.
fn with_addresses(configuration: &str) -> String {
    let lines = configuration.lines().map(|line| {
        let Some(names) = line.strip_prefix("  allow: [").and_then(|rest| rest.strip_suffix(']')) else {
            return format!("{line}\n");
        };
        let hosts = names
            .split(", ")
            .filter_map(Preset::named)
            .flat_map(|preset| preset.hosts);
        let addresses = hosts.filter_map(|host| (*host, 443).to_socket_addrs().ok()).flatten();
        let entries: BTreeSet<String> = addresses.map(|address| format!("\"{address}\"")).collect();
        let entries: Vec<String> = entries.into_iter().collect();
        format!("  allow: [{names}, {}]\n", entries.join(", "))
    });
    lines.collect()
}

/// Has `init` write the configuration of a published project, builds its image, and tries its gates: on what was published,
/// and on what was broken.
fn is_tested(published: &Published, engine: TestEngine) {
    let repository = fetch(published.origin, published.ignored);
    let run = |arguments: &[&str]| {
        let called = cordwainer(&repository, arguments).run();
        assert_eq!(called.code, 0, "{}: {called:#?}", repository.path().display());
    };
    run(&["init"]);
    let written = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    let socket = engine.socket().display().to_string();
    let limits = limits_that_hold(&engine.socket());
    repository.write(
        "configuration.yaml",
        format!(
            "{}container:\n  socket: {socket}\n{limits}  mounts: [\"{CERTIFICATES}:{CERTIFICATES}\"]\n  \
             env: {{NODE_EXTRA_CA_CERTS: {CERTIFICATES}}}\nagent: {{credentials: none}}\n",
            with_addresses(&written)
        ),
    );
    repository.commit("configure");
    // The Docker Engine of the tests has no bridge.
    run(&["image", "build", "--network", "host"]);
    run(&["doctor", "--gates"]);
    let (path, text, other) = published.breaks;
    let source = fs::read_to_string(repository.path().join(path)).unwrap();
    assert!(source.contains(text), "{path} has no {text}");
    repository.write(path, source.replace(text, other));
    repository.commit("break it");
    let called = cordwainer(&repository, &["doctor", "--gates"]).run();
    let said = format!("{}{}", called.stdout, called.stderr);
    assert!(
        said.contains("before any work"),
        "{}: {called:#?}\n{written}",
        repository.path().display()
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how the test command asks for every case")]
fn published_projects_are_tested_by_what_init_writes() {
    let Some(engine) = TestEngine::any() else { return };
    let all = std::env::var_os("CORDWAINER_TEST_LONG").is_some();
    if !all {
        return;
    }
    for published in &PUBLISHED {
        is_tested(published, engine);
    }
}

//! Real projects of the registries, as their authors published them: `init` alone writes the gates that test them in the
//! container.

use std::process::Command;

use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, limits_that_hold};
use crate::support::repository::TestRepository;

/// A published project.
struct Published {
    /// Where its archive is, compressed by gzip.
    archive: &'static str,
    /// What git ignores: no archive of a package manager has that.
    ignored: &'static str,
    /// A file of its sources, and what to replace in it so that a test fails.
    breaks: (&'static str, &'static str, &'static str),
}

const PUBLISHED: [Published; 5] = [
    Published {
        archive: "https://static.crates.io/crates/itoa/itoa-1.0.11.crate",
        ignored: "/target/\n",
        breaks: ("src/lib.rs", "b'-'", "b'+'"),
    },
    Published {
        archive: "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz",
        ignored: "/node_modules/\n",
        breaks: ("index.js", "' '", "'_'"),
    },
    Published {
        archive: "https://files.pythonhosted.org/packages/3e/bf/5e12db234df984f6df3c7f12f1428aa680ba4e101f63f4b8b3f9e8d2e617/toolz-0.12.1.tar.gz",
        ignored: "__pycache__/\n",
        breaks: ("toolz/itertoolz.py", "islice(seq, n)", "islice(seq, n + 1)"),
    },
    Published {
        archive: "http://deb.debian.org/debian/pool/main/g/golang-github-pkg-errors/golang-github-pkg-errors_0.9.1.orig.tar.gz",
        ignored: "",
        breaks: ("errors.go", "\": \"", "\" - \""),
    },
    Published {
        archive: "http://deb.debian.org/debian/pool/main/c/cjson/cjson_1.7.15.orig.tar.gz",
        ignored: "/build/\n",
        breaks: ("cJSON.c", "\"true\"", "\"wahr\""),
    },
];

impl Published {
    /// Fetches the archive, and commits what is in it.
    fn fetch(&self) -> TestRepository {
        let repository = TestRepository::empty();
        let archive = tempfile::NamedTempFile::new().unwrap();
        let fetched = Command::new("curl")
            .args([
                "--fail",
                "--silent",
                "--show-error",
                "--location",
                "--retry",
                "3",
                "--output",
            ])
            .arg(archive.path())
            .arg(self.archive)
            .status();
        assert!(fetched.unwrap().success(), "{} cannot be fetched", self.archive);
        let unpacked = Command::new("tar")
            .args([
                "--extract",
                "--gzip",
                "--strip-components=1",
                "--no-same-owner",
                "--file",
            ])
            .arg(archive.path())
            .arg("--directory")
            .arg(repository.path())
            .status();
        assert!(unpacked.unwrap().success(), "{} cannot be unpacked", self.archive);
        repository.write(".gitignore", self.ignored);
        repository.commit("as it was published");
        repository
    }
}

/// Has `init` write the configuration of a published project, builds its image, and tries its gates: on what was published,
/// and on what was broken.
fn is_tested(published: &Published, engine: TestEngine) {
    let repository = published.fetch();
    let run = |arguments: &[&str]| {
        let called = cordwainer(&repository, arguments).run();
        assert_eq!(called.code, 0, "{}: {called:#?}", published.archive);
    };
    run(&["init"]);
    let written = std::fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    let socket = engine.socket().display().to_string();
    let limits = limits_that_hold(&engine.socket());
    repository.write(
        "configuration.yaml",
        format!("{written}container:\n  socket: {socket}\n{limits}agent: {{credentials: none}}\n"),
    );
    repository.commit("configure");
    // The Docker Engine of the tests has no bridge.
    run(&["image", "build", "--network", "host"]);
    run(&["doctor", "--gates"]);
    let (path, text, other) = published.breaks;
    let source = std::fs::read_to_string(repository.path().join(path)).unwrap();
    assert!(source.contains(text), "{path} has no {text}");
    repository.write(path, source.replace(text, other));
    repository.commit("break it");
    let called = cordwainer(&repository, &["doctor", "--gates"]).run();
    let said = format!("{}{}", called.stdout, called.stderr);
    assert!(
        said.contains("red before any work"),
        "{}: {called:#?}\n{written}",
        published.archive
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

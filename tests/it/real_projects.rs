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
    /// What its gate reports.
    gate: (&'static str, &'static str),
    /// A file of its sources, and what to replace in it so that a test fails.
    breaks: (&'static str, &'static str, &'static str),
}

const PUBLISHED: [Published; 5] = [
    Published {
        archive: "https://static.crates.io/crates/itoa/itoa-1.0.11.crate",
        ignored: "/target/\n",
        gate: ("test", "passes"),
        breaks: ("src/lib.rs", "b'-'", "b'+'"),
    },
    Published {
        archive: "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz",
        ignored: "/node_modules/\n",
        gate: ("test", "passes"),
        breaks: ("index.js", "' '", "'_'"),
    },
    Published {
        archive: "https://files.pythonhosted.org/packages/3e/bf/5e12db234df984f6df3c7f12f1428aa680ba4e101f63f4b8b3f9e8d2e617/toolz-0.12.1.tar.gz",
        ignored: "__pycache__/\n",
        gate: ("test", "passes"),
        breaks: ("toolz/itertoolz.py", "islice(seq, n)", "islice(seq, n + 1)"),
    },
    Published {
        archive: "http://deb.debian.org/debian/pool/main/g/golang-github-pkg-errors/golang-github-pkg-errors_0.9.1.orig.tar.gz",
        ignored: "",
        gate: ("test", "passes"),
        breaks: ("errors.go", "\": \"", "\" - \""),
    },
    Published {
        archive: "http://deb.debian.org/debian/pool/main/c/cjson/cjson_1.7.15.orig.tar.gz",
        ignored: "/build/\n",
        gate: ("test", "passes"),
        breaks: ("cJSON.c", "\"true\"", "\"wahr\""),
    },
];

impl Published {
    /// Fetches the archive, and commits what is in it.
    fn fetch(&self) -> TestRepository {
        let repository = TestRepository::empty();
        let archive = tempfile::NamedTempFile::new().unwrap();
        let fetched = Command::new("curl")
            .args(["--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output"])
            .arg(archive.path())
            .arg(self.archive)
            .status();
        assert!(fetched.unwrap().success(), "{} cannot be fetched", self.archive);
        let unpacked = Command::new("tar")
            .args(["--extract", "--gzip", "--strip-components=1", "--no-same-owner", "--file"])
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

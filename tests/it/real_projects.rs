//! Real projects of the registries, as their authors published them: `init` alone writes the gates that test them in the
//! container.

use std::collections::BTreeSet;
use std::fs;
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::network::Preset;

use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, limits_that_hold};
use crate::support::repository::TestRepository;

/// The certificates that this machine trusts: a mirror may have one of its own.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where a project is published.
#[derive(Clone, Copy)]
enum Origin {
    Cargo(&'static str, &'static str),
    Npm(&'static str, &'static str),
    Python(&'static str, &'static str),
    /// A source package of the distribution, which has the archive of its authors.
    Distribution(&'static str),
}

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

impl Published {
    /// Fetches the project by the program of its ecosystem, and commits what is in it.
    fn fetch(&self) -> TestRepository {
        let repository = TestRepository::empty();
        let folder = tempfile::tempdir().unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(folder.path());
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {output:?}");
        };
        match self.origin {
            Origin::Cargo(name, version) => {
                let manifest =
                    format!("[package]\nname = \"a\"\nversion = \"0.0.0\"\n[dependencies]\n{name} = \"={version}\"\n");
                fs::create_dir(folder.path().join("src")).unwrap();
                fs::write(folder.path().join("src/lib.rs"), "").unwrap();
                fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
                run("cargo", &["vendor", "--quiet"]);
                run(
                    "tar",
                    &["--create", "--gzip", "--file", "archive", "--directory", "vendor", name],
                );
            }
            Origin::Npm(name, version) => run("npm", &["pack", "--silent", &format!("{name}@{version}")]),
            Origin::Python(name, version) => run(
                "python3",
                &[
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--no-binary",
                    name,
                    &format!("{name}=={version}"),
                ],
            ),
            Origin::Distribution(name) => {
                let options = source_lists(folder.path());
                let options: Vec<&str> = options.iter().map(String::as_str).collect();
                run("apt-get", &[&options[..], &["--quiet", "update"]].concat());
                run(
                    "apt-get",
                    &[&options[..], &["--quiet", "--download-only", "source", name]].concat(),
                );
            }
        }
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let archive = files.filter(|path| path.is_file()).find(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name == "archive" || name.ends_with("gz") && !name.contains(".debian.")
        });
        let archive = archive.unwrap().display().to_string();
        let target = repository.path().display().to_string();
        run(
            "tar",
            &[
                "--extract",
                "--gzip",
                "--strip-components=1",
                "--no-same-owner",
                "--file",
                &archive,
                "--directory",
                &target,
            ],
        );
        repository.write(".gitignore", self.ignored);
        repository.commit("as it was published");
        repository
    }
}

/// Writes lists of the distribution's sources below a folder, where those of its packages are, and returns the options with
/// which `apt-get` uses them and leaves the machine's own lists as they are.
fn source_lists(folder: &Path) -> Vec<String> {
    let place = |name: &str| {
        let path = folder.join("apt").join(name);
        fs::create_dir_all(&path).unwrap();
        path.display().to_string()
    };
    let (lists, cache, parts) = (place("lists/partial"), place("cache/archives/partial"), place("parts"));
    let mut texts = vec![("sources.list".to_owned(), PathBuf::from("/etc/apt/sources.list"))];
    let entries = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    texts.extend(entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), entry.path())
    }));
    for (name, path) in texts {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let lines = text.lines().map(|line| match line.strip_prefix("deb ") {
            Some(rest) => format!("deb-src {rest}\n"),
            None if line.starts_with("Types:") => "Types: deb-src\n".to_owned(),
            None => format!("{line}\n"),
        });
        fs::write(Path::new(&parts).join(name), lines.collect::<String>()).unwrap();
    }
    let without = |path: &str| path.trim_end_matches("/partial").to_owned();
    let options = [
        ("Dir::Etc::sourcelist", "/dev/null".to_owned()),
        ("Dir::Etc::sourceparts", parts),
        ("Dir::State::lists", without(&lists)),
        ("Dir::Cache", without(&cache).trim_end_matches("/archives").to_owned()),
        // What is downloaded is in a folder of this user.
        ("APT::Sandbox::User", "root".to_owned()),
    ];
    options
        .into_iter()
        .map(|(key, value)| format!("--option={key}={value}"))
        .collect()
}

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
    let repository = published.fetch();
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

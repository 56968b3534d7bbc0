//! The examples of web applications, from their configurations to merged tasks: with an image and services that are built
//! as they say, a dependency from a private registry, and a database or a queue that their tests need.

use std::fs;
use std::path::PathBuf;

use cordwainer::engine::EngineKind;
use cordwainer::image::{self, BuildOptions};
use cordwainer::testing::size;
use tokio::runtime::Runtime;

use crate::attacks::told::Told;
use crate::support::cargo::checkout;
use crate::support::command::cordwainer;
use crate::support::engines::{IMAGE, TestEngine, absent, build_request, engine_tests, limits_that_hold};
use crate::support::project::{Project, Ran};
use crate::support::registries::{self, Servers};
use crate::support::repository::TestRepository;

engine_tests! {
    podman first: web_projects_are_worked_on_with_their_services_and_private_registries;
}

/// An image with apt that has the packages of the services, so that they need not be fetched again.
const BASE: &str = "localhost/cordwainer-test-services-base:1";

/// What is different from example to example.
struct Example {
    name: &'static str,
    /// The host of the private registry, the variable with its secret, and which of the servers stands for it.
    registry: (&'static str, &'static str, usize),
    /// The package of the service, and what `image check` tries.
    package: &'static str,
    checks: &'static [&'static str],
    /// The folder that `commands.prepare` makes, and the path of the archive that it fetches.
    prepared: &'static str,
    archive: &'static str,
    /// A test of something new, and what passes it.
    test: &'static str,
    change: &'static str,
    /// How the tests are run, and what they print then.
    tests: &'static str,
    passed: &'static str,
}

const PYTHON: Example = Example {
    name: "web-python",
    registry: ("pypi.example.org", "PYPI_PASSWORD", 2),
    package: "packages: [postgresql]",
    checks: &["ok      python3 --version", "ok      service db"],
    prepared: ".venv",
    archive: "pip GET /files/example_slugs-1.0-py3-none-any.whl",
    test: r#"append tests/test_notes.py <<END


def test_notes_are_counted(site):
    assert get(f"{site}/count") == "0\n"
    add(site, "One")
    add(site, "Two")
    assert get(f"{site}/count") == "2\n"
END"#,
    change: r#"sed -i '/"404 Not Found"/i\        if (method, path) == ("GET", "/count"):\n            return "200 OK", [], f"{len(self.store.slugs())}\\n"' notes/application.py"#,
    tests: ".venv/bin/python -m pytest",
    passed: "4 passed",
};

const NODE: Example = Example {
    name: "web-node",
    registry: ("npm.example.org", "NPM_TOKEN", 1),
    package: "packages: [redis-server]",
    checks: &["ok      npm --version", "ok      service counter"],
    prepared: "node_modules",
    archive: "npm GET /@example/redis/-/redis-1.0.0.tgz",
    test: r"append test/visits.test.js <<END

test('visits are forgotten', async () => {
  await ask('POST', '/visits/past');
  assert.deepStrictEqual(await ask('DELETE', '/visits/past'), [204, '']);
  assert.deepStrictEqual(await ask('GET', '/visits/past'), [200, '0']);
});
END",
    change: r"sed -i '/ default:/i\      case '\''DELETE'\'': await redis.command('\''DEL'\'', key); return [204, '\'''\''];' src/application.js",
    tests: "npm test",
    passed: "# pass 4",
};

/// Each has what the other has, but for the programs of its language, so one is enough where there is little time.
fn web_projects_are_worked_on_with_their_services_and_private_registries(engine: TestEngine) {
    for example in [&PYTHON, &NODE].into_iter().take(size(1, 2)) {
        walk(engine, example);
    }
}

/// An example in a repository of its own, and the servers that stand for its registry.
struct Walk {
    project: Project,
    servers: Servers,
    example: &'static Example,
    runtime: Runtime,
}

/// Takes an example from its commit to the end of a generation with one merged task.
fn walk(engine: TestEngine, example: &'static Example) {
    let runtime = Runtime::new().unwrap();
    if !runtime.block_on(has_claude_image(engine)) {
        absent("Claude image");
        return;
    }
    let walk = Walk::begin(engine, example, runtime);
    walk.get_ready();
    walk.work();
    walk.look_at_what_came_of_it();
}

/// Whether the engine has the image that the examples' images are built onto.
async fn has_claude_image(engine: TestEngine) -> bool {
    let tag = image::tag(&BuildOptions::default());
    engine.connect().await.image_id(&tag).await.unwrap().is_some()
}

impl Walk {
    fn begin(engine: TestEngine, example: &'static Example, runtime: Runtime) -> Self {
        let servers = runtime.block_on(Servers::start());
        let (host, _, index) = example.registry;
        let address = servers.authorities_of_urls()[index].clone();
        let repository = TestRepository::empty();
        for (path, text) in files_of(example) {
            repository.write(&path, text.replace(host, &address));
        }
        let configuration = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
        repository.write("configuration.yaml", adapted(&configuration, engine, example, &address));
        repository.commit("begin");
        fs::write(repository.outside().join("trusted.pem"), servers.authorities()).unwrap();
        Self {
            project: Project::configured(engine, repository),
            servers,
            example,
            runtime,
        }
    }

    /// Runs a command where the machine trusts the servers and has the secret.
    fn run(&self, arguments: &[&str]) -> Ran {
        let (_, variable, index) = self.example.registry;
        let certificates = self.project.repository.outside().join("trusted.pem");
        let mut command = self.project.command(arguments);
        command.env("SSL_CERT_FILE", certificates);
        command.env(variable, registries::SECRETS[index].1);
        let ran: Ran = command.output().unwrap().into();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for (_, secret) in registries::SECRETS {
            assert!(!said.contains(secret), "{said}");
        }
        ran
    }

    /// Builds and checks the images, and tries the gates on what is there.
    fn get_ready(&self) {
        // The Docker Engine of the tests has no bridge.
        let built = self.run(&["image", "build", "--network", "host", "--json"]).expect(0);
        let built: serde_json::Value = serde_json::from_str(&built.stdout).unwrap();
        let mut checked = self.run(&["image", "check"]).expect(0);
        for text in self.example.checks {
            checked = checked.says(text);
        }
        self.runtime
            .block_on(self.exchange_the_client(built["name"].as_str().unwrap()));
        let _ = self.run(&["doctor", "--gates"]).expect(0).says("✓ gate tests");
    }

    /// Puts the scripted agent in the place of the client.
    async fn exchange_the_client(&self, image: &str) {
        let text = format!("FROM {image}\nCOPY --from={IMAGE} /claude /usr/local/bin/claude\n");
        let request = build_request(&text, image);
        let engine = self.project.engine.connect().await;
        engine.build_image(request, &mut |_| {}).await.unwrap();
    }

    /// Has one task done by an agent that sees the tests fail, and then pass.
    fn work(&self) {
        let Example {
            test, change, tests, ..
        } = self.example;
        self.run(&["start", "--name", "one"]).expect(0);
        let script = format!(
            "{test}\nattack shell before <<END\n{tests}\nEND\nattack shell change <<END\n{change}\nEND\n\
             attack shell after <<END\n{tests}\nEND\n"
        );
        self.project.add("Do what the specification says", &script);
        let ran = self.run(&["run", "--tasks-only"]).expect(0);
        let _ = ran.says("cw-1: gate `tests` passed.").says("1 task merged");
        assert_eq!(self.project.outcomes("cw-1"), ["merged"]);
    }

    fn look_at_what_came_of_it(&self) {
        let example = self.example;
        // The agent ran the tests itself, and then the gate did, each with a service of its own.
        let told = Told::by_task(&self.project, "cw-1");
        assert!(!told.done("shell before"), "{}", told.came("shell before"));
        let after = told.came("shell after");
        assert!(after.contains(example.passed), "{after}");
        let records = self.project.records("cw-1-1").pop().unwrap();
        let gate = fs::read_to_string(records.join("gate-1.txt")).unwrap();
        assert!(gate.contains(example.passed), "{gate}");
        let stopped = self.run(&["stop"]).expect(0);
        let _ = stopped.says("The gates passed on the merge.");
        // The dependency was fetched once, with the credential that no container had, and never without.
        let log = self.servers.log();
        assert_eq!(self.servers.refused(), 0, "{log:?}");
        let fetched = log.iter().filter(|line| **line == example.archive);
        assert_eq!(fetched.count(), 1, "{log:?}");
        let committed = self.project.repository.git(&["ls-tree", "-r", "--name-only", "main"]);
        assert!(!committed.contains(example.prepared), "{committed}");
        assert_eq!(self.project.containers(), Vec::<String>::new());
    }
}

/// The configuration of an example, for an engine and images of the tests.
fn adapted(text: &str, engine: TestEngine, example: &Example, address: &str) -> String {
    let kind = match engine.kind() {
        EngineKind::Podman => "podman",
        EngineKind::Docker => "docker",
    };
    let socket = engine.socket();
    let container = format!(
        "container:\n  engine: {kind}\n  socket: {}\n{}",
        socket.display(),
        limits_that_hold(&socket)
    );
    let mut adapted = text.to_owned();
    let package = example.package;
    for (from, to) in [
        ("container:\n", container),
        // A machine that compiles beside may need long for a new database.
        ("    ports: [", "    within: 5m\n    ports: [".to_owned()),
        (package, format!("base: {BASE}, {package}")),
        (&format!("host: {address}"), format!("host: \"{address}\"")),
    ] {
        assert!(adapted.contains(from), "`{from}` is not in:\n{adapted}");
        adapted = adapted.replacen(from, &to, 1);
    }
    adapted
}

/// The files of an example, with their paths.
fn files_of(example: &Example) -> Vec<(PathBuf, String)> {
    let root = checkout().join("examples").join(example.name);
    let files = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.path().strip_prefix(&root).unwrap().to_owned(), text)
        })
        .collect()
}

#[test]
fn the_examples_are_valid_and_init_finds_what_they_are_made_of() {
    for (example, tools, gate) in [
        (
            &PYTHON,
            "Tools of the image: python.",
            "/cache/venv/bin/python -m pytest --junit-xml=test-results.xml`",
        ),
        (&NODE, "Tools of the image: node, npm.", "`npm test`"),
    ] {
        let repository = TestRepository::empty();
        for (path, text) in files_of(example) {
            repository.write(&path, text);
        }
        repository.commit("begin");
        let checked = cordwainer(&repository, &["config", "check", "--json"]).run();
        assert_eq!(
            (checked.code, checked.stdout.as_str()),
            (0, "[]\n"),
            "{}",
            checked.stderr
        );
        fs::remove_file(repository.path().join("configuration.yaml")).unwrap();
        let init = cordwainer(&repository, &["init"]).run();
        for text in [tools, gate] {
            let said = format!("{}{}", init.stdout, init.stderr);
            assert!(said.contains(text), "{said}");
        }
    }
}

#[test]
fn the_walk_of_the_documentation_shows_what_the_example_has() {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).unwrap();
    let (text, example) = (
        read("docs/environment.md"),
        read("examples/web-python/configuration.yaml"),
    );
    let end = text.find("\n## What an image is built from").unwrap();
    let blocks = text[..end].split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks.map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        assert!(example.contains(block), "the example does not have:\n{block}");
    }
}

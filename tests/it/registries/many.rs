//! A real npm that installs many packages, side by side with itself: all connections that it wants at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::Response;
use tokio::sync::watch;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::https::{Answering, Https, whole};
use crate::support::project::Project;
use crate::support::registries::packages::tar_gz;
use crate::support::repository::TestRepository;
use crate::support::tools_image::{self, TOOLS};

engine_tests! {
    podman: several_installations_at_once_find_room;
}

/// An address that containers do not take for their own.
const ADDRESS: &str = "127.0.0.6";
/// Packages of each project.
const PACKAGES: usize = 15;
/// npm has 15 connections to a registry.
const PROJECTS: usize = 3;

/// The registry. It answers nobody before all of them have asked for something, so that they do run side by side.
async fn registry() -> Https {
    let asking = Arc::new(watch::Sender::new(BTreeSet::new()));
    let archive = tar_gz(&[
        ("package/package.json", r#"{"name": "p", "version": "1.0.0"}"#),
        ("package/index.js", "module.exports = 1;\n"),
    ]);
    let answer = move |request: hyper::Request<hyper::body::Incoming>| {
        let (asking, archive) = (Arc::clone(&asking), archive.clone());
        Box::pin(async move {
            let host = request.headers()["host"].to_str().unwrap();
            let path = request.uri().path();
            let project = path.split('-').next().unwrap().to_owned();
            asking.send_if_modified(|projects| projects.insert(project));
            let all = |projects: &BTreeSet<String>| projects.len() == PROJECTS;
            drop(asking.subscribe().wait_for(all).await.unwrap());
            match path.strip_suffix(".tgz") {
                Some(_) => Response::new(whole(archive)),
                None => Response::new(whole(document(host, path.trim_start_matches('/'), &archive))),
            }
        }) as Answering
    };
    Https::start(ADDRESS, &[ADDRESS], answer).await
}

/// What a registry has of a package.
fn document(host: &str, name: &str, archive: &[u8]) -> String {
    let shasum = sha1_smol::Sha1::from(archive).digest().to_string();
    let dist = serde_json::json!({"tarball": format!("https://{host}/{name}/-/{name}-1.0.0.tgz"), "shasum": shasum});
    let version = serde_json::json!({"name": name, "version": "1.0.0", "dist": dist});
    serde_json::json!({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).to_string()
}

fn several_installations_at_once_find_room(engine: TestEngine) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if !runtime.block_on(tools_image::provide(engine)) {
        return;
    }
    let registry = runtime.block_on(registry());
    let address = registry.address;
    let packages = |project: usize| {
        let names = (0..PACKAGES).map(|number| format!("p{project}-{number}"));
        names.collect::<Vec<_>>().join(" ")
    };
    let install = |project: usize| {
        format!(
            "(mkdir -p /tmp/{project} && cd /tmp/{project} && echo '{{}}' >package.json && npm install --no-audit --no-fund \
             --cache /tmp/cache-{project} --fetch-retries 0 --fetch-timeout 120000 --registry https://{address}/ {} && touch done) &",
            packages(project)
        )
    };
    let installs: Vec<_> = (0..PROJECTS).map(install).collect();
    let command = format!(
        "{} wait; ls -d /tmp/*/done /tmp/*/node_modules/*/index.js | wc -l | grep -x {}",
        installs.join(" "),
        PROJECTS * (PACKAGES + 1)
    );
    let more = format!(
        "image: {TOOLS}\nnetwork: {{allow: [{{host: \"{address}\", methods: [GET]}}]}}\ngates:\n  - {{name: npm, command: {}}}\n",
        serde_json::Value::from(command)
    );
    let repository = TestRepository::new();
    repository.write(".gitignore", "/.secrets/\n");
    let project = Project::on(engine, repository, &more);
    let certificates = project.repository.outside().join("trusted.pem");
    std::fs::write(&certificates, &registry.authority).unwrap();
    project.add("a change", "write src/a.txt x");
    let mut command = project.command(&["doctor", "--gates"]);
    let ran = command.env("SSL_CERT_FILE", &certificates).output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(ran.status.code(), Some(0), "{said}");
    // The record of the trial has no connection that was refused or had to wait.
    let runs = std::fs::read_dir(project.state().join("runs")).unwrap();
    let texts: Vec<String> = runs
        .flat_map(|run| ["events.jsonl", "network.jsonl"].map(|name| run.as_ref().unwrap().path().join(name)))
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    let texts = texts.concat();
    for word in ["\"refused\"", "connections at once"] {
        assert!(!texts.contains(word), "{texts}");
    }
}

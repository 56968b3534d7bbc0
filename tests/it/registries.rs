//! Private registries and a private git host, with the real programs in real containers: each host demands a credential
//! that no container has.

mod many;

use std::path::Path;
use std::process::Command;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::registries::{self as servers, Servers, packages};
use crate::support::repository::TestRepository;
use crate::support::tools_image::{self, TOOLS};

engine_tests! {
    podman first: cargo_npm_pip_and_git_use_what_they_never_see;
}

/// The folder of the toolchain that compiles this.
fn toolchain() -> &'static Path {
    let cargo = Path::new(env!("CARGO"));
    cargo.parent().and_then(Path::parent).unwrap()
}

fn cargo_npm_pip_and_git_use_what_they_never_see(engine: TestEngine) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if !runtime.block_on(tools_image::provide(engine)) {
        return;
    }
    let servers = runtime.block_on(Servers::start());
    let repository = TestRepository::empty();
    repository.write(".gitignore", "/.secrets/\n");
    let mounts = format!("  mounts: [\"{}:/opt/rust\"]\n", toolchain().display());
    let project = Project::with_socket(
        engine,
        repository,
        &engine.socket(),
        &format!("{mounts}---\n{}{}", servers.configuration(), gates(&servers)),
    );
    let file = project.repository.path().join("configuration.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    std::fs::write(&file, text.replace(first, &format!("image: {TOOLS}"))).unwrap();
    project.repository.commit("use the image with the programs");
    let certificates = project.repository.outside().join("trusted.pem");
    std::fs::write(&certificates, servers.authorities()).unwrap();
    let doctor = |set: bool| -> crate::support::project::Ran {
        let mut command: Command = project.command(&["doctor", "--gates"]);
        command.env("SSL_CERT_FILE", &certificates);
        if set {
            command.envs(servers::SECRETS);
        }
        command.output().unwrap().into()
    };
    let missing = doctor(false).expect(9);
    for (variable, _) in servers::SECRETS {
        let missing = format!("{}{}", missing.stdout, missing.stderr);
        assert!(
            missing.contains(&format!("the variable `{variable}`: it is not set"))
                && missing.contains("configuration.yaml:"),
            "{missing}"
        );
    }
    assert_eq!(servers.refused() + servers.answered(), 0);

    let ran = doctor(true);
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "{said}\n{:?}", servers.log());
    for (_, secret) in servers::SECRETS {
        assert!(!said.contains(secret), "{said}");
    }
    // Every request had the credential, with which the servers were satisfied; the last one had none that they know.
    assert_eq!(servers.refused(), 0, "{:?}", servers.log());
    for program in ["cargo", "npm", "pip", "git"] {
        assert!(
            servers.log().iter().any(|line| line.starts_with(program)),
            "{program}: {:?}",
            servers.log()
        );
    }
}

/// A gate for each program: that it gets what is private, and that it was told nothing of the secret.
fn gates(servers: &Servers) -> String {
    let [cargo, npm, pip, git] = servers.authorities_of_urls();
    let cargo = format!(
        "export PATH=/opt/rust/bin:$PATH CARGO_HOME=/tmp/cargo CARGO_REGISTRIES_OWN_INDEX=sparse+https://{cargo}/index/ && \
         export CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS=cargo:token && \
         mkdir -p /tmp/own/src && cd /tmp/own && echo >src/lib.rs && \
         printf '[package]\\nname = \"user\"\\nversion = \"0.1.0\"\\nedition = \"2021\"\\n[dependencies]\\n\
         own-crate = {{ version = \"1\", registry = \"own\" }}\\n' >Cargo.toml && cargo fetch && \
         grep -r 'own words' /tmp/cargo/registry/src"
    );
    let npm = format!(
        "mkdir -p /tmp/npm && cd /tmp/npm && echo '{{}}' >package.json && \
         npm install --no-audit --no-fund --registry https://{npm}/ @own/package && \
         grep 'own words' node_modules/@own/package/index.js && npm whoami --registry https://{npm}/"
    );
    let pip = format!(
        "pip download --disable-pip-version-check --no-deps --dest /tmp/pip --index-url https://{pip}/simple/ own-package \
         && test -f /tmp/pip/own_package-1.0-py3-none-any.whl"
    );
    let git = format!(
        "git clone https://{git}/own.git /tmp/clone && cd /tmp/clone && grep 'own words' own.txt && git switch -c more && \
         git -c user.name=a -c user.email=a@b commit --allow-empty -m more && git push origin more"
    );
    // A command that names a secret would be refused, so words are compared by their sums.
    let sums = servers::SECRETS.map(|(_, secret)| packages::sha256(secret.as_bytes()));
    let told = format!(
        "case \"$CARGO_REGISTRIES_OWN_TOKEN\" in cordwainer-placeholder-*) ;; *) exit 1;; esac && \
         cd /run/cordwainer/gateway && grep cordwainer-placeholder- npmrc netrc && ! touch trusted.pem && \
         {{ env; cat npmrc netrc; }} | tr ' =' '\\n\\n' | while read -r word; do printf %s \"$word\" | sha256sum; done \
         >/tmp/sums && printf %s \"$CARGO_REGISTRIES_OWN_TOKEN\" | sha256sum | grep -f - /tmp/sums && \
         ! grep -E '{}' /tmp/sums",
        sums.join("|")
    );
    let mut text = String::from("gates:\n");
    for (name, command) in [
        ("cargo", cargo),
        ("npm", npm),
        ("pip", pip),
        ("git", git),
        ("told", told),
    ] {
        let command = serde_json::Value::from(command);
        text.push_str(&format!("  - {{name: {name}, command: {command}}}\n"));
    }
    text
}

//! The text that a project's image is built from: onto an image with the client, one layer for the packages and one for
//! each tool and each command, in this order. A change of one rebuilds what stands after it.

use std::fmt::Write as _;

use crate::config::toolchain::{self, Registry, Tool};
use crate::config::{ImageBuild, ToolVersion};

/// The name in the build context of the certificates that the host trusts.
pub(super) const CERTIFICATES: &str = "host-certificates.pem";
/// Where tools from registries are, each in a folder of its own.
const TOOLS: &str = "/opt/tools";

/// What compiles tools of cargo: the newest Rust that the distribution has. Debian keeps one for browsers up to date.
const COMPILER: &str = "\
RUN apt-get update \\
    && for cargo in cargo-web cargo; do if apt-cache show $cargo >/dev/null 2>&1; then break; fi; done \\
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $cargo gcc libc6-dev libssl-dev \\
    && rm -rf /var/lib/apt/lists/*
";

/// Returns the Containerfile of a project's image onto `client`, an image with the client; `None` where nothing is to be
/// added to that.
pub(super) fn text(client: &str, build: &ImageBuild) -> Option<String> {
    let tools: Vec<(&Tool, &ToolVersion)> = build
        .tools
        .iter()
        .filter_map(|(name, version)| Some((toolchain::tool(name)?, version)))
        .collect();
    if build.packages.is_empty() && tools.is_empty() && build.run.is_empty() && build.env.is_empty() {
        return None;
    }
    let mut text = "# Written by `cordwainer image build` from `image.build`.\n".to_owned();
    for (tool, version) in &tools {
        if let (ToolVersion::Registry(version), Some(registry)) = (version, tool.registry) {
            stage(&mut text, client, tool, registry, version);
        }
    }
    begin(&mut text, client, "");
    if !build.packages.is_empty() {
        install(&mut text, &build.packages);
    }
    for (tool, version) in tools {
        match (version, tool.registry) {
            (ToolVersion::Registry(_), Some(registry)) => copy(&mut text, tool, registry),
            _ if tool.newer.is_empty() => install(&mut text, tool.packages),
            _ => install_newer(&mut text, tool),
        }
    }
    for command in &build.run {
        // As a list, no word of it is anything to whoever reads this file but the shell.
        let list = serde_json::Value::from(vec!["/bin/sh", "-c", command]);
        let _ = writeln!(text, "RUN {list}");
    }
    for (name, value) in &build.env {
        let quoted = serde_json::Value::from(value.as_str()).to_string();
        // Otherwise the build would replace it by a variable of its own.
        let _ = writeln!(text, "ENV {name}={}", quoted.replace('$', "\\$"));
    }
    text.push_str("ENV HOME=/home/agent\nWORKDIR /workspace\nUSER 1000:1000\n");
    Some(text)
}

/// Begins a stage in which commands run as root.
fn begin(text: &mut String, client: &str, name: &str) {
    let _ = writeln!(text, "FROM {client}{name}\nUSER root\nENV HOME=/root\nWORKDIR /");
}

/// Installs packages. Slim images of Debian have no folders for manual pages, and without them Java cannot be configured.
fn install<T: AsRef<str>>(text: &mut String, packages: &[T]) {
    let packages: Vec<&str> = packages.iter().map(AsRef::as_ref).collect();
    let _ = writeln!(
        text,
        "RUN mkdir -p /usr/share/man/man1 \\\n    && apt-get update \\\n    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
         {} \\\n    && rm -rf /var/lib/apt/lists/*",
        packages.join(" ")
    );
}

/// Installs the newer packages of a tool where the distribution has them, else the others.
fn install_newer(text: &mut String, tool: &Tool) {
    let (newer, packages) = (tool.newer.join(" "), tool.packages.join(" "));
    let _ = writeln!(
        text,
        "RUN apt-get update \\\n    && if apt-cache show {newer} >/dev/null 2>&1; then packages='{newer}'; else packages='{packages}'; fi \\\n    \
         && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $packages \\\n    \
         && rm -rf /var/lib/apt/lists/*"
    );
}

/// Adds the stage in which a tool is fetched: what that needs, and the host's certificates, stay in it.
fn stage(text: &mut String, client: &str, tool: &Tool, registry: Registry, version: &str) {
    let name = tool.name;
    begin(text, client, &format!(" AS tool-{name}"));
    let (package, variable, fetch) = match registry {
        Registry::Npm(package) => (
            "npm",
            "NPM_CONFIG_CAFILE",
            format!("npm install --global --prefix {TOOLS}/{name} {package}@{version}"),
        ),
        Registry::Python(package) => (
            "python3-venv",
            "PIP_CERT",
            format!(
                "python3 -m venv {TOOLS}/{name} \\\n    && {TOOLS}/{name}/bin/pip install --no-cache-dir {package}=={version}"
            ),
        ),
        Registry::Cargo(package) => (
            "pkg-config",
            "CARGO_HTTP_CAINFO",
            format!("CARGO_HOME=/tmp/cargo cargo install --locked --root {TOOLS}/{name} {package}@{version}"),
        ),
    };
    install(text, &["ca-certificates", package]);
    if matches!(registry, Registry::Cargo(_)) {
        text.push_str(COMPILER);
    }
    let file = format!("/tmp/{CERTIFICATES}");
    let _ = writeln!(
        text,
        "COPY {CERTIFICATES} {file}\nRUN if [ -s {file} ]; then export {variable}={file}; fi \\\n    && {fetch}\n"
    );
}

/// Adds what a tool's stage has fetched, and puts its programs where they are found.
fn copy(text: &mut String, tool: &Tool, registry: Registry) {
    if matches!(registry, Registry::Python(_)) {
        install(text, &["python3"]);
    }
    let place = format!("{TOOLS}/{}", tool.name);
    let _ = writeln!(
        text,
        "COPY --from=tool-{} {place} {place}\nRUN for program in {}; do \\\n    \
         if [ -e \"{place}/bin/$program\" ]; then ln -sf \"{place}/bin/$program\" /usr/local/bin/; fi; done",
        tool.name,
        tool.programs.join(" ")
    );
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::config::Config;

    fn of(image: &str) -> Option<String> {
        let config = Config::parse(&format!("image: {{build: {image}}}\n"), "test").unwrap();
        text("localhost/client:1", &config.image.build.unwrap())
    }

    #[test]
    fn packages_tools_and_commands_are_layers_of_their_own() {
        let image = "{packages: [jq, libpq-dev], tools: {rust: distribution, go: distribution}, \
                     run: ['echo \"a $HOME\" >/a', 'true \\']}";
        assert_snapshot!("layers", of(image).unwrap());
    }

    #[test]
    fn tools_of_registries_are_fetched_in_stages() {
        assert_snapshot!(
            "registries",
            of("{tools: {just: 1.59.0, meson: 1.4.0, pnpm: 9.15.0}}").unwrap()
        );
    }

    #[test]
    fn a_base_alone_adds_nothing_to_the_client() {
        assert_eq!(of("{base: 'debian:trixie-slim'}"), None);
    }
}

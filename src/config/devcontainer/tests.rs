//! What a file becomes, and what is said of it.

use super::*;
use crate::config::ToolVersion;

const PATH: &str = ".devcontainer/devcontainer.json";

fn good(text: &str) -> Devcontainer {
    parse(text, PATH).unwrap()
}

#[track_caller]
fn refused(text: &str, expect: &str) {
    assert_eq!(parse(text, PATH).unwrap_err().to_string(), expect, "{text}");
}

#[test]
fn image_features_and_environment_are_read() {
    let found = good(
        r#"{
            // The project's container.
            "name": "x",
            "image": "debian:bookworm",
            "features": {
                "registry.example/devcontainers/features/node:1": {"version": "20.11.1", "nvmVersion": "latest"},
                "registry.example/devcontainers/features/rust:1": {"version": "1.80"},
                "registry.example/devcontainers/features/git:1": {},
                "registry.example/devcontainers/features/docker-in-docker:2": {},
                "registry.example/others/apt-packages:1": {"packages": "libpq-dev, jq"},
            },
            "containerEnv": {"A": "1 $x", "HOME_OF": "${localEnv:HOME}"},
            "remoteEnv": {"B": "2", "C": null},
            "postCreateCommand": "npm ci",
            "initializeCommand": ["touch", "/tmp/x"],
            "runArgs": ["--privileged"],
            "what": 1,
        }"#,
    );
    let build = &found.build;
    assert_eq!(build.base.as_deref(), Some("debian:bookworm"));
    assert_eq!(build.packages, ["libpq-dev", "jq"]);
    assert_eq!(build.tools["node"], ToolVersion::Registry("20.11.1".to_owned()));
    assert_eq!(build.tools["npm"], ToolVersion::Distribution);
    assert_eq!(build.tools["rust"], ToolVersion::Distribution);
    assert_eq!(
        build.env,
        [("A", "1 $x"), ("B", "2")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into()
    );
    let keys: Vec<&str> = found.unused.iter().filter_map(|note| note.split('`').nth(1)).collect();
    assert_eq!(
        keys,
        [
            "containerEnv.HOME_OF",
            "remoteEnv.C",
            "features.registry.example/devcontainers/features/docker-in-docker:2",
            "features.registry.example/devcontainers/features/node:1.nvmVersion",
            "features.registry.example/devcontainers/features/rust:1.version",
            "initializeCommand",
            "postCreateCommand",
            "runArgs",
            "what",
        ]
    );
    assert_eq!(
        found.unused[5],
        ".devcontainer/devcontainer.json: `initializeCommand` is not used: nothing of it runs on this machine"
    );
}

#[test]
fn a_dockerfile_beside_it_is_read_with_target_and_arguments() {
    let found = good(
        r#"{"build": {"dockerfile": "deep/Dockerfile", "context": "..", "target": "dev",
            "args": {"V": "1", "H": "${localEnv:H}"}, "cacheFrom": "x"}, "features": {"a": {}}}"#,
    );
    assert_eq!(
        found.build.containerfile.as_deref(),
        Some(".devcontainer/deep/Dockerfile")
    );
    assert_eq!(found.build.target.as_deref(), Some("dev"));
    assert_eq!(found.build.args, [("V".to_owned(), "1".to_owned())].into());
    let keys: Vec<&str> = found.unused.iter().filter_map(|note| note.split('`').nth(1)).collect();
    assert_eq!(keys, ["build.args.H", "build.cacheFrom", "build.context", "features"]);
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let file = ".devcontainer/devcontainer.json";
    refused("{\n  \"image\": }", &format!("{file}:2:12: expected value"));
    refused("{\n/* x", &format!("{file}:2: a comment does not end"));
    refused("[]", &format!("{file}: expected an object"));
    refused("{}", &format!("{file}: it names neither an `image` nor a `build`"));
    refused(
        r#"{"image": "a b"}"#,
        &format!("{file}: image: expected the name of an image"),
    );
    refused(
        r#"{"image": "${localEnv:I}"}"#,
        &format!("{file}: image: expected the name of an image"),
    );
    refused(
        r#"{"image": "a", "build": {}}"#,
        &format!("{file}: image: contradicts `build`"),
    );
    refused(
        r#"{"dockerComposeFile": "x.yaml", "service": "a"}"#,
        &format!("{file}: dockerComposeFile: several containers are not supported"),
    );
    for outside in ["../Dockerfile", "/etc/Dockerfile", ""] {
        refused(
            &format!(r#"{{"build": {{"dockerfile": "{outside}"}}}}"#),
            &format!("{file}: build.dockerfile: it is not in the folder of this file"),
        );
    }
    refused(
        r#"{"image": "a", "containerEnv": {"A B": "1"}}"#,
        &format!("{file}: containerEnv.A B: expected a name and a text in one line"),
    );
    refused(
        r#"{"image": "a", "containerEnv": {"A": "1\nRUN x"}}"#,
        &format!("{file}: containerEnv.A: expected a name and a text in one line"),
    );
    refused(
        r#"{"image": "a", "features": {"x/apt-packages:1": {"packages": "a;b"}}}"#,
        &format!("{file}: features.x/apt-packages:1.packages: `a;b` is not a package as apt names it"),
    );
    refused(
        r#"{"build": {"dockerfile": "D", "target": "a b"}}"#,
        &format!("{file}: build.target: expected texts without spaces"),
    );
    let root = parse(r#"{"build": {"dockerfile": "Dockerfile"}}"#, ".devcontainer.json").unwrap_err();
    assert!(
        root.to_string().ends_with("it is not in the folder of this file"),
        "{root}"
    );
}

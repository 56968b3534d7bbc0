//! `serve`: who is let in, the HTTP API, its streams and its pages, asked by a client that can say anything.

mod api;
mod connections;
mod live;
mod pages;
mod routes;
mod safety;
mod streams;
mod usage;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::command::cordwainer;
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::serve::{Place, Served, serving};

/// A repository with an open generation of two tasks, of which the first is held.
fn with_tasks() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "image: an-image\n");
    repository.commit("a project");
    for arguments in [
        &["start", "--name", "one"][..],
        &[
            "issues",
            "add",
            "Round half sizes up",
            "--label",
            "ui",
            "--description",
            "Sizes of cloth.",
        ],
        &["issues", "add", "Print a summary", "--depends-on", "cw-1"],
        &["issues", "hold", "cw-1", "--reason", "the format is not decided"],
    ] {
        let _ = cordwainer(&repository, arguments).run().done();
    }
    repository
}

fn command_of(repository: &TestRepository) -> Command {
    let call = cordwainer::<&str>(repository, &[]);
    let mut command = Command::new(call.command().get_program());
    command.env_clear();
    command.envs(
        call.command()
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.current_dir(repository.path());
    command
}

/// A server within a repository.
fn served(repository: &TestRepository, options: &[&str]) -> Served {
    let state_home = repository.outside().join("state");
    serving(command_of(repository), &state_home, &[&["serve"], options].concat())
}

/// A server within a project.
fn served_of(project: &Project, options: &[&str]) -> Served {
    let state_home = project.repository.outside().join("state");
    let arguments = [&["serve"], options].concat();
    serving(project.command(&[]), &state_home, &arguments)
}

/// What stands before the paths of the only repository.
fn api(served: &Served) -> String {
    let all = served.json("/api/v1/repositories");
    format!("/api/v1/repositories/{}", all[0]["id"].as_str().unwrap())
}

/// A connection without a client.
fn raw(served: &Served) -> TcpStream {
    let Place::Tcp(address) = &served.place else {
        panic!("{:?}", served.place)
    };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// A connection without a client that has asked, with the token, for what is at a path.
fn asking_raw(served: &Served, path: &str) -> TcpStream {
    let mut stream = raw(served);
    let (host, token) = (served.host(), &served.token);
    let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads until this has come.
fn until(stream: &mut TcpStream, wanted: &str) {
    let (mut seen, mut part) = (String::new(), [0; 4096]);
    while !seen.contains(wanted) {
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "{seen}");
        seen += std::str::from_utf8(&part[..count]).unwrap();
    }
}

/// The content of a page.
fn page(served: &Served, path: &str) -> Value {
    served.json(path)
}

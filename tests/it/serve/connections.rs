//! Connections: whoever has no token keeps nobody out who has it, and none leaves anything behind.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use hyper::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::{api, asking_raw, command_of, raw, served, until, with_tasks};
use crate::runs::records::{claimed, started, write};
use crate::support::command::cordwainer;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;
use crate::support::serve::{Served, serving};

/// How many connections more than there are of all strangers hold.
const MORE: usize = 76;
/// How long a server waits for a request of a connection: then it would go in any case.
const HEAD: Duration = Duration::from_secs(15);

/// Lets this process have as many files open as it may, of which there are to be so many.
fn may_open(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    assert!(
        limit.maximum.is_none_or(|most| most >= files),
        "`ulimit -Hn` is {limit:?}"
    );
    if limit.current.is_some_and(|now| now < files) {
        let limit = Rlimit {
            current: Some(files),
            ..limit
        };
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

/// A server that may have so many files open.
fn served_with(repository: &TestRepository, files: u64) -> Served {
    let call = command_of(repository);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files.to_string()]);
    command
        .arg(call.get_program())
        .env_clear()
        .current_dir(repository.path());
    command.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    serving(command, &repository.outside().join("state"), &["serve"])
}

/// How many files of a server lead to sockets, or to the events of runs.
fn open_files(served: &Served) -> (usize, usize) {
    let (mut sockets, mut events) = (0, 0);
    for entry in fs::read_dir(format!("/proc/{}/fd", served.child().id())).unwrap() {
        // One may be gone by now.
        let Ok(target) = fs::read_link(entry.unwrap().path()) else {
            continue;
        };
        sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
        events += usize::from(target.ends_with("events.jsonl"));
    }
    (sockets, events)
}

/// Whether the server has not closed a connection of which all that was sent is read.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.peek(&mut [0]) {
        Err(error) => error.kind() == ErrorKind::WouldBlock,
        Ok(_) => false,
    }
}

/// Has strangers hold more connections than there are, while a person looks at the page.
fn strangers_keep_nobody_out(repository: &TestRepository, served: &Served, (most, share): (usize, usize)) {
    // Nobody has connected yet.
    let before = open_files(served);
    let mut persons = asking_raw(served, "/api/v1/events");
    until(&mut persons, "\"all\":true");
    let mut strangers = Vec::new();
    let begun = Instant::now();
    for _ in 0..most + MORE {
        let mut stranger = raw(served);
        stranger
            .write_all(format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", served.host()).as_bytes())
            .unwrap();
        until(&mut stranger, "\"ok\"}\n");
        strangers.push(stranger);
    }
    assert!(
        is_open(strangers.last().unwrap()) && !is_open(&strangers[0]),
        "the oldest one goes"
    );
    assert!(begun.elapsed() < HEAD, "none goes since its time is over");
    wait_until(|| strangers.iter().filter(|one| is_open(one)).count() <= share);
    assert!(open_files(served).0 <= before.0 + most);
    // Whoever comes now is answered, and whoever was there hears what happens.
    served.asking(Method::GET, "/").ask().expect(200);
    served.get("/api/v1/repositories").ask().expect(200);
    let _ = cordwainer(repository, &["issues", "comment", "cw-1", "new"])
        .run()
        .done();
    until(&mut persons, "\"all\":false");
    drop((strangers, persons));
    wait_until(|| open_files(served) == before);
}

#[test]
fn strangers_who_hold_connections_keep_nobody_out_who_has_the_token() {
    may_open(4096);
    let repository = with_tasks();
    strangers_keep_nobody_out(&repository, &served(&repository, &[]), (1024, 256));
}

#[test]
fn a_server_that_may_open_few_files_has_fewer_connections_and_fails_for_nobody() {
    may_open(4096);
    let repository = with_tasks();
    let served = served_with(&repository, 256);
    strangers_keep_nobody_out(&repository, &served, (96, 24));
    let (code, said) = served.end();
    assert_eq!((code, &*said), (Some(130), ""));
}

/// Each takes nothing of a stream that has more to send than fits into the connection.
#[test]
fn followers_who_take_nothing_and_go_leave_nothing_open() {
    let repository = with_tasks();
    let run = "20261130-120000000-7";
    let line = json!({"at": "2026-11-30T12:00:00Z", "event": {"type": "warned", "what": "x".repeat(1 << 20)}});
    let much = format!("{line}\n").repeat(16);
    write(
        &repository,
        run,
        &[started(run, "generation-one"), claimed("cw-1")],
        much.as_bytes(),
    );
    let served = served(&repository, &[]);
    // Nobody has connected yet.
    let before = open_files(&served);
    let path = format!("{}/runs/{run}/events", api(&served));
    let followers: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut follower = asking_raw(&served, &path);
            until(&mut follower, "retry: ");
            follower
        })
        .collect();
    wait_until(|| open_files(&served) == (before.0 + 50, before.1 + 50));
    served.get("/api/v1/repositories").ask().expect(200);
    drop(followers);
    wait_until(|| open_files(&served) == before);
}

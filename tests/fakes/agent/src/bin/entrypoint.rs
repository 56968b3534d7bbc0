//! The entrypoint of an image without a shell: what `container/entrypoint` does, as one static program.
//!
//! `cordwainer-entrypoint COMMAND…` tells the orchestrator what this container really got, and becomes COMMAND only when
//! that was enough. A copy of itself stays behind as the relay from `127.0.0.1:8080` to the gateway.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

const GATEWAY: &str = "/run/cordwainer/gateway/gateway.sock";
/// Where the files are into which the command writes.
const OUTPUT: &str = "/run/cordwainer/output";
const ADDRESS: &str = "127.0.0.1:8080";
/// Connections that are relayed at once.
const CONNECTIONS: usize = 256;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        None => Err("there is no command to run".into()),
        Some("--relay") => relay().map(|()| 0),
        Some("--detach") => spawn("--relay", Stdio::inherit()).map(|_| 0),
        Some(program) => begin(program, &arguments[1..]),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cordwainer-entrypoint: {error}");
            ExitCode::from(125)
        }
    }
}

/// Returns only when the command does not run.
fn begin(program: &str, arguments: &[String]) -> Outcome<u8> {
    // It listens from here on, and begins while the orchestrator is asked: before the answer, nothing runs here that would use it.
    // Through a child that ends, so that the relay is the init's child and the command's none.
    let listener = TcpListener::bind(ADDRESS)?;
    let mut between = spawn("--detach", OwnedFd::from(listener).into())?;
    ask(&facts()?)?;
    between.wait()?;
    let mut command = Command::new(program);
    write_to_files(&mut command)?;
    let failed = command.args(arguments).exec();
    // As a shell would have it.
    match failed.kind() {
        std::io::ErrorKind::NotFound => Ok(127),
        std::io::ErrorKind::PermissionDenied => Ok(126),
        _ => Err(failed.into()),
    }
}

/// Has what the command writes go into files, where there are any. The output that it had stays open beside that: it ends with
/// the command.
fn write_to_files(command: &mut Command) -> Outcome<()> {
    if !Path::new(OUTPUT).join("stdout").is_file() {
        return Ok(());
    }
    let open = |name| std::fs::File::options().append(true).open(Path::new(OUTPUT).join(name));
    command.stdout(open("stdout")?).stderr(open("stderr")?);
    // Without the flag that closes it when the command begins.
    std::mem::forget(rustix::io::dup(std::io::stdout())?);
    Ok(())
}

/// Runs a part of this program with the socket that listens as its standard input.
fn spawn(part: &str, listener: Stdio) -> Outcome<std::process::Child> {
    let mut command = Command::new("/proc/self/exe");
    // None of the command's own outputs, which would not end before the relay does.
    command
        .arg(part)
        .stdin(listener)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command.spawn()?)
}

/// The sections that `cordwainer::guarantee::Facts` reads.
fn facts() -> Outcome<String> {
    let init = std::fs::read_to_string("/proc/1/comm")?;
    let (pid, parent) = (std::process::id(), std::os::unix::process::parent_id());
    let mut facts = format!("== process\npid {pid}\nparent {parent}\ninit {init}");
    section(&mut facts, "version", "/proc/version");
    for name in ["status", "uid_map", "mountinfo", "limits"] {
        section(&mut facts, name, &format!("/proc/self/{name}"));
    }
    for name in ["net/dev", "net/route", "net/fib_trie", "net/if_inet6", "net/ipv6_route"] {
        section(&mut facts, name, &format!("/proc/{name}"));
    }
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = groups
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or_default();
    for name in ["memory.max", "memory.swap.max", "cpu.max", "pids.max"] {
        let below = format!("/sys/fs/cgroup{}/{name}", own.trim_end_matches('/'));
        let path = if Path::new(&below).exists() {
            below
        } else {
            format!("/sys/fs/cgroup/{name}")
        };
        section(&mut facts, name, &path);
    }
    for path in [
        "memory/memory.limit_in_bytes",
        "memory/memory.memsw.limit_in_bytes",
        "cpu/cpu.cfs_quota_us",
        "cpu/cpu.cfs_period_us",
        "pids/pids.max",
    ] {
        let name = path.rsplit('/').next().unwrap_or(path);
        section(&mut facts, name, &format!("/sys/fs/cgroup/{path}"));
    }
    facts.push_str(&usable());
    Ok(facts)
}

/// Whether work is possible here; the image has no git.
fn usable() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "what the container was given is what is looked at"
    )]
    let home = std::env::var("HOME").unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default().display().to_string();
    let mut text = "\n== usable\ngit none\n".to_owned();
    for (name, places) in [
        ("worktree", vec![here.as_str()]),
        ("home", vec![home.as_str()]),
        ("temporary", vec!["/tmp", "/var/tmp"]),
    ] {
        let locked = places.into_iter().find_map(|place| Some((place, locked(place)?)));
        let said = locked.map_or("yes".to_owned(), |(place, why)| {
            format!("cannot write `{place}`: {why}")
        });
        let _ = writeln!(text, "{name} {said}");
    }
    text
}

/// Why a folder cannot be written, if it cannot; a folder in it shows that.
fn locked(place: &str) -> Option<std::io::Error> {
    let mark = Path::new(place).join(format!(".cordwainer-{}", std::process::id()));
    std::fs::create_dir(&mark)
        .and_then(|()| std::fs::remove_dir(&mark))
        .err()
}

/// A name and a whole file; what is not there is not told.
fn section(facts: &mut String, name: &str, path: &str) {
    if let Ok(text) = std::fs::read_to_string(path) {
        // Writing to a string cannot fail.
        let _ = write!(facts, "\n== {name}\n{text}");
    }
}

/// Sends the facts; anything but 204 is a refusal, whose words are the answer's body.
fn ask(facts: &str) -> Outcome<()> {
    let mut gateway = UnixStream::connect(GATEWAY).map_err(|error| format!("{GATEWAY}: {error}"))?;
    // It may take as long as the services need to which it belongs.
    gateway.set_read_timeout(None)?;
    let length = facts.len();
    let request = format!(
        "POST /cordwainer/seal HTTP/1.1\r\nHost: cordwainer\r\nContent-Type: text/plain\r\nContent-Length: \
         {length}\r\nConnection: close\r\n\r\n{facts}"
    );
    gateway.write_all(request.as_bytes())?;
    let mut answer = String::new();
    gateway.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 204 ") {
        return Ok(());
    }
    Err(answer
        .split_once("\r\n\r\n")
        .map_or("nobody answers at the gateway", |(_, body)| body)
        .into())
}

/// Carries every connection to the gateway, and back.
fn relay() -> Outcome<()> {
    let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let open = Arc::new(());
    for client in listener.incoming() {
        let client = client?;
        // Whoever is one too many is closed: their connection is dropped.
        if Arc::strong_count(&open) <= CONNECTIONS {
            let held = Arc::clone(&open);
            std::thread::spawn(move || {
                let carried = carry(&client);
                drop(held);
                carried
            });
        }
    }
    Ok(())
}

/// Copies both ways until both have ended; the end of one way is told to the other side.
fn carry(client: &TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let gateway = UnixStream::connect(GATEWAY)?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let copied = std::io::copy(&mut &*client, &mut &gateway);
            gateway.shutdown(std::net::Shutdown::Write).and(copied)
        });
        let copied = std::io::copy(&mut &gateway, &mut &*client);
        client.shutdown(std::net::Shutdown::Write).and(copied.map(drop))
    })
}

//! A server, those who follow what it says, and what that takes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use wait4::Wait4 as _;

/// How often a tab fetches its page at most, as the script of the pages does.
const PACE: Duration = Duration::from_secs(1);

/// What the kernel counts the processor's time in, as it tells programs (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Where a server listens, and what it answers to.
pub(super) struct Address {
    /// As `Host` has it.
    host: String,
    token: String,
}

impl Address {
    /// Returns that of a server of this machine that needs no token.
    pub(super) fn of_port(port: u16) -> Self {
        Self {
            host: format!("127.0.0.1:{port}"),
            token: String::new(),
        }
    }

    /// Sends a request; returns the connection.
    pub(super) fn ask(&self, path: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.host).context("cannot connect")?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.host, self.token
        );
        stream.write_all(request.as_bytes()).context("cannot ask")?;
        Ok(stream)
    }

    /// Returns what is at an address, which must be there.
    pub(super) fn fetch(&self, path: &str) -> Result<String> {
        let mut answer = String::new();
        self.ask(path)?.read_to_string(&mut answer).context("no answer")?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("an answer has no end of its head")?;
        ensure!(
            head.starts_with("HTTP/1.1 200 "),
            "`{path}` is answered otherwise: {head}"
        );
        Ok(body.to_owned())
    }

    /// Returns where the pages of the one repository that is served begin.
    pub(super) fn repository(&self) -> Result<String> {
        let listed: serde_json::Value = serde_json::from_str(&self.fetch("/api/v1/repositories")?)?;
        let id = listed[0]["id"].as_str().context("no repository")?;
        Ok(format!("/repositories/{id}"))
    }
}

/// A server that serves a repository.
pub(super) struct Serving {
    child: Child,
    pub(super) address: Arc<Address>,
    has_ended: bool,
}

impl Serving {
    pub(super) fn start(repository: &Path) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg("serve").current_dir(repository).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start a server")?;
        let stdout = child.stdout.take().context("a server has a stdout")?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .context("cannot hear the server")?;
        let address = line.trim().strip_prefix("http://").context("no address")?;
        let (host, token) = address.split_once("/#token=").context("no token")?;
        let address = Arc::new(Address {
            host: host.to_owned(),
            token: token.to_owned(),
        });
        Ok(Self {
            child,
            address,
            has_ended: false,
        })
    }

    /// Returns what it has used of the processor by now.
    pub(super) fn used(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        // The name before that, in parentheses, may have spaces.
        let (_, fields) = text.rsplit_once(") ").context("the kernel tells nothing")?;
        let mut ticks = 0;
        for field in fields.split(' ').skip(11).take(2) {
            ticks += field.parse::<u32>().context("the kernel tells no number")?;
        }
        Ok(TICK * ticks)
    }

    /// Ends it as Ctrl-C does; returns the most memory that it had, in KiB.
    pub(super) fn end(mut self) -> Result<u64> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("cannot end the server")?;
        let used = self.child.wait4().context("cannot wait for the server")?;
        self.has_ended = true;
        Ok(used.rusage.maxrss / 1024)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After an error: it must not outlive the benchmark.
        if !self.has_ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How many look, and at what.
#[derive(Clone, Copy)]
pub(super) struct Lookers {
    /// Connections that follow what changes.
    pub(super) connections: u32,
    /// How many more follow each line of the run's events.
    pub(super) streams: u32,
    /// How many tabs fetch a page whenever they hear that something has changed.
    pub(super) tabs: u32,
}

/// A server, and those who look at what it serves.
pub(super) struct Looking {
    pub(super) serving: Serving,
    lookers: Vec<JoinHandle<Result<u32>>>,
}

impl Looking {
    /// Starts a server, and connects so many that each have heard how things stand.
    pub(super) fn begin(repository: &Path, lookers: Lookers) -> Result<Self> {
        let serving = Serving::start(repository)?;
        let address = &serving.address;
        let pages = address.repository()?;
        let runs: serde_json::Value = serde_json::from_str(&address.fetch(&format!("/api/v1{pages}/runs"))?)?;
        let run = runs[0]["run"].as_str().context("no run")?;
        let mut threads = Vec::new();
        let events = "/api/v1/events".to_owned();
        for _ in 0..lookers.connections {
            threads.push(follow(address, &events, None)?);
        }
        for _ in 0..lookers.streams {
            threads.push(follow(address, &format!("/api/v1{pages}/runs/{run}/events"), None)?);
        }
        for number in 0..lookers.tabs {
            let page = match number % 2 {
                0 => format!("{pages}/tasks"),
                _ => format!("{pages}/runs/{run}"),
            };
            threads.push(follow(address, &events, Some(page))?);
        }
        Ok(Self {
            serving,
            lookers: threads,
        })
    }

    /// Ends all of it; returns the most memory that the server had, in KiB, and how many pages were fetched.
    pub(super) fn end(self) -> Result<(u64, u32)> {
        let memory = self.serving.end()?;
        let mut fetched = 0;
        for looker in self.lookers {
            fetched += looker.join().map_err(|_| anyhow!("a looker panicked"))??;
        }
        Ok((memory, fetched))
    }
}

/// Follows a stream until it ends, in a thread, and fetches a page at what it says, if one is named; the thread returns how often.
fn follow(address: &Arc<Address>, stream: &str, page: Option<String>) -> Result<JoinHandle<Result<u32>>> {
    let mut follower = address.ask(stream)?;
    follower.read_exact(&mut [0; 12]).context("a follower hears nothing")?;
    let Some(page) = page else {
        return Ok(spawn(move || {
            // It ends with the server.
            let _ = std::io::copy(&mut follower, &mut std::io::sink());
            Ok(0)
        }));
    };
    let address = Arc::clone(address);
    Ok(spawn(move || {
        let mut fetched = 0;
        let mut last: Option<Instant> = None;
        let mut heard = vec![0; 64 << 10];
        while follower.read(&mut heard).is_ok_and(|length| length > 0) {
            if let Some(last) = last {
                std::thread::sleep(PACE.saturating_sub(last.elapsed()));
            }
            last = Some(Instant::now());
            // The server may be ending.
            if address.fetch(&page).is_err() {
                break;
            }
            fetched += 1;
        }
        Ok(fetched)
    }))
}

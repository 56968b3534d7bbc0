//! `bench page`: what the live page costs a run of many tasks that others look at, and how soon a page begins to come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use cordwainer::event::{Event, EventKind};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::UnboundedReceiver;
use wait4::Wait4 as _;

use crate::agent_image;
use crate::bench::engines::{Setting, load, on_each};
use crate::bench::parallel::scene::{FILES, Scene, expect_merged};
use crate::bench::runs::{print_head, print_ratio, print_times};
use crate::bench::times::Times;
use crate::provision::EngineChoice;

/// How much longer tasks may take that are looked at.
const RUN: f64 = 1.01;
/// The share of a core that the server may use meanwhile.
const SHARE: f64 = 0.10;
/// The most memory of the server, in MB.
const MEMORY: f64 = 128.0;
/// How much later a page may begin to come than a file that is always the same.
const FIRST_BYTE: f64 = 10.0;
/// Requests for each of both that count.
const REQUESTS: u32 = 21;

/// How much to measure.
#[derive(Args)]
pub(crate) struct PageBenchArgs {
    /// Tasks of the run
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(40..))]
    tasks: u32,
    /// Parts of the run, by turns with the server and without
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..))]
    parts: u32,
    /// Connections that follow what grows
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// The engine of the run
    #[arg(long, default_value = "podman")]
    engine: EngineChoice,
}

/// What parts of the run took.
#[derive(Default)]
struct Taken {
    alone: Times,
    looked_at: Times,
    /// What the servers used of a core.
    shares: Times,
    /// The most memory of a server, in KiB.
    memory: u64,
}

/// Measures, and prints a table. Fails where a target is missed.
pub(crate) fn run(args: &PageBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(Some(args.engine), no_install, |setting| {
        println!("load of the machine {}", load()?);
        let image = agent_image::import(setting.agent, setting.engine)?;
        let is_met = setting.runtime.block_on(measure(setting, &image, args))?;
        println!("Load of the machine at the end: {}", load()?);
        Ok(is_met)
    })
}

async fn measure(setting: &Setting<'_>, image: &str, args: &PageBenchArgs) -> Result<bool> {
    let scene = Scene::make(setting, image, "stitch: {parallel: 4}\n").await?;
    for number in 0..args.tasks {
        let (folder, file) = (number % 10, number / 10 % (u32::try_from(FILES)? / 10));
        scene.add(&format!("write src/d{folder:03}/f{file:03}.txt task {number}"))?;
    }
    let repository = scene.repository();
    let (part, connections) = (args.tasks / args.parts, args.connections);
    let (summary, taken) = scene
        .run_watched(move |events| async move { watch(events, &repository, (part, connections)).await })
        .await?;
    expect_merged(&summary, args.tasks)?;
    let taken = taken?;
    println!("{} tasks, four at once, {connections} connections", args.tasks);
    print_head();
    print_times(&format!("{part} tasks alone"), &taken.alone);
    print_times(&format!("{part} tasks that are looked at"), &taken.looked_at);
    let is_unhurt = print_ratio("  of those alone", &taken.looked_at, &taken.alone, Some(RUN));
    let (least, share) = (taken.shares.minimum(), taken.shares.median());
    println!(
        "{:<32} {least:>9.4} {share:>9.4}  {SHARE:>7.2}",
        "the server, of a core"
    );
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let memory = taken.memory as f64 / 1024.0;
    println!("{:<32} {memory:>9.1} MB {:>7}  {MEMORY:>7.1}", "its most memory", "");
    let is_quick = first_bytes(&scene.repository())?;
    Ok(is_unhurt && share <= SHARE && memory <= MEMORY && is_quick)
}

/// Watches tasks be merged, in parts of so many by turns alone and with a server that so many connections follow. The first
/// two parts do not count: slots are made in them.
async fn watch(
    mut events: UnboundedReceiver<Event>,
    repository: &Path,
    (part, connections): (u32, u32),
) -> Result<Taken> {
    let mut taken = Taken::default();
    let (mut merged, mut parts) = (0, 0);
    let mut begun = Instant::now();
    let mut looking: Option<Looking> = None;
    while let Some(event) = events.recv().await {
        if !matches!(event.kind, EventKind::AttemptEnded { commit: Some(_), .. }) {
            continue;
        }
        merged += 1;
        if merged % part != 0 {
            continue;
        }
        let time = begun.elapsed();
        parts += 1;
        if let Some(looking) = looking.take() {
            let (used, memory) = looking.end()?;
            if parts > 2 {
                taken.looked_at.push(time);
                taken.shares.push(used.div_f64(time.as_secs_f64()));
                taken.memory = taken.memory.max(memory);
            }
        } else {
            if parts > 2 {
                taken.alone.push(time);
            }
            looking = Some(Looking::begin(repository, connections)?);
        }
        begun = Instant::now();
    }
    if let Some(looking) = looking {
        looking.end()?;
    }
    Ok(taken)
}

/// A server that serves a repository.
struct Serving {
    child: Child,
    /// Where it listens, as `Host` has it.
    host: String,
    token: String,
    has_ended: bool,
}

impl Serving {
    fn start(repository: &Path) -> Result<Self> {
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
        Ok(Self {
            child,
            host: host.to_owned(),
            token: token.to_owned(),
            has_ended: false,
        })
    }

    /// Sends a request; returns the connection.
    fn ask(&self, path: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.host).context("cannot connect")?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.host, self.token
        );
        stream.write_all(request.as_bytes()).context("cannot ask")?;
        Ok(stream)
    }

    /// Ends it as Ctrl-C does; returns what it used of the processor, and the most memory that it had, in KiB.
    fn end(mut self) -> Result<(Duration, u64)> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("cannot end the server")?;
        let used = self.child.wait4().context("cannot wait for the server")?.rusage;
        self.has_ended = true;
        Ok((used.utime + used.stime, used.maxrss / 1024))
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

/// A server, and those who follow what it says.
struct Looking {
    serving: Serving,
    _followers: Vec<TcpStream>,
}

impl Looking {
    /// Starts a server, and connects so many that each have heard how things stand.
    fn begin(repository: &Path, connections: u32) -> Result<Self> {
        let serving = Serving::start(repository)?;
        let mut followers = Vec::new();
        for _ in 0..connections {
            let mut follower = serving.ask("/api/v1/events")?;
            follower.read_exact(&mut [0; 12]).context("a follower hears nothing")?;
            followers.push(follower);
        }
        // Whoever reads nothing more would be held up: the rest is read beside, and left.
        for follower in &followers {
            let mut follower = follower.try_clone().context("cannot read beside")?;
            std::thread::spawn(move || std::io::copy(&mut follower, &mut std::io::sink()));
        }
        Ok(Self {
            serving,
            _followers: followers,
        })
    }

    fn end(self) -> Result<(Duration, u64)> {
        self.serving.end()
    }
}

/// Times the first byte of the page of tasks, and of a file that is always the same. Returns whether that keeps to its target.
fn first_bytes(repository: &Path) -> Result<bool> {
    let serving = Serving::start(repository)?;
    let mut answer = String::new();
    serving.ask("/api/v1/repositories")?.read_to_string(&mut answer)?;
    let (_, listed) = answer.split_once("\r\n\r\n").context("no answer")?;
    let listed: serde_json::Value = serde_json::from_str(listed).context("no list of repositories")?;
    let id = listed[0]["id"].as_str().context("no repository")?;
    let tasks = format!("/repositories/{id}/tasks");
    let (mut page, mut file) = (Times::default(), Times::default());
    let mut sizes = [0, 0];
    for round in 0..=REQUESTS {
        for (path, times, size) in [(&*tasks, &mut page, 0), ("/script.js", &mut file, 1)] {
            let begun = Instant::now();
            let mut stream = serving.ask(path)?;
            let mut first = [0; 12];
            stream.read_exact(&mut first).context("no answer")?;
            let time = begun.elapsed();
            ensure!(first == *b"HTTP/1.1 200", "`{path}` is answered otherwise");
            sizes[size] = std::io::copy(&mut stream, &mut std::io::sink()).context("no answer")?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    print_times(&format!("first byte, {} KB of tasks", sizes[0] / 1000), &page);
    print_times(&format!("first byte, {} KB of a file", sizes[1] / 1000), &file);
    let is_quick = print_ratio("  page / file", &page, &file, Some(FIRST_BYTE));
    serving.end()?;
    Ok(is_quick)
}

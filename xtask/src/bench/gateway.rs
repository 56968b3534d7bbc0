//! `bench gateway`: what the gateway adds to a request and to a stream, beside a direct connection over loopback.
//!
//! Server and client are the same few lines for every way, so that the difference is the gateway's alone.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use cordwainer::budget::{Allowance, Purse};
use cordwainer::gateway::{Api, Gateway, Options};
use cordwainer::world::World;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::task::load;
use super::times::Times;
use way::Way;

mod api;
mod way;

/// A gateway may add less than this to the median time to the first byte, in milliseconds.
const LATENCY_TARGET: f64 = 1.0;
/// A stream through a gateway is to have at least this part of the direct throughput.
const THROUGHPUT_TARGET: f64 = 0.9;
/// Where the relay listens.
const RELAY_PORT: u16 = 18_080;

/// How much to measure.
#[derive(Args)]
pub(crate) struct GatewayBenchArgs {
    /// Requests on each connection
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// How long a stream is, in MB, over all connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    megabytes: u32,
    /// Rounds of each way that count; one more comes before them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measures, and prints a table.
pub(crate) fn run(args: &GatewayBenchArgs) -> Result<ExitCode> {
    println!("Load of the machine {}", load()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args))?;
    println!("Load of the machine at the end: {}", load()?);
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &GatewayBenchArgs) -> Result<()> {
    let folder = TempDir::new().context("cannot make a folder")?;
    println!(
        "{:<11} {:>11} {:<10} {:>13} {:>13} {:>10}",
        "events", "connections", "way", "first byte", "added", "throughput"
    );
    // Most events of a stream have a few words in them; a tool's input comes in longer ones.
    for event in [250, 16 << 10] {
        let port = api::serve(event).await?;
        let gateway = Gateway::open(options(&folder, port)).map_err(|error| anyhow!("{error}"))?;
        let socket = folder.path().join("gateway.sock");
        let relay = relay(&socket).await?;
        let mut ways = vec![Way::Tcp(port), Way::Unix(socket)];
        ways.extend(relay.as_ref().map(|_| Way::Relay(RELAY_PORT)));
        for connections in [1, 16] {
            compare(args, &ways, event, connections).await?;
        }
        drop(relay);
        gateway.close().await;
    }
    println!(
        "To be reached: less than {LATENCY_TARGET} ms added, at least {THROUGHPUT_TARGET} of the direct throughput."
    );
    Ok(())
}

fn options(folder: &TempDir, port: u16) -> Options {
    Options {
        folder: folder.path().to_owned(),
        token: SecretString::from(way::TOKEN.to_owned()),
        api: Some(Api {
            base_url: format!("http://127.0.0.1:{port}"),
            credential: None,
            purse: Purse::new(Allowance::default(), BTreeMap::new()),
        }),
        egress: None,
        seal: None,
        record: Some(folder.path().join("gateway.jsonl")),
        world: World::machine(),
    }
}

/// The relay of the image, where this machine has it; it ends when it is dropped.
async fn relay(socket: &std::path::Path) -> Result<Option<Child>> {
    let mut command = Command::new("socat");
    command
        .arg(format!("TCP-LISTEN:{RELAY_PORT},fork,reuseaddr,bind=127.0.0.1"))
        .arg(format!("UNIX-CONNECT:{}", socket.display()))
        .kill_on_drop(true);
    let Ok(child) = command.spawn() else {
        println!("socat is not installed: the relay is left out.");
        return Ok(None);
    };
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", RELAY_PORT)).await.is_ok() {
            return Ok(Some(child));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(anyhow!("socat does not listen on port {RELAY_PORT}"))
}

/// Alternates the ways, and prints a line for each: the first is what the others are compared with.
async fn compare(args: &GatewayBenchArgs, ways: &[Way], event: usize, connections: u32) -> Result<()> {
    let mut firsts: Vec<Times> = ways.iter().map(|_| Times::default()).collect();
    let mut streams: Vec<Times> = ways.iter().map(|_| Times::default()).collect();
    let events = args.megabytes as usize * 1_000_000 / event / connections as usize;
    for round in 0..=args.rounds {
        for (index, way) in ways.iter().enumerate() {
            let first = way.first_bytes(connections, args.requests).await?;
            let stream = way.stream(connections, events).await?;
            if round > 0 {
                for time in first {
                    firsts[index].push(time);
                }
                streams[index].push(stream);
            }
        }
    }
    let bytes = (events * event * connections as usize) as u64;
    for (index, way) in ways.iter().enumerate() {
        let first = firsts[index].median() * 1e3;
        let added = first - firsts[0].median() * 1e3;
        let speed = super::task::megabytes(bytes / 1024) / streams[index].median();
        let ratio = streams[0].median() / streams[index].median();
        println!(
            "{:<11} {connections:>11} {:<10} {first:>10.3} ms {added:>10.3} ms {ratio:>10.2}  ({speed:.0} MB/s)",
            format!("{event} bytes"),
            way.name(),
        );
    }
    Ok(())
}

//! `bench gateway`: what the gateway adds to a request and to a stream, beside a direct connection over loopback.
//!
//! Server and client are the same for every way, so that the difference is the gateway's alone. Each of the three has
//! threads of its own, as processes have.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use cordwainer::budget::{Allowance, CallBudget};
use cordwainer::clock::Clock;
use cordwainer::gateway::egress::Egress;
use cordwainer::gateway::{Api, Gateway, Options};
use cordwainer::redact::Redactor;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::runtime::{Builder, Runtime};

use super::engines::load;
use way::Way;

pub(super) mod api;
pub(super) mod compare;
pub(super) mod way;

/// Where the relay listens.
pub(super) const RELAY_PORT: u16 = 18_080;

/// How much to measure.
#[derive(Args)]
pub(crate) struct GatewayBenchArgs {
    /// Requests on each connection, for the time to the first byte
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// How long a stream at a model's pace is, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How long a stream without a pace is, in MB, over all connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    megabytes: u32,
    /// Rounds of each way that count; a short one comes before them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// One part alone
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    FirstByte,
    Paced,
    Saturated,
}

/// Measures, and prints tables.
pub(crate) fn run(args: &GatewayBenchArgs) -> Result<ExitCode> {
    println!("Load of the machine {}", load()?);
    let gateways = Builder::new_multi_thread()
        .thread_name("gateway")
        .enable_all()
        .build()?;
    let client = Builder::new_current_thread().enable_all().build()?;
    client.block_on(measure(args, &gateways))?;
    println!("\nLoad of the machine at the end: {}", load()?);
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &GatewayBenchArgs, gateways: &Runtime) -> Result<()> {
    let folder = TempDir::new().context("cannot make a folder")?;
    // Most events of a stream have a few words in them; a tool's input may come in longer ones.
    for event in [250, 16 << 10] {
        let port = api::serve(event, None)?;
        let gateway = {
            let _entered = gateways.enter();
            Gateway::open(options(folder.path(), Some(port), None)).map_err(|error| anyhow!("{error}"))?
        };
        let socket = folder.path().join("gateway.sock");
        let relay = relay(&socket).await?;
        let mut ways = vec![Way::Tcp(port), Way::Unix(socket)];
        ways.extend(relay.as_ref().map(|_| Way::Relay(RELAY_PORT)));
        println!("\nEvents of {event} bytes");
        let is_wanted = |part| args.only.is_none_or(|only| only == part);
        if is_wanted(Part::FirstByte) {
            compare::first_bytes(args, &ways).await?;
        }
        if is_wanted(Part::Paced) {
            // A model writes a hundred events a second and less. Ten times as many of the long ones fill the machine.
            let paces: &[u32] = if event < 1024 { &[100, 1000] } else { &[100] };
            compare::paced(args, &ways, event, paces).await?;
        }
        if is_wanted(Part::Saturated) {
            compare::saturated(args, &ways, event).await?;
        }
        if let Some(mut relay) = relay {
            // The next one needs the port.
            relay.kill().await.context("cannot end socat")?;
        }
        gateway.close().await;
    }
    Ok(())
}

/// A gateway to the model's API at a port, and to other hosts.
pub(super) fn options(folder: &Path, port: Option<u16>, egress: Option<Egress>) -> Options {
    Options {
        folder: folder.to_owned(),
        token: SecretString::from(way::TOKEN.to_owned()),
        api: port.map(|port| Api {
            base_url: format!("http://127.0.0.1:{port}"),
            credential: None,
            proxy: None,
            call_budget: CallBudget::new(Allowance::default(), BTreeMap::new()),
        }),
        egress,
        seal: None,
        record: Some(folder.join("gateway.jsonl")),
        redactor: Redactor::default(),
        clock: Clock::machine(),
    }
}

/// The relay of the image, as its entrypoint starts it, where this machine has it; it ends when it is dropped.
pub(super) async fn relay(socket: &Path) -> Result<Option<Child>> {
    let mut command = Command::new("socat");
    command
        .args(["-b", "65536", "-t", "60"])
        .arg(format!(
            "TCP-LISTEN:{RELAY_PORT},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=128,max-children=256"
        ))
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

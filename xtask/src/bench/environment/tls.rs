//! TLS that ends at the gateway, beside a direct connection over TLS.
//!
//! Server and client are those of `bench gateway`: one that answers as fast as it is asked to. The host has a credential,
//! so the gateway reads each request, adds that, goes on over TLS of its own, and searches the answer for it.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use cordwainer::config::NetworkConfig;
use cordwainer::gateway::Gateway;
use cordwainer::gateway::egress::{Bounds, Egress, HeldCredential, Resolver, Termination};
use cordwainer::network::{Authentication, Host, HostCredential, Limits, SecretSource, Target};
use jiff::Timestamp;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;
use tokio_rustls::TlsAcceptor;

use crate::bench::gateway::api::{self, Wanted};
use crate::bench::gateway::compare::{CONNECTIONS, Measured, THROUGHPUT_TARGET, alternate, throughput};
use crate::bench::gateway::way::Way;
use crate::bench::gateway::{RELAY_PORT, options, relay};

/// Requests on each connection, for the time to the first byte.
const REQUESTS: u32 = 200;
/// Connections that are opened one after the other.
const OPENED: u32 = 50;
/// How long a stream is.
const SECONDS: usize = 2;
/// The paces: a model's events, and what a registry sends at 100 Mbit/s. Bytes of an event, and how many in a second over
/// all connections; a model's are those of each connection.
const MODEL: (usize, u32) = (250, 100);
const REGISTRY: (usize, u32) = (16 << 10, 800);

/// Measures, and prints tables. Returns whether the targets were met.
pub(super) fn measure(rounds: u32) -> Result<bool> {
    let gateways = Builder::new_multi_thread()
        .thread_name("gateway")
        .enable_all()
        .build()?;
    let client = Builder::new_current_thread().enable_all().build()?;
    println!("TLS that ends at the gateway");
    client.block_on(async {
        let mut is_met = true;
        for pace in [Pace::Model, Pace::Registry] {
            is_met &= at(pace, rounds, &gateways).await?;
        }
        Ok(is_met)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    Model,
    Registry,
}

async fn at(pace: Pace, rounds: u32, gateways: &Runtime) -> Result<bool> {
    let (event, per_second) = match pace {
        Pace::Model => MODEL,
        Pace::Registry => REGISTRY,
    };
    let scene = Scene::open(event, gateways).await?;
    if pace == Pace::Model {
        first_bytes(rounds, &scene.ways).await?;
    }
    println!(
        "\n  Throughput at {}: at least {THROUGHPUT_TARGET} of the direct one",
        match pace {
            Pace::Model => "a model's pace, 100 events/s of 250 bytes on each connection",
            Pace::Registry => "a registry's pace, 100 Mbit/s over all connections",
        }
    );
    let mut is_met = true;
    for connections in CONNECTIONS {
        let per_second = match pace {
            Pace::Model => per_second,
            Pace::Registry => per_second / connections,
        };
        let wanted = Wanted {
            events: per_second as usize * SECONDS,
            per_second,
        };
        let all = alternate(rounds, &scene.ways, connections, 1, wanted).await?;
        for (way, measured) in scene.ways.iter().zip(&all) {
            let (age, last) = (measured.ages.median() * 1e3, measured.ages.quantile(99) * 1e3);
            println!(
                "  {connections:>2} connections  {:<10}  {}; an event takes {age:>6.3} ms, 99 % {last:>6.3} ms",
                way.name(),
                throughput(measured, &all[0], wanted.events * event, connections),
            );
        }
        is_met &= all.iter().all(|measured| is_enough(measured, &all[0]));
    }
    scene.close().await?;
    Ok(is_met)
}

fn is_enough(measured: &Measured, direct: &Measured) -> bool {
    direct.times.median() / measured.times.median() >= THROUGHPUT_TARGET
}

/// The time to the first byte, on a connection that is there and on a new one.
async fn first_bytes(rounds: u32, ways: &[Way]) -> Result<()> {
    let wanted = Wanted {
        events: 1,
        per_second: 0,
    };
    println!("\n  First byte of short answers");
    let there = alternate(rounds, ways, 1, REQUESTS, wanted).await?;
    for (way, measured) in ways.iter().zip(&there) {
        let (first, direct) = (measured.firsts.median() * 1e3, there[0].firsts.median() * 1e3);
        print_first("a connection that is there", way, first, direct);
    }
    // With a connection for each request, a round is what it takes to open one, ask, and read the answer.
    let opened = alternate(rounds * OPENED, ways, 1, 1, wanted).await?;
    for (way, measured) in ways.iter().zip(&opened) {
        let (first, direct) = (measured.times.median() * 1e3, opened[0].times.median() * 1e3);
        print_first("a new connection", way, first, direct);
    }
    Ok(())
}

fn print_first(where_: &str, way: &Way, first: f64, direct: f64) {
    println!(
        "  {where_:<26}  {:<10}  median {first:>6.3} ms, added {:>6.3} ms, ratio {:.2}",
        way.name(),
        first - direct,
        first / direct
    );
}

/// A server, a gateway to it, and the ways there; the direct one first.
struct Scene {
    gateway: Gateway,
    relay: Option<Child>,
    ways: Vec<Way>,
    _folder: TempDir,
}

impl Scene {
    async fn open(event: usize, gateways: &Runtime) -> Result<Self> {
        let folder = TempDir::new().context("cannot make a folder")?;
        let (acceptor, server) = certified()?;
        let port = api::serve(event, Some(acceptor))?;
        let ends = termination(port, ClientConfig::clone(&server))?;
        let container = trusting(&CertificateDer::from_pem_slice(ends.certificate().as_bytes())?)?;
        let gateway = {
            let _entered = gateways.enter();
            let (events, _) = unbounded_channel();
            let network = NetworkConfig::default();
            let egress = Egress::new(&network, Resolver::System, Bounds::default(), events, Some(ends));
            Gateway::open(options(folder.path(), None, Some(egress))).map_err(|error| anyhow!("{error}"))?
        };
        let socket = folder.path().join("gateway.sock");
        let relay = relay(&socket).await?;
        let mut ways = vec![Way::Tls(port, server)];
        let doors = [Some(Way::Unix(socket)), relay.as_ref().map(|_| Way::Relay(RELAY_PORT))];
        let doors = doors.into_iter().flatten();
        ways.extend(doors.map(|door| Way::Ended(Box::new(door), port, Arc::clone(&container))));
        Ok(Self {
            gateway,
            relay,
            ways,
            _folder: folder,
        })
    }

    async fn close(self) -> Result<()> {
        if let Some(mut relay) = self.relay {
            // The next one needs the port.
            relay.kill().await.context("cannot end socat")?;
        }
        self.gateway.close().await;
        Ok(())
    }
}

/// What a server at loopback needs for TLS, and who trusts it.
fn certified() -> Result<(TlsAcceptor, Arc<ClientConfig>)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(server)), trusting(issuer.der())?))
}

fn trusting(certificate: &CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What ends TLS to the server, which gets a credential.
fn termination(port: u16, server: ClientConfig) -> Result<Termination> {
    let held = HeldCredential {
        credential: HostCredential {
            target: Target {
                host: Host::Address([127, 0, 0, 1].into()),
                port,
            },
            authentication: Authentication::Bearer,
            source: SecretSource::Variable("REGISTRY".to_owned()),
            written_at: String::new(),
            limits: Limits::default(),
        },
        secret: "secret-of-the-benchmark".to_owned().into(),
    };
    let placeholder = "placeholder-of-the-benchmark".to_owned().into();
    Ok(Termination::trusting(
        server,
        vec![held],
        &[],
        &placeholder,
        Timestamp::now(),
    )?)
}

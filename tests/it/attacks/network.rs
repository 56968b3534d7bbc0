//! Attacks on the way out that pass by the gateway. The controls are containers in the host's network.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::attacks::told::{Told, limits, plain_container, script};
use crate::support::engines::{self, TestEngine, engine_tests, skip};
use crate::support::project::Project;

engine_tests! {
    both: nothing_leads_out, nothing_leads_to_a_sibling;
}

/// Who waits on the host for somebody to come out.
struct Host {
    tcp: TcpListener,
    udp: UdpSocket,
    ipv6: Option<TcpListener>,
    /// Bound, so that a connection is accepted; held for that alone.
    _unix: UnixListener,
    name: String,
    /// The address by which others reach this machine.
    address: Option<String>,
}

impl Host {
    fn new() -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        let name = format!("cordwainer-test-{}-{}", std::process::id(), port(&tcp));
        let unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap());
        Self {
            udp,
            tcp,
            ipv6: TcpListener::bind("[::1]:0").ok(),
            _unix: unix.unwrap(),
            name,
            address: own_address(),
        }
    }

    /// The attacks that mean something on this machine.
    fn attacks(&self) -> Vec<String> {
        let udp = self.udp.local_addr().unwrap();
        let mut attacks = vec![
            "interfaces".to_owned(),
            format!("connect 127.0.0.1:{}", port(&self.tcp)),
            format!("datagram {udp} a-secret-in-a-datagram"),
            format!("lookup {udp} a-secret-in-a-question.example.org"),
            format!("connect-abstract {}", self.name),
        ];
        if let Some(ipv6) = &self.ipv6 {
            attacks.push(format!("connect [::1]:{}", port(ipv6)));
        } else {
            skip("IPv6: this machine has none");
        }
        if let Some(address) = &self.address {
            attacks.push(format!("connect {address}:{}", port(&self.tcp)));
            // Whether a packet would go there is enough: what is there is not this test's.
            attacks.extend(["route 192.0.2.1:80", "route 169.254.169.254:80", "route 10.0.0.1:53"].map(str::to_owned));
        } else {
            skip("routes: this machine has no address but loopback");
        }
        attacks
    }

    /// The datagrams that came.
    fn datagrams(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut bytes = [0; 512];
        while let Ok(length) = self.udp.recv(&mut bytes) {
            found.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
        found
    }
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// The address from which this machine would send to another; nothing is sent.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

fn nothing_leads_out(engine: TestEngine) {
    let project = Project::new(engine, "");
    let host = Host::new();
    let attacks = host.attacks();
    let all = script(attacks.iter().map(String::as_str));
    project.add("gets out", &(all.clone() + "write src/a.txt done"));
    project.run(&["generator", "stitch"]).expect(0);
    let told = Told::by_task(&project, "cw-1");
    // A datagram goes out into whatever loopback there is: whether it arrived is what counts.
    let tells = |attack: &&String| !attack.starts_with("datagram") && !attack.starts_with("lookup");
    let done = attacks.iter().filter(tells).filter(|attack| told.done(attack));
    let done: Vec<_> = done.collect();
    assert!(done.is_empty(), "these succeed in the sealed container: {done:?}");
    assert_eq!(host.datagrams(), [""; 0]);
    project.expect_tidy();

    let told = plain_container(engine, &["--network", "host"], &all);
    let refused = attacks.iter().filter(|attack| !told.done(attack));
    let refused: Vec<_> = refused
        .map(|attack| format!("{attack}: {}", told.came(attack)))
        .collect();
    assert!(refused.is_empty(), "the controls of these do not fire: {refused:?}");
    let came = host.datagrams().concat();
    assert!(
        came.contains("a-secret-in-a-datagram") && came.contains("a-secret-in-a-question"),
        "{came}"
    );
}

/// Another container on the same engine, which offers something on its loopback.
struct Sibling {
    engine: TestEngine,
    name: String,
    output: Option<JoinHandle<()>>,
}

impl Sibling {
    fn start(engine: TestEngine, port: u16) -> Self {
        let name = format!("cordwainer-attack-sibling-{}", std::process::id());
        let mut command = engine.client();
        command
            .args(["run", "--network", "none", "--name", &name])
            .args(limits());
        command.args([engines::IMAGE, "/probe", &format!("listen={port}")]);
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "listening\n");
        let output = std::thread::spawn(move || drop(child.wait()));
        Self {
            engine,
            name,
            output: Some(output),
        }
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        let removed = self.engine.client().args(["rm", "--force", &self.name]).output();
        assert!(
            removed.is_ok_and(|output| output.status.success()),
            "`{}` is left",
            self.name
        );
        drop(self.output.take().map(JoinHandle::join));
    }
}

fn nothing_leads_to_a_sibling(engine: TestEngine) {
    const PORT: u16 = 7777;
    let project = Project::new(engine, "");
    let sibling = Sibling::start(engine, PORT);
    let attack = format!("connect 127.0.0.1:{PORT}");
    let script = script([attack.as_str()]);
    project.add("visits a sibling", &(script.clone() + "write src/a.txt done"));
    project.run(&["generator", "stitch"]).expect(0);
    assert!(!Told::by_task(&project, "cw-1").done(&attack));
    let network = format!("container:{}", sibling.name);
    let told = plain_container(engine, &["--network", &network], &script);
    assert!(told.done(&attack), "{}", told.came(&attack));
}

//! Attacks by way of a service, which belongs to the agent entirely: it runs whatever is sent to it. The controls are
//! containers of the same image in the host's network, with a folder that they can write.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use crate::attacks::told::{Told, limits};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::services::{IMAGE, QUEUE, configuration, odd};

engine_tests! {
    both: a_service_is_no_way_out_and_keeps_nothing;
    podman: no_credential_gets_into_a_service;
}

/// A service that gives a shell to whoever connects.
const BACK_DOOR: &str = "exec socat TCP-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr EXEC:sh";

/// What the agent has its service do, by name; `GOT` is what it says where that succeeds.
fn payloads(port: u16) -> Vec<(&'static str, String)> {
    let connect = |address: &str| format!("socat -u /dev/null TCP:{address},connect-timeout=3 && echo GOT");
    let folder = "/run/cordwainer/gateway";
    vec![
        ("relay", connect(&format!("127.0.0.1:{port}"))),
        (
            "names",
            "getent hosts localhost.localdomain >/dev/null; ls /sys/class/net | grep -vx lo && echo GOT".to_owned(),
        ),
        (
            "sibling",
            "socat -u /dev/null TCP:127.0.0.3:6379,connect-timeout=3 && echo GOT".to_owned(),
        ),
        (
            "link",
            format!("ln -sf /run/podman.sock {folder}/port-7000.sock && echo GOT"),
        ),
        ("leave", format!("echo x >{folder}/left && echo GOT")),
        (
            "gateway",
            format!(
                "printf 'GET http://127.0.0.1:{port}/ HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' | \
                              socat -t 3 - UNIX-CONNECT:{folder}/gateway.sock | grep -q ' 200 ' && echo GOT"
            ),
        ),
    ]
}

/// The steps by which an agent has these done in its service.
fn script(payloads: &[(&str, String)]) -> String {
    let steps = payloads.iter().map(|(name, command)| {
        format!("attack shell {name} <<END\nsocat -t 10 - TCP:odd:7000 <<'PAYLOAD'\n( {command} ) 2>&1; echo tried\nPAYLOAD\nEND\n")
    });
    steps.collect::<Vec<_>>().concat()
}

fn a_service_is_no_way_out_and_keeps_nothing(engine: TestEngine) {
    let host = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let all = payloads(port);
    let services = format!("{}{QUEUE}", odd(BACK_DOOR, ""));
    let project = Project::new(engine, &configuration(&services, ""));
    // What it can write it has for itself: the next task finds nothing of it.
    let keeps = "attack shell keep <<END\nsocat -t 10 - TCP:odd:7000 <<'PAYLOAD'\n\
                 echo left >/data/left && echo left >/tmp/left && echo KEPT\nPAYLOAD\n\
                 redis-cli -h queue set left left\nEND\n";
    let own = "attack shell own-link <<END\nln -sf /run/podman.sock /run/cordwainer/gateway/service-2-7000.sock\nEND\n";
    project.add("tries all", &format!("{}{keeps}{own}write src/a.txt x\n", script(&all)));
    let finds = "attack shell find <<END\nsocat -t 10 - TCP:odd:7000 <<'PAYLOAD'\ncat /data/left /tmp/left 2>/dev/null; echo tried\nPAYLOAD\n\
                 redis-cli -h queue get left\nEND\n";
    project.add("looks", &format!("{finds}write src/b.txt x\n"));
    project.run(&["generator", "run"]).expect(0);
    let told = Told::by_task(&project, "cw-1");
    for (name, _) in &all {
        let came = told.came(&format!("shell {name}"));
        assert!(came.starts_with("done: ") && came.ends_with("tried"), "{name}: {came}");
        assert!(!came.contains("GOT"), "{name} succeeds in the sealed service: {came}");
    }
    assert!(told.came("shell keep").contains("KEPT"), "{}", told.came("shell keep"));
    assert!(!told.done("shell own-link"), "{}", told.came("shell own-link"));
    let next = Told::by_task(&project, "cw-2");
    assert_eq!(next.came("shell find"), "done: tried", "nothing survives");
    // Nothing but the folders themselves is on the host.
    let gateways = fs::read_dir(project.state().join("gateways")).unwrap();
    for folder in gateways.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", folder.display());
    }
    project.expect_tidy();
    control(engine, &all);
}

/// Does the same in a container of the same image that is not sealed. There each succeeds, but for those that need a
/// socket of ours to be refused by.
fn control(engine: TestEngine, all: &[(&str, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("{}:/run/cordwainer/gateway", folder.path().display());
    for (name, command) in all {
        if matches!(*name, "sibling" | "gateway") {
            continue;
        }
        let mut client = engine.client();
        client
            .args(["run", "--rm", "--network", "host", "--user", "0", "--volume", &mount])
            .args(limits())
            .args([IMAGE, "sh", "-c", &format!("( {command} ) 2>&1")])
            .stdin(Stdio::null());
        let output = client.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("GOT"), "the control of {name} does not fire: {said}");
    }
}

fn no_credential_gets_into_a_service(engine: TestEngine) {
    let secret = "a-credential-without-a-known-form-1";
    let services = QUEUE.to_owned() + &format!("    env: {{ADDRESS: \"http://x/{secret}\"}}\n");
    let project = Project::new(engine, &configuration(&services, ""));
    project.add("a change", "write src/a.txt x");
    let mut command = project.command(&["generator", "stitch"]);
    let ran = command.env("CLAUDE_CODE_OAUTH_TOKEN", secret).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_ne!(ran.status.code(), Some(0));
    assert!(
        said.contains("the variable `ADDRESS` of a container contains the credential"),
        "{said}"
    );
    project.expect_tidy();
}

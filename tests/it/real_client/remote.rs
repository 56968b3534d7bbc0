//! A remote model context server, which the real client reaches through the gateway alone: by HTTP and by HTTPS.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use cordwainer::engine::EngineKind;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::live::{ABOUT, Account, ClaudeEngine, Live};

/// Another address of loopback: the container's own is reached without the gateway.
const HOST: &str = "127.0.0.2";

/// A server on a thread of its own, and the first line of each request that it got.
struct Remote {
    port: u16,
    certificate: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Remote {
    fn start(tls: bool) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into());
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let remote = Self {
            port: listener.local_addr().unwrap().port(),
            certificate: cert.pem(),
            lines: Arc::default(),
        };
        let lines = Arc::clone(&remote.lines);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (lines, config) = (Arc::clone(&lines), Arc::clone(&config));
                std::thread::spawn(move || {
                    if tls {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &lines);
                    } else {
                        serve(stream, &lines);
                    }
                });
            }
        });
        remote
    }
}

/// Serves the requests of a connection, until it ends.
fn serve(stream: impl Read + Write, lines: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    while let Some((line, body)) = request(&mut stream) {
        let is_post = line.starts_with("POST ");
        lines.lock().unwrap().push(line);
        let (status, answer) = match serde_json::from_slice::<Value>(&body) {
            Ok(message) if is_post && message.get("id").is_some() => ("200 OK", answer(&message).to_string()),
            Ok(_) if is_post => ("202 Accepted", String::new()),
            _ => ("405 Method Not Allowed", String::new()),
        };
        let length = answer.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{answer}");
        let written = stream.get_mut().write_all(answer.as_bytes());
        if written.and_then(|()| stream.get_mut().flush()).is_err() {
            return;
        }
    }
}

/// Reads a request: its first line, and its body.
fn request(stream: &mut BufReader<impl Read + Write>) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line == "\r\n" => break,
            Ok(_) => head.push(line.trim().to_owned()),
        }
    }
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head.first()?.clone(), body))
}

fn answer(message: &Value) -> Value {
    let tool =
        |name: &str| json!({"name": name, "description": "", "inputSchema": {"type": "object", "properties": {}}});
    let result = match message["method"].as_str() {
        Some("initialize") => json!({"protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}}, "serverInfo": {"name": "far", "version": "1"}}),
        Some("tools/list") => json!({"tools": [tool("list"), tool("delete")]}),
        Some("tools/call") => {
            let text = format!("the remote server did {}", message["params"]["name"].as_str().unwrap());
            json!({"content": [{"type": "text", "text": text}]})
        }
        _ => json!({}),
    };
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result})
}

fn a_remote_server_is_reached_by_rule(kind: EngineKind, tls: bool) {
    let Some(engine) = ClaudeEngine::find(kind) else { return };
    let remote = Remote::start(tls);
    let trusted = tempfile::tempdir().unwrap();
    let file = trusted.path().join("authority.pem");
    std::fs::write(&file, &remote.certificate).unwrap();
    let (port, scheme) = (remote.port, if tls { "https" } else { "http" });
    let more = format!(
        "network: {{allow: [\"{HOST}:{port}\"]}}\n\
         mcp:\n  far: {{url: \"{scheme}://{HOST}:{port}/mcp\", tools: {{stitch: [list]}}}}\n"
    );
    let script = r#"about "The task: cw-1"
  tool mcp__far__list {}
  tool mcp__far__delete {}
  write /workspace/a.txt one"#;
    let live = Live::with(engine, Account::Subscription, script, &more, |repository| {
        // The authority is given to the container by a mount, and to the client by its variable.
        let path = repository.path().join("configuration.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (env, mounts) = ("env: {NODE_EXTRA_CA_CERTS: /run/authority.pem, ", file.display());
        let text = text.replacen("env: {", env, 1);
        let text = text.replacen(
            "container:\n",
            &format!("container:\n  mounts: [\"{mounts}:/run/authority.pem\"]\n"),
            1,
        );
        std::fs::write(path, text).unwrap();
    });
    let called = live.call(&["generator", "run"]);
    let said = format!("{called:#?}\n{}", live.transcripts());
    assert_eq!(Live::attempts(&live.task()), [("merged", "success")], "{said}");
    let messages = live.api.last_messages(ABOUT);
    assert!(messages.contains("the remote server did list"), "{messages}\n{said}");
    assert!(!messages.contains("did delete"), "{messages}");
    assert!(messages.contains("does not list this tool for this role"), "{messages}");
    let lines = remote.lines.lock().unwrap().clone();
    // The gateway takes the whole address, and passes on the path.
    assert!(lines.iter().any(|line| line == "POST /mcp HTTP/1.1"), "{lines:?}");
}

#[test]
fn a_remote_server_is_reached_by_http() {
    a_remote_server_is_reached_by_rule(EngineKind::Podman, false);
}

#[test]
fn a_remote_server_is_reached_by_https() {
    a_remote_server_is_reached_by_rule(EngineKind::Docker, true);
}

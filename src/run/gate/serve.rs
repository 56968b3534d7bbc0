//! A gate that needs a server: both run in one sealed container, where they meet on loopback. Whatever listens ends with it.

use crate::config::{Gate, Serve};

/// What the script exits with where there was no server to check.
pub(super) const NO_SERVER: i64 = 125;
/// How the script begins the line that tells why.
const BEGINS: &str = "cordwainer: the server ";

/// Starts the server, waits until it can be used, runs the check and ends as that does. Its arguments: the server's
/// command, the check, the port, the path that is asked for (none where a connection is enough), and how many seconds
/// it may take.
const SCRIPT: &str = r#"
sh -c "$1" >&2 &
server=$!
asked() {
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$2" "$1" |
        socat -t 5 - "TCP:$3:$1,connect-timeout=2" 2>/dev/null | head -n 1
}
ready() {
    for host in 127.0.0.1 '[::1]'; do
        if [ -z "$2" ]; then
            socat -u OPEN:/dev/null "TCP:$host:$1,connect-timeout=2" 2>/dev/null && return 0
        else
            case $(asked "$1" "$2" "$host") in
                HTTP/*' '[23][0-9][0-9]*) return 0 ;;
            esac
        fi
    done
    return 1
}
end=$(($(date +%s) + $5))
until ready "$3" "$4"; do
    if ! kill -0 "$server" 2>/dev/null; then
        wait "$server"
        echo "cordwainer: the server ended with $? before it could be used" >&2
        exit 125
    fi
    if [ "$(date +%s)" -ge "$end" ]; then
        echo "cordwainer: the server could not be used within $5 s" >&2
        exit 125
    fi
    sleep 0.2
done
sh -c "$2"
"#;

/// Returns what runs in the container.
pub(super) fn command(gate: &Gate) -> Vec<String> {
    let mut command = vec!["sh".to_owned(), "-c".to_owned()];
    match &gate.serve {
        None => command.push(gate.command.clone()),
        Some(Serve {
            command: server,
            port,
            ready,
            within,
        }) => command.extend([
            SCRIPT.to_owned(),
            "serve".to_owned(),
            server.clone(),
            gate.command.clone(),
            port.to_string(),
            ready.clone().unwrap_or_default(),
            within.as_secs().max(1).to_string(),
        ]),
    }
    command
}

/// Returns why there was no server, as the end of a sentence about it, if that is how a gate ended.
pub(super) fn no_server(gate: &Gate, code: Option<i64>, output: &str) -> Option<String> {
    gate.serve.as_ref().filter(|_| code == Some(NO_SERVER))?;
    let line = output.lines().rev().find_map(|line| line.strip_prefix(BEGINS))?;
    Some(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_gate_with_a_server_can_lack_one() {
        let plain = Gate::of("x".to_owned(), "make".to_owned(), Duration::MAX);
        let served = Gate {
            serve: Some(Serve {
                command: "./server".to_owned(),
                port: 3000,
                ready: Some("/health".to_owned()),
                within: Duration::from_secs(9),
            }),
            ..plain.clone()
        };
        assert_eq!(command(&plain), ["sh", "-c", "make"]);
        let whole = command(&served);
        assert_eq!(whole[4..], ["./server", "make", "3000", "/health", "9"]);
        let output = "listening\ncordwainer: the server ended with 1 before it could be used\n";
        let found = |gate, code| no_server(gate, Some(code), output);
        assert_eq!(found(&served, 125).unwrap(), "ended with 1 before it could be used");
        assert_eq!(found(&served, 1), None);
        assert_eq!(found(&plain, 125), None);
    }
}

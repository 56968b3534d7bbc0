//! What the engine tests run in containers: small deeds of a program that behaves, or does not.
//!
//! Each argument is one step, `NAME` or `NAME=VALUE`, done in order. Called as `sh -c "STEP STEP"`, by which the image
//! offers it to gates, it takes the steps from there, and a step it does not know is a command that is missing: 127.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

type Outcome = Result<Option<u8>, Box<dyn std::error::Error>>;

/// What a step says that there is not.
const UNKNOWN: &str = "no such step";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let as_shell = arguments.len() == 2 && arguments[0] == "-c";
    if as_shell {
        arguments = arguments[1].split_whitespace().map(str::to_owned).collect();
    }
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        match step(name, value) {
            Ok(None) => {}
            Ok(Some(code)) => return ExitCode::from(code),
            Err(error) => {
                let missing = as_shell && error.to_string() == UNKNOWN;
                let _ = writeln!(std::io::stderr(), "probe: {argument}: {error}");
                return ExitCode::from(if missing { 127 } else { 99 });
            }
        }
    }
    ExitCode::SUCCESS
}

/// Does one step; `Some` ends the program with that code.
fn step(name: &str, value: &str) -> Outcome {
    match name {
        "out" => write(&mut std::io::stdout(), unescape(value).as_slice())?,
        "err" => write(&mut std::io::stderr(), unescape(value).as_slice())?,
        "out-long" => out_long(value.parse()?)?,
        "lines" => lines(value.parse()?)?,
        "echo-stdin" => echo_stdin()?,
        "count-stdin" => count_stdin()?,
        "exit" => return Ok(Some(value.parse()?)),
        "exit_of" => return Ok(Some(std::fs::read_to_string(value)?.trim().parse()?)),
        "signal-self" => signal_self(value.parse()?)?,
        "ignore-sigint" => ignore(signal_hook::consts::SIGINT)?,
        "ignore-sigterm" => ignore(signal_hook::consts::SIGTERM)?,
        "sleep" => sleep(value.parse()?),
        "until" => {
            while !std::path::Path::new(value).exists() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        "sleep_of" => sleep(std::fs::read_to_string(value)?.trim().parse()?),
        "listen" => listen(value)?,
        "allocate" => allocate(value.parse()?)?,
        "write-file" => std::fs::write(value, "written by the probe\n")?,
        "hoard_of" => hoard(std::fs::read_to_string(value)?.trim().parse()?)?,
        "copy" => {
            let (from, to) = value.split_once(',').ok_or("copy=FROM,TO")?;
            std::fs::copy(from, to)?;
        }
        "make-folder" => std::fs::create_dir_all(value)?,
        "absent" if std::path::Path::new(value).exists() => return Ok(Some(98)),
        "apart" if value.split(',').all(|path| std::path::Path::new(path).exists()) => return Ok(Some(97)),
        "only" if !std::path::Path::new(value).exists() => return Ok(Some(0)),
        "unless" if std::path::Path::new(value).exists() => return Ok(Some(0)),
        "absent" | "apart" | "only" | "unless" => {}
        "has" => {
            let (path, text) = value.split_once(',').ok_or("has=FILE,TEXT")?;
            if !std::fs::read_to_string(path)?.contains(text) {
                writeln!(std::io::stderr(), "{path} does not have `{text}`")?;
                return Ok(Some(1));
            }
        }
        "env" => env(value)?,
        "cat" => write(&mut std::io::stdout(), &std::fs::read(value)?)?,
        "get" => get(value)?,
        "id" => id()?,
        "cwd" => write(
            &mut std::io::stdout(),
            format!("{}\n", std::env::current_dir()?.display()).as_bytes(),
        )?,
        _ => return Err(UNKNOWN.into()),
    }
    Ok(None)
}

fn write(to: &mut impl std::io::Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Turns `\xNN` into that byte and `\n` into a newline.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let hex = after
            .strip_prefix('x')
            .and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        let (byte, length) = hex.map_or((b'\n', 1), |byte| (byte, 3));
        bytes.push(byte);
        rest = after.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// One line of `count` bytes.
fn out_long(count: usize) -> std::io::Result<()> {
    let mut line = vec![b'x'; count];
    line.push(b'\n');
    write(&mut std::io::stdout(), &line)
}

/// `count` numbered lines.
fn lines(count: usize) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for number in 0..count {
        writeln!(out, "line {number}")?;
    }
    out.flush()
}

fn echo_stdin() -> std::io::Result<()> {
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
    std::io::stdout().flush()
}

fn count_stdin() -> std::io::Result<()> {
    let mut all = Vec::new();
    std::io::stdin().read_to_end(&mut all)?;
    write(&mut std::io::stdout(), format!("{} bytes\n", all.len()).as_bytes())
}

/// Sleeps on when a signal wakes it.
fn sleep(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// Lets everybody in who comes to a port of loopback, for ever, once it has said that it does.
fn listen(port: &str) -> Result<(), Box<dyn std::error::Error>> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port.parse()?))?;
    write(&mut std::io::stdout(), b"listening\n")?;
    loop {
        listener.accept()?;
    }
}

fn signal_self(number: i32) -> Result<(), Box<dyn std::error::Error>> {
    let signal = Signal::from_named_raw(number).ok_or("no such signal")?;
    rustix::process::kill_process(rustix::process::getpid(), signal)?;
    Ok(())
}

/// From now on a signal does nothing.
fn ignore(signal: i32) -> std::io::Result<()> {
    signal_hook::flag::register(signal, Arc::default()).map(drop)
}

/// Writes so many bytes to a file of the work.
fn hoard(bytes: usize) -> std::io::Result<()> {
    std::fs::write("hoard", vec![7; bytes])
}

/// Takes memory and touches each page of it.
fn allocate(bytes: usize) -> std::io::Result<()> {
    let mut taken = vec![0u8; bytes];
    for byte in taken.iter_mut().step_by(4096) {
        *byte = 1;
    }
    let sum = taken.iter().step_by(4096).map(|byte| u64::from(*byte)).sum::<u64>();
    write(&mut std::io::stdout(), format!("{sum} pages\n").as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "what the container was given is what is asked")]
fn env(name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let line = format!("{}\n", std::env::var(name)?);
    Ok(write(&mut std::io::stdout(), line.as_bytes())?)
}

/// The last line of what an address answers to a request.
fn get(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(b"HEAD / HTTP/1.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let line = format!("{}\n", answer.lines().next_back().unwrap_or_default());
    Ok(write(&mut std::io::stdout(), line.as_bytes())?)
}

fn id() -> std::io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    write(&mut std::io::stdout(), format!("{user}:{group}\n").as_bytes())
}

//! Stdin: the prompt alone, or a stream of messages of which the first is the prompt.

use std::io::{self, BufRead as _, Read as _};
use std::sync::mpsc::{self, Receiver};

use serde_json::Value;

/// What comes after the prompt, until stdin is closed.
pub(crate) type Messages = Receiver<String>;

/// Reads the prompt; with it what is said later, where stdin is a stream.
pub(crate) fn read(streamed: bool) -> io::Result<(String, Option<Messages>)> {
    if !streamed {
        let mut prompt = Vec::new();
        io::stdin().read_to_end(&mut prompt)?;
        return Ok((String::from_utf8_lossy(&prompt).into_owned(), None));
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let prompt = if line.is_empty() { line } else { message(&line)? };
    let (said, messages) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        for line in io::stdin().lock().lines() {
            // What is no message ends it, as it ends the client.
            let Ok(text) = line.and_then(|line| message(&line)) else {
                return;
            };
            if said.send(text).is_err() {
                return;
            }
        }
    })?;
    Ok((prompt, Some(messages)))
}

/// Returns the text of a user's message.
fn message(line: &str) -> io::Result<String> {
    let message: Value = serde_json::from_str(line)?;
    let content = message["message"]["content"].as_array();
    let texts = content.into_iter().flatten().filter_map(|block| block["text"].as_str());
    match (message["type"].as_str(), texts.collect::<Vec<_>>()) {
        (Some("user"), texts) if !texts.is_empty() => Ok(texts.join("\n")),
        _ => Err(io::Error::other(format!("this is no message of a user: {line}"))),
    }
}

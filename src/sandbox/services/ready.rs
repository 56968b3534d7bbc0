//! Whether a service can be used, which its container is asked again and again.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::text::one_line;

/// The pauses between two questions: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(250)];
/// How much of an answer is read, in bytes.
const ANSWER_LIMIT: u64 = 4096;

/// Asks until the service can be used. Each answer but the last, in a line, is passed to `hear`.
pub(super) async fn wait(answers: UnixListener, requests: UnboundedSender<String>, hear: impl Fn(String)) {
    let [mut pause, longest] = PAUSES;
    while requests.send("ready\n".to_owned()).is_ok() {
        if let Ok((from, _)) = answers.accept().await {
            match read(from).await {
                None => return,
                Some(said) => hear(said),
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Reads an answer: the exit code in the first line, and what was printed. `None` is a success.
async fn read(from: impl AsyncRead + Unpin) -> Option<String> {
    let mut bytes = Vec::new();
    // An answer that breaks off is one that says less.
    let _ = from.take(ANSWER_LIMIT).read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (code, said) = text.split_once('\n').unwrap_or((&text, ""));
    let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
    match code.trim() {
        "0" => None,
        code => Some(one_line(&format!("{code} {said}"), 160)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_a_code_and_the_last_line() {
        for (answer, expect) in [
            ("0\n", None),
            ("0\nnoise\n", None),
            ("1\nfirst\nno response\n\n", Some("1 no response")),
            ("", Some("")),
            ("127", Some("127")),
            ("1\n\u{1b}[2J", Some("1 \\u{1b}[2J")),
        ] {
            let found = read(answer.as_bytes()).await;
            assert_eq!(found.as_deref().map(str::trim), expect, "{answer:?}");
        }
        let endless = vec![b'x'; 1 << 20];
        assert!(read(endless.as_slice()).await.unwrap().len() < 600);
    }
}

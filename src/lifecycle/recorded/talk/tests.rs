//! Transcripts beside events, whole, torn, late and gone.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::model::Role;

fn call() -> CallName {
    CallName {
        role: Role::Stitch,
        task: Some("cw-1".parse().unwrap()),
        attempt: 1,
        round: 0,
        candidate: 0,
    }
}

fn event(kind: EventKind) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        kind,
    }
}

fn tool_used(command: &str) -> Event {
    event(EventKind::ToolUsed {
        call: call(),
        tool: "Bash".to_owned(),
        summary: command.to_owned(),
    })
}

fn said(text: &str) -> String {
    line("assistant", &json!({"type": "text", "text": text}))
}

fn used(command: &str) -> String {
    line(
        "assistant",
        &json!({"type": "tool_use", "name": "Bash", "input": {"command": command}}),
    )
}

fn answered(text: &str) -> String {
    line("user", &json!({"type": "tool_result", "content": text}))
}

fn line(kind: &str, block: &Value) -> String {
    json!({"type": kind, "message": {"content": [block]}}).to_string() + "\n"
}

/// The records of a run, and the talk of it.
struct Records {
    folder: tempfile::TempDir,
    talk: Talk,
}

impl Records {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cw-1-1")).unwrap();
        let talk = Talk::new(folder.path().to_owned());
        Self { folder, talk }
    }

    fn append(&self, text: &str) {
        let path = self.folder.path().join("cw-1-1").join(TRANSCRIPT_FILE);
        let file = File::options().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// What is told with an event, and with `!` where that tells the event, too.
    fn up_to(&mut self, event: &Event) -> Vec<String> {
        let mut told = Vec::new();
        let is_told = self.talk.up_to(event, &mut |(_, saying)| {
            told.push(word(saying));
            Ok(())
        });
        if is_told.unwrap() {
            told.push("!".to_owned());
        }
        told
    }

    fn now(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        let tell = &mut |_: Timestamp, (_, saying): TalkItem<'_>| {
            told.push(word(saying));
            Ok(())
        };
        self.talk.up_to_now(tell).unwrap();
        told
    }
}

fn word(saying: Saying) -> String {
    match saying {
        Saying::Text(text) | Saying::ToolResult { text, .. } => text,
        Saying::ToolUse { summary, .. } => format!("${summary}"),
    }
}

#[test]
fn each_event_brings_what_was_said_before_it() {
    let mut records = Records::new();
    for text in [
        said("I look"),
        used("ls"),
        answered("a b"),
        used("ls"),
        answered("c"),
        said("done"),
    ] {
        records.append(&text);
    }
    assert_eq!(records.up_to(&tool_used("ls")), ["I look", "$ls", "!"]);
    assert_eq!(records.up_to(&tool_used("ls")), ["a b", "$ls", "!"]);
    assert_eq!(records.now(), ["c", "done"]);
    let told = EventKind::AgentSaid {
        call: call(),
        text: "done".to_owned(),
    };
    assert_eq!(records.up_to(&event(told)), ["!"], "it was told before its event came");
    records.append(&said("more"));
    records.append("{\"type\":\"assis");
    assert_eq!(records.now(), ["more"], "what is torn waits");
    records.append("tant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"late\"}]}}\n");
    assert_eq!(records.now(), ["late"]);
}

#[test]
fn what_a_transcript_lacks_is_left_to_the_events() {
    let mut records = Records::new();
    assert_eq!(records.up_to(&tool_used("ls")), [""; 0], "there is no transcript");
    records.append(&used("cat x"));
    assert_eq!(records.up_to(&tool_used("other")), [""; 0], "the event tells itself");
    assert_eq!(records.now(), ["$cat x"], "it is looked for again");
    assert_eq!(records.up_to(&tool_used("cat x")), ["!"]);
    records.append(&"x".repeat(DEFAULT_LINE_LIMIT + 1));
    records.append("\n\u{0}garbage\n");
    assert_eq!(records.now(), ["(a line of more than 4 MiB is left out)"]);
    fs::remove_dir_all(records.folder.path()).unwrap();
    assert_eq!(records.now(), [""; 0]);
}

#[test]
fn the_records_of_a_measure_are_found_by_the_cycle_else_the_newest_are() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "measure-1-1",
        "measure-2-1",
        "measure-10-1",
        "measure-3-review-1",
        "measure-x-1",
    ] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let mut call = CallName {
        role: Role::Measure,
        task: None,
        ..call()
    };
    let name = |call: &CallName, cycle: u32| {
        let path = folder_of(folder.path(), call, cycle);
        path.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(name(&call, 2), "measure-2-1");
    assert_eq!(name(&call, 0), "measure-10-1");
    (call.role, call.round) = (Role::Review, 1);
    assert_eq!(name(&call, 7), "measure-3-review-1");
    call.round = 2;
    assert_eq!(name(&call, 7), "measure-7-review-2", "which is not there");
}

//! Follows the script and speaks.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::script::{Deed, Step};
use crate::stream::{End, MESSAGE, Stream, Usage, flood, garbage};
use crate::{files, forge};

/// Whether to go on after a step.
enum Next {
    Go,
    /// Ends with this code and no result line.
    Exit(u8),
    /// Ends with a result line.
    End(End),
    /// Ends with the result line of a success, and stays.
    Stay,
}

struct Performance {
    stream: Stream,
    arguments: Arguments,
    attempt: u32,
    measure: bool,
    proposals: Option<Value>,
    answer: Option<String>,
}

/// Follows the script to its end; the code is what the client would exit with.
pub(crate) fn perform(script: &[Step], attempt: u32, measure: bool, arguments: Arguments) -> Result<u8, String> {
    let steps: Vec<&Step> = script
        .iter()
        .filter(|step| step.attempt.is_none_or(|only| only == attempt))
        .collect();
    if let Some(Deed::Exit { code, silent: true }) = steps.first().map(|step| &step.deed) {
        return Ok(*code);
    }
    let mut performance = Performance {
        stream: Stream::new(&arguments),
        measure: measure || arguments.json_schema,
        arguments,
        attempt,
        proposals: None,
        answer: None,
    };
    for step in &steps {
        if let Deed::KeySource { source } = &step.deed {
            performance.stream.key_source.clone_from(source);
        }
    }
    performance.follow(&steps)
}

impl Performance {
    fn follow(&mut self, steps: &[&Step]) -> Result<u8, String> {
        let spoken = |error: io::Error| format!("cannot write to stdout: {error}");
        self.stream.init().map_err(spoken)?;
        for step in steps {
            let next = match self.deed(&step.deed) {
                Ok(next) => self.spent().map_or(next, Next::End),
                Err(error) if step.tolerant => {
                    self.stream.tool_result(&error.to_string(), true).map_err(spoken)?;
                    Next::Go
                }
                Err(error) => return Err(format!("scripted agent: line {} of the script: {error}", step.line)),
            };
            match next {
                Next::Go => {}
                Next::Exit(code) => return Ok(code),
                Next::End(end) => return self.end(&end).map_err(spoken),
                Next::Stay => {
                    self.finish().map_err(spoken)?;
                    stay();
                }
            }
        }
        self.finish().map_err(spoken)
    }

    /// Whether the turns or the money of the call are used up.
    fn spent(&self) -> Option<End> {
        let error = |subtype, terminal_reason, message| End::Error {
            subtype,
            terminal_reason,
            message,
        };
        if let Some(most) = self.arguments.max_turns.filter(|most| self.stream.turns > *most) {
            let message = format!("Reached maximum number of turns ({most})");
            return Some(error("error_max_turns", "max_turns", message));
        }
        let most = self.arguments.max_budget_usd;
        let most = most.filter(|most| self.stream.total.cost > *most)?;
        let message = format!("Reached maximum budget (${most})");
        Some(error("error_max_budget_usd", "budget_exhausted", message))
    }

    fn deed(&mut self, deed: &Deed) -> io::Result<Next> {
        match deed {
            Deed::Write { path, text } => self.file(
                "Write",
                &json!({"file_path": path, "content": text}),
                files::write(path, text),
            ),
            Deed::Append { path, text } => self.file(
                "Edit",
                &json!({"file_path": path, "new_string": text}),
                files::append(path, text),
            ),
            Deed::Delete { path } => self.shell(&format!("rm -r {path}"), files::delete(path)),
            Deed::Symlink { path, target } => self.shell(&format!("ln -s {target} {path}"), files::link(path, target)),
            Deed::Fifo { path } => self.shell(&format!("mkfifo {path}"), files::fifo(path)),
            Deed::Socket { path } => self.shell(&format!("nc -lU {path}"), files::socket(path)),
            Deed::Repository { path } => self.shell(&format!("git init {path}"), files::repository(path)),
            Deed::BigFile { path, bytes } => {
                self.shell(&format!("truncate -s {bytes} {path}"), files::big(path, *bytes))
            }
            Deed::ForgeGit => self.forge(),
            Deed::Say { text } => self.say(text, MESSAGE),
            Deed::Tokens { input, output, cost } => self.use_tokens(*input, *output, *cost),
            _ => self.other(deed),
        }
    }

    fn other(&mut self, deed: &Deed) -> io::Result<Next> {
        match deed {
            Deed::Stderr { text } => io::stderr().write_all(text.as_bytes())?,
            Deed::Sleep { milliseconds } => std::thread::sleep(Duration::from_millis(*milliseconds)),
            Deed::Hang => stay(),
            Deed::Overage => self.overage()?,
            Deed::Garbage { text } => garbage(text)?,
            Deed::Flood { bytes, lines } => flood(*bytes, *lines)?,
            Deed::Propose { answer } => self.propose(answer)?,
            Deed::Answer { text } => self.answer = Some(text.clone()),
            Deed::HangAfterResult => return Ok(Next::Stay),
            Deed::Exit { code, .. } => return Ok(Next::Exit(*code)),
            Deed::Signal { number } => signal(*number)?,
            Deed::Limit { resets_at } => return self.limit(*resets_at),
            Deed::ApiError { status, text } => return self.refuse(*status, text),
            Deed::Fail { text } => return Ok(Next::End(failure(text))),
            Deed::FailFirst { attempts } if self.attempt <= *attempts => {
                let text = format!("attempt {} fails, as the script says", self.attempt);
                return Ok(Next::End(failure(&text)));
            }
            _ => {}
        }
        Ok(Next::Go)
    }

    /// Tells of a deed that is done, or was tried.
    fn file(&mut self, tool: &str, input: &Value, done: io::Result<()>) -> io::Result<Next> {
        self.stream.tool_use(tool, input)?;
        done?;
        self.stream.tool_result("done", false)?;
        Ok(Next::Go)
    }

    fn shell(&mut self, command: &str, done: io::Result<()>) -> io::Result<Next> {
        self.file("Bash", &json!({"command": command}), done)
    }

    fn forge(&mut self) -> io::Result<Next> {
        self.stream
            .tool_use("Bash", &json!({"command": "rm -rf .git && git init"}))?;
        self.stream.tool_result(&forge::attack(), false)?;
        Ok(Next::Go)
    }

    fn say(&mut self, text: &str, usage: Usage) -> io::Result<Next> {
        self.stream.say(text.trim_end(), usage)?;
        Ok(Next::Go)
    }

    fn use_tokens(&mut self, input: u64, output: u64, cost: f64) -> io::Result<Next> {
        let usage = Usage {
            input,
            output,
            cost,
            ..Usage::default()
        };
        self.say("Thinking.", usage)
    }

    fn propose(&mut self, answer: &Value) -> io::Result<()> {
        self.proposals = Some(answer.clone());
        if self.arguments.json_schema {
            self.stream.tool_use("StructuredOutput", answer)?;
            self.stream
                .tool_result("Structured output provided successfully", false)?;
        }
        Ok(())
    }

    fn overage(&self) -> io::Result<()> {
        self.stream.rate_limit(
            &json!({"status": "rejected", "resetsAt": 1_900_000_000, "rateLimitType": "five_hour",
                "overageStatus": "allowed", "overageResetsAt": 1_900_000_000, "isUsingOverage": true}),
        )
    }

    fn limit(&mut self, resets_at: i64) -> io::Result<Next> {
        self.stream
            .rate_limit(&json!({"status": "rejected", "resetsAt": resets_at,
            "rateLimitType": "five_hour", "isUsingOverage": false}))?;
        self.refuse(429, "You've hit your 5-hour limit")
    }

    fn refuse(&mut self, status: u16, text: &str) -> io::Result<Next> {
        let word = match status {
            401 | 403 => "authentication_failed",
            429 => "rate_limit",
            500.. => "server_error",
            _ => "invalid_request",
        };
        self.stream.refusal(status, word, text.trim_end())?;
        let text = text.to_owned();
        Ok(Next::End(End::Api { status, text }))
    }

    /// Ends as an agent does that has done its work.
    fn finish(&mut self) -> io::Result<u8> {
        if self.stream.turns == 0 {
            self.stream.say("Done.", MESSAGE)?;
        }
        let proposals = self.measure.then(|| {
            let nothing = || json!({"proposals": []});
            self.proposals.clone().unwrap_or_else(nothing)
        });
        let (text, structured_output) = match (self.answer.take(), proposals) {
            (Some(answer), _) => (answer, None),
            (None, Some(proposals)) if self.arguments.json_schema => (proposals.to_string(), Some(proposals)),
            (None, Some(proposals)) => (format!("Here they are.\n\n```json\n{proposals:#}\n```"), None),
            (None, None) => ("Done.".to_owned(), None),
        };
        self.end(&End::Success {
            text,
            structured_output,
        })
    }

    fn end(&self, end: &End) -> io::Result<u8> {
        self.stream.result(end)?;
        Ok(u8::from(!matches!(end, End::Success { .. })))
    }
}

fn failure(text: &str) -> End {
    End::Error {
        subtype: "error_during_execution",
        terminal_reason: "error",
        message: text.to_owned(),
    }
}

fn signal(number: i32) -> io::Result<()> {
    let signal =
        Signal::from_named_raw(number).ok_or_else(|| io::Error::other(format!("there is no signal {number}")))?;
    kill_process(getpid(), signal)?;
    stay()
}

/// Waits for somebody to end this process.
fn stay() -> ! {
    loop {
        std::thread::park();
    }
}

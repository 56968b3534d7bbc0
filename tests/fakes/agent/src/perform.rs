//! Follows the script and speaks.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::end::End;
use crate::input::Messages;
use crate::script::{Attack, Deed, Step};
use crate::session::Session;
use crate::settings::Settings;
use crate::stream::{Stream, flood, garbage};
use crate::usage::{MESSAGE, Usage};
use crate::{attack, files, forge, termination};

/// Whether to go on after a step.
enum Next {
    Go,
    /// Ends with this code and no result line.
    Exit(u8),
    /// Ends with a result line.
    End(End),
    /// Ends with the result line of a success, and stays.
    Stay,
    /// Ends with the result line of a success; what follows is for the next call of the session.
    Done,
}

/// One call: what is to be done, and in which session.
pub(crate) struct Call {
    pub(crate) arguments: Arguments,
    pub(crate) script: Vec<Step>,
    pub(crate) attempt: u32,
    pub(crate) measure: bool,
    pub(crate) review: bool,
    pub(crate) id: String,
    pub(crate) session: Session,
    /// What is said to it.
    pub(crate) messages: Option<Messages>,
    /// Where the session is kept, if anywhere.
    pub(crate) path: Option<PathBuf>,
}

struct Performance {
    stream: Stream,
    arguments: Arguments,
    attempt: u32,
    measure: bool,
    review: bool,
    session: Session,
    messages: Option<Messages>,
    path: Option<PathBuf>,
}

/// Follows the script to its end; the code is what the client would exit with.
pub(crate) fn perform(call: Call) -> Result<u8, String> {
    let mut steps: Vec<&Step> = call.script.iter().filter(|step| step.is_for(call.attempt)).collect();
    let settings = Settings::take(&mut steps);
    steps.retain(|step| step.line > call.session.done);
    match steps.first().map(|step| &step.deed) {
        Some(Deed::Exit { code, silent: true }) => return Ok(*code),
        Some(Deed::Late { milliseconds }) => {
            wait(*milliseconds);
            steps.remove(0);
        }
        _ => {}
    }
    let stream = Stream::new(&call.arguments, call.id, &settings, &call.session);
    let heard = if settings.client.deaf {
        termination::ignore_signals()
    } else {
        termination::end_on_sigint(&stream, call.path.clone())
    };
    heard.map_err(|error| format!("cannot listen for signals: {error}"))?;
    let mut performance = Performance {
        stream,
        measure: call.measure || call.arguments.json_schema,
        review: call.review,
        arguments: call.arguments,
        attempt: call.attempt,
        session: call.session,
        messages: call.messages,
        path: call.path,
    };
    performance.follow(&steps)
}

impl Performance {
    fn follow(&mut self, steps: &[&Step]) -> Result<u8, String> {
        let spoken = |error: io::Error| format!("cannot write to stdout: {error}");
        self.stream.init().map_err(spoken)?;
        self.keep()?;
        for step in steps {
            let next = self.step(step)?;
            match next {
                Next::Go => {}
                Next::Exit(code) => return Ok(code),
                Next::End(end) => return self.end(&end).map_err(spoken),
                Next::Done => break,
                Next::Stay => {
                    self.finish().map_err(spoken)?;
                    stay();
                }
            }
        }
        self.finish().map_err(spoken)
    }

    /// Does a step and writes down that it is done.
    fn step(&mut self, step: &Step) -> Result<Next, String> {
        let failed = |error: io::Error| format!("scripted agent: line {} of the script: {error}", step.line);
        if matches!(step.deed, Deed::Signal { .. }) {
            // It does not come back to be written down.
            self.done(step)?;
        }
        let next = match self.deed(&step.deed) {
            Ok(next) => self.spent().map_or(next, Next::End),
            Err(error) if step.tolerant => {
                self.stream.tool_result(&error.to_string(), true).map_err(failed)?;
                Next::Go
            }
            Err(error) => return Err(failed(error)),
        };
        self.done(step)?;
        Ok(next)
    }

    fn done(&mut self, step: &Step) -> Result<(), String> {
        self.session.done = step.line;
        self.keep()
    }

    /// Keeps the session. A home that cannot be written is no reason to fail for a call that resumes nothing.
    fn keep(&mut self) -> Result<(), String> {
        let Some(path) = &self.path else { return Ok(()) };
        let kept = self.stream.keep(&mut self.session, path);
        if self.arguments.resume.is_none() {
            return Ok(());
        }
        kept.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// Whether the turns or the money of the call are used up.
    fn spent(&self) -> Option<End> {
        let error = |subtype, terminal_reason, message| End::Error {
            subtype,
            terminal_reason,
            message,
        };
        if let Some(most) = self.arguments.max_turns.filter(|most| self.stream.turns() > *most) {
            let message = format!("Reached maximum number of turns ({most})");
            return Some(error("error_max_turns", "max_turns", message));
        }
        let most = self.arguments.max_budget_usd;
        let most = most.filter(|most| self.stream.cost() > *most)?;
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
            Deed::Rename { from, to } => self.shell(&format!("mv {from} {to}"), std::fs::rename(from, to)),
            Deed::Copy { from, to } => self.shell(&format!("cp -r {from} {to}"), files::copy(from, to)),
            Deed::Mode { path, mode } => self.shell(&format!("chmod {mode:o} {path}"), files::mode(path, *mode)),
            Deed::Bytes { path, bytes } => self.shell(&format!("xxd -r {path}"), files::bytes(path, bytes)),
            Deed::ForgeGit => self.forge(),
            Deed::Attack(attack) => self.attack(attack),
            Deed::Say { text } => self.say(text, MESSAGE),
            Deed::Tokens { input, output, cost } => self.use_tokens(*input, *output, *cost),
            _ => self.other(deed),
        }
    }

    fn other(&mut self, deed: &Deed) -> io::Result<Next> {
        match deed {
            Deed::ToolOutput { text } => self.tool("cat notes.txt", text)?,
            Deed::Raw { text } => io::stdout().write_all(text.as_bytes())?,
            Deed::Stderr { text } => io::stderr().write_all(text.as_bytes())?,
            Deed::Sleep { milliseconds } => wait(*milliseconds),
            Deed::Hear { path } => return self.hear(path),
            Deed::ToolSleep { milliseconds } => self.slow_tool(*milliseconds)?,
            Deed::Hang => stay(),
            Deed::Late { .. } => return Err(io::Error::other("`late` must be the first step")),
            Deed::Subagent { input, output, cost } => self.stream.subagent(tokens(*input, *output, *cost))?,
            Deed::Retry { delay_ms, status, word } => self.stream.retry(*delay_ms, *status, word)?,
            Deed::Warning | Deed::OverageAvailable | Deed::Overage => self.stream.rate_limit(&account(deed))?,
            Deed::Garbage { text } => garbage(text)?,
            Deed::Flood { bytes, lines } => flood(*bytes, *lines)?,
            Deed::Propose { answer } => self.propose(answer)?,
            Deed::Answer { text } => self.session.answer = Some(text.clone()),
            Deed::HangAfterResult => return Ok(Next::Stay),
            Deed::Done => return Ok(Next::Done),
            Deed::Exit { code, .. } => return Ok(Next::Exit(*code)),
            Deed::Signal { number } => signal(*number)?,
            Deed::Limit { resets_at } => return self.limit(*resets_at),
            Deed::LimitText { text } => return self.limit_in_words(text),
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

    fn attack(&mut self, attack: &Attack) -> io::Result<Next> {
        self.tool("./attack", &attack::told(attack))?;
        Ok(Next::Go)
    }

    fn tool(&mut self, command: &str, output: &str) -> io::Result<()> {
        self.stream.tool_use("Bash", &json!({"command": command}))?;
        self.stream.tool_result(output, false)
    }

    fn say(&mut self, text: &str, usage: Usage) -> io::Result<Next> {
        self.stream.say(text.trim_end(), usage)?;
        Ok(Next::Go)
    }

    fn use_tokens(&mut self, input: u64, output: u64, cost: f64) -> io::Result<Next> {
        self.say("Thinking.", tokens(input, output, cost))
    }

    fn slow_tool(&self, milliseconds: u64) -> io::Result<()> {
        self.stream.tool_use("Bash", &json!({"command": "make check"}))?;
        wait(milliseconds);
        self.stream.tool_result("done", false)
    }

    fn propose(&mut self, answer: &Value) -> io::Result<()> {
        self.session.proposals = Some(answer.clone());
        if self.arguments.json_schema {
            self.stream.tool_use("StructuredOutput", answer)?;
            self.stream
                .tool_result("Structured output provided successfully", false)?;
        }
        Ok(())
    }

    fn limit(&mut self, resets_at: i64) -> io::Result<Next> {
        self.stream
            .rate_limit(&json!({"status": "rejected", "resetsAt": resets_at,
            "rateLimitType": "five_hour", "isUsingOverage": false}))?;
        self.refuse(429, "You've hit your 5-hour limit")
    }

    fn limit_in_words(&mut self, text: &str) -> io::Result<Next> {
        self.stream.refusal(None, text.trim_end())?;
        let text = text.to_owned();
        Ok(Next::End(End::Words { text }))
    }

    fn refuse(&mut self, status: u16, text: &str) -> io::Result<Next> {
        let word = match status {
            401 | 403 => "authentication_failed",
            429 => "rate_limit",
            500.. => "server_error",
            _ => "invalid_request",
        };
        self.stream.refusal(Some((status, word)), text.trim_end())?;
        let text = text.to_owned();
        Ok(Next::End(End::Api { status, text }))
    }

    /// Ends as an agent does that has done its work.
    fn finish(&mut self) -> io::Result<u8> {
        if self.stream.turns() == 0 {
            self.stream.say("Done.", MESSAGE)?;
        }
        let proposals = self.measure.then(|| {
            let nothing = || {
                if self.review {
                    json!({"score": 8, "approved": true, "summary": "It is fine.", "findings": []})
                } else {
                    json!({"proposals": []})
                }
            };
            self.session.proposals.clone().unwrap_or_else(nothing)
        });
        let (text, structured_output) = match (self.session.answer.take(), proposals) {
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

    /// Waits for what is said, and writes it down.
    fn hear(&mut self, path: &str) -> io::Result<Next> {
        let closed = || io::Error::other("nobody can say anything to this session any more");
        let messages = self.messages.as_ref().ok_or_else(closed)?;
        let said = messages.recv().map_err(|_| closed())?;
        self.file(
            "Write",
            &json!({"file_path": path, "content": said}),
            files::write(path, &said),
        )
    }

    fn end(&self, end: &End) -> io::Result<u8> {
        self.stream.result(end)?;
        let mut code = u8::from(!matches!(end, End::Success { .. }));
        for said in self.messages.iter().flatten() {
            self.stream.say(&format!("You said: {said}"), MESSAGE)?;
            let text = "Done.".to_owned();
            self.stream.result(&End::Success {
                text,
                structured_output: None,
            })?;
            code = 0;
        }
        Ok(code)
    }
}

fn tokens(input: u64, output: u64, cost: f64) -> Usage {
    Usage {
        input,
        output,
        cost,
        ..Usage::default()
    }
}

/// What is reported of the account's limits; the figures are those of the recordings.
fn account(deed: &Deed) -> Value {
    const RESETS_AT: i64 = 1_900_000_000;
    match deed {
        Deed::Warning => json!({"status": "allowed_warning", "resetsAt": RESETS_AT, "rateLimitType": "five_hour",
            "utilization": 0.93, "isUsingOverage": false, "surpassedThreshold": 0.9}),
        Deed::OverageAvailable => json!({"status": "allowed", "resetsAt": RESETS_AT, "rateLimitType": "five_hour",
            "overageStatus": "allowed", "overageResetsAt": RESETS_AT, "isUsingOverage": false}),
        _ => json!({"status": "rejected", "resetsAt": RESETS_AT, "rateLimitType": "five_hour",
            "overageStatus": "allowed", "overageResetsAt": RESETS_AT, "isUsingOverage": true}),
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
    if signal == Signal::TERM {
        // Dies of it like any program, instead of taking its leave.
        signal_hook::low_level::emulate_default_handler(number)?;
    }
    kill_process(getpid(), signal)?;
    stay()
}

fn wait(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Waits for somebody to end this process.
fn stay() -> ! {
    loop {
        std::thread::park();
    }
}

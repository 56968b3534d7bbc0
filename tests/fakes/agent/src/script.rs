//! The script: one step a line.

/// What is said of a path that is missing.
const PATH: &str = "a path";
/// What is said of a number that is missing.
const MILLISECONDS: &str = "a number of milliseconds";

/// One step.
pub(crate) struct Step {
    /// Where it stands, counted from 1 within the block.
    pub(crate) line: usize,
    /// Only in this attempt.
    pub(crate) attempt: Option<u32>,
    /// Whether a failure is passed over.
    pub(crate) tolerant: bool,
    /// What it does.
    pub(crate) deed: Deed,
}

impl Step {
    /// Whether it is to be done in that attempt.
    pub(crate) fn is_for(&self, attempt: u32) -> bool {
        self.attempt.is_none_or(|only| only == attempt)
    }
}

/// What is tried, and with what; see the second table of the crate.
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) text: String,
}

impl Attack {
    fn parse(rest: &mut Rest<'_>) -> Result<Self, String> {
        let text = rest.text.take().unwrap_or_default();
        let words = std::mem::take(&mut rest.words);
        let mut words = words.split_whitespace().map(str::to_owned);
        Ok(Self {
            name: words.next().ok_or("the name of an attack is missing")?,
            arguments: words.collect(),
            text,
        })
    }
}

/// What a step does; see the table of the crate.
pub(crate) enum Deed {
    Write {
        path: String,
        text: String,
    },
    Append {
        path: String,
        text: String,
    },
    Delete {
        path: String,
    },
    Symlink {
        path: String,
        target: String,
    },
    Fifo {
        path: String,
    },
    Socket {
        path: String,
    },
    Repository {
        path: String,
    },
    BigFile {
        path: String,
        bytes: u64,
    },
    ForgeGit,
    Rename {
        from: String,
        to: String,
    },
    Copy {
        from: String,
        to: String,
    },
    Mode {
        path: String,
        mode: u32,
    },
    Bytes {
        path: String,
        bytes: Vec<u8>,
    },
    Attack(Attack),
    ToolOutput {
        text: String,
    },
    Raw {
        text: String,
    },
    Say {
        text: String,
    },
    Stderr {
        text: String,
    },
    Tokens {
        input: u64,
        output: u64,
        cost: f64,
    },
    Sleep {
        milliseconds: u64,
    },
    Hear {
        path: String,
    },
    ToolSleep {
        milliseconds: u64,
    },
    Late {
        milliseconds: u64,
    },
    Hang,
    Subagent {
        input: u64,
        output: u64,
        cost: f64,
    },
    Retry {
        delay_ms: u64,
        status: Option<u16>,
        word: String,
    },
    Warning,
    OverageAvailable,
    Overage,
    Limit {
        resets_at: i64,
    },
    LimitText {
        text: String,
    },
    Model {
        name: String,
    },
    ApiKey,
    PerCallCost,
    Deaf,
    ApiError {
        status: u16,
        text: String,
    },
    Fail {
        text: String,
    },
    FailFirst {
        attempts: u32,
    },
    Garbage {
        text: String,
    },
    Flood {
        bytes: usize,
        lines: u64,
    },
    Exit {
        code: u8,
        silent: bool,
    },
    Signal {
        number: i32,
    },
    HangAfterResult,
    Done,
    Propose {
        answer: serde_json::Value,
    },
    Answer {
        text: String,
    },
}

/// Reads a script; the error names the line.
pub(crate) fn parse(script: &str) -> Result<Vec<Step>, String> {
    let mut lines = script.lines().enumerate();
    let mut steps = Vec::new();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let failed = |what: String| format!("scripted agent: line {number} of the script: {what}");
        let (line, text) = match line.rsplit_once("<<") {
            Some((line, word)) if is_word(word.trim_end()) => {
                let text = here_text(&mut lines, word.trim_end()).map_err(failed)?;
                (line, Some(text))
            }
            _ => (line, None),
        };
        steps.push(step(number, line, text).map_err(failed)?);
    }
    Ok(steps)
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn here_text<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, word: &str) -> Result<String, String> {
    let mut text = String::new();
    for (_, line) in lines {
        if line == word {
            return Ok(text);
        }
        text.push_str(line);
        text.push('\n');
    }
    Err(format!("the text that `<<{word}` begins has no end"))
}

fn step(line: usize, words: &str, text: Option<String>) -> Result<Step, String> {
    let mut rest = Rest { words, text };
    let mut attempt = None;
    let mut tolerant = false;
    loop {
        match rest.word("a step")?.as_str() {
            "on" => attempt = Some(rest.number("the number of an attempt")?),
            "try" => tolerant = true,
            name => {
                let deed = deed(name, &mut rest)?;
                rest.end()?;
                return Ok(Step {
                    line,
                    attempt,
                    tolerant,
                    deed,
                });
            }
        }
    }
}

fn deed(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    Ok(match name {
        "write" => Deed::Write {
            path: rest.word(PATH)?,
            text: rest.text(),
        },
        "append" => Deed::Append {
            path: rest.word(PATH)?,
            text: rest.text(),
        },
        "delete" => Deed::Delete { path: rest.word(PATH)? },
        "symlink" => Deed::Symlink {
            path: rest.word(PATH)?,
            target: rest.word("a target")?,
        },
        "fifo" => Deed::Fifo { path: rest.word(PATH)? },
        "socket" => Deed::Socket { path: rest.word(PATH)? },
        "mkrepo" => Deed::Repository { path: rest.word(PATH)? },
        "bigfile" => Deed::BigFile {
            path: rest.word(PATH)?,
            bytes: rest.number("a number of bytes")?,
        },
        "forge-git" => Deed::ForgeGit,
        _ => return mischief(name, rest),
    })
}

fn mischief(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    const PATH: &str = "a path";
    Ok(match name {
        "rename" => Deed::Rename {
            from: rest.word(PATH)?,
            to: rest.word("a new path")?,
        },
        "copy" => Deed::Copy {
            from: rest.word(PATH)?,
            to: rest.word("a new path")?,
        },
        "mode" => Deed::Mode {
            path: rest.word(PATH)?,
            mode: rest.octal()?,
        },
        "bytes" => Deed::Bytes {
            path: rest.word(PATH)?,
            bytes: hex(&rest.word("bytes in hexadecimal")?)?,
        },
        "attack" => Deed::Attack(Attack::parse(rest)?),
        "tool-output" => Deed::ToolOutput { text: rest.text() },
        "raw" => Deed::Raw { text: rest.text() },
        _ => return talk(name, rest),
    })
}

/// Bytes from their hexadecimal digits.
fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let byte = |at: usize| {
        digits
            .get(at..at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| format!("`{digits}` is not bytes in hexadecimal"))
}

fn talk(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    Ok(match name {
        "say" => Deed::Say { text: rest.text() },
        "stderr" => Deed::Stderr { text: rest.text() },
        "tokens" => Deed::Tokens {
            input: rest.number("a number of input tokens")?,
            output: rest.number("a number of output tokens")?,
            cost: rest.number("a cost in US dollars")?,
        },
        "subagent" => Deed::Subagent {
            input: rest.number("a number of input tokens")?,
            output: rest.number("a number of output tokens")?,
            cost: rest.number("a cost in US dollars")?,
        },
        "garbage" => Deed::Garbage { text: rest.text() },
        "flood" => Deed::Flood {
            bytes: rest.number("a number of bytes")?,
            lines: rest.number("a number of lines")?,
        },
        "propose" => {
            let json = rest.text();
            let answer = serde_json::from_str(&json).map_err(|error| format!("`propose` needs JSON: {error}"))?;
            Deed::Propose { answer }
        }
        "propose-many" => {
            let times = rest.number("how often each finding is repeated")?;
            let json = rest.text();
            let answer = serde_json::from_str(&json).map_err(|error| format!("`propose-many` needs JSON: {error}"))?;
            let answer = repeated(answer, times)?;
            Deed::Propose { answer }
        }
        "answer" => Deed::Answer { text: rest.text() },
        _ => return account(name, rest),
    })
}

/// Repeats what is in the list `findings` of an answer.
fn repeated(mut answer: serde_json::Value, times: usize) -> Result<serde_json::Value, String> {
    let findings = answer.get_mut("findings").and_then(serde_json::Value::as_array_mut);
    let findings = findings.ok_or("`propose-many` needs a list `findings`")?;
    *findings = std::iter::repeat_n(std::mem::take(findings), times).flatten().collect();
    Ok(answer)
}

fn account(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    Ok(match name {
        "warning" => Deed::Warning,
        "overage-available" => Deed::OverageAvailable,
        "overage" => Deed::Overage,
        "model" => Deed::Model {
            name: rest.word("a model")?,
        },
        "api-key" => Deed::ApiKey,
        "per-call-cost" => Deed::PerCallCost,
        "retry" => Deed::Retry {
            delay_ms: rest.number(MILLISECONDS)?,
            status: rest.status()?,
            word: rest.word("the API's word for it")?,
        },
        _ => return time(name, rest),
    })
}

fn time(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    Ok(match name {
        "sleep" | "silent" => Deed::Sleep {
            milliseconds: rest.number(MILLISECONDS)?,
        },
        "hear" => Deed::Hear { path: rest.word(PATH)? },
        "tool-silent" => Deed::ToolSleep {
            milliseconds: rest.number(MILLISECONDS)?,
        },
        "late" => Deed::Late {
            milliseconds: rest.number(MILLISECONDS)?,
        },
        "deaf" => Deed::Deaf,
        _ => return ending(name, rest),
    })
}

fn ending(name: &str, rest: &mut Rest<'_>) -> Result<Deed, String> {
    Ok(match name {
        "hang" => Deed::Hang,
        "hang-after-result" => Deed::HangAfterResult,
        "limit" => Deed::Limit {
            resets_at: rest.number("seconds since 1970")?,
        },
        "limit-text" => Deed::LimitText { text: rest.text() },
        "api-error" => Deed::ApiError {
            status: rest.number("an HTTP status")?,
            text: rest.text(),
        },
        "fail" => Deed::Fail { text: rest.text() },
        "fail-first" => Deed::FailFirst {
            attempts: rest.number("a number of attempts")?,
        },
        "done" => Deed::Done,
        "nothing" => Deed::Exit { code: 0, silent: true },
        "no-result" => Deed::Exit { code: 0, silent: false },
        "exit" => Deed::Exit {
            code: rest.number("an exit code")?,
            silent: false,
        },
        "signal" => Deed::Signal {
            number: rest.number("the number of a signal")?,
        },
        _ => return Err(format!("there is no step `{name}`")),
    })
}

/// What is left of a line, and the text that follows it.
struct Rest<'a> {
    words: &'a str,
    text: Option<String>,
}

impl Rest<'_> {
    fn word(&mut self, what: &str) -> Result<String, String> {
        let words = self.words.trim_start();
        let end = words.find(char::is_whitespace).unwrap_or(words.len());
        let (word, rest) = words.split_at(end);
        self.words = rest;
        if word.is_empty() {
            return Err(format!("{what} is missing"));
        }
        Ok(word.to_owned())
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("`{word}` is not {what}"))
    }

    /// A mode as chmod(1) writes it.
    fn octal(&mut self) -> Result<u32, String> {
        let word = self.word("a mode")?;
        u32::from_str_radix(&word, 8).map_err(|_| format!("`{word}` is not an octal mode"))
    }

    /// An HTTP status, or `none`.
    fn status(&mut self) -> Result<Option<u16>, String> {
        match self.word("an HTTP status")?.as_str() {
            "none" => Ok(None),
            word => word
                .parse()
                .map(Some)
                .map_err(|_| format!("`{word}` is not an HTTP status")),
        }
    }

    /// The rest of the line, or the lines that follow it; both end with a newline where they have content.
    fn text(&mut self) -> String {
        let words = std::mem::take(&mut self.words).trim();
        match self.text.take() {
            Some(text) if words.is_empty() => text,
            Some(text) => format!("{words}\n{text}"),
            None if words.is_empty() => String::new(),
            None => format!("{words}\n"),
        }
    }

    fn end(&self) -> Result<(), String> {
        match (self.words.trim(), &self.text) {
            ("", None) => Ok(()),
            ("", Some(_)) => Err("this step takes no text".to_owned()),
            (words, _) => Err(format!("`{words}` is too much")),
        }
    }
}

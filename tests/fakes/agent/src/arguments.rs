//! Claude Code's arguments, as far as an orchestrator passes them.

/// What a call asks for.
pub(crate) enum Asked {
    /// `--version`.
    Version,
    /// A prompt is to be answered.
    Run(Arguments),
}

/// The arguments that matter here.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) model: Option<String>,
    /// The id of a new session.
    pub(crate) session_id: Option<String>,
    /// The id of the session that goes on.
    pub(crate) resume: Option<String>,
    pub(crate) max_turns: Option<u32>,
    pub(crate) max_budget_usd: Option<f64>,
    /// Whether an answer by schema is asked for.
    pub(crate) json_schema: bool,
    /// Whether stdin is a stream of messages.
    pub(crate) streamed: bool,
    mode: Mode,
}

/// The switches without which the client would not speak stream-json.
#[derive(Default)]
struct Mode {
    print: bool,
    verbose: bool,
    stream: bool,
}

impl Arguments {
    /// Reads the arguments; the error is what the client itself would say.
    pub(crate) fn parse(mut line: impl Iterator<Item = String>) -> Result<Asked, String> {
        let mut arguments = Self::default();
        while let Some(argument) = line.next() {
            let (name, attached) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            match name.as_str() {
                "--version" | "-v" => return Ok(Asked::Version),
                "-p" | "--print" => arguments.mode.print = true,
                "--verbose" => arguments.mode.verbose = true,
                "--dangerously-skip-permissions" | "--strict-mcp-config" | "--fork-session" | "--restricted" => {}
                _ => {
                    let value = attached.or_else(|| line.next());
                    arguments.option(&name, value)?;
                }
            }
        }
        arguments.checked().map(Asked::Run)
    }

    fn option(&mut self, name: &str, value: Option<String>) -> Result<(), String> {
        const IGNORED: [&str; 11] = [
            "--effort",
            "--tools",
            "--allowed-tools",
            "--disallowed-tools",
            "--append-system-prompt",
            "--fallback-model",
            "--setting-sources",
            "--add-dir",
            "--mcp-config",
            "--permission-mode",
            "--settings",
        ];
        let known = [
            "--model",
            "--output-format",
            "--input-format",
            "--max-turns",
            "--max-budget-usd",
            "--json-schema",
        ];
        let session = ["--session-id", "--resume"];
        if !(known.contains(&name) || session.contains(&name) || IGNORED.contains(&name)) {
            return Err(format!("error: unknown option '{name}'"));
        }
        let value = value.ok_or_else(|| format!("error: option '{name} <value>' argument missing"))?;
        let invalid = || format!("error: option '{name} <value>' argument '{value}' is invalid.");
        match name {
            "--model" => self.model = Some(value),
            "--session-id" => self.session_id = Some(value),
            "--resume" => self.resume = Some(value),
            "--output-format" => self.mode.stream = value == "stream-json",
            "--input-format" => self.streamed = value == "stream-json",
            "--max-turns" => self.max_turns = Some(value.parse().map_err(|_| invalid())?),
            "--max-budget-usd" => self.max_budget_usd = Some(value.parse().map_err(|_| invalid())?),
            "--json-schema" => {
                let schema: Result<serde_json::Value, _> = serde_json::from_str(&value);
                let valid = schema.is_ok_and(|schema| schema["type"] == "object");
                self.json_schema = valid.then_some(true).ok_or_else(invalid)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, String> {
        if !(self.mode.print && self.mode.stream) {
            Err("error: the scripted agent only knows `-p --output-format stream-json`".to_owned())
        } else if self.mode.verbose {
            Ok(self)
        } else {
            Err("Error: When using --print, --output-format=stream-json requires --verbose".to_owned())
        }
    }
}

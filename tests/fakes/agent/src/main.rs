//! An agent that does what a script says, and speaks as Claude Code does while doing it.
//!
//! It takes Claude Code's arguments, reads the prompt from stdin, and follows the first block of the
//! prompt that is fenced as `script` (by backticks or tildes, as Markdown has it):
//!
//! ```text
//! ~~~script
//! write src/sizes.txt <<END
//! 42 is 8.5
//! END
//! on 1 fail the table is not found
//! ~~~
//! ```
//!
//! One step a line; `#` begins a comment. A step's last argument may be a text of several lines: `<<WORD`,
//! the lines, `WORD`. Without a script a measure proposes nothing, and a stitch changes nothing.
//!
//! | Step | What it does |
//! |---|---|
//! | `write PATH TEXT` · `append PATH TEXT` · `delete PATH` | as it says; folders are made, and deleted whole |
//! | `symlink PATH TARGET` · `fifo PATH` · `socket PATH` · `mkrepo PATH` · `bigfile PATH BYTES` | a link, a FIFO, a socket, a nested repository, a sparse file |
//! | `forge-git` | removes, moves and replaces `.git`, and plants configuration and hooks; says what succeeded |
//! | `say TEXT` · `stderr TEXT` | a message; a line on stderr |
//! | `tokens IN OUT COST` | a message that used so much |
//! | `sleep MILLISECONDS` · `hang` | waits; waits for ever |
//! | `key-source NAME` | has the first event report an API key from there, wherever the step stands |
//! | `overage` | reports paid overage, and goes on |
//! | `limit SECONDS` | reports a usage limit until then (since 1970), and ends as the client does |
//! | `api-error STATUS TEXT` | ends as the client does when the API refuses |
//! | `fail TEXT` · `fail-first N` | ends with an error; does so in the first N attempts |
//! | `garbage TEXT` | a line that is no event, then one that is not even UTF-8 |
//! | `flood BYTES LINES` | so many lines of so many bytes that mean nothing |
//! | `nothing` | as first step: ends with 0 and prints nothing |
//! | `no-result` · `exit CODE` · `signal N` | ends without a result line |
//! | `hang-after-result` | writes the result line of a success, and does not end |
//! | `propose JSON` · `answer TEXT` | the answer to `--json-schema`, or in words where no schema is given; the last words, without structured output |
//! | `on N STEP` · `try STEP` | only in the Nth attempt, which the prompt tells by a line `Attempt N`; a failing step is told and passed over |
//!
//! A mistake in the script ends with 64, a step that fails with 65; both say on stderr what and where.

mod arguments;
mod files;
mod forge;
mod perform;
mod prompt;
mod script;
mod stream;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use crate::arguments::{Arguments, Call};

/// The version that this agent claims: that of the client whose recordings it imitates.
const VERSION: &str = "2.1.329";

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(Call::Version) => {
            let written = writeln!(std::io::stdout(), "{VERSION} (Claude Code, scripted)");
            ExitCode::from(u8::from(written.is_err()))
        }
        Ok(Call::Run(arguments)) => run(arguments),
        Err(message) => complain(1, &message),
    }
}

fn run(arguments: Arguments) -> ExitCode {
    let mut prompt = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut prompt) {
        return complain(1, &format!("cannot read the prompt: {error}"));
    }
    let prompt = String::from_utf8_lossy(&prompt);
    if prompt.trim().is_empty() {
        return complain(
            1,
            "Error: Input must be provided either through stdin or as a prompt argument",
        );
    }
    let script = match prompt::script(&prompt).map(|script| script::parse(&script)).transpose() {
        Ok(script) => script.unwrap_or_default(),
        Err(message) => return complain(64, &message),
    };
    match perform::perform(
        &script,
        prompt::attempt(&prompt),
        prompt::is_measure(&prompt),
        arguments,
    ) {
        Ok(code) => ExitCode::from(code),
        Err(message) => complain(65, &message),
    }
}

/// Says what is wrong on stderr; with that closed, the exit code alone says it.
fn complain(code: u8, message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(code)
}

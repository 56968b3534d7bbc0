//! An agent that does what a script says, and speaks as Claude Code does while doing it.
//!
//! It takes Claude Code's arguments, reads the prompt from stdin, which may be a stream of messages, and follows the first block of the
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
//! the lines, `WORD`. Without a script a measure proposes nothing, and a stitch changes nothing. A review follows the
//! first block that is fenced as `review`; without one it approves. A stage of a project's own follows the first block that
//! is fenced with its name.
//!
//! | Step | What it does |
//! |---|---|
//! | `write PATH TEXT` · `append PATH TEXT` · `delete PATH` | as it says; folders are made, and deleted whole |
//! | `symlink PATH TARGET` · `fifo PATH` · `socket PATH` · `mkrepo PATH` · `bigfile PATH BYTES` | a link, a FIFO, a socket, a nested repository, a sparse file |
//! | `forge-git` | removes, moves and replaces `.git`, and plants configuration and hooks; says what succeeded |
//! | `rename FROM TO` · `copy FROM TO` · `mode PATH OCTAL` · `bytes PATH HEX` | moves; copies a folder whole; changes who may do what; writes bytes |
//! | `attack NAME ARGUMENT…` | what no agent should be able to do, see below; tells `NAME ARGUMENT…` and, on the next line, what came of it |
//! | `tool-output TEXT` · `raw TEXT` | a tool whose output is that; lines on stdout as they are |
//! | `say TEXT` · `stderr TEXT` | a message; a line on stderr |
//! | `tokens IN OUT COST` | a message that used so much |
//! | `subagent IN OUT COST` | a message of a sub-agent: counts in the money and by model, not in the call's own usage |
//! | `sleep MILLISECONDS` or `silent MILLISECONDS` · `hang` | waits and says nothing; waits for ever |
//! | `hear PATH` | waits until something is said to the session, and writes that there |
//! | `tool-silent MILLISECONDS` | a tool's use, nothing for so long, its result |
//! | `late MILLISECONDS` | as first step: nothing for so long, not even the init line |
//! | `warning` · `overage-available` · `overage` | reports a limit that is near; paid overage that is there, or in use; goes on |
//! | `retry MILLISECONDS STATUS WORD` | reports that a request will be repeated after so long, and goes on at once; `none` for a status is an API out of reach |
//! | `limit SECONDS` | reports a usage limit until then (since 1970), and ends as the client does |
//! | `limit-text TEXT` | ends on a usage limit as an old client does, which says so in words alone |
//! | `api-error STATUS TEXT` | ends as the client does when the API refuses |
//! | `fail TEXT` · `fail-first N` | ends with an error; does so in the first N attempts |
//! | `garbage TEXT` | a line that is no event, then one that is not even UTF-8 |
//! | `flood BYTES LINES` | so many lines of so many bytes that mean nothing |
//! | `nothing` | as first step: ends with 0 and prints nothing |
//! | `no-result` · `exit CODE` · `signal N` | ends without a result line |
//! | `done` | ends as a success; the steps after it are for the call that goes on with the session |
//! | `hang-after-result` | writes the result line of a success, and does not end |
//! | `propose JSON` · `answer TEXT` | the answer to `--json-schema`, or in words where no schema is given; the last words, without structured output |
//! | `propose-many N JSON` | `propose`, with each of its `findings` so often |
//! | `model NAME` · `api-key` | for the whole call: that model is bound, whatever was asked for; an API key pays |
//! | `per-call-cost` · `deaf` | for the whole call: cost and tokens by model as 2.1.220 tells them; no signal but SIGKILL changes anything |
//! | `on N STEP` · `try STEP` | only in the Nth attempt, which the prompt tells by a line `Attempt N`, or in its Nth review, by a line `Review N`; a failing step is told and passed over |
//!
//! An attack tells `done: …` or `refused: …`, and the script goes on either way:
//!
//! | Attack | Done when |
//! |---|---|
//! | `capabilities` · `privileges` · `seccomp` | the process has a capability in any set; may gain privileges; has no filter of system calls |
//! | `become-root` · `setuid-program PATH` | a thread is user 0; a program, which prints its user as the probe's `id` does, is |
//! | `mount PATH` · `remount PATH` · `hostname NAME` · `module` · `raw-socket` · `vsock` · `release-agent PATH` | the kernel does it; of a module that is none it at least looks at the bytes |
//! | `device PATH MAJOR MINOR` | a character device was made and opens |
//! | `read PATH` · `create PATH` · `rewrite PATH` · `open PATH` | it could be read; made; opened and written with what it held; opened for writing |
//! | `processes N` · `allocate BYTES` · `fill PATH BYTES` · `many PATH N` · `descriptors N` | so much could be had; `fill` and `many` clear up what they made |
//! | `hoard PATH BYTES` · `hoard-nameless PATH BYTES` | never: it writes a file, in the second case after its name is gone, and waits |
//! | `connect ADDRESS` · `connect-unix PATH` · `connect-abstract NAME` · `engine PATH` | somebody accepts; an engine answers |
//! | `datagram ADDRESS TEXT` · `lookup ADDRESS NAME` · `route ADDRESS` · `interfaces` | a datagram, or a question of DNS, went out; there is a route; an interface beside loopback |
//! | `request PATH\|ADDRESS NAME` and a text | an answer came, which it tells; `{token}` is what the container has for a credential, `{-}` a hyphen, `\\r`, `\\n`, `\\0`, `\\t` and `\\\\` mean what they mean in Rust, line ends nothing |
//! | `hunt HEX…` | one of these words is in an environment, a command line, a mount table or a readable file, see its source |
//! | `shell NAME` and a text | the script succeeds in `sh`; what it printed is told, in a line |
//!
//! The session is kept in `$HOME/.claude/projects/`, if that can be written, after each step; a step that ends the
//! call is done with that. `--resume ID` follows the script of the prompt that began the session, behind the last
//! step done: a `limit` is met once. The attempt is the new prompt's, else that prompt's. An id without a session
//! ends as with the client. Cost and tokens by model are then those of the session, `usage` is the call's.
//!
//! Where stdin is a stream, a result does not end it, but the end of stdin does. What was said and not heard is answered before
//! that, with a message and another result.
//!
//! SIGINT writes a result line with what was used so far, and ends with 0. SIGTERM ends without a word.
//!
//! A mistake in the script ends with 64, a step that fails with 65; both say on stderr what and where.

mod arguments;
mod attack;
mod end;
mod files;
mod forge;
mod input;
mod perform;
mod prompt;
mod script;
mod session;
mod settings;
mod stream;
mod termination;
mod usage;

use std::io::Write as _;
use std::process::ExitCode;

use crate::arguments::{Arguments, Asked};
use crate::input::Messages;
use crate::perform::Call;
use crate::session::Session;

/// The version that this agent claims: that of the client whose recordings it imitates.
const VERSION: &str = "2.1.329";
/// The version that it claims where it tells the cost of each call alone.
const OLD_VERSION: &str = "2.1.220";

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Version) => {
            let written = writeln!(std::io::stdout(), "{VERSION} (Claude Code, scripted)");
            ExitCode::from(u8::from(written.is_err()))
        }
        Ok(Asked::Run(arguments)) => run(arguments),
        Err(message) => complain(1, &message),
    }
}

fn run(arguments: Arguments) -> ExitCode {
    let (prompt, messages) = match input::read(arguments.streamed) {
        Ok(read) => read,
        Err(error) => return complain(1, &format!("cannot read the prompt: {error}")),
    };
    if prompt.trim().is_empty() {
        return complain(
            1,
            "Error: Input must be provided either through stdin or as a prompt argument",
        );
    }
    match answer(&prompt, messages, arguments) {
        Ok(code) => ExitCode::from(code),
        Err((code, message)) => complain(code, &message),
    }
}

/// Answers the prompt in a new session, or in the one that goes on; fails with an exit code and what is wrong.
fn answer(prompt: &str, messages: Option<Messages>, arguments: Arguments) -> Result<u8, (u8, String)> {
    let resumed = arguments.resume.is_some();
    let id = arguments.resume.clone().or_else(|| arguments.session_id.clone());
    let id = id.unwrap_or_else(stream::fresh_id);
    let path = session::path(&id);
    let kept = path.as_deref().filter(|_| resumed).and_then(Session::load);
    if resumed && kept.is_none() {
        // With stdout closed, stderr and the code say it.
        let _ = stream::unknown_session(&id);
        return Err((1, stream::unknown_words(&id)));
    }
    let session = kept.unwrap_or_else(|| Session::begin(prompt));
    let script = prompt::script(&session.prompt).map(|script| script::parse(&script));
    let call = Call {
        attempt: prompt::attempt(prompt)
            .or_else(|| prompt::attempt(&session.prompt))
            .unwrap_or(1),
        measure: prompt::is_measure(&session.prompt),
        review: prompt::is_review(&session.prompt),
        script: script.transpose().map_err(|message| (64, message))?.unwrap_or_default(),
        path,
        id,
        session,
        messages,
        arguments,
    };
    perform::perform(call).map_err(|message| (65, message))
}

/// Says what is wrong on stderr; with that closed, the exit code alone says it.
fn complain(code: u8, message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(code)
}

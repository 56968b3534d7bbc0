//! The real Claude Code client in a real container, driven through the whole program, against the scripted Messages
//! API. Every row of the table of outcomes is here: what the client makes of an API's answer is seen, not assumed.
//!
//! What the client does is the same on either engine, so the rows take turns.

/// Makes a test of each row, on the engine it is listed under.
macro_rules! rows {
    ($(podman: $($podman:ident),+;)? $(docker: $($docker:ident),+;)?) => {
        $($(#[test] fn $podman() { check(cordwainer::engine::EngineKind::Podman, &rows::$podman()); })+)?
        $($(#[test] fn $docker() { check(cordwainer::engine::EngineKind::Docker, &rows::$docker()); })+)?
    };
}
use rows;

mod live;
mod whole;

mod attacks;
mod background;
mod client;
mod conversation;
mod killed;
mod limits;
mod modes;
mod passing;
mod refusals;
mod remote;
mod rounds;
mod servers;
mod time;
mod verdicts;
mod wait;
mod warnings;

//! What an agent may try. Each attack is carried out by an agent in its container, and comes to nothing; and each has
//! a control, in which the same payload succeeds where the defence is missing: plain git on what the agent left, a
//! container as engines make them, the host's network, a reader that believes what it reads. A control that does not
//! fire is a failure: the attack would prove nothing.

mod container;
mod credentials;
mod git;
mod money;
mod network;
mod planted;
mod prepare;
mod proxy;
mod run_socket;
mod secrets;
mod services;
mod streams;
pub(crate) mod told;
pub(crate) mod witness;

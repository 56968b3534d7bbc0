//! What several areas of the tests share.

pub(crate) mod billing;
pub(crate) mod cargo;
pub(crate) mod checker;
pub(crate) mod client;
pub(crate) mod command;
pub(crate) mod crash_points;
pub(crate) mod engines;
pub(crate) mod https;
#[cfg(target_arch = "x86_64")]
pub(crate) mod killer;
pub(crate) mod messages_api;
pub(crate) mod noise;
pub(crate) mod project;
pub(crate) mod pseudo_terminal;
pub(crate) mod registries;
pub(crate) mod repository;
pub(crate) mod screens;
pub(crate) mod scripted_agent;
pub(crate) mod scripts;
pub(crate) mod seal;
pub(crate) mod services;
pub(crate) mod sockets;
pub(crate) mod tools_image;
pub(crate) mod upkeep;
pub(crate) mod weak_engine;
pub(crate) mod xtask;

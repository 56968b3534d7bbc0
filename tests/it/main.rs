//! The tests of the library and the command line on real parts, as one program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

mod attacks;
mod browser;
mod by_hand;
mod completions;
mod config;
mod demo;
mod engine;
mod engine_connect;
mod examples;
mod gateway;
mod git;
mod image;
mod init;
mod issues;
mod lifecycle;
mod looks;
mod messages_api;
mod network;
mod package;
mod real_client;
mod real_projects;
mod registries;
mod requests;
mod run;
mod runs;
mod screens;
mod scripted_agent;
mod seal;
mod secrets;
mod serve;
mod services;
mod stats;
mod storm;
mod support;
mod tidy;
mod toolchains;
mod transcripts;
mod usage;
mod walk;

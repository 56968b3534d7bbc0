//! `serve`: the live page of runs and tasks, and its HTTP API. It is a process without state of its own: what it shows is read
//! from refs, records and the register when it is asked for, and what it does are the calls that the commands make.

mod actions;
mod address;
mod answer;
mod asked;
mod board;
mod browser;
mod command;
mod connections;
mod events;
mod fields;
mod folds;
mod follow;
mod guard;
mod openapi;
mod pages;
mod places;
mod pulse;
mod reading;
mod repositories;
mod routes;
mod server;
mod site;
mod successors;
mod table;
mod token;
mod transcript;
mod watching;
mod write_timeout;

pub(super) use self::command::execute;

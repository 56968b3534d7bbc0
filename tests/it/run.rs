//! `run`, `resume`, `measure` and `stitch` through the real program, with real containers.
//!
//! A test names its engine. What depends on how an engine behaves (a whole generation, a death in the middle, an
//! interruption, an engine that goes away) runs on both; what depends on us alone runs on one, by turns.

mod adoption;
mod agents;
mod audit;
mod billing;
mod broken_stages;
mod budgets;
pub(crate) mod build;
mod candidates;
mod clearing;
mod clocks;
mod closing;
mod conflicts;
mod coverage;
mod crashes;
mod deaths;
mod disk_limit;
mod disks;
mod engine_faults;
mod engines;
mod estimates;
mod extensions;
mod gates;
mod generation;
mod images;
mod interruption;
#[cfg(target_arch = "x86_64")]
mod killed;
mod landing;
mod large;
mod limits;
mod logins;
mod measure;
mod model;
mod modes;
mod neighbours;
mod parallel;
mod pauses;
mod people;
mod places;
mod plans;
mod power;
mod prepare;
mod prepared_projects;
mod proofs;
mod proposals;
mod repositories;
mod results;
mod reviews;
mod rootless;
mod rounds;
mod rules;
mod screens;
mod sealing;
mod selection;
mod stage_hosts;
mod stages;
mod standing;
mod stops;
mod stuck;
mod terminal;
mod timers;
mod trials;
mod weakened;
mod windows;

//! What calls used, what they may use, and what it costs: pure sums and bounds. No file, no clock of its own, and nobody
//! who pays.

pub mod budget;
pub mod ledger;
pub mod metering;

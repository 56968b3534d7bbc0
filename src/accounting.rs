//! What calls used, what they may use, and what it costs: pure sums and limits. It has no files and no clock of its
//! own, and does not know who pays.

pub mod budget;
pub mod estimate;
pub mod ledger;
pub mod metering;

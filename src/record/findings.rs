//! The report of an audit or a review: what was read, what was found and what that cost, as Markdown for people and as
//! JSON and SARIF for programs.

mod markdown;
mod report;
mod sarif;
mod schema;
#[cfg(test)]
mod tests;

#[cfg(feature = "cli")]
pub(crate) use markdown::text as escaped_markdown;
pub use report::{CategoryCount, Examined, FORMAT, FindingsReport, FindingsSummary, NotRead, ReportedFinding};
pub use schema::schema;

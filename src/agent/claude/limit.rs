//! What the stream says of the account's limits.

use jiff::Timestamp;

use super::fields::Fields;
use crate::agent::AgentEvent;
use crate::text::one_line;

/// The limits as last reported, and whether overage was ever in use.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The last report was a refusal.
    pub(super) rejected: bool,
    /// Any report showed paid overage in use.
    pub(super) overage: bool,
    /// When the limit of the last refusal, or of the overage, is lifted.
    pub(super) resets_at: Option<Timestamp>,
}

impl Limits {
    /// Takes in one `rate_limit_info`.
    pub(super) fn note(&mut self, info: &Fields<'_>) -> AgentEvent {
        let status = info.text("status");
        let kind = info.text("rateLimitType");
        let rejected = status.as_deref() == Some("rejected");
        let overage = overage_in_use(info, rejected, kind.as_deref());
        let resets_at = info.moment("resetsAt").or_else(|| info.moment("overageResetsAt"));
        self.rejected = rejected;
        self.overage |= overage;
        if rejected || overage {
            self.resets_at = resets_at.or(self.resets_at);
        }
        AgentEvent::RateLimit {
            status: status.map(|word| one_line(&word, 40)),
            kind: kind.map(|word| one_line(&word, 40)),
            resets_at,
            overage,
        }
    }
}

/// `overageStatus: allowed` beside `status: allowed` means only that overage is available.
fn overage_in_use(info: &Fields<'_>, rejected: bool, kind: Option<&str>) -> bool {
    let available = info
        .text("overageStatus")
        .is_some_and(|status| status.starts_with("allowed"));
    info.get("isUsingOverage") == Some(true) || kind == Some("overage") || (rejected && available)
}

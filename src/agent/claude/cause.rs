//! Why an API or a client refuses: which failures are temporary, which a person must fix, and how.

use crate::agent::CallOutcome;

/// A reason for a refusal, and how to recognize it.
#[derive(Debug)]
pub(super) struct Cause {
    /// The outcome of the call.
    pub(super) outcome: CallOutcome,
    /// What a person can do about it.
    pub(super) fix: Option<&'static str>,
    /// Whether the session that was to be resumed is gone.
    pub(super) session_lost: bool,
    /// The HTTP statuses for it.
    statuses: fn(u16) -> bool,
    /// The client's words for it (`error` of a message or a retry).
    words: &'static [&'static str],
    /// Parts of the client's text about it, in lower case.
    phrases: &'static [&'static str],
}

/// The evidence of a refusal's reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence<'a> {
    /// The HTTP status.
    pub(super) status: Option<u16>,
    /// The client's word.
    pub(super) word: &'a str,
    /// The client's sentence.
    pub(super) text: &'a str,
}

const LOG_IN: &str =
    "log in again (`claude setup-token` prints a token for `container.env`), or set a valid API key there";
const RESTORE_ACCOUNT: &str = "log in to the account and check what it requires: until that is done, it cannot be used";
const RENEW_CLOUD: &str = "renew the cloud provider's credential in `container.env`";
const NEWER_CLIENT: &str = "build the image with a newer client (`cordwainer image build --client-version`)";
const SET_UP: &str = "fix the problem that the reason names: until then the client cannot start";
const ADD_CREDIT: &str = "add credit, or raise the spend limit, where the account is billed";
const CHOOSE_MODEL: &str = "choose another model: `model` in the role's section of the configuration";
const BEGIN_ANEW: &str = "begin a new session: the client's home no longer has this one";
const RESTRICT_NOTHING: &str =
    "write `measure: {restricted: false}`, or use an image with a client from 2.1.248 on, which has a restricted mode";
const DROP_OPTION: &str = "remove the option from `claude_args` or the role's `args`, unset the key that adds it, or use an image with a client that supports it";
const CHANGE_USER: &str = "run agents as a user other than root: set `container.user`";
const CHANGE_REQUEST: &str = "change what the reason names: an unchanged request would be refused again";

/// The causes. Of two that fit, the first counts.
const CAUSES: [Cause; 11] = [
    Cause {
        statuses: |status| matches!(status, 401 | 403),
        words: &["authentication_failed", "oauth_org_not_allowed"],
        phrases: &[
            "failed to authenticate",
            "invalid api key",
            "not logged in",
            "oauth token",
            "please run /login",
        ],
        ..permanent(LOG_IN)
    },
    Cause {
        words: &["account_on_hold", "verification_required"],
        phrases: &["account is on hold", "verification required"],
        ..permanent(RESTORE_ACCOUNT)
    },
    Cause {
        words: &["cloud_credential_error"],
        ..permanent(RENEW_CLOUD)
    },
    Cause {
        statuses: |status| status == 402,
        words: &["billing_error"],
        phrases: &[
            "credit balance is too low",
            "monthly limit",
            "out of extra usage",
            "out of usage credits",
            "shared budget",
            "spend limit",
        ],
        ..permanent(ADD_CREDIT)
    },
    Cause {
        statuses: |status| status == 404,
        words: &["model_not_found"],
        phrases: &["issue with the selected model"],
        ..permanent(CHOOSE_MODEL)
    },
    Cause {
        phrases: &["no conversation found"],
        session_lost: true,
        ..permanent(BEGIN_ANEW)
    },
    Cause {
        phrases: &["unknown option '--restricted'"],
        ..permanent(RESTRICT_NOTHING)
    },
    Cause {
        phrases: &["unknown option", "unknown argument"],
        ..permanent(DROP_OPTION)
    },
    Cause {
        phrases: &["cannot be used with root"],
        ..permanent(CHANGE_USER)
    },
    Cause {
        outcome: CallOutcome::Transient,
        fix: None,
        statuses: |status| matches!(status, 408 | 409 | 425 | 429 | 500..),
        words: &["overloaded", "rate_limit", "server_error"],
        phrases: &[
            "connection error",
            "connection refused",
            "econnrefused",
            "econnreset",
            "etimedout",
            "internal server error",
            "overloaded",
            "rate limit reached",
            "request timed out",
            "unable to connect",
        ],
        ..permanent("")
    },
    Cause {
        statuses: |status| matches!(status, 400..=499),
        words: &["invalid_request"],
        ..permanent(CHANGE_REQUEST)
    },
];

impl Cause {
    /// Returns whether a request is refused for its content: the next task's request may succeed.
    pub(super) fn is_of_request(&self) -> bool {
        self.fix == Some(CHANGE_REQUEST)
    }
}

const fn permanent(fix: &'static str) -> Cause {
    Cause {
        outcome: CallOutcome::Permanent,
        fix: Some(fix),
        session_lost: false,
        statuses: |_| false,
        words: &[],
        phrases: &[],
    }
}

/// Returns the outcome of a call with a client that did not start, by the client's own word for the reason; an unknown
/// word requires a person, too.
pub(super) fn of_startup(reason: &str) -> Cause {
    match reason {
        // The session cannot be continued: it belongs to somebody else, or its folder changed.
        "session_held_by_background" | "worktree_resume_refused" | "worktree_unverified" => Cause {
            session_lost: true,
            ..permanent(BEGIN_ANEW)
        },
        "remote_settings_required_unavailable"
        | "org_config_required_unavailable"
        | "org_verify_failed"
        | "sandbox_required_unavailable" => Cause {
            outcome: CallOutcome::Transient,
            fix: None,
            ..permanent("")
        },
        "bypass_root" => permanent(CHANGE_USER),
        "gateway_signin_required" | "gateway_access_denied" | "org_pin_api_key_conflict" | "org_pin_mismatch" => {
            permanent(LOG_IN)
        }
        "cli_version_too_old" => permanent(NEWER_CLIENT),
        _ => permanent(SET_UP),
    }
}

/// Returns the cause that the evidence shows. The status decides, else the word, else the text; among causes of one
/// outcome, the word and the text are more specific than the status, and anything is more specific than an invalid
/// request.
pub(super) fn of(evidence: Evidence<'_>) -> Option<&'static Cause> {
    let status = evidence.status.and_then(by_status);
    let word = CAUSES.iter().find(|cause| cause.words.contains(&evidence.word));
    let text = by_text(evidence.text);
    let outcome = status.or(word).or(text)?.outcome;
    let fitting = [word, text, status].into_iter().flatten();
    let fitting = fitting.filter(|cause| cause.outcome == outcome);
    // The first of the smallest.
    fitting.min_by_key(|cause| cause.is_of_request())
}

fn by_status(status: u16) -> Option<&'static Cause> {
    CAUSES.iter().find(|cause| (cause.statuses)(status))
}

fn by_text(text: &str) -> Option<&'static Cause> {
    let plain = text.to_lowercase();
    let mentions = |cause: &&Cause| cause.phrases.iter().any(|phrase| plain.contains(phrase));
    let by_phrase = CAUSES.iter().find(mentions);
    let by_status = status_in(&plain).and_then(by_status);
    match (by_phrase, by_status) {
        (Some(phrase), Some(status)) if phrase.outcome != status.outcome => Some(status),
        (phrase, status) => phrase.or(status),
    }
}

/// Returns the status that older clients have only in their sentence: `API Error: 529 …`, `API Error: … (429) …`.
fn status_in(plain: &str) -> Option<u16> {
    let (_, after) = plain.split_once("api error")?;
    let words = after.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut numbers = words
        .filter(|word| !word.is_empty())
        .take(4)
        .filter_map(|word| word.parse().ok());
    numbers.find(|number| (400..600).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: impl Into<Option<u16>>, word: &str, text: &str, expect: Option<(CallOutcome, Option<&str>)>) {
        let status = status.into();
        let found = of(Evidence { status, word, text }).map(|cause| (cause.outcome, cause.fix));
        assert_eq!(found, expect, "{status:?} {word:?} {text:?}");
    }

    #[test]
    fn the_status_decides_and_words_say_more() {
        let passing = Some((CallOutcome::Transient, None));
        let needs = |fix| Some((CallOutcome::Permanent, Some(fix)));
        for status in [408, 409, 425, 429, 500, 502, 503, 504, 529, 599] {
            check(status, "", "", passing);
            check(status, "invalid_request", "Please run /login", passing);
        }
        check(401, "", "", needs(LOG_IN));
        check(403, "unknown", "", needs(LOG_IN));
        check(404, "", "", needs(CHOOSE_MODEL));
        check(400, "", "", needs(CHANGE_REQUEST));
        check(413, "", "Overloaded", needs(CHANGE_REQUEST));
        check(400, "billing_error", "Credit balance is too low", needs(ADD_CREDIT));
        check(400, "", "Credit balance is too low", needs(ADD_CREDIT));
        for text in [
            "You're out of extra usage. Add more.",
            "API Error: 400 You're out of extra usage.",
        ] {
            check(400, "", text, needs(ADD_CREDIT));
            check(400, "invalid_request", text, needs(ADD_CREDIT));
            check(None, "invalid_request", text, needs(ADD_CREDIT));
        }
        check(401, "server_error", "", needs(LOG_IN));
        check(200, "overloaded", "", passing);
    }

    #[test]
    fn without_a_status_the_word_and_the_text_decide() {
        let passing = Some((CallOutcome::Transient, None));
        let needs = |fix| Some((CallOutcome::Permanent, Some(fix)));
        check(None, "model_not_found", "", needs(CHOOSE_MODEL));
        check(None, "oauth_org_not_allowed", "", needs(LOG_IN));
        check(None, "rate_limit", "Invalid API key", passing);
        check(None, "account_on_hold", "", needs(RESTORE_ACCOUNT));
        check(403, "verification_required", "", needs(RESTORE_ACCOUNT));
        check(None, "cloud_credential_error", "", needs(RENEW_CLOUD));
        let texts = [
            (
                "Failed to authenticate. API Error: 401 OAuth token has expired",
                needs(LOG_IN),
            ),
            ("Invalid API key · Please run /login", needs(LOG_IN)),
            ("You've hit your monthly spend limit.", needs(ADD_CREDIT)),
            ("There's an issue with the selected model (opux).", needs(CHOOSE_MODEL)),
            ("No conversation found with session ID: 1", needs(BEGIN_ANEW)),
            ("error: unknown option '--x'", needs(DROP_OPTION)),
            ("error: unknown option '--restricted'", needs(RESTRICT_NOTHING)),
            (
                "--dangerously-skip-permissions cannot be used with root/sudo",
                needs(CHANGE_USER),
            ),
            ("API Error: 529 Overloaded. This is usually temporary", passing),
            ("API Error: Repeated 529 Overloaded errors", passing),
            ("API Error: Request rejected (429) · too much", passing),
            (
                "API Error: 400 the request mentions that it is overloaded",
                needs(CHANGE_REQUEST),
            ),
            ("API Error: Unable to connect to API (ECONNREFUSED)", passing),
            ("API Error: it took 401000 tokens and 9 retries", None),
            ("I fixed issue 529.", None),
            ("Something else", None),
            ("", None),
        ];
        for (text, expect) in texts {
            check(None, "", text, expect);
        }
    }
}

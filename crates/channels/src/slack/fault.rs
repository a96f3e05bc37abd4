//! Failed Slack calls, classified by remedy.

use hallpass_base::{TimeSpan, Timestamp};

/// A 429 this long after the previous wait starts a new limit.
const FORGOTTEN_AFTER: TimeSpan = TimeSpan::minutes(10);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Too many calls; no effect.
    #[error("{method}: Slack asks to wait {after}")]
    Limited {
        method: &'static str,
        after: TimeSpan,
    },
    /// Slack refused; no effect.
    #[error("{method}: {code}{detail}")]
    Refused {
        method: &'static str,
        code: String,
        detail: String,
    },
    /// No answer: the effect is unknown.
    #[error("{method}: {why}")]
    Unanswered { method: &'static str, why: String },
}

impl SlackError {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Limited { .. } | Self::Unanswered { .. } => None,
        }
    }

    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Refused { code, .. } => is_trouble(code),
            Self::Limited { .. } => false,
        }
    }

    /// Returns whether Slack itself fails, so that a retry may work.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Limited { .. } | Self::Unanswered { .. } => true,
            Self::Refused { code, .. } => is_trouble(code),
        }
    }

    /// Returns whether the request is invalid, so that a retry cannot help.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "invalid_blocks"
                    | "invalid_blocks_format"
                    | "msg_too_long"
                    | "msg_blocks_too_long"
                    | "no_text"
                    | "invalid_arguments"
                    | "metadata_too_large"
                    | "invalid_metadata_format"
            )
        )
    }

    /// Returns whether Slack refuses all requests everywhere.
    pub(crate) fn is_workspace_wide(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "invalid_auth"
                    | "not_authed"
                    | "account_inactive"
                    | "token_revoked"
                    | "token_expired"
                    | "not_allowed_token_type"
                    | "missing_scope"
                    | "org_login_required"
                    | "team_access_not_granted"
                    | "ekm_access_denied"
                    | "access_denied"
                    | "accesslimited"
            )
        )
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.code(), Some("message_not_found" | "thread_not_found"))
    }

    /// Returns whether the message exists but is immutable: notices continue below it.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(
            self.code(),
            Some("cant_update_message" | "edit_window_closed")
        )
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitedSpan {
    /// The first 429 after a delivery.
    since: Timestamp,
    /// End of the last requested wait.
    until: Timestamp,
}

impl LimitedSpan {
    /// Notes a limit. After a long time without limits, such as a Slack outage, it starts over.
    pub(crate) fn once_more(before: Option<Self>, now: Timestamp, after: TimeSpan) -> Self {
        let going_on = before.filter(|it| now <= FORGOTTEN_AFTER.after(it.until));
        Self {
            since: going_on.map_or(now, |it| it.since),
            until: after.after(now),
        }
    }

    pub(crate) fn length(self, now: Timestamp) -> TimeSpan {
        TimeSpan::between(self.since, now)
    }
}

fn is_trouble(code: &str) -> bool {
    [
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    ]
    .contains(&code)
}

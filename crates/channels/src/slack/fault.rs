//! Calls to Slack that brought nothing, by what can be done about them.

use hallpass_base::{TimeSpan, Timestamp};

/// A 429 that comes this long after the wait of the one before has nothing to do with that.
const FORGOTTEN_AFTER: TimeSpan = TimeSpan::minutes(10);

/// A call that brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Too many calls; nothing was done.
    #[error("{method}: Slack asks to wait {after}")]
    Limited {
        /// The method.
        method: &'static str,
        /// How long to wait.
        after: TimeSpan,
    },
    /// Slack said no; nothing was done.
    #[error("{method}: {code}{detail}")]
    Refused {
        /// The method.
        method: &'static str,
        /// Slack's word.
        code: String,
        /// What is missing, in Slack's words.
        detail: String,
    },
    /// No answer: whether something was done is not known.
    #[error("{method}: {why}")]
    Unanswered {
        /// The method.
        method: &'static str,
        /// What happened instead.
        why: String,
    },
}

impl SlackError {
    /// Slack's word, when it said no.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Limited { .. } | Self::Unanswered { .. } => None,
        }
    }

    /// Whether the call may have had its effect.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Refused { code, .. } => is_trouble(code),
            Self::Limited { .. } => false,
        }
    }

    /// Whether Slack itself is in trouble, so that the same call may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Limited { .. } | Self::Unanswered { .. } => true,
            Self::Refused { code, .. } => is_trouble(code),
        }
    }

    /// Whether what we sent is wrong, so that sending it again cannot help.
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

    /// Whether Slack refuses everything that we send, whatever it is and wherever it goes.
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

    /// Whether the message is not there any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.code(), Some("message_not_found" | "thread_not_found"))
    }

    /// Whether the message is there, and stays as it is: news goes on below it.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(
            self.code(),
            Some("cant_update_message" | "edit_window_closed")
        )
    }
}

/// How long Slack has been limiting us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitedSpan {
    /// The first 429 after something was delivered.
    since: Timestamp,
    /// Until when the last one asked to wait.
    until: Timestamp,
}

impl LimitedSpan {
    /// Slack limits us once more. Where nothing was heard of limits for long, such as while Slack
    /// was down, this is the first one: what came before says nothing of now.
    pub(crate) fn once_more(before: Option<Self>, now: Timestamp, after: TimeSpan) -> Self {
        let going_on = before.filter(|it| now <= FORGOTTEN_AFTER.after(it.until));
        Self {
            since: going_on.map_or(now, |it| it.since),
            until: after.after(now),
        }
    }

    /// For how long, by now.
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

//! Calls to Slack that brought nothing, by what can be done about them.

use hallpass_model::TimeSpan;

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

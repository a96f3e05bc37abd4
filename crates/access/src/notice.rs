//! Facts for notices about a request. `hallpass_channels::wording` has the sentences.

use hallpass_base::{Email, GrantId, RequestId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

/// A notice. Delivered at least once, after the commit; never acts (P7). The request and its grant
/// are read at delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    #[serde(flatten)]
    pub news: News,
    pub request: RequestId,
    pub grant: Option<GrantId>,
    /// Recipients; a channel may add addresses for a kind of news.
    pub to: Vec<Email>,
    pub at: Timestamp,
}

impl Notice {
    pub const fn kind(&self) -> NoticeKind {
        self.news.kind()
    }
}

/// The event, with facts that neither the request nor its grant keeps. Facts have defaults, for
/// notices stored before they existed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// To approvers: a request waits.
    ReviewWanted,
    Reminder,
    /// To the requester: approved once, more approvals are needed.
    Reviewed,
    /// To the requester: approved, not granted yet.
    Approved,
    Denied,
    /// To the requester: refused without asking approvers.
    Rejected,
    Discarded,
    /// To all concerned: not decided in time.
    Expired,
    Granted,
    Failed,
    Extended,
    /// To the requester: the later end was approved, but AWS does not accept it; reported as
    /// extended once it does.
    NotExtended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmoved: Option<UnmovedEnd>,
    },
    EndsSoon,
    Ended {
        #[serde(default)]
        credentials: CredentialsAfterEnd,
        /// AWS's last error, if the access was never created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// To operators: AWS refuses the removal. Each channel's configuration selects the operators,
    /// so no recipient is listed.
    Stuck,
    /// To operators: sessions that outlive a grant cannot be ended.
    SessionsLive {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sessions: Option<LiveSessions>,
    },
    /// To the holder: access was lost before its end.
    Lost {
        #[serde(default)]
        how: LostAccess,
    },
    /// To the holder: a guard removed access that is still wanted; it is being recreated.
    SetUpAgain,
    /// To operators: a guard removed access that the server had not. Sent at most once an hour.
    GuardActed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removal: Option<LateRemoval>,
    },
    /// To all possible approvers and administrators: emergency access was taken, and one of them
    /// must review it.
    BreakGlass,
    /// To the requester: the review is done.
    ReviewClosed,
    /// To the holder: unmanaged access was given an end.
    Adopted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsAfterEnd {
    #[default]
    NotSaid,
    /// AWS denies them within minutes.
    Stop,
    WorkUntil(Timestamp),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmovedEnd {
    /// AWS denies access from then on.
    pub until: Timestamp,
    /// Whether the denial is unconfirmed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may: bool,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSessions {
    pub why: String,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostAccess {
    #[default]
    RemovedElsewhere,
    /// A guard removed it too early, and AWS refuses to recreate it.
    NotSetUpAgain { reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRemoval {
    pub guard: String,
    pub late: TimeSpan,
}

impl News {
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Self::ReviewWanted => NoticeKind::ReviewWanted,
            Self::Reminder => NoticeKind::Reminder,
            Self::Reviewed => NoticeKind::Reviewed,
            Self::Approved => NoticeKind::Approved,
            Self::Denied => NoticeKind::Denied,
            Self::Rejected => NoticeKind::Rejected,
            Self::Discarded => NoticeKind::Discarded,
            Self::Expired => NoticeKind::Expired,
            Self::Granted => NoticeKind::Granted,
            Self::Failed => NoticeKind::Failed,
            Self::Extended => NoticeKind::Extended,
            Self::NotExtended { .. } => NoticeKind::NotExtended,
            Self::EndsSoon => NoticeKind::EndsSoon,
            Self::Ended { .. } => NoticeKind::Ended,
            Self::Stuck => NoticeKind::Stuck,
            Self::SessionsLive { .. } => NoticeKind::SessionsLive,
            Self::Lost { .. } => NoticeKind::Lost,
            Self::SetUpAgain => NoticeKind::SetUpAgain,
            Self::GuardActed { .. } => NoticeKind::GuardActed,
            Self::BreakGlass => NoticeKind::BreakGlass,
            Self::ReviewClosed => NoticeKind::ReviewClosed,
            Self::Adopted => NoticeKind::Adopted,
        }
    }
}

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// The kinds of [`News`], without facts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum NoticeKind {
            $($kind,)*
        }

        impl NoticeKind {
            /// In the order of `docs/reference/notifications.md`.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    ReviewWanted = "review_wanted",
    Reminder = "reminder",
    Reviewed = "reviewed",
    Approved = "approved",
    Denied = "denied",
    Rejected = "rejected",
    Discarded = "discarded",
    Expired = "expired",
    Granted = "granted",
    Failed = "failed",
    Extended = "extended",
    NotExtended = "not_extended",
    EndsSoon = "ends_soon",
    Ended = "ended",
    Stuck = "stuck",
    SessionsLive = "sessions_live",
    Lost = "lost",
    BreakGlass = "break_glass",
    ReviewClosed = "review_closed",
    SetUpAgain = "set_up_again",
    GuardActed = "guard_acted",
    Adopted = "adopted",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::Message;

    const REQUEST: &str = "req_019b8f6a000070008000000000000001";
    const GRANT: &str = "grn_019b8f6a000070008000000000000002";

    fn of_yesterday(kind: NoticeKind) -> Value {
        json!({
            "news": kind.name(),
            "request": REQUEST,
            "grant": GRANT,
            "to": ["ana@corp.example"],
            "at": "2026-11-20T09:43:23.897879Z",
            "text": "Ended: payments-prod / Admin.",
        })
    }

    #[test]
    fn every_kind_of_news_has_a_name() {
        let names: BTreeSet<&str> = NoticeKind::ALL.map(NoticeKind::name).into();
        assert_eq!(names.len(), NoticeKind::ALL.len());
    }

    #[test]
    fn notices_that_were_stored_with_a_sentence_are_still_read() {
        for kind in NoticeKind::ALL {
            let Ok(Message::Notice(read)) = serde_json::from_value(of_yesterday(kind)) else {
                panic!("{kind:?}")
            };
            assert_eq!(read.kind(), kind);
            assert_eq!(read.request.to_string(), REQUEST);
            assert_eq!(read.grant.map(|id| id.to_string()).as_deref(), Some(GRANT));
            assert_eq!(read.to.len(), 1);
            assert_eq!(read.at.to_string(), "2026-11-20T09:43:23.897879Z");
        }
    }

    #[test]
    fn what_is_stored_is_read_with_its_facts() {
        let at = "2026-11-20T09:43:23Z".parse().unwrap();
        let reason = || "denied".to_owned();
        for (news, stored) in [
            (News::Stuck, json!({"news": "stuck"})),
            (
                News::Ended {
                    credentials: CredentialsAfterEnd::WorkUntil(at),
                    error: None,
                },
                json!({"news": "ended", "credentials": {"work_until": "2026-11-20T09:43:23Z"}}),
            ),
            (
                News::Ended {
                    credentials: CredentialsAfterEnd::Stop,
                    error: Some(reason()),
                },
                json!({"news": "ended", "credentials": "stop", "error": "denied"}),
            ),
            (
                News::Lost {
                    how: LostAccess::NotSetUpAgain { reason: reason() },
                },
                json!({"news": "lost", "how": {"not_set_up_again": {"reason": "denied"}}}),
            ),
            (
                News::SessionsLive {
                    sessions: Some(LiveSessions {
                        why: reason(),
                        until: at,
                    }),
                },
                json!({"news": "sessions_live", "sessions":
                    {"why": "denied", "until": "2026-11-20T09:43:23Z"}}),
            ),
            (
                News::NotExtended {
                    unmoved: Some(UnmovedEnd {
                        until: at,
                        may: false,
                        why: reason(),
                    }),
                },
                json!({"news": "not_extended", "unmoved":
                    {"until": "2026-11-20T09:43:23Z", "why": "denied"}}),
            ),
            (
                News::GuardActed {
                    removal: Some(LateRemoval {
                        guard: "g".to_owned(),
                        late: TimeSpan::seconds(90),
                    }),
                },
                json!({"news": "guard_acted", "removal": {"guard": "g", "late": 90}}),
            ),
        ] {
            is_stored_as(news, stored);
        }
    }

    fn is_stored_as(news: News, mut wanted: Value) {
        let notice = Notice {
            news,
            request: REQUEST.parse().unwrap(),
            grant: None,
            to: Vec::new(),
            at: "2026-11-20T09:43:23Z".parse().unwrap(),
        };
        let members = wanted.as_object_mut().unwrap();
        members.insert("request".to_owned(), json!(REQUEST));
        members.insert("grant".to_owned(), Value::Null);
        members.insert("to".to_owned(), json!([]));
        members.insert("at".to_owned(), json!("2026-11-20T09:43:23Z"));
        let message = Message::Notice(notice);
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }
}

//! What people should hear about a request: facts. The sentences are in `hallpass-wording`.

use hallpass_base::{Email, GrantId, RequestId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

/// Something people should hear. Delivered at least once, after the commit; never acts (P7). What is
/// stored of the request and its grant is read when it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    #[serde(flatten)]
    pub news: News,
    /// The request it is about.
    pub request: RequestId,
    /// The grant it is about.
    pub grant: Option<GrantId>,
    /// Who is concerned; a channel may know more addresses for a kind of news.
    pub to: Vec<Email>,
    /// When it happened.
    pub at: Timestamp,
}

impl Notice {
    /// The kind of its news.
    pub const fn kind(&self) -> NoticeKind {
        self.news.kind()
    }
}

/// What happened, with the facts that neither the request nor its grant keeps. Each has a default:
/// notices stored before facts were kept have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// Approvers: somebody waits for you.
    ReviewWanted,
    /// Approvers: still.
    Reminder,
    /// Requester: somebody said yes, more are needed.
    Reviewed,
    /// Requester: decided yes, being made.
    Approved,
    /// Requester: decided no.
    Denied,
    /// Requester: the rules, or what was asked for, forbid it; nobody was asked.
    Rejected,
    /// All concerned: withdrawn.
    Discarded,
    /// All concerned: nobody decided in time.
    Expired,
    /// Requester: the access is there.
    Granted,
    /// Requester: AWS refused.
    Failed,
    /// Requester: the end moved later.
    Extended,
    /// Requester: the later end was approved, and AWS does not take it; it is told as extended once it does.
    NotExtended {
        /// Until when AWS lets them in, and why it is no longer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmoved: Option<UnmovedEnd>,
    },
    /// Holder: it ends soon.
    EndsSoon,
    /// Holder: it is over.
    Ended {
        /// What becomes of the credentials that were issued.
        #[serde(default)]
        credentials: CredentialsAfterEnd,
        /// What AWS said last, when the access never came to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Operators: AWS refuses to remove it. Who they are is a matter of each channel's
    /// configuration, so nobody is named.
    Stuck,
    /// Operators: sessions that outlive a grant cannot be ended.
    SessionsLive {
        /// Why, and until when they may work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sessions: Option<LiveSessions>,
    },
    /// Holder: the access is gone before its end.
    Lost {
        /// How it went.
        #[serde(default)]
        how: LostAccess,
    },
    /// Holder: a guard removed it although it is still wanted; it is being set up again.
    SetUpAgain,
    /// Operators: a guard removed what the server had not. Told once an hour at most.
    GuardActed {
        /// Which guard, and how late.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removal: Option<LateRemoval>,
    },
    /// Everybody who could approve, and administrators: somebody took access in an emergency, and
    /// one of you closes the review.
    BreakGlass,
    /// Requester: somebody looked at it afterwards.
    ReviewClosed,
    /// Holder: access that stood without Hallpass was given an end.
    Adopted,
}

/// What becomes of the credentials that were issued before an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsAfterEnd {
    /// There are none, or nothing is known of them.
    #[default]
    NotSaid,
    /// AWS refuses them within minutes.
    Stop,
    /// They may work until then.
    WorkUntil(Timestamp),
}

/// An end at AWS that stays where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmovedEnd {
    /// AWS refuses from then on.
    pub until: Timestamp,
    /// Whether it only may: nobody has seen it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may: bool,
    /// Why: lower case, no final stop.
    pub why: String,
}

/// Sessions that go on although they should not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSessions {
    /// Why they cannot be ended.
    pub why: String,
    /// When the last of them has ended.
    pub until: Timestamp,
}

/// How access was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostAccess {
    /// Somebody removed it outside Hallpass.
    #[default]
    RemovedElsewhere,
    /// A guard removed it too early, and AWS refuses to create it again.
    NotSetUpAgain {
        /// What AWS said.
        reason: String,
    },
}

/// A removal by a guard after the end it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRemoval {
    /// The guard's name.
    pub guard: String,
    /// How long after the end.
    pub late: TimeSpan,
}

impl News {
    /// Its kind.
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

/// The list of kinds, from which their order and names come.
macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// The kinds of notices, without their facts: see [`News`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is described where it has its facts")]
        pub enum NoticeKind {
            $($kind,)*
        }

        impl NoticeKind {
            /// Every kind, in the order of `docs/reference/notifications.md`.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// The kind's name in stores, webhooks, and in the log.
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

    /// A notice as it was stored while notices had a sentence.
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

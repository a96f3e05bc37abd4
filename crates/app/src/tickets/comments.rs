//! Comments on tickets when access by them begins and ends. They have no reasons, which may contain
//! secrets.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Approval, Channel, Delivery, DigestContext, EndOutcome, Grant,
    GrantState, News, NoticeContext, Request, TicketComment, TicketSource,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::names::target;
use hallpass_channels::wording::time::utc;
use hallpass_channels::wording::{ChannelStyle as _, PlainStyle};

/// Writes into one service. Reaches no people.
pub struct TicketComments {
    /// `ticket:NAME`.
    channel: String,
    service: String,
    source: Arc<dyn TicketSource>,
    public_url: String,
}

impl TicketComments {
    pub fn new(name: &str, source: Arc<dyn TicketSource>, public_url: &str) -> Self {
        Self {
            channel: format!("ticket:{name}"),
            service: name.to_owned(),
            source,
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The ticket as it was found when the request was made.
    fn ticket<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let mut facts = request.decided.tickets.iter();
        let fact = facts.find(|fact| fact.source == self.service)?;
        let found = fact.found.as_ref()?;
        Some(request.ticket.as_deref().map_or(&found.key, str::trim))
    }

    fn comment(&self, told: &NoticeContext) -> Option<TicketComment> {
        let (request, grant) = (&told.request, told.grant.as_ref()?);
        let (end, words) = match &told.notice.news {
            News::Granted => ("granted", began(request, grant)),
            News::Ended { .. } => ("ended", ended(grant)),
            _ => return None,
        };
        let id = grant.id;
        Some(TicketComment {
            marker: format!("hallpass-{id}-{end}"),
            words: format!("{words} {}/requests/{}", self.public_url, request.id),
        })
    }
}

/// `PowerUser in payments-prod for ines.moreau@example.com`.
fn subject(grant: &Grant) -> String {
    let holder = PlainStyle.person(&grant.holder.email);
    format!("{} for {holder}", target(&grant.names, &PlainStyle))
}

fn began(request: &Request, grant: &Grant) -> String {
    let approval = match grant.approval {
        Approval::NotRequired => "without approval".to_owned(),
        Approval::Own => "approved by the requester".to_owned(),
        Approval::BreakGlass => "as emergency access".to_owned(),
        Approval::Peer | Approval::Adopted => {
            let reviewers = request.reviewers();
            let mut people: Vec<&str> = reviewers.iter().map(|it| it.by.as_str()).collect();
            if people.is_empty() {
                people.push(grant.approver.as_str());
            }
            format!("approved by {}", people.join(", "))
        }
    };
    let (subject, until) = (subject(grant), utc(grant.ends_at));
    if grant.standing {
        return format!(
            "Grant began: {subject}, until {until}, {approval}. The access existed before and stays."
        );
    }
    format!("Access began: {subject}, until {until}, {approval}.")
}

fn ended(grant: &Grant) -> String {
    let subject = subject(grant);
    let why = match &grant.state {
        GrantState::Ended { why, .. } => Some(*why),
        _ => None,
    };
    match why {
        Some(EndOutcome::NeverCreated) => format!("Access was never set up: {subject}."),
        Some(EndOutcome::Standing) => {
            format!("Grant ended: {subject}. The access existed before and stays.")
        }
        Some(EndOutcome::HeldByOtherGrant) => {
            format!("Grant ended: {subject}. Another grant still holds the access.")
        }
        _ => format!("Access ended: {subject}."),
    }
}

#[async_trait]
impl Channel for TicketComments {
    fn name(&self) -> &str {
        &self.channel
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        let (Some(ticket), Some(comment)) = (self.ticket(&told.request), self.comment(told)) else {
            return Delivery::Done;
        };
        match self.source.comment(ticket, &comment).await {
            Ok(()) => Delivery::Done,
            Err(fault) => Delivery::Again {
                after: TimeSpan::ZERO,
                why: fault.0,
            },
        }
    }

    async fn deliver_digest(&self, _: &DigestContext) -> Delivery {
        Delivery::Done
    }

    async fn deliver_alarm(&self, _: &AlarmContext) -> Delivery {
        Delivery::Done
    }

    async fn deliver_alert(&self, _: &AlertContext) -> Delivery {
        Delivery::Done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hallpass_access::{Notice, TicketFault};
    use hallpass_rules::{Ticket, TicketFact, TicketFound};
    use hallpass_store_testing::{a_grant, a_notice, a_request, at, ended as ended_state};

    use super::*;

    #[derive(Default)]
    struct Recording {
        is_down: bool,
        written: Mutex<Vec<(String, TicketComment)>>,
    }

    #[async_trait]
    impl TicketSource for Recording {
        async fn ticket(&self, _: &str) -> Result<Option<Ticket>, TicketFault> {
            Ok(None)
        }

        async fn comment(&self, text: &str, comment: &TicketComment) -> Result<(), TicketFault> {
            let mut written = self.written.lock().unwrap();
            written.push((text.to_owned(), comment.clone()));
            if self.is_down {
                return Err(TicketFault("no connection".to_owned()));
            }
            Ok(())
        }
    }

    fn fact(source: &str, is_found: bool) -> TicketFact {
        TicketFact {
            source: source.to_owned(),
            read_at: at(1),
            found: is_found.then(|| TicketFound {
                key: "OPS-7".to_owned(),
                state: "Open".to_owned(),
                project: "OPS".to_owned(),
                assigned_to_requester: true,
                url: None,
            }),
        }
    }

    fn told(news: News, facts: Vec<TicketFact>) -> NoticeContext {
        let mut request = a_request(1);
        request.ticket = Some(" ops-7 ".to_owned());
        request.reason = "the password is hunter2".to_owned();
        request.decided.tickets = facts;
        NoticeContext {
            number: 1,
            notice: Notice {
                news,
                ..a_notice(1)
            },
            attempts: 0,
            request,
            grant: Some(a_grant(1)),
            used: None,
        }
    }

    const ENDED: News = News::Ended {
        credentials: hallpass_access::CredentialsAfterEnd::NotSaid,
        error: None,
    };

    async fn delivered(
        told: &NoticeContext,
        is_down: bool,
    ) -> (Delivery, Vec<(String, TicketComment)>) {
        let source = Arc::new(Recording {
            is_down,
            ..Recording::default()
        });
        let made = Arc::clone(&source) as Arc<dyn TicketSource>;
        let comments = TicketComments::new("jira", made, "https://hallpass.example.com/");
        assert_eq!(comments.name(), "ticket:jira");
        let delivery = comments.deliver(told).await;
        let written = source.written.lock().unwrap().clone();
        (delivery, written)
    }

    #[tokio::test]
    async fn only_begun_and_ended_access_is_commented_on_where_the_ticket_was_found() {
        let here = || vec![fact("other", true), fact("jira", true)];
        for (news, facts, is_written) in [
            (News::Granted, here(), true),
            (ENDED, here(), true),
            (News::EndsSoon, here(), false),
            (News::Extended, here(), false),
            (News::Granted, vec![fact("jira", false)], false),
            (News::Granted, vec![fact("other", true)], false),
            (News::Granted, Vec::new(), false),
        ] {
            let told = told(news, facts);
            let (delivery, written) = delivered(&told, false).await;
            assert_eq!(delivery, Delivery::Done);
            assert_eq!(written.len(), usize::from(is_written), "{:?}", told.notice);
        }
        let (delivery, written) = delivered(&told(News::Granted, here()), true).await;
        let again = Delivery::Again {
            after: TimeSpan::ZERO,
            why: "no connection".to_owned(),
        };
        assert_eq!((delivery, written.len()), (again, 1));
    }

    #[tokio::test]
    async fn a_comment_says_what_began_or_ended_without_the_reason() {
        let standing = GrantState::Ended {
            cause: hallpass_access::EndCause::Expired,
            at: at(1),
            removed: false,
            why: EndOutcome::Standing,
        };
        let who = "ReadOnly in payments-prod for person1@example.com";
        let until = "until 2026-01-05 02:00 UTC";
        let begun = |approval| (News::Granted, approval, GrantState::Active);
        for ((news, approval, state), said) in [
            (
                begun(Approval::Peer),
                format!("Access began: {who}, {until}, approved by person900@example.com."),
            ),
            (
                begun(Approval::NotRequired),
                format!("Access began: {who}, {until}, without approval."),
            ),
            (
                begun(Approval::Own),
                format!("Access began: {who}, {until}, approved by the requester."),
            ),
            (
                begun(Approval::BreakGlass),
                format!("Access began: {who}, {until}, as emergency access."),
            ),
            (
                (ENDED, Approval::Peer, ended_state(1)),
                format!("Access ended: {who}."),
            ),
            (
                (ENDED, Approval::Peer, standing),
                format!("Grant ended: {who}. The access existed before and stays."),
            ),
        ] {
            let end = if news == News::Granted {
                "granted"
            } else {
                "ended"
            };
            let mut told = told(news, vec![fact("jira", true)]);
            let (request, grant) = (told.request.id, a_grant(1).id);
            told.grant = Some(Grant {
                approval,
                state,
                ..a_grant(1)
            });
            let (_, written) = delivered(&told, false).await;
            let (text, comment) = &written[0];
            assert_eq!(text, "ops-7");
            assert_eq!(comment.marker, format!("hallpass-{grant}-{end}"));
            let link = format!("https://hallpass.example.com/requests/{request}");
            assert_eq!(comment.words, format!("{said} {link}"));
        }
    }
}

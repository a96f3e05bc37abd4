//! The channel news goes out by: the request's message is drawn anew, something is said below it,
//! and who is not in the channel hears directly. Never acts (promise P7).

use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, Grant, NoticeContext, NoticeKind,
    Origin, Request, RequestFilter, RequestState,
};
use hallpass_model::{TimeSpan, Timestamp};

use crate::SlackError;
use crate::app::Slack;
use crate::blocks::{Block, section};
use crate::deliver::{PostError, Saying, said_as};
use crate::ids;
use crate::memory::Thread;
use crate::modal::grant_buttons;

/// News that Slack asked to wait for longer than this is given up: the state is kept, and the
/// message shows it with the next news (`access.md` §11.1).
const LIMITED_FOR: TimeSpan = TimeSpan::minutes(10);
/// What cannot be posted because of how Slack is set up is tried for this long.
const REFUSED_FOR: TimeSpan = TimeSpan::hours(8);
/// Requests of one person for one thing looked at for extensions at most.
const EXTENSIONS_MAX: u32 = 50;
/// The pause before another try.
const PAUSE: TimeSpan = TimeSpan::seconds(15);
/// The pause when somebody has to set Slack right first.
const LONG_PAUSE: TimeSpan = TimeSpan::minutes(1);

#[async_trait]
impl Channel for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        match self.deliver(told).await {
            Ok(()) => Delivery::Done,
            Err(error) => self.judge(&error, told.notice.at, told.attempts),
        }
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        match self.post_digest(told).await {
            Ok(()) => Delivery::Done,
            Err(error) => self.judge(&error, told.digest.at, told.attempts),
        }
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        match self.post_alarm(told).await {
            Ok(()) => Delivery::Done,
            Err(error) => self.judge(&error, told.alarm.at, told.attempts),
        }
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        match self.post_alert(told).await {
            Ok(()) => Delivery::Done,
            Err(error) => self.judge(&error, told.alert.at, told.attempts),
        }
    }
}

impl Slack {
    fn judge(&self, error: &PostError, at: Timestamp, attempts: u32) -> Delivery {
        let age = TimeSpan::between(at, self.now());
        let why = error.to_string();
        let again = |after: TimeSpan| Delivery::Again {
            after,
            why: why.clone(),
        };
        match error {
            PostError::Slack(SlackError::Limited { .. }) if age >= LIMITED_FOR => {
                Delivery::GaveUp { why }
            }
            PostError::Slack(SlackError::Limited { after, .. }) => again(*after),
            PostError::Memory(_) => again(PAUSE),
            PostError::Slack(error) if error.is_passing() => {
                again(TimeSpan::seconds(2 << attempts.min(5)).min(LONG_PAUSE))
            }
            PostError::Slack(error) if is_ours(error) || age >= REFUSED_FOR => {
                Delivery::GaveUp { why }
            }
            PostError::Slack(_) => again(LONG_PAUSE),
        }
    }

    async fn deliver(&self, told: &NoticeContext) -> Result<(), PostError> {
        let NoticeContext {
            notice, request, ..
        } = told;
        // what was refused at another door is between that door and whoever asked; what was not
        // understood was shown in the form
        let silent = match &request.state {
            RequestState::Rejected { code, .. } => {
                request.start.is_none() && (code == "invalid" || request.origin != Origin::Slack)
            }
            RequestState::Pending
            | RequestState::Approved { .. }
            | RequestState::Denied { .. }
            | RequestState::Discarded { .. }
            | RequestState::Expired { .. } => false,
        };
        if silent {
            return Ok(());
        }
        let lock = self.inner.remembered.lock(request.id);
        let _one_hand = lock.lock().await;
        let mut thread = self.inner.remembered.thread(request.id).await?;
        // what it shows is the newest state, which may be newer than the news
        let (request, grant) = match self.stored(request.id).await {
            Ok(Some((request, grant))) => (request, grant.or_else(|| told.grant.clone())),
            Ok(None) | Err(_) => (request.clone(), told.grant.clone()),
        };
        let told = NoticeContext {
            request,
            grant,
            ..told.clone()
        };
        let (request, grant) = (&told.request, told.grant.as_ref());
        self.show(request, grant, &mut thread).await?;
        let directory = self.inner.access.directory();
        let name = said_as(notice.kind().name(), notice.at);
        let words = self.words_below(&told, &directory).await?;
        if let Some(words) = &words {
            let saying = Saying {
                name: name.clone(),
                text: &words.text,
                blocks: &words.blocks,
            };
            self.reply(request.id, &mut thread, &saying).await?;
        }
        match notice.kind() {
            NoticeKind::ReviewWanted => self.alert_admins(&told, &mut thread).await?,
            NoticeKind::ReviewClosed => self.redraw_broken(request, &thread).await?,
            _ => {}
        }
        self.announce(&told, &mut thread, &name).await?;
        if notice.kind() == NoticeKind::Extended {
            self.redraw_extensions(request, grant).await;
        }
        self.tell_requester(&told, &mut thread, &name).await
    }

    /// Admins hear directly, once each, of a request that reaches nobody who could decide it.
    async fn alert_admins(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
    ) -> Result<(), PostError> {
        let Some(text) = self.nobody_reached(told).await? else {
            return Ok(());
        };
        for user in self.inner.people.administrators() {
            let saying = Saying {
                name: format!("direct:nobody_reached:{user}"),
                text: &text,
                blocks: &[],
            };
            self.tell_directly(told.request.id, thread, &user, &saying)
                .await?;
        }
        Ok(())
    }

    /// The news of a longer end is about the grant; the request that led to it has a message too.
    async fn redraw_extensions(&self, request: &Request, grant: Option<&Grant>) {
        let of_key = RequestFilter {
            key: request.key.clone(),
            ..RequestFilter::default()
        };
        let found = self.inner.store.requests(&of_key, EXTENSIONS_MAX).await;
        let Some(grant) = grant else { return };
        for extension in found.map(|page| page.rows).unwrap_or_default() {
            if extension.extends == Some(grant.id) && extension.id != request.id {
                self.redraw(extension.id).await;
            }
        }
    }

    /// A line in the channel itself, for what ends: nobody is mentioned at night.
    async fn announce(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        name: &str,
    ) -> Result<(), PostError> {
        if told.notice.kind() != NoticeKind::Ended || !self.inner.setup.announce_end {
            return Ok(());
        }
        let Some(channel) = thread.channel.clone() else {
            return Ok(());
        };
        let text = self.said(told);
        let saying = Saying {
            name: format!("channel:{name}"),
            text: &text,
            blocks: &[],
        };
        self.say(told.request.id, thread, &channel, None, &saying)
            .await
    }

    /// The requester hears directly when they are not in the channel, and always before an end.
    async fn tell_requester(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        name: &str,
    ) -> Result<(), PostError> {
        let (notice, request) = (&told.notice, &told.request);
        let user = &request.requester.user;
        let name = format!("direct:{name}");
        if notice.kind() == NoticeKind::EndsSoon {
            let Some(grant) = told.grant.as_ref().filter(|grant| grant.is_hold()) else {
                return Ok(());
            };
            let text = self.said(told);
            let blocks = [
                section(ids::CONTENT, text.clone()),
                Block::Actions {
                    block_id: ids::BUTTONS.to_owned(),
                    elements: grant_buttons(grant),
                },
            ];
            let saying = Saying {
                name,
                text: &text,
                blocks: &blocks,
            };
            return self.tell_directly(request.id, thread, user, &saying).await;
        }
        if !self.inner.setup.dm_outside_channel || !is_status(notice.kind()) {
            return Ok(());
        }
        let (Some(channel), Some(slack)) = (
            thread.channel.clone(),
            self.inner.people.user_of(user).await?,
        ) else {
            return Ok(());
        };
        if self.inner.people.is_member(&channel, &slack).await? {
            return Ok(());
        }
        let text = self.said_directly(told);
        let saying = Saying {
            name,
            text: &text,
            blocks: &[],
        };
        self.tell_directly(request.id, thread, user, &saying).await
    }
}

/// What a requester outside the channel hears: every status.
fn is_status(news: NoticeKind) -> bool {
    match news {
        NoticeKind::ReviewWanted
        | NoticeKind::Reviewed
        | NoticeKind::Approved
        | NoticeKind::Denied
        | NoticeKind::Discarded
        | NoticeKind::Expired
        | NoticeKind::Rejected
        | NoticeKind::Granted
        | NoticeKind::Failed
        | NoticeKind::Extended
        | NoticeKind::NotExtended
        | NoticeKind::Ended
        | NoticeKind::BreakGlass
        | NoticeKind::ReviewClosed
        | NoticeKind::Adopted
        | NoticeKind::Lost
        | NoticeKind::SetUpAgain => true,
        NoticeKind::Reminder
        | NoticeKind::EndsSoon
        | NoticeKind::Stuck
        | NoticeKind::SessionsLive
        | NoticeKind::GuardActed => false,
    }
}

/// Whether what we sent is wrong, so that sending it again cannot help.
pub(crate) fn is_ours(error: &SlackError) -> bool {
    matches!(
        error.code(),
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

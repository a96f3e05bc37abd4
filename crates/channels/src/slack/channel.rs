//! The notification channel: updates the request's message, replies below it, and notifies people
//! outside the channel directly. Never acts (promise P7).

use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, NoticeContext, NoticeKind,
    Origin, Request, RequestFilter, RequestState,
};

use crate::slack::SlackError;
use crate::slack::app::Slack;
use crate::slack::blocks::{Block, section};
use crate::slack::deliver::{ALOUD, PostError, Saying, not_drawn, said_as, unread};
use crate::slack::ids;
use crate::slack::memory::Thread;
use crate::slack::modal::grant_buttons;
use crate::slack::unheard::is_of_channel;

/// Maximum extension requests per person and key.
const EXTENSIONS_MAX: u32 = 50;

#[async_trait]
impl Channel for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        if is_silent(&told.request) {
            return Delivery::Done;
        }
        let delivered = self.deliver(told).await;
        self.judge(delivered, told.notice.at, told.attempts)
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        let posted = self.post_digest(told).await;
        self.judge(posted, told.digest.at, told.attempts)
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        let posted = self.post_alarm(told).await;
        self.judge(posted, told.alarm.at, told.attempts)
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        let posted = self.post_alert(told).await;
        self.judge(posted, told.alert.at, told.attempts)
    }
}

impl Slack {
    async fn deliver(&self, told: &NoticeContext) -> Result<(), PostError> {
        let said = self.tell(told).await;
        if said.as_ref().is_err_and(PostError::is_passing) {
            return said;
        }
        // no lock is held: each message is drawn under its lock
        if changes_extensions(told.notice.kind()) {
            self.redraw_extensions(told).await?;
        }
        said
    }

    /// Notifies channel and direct recipients, these also if Slack refuses the channel.
    async fn tell(&self, told: &NoticeContext) -> Result<(), PostError> {
        let lock = self.inner.remembered.lock(told.request.id);
        let _one_hand = lock.lock().await;
        let mut thread = self.inner.remembered.thread(told.request.id).await?;
        // the newest state may be newer than the notice
        let (request, grant) = match self.stored(told.request.id).await {
            Ok(Some((request, grant))) => (request, grant.or_else(|| told.grant.clone())),
            Ok(None) | Err(_) => (told.request.clone(), told.grant.clone()),
        };
        let told = NoticeContext {
            request,
            grant,
            ..told.clone()
        };
        let name = said_as(told.notice.kind().name(), told.notice.at);
        let refused = match self.tell_channel(&told, &mut thread, &name).await {
            Ok(()) => None,
            Err(PostError::Slack(error)) if is_of_channel(&error) => Some(error),
            Err(error) => return Err(error),
        };
        self.tell_requester(&told, &mut thread, &name, refused.as_ref())
            .await?;
        if told.notice.kind() == NoticeKind::ReviewWanted {
            self.alert_admins(&told, &mut thread).await?;
        }
        if let Some(error) = &refused {
            self.tell_of_refusal(&told, &mut thread, error).await?;
        }
        // sent directly once, and retried in the channel
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn tell_channel(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        name: &str,
    ) -> Result<(), PostError> {
        let request = &told.request;
        self.show(request, told.grant.as_ref(), thread).await?;
        let directory = self.inner.access.directory();
        if let Some(words) = self.words_below(told, &directory).await? {
            let saying = Saying {
                name: name.to_owned(),
                text: &words.text,
                blocks: &words.blocks,
            };
            self.reply(told, thread, &saying).await?;
        }
        if told.notice.kind() == NoticeKind::ReviewClosed {
            self.redraw_broken(request, thread).await?;
        }
        self.announce(told, thread, name).await
    }

    /// Notifies each admin once of a request that reaches no approver.
    async fn alert_admins(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
    ) -> Result<(), PostError> {
        let Some(text) = self.nobody_reached(told).await? else {
            return Ok(());
        };
        let id = told.request.id;
        self.tell_administrators(id, thread, "nobody_reached", &text)
            .await
    }

    /// Redraws messages of extensions: a grant's notice refers to its first request, but extensions
    /// also show its state.
    async fn redraw_extensions(&self, told: &NoticeContext) -> Result<(), PostError> {
        let request = &told.request;
        let Some(grant) = told.notice.grant.or(request.grant) else {
            return Ok(());
        };
        let of_key = RequestFilter {
            key: request.key.clone(),
            ..RequestFilter::default()
        };
        let found = self.inner.store.requests(&of_key, EXTENSIONS_MAX).await;
        let found = found.map_err(unread)?.rows;
        let extensions = found.iter().filter(|it| it.extends == Some(grant));
        for extension in extensions.filter(|it| it.id != request.id) {
            match self.drawn_anew(extension.id).await {
                // no later redraw exists: the notice is retried, which repeats no message
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => not_drawn(extension.id, &error),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Posts a channel line for an end, without mentions at night.
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
            name: format!("{ALOUD}{name}"),
            text: &text,
            blocks: &[],
        };
        self.say(told.request.id, thread, &channel, None, &saying)
            .await
    }

    /// Notifies requesters directly when outside the channel, when it `refused`, and always before
    /// an end.
    async fn tell_requester(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        name: &str,
        refused: Option<&SlackError>,
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
        if refused.is_none() && self.inner.people.is_member(&channel, &slack).await? {
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

/// Returns whether a requester outside the channel gets it: every status.
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

/// Returns whether extension messages show it.
fn changes_extensions(news: NoticeKind) -> bool {
    match news {
        NoticeKind::Granted
        | NoticeKind::Failed
        | NoticeKind::Extended
        | NoticeKind::NotExtended
        | NoticeKind::Ended
        | NoticeKind::Lost
        | NoticeKind::SetUpAgain
        | NoticeKind::Adopted => true,
        NoticeKind::ReviewWanted
        | NoticeKind::Reminder
        | NoticeKind::Reviewed
        | NoticeKind::Approved
        | NoticeKind::Denied
        | NoticeKind::Rejected
        | NoticeKind::Discarded
        | NoticeKind::Expired
        | NoticeKind::EndsSoon
        | NoticeKind::Stuck
        | NoticeKind::SessionsLive
        | NoticeKind::BreakGlass
        | NoticeKind::ReviewClosed
        | NoticeKind::GuardActed => false,
    }
}

/// Returns whether a refused request stays private to its interface and requester; form errors were
/// already shown.
fn is_silent(request: &Request) -> bool {
    match &request.state {
        RequestState::Rejected { code, .. } => {
            request.start.is_none() && (code == "invalid" || request.origin != Origin::Slack)
        }
        RequestState::Pending
        | RequestState::Approved { .. }
        | RequestState::Denied { .. }
        | RequestState::Discarded { .. }
        | RequestState::Expired { .. } => false,
    }
}

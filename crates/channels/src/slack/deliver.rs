//! Posts one message per request, redrawn from the store, with replies below. Posts are stored
//! first, so that a lost answer makes no duplicate.

use std::fmt::Display;

use crate::wording::shown;
use hallpass_access::{Grant, NoticeContext, NoticeKind, Request};
use hallpass_base::{RequestId, TimeSpan, Timestamp, UserId};
use serde_json::{Value, json};

use crate::slack::SlackError;
use crate::slack::app::Slack;
use crate::slack::blocks::{Block, one_text};
use crate::slack::client::Outgoing;
use crate::slack::memory::{MemoryFault, MessageFacts, SentMark, Thread};
use crate::slack::message::{Drawn, Scene, draw};
use crate::slack::presses::routed;
use crate::slack::words::{self, NAME_MAX};

/// Marks posted messages for a later search.
const MARK: &str = "hallpass_request";
/// Name prefix of posts in the channel itself.
pub(crate) const ALOUD: &str = "channel:";
/// Maximum redraws while the state keeps changing.
const DRAWN_MAX: usize = 3;
/// Allowed difference from Slack's clock.
const CLOCK_SKEW: TimeSpan = TimeSpan::minutes(5);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostError {
    #[error(transparent)]
    Slack(#[from] SlackError),
    #[error(transparent)]
    Memory(#[from] MemoryFault),
}

impl PostError {
    /// Returns whether a retry may work without intervention.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Slack(error) => error.is_passing(),
            Self::Memory(_) => true,
        }
    }
}

/// A post made once.
pub(crate) struct Saying<'a> {
    /// Unique within the request.
    pub(crate) name: String,
    pub(crate) text: &'a str,
    pub(crate) blocks: &'a [Block],
}

impl Slack {
    /// Redraws the request's message; best effort, because the notice of every change does it
    /// again.
    pub(crate) async fn redraw(&self, id: RequestId) {
        if let Err(error) = self.drawn_anew(id).await {
            not_drawn(id, &error);
        }
    }

    /// Redraws the request's posted message.
    pub(crate) async fn drawn_anew(&self, id: RequestId) -> Result<(), PostError> {
        let lock = self.inner.remembered.lock(id);
        let _one_hand = lock.lock().await;
        let mut drawn = None;
        for _ in 0..DRAWN_MAX {
            let mut thread = self.inner.remembered.thread(id).await?;
            if thread.head.as_ref().is_none_or(|head| head.ts.is_none()) {
                break;
            }
            let stored = self.stored(id).await.map_err(unread)?;
            let Some((request, grant)) = stored else {
                break;
            };
            let state = (request.version, grant.as_ref().map(|grant| grant.version));
            if drawn == Some(state) {
                break;
            }
            if drawn.is_some() {
                // another server's newer drawing may have been overwritten by this older state
                thread.drawn = None;
            }
            self.show(&request, grant.as_ref(), &mut thread).await?;
            drawn = Some(state);
        }
        Ok(())
    }

    pub(crate) fn redraw_later(&self, id: RequestId) {
        let app = self.clone();
        self.later(async move { app.redraw(id).await });
    }

    /// Posts or redraws a request's message. The caller holds the request's lock.
    pub(crate) async fn show(
        &self,
        request: &Request,
        grant: Option<&Grant>,
        thread: &mut Thread,
    ) -> Result<(), PostError> {
        if thread.is_gone {
            return Ok(());
        }
        let requester = self.inner.people.user_of(&request.requester.user).await?;
        let drawn = draw(&Scene {
            request,
            grant,
            requester: requester.as_deref(),
            directory: &self.inner.access.directory(),
            setup: &self.inner.setup,
            now: self.now(),
            place: self.place_of(grant).await,
            region_lost: self.inner.access.home_region_lost_since(),
            armed: self.armed_end_of(grant).await,
        });
        let look = fingerprint(&drawn.blocks);
        if thread.drawn.as_ref() == Some(&look) {
            return Ok(());
        }
        let channel = self.channel_of(request, thread);
        let posted = match thread.head.as_ref().and_then(|head| head.ts.clone()) {
            Some(ts) => Some(ts),
            None => self.post_head(request, &drawn, &channel, thread).await?,
        };
        if let Some(ts) = posted {
            match self.update_head(request, &drawn, &channel, &ts).await {
                Ok(()) => {}
                Err(error) if error.is_gone() => thread.is_gone = true,
                Err(error) if error.is_fixed() => {
                    tracing::info!(request.id = %request.id, error = %error, "a message stays as it is");
                }
                Err(error) => return Err(error.into()),
            }
        }
        thread.drawn = Some(look);
        self.inner
            .remembered
            .keep_thread(request.id, thread)
            .await?;
        Ok(())
    }

    /// Posts the message. Returns the timestamp of an earlier post whose answer was lost and which
    /// must be redrawn.
    async fn post_head(
        &self,
        request: &Request,
        drawn: &Drawn,
        channel: &str,
        thread: &mut Thread,
    ) -> Result<Option<String>, PostError> {
        thread.facts = MessageFacts {
            target: words::target(&request.names),
            rules: request.decided.based_on.clone(),
            approvers: request.decided.approvers.clone(),
        };
        let mark = json!({"event_type": MARK, "event_payload": {"id": request.id.to_string()}});
        let outgoing = Outgoing {
            channel,
            text: &drawn.text,
            blocks: &drawn.blocks,
            thread_ts: None,
            metadata: Some(mark),
            unfurl_links: false,
        };
        let before = thread.head.take();
        let meant = before.clone().unwrap_or_else(|| self.meant());
        thread.head = Some(meant.clone());
        thread.is_refused = false;
        self.inner
            .remembered
            .keep_thread(request.id, thread)
            .await?;
        let posted = match self.post_once(&outgoing, before.as_ref()).await {
            Err(error) if error.is_ours() => {
                let line = self.plain_line(request, drawn, &error);
                let plain = Outgoing {
                    text: &line,
                    blocks: &[],
                    ..outgoing
                };
                self.post_once(&plain, None).await
            }
            posted => posted,
        };
        if let Err(error) = &posted
            && !error.is_passing()
        {
            // CRASH: until this is stored, it is retried there once
            thread.is_refused = true;
            self.inner
                .remembered
                .keep_thread(request.id, thread)
                .await?;
        }
        let (ts, is_new) = posted?;
        thread.head = Some(SentMark {
            ts: Some(ts.clone()),
            ..meant
        });
        self.inner
            .remembered
            .keep_thread(request.id, thread)
            .await?;
        Ok(Some(ts).filter(|_| !is_new))
    }

    async fn update_head(
        &self,
        request: &Request,
        drawn: &Drawn,
        channel: &str,
        ts: &str,
    ) -> Result<(), SlackError> {
        let client = &self.inner.client;
        let updated = client.update(channel, ts, &drawn.text, &drawn.blocks).await;
        match updated {
            Err(error) if error.is_ours() => {
                let line = self.plain_line(request, drawn, &error);
                client.update(channel, ts, &line, &json!([])).await
            }
            updated => updated,
        }
    }

    /// Fallback for a message Slack rejects: its subject and page address.
    fn plain_line(&self, request: &Request, drawn: &Drawn, error: &SlackError) -> String {
        tracing::error!(request.id = %request.id, error = %error,
            "Slack does not take the message of a request; a line stands in for it (this is a bug)");
        let link = self.inner.setup.link(request);
        format!("{} <{link}|Open in Hallpass>", drawn.text)
    }

    pub(crate) fn meant(&self) -> SentMark {
        SentMark {
            meant_at: self.now(),
            ts: None,
        }
    }

    /// Returns the request's channel: chosen once, because messages cannot move. While Slack
    /// refuses it, today's rules choose.
    fn channel_of(&self, request: &Request, thread: &mut Thread) -> String {
        let before = thread.channel.take();
        let chosen = match &before {
            Some(channel) if !thread.is_refused => channel.clone(),
            // without a rule the channel stays: it may be private
            _ => routed(self, request)
                .or_else(|| before.clone())
                .unwrap_or_else(|| self.inner.setup.channel.clone()),
        };
        if before.is_some_and(|channel| channel != chosen) {
            // an attempt is searched where it was made, and this is another place
            thread.head = None;
        }
        thread.channel = Some(chosen.clone());
        chosen
    }

    /// Posts unless an earlier attempt succeeded with a lost answer. Returns the timestamp and
    /// whether it is new.
    pub(crate) async fn post_once(
        &self,
        outgoing: &Outgoing<'_>,
        before: Option<&SentMark>,
    ) -> Result<(String, bool), SlackError> {
        if let (Some(before), Some(mark)) = (before, &outgoing.metadata) {
            let oldest = CLOCK_SKEW.before(before.meant_at).as_second();
            let found = self
                .inner
                .client
                .find(outgoing.channel, outgoing.thread_ts, oldest, mark)
                .await;
            match found {
                Ok(Some(ts)) => return Ok((ts, false)),
                Ok(None) => {}
                Err(error) if error.is_passing() => return Err(error),
                // without history access, a duplicate is better than none
                Err(error) => tracing::debug!(error = %error, "history cannot be read"),
            }
        }
        let ts = self.inner.client.post_message(outgoing).await?;
        Ok((ts, true))
    }

    /// Replies once below a request's message. If it was deleted, required actions are posted in
    /// the channel itself.
    pub(crate) async fn reply(
        &self,
        told: &NoticeContext,
        thread: &mut Thread,
        saying: &Saying<'_>,
    ) -> Result<(), PostError> {
        let request = &told.request;
        let head = thread.head.as_ref().and_then(|head| head.ts.clone());
        let (Some(channel), Some(head)) = (thread.channel.clone(), head) else {
            return Ok(());
        };
        if !thread.is_gone {
            self.say(request.id, thread, &channel, Some(&head), saying)
                .await?;
        }
        let is_said = thread
            .said
            .get(&saying.name)
            .is_some_and(SentMark::is_there);
        if is_said || !asks_somebody(told.notice.kind()) {
            return Ok(());
        }
        // without its parent, the reply must name its subject
        let about = format!(
            "{}\n{}, {} <{}|Open in Hallpass>",
            saying.text,
            words::role_in(&request.names),
            shown(&request.requester.name, NAME_MAX),
            self.inner.setup.link(request)
        );
        let aloud = Saying {
            name: format!("{ALOUD}{}", saying.name),
            text: match saying.blocks {
                [] => &about,
                _ => saying.text,
            },
            blocks: saying.blocks,
        };
        self.say(request.id, thread, &channel, None, &aloud).await
    }

    pub(crate) async fn say(
        &self,
        id: RequestId,
        thread: &mut Thread,
        channel: &str,
        below: Option<&str>,
        saying: &Saying<'_>,
    ) -> Result<(), PostError> {
        let before = thread.said.get(&saying.name).cloned();
        if before.as_ref().is_some_and(|said| said.ts.is_some()) {
            return Ok(());
        }
        let meant = before.clone().unwrap_or_else(|| self.meant());
        thread.said.insert(saying.name.clone(), meant.clone());
        self.inner.remembered.keep_thread(id, thread).await?;
        let mark = json!({"event_type": MARK,
            "event_payload": {"id": id.to_string(), "news": saying.name}});
        let one = one_text(saying.text);
        let outgoing = Outgoing {
            channel,
            text: saying.text,
            blocks: match saying.blocks {
                [] => &one,
                blocks => blocks,
            },
            thread_ts: below,
            metadata: Some(mark),
            unfurl_links: false,
        };
        let posted = self.post_once(&outgoing, before.as_ref()).await;
        let ts = match posted {
            Ok((ts, _)) => ts,
            Err(error) if below.is_some() && error.is_gone() => {
                thread.is_gone = true;
                String::new()
            }
            Err(error) => return Err(error.into()),
        };
        let said = SentMark {
            ts: Some(ts),
            ..meant
        };
        thread.said.insert(saying.name.clone(), said);
        self.inner.remembered.keep_thread(id, thread).await?;
        Ok(())
    }

    pub(crate) async fn tell_directly(
        &self,
        id: RequestId,
        thread: &mut Thread,
        user: &UserId,
        saying: &Saying<'_>,
    ) -> Result<(), PostError> {
        let Some(user) = self.inner.people.user_of(user).await? else {
            return Ok(());
        };
        let told = match self.inner.people.direct(&user).await {
            Ok(channel) => self.say(id, thread, &channel, None, saying).await,
            Err(error) => Err(error.into()),
        };
        match told {
            // unreachable people get nothing; all others were notified
            Err(PostError::Slack(error)) if !error.is_passing() => {
                tracing::warn!(request.id = %id, error = %error, "a direct message could not be sent");
                Ok(())
            }
            told => told,
        }
    }
}

/// Returns whether a notice requires action, so that it is posted even if its parent message was
/// deleted.
fn asks_somebody(news: NoticeKind) -> bool {
    match news {
        NoticeKind::ReviewWanted | NoticeKind::Reminder | NoticeKind::BreakGlass => true,
        NoticeKind::Reviewed
        | NoticeKind::Approved
        | NoticeKind::Denied
        | NoticeKind::Rejected
        | NoticeKind::Discarded
        | NoticeKind::Expired
        | NoticeKind::Granted
        | NoticeKind::Failed
        | NoticeKind::Extended
        | NoticeKind::NotExtended
        | NoticeKind::EndsSoon
        | NoticeKind::Ended
        | NoticeKind::Stuck
        | NoticeKind::SessionsLive
        | NoticeKind::Lost
        | NoticeKind::ReviewClosed
        | NoticeKind::SetUpAgain
        | NoticeKind::GuardActed
        | NoticeKind::Adopted => false,
    }
}

/// Treats store errors as transient.
pub(crate) fn unread(error: impl Display) -> PostError {
    PostError::Memory(MemoryFault(error.to_string()))
}

pub(crate) fn not_drawn(id: RequestId, error: &PostError) {
    tracing::warn!(request.id = %id, error = %error, "a message could not be redrawn");
}

fn fingerprint(blocks: &[Block]) -> String {
    let bytes = serde_json::to_vec(blocks).unwrap_or_else(|_| Value::Null.to_string().into_bytes());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    hex::encode(digest.as_ref())
}

/// Names a post: one per notice, regardless of redelivery.
pub(crate) fn said_as(news: &str, at: Timestamp) -> String {
    format!("{news}@{}", at.as_millisecond())
}

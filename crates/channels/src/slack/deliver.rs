//! What is posted: one message per request, drawn anew from what is stored, with replies below it.
//! What is to be posted is remembered before it is, so that a lost answer makes no second message.

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

/// What we post is marked with this, to find it again.
const MARK: &str = "hallpass_request";
/// What the names of sayings in the channel itself begin with.
pub(crate) const ALOUD: &str = "channel:";
/// How often a message is drawn at most while what it shows goes on changing.
const DRAWN_MAX: usize = 3;
/// Slack's clock and ours may differ by this much.
const CLOCK_SKEW: TimeSpan = TimeSpan::minutes(5);

/// Why something was not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostError {
    #[error(transparent)]
    Slack(#[from] SlackError),
    #[error(transparent)]
    Memory(#[from] MemoryFault),
}

impl PostError {
    /// Whether the same may work later without anybody doing something about it.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Slack(error) => error.is_passing(),
            Self::Memory(_) => true,
        }
    }
}

/// What is to be said once.
pub(crate) struct Saying<'a> {
    /// Its name within the request.
    pub(crate) name: String,
    /// The words.
    pub(crate) text: &'a str,
    /// With parts of its own.
    pub(crate) blocks: &'a [Block],
}

impl Slack {
    /// Draws the request's message as it is now stored, if one was posted; best effort: the news
    /// that follows every change does it again.
    pub(crate) async fn redraw(&self, id: RequestId) {
        if let Err(error) = self.drawn_anew(id).await {
            not_drawn(id, &error);
        }
    }

    /// Draws the request's message as it is now stored, if one was posted.
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
                // another server may have drawn it before our older state went over it
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

    /// Posts the message of a request, or draws it anew when it shows something else. The caller
    /// holds the request's lock.
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

    /// Posts the message; its timestamp when it had been posted before, by an attempt whose answer
    /// was lost, and is still to be drawn.
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
            // CRASH: until this is kept, it is tried there once more
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

    /// Draws the message anew.
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

    /// What stands in for a message that Slack does not take as we draw it: what it is about, and
    /// the way to its page.
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

    /// Where a request is posted: chosen once, for a message cannot move. While Slack refuses to
    /// post it, the rules say where, as they are now.
    fn channel_of(&self, request: &Request, thread: &mut Thread) -> String {
        let before = thread.channel.take();
        let chosen = match &before {
            Some(channel) if !thread.is_refused => channel.clone(),
            // whom no rule sends anywhere any more stays where they were: that channel may be private
            _ => routed(self, request)
                .or_else(|| before.clone())
                .unwrap_or_else(|| self.inner.setup.channel.clone()),
        };
        if before.is_some_and(|channel| channel != chosen) {
            // an attempt is looked for where it was made, and this is another place
            thread.head = None;
        }
        thread.channel = Some(chosen.clone());
        chosen
    }

    /// Posts, unless an attempt before succeeded without our hearing of it. Returns the message's
    /// timestamp, and whether it was posted just now.
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
                // without leave to read history, a second message is better than none
                Err(error) => tracing::debug!(error = %error, "history cannot be looked at"),
            }
        }
        let ts = self.inner.client.post_message(outgoing).await?;
        Ok((ts, true))
    }

    /// Says something below a request's message, once. Where somebody deleted that, what people
    /// have to act on is said in the channel itself.
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
        // without the message above it, it says itself what it is about
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

    /// Says something in a channel or direct message, once.
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

    /// Tells one person in their direct message, once.
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
            // somebody who cannot be written to hears nothing; everybody else has heard
            Err(PostError::Slack(error)) if !error.is_passing() => {
                tracing::warn!(request.id = %id, error = %error, "a direct message could not be sent");
                Ok(())
            }
            told => told,
        }
    }
}

/// Whether news is for people who have to do something about it, so that it is told although
/// somebody deleted the message that it belongs below.
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

/// What our own store does not say passes, as what Slack's memory does not.
pub(crate) fn unread(error: impl Display) -> PostError {
    PostError::Memory(MemoryFault(error.to_string()))
}

/// Says in the log that a message shows an older state.
pub(crate) fn not_drawn(id: RequestId, error: &PostError) {
    tracing::warn!(request.id = %id, error = %error, "a message could not be drawn anew");
}

fn fingerprint(blocks: &[Block]) -> String {
    let bytes = serde_json::to_vec(blocks).unwrap_or_else(|_| Value::Null.to_string().into_bytes());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    hex::encode(digest.as_ref())
}

/// The name of a saying: one per piece of news, however often it is delivered.
pub(crate) fn said_as(news: &str, at: Timestamp) -> String {
    format!("{news}@{}", at.as_millisecond())
}

//! Break-glass: a listed requester takes access now, reviewed later (`access.md` §17). The journey
//! decides permission.

use crate::wording::{ChannelStyle as _, SlackStyle, notice, refused};
use hallpass_access::{AccessError, ActionRefused, Request};
use hallpass_base::RequestId;

use crate::slack::app::Slack;
use crate::slack::asking::{FormOutcome, idempotency, opened};
use crate::slack::blocks::{Block, SlackView, button, section};
use crate::slack::deliver::{ALOUD, PostError, Saying};
use crate::slack::ids;
use crate::slack::inbound::{Press, SubmittedForm};
use crate::slack::memory::Thread;
use crate::slack::modal;
use crate::slack::person::KnownPerson;
use crate::slack::presses::{pressed_once, routed};
use crate::slack::refusals::NO_SUCH;
use crate::slack::words;

impl Slack {
    /// Offers the button to permitted requesters, visible only to them.
    pub(crate) fn offer_glass_later(&self, request: &Request, known: &KnownPerson) {
        let (app, request, known) = (self.clone(), request.clone(), known.clone());
        self.later(async move {
            let presses = app
                .inner
                .access
                .break_glass_offers(&known.actor, &request)
                .await;
            if !presses.is_ok_and(|presses| presses.break_glass.is_ok()) {
                return;
            }
            let user = known.slack.id;
            if let Err(error) = app.offer_glass(&request, &user).await {
                tracing::warn!(request.id = %request.id, error = %error,
                    "the button to break the glass could not be shown");
            }
        });
    }

    async fn offer_glass(&self, request: &Request, user: &str) -> Result<(), PostError> {
        let text = format!(
            "{} waits for approval. In an emergency you can take it now.",
            words::role_in(&request.names)
        );
        let blocks = [
            section(ids::CONTENT, text.clone()),
            Block::Actions {
                block_id: ids::BUTTONS.to_owned(),
                elements: vec![modal::glass_button(request)],
            },
        ];
        let channel = routed(self, request).unwrap_or_else(|| self.inner.setup.channel.clone());
        let client = &self.inner.client;
        if self.inner.people.is_member(&channel, user).await? {
            match client.whisper_with(&channel, user, &text, &blocks).await {
                // Slack's answer about channel members may be wrong
                Err(error) if !error.is_passing() => {}
                whispered => return Ok(whispered?),
            }
        }
        let lock = self.inner.remembered.lock(request.id);
        let _one_hand = lock.lock().await;
        let mut thread = self.inner.remembered.thread(request.id).await?;
        let saying = Saying {
            name: "direct:glass".to_owned(),
            text: &text,
            blocks: &blocks,
        };
        let user = &request.requester.user;
        self.tell_directly(request.id, &mut thread, user, &saying)
            .await
    }

    /// Opens the justification form; the journey refuses and records unauthorized presses.
    pub(crate) async fn open_glass(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        let access = &self.inner.access;
        let request = match self.stored(id).await {
            Ok(Some((request, _))) => request,
            Ok(None) => return self.tell_presser(press, NO_SUCH).await,
            Err(error) => {
                let words = self.trouble("reading a request", &error);
                return self.tell_presser(press, &words).await;
            }
        };
        let presses = access.break_glass_offers(&known.actor, &request).await;
        if presses.is_ok_and(|presses| presses.break_glass.is_ok()) {
            // notifies all approvers of today's rules
            let approvers = access.told_of_broken_glass(&request);
            let warnings = access.warnings_of_broken_glass(&request);
            let view = modal::break_glass(&request, approvers, &warnings);
            return self.show_form(press, &view).await;
        }
        // without a justification nothing is granted, despite any change
        let once = pressed_once(press);
        let refused = access.break_glass(&known.actor, id, "", Some(&once)).await;
        self.refused(press, id, known, refused).await;
    }

    /// Opens the review form; the journey refuses and records unauthorized presses.
    pub(crate) async fn open_review(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        let access = &self.inner.access;
        let may_close = async {
            let Some((request, _)) = self.stored(id).await? else {
                return Ok::<_, AccessError>(None);
            };
            let presses = access.break_glass_offers(&known.actor, &request).await?;
            Ok(presses.close_review.is_ok().then_some(request))
        };
        match may_close.await {
            Ok(Some(request)) => {
                return self.show_form(press, &modal::close_review(&request)).await;
            }
            Ok(None) => {}
            // no review text yet, so it stays open
            Err(error) => {
                let words = self.refusal_of(press, id, &error, Some(known)).await;
                return self.tell_presser(press, &words).await;
            }
        }
        let once = pressed_once(press);
        let refused = access
            .close_review(&known.actor, id, None, Some(&once))
            .await;
        self.refused(press, id, known, refused).await;
    }

    async fn refused(
        &self,
        press: &Press,
        id: RequestId,
        known: &KnownPerson,
        outcome: Result<Request, AccessError>,
    ) {
        if let Err(error) = outcome {
            let words = self.refusal_of(press, id, &error, Some(known)).await;
            self.tell_presser(press, &words).await;
        }
        self.redraw(id).await;
    }

    async fn show_form(&self, press: &Press, view: &SlackView) {
        let client = &self.inner.client;
        opened(match &press.view {
            // an open window is updated
            Some(form) => client.update_view(&form.id, view).await,
            None => client.open_view(&press.trigger, view).await.map(drop),
        });
    }

    pub(crate) async fn break_glass(&self, form: &SubmittedForm, by: &KnownPerson) -> FormOutcome {
        let Ok(id) = form.metadata.parse::<RequestId>() else {
            return FormOutcome::Says("Not possible", NO_SUCH.to_owned());
        };
        let justification = form.value(ids::REASON, ids::REASON_ACTION);
        let justification = justification.unwrap_or_default();
        let once = idempotency(form, justification);
        let access = &self.inner.access;
        let taken = access
            .break_glass(&by.actor, id, justification, Some(&once))
            .await;
        if let Err(AccessError::Refused(ActionRefused::Justification { characters })) = taken {
            return FormOutcome::error(ids::REASON, refused::justification(characters));
        }
        self.pressed(id, ids::BREAK_GLASS, by, taken).await
    }

    pub(crate) async fn close_review(&self, form: &SubmittedForm, by: &KnownPerson) -> FormOutcome {
        let Ok(id) = form.metadata.parse::<RequestId>() else {
            return FormOutcome::Says("Not possible", NO_SUCH.to_owned());
        };
        let found = form.value(ids::REASON, ids::REASON_ACTION);
        let once = idempotency(form, found.unwrap_or_default());
        let access = &self.inner.access;
        let closed = access.close_review(&by.actor, id, found, Some(&once)).await;
        self.pressed(id, ids::CLOSE_REVIEW, by, closed).await
    }

    async fn pressed(
        &self,
        id: RequestId,
        action: &str,
        known: &KnownPerson,
        outcome: Result<Request, AccessError>,
    ) -> FormOutcome {
        self.redraw_later(id);
        match outcome {
            Ok(_) => FormOutcome::Close,
            Err(error) => {
                let words = self.refusal(id, action, &error, Some(known)).await;
                FormOutcome::Says("Not possible", words)
            }
        }
    }

    /// Renders a break-glass notice, with the review button while open. `asked` mentions those who
    /// can close it.
    pub(crate) fn broken_blocks(
        &self,
        request: &Request,
        asked: &[String],
    ) -> (String, Vec<Block>) {
        let directory = self.inner.access.directory();
        let style = SlackStyle {
            directory: &directory,
            zone: &self.inner.setup.zone,
            seen_from: self.now(),
        };
        let story = notice::slack::break_glass_story(request, &style);
        let mut blocks = vec![section(ids::CONTENT, story.clone())];
        let review = request.after_review.as_ref();
        if let Some(closing) = review.and_then(|review| review.closed.as_ref()) {
            let by = style.person(&closing.by);
            let told = format!("{by} closed the review.");
            blocks.push(section("closed", told.clone()));
            return (format!("{story} {told}"), blocks);
        }
        let asks = notice::slack::closes_the_review(asked);
        blocks.push(section("asked", asks.clone()));
        let id = request.id.to_string();
        blocks.push(Block::Actions {
            block_id: ids::BUTTONS.to_owned(),
            elements: vec![button(ids::CLOSE_REVIEW, "Close review…", id, None)],
        });
        (format!("{story} {asks}"), blocks)
    }

    /// Removes the button of a closed review.
    pub(crate) async fn redraw_broken(
        &self,
        request: &Request,
        thread: &Thread,
    ) -> Result<(), PostError> {
        let said = thread.said.iter();
        let broken = said.filter(|(name, said)| {
            let news = name.strip_prefix(ALOUD).unwrap_or(name);
            news.starts_with("break_glass@") && said.is_there()
        });
        let Some(channel) = &thread.channel else {
            return Ok(());
        };
        let (text, blocks) = self.broken_blocks(request, &[]);
        for ts in broken.filter_map(|(_, said)| said.ts.as_deref()) {
            let client = &self.inner.client;
            match client.update(channel, ts, &text, &blocks).await {
                // message deleted: there is no button
                Err(error) if !error.is_passing() => {
                    tracing::warn!(request.id = %request.id, error = %error,
                        "a button could not be taken away");
                }
                updated => updated?,
            }
        }
        Ok(())
    }
}

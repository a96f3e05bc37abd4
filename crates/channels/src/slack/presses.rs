//! Buttons: the journey decides permission at the press; only the presser sees the answer
//! (`access.md` §11.4).

use crate::wording::{grants, time};
use hallpass_access::{
    AccessError, ActionRefused, Grant, GrantFilter, GrantPresses, GrantStateKind, Idempotency,
    LengthLimits, Presses, Request, RequestFilter, RequestStateKind, RequestView,
    last_credentials_until, question,
};
use hallpass_base::{GrantId, RequestId};
use hallpass_rules::Decision;
use serde_json::Value;

use crate::slack::app::Slack;
use crate::slack::asking::{capital, opened};
use crate::slack::ids;
use crate::slack::inbound::{Press, SlackActor};
use crate::slack::mine::{self, Mine};
use crate::slack::modal;
use crate::slack::person::{KnownPerson, Unknown};
use crate::slack::refusals::NO_SUCH;
use crate::slack::words::{self, names_of};

/// Button values of messages older than Hallpass.
const LEGACY: [&str; 2] = ["approve", "discard"];
const LEGACY_WORDS: &str = "This message is from before Hallpass. Request again with /access.";
const MINE_MAX: usize = 30;

struct HeldAndWaiting {
    grants: Vec<(Grant, GrantPresses)>,
    waiting: Vec<(Request, Presses)>,
    is_all: bool,
}

impl Slack {
    pub(crate) async fn press(&self, press: &Press) {
        if LEGACY.contains(&press.value.as_str()) {
            self.legacy(press).await;
            return;
        }
        if let ids::REMEDIATION_APPROVE | ids::REMEDIATION_DECLINE = press.action.as_str() {
            return self.press_remediation(press).await;
        }
        let Ok(id) = press.value.parse::<RequestId>() else {
            self.tell_presser(press, NO_SUCH).await;
            return;
        };
        let known = match self.inner.people.find(&press.by).await {
            Ok(known) => known,
            Err(unknown) => {
                unknown.log(&press.action, &press.value);
                let others = self.deciders(id, press).await;
                let words = self.unknown(&unknown, &others);
                self.tell_presser(press, &words).await;
                if let Unknown::Foreign | Unknown::Nobody | Unknown::Ambiguous = unknown {
                    self.redraw(id).await;
                }
                return;
            }
        };
        self.inner.people.acted(&known).await;
        match press.action.as_str() {
            ids::APPROVE if self.is_warned(id).await => self.open_approve(press, id, &known).await,
            ids::APPROVE | ids::DISCARD => self.decide(press, id, &known).await,
            ids::APPROVE_WITH => self.open_approve(press, id, &known).await,
            ids::DENY => self.ask_why(press, id, &known).await,
            ids::RELEASE => self.release(press, id, &known).await,
            ids::EXTEND => self.open_extend(press, id, &known).await,
            ids::BREAK_GLASS => self.open_glass(press, id, &known).await,
            ids::CLOSE_REVIEW => self.open_review(press, id, &known).await,
            other => tracing::warn!(action = other, "an unknown button"),
        }
    }

    async fn is_warned(&self, id: RequestId) -> bool {
        match self.stored(id).await {
            Ok(Some((request, _))) => !self.inner.access.warnings_to_confirm(&request).is_empty(),
            // the press itself reports the error
            Ok(None) | Err(_) => false,
        }
    }

    /// Answers presses on the original's messages and removes their buttons, unread.
    async fn legacy(&self, press: &Press) {
        self.tell_presser(press, LEGACY_WORDS).await;
        let (Some(place), Value::Array(blocks)) = (&press.place, &press.blocks) else {
            return;
        };
        let rest: Vec<&Value> = blocks
            .iter()
            .filter(|block| block.get("type").and_then(Value::as_str) != Some("actions"))
            .collect();
        let updated = self
            .inner
            .client
            .update(&place.channel, &place.ts, LEGACY_WORDS, &rest);
        if let Err(error) = updated.await {
            tracing::warn!(error = %error, "buttons of an old message could not be removed");
        }
    }

    async fn decide(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        let once = pressed_once(press);
        let access = &self.inner.access;
        let outcome = if press.action == ids::APPROVE {
            access.approve(&known.actor, id, Some(&once)).await
        } else {
            access.discard(&known.actor, id, Some(&once)).await
        };
        match outcome {
            Ok(_) if press.view.is_some() => {
                self.redraw(id).await;
                self.show_mine_again(press, known, "The request is discarded.")
                    .await;
            }
            Ok(_) => self.redraw(id).await,
            Err(error) => {
                let words = self.refusal_of(press, id, &error, Some(known)).await;
                self.tell_presser(press, &words).await;
                self.redraw(id).await;
            }
        }
    }

    /// Opens the denial form; refuses unauthorized users immediately.
    async fn ask_why(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        match self.may_deny(id, known).await {
            Ok(Some(request)) => {
                let view = modal::deny(&request);
                let client = &self.inner.client;
                return opened(client.open_view(&press.trigger, &view).await.map(drop));
            }
            Ok(None) => {}
            Err(error) => {
                let words = self.refusal_of(press, id, &error, Some(known)).await;
                return self.tell_presser(press, &words).await;
            }
        }
        // refused by the journey, which records the press
        let access = &self.inner.access;
        let denied = access
            .deny(&known.actor, id, None, Some(&pressed_once(press)))
            .await;
        if let Err(error) = denied {
            let words = self.refusal_of(press, id, &error, Some(known)).await;
            self.tell_presser(press, &words).await;
        }
        self.redraw(id).await;
    }

    async fn may_deny(
        &self,
        id: RequestId,
        known: &KnownPerson,
    ) -> Result<Option<Request>, AccessError> {
        let access = &self.inner.access;
        let request = match access.request(&known.actor, id).await {
            Err(AccessError::NotFound(_)) => return Ok(None),
            found => found?,
        };
        let presses = access.presses(&known.actor, &request).await?;
        Ok(opens(&presses.deny).then_some(request))
    }

    async fn release(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        // the journey refuses and records presses by users who may not see it
        let grant = match self.led_to(id).await {
            Ok(grant) => grant,
            Err(words) => return self.tell_presser(press, &words).await,
        };
        let released = self
            .inner
            .access
            .release(&known.actor, grant, Some(&pressed_once(press)))
            .await;
        let words = match released {
            Ok(grant) => self.given_back(&grant, known),
            Err(AccessError::NotFound(_)) => NO_SUCH.to_owned(),
            Err(error) => self.refusal_of(press, id, &error, Some(known)).await,
        };
        if press.view.is_some() {
            self.show_mine_again(press, known, &words).await;
        } else if let (Some(place), true) = (&press.place, is_direct(press)) {
            let block = [crate::slack::blocks::section("said", words.clone())];
            let updated = self
                .inner
                .client
                .update(&place.channel, &place.ts, &words, &block)
                .await;
            if updated.is_err() {
                self.tell_presser(press, &words).await;
            }
        } else {
            self.tell_presser(press, &words).await;
        }
        self.redraw(id).await;
    }

    fn given_back(&self, grant: &Grant, known: &KnownPerson) -> String {
        let said = format!("Ended early: {}.", words::target(&grant.names));
        let (now, directory) = (self.now(), self.inner.access.directory());
        let until = last_credentials_until(grant, &directory, now);
        match until.filter(|_| !grant.standing) {
            Some(until) => {
                let until = time::clock(until, now, &self.zone_of(known));
                let after = grants::work_until(grants::YOUR_CREDENTIALS, &until);
                format!("{said} {after}")
            }
            None => said,
        }
    }

    async fn open_extend(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        let grant = match self.led_to(id).await {
            Ok(grant) => grant,
            Err(words) => return self.tell_presser(press, &words).await,
        };
        let grant = match self.inner.access.extendable(&known.actor, grant).await {
            Ok(grant) => grant,
            Err(error) => {
                let words = match error {
                    AccessError::NotFound(_) => NO_SUCH.to_owned(),
                    error => self.refusal_of(press, id, &error, Some(known)).await,
                };
                return self.tell_presser(press, &words).await;
            }
        };
        if let Some(why) = self.inner.access.obstacle() {
            return self.tell_presser(press, &capital(&why.to_string())).await;
        }
        let (now, zone) = (self.now(), self.zone_of(known));
        let decision = self.decision_on(&grant);
        let limits = LengthLimits::of(decision.as_ref(), self.inner.access.settings());
        let ends = limits.later_ends(grant.ends_at, now);
        if ends.is_empty() {
            let until = time::clock(grant.ends_at, now, &zone);
            let words = format!(
                "You hold this until {until} already, and {} from now is the longest there is.",
                limits.longest()
            );
            return self.tell_presser(press, &words).await;
        }
        let warnings = decision.map(|it| it.warnings).unwrap_or_default();
        let page = self.inner.setup.page_of(&grant);
        let view = modal::extend(&grant, &ends, &warnings, &page, now, &zone);
        let shown = match &press.view {
            Some(form) => self.inner.client.update_view(&form.id, &view).await,
            None => self
                .inner
                .client
                .open_view(&press.trigger, &view)
                .await
                .map(drop),
        };
        opened(shown);
    }

    fn decision_on(&self, grant: &Grant) -> Option<Decision> {
        let question = question(&grant.key.target, &grant.names)?;
        let access = &self.inner.access;
        Some(access.decide(grant.holder.principal(), &question))
    }

    /// Returns a request's grant without a permission check.
    async fn led_to(&self, id: RequestId) -> Result<GrantId, String> {
        let stored = self.stored(id).await;
        let stored = stored.map_err(|error| self.trouble("reading a request", &error))?;
        match stored {
            Some((_, Some(grant))) => Ok(grant.id),
            _ => Err(NO_SUCH.to_owned()),
        }
    }

    pub(crate) async fn open_mine(&self, by: &SlackActor, trigger: &str) {
        let view = match self.inner.people.find(by).await {
            Ok(known) => self.mine(&known, None).await,
            Err(unknown) => modal::sentence("My access", &self.unknown(&unknown, &[])),
        };
        opened(self.inner.client.open_view(trigger, &view).await.map(drop));
    }

    async fn show_mine_again(&self, press: &Press, known: &KnownPerson, said: &str) {
        let Some(form) = &press.view else { return };
        let view = self.mine(known, Some(said)).await;
        opened(self.inner.client.update_view(&form.id, &view).await);
    }

    async fn mine(
        &self,
        known: &KnownPerson,
        said: Option<&str>,
    ) -> crate::slack::blocks::SlackView {
        match self.held_and_waiting(known).await {
            Ok(all) => mine::mine(&Mine {
                grants: &all.grants,
                waiting: &all.waiting,
                is_all: all.is_all,
                said,
                now: self.now(),
                zone: &self.zone_of(known),
                link: &self.inner.setup.public_url,
            }),
            Err(error) => modal::sentence(
                "My access",
                &self.trouble("reading a user's access", &error),
            ),
        }
    }

    async fn held_and_waiting(&self, known: &KnownPerson) -> Result<HeldAndWaiting, AccessError> {
        let access = &self.inner.access;
        let live = GrantFilter {
            states: GrantStateKind::HOLDING.to_vec(),
            holder: known.actor.user.clone(),
            ..GrantFilter::default()
        };
        let pending = RequestFilter {
            state: Some(RequestStateKind::Pending),
            ..RequestFilter::default()
        };
        let held = access.grants(&known.actor, &live, MINE_MAX).await?;
        let asked = access
            .requests(&known.actor, RequestView::Mine, &pending, MINE_MAX)
            .await?;
        let is_all = held.next.is_none() && asked.next.is_none();
        let offers = access.grant_offers(&known.actor).await?;
        let grants = held.rows.into_iter().map(|grant| {
            let presses = offers.on(&grant);
            (grant, presses)
        });
        let mut waiting = Vec::with_capacity(asked.rows.len());
        for request in asked.rows {
            match access.presses(&known.actor, &request).await {
                Ok(presses) => waiting.push((request, presses)),
                // an unreadable entry hides no other
                Err(AccessError::Read(error)) => {
                    tracing::warn!(request.id = %request.id, error = %error, "a request is not shown among its requester's");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(HeldAndWaiting {
            grants: grants.collect(),
            waiting,
            is_all,
        })
    }

    pub(crate) async fn tell_presser(&self, press: &Press, words: &str) {
        let client = &self.inner.client;
        if let Some(form) = press.view.as_ref().filter(|_| press.place.is_none()) {
            let view = modal::sentence("My access", words);
            return opened(client.update_view(&form.id, &view).await);
        }
        let Some(place) = &press.place else { return };
        let whispered = client.whisper(&place.channel, &press.by.user, words).await;
        let Err(error) = whispered else { return };
        let Some(url) = &press.response_url else {
            tracing::warn!(error = %error, "a presser could not be notified");
            return;
        };
        if let Err(error) = client.respond(url, words).await {
            tracing::warn!(error = %error, "a presser could not be notified");
        }
    }

    async fn deciders(&self, id: RequestId, press: &Press) -> Vec<String> {
        if !self.is_on_its_message(id, press).await {
            return Vec::new();
        }
        let directory = self.inner.access.directory();
        match self.stored(id).await {
            Ok(Some((request, _))) => {
                let deciders: Vec<_> = request.deciders().into_iter().collect();
                names_of(&deciders, &directory)
            }
            Ok(None) | Err(_) => Vec::new(),
        }
    }

    /// Returns whether the button is on the request's posted message, whose content the presser can
    /// read anyway.
    pub(crate) async fn is_on_its_message(&self, id: RequestId, press: &Press) -> bool {
        let Ok(thread) = self.inner.remembered.thread(id).await else {
            return false;
        };
        let Some(place) = &press.place else {
            return false;
        };
        let mut ours = thread.head.iter().chain(thread.said.values());
        thread.channel.as_ref() == Some(&place.channel)
            && ours.any(|said| said.ts.as_ref() == Some(&place.ts))
    }
}

/// Returns whether a press opens a window; the journey decides on submission, also about currently
/// unknown facts.
pub(crate) fn opens(press: &Result<(), ActionRefused>) -> bool {
    press
        .as_ref()
        .err()
        .is_none_or(|why| why.retry_after().is_some())
}

fn is_direct(press: &Press) -> bool {
    press
        .place
        .as_ref()
        .is_some_and(|place| place.channel.starts_with('D'))
}

/// Slack may repeat a press; the journey executes it once.
pub(crate) fn pressed_once(press: &Press) -> Idempotency {
    let at = press
        .place
        .as_ref()
        .map(|place| place.ts.as_str())
        .unwrap_or_default();
    let key = format!(
        "slack:{}:{}:{}:{at}",
        press.action, press.value, press.action_ts
    );
    Idempotency {
        fingerprint: key.clone(),
        key,
    }
}

pub(crate) fn routed(slack: &Slack, request: &Request) -> Option<String> {
    let question = request.question()?;
    slack
        .inner
        .access
        .decide(request.requester.principal(), &question)
        .slack_channel
}

//! Approving with a comment or for a shorter time, by form (`access.md` §3.7).

use crate::wording::names;
use hallpass_access::{AccessError, ActionRefused, Approving, RuleWarning};
use hallpass_base::{RequestId, TimeSpan};

use crate::slack::app::Slack;
use crate::slack::asking::{FormOutcome, idempotency, opened, seconds};
use crate::slack::ids;
use crate::slack::inbound::{Press, SubmittedForm};
use crate::slack::modal;
use crate::slack::person::KnownPerson;
use crate::slack::presses::{opens, pressed_once};
use crate::slack::refusals::NO_SUCH;
use crate::slack::warned;

impl Slack {
    /// Opens the approval form; refuses unauthorized users immediately.
    pub(crate) async fn open_approve(&self, press: &Press, id: RequestId, known: &KnownPerson) {
        let access = &self.inner.access;
        if let Ok(request) = access.request(&known.actor, id).await
            && let Ok(presses) = access.presses(&known.actor, &request).await
            && opens(&presses.approve)
        {
            let warnings = access.warnings_to_confirm(&request);
            let page = self.inner.setup.link(&request);
            let view = modal::approve(&request, &presses.shorter, &warnings, &page);
            let shown = self.inner.client.open_view(&press.trigger, &view).await;
            return opened(shown.map(drop));
        }
        // refused by the journey, which records the press; duration zero approves nothing despite
        // any change
        let nothing = Approving {
            duration: Some(TimeSpan::ZERO),
            ..Approving::default()
        };
        let once = pressed_once(press);
        let approved = access.approve_with(&known.actor, id, nothing, Some(&once));
        if let Err(error) = approved.await {
            let words = self.refusal_of(press, id, &error, Some(known)).await;
            self.tell_presser(press, &words).await;
        }
        self.redraw(id).await;
    }

    pub(crate) async fn approve(&self, form: &SubmittedForm, known: &KnownPerson) -> FormOutcome {
        let Ok(id) = form.metadata.parse::<RequestId>() else {
            return FormOutcome::Says("Not possible", NO_SUCH.to_owned());
        };
        let chosen = form.value(ids::DURATION, ids::DURATION_ACTION);
        let comment = form.value(ids::REASON, ids::REASON_ACTION);
        let Some(duration) = chosen.and_then(seconds) else {
            return FormOutcome::error(ids::DURATION, "Choose how long.");
        };
        let confirmed = warned::ticked(form);
        let approving = Approving {
            seen: None,
            comment,
            duration: Some(duration),
            confirmed: &confirmed,
        };
        let content = format!("{duration} {} {confirmed:?}", comment.unwrap_or_default());
        let once = idempotency(form, &content);
        let access = &self.inner.access;
        let approved = access
            .approve_with(&known.actor, id, approving, Some(&once))
            .await;
        self.redraw_later(id);
        match approved {
            Ok(_) => FormOutcome::Close,
            Err(AccessError::Refused(why @ ActionRefused::LongText { .. })) => {
                FormOutcome::error(ids::REASON, names::sentence(&why.to_string()))
            }
            Err(AccessError::Refused(why @ ActionRefused::ApprovedLength { .. })) => {
                FormOutcome::error(ids::DURATION, names::sentence(&why.to_string()))
            }
            // the warnings changed meanwhile
            Err(AccessError::Refused(ActionRefused::WarningsUnconfirmed { warnings })) => {
                self.approve_again(id, known, &warnings).await
            }
            Err(error) => {
                let words = self.refusal(id, ids::APPROVE, &error, Some(known)).await;
                FormOutcome::Says("Not possible", words)
            }
        }
    }

    /// Shows the form with current warnings.
    async fn approve_again(
        &self,
        id: RequestId,
        known: &KnownPerson,
        missing: &[RuleWarning],
    ) -> FormOutcome {
        let access = &self.inner.access;
        let Ok(request) = access.request(&known.actor, id).await else {
            return FormOutcome::Says("Not possible", NO_SUCH.to_owned());
        };
        let shorter = match access.presses(&known.actor, &request).await {
            Ok(presses) => presses.shorter,
            Err(error) => {
                return FormOutcome::Says("Not possible", self.trouble("a press", &error));
            }
        };
        let mut warnings = access.warnings_to_confirm(&request);
        RuleWarning::add_each_once(&mut warnings, missing.iter().cloned());
        let page = self.inner.setup.link(&request);
        let view = modal::approve(&request, &shorter, &warnings, &page);
        FormOutcome::Again(Box::new(view))
    }
}

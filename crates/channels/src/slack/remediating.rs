//! Approving and declining remediations (`organization.md` R-3): the journey decides at the press,
//! exactly as on its page.

use crate::wording::{PlainStyle, dialogs, remediation};
use hallpass_access::{AccessError, ActionRefused, RemediationView};
use hallpass_findings::remediation::{RemediationId, RemediationPhase};
use serde::{Deserialize, Serialize};

use crate::slack::app::Slack;
use crate::slack::asking::{FormOutcome, capital, idempotency, opened};
use crate::slack::blocks::{Element, Style, button};
use crate::slack::ids;
use crate::slack::inbound::{MessagePlace, Press, SubmittedForm};
use crate::slack::modal;
use crate::slack::person::KnownPerson;
use crate::slack::presses::pressed_once;

const NO_SUCH: &str = "There is no such remediation, or it is not yours to see.";

#[derive(Serialize, Deserialize)]
struct Declining {
    id: String,
    channel: String,
    ts: String,
}

pub(crate) fn remediation_buttons(id: &RemediationId) -> Vec<Element> {
    let id = id.to_string();
    vec![
        button(
            ids::REMEDIATION_APPROVE,
            "Approve",
            id.clone(),
            Some(Style::Primary),
        ),
        button(ids::REMEDIATION_DECLINE, "Decline…", id, None),
    ]
}

impl Slack {
    pub(crate) fn remediation_link(&self, id: &RemediationId) -> String {
        let url = &self.inner.setup.public_url;
        format!("<{url}/remediations/{id}|Open in Hallpass>")
    }

    pub(crate) async fn press_remediation(&self, press: &Press) {
        let Some(id) = RemediationId::read(&press.value) else {
            return self.tell_presser(press, NO_SUCH).await;
        };
        let known = match self.inner.people.find(&press.by).await {
            Ok(known) => known,
            Err(unknown) => {
                unknown.log(&press.action, &press.value);
                let words = self.unknown(&unknown, &[]);
                return self.tell_presser(press, &words).await;
            }
        };
        self.inner.people.acted(&known).await;
        if press.action == ids::REMEDIATION_DECLINE {
            return self.ask_why_not(press, &id, &known).await;
        }
        let access = &self.inner.access;
        let once = pressed_once(press);
        let approved = access.approve_remediation(&known.actor, &id, "", Some(&once));
        match approved.await {
            Ok(it) => self.show_decided(press.place.as_ref(), &it).await,
            Err(error) => {
                let words = self.remediation_refusal(&error);
                self.tell_presser(press, &words).await;
                self.show_if_decided(press, &id, &known).await;
            }
        }
    }

    /// Opens the reason form; refuses unauthorized users immediately.
    async fn ask_why_not(&self, press: &Press, id: &RemediationId, known: &KnownPerson) {
        let access = &self.inner.access;
        let view = match access.remediation(&known.actor, id).await {
            Ok(view) if view.may_decide => view,
            Ok(view) => {
                let words = may_not(&view);
                self.tell_presser(press, &words).await;
                return self.show_if_decided(press, id, known).await;
            }
            Err(error) => {
                let words = self.remediation_refusal(&error);
                return self.tell_presser(press, &words).await;
            }
        };
        let place = press.place.as_ref();
        let carried = Declining {
            id: id.to_string(),
            channel: place.map(|it| it.channel.clone()).unwrap_or_default(),
            ts: place.map(|it| it.ts.clone()).unwrap_or_default(),
        };
        let metadata = serde_json::to_string(&carried).unwrap_or_default();
        let about = remediation::question(&view.item, &PlainStyle);
        let form = modal::decline_remediation(&about, metadata);
        let shown = self.inner.client.open_view(&press.trigger, &form).await;
        opened(shown.map(drop));
    }

    pub(crate) async fn decline_remediation(
        &self,
        form: &SubmittedForm,
        known: &KnownPerson,
    ) -> FormOutcome {
        let carried: Option<Declining> = serde_json::from_str(&form.metadata).ok();
        let found = carried.and_then(|it| Some((RemediationId::read(&it.id)?, it)));
        let Some((id, carried)) = found else {
            return FormOutcome::Says("Not possible", NO_SUCH.to_owned());
        };
        let reason = form.value(ids::REASON, ids::REASON_ACTION);
        let reason = reason.unwrap_or_default();
        let once = idempotency(form, reason);
        let access = &self.inner.access;
        let declined = access
            .decline_remediation(&known.actor, &id, reason, Some(&once))
            .await;
        match declined {
            Ok(it) => {
                let place = MessagePlace {
                    channel: carried.channel,
                    ts: carried.ts,
                };
                let app = self.clone();
                self.later(async move { app.show_decided(Some(&place), &it).await });
                FormOutcome::Close
            }
            Err(AccessError::Refused(ActionRefused::ReasonMissing)) => {
                FormOutcome::error(ids::REASON, dialogs::REASON_MISSING.to_owned())
            }
            Err(error) => FormOutcome::Says("Not possible", self.remediation_refusal(&error)),
        }
    }

    fn remediation_refusal(&self, error: &AccessError) -> String {
        match error {
            AccessError::Refused(why) => capital(&why.to_string()),
            AccessError::NotFound(_) => NO_SUCH.to_owned(),
            AccessError::KeyReused
            | AccessError::TargetCount(_)
            | AccessError::Directory(_)
            | AccessError::Read(_)
            | AccessError::Commit(_) => self.trouble("a press", error),
        }
    }

    async fn show_if_decided(&self, press: &Press, id: &RemediationId, known: &KnownPerson) {
        let seen = self.inner.access.remediation(&known.actor, id).await;
        let decided = seen.ok().map(|view| view.item);
        let decided = decided.filter(|it| !matches!(it.phase, RemediationPhase::Waiting { .. }));
        if let Some(it) = decided {
            self.show_decided(press.place.as_ref(), &it).await;
        }
    }
}

fn may_not(view: &RemediationView) -> String {
    match view.item.phase {
        RemediationPhase::Waiting { .. } => {
            let why = ActionRefused::NotAnApprover;
            capital(&why.to_string())
        }
        RemediationPhase::Observed
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Manual { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => "It no longer waits.".to_owned(),
    }
}

//! Hints of a form while it is filled in: choices, approvers, existing access.

use crate::wording::outstanding::{self, OpenStage};
use crate::wording::{asking, names, standing, time};
use hallpass_access::{
    Directory, Preview, PreviewOutcome, RequestRefused, RequestVerdict, RuleNames, Sought, Wanted,
    all_of,
};
use hallpass_base::{AccountId, GroupId, TimeSpan};
use hallpass_rules::{Decision, RuleWarning};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::slack::app::{Slack, SlackReply};
use crate::slack::asking::{opened, seconds};
use crate::slack::blocks::SlackView;
use crate::slack::ids;
use crate::slack::inbound::{SlackActor, SubmittedForm};
use crate::slack::modal::{self, Advice, Asks, TicketWanted};
use crate::slack::options;
use crate::slack::person::{KnownPerson, Unknown};
use crate::slack::words;

/// People named in one hint.
const NAMED: usize = 8;

impl Slack {
    /// Updates the form after a choice.
    pub(crate) async fn chosen(&self, action: &str, form: &SubmittedForm, by: &SlackActor) {
        let Some(asks) = Asks::of(form) else { return };
        if ![ids::ACCOUNT_ACTION, ids::SET_ACTION, ids::GROUP_ACTION].contains(&action) {
            return;
        }
        let Ok(known) = self.inner.people.find(by).await else {
            return;
        };
        let Some(view) = self.form_again(asks, &known, form).await else {
            return;
        };
        opened(self.inner.client.update_view(&form.id, &view).await);
    }

    /// Redraws the form with hints; Slack keeps typed input.
    pub(crate) async fn form_again(
        &self,
        asks: Asks,
        known: &KnownPerson,
        form: &SubmittedForm,
    ) -> Option<SlackView> {
        self.form_with(asks, known, form, &[]).await
    }

    /// The same, with warnings for further targets.
    pub(crate) async fn form_with(
        &self,
        asks: Asks,
        known: &KnownPerson,
        form: &SubmittedForm,
        missing: &[RuleWarning],
    ) -> Option<SlackView> {
        let (mut advice, longest) = self.advice(known, form).await;
        RuleWarning::add_each_once(&mut advice.warnings, missing.iter().cloned());
        advice.page = self.inner.setup.asking_page();
        let durations = self.durations(longest);
        let name = &known.actor.name;
        (!durations.is_empty()).then(|| modal::ask(asks, name, &durations, &advice))
    }

    /// Returns hints and the longest allowed duration.
    async fn advice(
        &self,
        known: &KnownPerson,
        form: &SubmittedForm,
    ) -> (Advice, Option<TimeSpan>) {
        let mut advice = Advice::default();
        let directory = self.inner.access.directory();
        let account = form.value(ids::ACCOUNT, ids::ACCOUNT_ACTION);
        let account = account.and_then(|id| id.parse::<AccountId>().ok());
        let group = form.value(ids::GROUP, ids::GROUP_ACTION);
        let group = group.and_then(|id| GroupId::new(id).ok());
        if let Some(found) = account.as_ref().and_then(|id| directory.account(id)) {
            let notes = &self.inner.setup.account_notes;
            let note = notes
                .get(found.id.as_str())
                .or_else(|| notes.get(&found.name));
            advice.note = note.cloned();
        }
        let set = form.value(ids::SET, ids::SET_ACTION);
        let wanted = match (&account, set, &group) {
            (Some(account), Some(set), _) => Wanted::Account {
                account: account.to_string(),
                permission_set: set.to_owned(),
            },
            (_, _, Some(group)) => Wanted::Group {
                group: group.to_string(),
            },
            _ => return (advice, None),
        };
        let preview = match self.inner.access.preview(&known.actor, &wanted).await {
            Ok(Ok(preview)) => preview,
            Ok(Err(problems)) => {
                advice.hint = Some(all_of(&problems));
                return (advice, None);
            }
            Err(error) => {
                tracing::warn!(error = %error, "what follows from a choice could not be read");
                return (advice, None);
            }
        };
        advice.ticket = wanted_ticket(&preview.decision);
        advice.warnings.clone_from(&preview.decision.warnings);
        let chosen = form
            .value(ids::DURATION, ids::DURATION_ACTION)
            .and_then(seconds);
        let mut hint = match preview.asking(preview.limits().shortest()) {
            PreviewOutcome::NotNow(why) => names::sentence(&why.to_string()),
            PreviewOutcome::Request(_) | PreviewOutcome::Refused(_) => {
                self.who_decides(&preview, &self.zone_of(known))
            }
        };
        let session = set
            .and_then(|name| directory.permission_set_by_name(name))
            .map(|set| TimeSpan::seconds(set.session_duration));
        if let (Some(session), Some(chosen)) = (session, chosen)
            && session > chosen
        {
            hint = format!("{hint} {}", asking::outliving(session));
        }
        advice.hint = Some(hint);
        advice.already = self.already(&preview, &self.zone_of(known));
        (advice, Some(preview.limits().longest()))
    }

    fn who_decides(&self, preview: &Preview, zone: &TimeZone) -> String {
        let directory = self.inner.access.directory();
        let decision = &preview.decision;
        let by = RuleNames::of(&decision.based_on);
        let at_most = preview.limits().longest();
        let why = match preview.by_rules() {
            Ok(RequestVerdict::Granted(approval)) => {
                let words = asking::granted_at_once(approval, &by);
                return format!("{words} At most {at_most}.");
            }
            Ok(RequestVerdict::Waits) => return waits(decision, &directory, at_most),
            Ok(RequestVerdict::BreakGlassOnly) => RequestRefused::NoApprover,
            Err(why) => why,
        };
        let contact = self.inner.access.settings().contact();
        asking::refused(&why, preview, "this", contact, |at| {
            time::clock(at, self.now(), zone)
        })
    }

    /// Reports existing access or a waiting request.
    fn already(&self, preview: &Preview, zone: &TimeZone) -> Option<String> {
        if let Some(held) = &preview.held {
            if held.grant.standing {
                return Some(standing::HELD_ALREADY.to_owned());
            }
            let until = time::clock(held.grant.ends_at, self.now(), zone);
            return Some(format!(
                "You hold this until {until} already. `/access mine` extends it."
            ));
        }
        if let Some(waiting) = &preview.waiting {
            return Some(self.waits_already(waiting, zone));
        }
        let seen_at = preview.stands?.seen_at;
        let seen = time::clock(seen_at, self.now(), zone);
        Some(standing::held_already(&seen))
    }

    pub(crate) fn waits_already(
        &self,
        request: &hallpass_access::Request,
        zone: &TimeZone,
    ) -> String {
        format!(
            "You requested this at {} already; it waits. <{}|Open in Hallpass>",
            time::clock(request.asked_at, self.now(), zone),
            self.inner.setup.link(request)
        )
    }

    /// Returns choices limited to this person's permissions.
    pub(crate) async fn suggest(
        &self,
        action: &str,
        typed: &str,
        form: &SubmittedForm,
        by: &SlackActor,
    ) -> SlackReply {
        let hits = match self.inner.people.find(by).await {
            Err(Unknown::Slack(error)) => {
                tracing::warn!(error = %error, "Slack does not say who is typing: nothing is offered");
                Vec::new()
            }
            Err(Unknown::Foreign | Unknown::Nobody | Unknown::Ambiguous) => Vec::new(),
            Ok(known) => {
                let (access, actor) = (&self.inner.access, &known.actor);
                match action {
                    ids::ACCOUNT_ACTION => options::choices(access, actor, Sought::Accounts, typed),
                    ids::GROUP_ACTION => options::choices(access, actor, Sought::Groups, typed),
                    ids::ALSO_ACTION => Asks::of(form).map_or_else(Vec::new, |asks| {
                        options::choices(access, actor, asks.sought(), typed)
                    }),
                    ids::SET_ACTION => {
                        let account = form.value(ids::ACCOUNT, ids::ACCOUNT_ACTION);
                        options::sets(access, actor, account, typed, self.now())
                    }
                    _ => Vec::new(),
                }
            }
        };
        SlackReply::json(&json!({"options": hits}))
    }
}

/// Names the approvers: "1 of Cai Example, Dee Example decides. At most 1d."
fn waits(decision: &Decision, directory: &Directory, at_most: TimeSpan) -> String {
    if !decision.stages.is_empty() {
        return format!(
            "It needs {}. At most {at_most}.",
            stages(decision, directory)
        );
    }
    let approvers: Vec<_> = decision.approvers.iter().cloned().collect();
    let names = words::names_of(&approvers, directory);
    let needed = decision.approvals_needed;
    let verb = if needed == 1 { "decides" } else { "decide" };
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = shown.join(", ");
    format!("{needed} of {shown}{more} {verb}. At most {at_most}.")
}

/// Names each stage: "boss: Cai Example; team: 1 of Dee Example, Eve Example".
fn stages(decision: &Decision, directory: &Directory) -> String {
    let stages = decision.stages.iter().map(|stage| {
        let approvers: Vec<_> = stage.approvers.iter().cloned().collect();
        let mut helpers = words::names_of(&approvers, directory);
        let more = helpers.len().saturating_sub(NAMED);
        helpers.truncate(NAMED);
        helpers.extend((more > 0).then(|| format!("{more} more")));
        OpenStage {
            name: stage.name.clone(),
            lacks: stage.quorum,
            helpers,
        }
    });
    let stages: Vec<OpenStage> = stages.collect();
    outstanding::of_stages(&stages)
}

/// Returns the ticket field if a rule requires one.
fn wanted_ticket(decision: &Decision) -> Option<TicketWanted> {
    Some(TicketWanted {
        hint: decision.ticket_hint()?,
        may_be_empty: decision.ticket_is_optional(),
    })
}

//! What a form tells while it is filled in: choices, who decides, what is held already.

use hallpass_access::{GrantFilter, Patience, RequestFilter, RequestView, Sought};
use hallpass_model::{AccountId, GroupId, Target, TimeSpan};
use hallpass_rules::{Ask, ClickRefused, Decision, DecisionKind};
use hallpass_wording::{lists, standing, time};
use serde_json::json;

use crate::app::{Slack, SlackReply};
use crate::asking::{opened, seconds};
use crate::blocks::SlackView;
use crate::ids;
use crate::inbound::{SlackActor, SubmittedForm};
use crate::modal::{self, Advice, Asks, TicketWanted};
use crate::options;
use crate::person::{KnownPerson, Unknown};
use crate::words;

impl Slack {
    /// Something was chosen: the form says what follows from it.
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

    /// The form with what follows from what is chosen in it; Slack keeps what was typed.
    pub(crate) async fn form_again(
        &self,
        asks: Asks,
        known: &KnownPerson,
        form: &SubmittedForm,
    ) -> Option<SlackView> {
        let (advice, longest) = self.advice(known, form).await;
        let durations = self.durations(longest);
        let name = &known.actor.name;
        (!durations.is_empty()).then(|| modal::ask(asks, name, &durations, &advice))
    }

    /// What is worth knowing of what was chosen, and the longest time the rules allow.
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
        let question = match (&account, set, &group) {
            (Some(account), Some(permission_set), _) => Ask::Account {
                account,
                permission_set,
            },
            (_, _, Some(group)) => Ask::Group { group },
            _ => return (advice, None),
        };
        let decision = self.inner.access.decide(known.actor.principal(), &question);
        advice.ticket = wanted_ticket(&decision);
        let mut hint = self.who_decides(known, &question, &decision);
        let session = set
            .and_then(|name| directory.permission_set_by_name(name))
            .map(|set| TimeSpan::seconds(set.session_duration));
        let chosen = form
            .value(ids::DURATION, ids::DURATION_ACTION)
            .and_then(seconds);
        if let (Some(session), Some(chosen)) = (session, chosen)
            && session > chosen
        {
            hint = format!("{hint} Its credentials live up to {session}.");
        }
        advice.hint = Some(hint);
        advice.already = self
            .already(known, account.as_ref(), set, group.as_ref())
            .await;
        (advice, decision.max_duration)
    }

    fn who_decides(&self, known: &KnownPerson, question: &Ask<'_>, decision: &Decision) -> String {
        let directory = self.inner.access.directory();
        let rules: Vec<String> = decision.based_on.iter().map(ToString::to_string).collect();
        let by = lists::by_rules(&rules);
        let longest = self.inner.access.settings().longest();
        let at_most = decision.max_duration.unwrap_or(longest).min(longest);
        match decision.kind {
            DecisionKind::ApprovalNotRequired => {
                format!("No approval needed, by {by}. At most {at_most}.")
            }
            DecisionKind::SelfApproval => {
                format!("You approve this yourself, as {by} allows. At most {at_most}.")
            }
            DecisionKind::RequiresApproval => {
                let approvers: Vec<_> = decision.approvers.iter().cloned().collect();
                let names = words::names_of(&approvers, &directory);
                let verb = if decision.approvals_needed == 1 {
                    "decides"
                } else {
                    "decide"
                };
                let shown: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
                let more = match names.len().saturating_sub(shown.len()) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let needed = decision.approvals_needed;
                format!(
                    "{needed} of {}{more} {verb}. At most {at_most}.",
                    shown.join(", ")
                )
            }
            DecisionKind::NoApprovers => {
                let who = known.actor.principal();
                let own =
                    self.inner
                        .access
                        .rules()
                        .may_deny(who, who, question, &directory, self.now());
                match own {
                    Err(ClickRefused::OwnRequest { rules }) if !rules.is_empty() => {
                        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                        let by = lists::by_rules(&rules);
                        format!(
                            "Nobody can approve this for you. The only approver in {by} is you."
                        )
                    }
                    _ => format!("Nobody can approve this for you, by {by}."),
                }
            }
            DecisionKind::NoStatements => {
                format!(
                    "No rule covers this. Ask {} to add one.",
                    self.inner.setup.contact
                )
            }
            DecisionKind::RequesterNotAllowed => {
                format!("By {by} only certain people may ask; you are not one of them.")
            }
        }
    }

    /// That the same is held or waited for already.
    async fn already(
        &self,
        known: &KnownPerson,
        account: Option<&AccountId>,
        set: Option<&str>,
        group: Option<&GroupId>,
    ) -> Option<String> {
        let directory = self.inner.access.directory();
        let wanted = match (account, set, group) {
            (Some(account), Some(set), _) => Target::Account {
                account: account.clone(),
                permission_set: directory.permission_set_by_name(set)?.arn.clone(),
            },
            (_, _, Some(group)) => Target::Group {
                group: group.clone(),
            },
            _ => return None,
        };
        let zone = self.zone_of(known);
        let live = GrantFilter {
            states: ["scheduled", "granting", "active"]
                .map(str::to_owned)
                .to_vec(),
            holder: known.actor.user.clone(),
            ..GrantFilter::default()
        };
        let held = self
            .inner
            .access
            .grants(&known.actor, &live, 200)
            .await
            .ok()?;
        if let Some(grant) = held.rows.iter().find(|grant| grant.key.target == wanted) {
            if grant.standing {
                return Some(standing::HELD_ALREADY.to_owned());
            }
            let until = time::clock(grant.ends_at, self.now(), &zone);
            return Some(format!(
                "You hold this until {until} already. `/access mine` extends it."
            ));
        }
        let pending = RequestFilter {
            state: Some("pending".to_owned()),
            ..RequestFilter::default()
        };
        let view = RequestView::Mine;
        let waiting = self
            .inner
            .access
            .requests(&known.actor, view, &pending, 50)
            .await
            .ok()?;
        let found = waiting
            .rows
            .iter()
            .find(|request| request.key.as_ref().is_some_and(|key| key.target == wanted));
        match found {
            Some(found) => Some(self.waits_already(found, &zone)),
            None => self.stands_already(known, &wanted, &zone).await,
        }
    }

    /// That it is held without Hallpass, by a look at AWS: Slack has its answer already.
    async fn stands_already(
        &self,
        known: &KnownPerson,
        wanted: &Target,
        zone: &jiff::tz::TimeZone,
    ) -> Option<String> {
        let user = known.actor.user.as_ref()?;
        let access = &self.inner.access;
        let stands = access.stands(user, wanted, Patience::Look).await;
        let seen_at = stands.ok()??.seen_at;
        let seen = time::clock(seen_at, self.now(), zone);
        Some(standing::held_already(&seen))
    }

    pub(crate) fn waits_already(
        &self,
        request: &hallpass_access::Request,
        zone: &jiff::tz::TimeZone,
    ) -> String {
        format!(
            "You asked for this at {} already; it waits. <{}|Open in Hallpass>",
            time::clock(request.asked_at, self.now(), zone),
            self.inner.setup.link(request)
        )
    }

    /// Choices for what somebody types: what this person may ask for, and nothing else.
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

/// The field for a ticket, when a rule wants one for what is chosen.
fn wanted_ticket(decision: &Decision) -> Option<TicketWanted> {
    let first = decision.ticket_patterns.first()?;
    Some(TicketWanted {
        hint: format!(
            "Rule `{}` wants a ticket of the form `{}`.",
            first.rule,
            first.pattern.as_str()
        ),
        may_be_empty: decision.ticket_refused("").is_none(),
    })
}

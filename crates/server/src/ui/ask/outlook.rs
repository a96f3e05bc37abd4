//! What would happen if the form were sent now: who decides, for how long, and what stands in the
//! way. Computed from the rules each time, as the sending itself will be.

use hallpass_access::{Grant, GrantFilter, GrantState, Request, RequestFilter, RequestView};
use hallpass_model::{Email, GrantId, HoldKey, Target, TargetNames, TimeSpan};
use hallpass_rules::{ClickRefused, Decision, DecisionKind};
use hallpass_wording::lists::any_of;

use super::{AskForm, choice::Choice, held::held_already};
use crate::{
    App,
    problem::ProblemResponse,
    ui::{
        permission_set,
        presenter::{Coded, PersonView, Presenter},
        shell::{Viewer, url_encoded},
        words::capital,
        words::plain,
    },
};

/// Lengths that fit most work, of those the settings offer.
const COMMON: [u64; 7] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
/// Chips shown at most.
const CHIPS: usize = 9;
/// People shown by name.
const PEOPLE: usize = 8;
/// Live grants looked at for one of the same target.
const GRANTS: usize = 200;

/// A length to choose.
#[derive(Clone, Debug)]
pub(super) struct Chip {
    pub(super) seconds: u64,
    pub(super) words: TimeSpan,
    pub(super) is_chosen: bool,
    pub(super) is_over: bool,
}

/// People of whom so many must say yes.
pub(super) struct ReviewerGroup {
    pub(super) heading: String,
    pub(super) people: Vec<PersonView>,
    pub(super) more: usize,
}

/// See the module.
#[derive(Default)]
pub(super) struct Outlook {
    /// Nothing can be said before a target is chosen.
    pub(super) is_whole: bool,
    pub(super) benches: Vec<ReviewerGroup>,
    /// "No approval needed".
    pub(super) heading: String,
    pub(super) time: String,
    pub(super) lapses: String,
    pub(super) rules: Vec<String>,
    pub(super) explain: String,
    /// What the chosen set allows.
    pub(super) set_page: String,
    pub(super) notes: Vec<Coded>,
    /// The button's words; empty when there is none.
    pub(super) submit: String,
    /// Why it cannot be sent; the button's words then, and the sentence.
    pub(super) closed: String,
    pub(super) why_not: Coded,
    /// That it is held already, not through Hallpass; empty when it is not.
    pub(super) standing: Coded,
    /// An equal request that waits, with the time it was made.
    pub(super) waiting: Option<(String, String)>,
    /// The grant it would lengthen, with its end.
    pub(super) extends: Option<(GrantId, String)>,
    /// What the grant was asked for, when it would be lengthened.
    pub(super) reason_before: String,
    /// The ticket it was asked for with.
    pub(super) ticket_before: String,
    pub(super) own_listed: bool,
    pub(super) chips: Vec<Chip>,
    pub(super) typed: String,
    pub(super) limit: Coded,
    pub(super) length: Option<TimeSpan>,
    pub(super) length_wrong: Coded,
    pub(super) adds_nothing: Option<Coded>,
    pub(super) ticket: Option<Coded>,
    pub(super) reason_hint: Option<Coded>,
    /// What sending would ask for, to notice when the form says something else by then.
    pub(super) meant: String,
}

impl Outlook {
    pub(super) async fn of(
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        choice: &Choice,
        form: &AskForm,
    ) -> Result<Self, ProblemResponse> {
        let target = choice.target();
        let decision = target.as_ref().and_then(|(target, names)| {
            let question = hallpass_access::question(target, names)?;
            Some(app.access.decide(viewer.actor.principal(), &question))
        });
        let mut outlook = Self::default();
        let last = match &target {
            Some((target, _)) => last_asked(app, viewer, target).await?,
            None => None,
        };
        outlook.lengths(app, form, decision.as_ref(), last.as_ref());
        let (Some((target, names)), Some(decision)) = (target, decision) else {
            return Ok(outlook);
        };
        outlook.is_whole = true;
        outlook.waiting = last
            .filter(|last| matches!(last.state, hallpass_access::RequestState::Pending))
            .filter(|last| !crate::ui::rows::is_past(view, last))
            .map(|last| (format!("/requests/{}", last.id), view.words(last.asked_at)));
        outlook.extend(app, viewer, view, &target).await?;
        outlook.standing = held_already(app, viewer, view, &target).await?;
        outlook.people(view, &decision);
        outlook.facts(app, view, choice, &decision);
        outlook.requirements(&decision);
        outlook.button(app, view, &target, &names, &decision);
        Ok(outlook)
    }

    /// The lengths to choose from, and the one that counts.
    fn lengths(
        &mut self,
        app: &App,
        form: &AskForm,
        decision: Option<&Decision>,
        last: Option<&Request>,
    ) {
        let settings = app.access.settings();
        let longest = settings.longest();
        let by_rule = decision.and_then(|decision| decision.max_duration);
        let most = by_rule.unwrap_or(longest).min(longest);
        let mut spans = offered(&settings.choices(longest));
        if !spans.contains(&most) && most >= settings.duration_min {
            spans.push(most);
            spans.sort();
        }
        form.other.trim().clone_into(&mut self.typed);
        let chosen: Option<TimeSpan> = form.length.parse().ok().map(TimeSpan::seconds);
        // prefilled with a length that is no chip: it goes into the field
        if let Some(span) = chosen
            && self.typed.is_empty()
            && !spans.contains(&span)
        {
            self.typed = span.to_string();
        }
        let fitting = |span: &TimeSpan| *span <= most;
        let chosen = chosen
            .or_else(|| last.map(|last| last.duration))
            .filter(|span| spans.contains(span))
            .map(|span| span.min(most))
            .filter(|span| spans.contains(span))
            .or_else(|| spans.iter().copied().find(fitting));
        self.chips = spans
            .iter()
            .map(|span| Chip {
                seconds: span.as_seconds(),
                words: *span,
                is_over: *span > most,
                is_chosen: self.typed.is_empty() && Some(*span) == chosen,
            })
            .collect();
        self.limit = limit(decision, most);
        if self.typed.is_empty() {
            self.length = chosen;
        } else {
            self.read_typed(most, settings.duration_min);
        }
    }

    /// The length as typed, or what is wrong with it.
    fn read_typed(&mut self, most: TimeSpan, least: TimeSpan) {
        let Ok(span) = self.typed.parse::<TimeSpan>() else {
            self.length_wrong = Coded("Write a length like 1h 30m.".to_owned());
            return;
        };
        self.length = Some(span);
        if span > most {
            let by = self.limit.0.split_once(", by ").map(|(_, by)| by);
            self.length_wrong = Coded(match by {
                Some(by) => format!("At most {most}, by {by}"),
                None => format!("At most {most}."),
            });
        } else if span < least {
            self.length_wrong = Coded(format!("At least {least}."));
        }
    }

    /// Whether the viewer holds the target already: then the form makes that longer.
    async fn extend(
        &mut self,
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        target: &Target,
    ) -> Result<(), ProblemResponse> {
        let Some(user) = viewer.actor.user.clone() else {
            return Ok(());
        };
        let filter = GrantFilter {
            states: ["scheduled", "granting", "active"]
                .map(str::to_owned)
                .to_vec(),
            holder: Some(user),
            ..GrantFilter::default()
        };
        let grants = app.access.grants(&viewer.actor, &filter, GRANTS).await?;
        let held = grants
            .rows
            .into_iter()
            .find(|grant| is_held(view, grant, target));
        let Some(held) = held else { return Ok(()) };
        if matches!(held.state, GrantState::Active) {
            self.extends = Some((held.id, view.words(held.ends_at)));
            self.reason_before.clone_from(&held.reason);
            let request = app.access.request(&viewer.actor, held.request).await?;
            self.ticket_before = request.ticket.unwrap_or_default();
            if let Some(length) = self.length
                && length.after(view.now) <= held.ends_at
            {
                self.adds_nothing = Some(Coded(format!(
                    "You hold this until {} already; {length} more would not add anything.",
                    view.words(held.ends_at)
                )));
            }
        } else {
            self.notes.push(Coded(
                "You are getting this right now; look at your access first.".to_owned(),
            ));
        }
        Ok(())
    }

    fn people(&mut self, view: &Presenter, decision: &Decision) {
        let bench = |heading: String, people: Vec<&Email>| ReviewerGroup {
            heading,
            more: people.len().saturating_sub(PEOPLE),
            people: people
                .into_iter()
                .take(PEOPLE)
                .map(|email| view.who(email))
                .collect(),
        };
        match decision.kind {
            DecisionKind::ApprovalNotRequired => "No approval needed".clone_into(&mut self.heading),
            DecisionKind::SelfApproval => {
                "You may approve this yourself".clone_into(&mut self.heading);
            }
            DecisionKind::RequiresApproval if decision.stages.is_empty() => {
                let count = decision.approvers.len();
                let needed = decision.approvals_needed;
                let heading = match count {
                    1 => "This person must say yes".to_owned(),
                    _ => format!("{needed} of these {count} people must say yes"),
                };
                self.benches
                    .push(bench(heading, decision.approvers.iter().collect()));
            }
            DecisionKind::RequiresApproval => {
                for stage in &decision.stages {
                    let heading = format!(
                        "{}: {} of these must say yes",
                        capital(&plain(&stage.name)),
                        stage.quorum
                    );
                    self.benches
                        .push(bench(heading, stage.approvers.iter().collect()));
                }
            }
            DecisionKind::NoApprovers if decision.break_glass => {
                "Nobody can approve this for you".clone_into(&mut self.heading);
                self.notes.push(Coded(
                    "You may break the glass once it is sent: all admins are told, and somebody \
                     else closes a review afterwards."
                        .to_owned(),
                ));
            }
            DecisionKind::NoApprovers
            | DecisionKind::NoStatements
            | DecisionKind::RequesterNotAllowed => {}
        }
    }

    fn facts(&mut self, app: &App, view: &Presenter, choice: &Choice, decision: &Decision) {
        if let Some(length) = self.length {
            self.time = match &self.extends {
                _ if !self.standing.is_empty() => {
                    format!("{length} of a grant on top; what you hold stays after it")
                }
                Some(_) => format!(
                    "{length}, counted from the approval: to {} if it came now",
                    view.words(length.after(view.now))
                ),
                None => format!("{length}, counted from when AWS confirms"),
            };
        }
        if decision.kind == DecisionKind::RequiresApproval {
            let lapses = app.access.settings().expires_at(view.now);
            self.lapses = lapses
                .map(|at| format!("{} if nobody decides", view.words(at)))
                .unwrap_or_default();
        }
        self.rules = decision.based_on.iter().map(ToString::to_string).collect();
        self.explain = match (&choice.account, &choice.set, &choice.group) {
            (Some(account), Some(set), _) => format!(
                "/rules/explain?account={}&permission_set={}",
                account.id,
                url_encoded(&set.name)
            ),
            (_, _, Some(group)) => format!("/rules/explain?group={}", group.id),
            _ => "/rules".to_owned(),
        };
        if let Some(set) = &choice.set {
            self.set_page = permission_set::address(&set.name);
        }
        if let (Some(set), Some(length)) = (&choice.set, self.length) {
            let session = TimeSpan::seconds(set.session_duration);
            if session > length {
                self.notes.push(Coded(format!(
                    "This set issues {session} sessions. Credentials taken just before the end \
                     can outlive it by up to {session}."
                )));
            }
        }
    }

    fn requirements(&mut self, decision: &Decision) {
        self.ticket = decision
            .ticket_patterns
            .first()
            .map(|need| Coded(format!("Rule `{}` asks for a ticket.", need.rule)));
        self.reason_hint = decision.reason_patterns.first().map(|need| {
            Coded(format!(
                "Rule `{}` wants a reason of the form `{}`.",
                need.rule,
                need.pattern.as_str()
            ))
        });
    }

    fn button(
        &mut self,
        app: &App,
        view: &Presenter,
        target: &Target,
        names: &TargetNames,
        decision: &Decision,
    ) {
        let aim = view.aim(Some(target), names);
        let listed = is_listed(app, view, target, names);
        let (closed, why) = why_not(decision, listed, &aim.words());
        closed.clone_into(&mut self.closed);
        self.why_not = Coded(why);
        self.own_listed = listed && decision.kind == DecisionKind::RequiresApproval;
        let Some(length) = self.length.filter(|_| self.closed.is_empty()) else {
            return;
        };
        self.meant = format!("{target} {} {}", length.as_seconds(), decision.kind);
        if !self.length_wrong.is_empty() {
            "Not for this long".clone_into(&mut self.closed);
            self.why_not = self.length_wrong.clone();
            return;
        }
        if let Some(words) = &self.adds_nothing {
            "Nothing to add".clone_into(&mut self.closed);
            self.why_not = words.clone();
            return;
        }
        self.submit = self.label(view, length, decision);
    }

    fn label(&self, view: &Presenter, length: TimeSpan, decision: &Decision) -> String {
        let ends = || view.words(length.after(view.now));
        let people = match decision.approvers.len() {
            1 => decision
                .approvers
                .first()
                .map(|email| view.who(email).name)
                .unwrap_or_default(),
            n => format!("{n} people"),
        };
        match (decision.kind, &self.extends) {
            (DecisionKind::ApprovalNotRequired, None) => format!("Get {length} now"),
            (DecisionKind::SelfApproval, None) => format!("Approve myself for {length}"),
            (DecisionKind::ApprovalNotRequired | DecisionKind::SelfApproval, Some(_)) => {
                format!("Extend to {} now", ends())
            }
            (DecisionKind::NoApprovers, _) => format!("Send it for {length}"),
            (_, None) => format!("Ask {people} for {length}"),
            (_, Some(_)) => format!("Ask {people} to extend to {length}"),
        }
    }
}

/// "The longest here is 4h, by rule `prod-database`."
fn limit(decision: Option<&Decision>, most: TimeSpan) -> Coded {
    let Some(decision) = decision.filter(|decision| decision.max_duration.is_some()) else {
        return Coded(format!("The longest here is {most}."));
    };
    let rules = named(decision);
    let word = if rules.len() == 1 { "rule" } else { "rules" };
    Coded(format!(
        "The longest here is {most}, by {word} {}.",
        rules.join(", ")
    ))
}

fn named(decision: &Decision) -> Vec<String> {
    let rules = decision.based_on.iter();
    rules.map(|rule| format!("`{rule}`")).collect()
}

/// Whether a rule lists the viewer for their own case.
fn is_listed(app: &App, view: &Presenter, target: &Target, names: &TargetNames) -> bool {
    hallpass_access::question(target, names).is_some_and(|question| {
        let rules = app.access.rules();
        let refused = rules.may_deny(
            view.principal(),
            view.principal(),
            &question,
            &view.directory,
            view.now,
        );
        matches!(refused, Err(ClickRefused::OwnRequest { rules }) if !rules.is_empty())
    })
}

/// The words of a button that cannot be pressed, and why; empty when it can.
fn why_not(decision: &Decision, listed: bool, target: &str) -> (&'static str, String) {
    let rules = any_of(&named(decision));
    match decision.kind {
        DecisionKind::NoApprovers if decision.break_glass => ("", String::new()),
        DecisionKind::NoApprovers => (
            "Nobody can approve this",
            if listed {
                format!(
                    "Nobody can approve this for you. The only approver in rule {rules} is you."
                )
            } else {
                format!("Nobody can approve this for you. Rule {rules} lists no approver.")
            },
        ),
        DecisionKind::NoStatements => (
            "No rule covers this",
            format!("No rule covers {target}. Ask an administrator to add one."),
        ),
        DecisionKind::RequesterNotAllowed if decision.unread.is_empty() => (
            "Not for you today",
            format!("Rule {rules} does not let you ask for this now."),
        ),
        DecisionKind::RequesterNotAllowed => (
            "Not known just now",
            format!(
                "Rule {rules} lets certain people ask, and it could not be read whether you are \
                 one. Try again."
            ),
        ),
        DecisionKind::ApprovalNotRequired
        | DecisionKind::SelfApproval
        | DecisionKind::RequiresApproval => ("", String::new()),
    }
}

fn is_held(view: &Presenter, grant: &Grant, target: &Target) -> bool {
    grant.key.target == *target && view.now < grant.ends_at
}

/// The newest request of the viewer for a target.
async fn last_asked(
    app: &App,
    viewer: &Viewer,
    target: &Target,
) -> Result<Option<Request>, ProblemResponse> {
    let Some(user) = viewer.actor.user.clone() else {
        return Ok(None);
    };
    let filter = RequestFilter {
        key: Some(HoldKey {
            user,
            target: target.clone(),
        }),
        ..RequestFilter::default()
    };
    let found = app
        .access
        .requests(&viewer.actor, RequestView::Mine, &filter, 1)
        .await?;
    Ok(found.rows.into_iter().next())
}

/// A few of the lengths the settings offer: all when they are few, else the common ones.
fn offered(choices: &[TimeSpan]) -> Vec<TimeSpan> {
    if choices.len() <= CHIPS {
        return choices.to_vec();
    }
    let common: Vec<TimeSpan> = COMMON
        .into_iter()
        .map(TimeSpan::seconds)
        .filter(|span| choices.contains(span))
        .collect();
    if common.is_empty() {
        choices.iter().copied().take(CHIPS).collect()
    } else {
        common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lengths_are_all_offered_and_many_are_thinned() {
        let hours: Vec<TimeSpan> = (1..=3).map(TimeSpan::hours).collect();
        assert_eq!(offered(&hours), hours);
        let half_hours: Vec<TimeSpan> = (1..=16).map(|n| TimeSpan::minutes(30 * n)).collect();
        let seconds: Vec<u64> = offered(&half_hours)
            .iter()
            .map(|span| span.as_seconds())
            .collect();
        assert_eq!(seconds, [1800, 3600, 7200, 14_400, 28_800]);
        let odd: Vec<TimeSpan> = (1..=20).map(|n| TimeSpan::minutes(7 * n)).collect();
        assert_eq!(offered(&odd).len(), CHIPS);
    }
}

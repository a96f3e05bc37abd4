//! What would happen if the form were sent now: who decides, for how long, and what stands in the
//! way. Computed from the rules each time, as the sending itself will be.

use hallpass_access::{
    Approval, AskRefused, AskVerdict, FieldProblem, GrantState, HeldGrant, LengthLimits,
    LengthRefused, Preview, PreviewOutcome, Request, RequestFilter, RequestView,
};
use hallpass_model::{Email, GrantId, HoldKey, Target, TimeSpan};
use hallpass_rules::Decision;
use hallpass_wording::{lists::any_of, standing};

use super::{AskForm, choice::Choice};
use crate::{
    App,
    problem::ProblemResponse,
    ui::{
        permission_set,
        presenter::{Coded, PersonView, Presenter},
        shell::{Viewer, url_encoded},
        words::{capital, plain, sentence},
    },
};

/// Lengths that fit most work, of those the settings offer.
const COMMON: [u64; 7] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
/// Chips shown at most.
const CHIPS: usize = 9;
/// People shown by name.
const PEOPLE: usize = 8;

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
        let mut outlook = Self::default();
        let preview = match choice.wanted() {
            Some(wanted) => Some(app.access.preview(&viewer.actor, &wanted).await?),
            None => None,
        };
        let (preview, unknown) = match preview {
            Some(Ok(preview)) => (Some(preview), None),
            Some(Err(problems)) => (None, Some(problems)),
            None => (None, None),
        };
        let last = match &preview {
            Some(preview) => last_asked(app, viewer, &preview.target).await?,
            None => None,
        };
        outlook.lengths(app, form, preview.as_ref(), last.as_ref());
        if let Some(problems) = unknown {
            outlook.is_whole = true;
            outlook.close("Not possible", all_of(&problems));
        }
        let Some(preview) = preview else {
            return Ok(outlook);
        };
        outlook.is_whole = true;
        outlook.standing = Coded(preview.stands.map_or_else(String::new, |stands| {
            standing::held_already(&view.words(stands.seen_at))
        }));
        outlook.extend(app, viewer, view, &preview).await?;
        outlook.people(view, &preview);
        outlook.facts(app, view, choice, &preview);
        outlook.requirements(&preview.decision);
        outlook.button(view, &preview);
        Ok(outlook)
    }

    /// There is no button to press.
    fn close(&mut self, words: &str, why: String) {
        words.clone_into(&mut self.closed);
        self.why_not = Coded(why);
    }

    /// The lengths to choose from, and the one that counts.
    fn lengths(
        &mut self,
        app: &App,
        form: &AskForm,
        preview: Option<&Preview>,
        last: Option<&Request>,
    ) {
        let settings = app.access.settings();
        let of_any = LengthLimits::of(None, settings);
        let limits = preview.map_or(&of_any, Preview::limits);
        let most = limits.longest();
        let mut spans = offered(&settings.choices(settings.longest()));
        if !spans.contains(&most) && limits.check(most).is_ok() {
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
        let is_over = |span: TimeSpan| limits.check(span) == Err(LengthRefused::TooLong);
        let chosen = chosen
            .or_else(|| last.map(|last| last.duration))
            .filter(|span| spans.contains(span))
            .map(|span| span.min(most))
            .filter(|span| spans.contains(span))
            .or_else(|| spans.iter().copied().find(|span| !is_over(*span)));
        self.chips = spans
            .iter()
            .map(|span| Chip {
                seconds: span.as_seconds(),
                words: *span,
                is_over: is_over(*span),
                is_chosen: self.typed.is_empty() && Some(*span) == chosen,
            })
            .collect();
        self.limit = limit(preview.map(|preview| &preview.decision), most);
        if self.typed.is_empty() {
            self.length = chosen;
        } else {
            self.read_typed(limits);
        }
    }

    /// The length as typed, or what is wrong with it.
    fn read_typed(&mut self, limits: &LengthLimits) {
        let Ok(span) = self.typed.parse::<TimeSpan>() else {
            self.length_wrong = Coded("Write a length like 1h 30m.".to_owned());
            return;
        };
        self.length = Some(span);
        let by = self.limit.0.split_once(", by ").map(|(_, by)| by);
        self.length_wrong = Coded(match (limits.check(span), by) {
            (Ok(()), _) => return,
            (Err(LengthRefused::TooShort), _) => format!("At least {}.", limits.shortest()),
            (Err(LengthRefused::TooLong), Some(by)) => {
                format!("At most {}, by {by}", limits.longest())
            }
            (Err(LengthRefused::TooLong), None) => format!("At most {}.", limits.longest()),
        });
    }

    /// Whether the viewer holds the target already: then the form makes that longer.
    async fn extend(
        &mut self,
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        preview: &Preview,
    ) -> Result<(), ProblemResponse> {
        let held = preview.held.as_ref();
        let active = held.filter(|held| matches!(held.grant.state, GrantState::Active));
        let waiting = match active {
            Some(held) => held.waiting.as_ref(),
            None => preview.waiting.as_ref(),
        };
        self.waiting = waiting
            .filter(|request| !crate::ui::rows::is_past(view, request))
            .map(|request| {
                let page = format!("/requests/{}", request.id);
                (page, view.words(request.asked_at))
            });
        let Some(HeldGrant { grant, .. }) = active else {
            if held.is_some() {
                self.notes.push(Coded(
                    "You are getting this right now; look at your access first.".to_owned(),
                ));
            }
            return Ok(());
        };
        self.extends = Some((grant.id, view.words(grant.ends_at)));
        self.reason_before.clone_from(&grant.reason);
        let request = app.access.request(&viewer.actor, grant.request).await?;
        self.ticket_before = request.ticket.unwrap_or_default();
        if let Some(length) = self.length
            && preview.extending(length).problem("adds-nothing").is_some()
        {
            self.adds_nothing = Some(Coded(format!(
                "You hold this until {} already; {length} more would not add anything.",
                view.words(grant.ends_at)
            )));
        }
        Ok(())
    }

    fn people(&mut self, view: &Presenter, preview: &Preview) {
        let decision = &preview.decision;
        let bench = |heading: String, people: Vec<&Email>| ReviewerGroup {
            heading,
            more: people.len().saturating_sub(PEOPLE),
            people: people
                .into_iter()
                .take(PEOPLE)
                .map(|email| view.who(email))
                .collect(),
        };
        match preview.by_rules() {
            Ok(AskVerdict::Granted(Approval::Own)) => {
                "You may approve this yourself".clone_into(&mut self.heading);
            }
            Ok(AskVerdict::Granted(_)) => "No approval needed".clone_into(&mut self.heading),
            Ok(AskVerdict::Waits) if decision.stages.is_empty() => {
                let count = decision.approvers.len();
                let needed = decision.approvals_needed;
                let heading = match count {
                    1 => "This person must say yes".to_owned(),
                    _ => format!("{needed} of these {count} people must say yes"),
                };
                self.benches
                    .push(bench(heading, decision.approvers.iter().collect()));
            }
            Ok(AskVerdict::Waits) => {
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
            Ok(AskVerdict::BreakGlassOnly) => {
                "Nobody can approve this for you".clone_into(&mut self.heading);
                self.notes.push(Coded(
                    "You may break the glass once it is sent: all admins are told, and somebody \
                     else closes a review afterwards."
                        .to_owned(),
                ));
            }
            Err(_) => {}
        }
    }

    fn facts(&mut self, app: &App, view: &Presenter, choice: &Choice, preview: &Preview) {
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
        if preview.by_rules() == Ok(AskVerdict::Waits) {
            let lapses = app.access.settings().expires_at(view.now);
            self.lapses = lapses
                .map(|at| format!("{} if nobody decides", view.words(at)))
                .unwrap_or_default();
        }
        self.rules = preview
            .decision
            .based_on
            .iter()
            .map(ToString::to_string)
            .collect();
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

    fn button(&mut self, view: &Presenter, preview: &Preview) {
        let aim = view.aim(Some(&preview.target), &preview.names);
        let by_rules = preview.by_rules();
        if let Err(why) = &by_rules {
            let (words, why) = why_not(why, preview, &aim.words());
            self.close(words, why);
        }
        let is_listed = !preview.lists_asker.is_empty();
        self.own_listed = is_listed && by_rules == Ok(AskVerdict::Waits);
        let Some(length) = self.length.filter(|_| by_rules.is_ok()) else {
            return;
        };
        let decision = &preview.decision;
        self.meant = format!(
            "{} {} {}",
            preview.target,
            length.as_seconds(),
            decision.kind
        );
        let outcome = match self.extends {
            Some(_) => preview.extending(length),
            None => preview.asking(length),
        };
        match outcome {
            PreviewOutcome::Request(verdict) => {
                self.submit = self.label(view, length, verdict, decision);
            }
            PreviewOutcome::Refused(_) if !self.length_wrong.is_empty() => {
                self.close("Not for this long", self.length_wrong.0.clone());
            }
            PreviewOutcome::Refused(_) if let Some(words) = &self.adds_nothing => {
                let words = words.0.clone();
                self.close("Nothing to add", words);
            }
            PreviewOutcome::Refused(why) => {
                let (words, why) = why_not(&why, preview, &aim.words());
                self.close(words, why);
            }
            PreviewOutcome::NotNow(why) => {
                self.close("Not just now", sentence(&capital(&why.to_string())));
            }
        }
    }

    fn label(
        &self,
        view: &Presenter,
        length: TimeSpan,
        verdict: AskVerdict,
        decision: &Decision,
    ) -> String {
        let ends = || view.words(length.after(view.now));
        let people = match decision.approvers.len() {
            1 => decision
                .approvers
                .first()
                .map(|email| view.who(email).name)
                .unwrap_or_default(),
            n => format!("{n} people"),
        };
        match (verdict, &self.extends) {
            (AskVerdict::Granted(Approval::Own), None) => format!("Approve myself for {length}"),
            (AskVerdict::Granted(_), None) => format!("Get {length} now"),
            (AskVerdict::Granted(_), Some(_)) => format!("Extend to {} now", ends()),
            (AskVerdict::BreakGlassOnly, _) => format!("Send it for {length}"),
            (AskVerdict::Waits, None) => format!("Ask {people} for {length}"),
            (AskVerdict::Waits, Some(_)) => format!("Ask {people} to extend to {length}"),
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

/// The words of a button that cannot be pressed, and why.
fn why_not(why: &AskRefused, preview: &Preview, target: &str) -> (&'static str, String) {
    let rules = any_of(&named(&preview.decision));
    match why {
        AskRefused::NoApprover => (
            "Nobody can approve this",
            if preview.lists_asker.is_empty() {
                format!("Nobody can approve this for you. Rule {rules} lists no approver.")
            } else {
                format!(
                    "Nobody can approve this for you. The only approver in rule {rules} is you."
                )
            },
        ),
        AskRefused::NoRule => (
            "No rule covers this",
            format!("No rule covers {target}. Ask an administrator to add one."),
        ),
        AskRefused::NotAllowed => (
            "Not for you today",
            format!("Rule {rules} does not let you ask for this now."),
        ),
        AskRefused::Unread(_) => (
            "Not known just now",
            format!(
                "Rule {rules} lets certain people ask, and it could not be read whether you are \
                 one. Try again."
            ),
        ),
        AskRefused::Fields(problems) => ("Not possible", all_of(problems)),
    }
}

fn all_of(problems: &[FieldProblem]) -> String {
    let all: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
    all.join(" ")
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

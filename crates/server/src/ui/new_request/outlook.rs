//! Preview of a submission: approvers, duration, obstacles. Evaluates the rules each time, as
//! submission does.

use hallpass_access::{
    ApprovalHours, FieldProblem, LengthLimits, Preview, Request, RequestFilter, RequestRefused,
    RequestVerdict, RequestView, all_of, patterns_refused,
};
use hallpass_base::{Email, GrantId, HoldKey, Target, TimeSpan, Timestamp, time};
use hallpass_channels::wording::{asking, dialogs::BREAK_GLASS_MEANS, outstanding, standing};
use hallpass_rules::{Decision, OwnLater, RuleWarning};
use jiff::tz::TimeZone;

use super::{
    NewRequestForm,
    choice::Choice,
    lengths::{Chip, MORE, active, from_now, longer},
};
use crate::{
    App,
    problem::ProblemResponse,
    ui::{
        presenter::{Coded, PersonView, Presenter, set_address},
        shell::{Viewer, url_encoded},
        words::{capital, plain},
    },
};

const PEOPLE: usize = 8;

pub(super) struct ReviewerGroup {
    pub(super) heading: String,
    pub(super) people: Vec<PersonView>,
    pub(super) more: usize,
}

#[derive(Default)]
pub(super) struct Outlook {
    pub(super) is_whole: bool,
    pub(super) benches: Vec<ReviewerGroup>,
    pub(super) heading: String,
    pub(super) time: String,
    pub(super) lapses: String,
    pub(super) rules: Vec<String>,
    pub(super) explain: String,
    pub(super) set_page: String,
    pub(super) notes: Vec<Coded>,
    pub(super) submit: String,
    pub(super) closed: String,
    pub(super) why_not: Coded,
    pub(super) standing: Coded,
    pub(super) waiting: Option<(String, String)>,
    pub(super) extends: Option<(GrantId, String)>,
    pub(super) reason_before: String,
    pub(super) ticket_before: String,
    pub(super) own: &'static str,
    pub(super) chips: Vec<Chip>,
    pub(super) typed: String,
    pub(super) limit: Coded,
    pub(super) length: Option<TimeSpan>,
    pub(super) length_wrong: Coded,
    pub(super) adds_nothing: Option<Coded>,
    pub(super) starts_at: Option<Timestamp>,
    pub(super) ticket: Option<Coded>,
    pub(super) reason_hint: Option<Coded>,
    pub(super) warnings: Vec<RuleWarning>,
    pub(super) meant: String,
    /// Of the reason and ticket, if typed.
    pub(super) unfit: Vec<FieldProblem>,
}

impl Outlook {
    pub(super) async fn of(
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        choice: &Choice,
        form: &NewRequestForm,
    ) -> Result<Self, ProblemResponse> {
        let mut outlook = Self {
            starts_at: starts_at(&form.starts, &view.zone),
            ..Self::default()
        };
        let preview = match choice.wanted() {
            Some(wanted) => {
                let preview = app
                    .access
                    .preview_at(&viewer.actor, &wanted, outlook.starts_at);
                Some(preview.await?)
            }
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
        outlook.lengths(app, view, form, preview.as_ref(), last.as_ref());
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
        if outlook.starts_at.is_none() {
            outlook.extend(app, viewer, view, &preview).await?;
        } else {
            outlook.waits(view, preview.waiting.as_ref());
        }
        outlook.people(view, &preview);
        outlook.facts(app, view, choice, &preview);
        outlook.requirements(&preview.decision, form);
        outlook.button(view, &preview);
        Ok(outlook)
    }

    pub(super) fn close(&mut self, words: &str, why: String) {
        words.clone_into(&mut self.closed);
        self.why_not = Coded(why);
    }

    pub(super) fn forget_one(&mut self) {
        let several = Self {
            is_whole: true,
            chips: std::mem::take(&mut self.chips),
            typed: std::mem::take(&mut self.typed),
            limit: std::mem::take(&mut self.limit),
            length: self.length,
            length_wrong: std::mem::take(&mut self.length_wrong),
            starts_at: self.starts_at,
            ..Self::default()
        };
        *self = several;
    }

    pub(super) fn also_requires(&mut self, decision: &Decision, form: &NewRequestForm) {
        let (ticket, reason_hint) = (self.ticket.take(), self.reason_hint.take());
        self.requirements(decision, form);
        self.ticket = ticket.or_else(|| self.ticket.take());
        self.reason_hint = reason_hint.or_else(|| self.reason_hint.take());
    }

    fn lengths(
        &mut self,
        app: &App,
        view: &Presenter,
        form: &NewRequestForm,
        preview: Option<&Preview>,
        last: Option<&Request>,
    ) {
        let settings = app.access.settings();
        let of_any = LengthLimits::of(None, settings);
        let limits = preview.map_or(&of_any, Preview::limits);
        form.other.trim().clone_into(&mut self.typed);
        let held = preview
            .and_then(active)
            .filter(|_| self.starts_at.is_none());
        self.chips = match held {
            Some(grant) => longer(view, grant.ends_at, limits),
            None => from_now(&settings.choices(settings.longest()), limits),
        };
        self.prefill(&form.length);
        if self.typed.is_empty() {
            let last = last.map(|last| last.duration.min(limits.longest()));
            self.choose(&form.length, last);
        } else {
            self.read_typed(limits);
        }
        self.limit = Coded(format!("The longest here is {}.", limits.longest_words()));
    }

    fn prefill(&mut self, length: &str) {
        let is_chip = self.chips.iter().any(|chip| chip.value == length);
        if length.is_empty() || is_chip || !self.typed.is_empty() || length.starts_with(MORE) {
            return;
        }
        let seconds = length.parse().ok().map(TimeSpan::seconds);
        let Some(span) = seconds.or_else(|| length.parse().ok()) else {
            self.typed = plain(length);
            return;
        };
        match self
            .chips
            .iter_mut()
            .find(|chip| chip.gain.is_empty() && chip.length == span)
        {
            Some(chip) => chip.is_chosen = true,
            None => self.typed = span.to_string(),
        }
    }

    fn choose(&mut self, wanted: &str, last: Option<TimeSpan>) {
        let chips = &mut self.chips;
        let at = chips
            .iter()
            .position(|chip| chip.is_chosen || chip.value == wanted)
            .or_else(|| chips.iter().position(|chip| Some(chip.length) == last))
            .filter(|at| chips.get(*at).is_some_and(|chip| !chip.is_over))
            .or_else(|| chips.iter().position(|chip| !chip.is_over));
        for (place, chip) in chips.iter_mut().enumerate() {
            chip.is_chosen = Some(place) == at;
        }
        self.length = at.and_then(|at| chips.get(at)).map(|chip| chip.length);
    }

    fn read_typed(&mut self, limits: &LengthLimits) {
        let Ok(span) = self.typed.parse::<TimeSpan>() else {
            self.length_wrong = Coded("Write a length like 1h 30m.".to_owned());
            return;
        };
        self.length = Some(span);
        if let Err(refused) = limits.check(span) {
            self.length_wrong = Coded(limits.words(refused));
        }
    }

    fn waits(&mut self, view: &Presenter, waiting: Option<&Request>) {
        self.waiting = waiting
            .filter(|request| !crate::ui::rows::is_past(view, request))
            .map(|request| {
                let page = format!("/requests/{}", request.id);
                (page, view.words(request.asked_at))
            });
    }

    /// Turns the form into an extension if the viewer has the access already.
    async fn extend(
        &mut self,
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
        preview: &Preview,
    ) -> Result<(), ProblemResponse> {
        let held = preview.held.as_ref();
        let active = active(preview);
        let waiting = match (active, held) {
            (Some(_), Some(held)) => held.waiting.as_ref(),
            _ => preview.waiting.as_ref(),
        };
        self.waits(view, waiting);
        let Some(grant) = active else {
            if held.is_some() {
                self.notes.push(Coded(
                    "This is being set up for you now; see your access.".to_owned(),
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
        let bench = |heading: String, people: Vec<&Email>| bench(view, heading, people);
        match preview.by_rules() {
            Ok(RequestVerdict::Granted(_)) => {
                self.heading = asking::verdict_of(decision).unwrap_or_default();
            }
            Ok(RequestVerdict::Waits) if decision.stages.is_empty() => {
                let count = decision.approvers.len();
                let needed = decision.approvals_needed;
                let heading = match count {
                    _ if decision.own_later == OwnLater::Alone => {
                        "You approve it yourself, when approvals are given".to_owned()
                    }
                    1 => "This person must approve".to_owned(),
                    _ => format!("{needed} of these {count} people must approve"),
                };
                self.benches
                    .push(bench(heading, decision.approvers.iter().collect()));
            }
            Ok(RequestVerdict::Waits) => {
                for stage in &decision.stages {
                    let heading = format!(
                        "{}: {} of these must approve",
                        capital(&plain(&stage.name)),
                        stage.quorum
                    );
                    self.benches
                        .push(bench(heading, stage.approvers.iter().collect()));
                }
            }
            Ok(RequestVerdict::BreakGlassOnly) => {
                "No one can approve this for you".clone_into(&mut self.heading);
                self.notes.push(Coded(format!(
                    "You may break the glass once it is sent. {BREAK_GLASS_MEANS}"
                )));
            }
            Err(_) => {}
        }
        if preview.by_rules() == Ok(RequestVerdict::Waits) {
            let hours = decision.approval_hours.iter().map(|hours| {
                format!(
                    "By rule `{}` approvals are given only {hours}.",
                    hours.rule()
                )
            });
            self.notes.extend(hours.map(Coded));
            let open = ApprovalHours::open(&decision.approval_hours, view.now);
            let closed = outstanding::hours_closed(
                open,
                &decision.approval_hours,
                self.starts_at
                    .zip(self.length)
                    .map(|(at, length)| length.after(at)),
                |at| view.words(at),
            );
            self.notes.extend(closed.map(Coded));
        }
        if preview.by_rules() == Ok(RequestVerdict::Waits) && decision.break_glass {
            self.notes.push(Coded(format!(
                "In an emergency you need not wait: once it is sent you may break the glass. \
                 {BREAK_GLASS_MEANS}"
            )));
        }
    }

    fn facts(&mut self, app: &App, view: &Presenter, choice: &Choice, preview: &Preview) {
        if let Some(length) = self.length {
            self.time = match &self.extends {
                _ if !self.standing.is_empty() => {
                    format!("{length} of a grant on top; the access you hold stays after it")
                }
                Some(_) => format!(
                    "{length}, counted from the approval: to {} if it came now",
                    view.words(length.after(view.now))
                ),
                None => format!("{length}, counted from when AWS confirms"),
            };
        }
        if preview.by_rules() == Ok(RequestVerdict::Waits) {
            let hours = &preview.decision.approval_hours;
            let lapses = app.access.settings().lapses_at(view.now, hours);
            self.lapses = lapses
                .map(|at| format!("{} if no one decides", view.words(at)))
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
            self.set_page = set_address(&set.name);
        }
        if let (Some(set), Some(length)) = (&choice.set, self.length) {
            let session = TimeSpan::seconds(set.session_duration);
            if session > length {
                self.notes.push(Coded(asking::outliving(session)));
            }
        }
    }

    fn requirements(&mut self, decision: &Decision, form: &NewRequestForm) {
        let (reason, ticket) = (form.reason.trim(), form.ticket.trim());
        let ticket_given = (!ticket.is_empty()).then_some(ticket);
        self.unfit
            .extend(patterns_refused(reason, ticket_given, decision));
        RuleWarning::add_each_once(&mut self.warnings, decision.warnings.iter().cloned());
        self.ticket = decision.ticket_hint().map(Coded);
        let reasons = decision.reason_patterns.first();
        self.reason_hint = reasons.map(|need| Coded(need.words("reason")));
    }
}

fn starts_at(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local = time::local(text).ok()?;
    Some(local.to_zoned(zone.clone()).ok()?.timestamp())
}

pub(super) fn why_not(
    why: &RequestRefused,
    view: &Presenter,
    preview: &Preview,
) -> (&'static str, String) {
    let button = match why {
        RequestRefused::NoApprover
        | RequestRefused::UnknownApprovers(_)
        | RequestRefused::NoManager(_) => "No one can approve this",
        RequestRefused::NoRule => "No rule covers this",
        RequestRefused::NotAllowed if preview.opens_at.is_none() => "Not for you today",
        RequestRefused::NotAllowed if preview.starts_at.is_some() => "Not open then",
        RequestRefused::NotAllowed => "Not open now",
        RequestRefused::NotOnCall(_) => "For people on call",
        RequestRefused::OtherAttributes(_) => "Not for you",
        RequestRefused::Unread(_) => "Not known just now",
        RequestRefused::Fields(_) => "Not possible",
    };
    let target = match why {
        RequestRefused::NoRule => view.aim(Some(&preview.target), &preview.names).words(),
        _ => "this".to_owned(),
    };
    let words = asking::refused(why, preview, &target, &view.contact, |at| view.words(at));
    (button, words)
}

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

fn bench(view: &Presenter, heading: String, people: Vec<&Email>) -> ReviewerGroup {
    ReviewerGroup {
        heading,
        more: people.len().saturating_sub(PEOPLE),
        people: people
            .into_iter()
            .take(PEOPLE)
            .map(|email| view.who(email))
            .collect(),
    }
}

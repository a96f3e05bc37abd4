//! Request page: choose access, see approvers and end.
//!
//! One form. GET previews, POST submits. The script only automates the preview.

mod basket;
mod button;
mod choice;
mod lengths;
mod outlook;
mod recents;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, Asking, Extending, FieldProblem, Refusal, RequestOutcome,
    RequestedTogether, Wanted,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::dialogs;
use serde::Deserialize;

use self::{
    basket::Basket,
    choice::{Choice, ChoiceKind, Hit, SetHit},
    lengths::Chip,
    outlook::Outlook,
    recents::Recents,
};
use super::{
    confirming::{self, Warned},
    flash::{self, Flash},
    presenter::{Coded, Presenter},
    saved::{SavedLink, SavedOn},
    shell::{Nav, PageResult, Posted, Shell, Viewer, page_with, see_other},
    words::{number, sentence},
};
use crate::App;
use crate::problem::ProblemResponse;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewRequestForm {
    kind: String,
    q: String,
    account: String,
    permission_set: String,
    group: String,
    #[serde(rename = "for")]
    length: String,
    other: String,
    reason: String,
    ticket: String,
    /// Start in the viewer's time zone, in browser format; empty for now.
    starts: String,
    also: String,
    add: String,
    drop: String,
    meant: String,
    confirmed: String,
}

impl NewRequestForm {
    fn target(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: &String| (name.to_owned(), value.clone());
        vec![
            pair("account", &self.account),
            pair("permission_set", &self.permission_set),
            pair("group", &self.group),
        ]
    }
}

#[derive(Clone, Debug, Default)]
struct Wrong {
    account: Coded,
    permission_set: Coded,
    group: Coded,
    length: Coded,
    reason: Coded,
    ticket: Coded,
    starts: Coded,
    confirmed: Coded,
    whole: Coded,
}

impl Wrong {
    fn count(&self) -> usize {
        let all = [
            &self.account,
            &self.permission_set,
            &self.group,
            &self.length,
            &self.reason,
            &self.ticket,
            &self.starts,
            &self.confirmed,
        ];
        all.into_iter().filter(|words| !words.is_empty()).count()
    }

    fn first(&self) -> &'static str {
        let order = [
            ("account", &self.account),
            ("group", &self.group),
            ("permission_set", &self.permission_set),
            ("length", &self.length),
            ("starts", &self.starts),
            ("reason", &self.reason),
            ("ticket", &self.ticket),
            ("confirmed", &self.confirmed),
        ];
        order
            .into_iter()
            .find(|(_, words)| !words.is_empty())
            .map_or("", |(name, _)| name)
    }

    fn take(&mut self, problem: &FieldProblem) {
        let slot = match problem.field.as_str() {
            "account" => &mut self.account,
            "permission_set" => &mut self.permission_set,
            "group" => &mut self.group,
            "duration_seconds" => &mut self.length,
            "reason" => &mut self.reason,
            "ticket" => &mut self.ticket,
            "starts_at" => &mut self.starts,
            _ => &mut self.whole,
        };
        slot.0.clone_from(&problem.message);
    }
}

#[derive(Template)]
#[template(path = "ask.html")]
struct NewRequestPage {
    shell: Shell,
    form: NewRequestForm,
    kind: ChoiceKind,
    hits: Vec<Hit>,
    hint: String,
    place: String,
    sets: Vec<SetHit>,
    no_sets: Coded,
    chips: Vec<Chip>,
    limit: Coded,
    typed: String,
    ticket: Option<Coded>,
    reason_hint: Option<Coded>,
    used: String,
    outlook: Outlook,
    basket: Basket,
    warned: Option<Warned>,
    takes_more: bool,
    wrong: Wrong,
    summary: String,
    first: &'static str,
    pinned: Vec<SavedLink>,
    is_pinned: bool,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/ask", get(show).post(send))
}

async fn show(
    State(app): State<App>,
    Query(mut form): Query<NewRequestForm>,
    viewer: Viewer,
) -> PageResult {
    let chosen = Choice::of(&app, &form);
    form.settle(&chosen);
    render(&app, &viewer, form, Wrong::default(), StatusCode::OK).await
}

async fn render(
    app: &App,
    viewer: &Viewer,
    mut form: NewRequestForm,
    wrong: Wrong,
    status: StatusCode,
) -> PageResult {
    let view = Presenter::new(app, viewer);
    let choice = Choice::of(app, &form);
    // On the heap: callers hold this future.
    let judged = Box::pin(Outlook::of(app, viewer, &view, &choice, &form));
    let mut outlook = judged.await?;
    let is_sendable = !outlook.submit.is_empty() && outlook.closed.is_empty();
    let is_new = outlook.extends.is_none() && outlook.waiting.is_none();
    let judged = Box::pin(Basket::of(app, viewer, &view, &choice, &form, &mut outlook));
    let basket = judged.await?;
    if form.reason.is_empty() {
        form.reason = outlook.reason_before.clone();
    }
    if form.ticket.is_empty() {
        form.ticket = outlook.ticket_before.clone();
    }
    let recents = Recents::of(app, viewer).await;
    let (hits, hint) = choice.hits(app, viewer, &form, &recents);
    let (sets, no_sets) = choice.sets(app, viewer, &recents);
    let title = match outlook.extends {
        Some(_) => "Extend access",
        None => "Request access",
    };
    let wrong = with_length(wrong, &outlook);
    let count = wrong.count();
    let used = u64::try_from(form.reason.trim().chars().count()).unwrap_or(u64::MAX);
    let shell = viewer.shell(app, Nav::Ask, title).await;
    let answer = NewRequestPage {
        kind: choice.kind,
        place: choice.place(&view),
        hits,
        hint,
        sets,
        no_sets,
        chips: outlook.chips.clone(),
        limit: outlook.limit.clone(),
        typed: outlook.typed.clone(),
        ticket: outlook.ticket.clone(),
        reason_hint: outlook.reason_hint.clone(),
        used: number(used),
        summary: match (count, wrong.whole.is_empty()) {
            (0, _) => String::new(),
            (1, _) => "1 thing to fix.".to_owned(),
            (n, _) => format!("{n} things to fix."),
        },
        first: wrong.first(),
        warned: Warned::of(&outlook.warnings, &form.confirmed).map(|warned| Warned {
            error: wrong.confirmed.0.clone(),
            ..warned
        }),
        takes_more: choice.wanted().is_some() && is_sendable && is_new && !basket.is_full,
        basket,
        is_pinned: viewer.saved.has(SavedOn::Ask, &form.target()),
        pinned: viewer.saved.on(SavedOn::Ask).to_vec(),
        outlook,
        wrong,
        form,
        shell,
    };
    Ok(page_with(status, &answer))
}

fn with_length(mut wrong: Wrong, outlook: &Outlook) -> Wrong {
    if wrong.length.is_empty() {
        wrong.length = outlook.length_wrong.clone();
    }
    wrong
}

async fn send(
    State(app): State<App>,
    Posted { viewer, form }: Posted<NewRequestForm>,
) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let choice = Choice::of(&app, &form);
    let mut outlook = Outlook::of(&app, &viewer, &view, &choice, &form).await?;
    let basket = Basket::of(&app, &viewer, &view, &choice, &form, &mut outlook).await?;
    let mut wrong = unfinished(&choice, &basket, &form, &outlook);
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let wanted = match (basket.wanted(), choice.wanted()) {
        ([], chosen) => chosen.into_iter().collect(),
        (several, _) => several.to_vec(),
    };
    let (false, Some(length)) = (wanted.is_empty(), outlook.length) else {
        if outlook.length.is_none() && outlook.length_wrong.is_empty() {
            wrong.length = Coded("Choose a length.".to_owned());
        }
        return render(&app, &viewer, form, wrong, unprocessable).await;
    };
    if wrong.count() > 0 {
        return render(&app, &viewer, form, wrong, unprocessable).await;
    }
    if !form.meant.is_empty() && form.meant != outlook.meant {
        wrong.whole = Coded(
            "Your choice changed after the button was made, so nothing was sent. This is what it \
             means now."
                .to_owned(),
        );
        return render(&app, &viewer, form, wrong, StatusCode::CONFLICT).await;
    }
    let [wanted] = wanted.as_slice() else {
        let sending = send_several(&app, &viewer, &outlook, &wanted, length, form);
        return Box::pin(sending).await;
    };
    let asked = ask(&app, &viewer, &outlook, wanted, length, &form).await;
    match asked {
        Ok(RequestOutcome::Pending(request)) => Ok(see_other(&format!("/requests/{}", request.id))),
        Ok(RequestOutcome::Approved(..)) => Ok(see_other("/")),
        Ok(RequestOutcome::AlreadyPending(request)) => {
            let page = format!("/requests/{}", request.id);
            Ok(see_other(&flash::after(&page, Flash::Already, request.id)))
        }
        Ok(RequestOutcome::Rejected(_, refusal)) => {
            let wrong = refused(&outlook, &refusal);
            render(&app, &viewer, form, wrong, unprocessable).await
        }
        Err(AccessError::Refused(ActionRefused::GrantOver { .. })) => {
            wrong.whole = Coded("The access has ended meanwhile. Request it again.".to_owned());
            render(&app, &viewer, form, wrong, StatusCode::CONFLICT).await
        }
        Err(AccessError::Refused(ActionRefused::WarningsUnconfirmed { .. })) => {
            render(&app, &viewer, form, not_ticked(), unprocessable).await
        }
        Err(AccessError::Refused(why)) if why.is_over_limit() => {
            Box::pin(render_over_limit(&app, &viewer, form, why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn render_over_limit(
    app: &App,
    viewer: &Viewer,
    form: NewRequestForm,
    why: ActionRefused,
) -> PageResult {
    let mut wrong = Wrong::default();
    if let ActionRefused::LongText { field, characters } = &why {
        wrong.take(&field.problem(*characters));
    } else {
        wrong.whole = Coded(sentence(&why.to_string()));
    }
    let status = ProblemResponse::from(why).status();
    render(app, viewer, form, wrong, status).await
}

fn not_ticked() -> Wrong {
    Wrong {
        confirmed: Coded(confirming::NOT_TICKED.to_owned()),
        ..Wrong::default()
    }
}

async fn send_several(
    app: &App,
    viewer: &Viewer,
    outlook: &Outlook,
    wanted: &[Wanted],
    length: TimeSpan,
    form: NewRequestForm,
) -> PageResult {
    let askings: Vec<Asking> = wanted
        .iter()
        .map(|wanted| asking(outlook, wanted, length, &form))
        .collect();
    let asked = app.access.ask_together(&viewer.actor, &askings, None);
    let asked = match asked.await {
        Err(AccessError::Refused(ActionRefused::WarningsUnconfirmed { .. })) => Err(not_ticked()),
        Err(AccessError::Refused(why)) if why.is_over_limit() => {
            return Box::pin(render_over_limit(app, viewer, form, why)).await;
        }
        Err(error) => return Err(error.into()),
        Ok(RequestedTogether::All(all)) => Ok(all),
        Ok(RequestedTogether::Refused(refused)) => {
            let mut wrong = Wrong::default();
            for problem in refused.iter().flat_map(|(_, refusal)| &refusal.fields) {
                wrong.take(problem);
            }
            (wrong.account, wrong.permission_set, wrong.group) = Default::default();
            let words = format!(
                "{} of these {} cannot be requested, so nothing was sent.",
                refused.len(),
                wanted.len()
            );
            wrong.whole = Coded(words);
            Err(wrong)
        }
    };
    let all = match asked {
        Ok(all) => all,
        Err(wrong) => {
            return render(app, viewer, form, wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let waits = all.iter().find_map(|outcome| match outcome {
        RequestOutcome::Pending(request) | RequestOutcome::AlreadyPending(request) => {
            Some(request.id)
        }
        RequestOutcome::Approved(..) | RequestOutcome::Rejected(..) => None,
    });
    Ok(match waits {
        Some(id) => see_other(&format!("/requests/{id}")),
        None => see_other("/"),
    })
}

/// Requests access or an extension.
async fn ask(
    app: &App,
    viewer: &Viewer,
    outlook: &Outlook,
    wanted: &Wanted,
    length: TimeSpan,
    form: &NewRequestForm,
) -> Result<RequestOutcome, AccessError> {
    if let Some((id, _)) = outlook.extends {
        let extending = Extending {
            duration: length,
            reason: Some(&form.reason),
            ticket: Some(&form.ticket),
            confirmed: &confirming::ids(&form.confirmed),
        };
        return app.access.extend(&viewer.actor, id, extending, None).await;
    }
    let asking = asking(outlook, wanted, length, form);
    app.access.ask(&viewer.actor, &asking, None).await
}

fn asking(outlook: &Outlook, wanted: &Wanted, length: TimeSpan, form: &NewRequestForm) -> Asking {
    let ticket = form.ticket.trim();
    Asking {
        wanted: wanted.clone(),
        duration: length,
        reason: form.reason.clone(),
        ticket: (!ticket.is_empty()).then(|| ticket.to_owned()),
        starts_at: outlook.starts_at,
        confirmed: confirming::ids(&form.confirmed),
    }
}

fn unfinished(choice: &Choice, basket: &Basket, form: &NewRequestForm, outlook: &Outlook) -> Wrong {
    let mut wrong = Wrong::default();
    if !form.starts.is_empty() && outlook.starts_at.is_none() {
        wrong.starts = Coded("Choose a day and a time, or leave it empty.".to_owned());
    }
    match choice.kind {
        _ if !basket.is_empty() => {}
        ChoiceKind::Account if choice.account.is_none() => {
            wrong.account = Coded("Choose an account.".to_owned());
        }
        ChoiceKind::Account if choice.set.is_none() => {
            wrong.permission_set = Coded("Choose a permission set.".to_owned());
        }
        ChoiceKind::Group if choice.group.is_none() => {
            wrong.group = Coded("Choose a group.".to_owned());
        }
        ChoiceKind::Account | ChoiceKind::Group => {}
    }
    for problem in &outlook.unfit {
        wrong.take(problem);
    }
    if form.reason.trim().is_empty() {
        wrong.reason = Coded(dialogs::REASON_MISSING.to_owned());
    }
    wrong
}

fn refused(outlook: &Outlook, refusal: &Refusal) -> Wrong {
    let mut wrong = Wrong::default();
    for problem in &refusal.fields {
        wrong.take(problem);
        if problem.code == "adds-nothing" {
            wrong.length = outlook.adds_nothing.clone().unwrap_or_default();
        }
    }
    if refusal.fields.is_empty() {
        wrong.whole = if outlook.why_not.is_empty() {
            Coded(refusal.message.clone())
        } else {
            outlook.why_not.clone()
        };
    }
    wrong
}

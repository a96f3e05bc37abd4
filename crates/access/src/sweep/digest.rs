//! What those who run the place are told of a run: what is new or changed, and how much is as it
//! was. One digest for each run.

use std::fmt::Write as _;

use hallpass_model::Timestamp;

use super::{
    Fate, ItemChange, ItemKind, ItemSight, LeftOut, Sweep, SweepAction, SweepItem, SweepReport,
    SweepState,
};
use crate::{DigestKind, words};

/// Items named in a digest; more are counted.
const NAMED_MAX: usize = 20;

/// What is told once a run has looked; `None` when nothing differs from the run before.
pub(crate) fn before(
    sweep: &Sweep,
    items: &[SweepItem],
    earlier: Option<&Sweep>,
    next_sweep: Option<Timestamp>,
) -> Option<(DigestKind, String)> {
    let report = sweep.report.as_ref()?;
    let due = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Due { .. }))
        .count();
    let kind = match &sweep.state {
        SweepState::Planned { .. } => DigestKind::SweepPlanned,
        SweepState::Stopped { .. } => DigestKind::SweepStopped,
        SweepState::Working { .. } => DigestKind::SweepFound,
        SweepState::Done { .. } if has_news(report, items, earlier) => DigestKind::SweepFound,
        SweepState::Done { .. }
        | SweepState::Running
        | SweepState::Interrupted { .. }
        | SweepState::Failed { .. }
        | SweepState::Replaced { .. } => return None,
    };
    let mut text = headline(sweep, items, due);
    changes(&mut text, report, items);
    unread(&mut text, report);
    if let (Some(at), Some(action)) = (next_sweep, sweep.mode.action()) {
        let does = match action {
            SweepAction::Remove => "removes",
            SweepAction::Adopt { .. } => "gives an end to",
        };
        let at = words::instant(at);
        line(
            &mut text,
            format!("The next sweep, at {at}, {does} what is still unknown."),
        );
    }
    if kind == DigestKind::SweepPlanned || kind == DigestKind::SweepStopped {
        let id = sweep.id;
        line(
            &mut text,
            format!("An administrator confirms it with `hallpass sweep confirm {id}`."),
        );
    }
    Some((kind, text))
}

fn line(text: &mut String, more: impl AsRef<str>) {
    text.push('\n');
    text.push_str(more.as_ref());
}

/// Whether somebody has to hear of it.
fn has_news(report: &SweepReport, items: &[SweepItem], earlier: Option<&Sweep>) -> bool {
    let before = earlier.and_then(|earlier| earlier.report.as_ref());
    let newly_unread = report.unread > 0
        && before.is_none_or(|before| before.unread_places != report.unread_places);
    report.gone > 0 || newly_unread || items.iter().any(is_news)
}

/// Whether an item is worth a line: new or changed, and not something somebody accepted.
fn is_news(item: &SweepItem) -> bool {
    let differs = match item.change {
        ItemChange::New | ItemChange::Changed => true,
        ItemChange::Same => false,
    };
    let matters = match item.kind {
        ItemKind::Unknown
        | ItemKind::Preexisting { .. }
        | ItemKind::ReviewOverdue { .. }
        | ItemKind::UnderGrant => true,
        ItemKind::Accepted { .. } => false,
    };
    differs && matters && item.sight == ItemSight::Seen
}

fn headline(sweep: &Sweep, items: &[SweepItem], due: usize) -> String {
    let at = words::instant(sweep.begun_at);
    let what = if sweep.trigger.acts() {
        "Sweep"
    } else {
        "Check"
    };
    match &sweep.state {
        SweepState::Planned { .. } => {
            let plan = plan_words(items);
            format!("{what} of {at}: it would {plan}. Nothing was done.")
        }
        SweepState::Stopped { brake, .. } => {
            format!("{what} of {at} stopped: {brake}. Nothing was done.")
        }
        SweepState::Working { .. } => {
            let does = match sweep.mode.action() {
                Some(SweepAction::Adopt { .. }) => "get an end now",
                Some(SweepAction::Remove) | None => "are being removed now",
            };
            format!("{what} of {at}: {due} items that nobody recorded {does}.")
        }
        SweepState::Running
        | SweepState::Interrupted { .. }
        | SweepState::Failed { .. }
        | SweepState::Replaced { .. }
        | SweepState::Done { .. } => format!("{what} of {at}."),
    }
}

/// What a run would do, or does: `remove 4 assignments`.
pub fn plan_words(items: &[SweepItem]) -> String {
    let action = items.iter().find_map(|item| match item.fate {
        Fate::Planned { action } | Fate::Due { action } => Some(action),
        _ => None,
    });
    let count = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Planned { .. } | Fate::Due { .. }))
        .count();
    let noun = if count == 1 {
        "assignment"
    } else {
        "assignments"
    };
    match action {
        Some(SweepAction::Adopt { length }) => {
            format!("give {count} {noun} an end in {length}")
        }
        Some(SweepAction::Remove) | None => format!("remove {count} {noun}"),
    }
}

fn changes(text: &mut String, report: &SweepReport, items: &[SweepItem]) {
    let news: Vec<&SweepItem> = items.iter().filter(|item| is_news(item)).collect();
    for item in news.iter().take(NAMED_MAX) {
        let how = match item.change {
            ItemChange::New => "new",
            ItemChange::Changed | ItemChange::Same => "changed",
        };
        let kind = words::item_kind(&item.kind);
        let holder = item.holder_name();
        line(text, format!("- {}: {holder}, {how}, {kind}", item.names));
    }
    if let Some(more) = news.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        line(text, format!("- and {more} more"));
    }
    for gone in report.gone_items.iter().take(NAMED_MAX) {
        line(text, format!("- {}: {}, gone", gone.names, gone.holder));
    }
    let named = u64::try_from(report.gone_items.len().min(NAMED_MAX)).unwrap_or(0);
    if report.gone > named {
        line(
            text,
            format!("- and {} more that are gone", report.gone - named),
        );
    }
    let old = items
        .iter()
        .filter(|item| item.kind.is_unaccepted() && !is_news(item))
        .count();
    let accepted = report.accepted;
    line(
        text,
        format!("{old} unknown as before, {accepted} accepted as standing."),
    );
}

fn unread(text: &mut String, report: &SweepReport) {
    if report.unread > 0 {
        let mut places = String::new();
        for unread in report.unread_places.iter().take(5) {
            // writing to a `String` cannot fail
            let place = words::unread_place(&unread.what);
            let _ = write!(places, " {place} ({});", unread.error);
        }
        let places = places.trim_end_matches(';');
        line(
            text,
            format!("{} could not be read:{places}.", report.unread),
        );
    }
    for left_out in &report.left_out {
        match left_out {
            LeftOut::Entitlements => line(text, words::NOT_LOOKED_AT),
            LeftOut::InactiveAccounts { .. } | LeftOut::ManagementAccount { .. } => {}
        }
    }
}

/// What is told when somebody confirmed a plan.
pub(crate) fn confirmed(who: &str, sweep: &Sweep, items: &[SweepItem]) -> String {
    let at = words::instant(sweep.begun_at);
    let mut text = format!(
        "{who} confirmed the sweep of {at}: it begins to {}.",
        plan_words(items)
    );
    let acted = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Planned { .. }));
    for item in acted.clone().take(NAMED_MAX) {
        line(
            &mut text,
            format!("- {}: {}", item.names, item.holder_name()),
        );
    }
    if let Some(more) = acted
        .count()
        .checked_sub(NAMED_MAX)
        .filter(|more| *more > 0)
    {
        line(&mut text, format!("- and {more} more"));
    }
    text
}

/// What is told once a run is over that did something.
pub(crate) fn done(sweep: &Sweep, items: &[SweepItem]) -> Option<String> {
    let count = |wanted: fn(&Fate) -> bool| items.iter().filter(|item| wanted(&item.fate)).count();
    let gone = count(|fate| matches!(fate, Fate::Gone { .. }));
    let adopted = count(|fate| matches!(fate, Fate::Adopted { .. }));
    let left = count(|fate| matches!(fate, Fate::LeftAlone { .. }));
    let stuck: Vec<&SweepItem> = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Stuck { .. }))
        .collect();
    if gone + adopted + left + stuck.len() == 0 {
        return None;
    }
    let at = words::instant(sweep.begun_at);
    let mut text = format!(
        "The sweep of {at} is over: {gone} removed or gone, {adopted} given an end, {left} left \
         alone, {} that AWS refuses to remove.",
        stuck.len()
    );
    for item in stuck.iter().take(NAMED_MAX) {
        if let Fate::Stuck { reason, .. } = &item.fate {
            let holder = item.holder_name();
            line(&mut text, format!("- {}: {holder}: {reason}", item.names));
        }
    }
    Some(text)
}

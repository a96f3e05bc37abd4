//! Sweep notices for operators: a headline, and a line per fact.

use hallpass_access::{
    ChangedHolding, Digest, DigestKind, DigestNews, FirstOf, ItemChange, LeftOut, LookedOutcome,
    NamedHolding, StuckHolding, SweepAction, SweepConfirmed, SweepDone, SweepLooked, SweepPurpose,
    SweepWork,
};
use hallpass_base::text;

use crate::wording::notice::mail::{Letter, OPERATOR};
use crate::wording::standing::{self, NOT_LOOKED_AT, item_kind, unread_place};
use crate::wording::time::utc;

pub fn digest_text(digest: &Digest) -> String {
    match &digest.news {
        DigestNews::Looked(looked) => looked_lines(digest, looked).join("\n"),
        DigestNews::Confirmed(confirmed) => confirmed_lines(confirmed).join("\n"),
        DigestNews::Done(done) => done_lines(done).join("\n"),
        DigestNews::Failed { error, again_after } => format!(
            "Standing access could not be read: {error}. It is tried again in {again_after}."
        ),
        DigestNews::Text(text) => text.clone(),
    }
}

pub fn digest_letter(digest: &Digest) -> Letter {
    let subject = match digest.digest {
        DigestKind::SweepFound => "Sweep: access that changed",
        DigestKind::SweepPlanned => "Sweep: a plan waits for you",
        DigestKind::SweepStopped => "Sweep stopped: it would do too much",
        DigestKind::SweepDone => "Sweep: results",
        DigestKind::SweepFailed => "Sweep failed: access cannot be read",
    };
    let told = digest_text(digest);
    let mut lines = told.lines();
    Letter {
        subject: subject.to_owned(),
        headline: text::line(lines.next().unwrap_or_default(), 1_000),
        facts: Vec::new(),
        quote: None,
        notes: lines.map(|line| text::line(line, 1_000)).collect(),
        link: "Open in Hallpass",
        footer: OPERATOR.to_owned(),
    }
}

/// Summarizes a run's work: `remove 4 assignments`.
pub fn work(work: &SweepWork) -> String {
    let count = work.count;
    let noun = if count == 1 {
        "assignment"
    } else {
        "assignments"
    };
    match work.action {
        SweepAction::Adopt { length } => format!("give {count} {noun} an end in {length}"),
        SweepAction::Remove => format!("remove {count} {noun}"),
    }
}

fn looked_lines(digest: &Digest, looked: &SweepLooked) -> Vec<String> {
    let mut lines = vec![headline(looked)];
    lines.extend(named(&looked.changed, changed));
    lines.extend(more(&looked.changed).map(|more| format!("- and {more} more")));
    lines.extend(named(&looked.gone, |gone| {
        format!("{}, gone", holding(gone))
    }));
    lines.extend(more(&looked.gone).map(|more| format!("- and {more} more that are gone")));
    lines.push(format!(
        "{} unmanaged as before, {} accepted as standing.",
        looked.unknown_as_before, looked.accepted
    ));
    if let Some(found) = &looked.entitlements {
        lines.push(standing::entitlements(found.of_people, found.of_groups));
        lines.extend(named(&found.new, |new| {
            format!("{}, new", standing::entitlement(new))
        }));
        lines.extend(more(&found.new).map(|more| format!("- and {more} more that are new")));
    }
    lines.extend(unread(looked));
    if looked.left_out.contains(&LeftOut::Entitlements) {
        lines.push(NOT_LOOKED_AT.to_owned());
    }
    if let Some(next) = looked.next {
        let does = match next.action {
            SweepAction::Remove => "removes",
            SweepAction::Adopt { .. } => "gives an end to",
        };
        let at = utc(next.at);
        lines.push(format!(
            "The next sweep, at {at}, {does} what is still unmanaged."
        ));
    }
    match looked.outcome {
        LookedOutcome::Planned(_) | LookedOutcome::Stopped(_) => lines.push(format!(
            "An administrator confirms it with `hallpass server sweep confirm {}`.",
            digest.sweep
        )),
        LookedOutcome::Working(_) | LookedOutcome::Done => {}
    }
    lines
}

fn headline(looked: &SweepLooked) -> String {
    let at = utc(looked.begun_at);
    let what = match looked.purpose {
        SweepPurpose::Sweep => "Sweep",
        SweepPurpose::Check => "Check",
    };
    match &looked.outcome {
        LookedOutcome::Planned(plan) => {
            format!("{what} of {at}: it would {}. Nothing was done.", work(plan))
        }
        LookedOutcome::Stopped(brake) => {
            format!("{what} of {at} stopped: {brake}. Nothing was done.")
        }
        LookedOutcome::Working(SweepWork { action, count }) => {
            let does = match action {
                SweepAction::Adopt { .. } => "get an end now",
                SweepAction::Remove => "are being removed now",
            };
            format!("{what} of {at}: {count} unmanaged items {does}.")
        }
        LookedOutcome::Done => format!("{what} of {at}."),
    }
}

fn unread(looked: &SweepLooked) -> Option<String> {
    let places: Vec<String> = looked
        .unread_places
        .iter()
        .map(|unread| format!(" {} ({})", unread_place(&unread.what), unread.error))
        .collect();
    let places = places.join(";");
    (looked.unread > 0).then(|| format!("{} could not be read:{places}.", looked.unread))
}

fn confirmed_lines(confirmed: &SweepConfirmed) -> Vec<String> {
    let SweepConfirmed { by, items, .. } = confirmed;
    let (at, plan) = (utc(confirmed.begun_at), work(&confirmed.work));
    let mut lines = vec![format!(
        "{by} confirmed the sweep of {at}: it begins to {plan}."
    )];
    lines.extend(named(items, holding));
    lines.extend(more(items).map(|more| format!("- and {more} more")));
    lines
}

fn done_lines(done: &SweepDone) -> Vec<String> {
    let SweepDone {
        gone,
        adopted,
        left_alone,
        stuck,
        ..
    } = done;
    let at = utc(done.begun_at);
    let mut lines = vec![format!(
        "The sweep of {at} is over: {gone} removed or gone, {adopted} given an end, {left_alone} left \
         alone, {} that AWS refuses to remove.",
        stuck.count
    )];
    lines.extend(named(stuck, |stuck: &StuckHolding| {
        format!("{}: {}", holding(&stuck.holding), stuck.reason)
    }));
    lines
}

fn holding(it: &NamedHolding) -> String {
    format!("{}: {}", it.names, it.holder)
}

fn changed(it: &ChangedHolding) -> String {
    let how = match it.change {
        ItemChange::New => "new",
        ItemChange::Changed | ItemChange::Same => "changed",
    };
    let (what, kind) = (holding(&it.holding), item_kind(&it.kind));
    format!("{what}, {how}, {kind}")
}

fn named<T>(items: &FirstOf<T>, say: impl Fn(&T) -> String) -> impl Iterator<Item = String> {
    items
        .named
        .iter()
        .map(move |item| format!("- {}", say(item)))
}

fn more<T>(items: &FirstOf<T>) -> Option<u64> {
    Some(items.more()).filter(|more| *more > 0)
}

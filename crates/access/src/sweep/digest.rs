//! Facts of a run for operators, one digest per run. `hallpass_channels::wording` has the sentences.

use hallpass_base::{SweepId, TargetNames, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Brake, Fate, ItemChange, ItemKind, ItemSight, LeftOut, Sweep, SweepAction, SweepItem,
    SweepReport, SweepState, Unread,
};
use crate::{EntitlementReport, NamedEntitlement};

const NAMED_MAX: usize = 20;
const UNREAD_NAMED_MAX: usize = 5;

/// A sweep notification for operators, at most one of a kind per run; delivered like a [`Notice`],
/// and never acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub digest: DigestKind,
    pub sweep: SweepId,
    pub at: Timestamp,
    #[serde(flatten)]
    pub news: DigestNews,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestKind {
    SweepFound,
    /// The plan waits for an administrator.
    SweepPlanned,
    /// Too many actions: none was done.
    SweepStopped,
    SweepDone,
    SweepFailed,
}

impl DigestKind {
    pub const ALL: [Self; 5] = [
        Self::SweepFound,
        Self::SweepPlanned,
        Self::SweepStopped,
        Self::SweepDone,
        Self::SweepFailed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SweepFound => "sweep_found",
            Self::SweepPlanned => "sweep_planned",
            Self::SweepStopped => "sweep_stopped",
            Self::SweepDone => "sweep_done",
            Self::SweepFailed => "sweep_failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestNews {
    Looked(Box<SweepLooked>),
    Confirmed(SweepConfirmed),
    Done(SweepDone),
    Failed {
        error: String,
        again_after: TimeSpan,
    },
    /// For digests stored before facts were kept.
    Text(String),
}

/// The first items by name, and the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstOf<T> {
    pub named: Vec<T>,
    pub count: u64,
}

impl<T> FirstOf<T> {
    pub fn all(items: impl Iterator<Item = T>) -> Self {
        let (mut named, mut count) = (Vec::new(), 0);
        for item in items {
            count += 1;
            if named.len() < NAMED_MAX {
                named.push(item);
            }
        }
        Self { named, count }
    }

    pub fn more(&self) -> u64 {
        let named = u64::try_from(self.named.len()).unwrap_or(u64::MAX);
        self.count.saturating_sub(named)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedHolding {
    pub names: TargetNames,
    pub holder: String,
}

impl NamedHolding {
    fn of(item: &SweepItem) -> Self {
        Self {
            names: item.names.clone(),
            holder: item.holder_name().to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedHolding {
    #[serde(flatten)]
    pub holding: NamedHolding,
    pub change: ItemChange,
    pub kind: ItemKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckHolding {
    #[serde(flatten)]
    pub holding: NamedHolding,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepWork {
    #[serde(flatten)]
    pub action: SweepAction,
    pub count: u64,
}

impl SweepWork {
    pub fn of(items: &[SweepItem]) -> Self {
        let mut actions = items.iter().filter_map(|item| match item.fate {
            Fate::Planned { action } | Fate::Due { action } => Some(action),
            _ => None,
        });
        let first = actions.next();
        let rest = actions.map(|_| 1).sum::<u64>();
        Self {
            action: first.unwrap_or(SweepAction::Remove),
            count: u64::from(first.is_some()) + rest,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookedOutcome {
    Planned(SweepWork),
    /// Too many actions; waits for an administrator.
    Stopped(Brake),
    Working(SweepWork),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSweep {
    pub at: Timestamp,
    #[serde(flatten)]
    pub action: SweepAction,
}

/// Whether a run acts or only reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepPurpose {
    Sweep,
    Check,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepLooked {
    pub purpose: SweepPurpose,
    pub begun_at: Timestamp,
    pub outcome: LookedOutcome,
    /// New or changed, and not accepted.
    pub changed: FirstOf<ChangedHolding>,
    /// In the previous run, but not in this one.
    pub gone: FirstOf<NamedHolding>,
    pub unknown_as_before: u64,
    pub accepted: u64,
    /// `None` if not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementsFound>,
    pub unread: u64,
    pub unread_places: Vec<Unread>,
    pub left_out: Vec<LeftOut>,
    pub next: Option<NextSweep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementsFound {
    pub of_people: u64,
    pub of_groups: u64,
    pub new: FirstOf<NamedEntitlement>,
}

impl EntitlementsFound {
    fn of(report: &EntitlementReport) -> Self {
        Self {
            of_people: report.of_people,
            of_groups: report.of_groups,
            new: FirstOf::all(report.new_ones().cloned()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepConfirmed {
    pub by: String,
    pub begun_at: Timestamp,
    pub work: SweepWork,
    pub items: FirstOf<NamedHolding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepDone {
    pub begun_at: Timestamp,
    pub gone: u64,
    pub adopted: u64,
    pub left_alone: u64,
    pub stuck: FirstOf<StuckHolding>,
}

/// `None` without a difference from the previous run.
pub(crate) fn looked(
    sweep: &Sweep,
    items: &[SweepItem],
    earlier: Option<&Sweep>,
    next_sweep: Option<Timestamp>,
) -> Option<(DigestKind, DigestNews)> {
    let report = sweep.report.as_ref()?;
    let work = SweepWork::of(items);
    let (kind, outcome) = match &sweep.state {
        SweepState::Planned { .. } => (DigestKind::SweepPlanned, LookedOutcome::Planned(work)),
        SweepState::Stopped { brake, .. } => {
            (DigestKind::SweepStopped, LookedOutcome::Stopped(*brake))
        }
        SweepState::Working { .. } => (DigestKind::SweepFound, LookedOutcome::Working(work)),
        SweepState::Done { .. } if has_news(report, items, earlier) => {
            (DigestKind::SweepFound, LookedOutcome::Done)
        }
        SweepState::Done { .. }
        | SweepState::Queued
        | SweepState::Running
        | SweepState::Interrupted { .. }
        | SweepState::Failed { .. }
        | SweepState::Replaced { .. } => return None,
    };
    let changed = items.iter().filter(|item| is_news(item));
    let as_before = |item: &&SweepItem| item.kind.is_unaccepted() && !is_news(item);
    let looked = SweepLooked {
        purpose: if sweep.trigger.acts() {
            SweepPurpose::Sweep
        } else {
            SweepPurpose::Check
        },
        begun_at: sweep.begun_at,
        outcome,
        changed: FirstOf::all(changed.map(|item| ChangedHolding {
            holding: NamedHolding::of(item),
            change: item.change,
            kind: item.kind.clone(),
        })),
        gone: gone(report),
        unknown_as_before: count(items, as_before),
        accepted: report.accepted,
        entitlements: report.entitlements.as_ref().map(EntitlementsFound::of),
        unread: report.unread,
        unread_places: report
            .unread_places
            .iter()
            .take(UNREAD_NAMED_MAX)
            .cloned()
            .collect(),
        left_out: report.left_out.clone(),
        next: next_sweep
            .zip(sweep.mode.action())
            .map(|(at, action)| NextSweep { at, action }),
    };
    Some((kind, DigestNews::Looked(Box::new(looked))))
}

fn count(items: &[SweepItem], is_wanted: impl Fn(&&SweepItem) -> bool) -> u64 {
    u64::try_from(items.iter().filter(is_wanted).count()).unwrap_or(u64::MAX)
}

/// The report names only the first.
fn gone(report: &SweepReport) -> FirstOf<NamedHolding> {
    let kept = report.gone_items.iter().map(|gone| NamedHolding {
        names: gone.names.clone(),
        holder: gone.holder.clone(),
    });
    FirstOf {
        count: report.gone,
        ..FirstOf::all(kept)
    }
}

fn has_news(report: &SweepReport, items: &[SweepItem], earlier: Option<&Sweep>) -> bool {
    let before = earlier.and_then(|earlier| earlier.report.as_ref());
    let newly_unread = report.unread > 0
        && before.is_none_or(|before| before.unread_places != report.unread_places);
    let is_entitled_newly =
        { report.entitlements.as_ref() }.is_some_and(|it| it.new_ones().next().is_some());
    report.gone > 0 || newly_unread || is_entitled_newly || items.iter().any(is_news)
}

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

pub(crate) fn confirmed(who: &str, sweep: &Sweep, items: &[SweepItem]) -> DigestNews {
    let planned = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Planned { .. }));
    DigestNews::Confirmed(SweepConfirmed {
        by: who.to_owned(),
        begun_at: sweep.begun_at,
        work: SweepWork::of(items),
        items: FirstOf::all(planned.map(NamedHolding::of)),
    })
}

pub(crate) fn done(sweep: &Sweep, items: &[SweepItem]) -> Option<DigestNews> {
    let stuck = items.iter().filter_map(|item| match &item.fate {
        Fate::Stuck { reason, .. } => Some(StuckHolding {
            holding: NamedHolding::of(item),
            reason: reason.clone(),
        }),
        _ => None,
    });
    let done = SweepDone {
        begun_at: sweep.begun_at,
        gone: count(items, |item| matches!(item.fate, Fate::Gone { .. })),
        adopted: count(items, |item| matches!(item.fate, Fate::Adopted { .. })),
        left_alone: count(items, |item| matches!(item.fate, Fate::LeftAlone { .. })),
        stuck: FirstOf::all(stuck),
    };
    (done.gone + done.adopted + done.left_alone + done.stuck.count > 0)
        .then_some(DigestNews::Done(done))
}

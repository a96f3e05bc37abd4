//! What those who run the place are told of a run, as facts: what is new or changed, and how much is as
//! it was. One digest for each run. The sentences are in `hallpass-wording`.

use hallpass_base::{SweepId, TargetNames, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Brake, Fate, ItemChange, ItemKind, ItemSight, LeftOut, Sweep, SweepAction, SweepItem,
    SweepReport, SweepState, Unread,
};
use crate::{EntitlementReport, NamedEntitlement};

/// Items named in a digest; more are counted.
const NAMED_MAX: usize = 20;
/// Places named in a digest that could not be read; more are counted.
const UNREAD_NAMED_MAX: usize = 5;

/// What those who run the place should hear of a sweep. One for each run at most of a kind; delivered
/// like a [`Notice`], and as little able to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// What is told.
    pub digest: DigestKind,
    /// The run.
    pub sweep: SweepId,
    /// When it happened.
    pub at: Timestamp,
    /// What is known of it.
    #[serde(flatten)]
    pub news: DigestNews,
}

/// The kinds of digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestKind {
    /// What is new or changed since the run before, and how much is as it was.
    SweepFound,
    /// What it would do waits for an administrator.
    SweepPlanned,
    /// It would do too much, and did nothing.
    SweepStopped,
    /// What it did.
    SweepDone,
    /// It could not look.
    SweepFailed,
}

impl DigestKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::SweepFound,
        Self::SweepPlanned,
        Self::SweepStopped,
        Self::SweepDone,
        Self::SweepFailed,
    ];

    /// The kind's name in webhooks, and in the log.
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

/// What is told of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestNews {
    /// It has looked.
    Looked(Box<SweepLooked>),
    /// Somebody confirmed its plan.
    Confirmed(SweepConfirmed),
    /// It is over, and did something.
    Done(SweepDone),
    /// It could not look.
    Failed {
        /// What was said.
        error: String,
        /// After which time it is tried again.
        again_after: TimeSpan,
    },
    /// A sentence: digests stored before facts were kept have nothing else.
    Text(String),
}

/// The first of many, by name, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstOf<T> {
    /// The first of them.
    pub named: Vec<T>,
    /// All of them.
    pub count: u64,
}

impl<T> FirstOf<T> {
    /// The first of what there is.
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

    /// How many are not named.
    pub fn more(&self) -> u64 {
        let named = u64::try_from(self.named.len()).unwrap_or(u64::MAX);
        self.count.saturating_sub(named)
    }
}

/// Who has what, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedHolding {
    /// The target's names.
    pub names: TargetNames,
    /// Who holds it.
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

/// An item that differs from the run before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedHolding {
    /// Who has what.
    #[serde(flatten)]
    pub holding: NamedHolding,
    /// How it differs.
    pub change: ItemChange,
    /// What it is.
    pub kind: ItemKind,
}

/// An item that AWS refuses to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckHolding {
    /// Who has what.
    #[serde(flatten)]
    pub holding: NamedHolding,
    /// What AWS says.
    pub reason: String,
}

/// What a run does, or would, once somebody confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepWork {
    /// What becomes of each item.
    #[serde(flatten)]
    pub action: SweepAction,
    /// How many items.
    pub count: u64,
}

impl SweepWork {
    /// What is to be done about the items of a run.
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

/// What became of a run once it had looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookedOutcome {
    /// Its plan waits for an administrator.
    Planned(SweepWork),
    /// It would do too much, and waits for an administrator.
    Stopped(Brake),
    /// It acts.
    Working(SweepWork),
    /// There is nothing to do.
    Done,
}

/// When the next run does something about what is still unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSweep {
    /// When it begins.
    pub at: Timestamp,
    /// What it does.
    #[serde(flatten)]
    pub action: SweepAction,
}

/// Whether a run was made to act or to look only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepPurpose {
    /// To do what the mode says.
    Sweep,
    /// To look and report.
    Check,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepLooked {
    /// What it was made for.
    pub purpose: SweepPurpose,
    /// When it began.
    pub begun_at: Timestamp,
    /// What became of it.
    pub outcome: LookedOutcome,
    /// What is new or changed, and accepted by nobody.
    pub changed: FirstOf<ChangedHolding>,
    /// What the run before had and this one did not find.
    pub gone: FirstOf<NamedHolding>,
    /// How much is unknown as before.
    pub unknown_as_before: u64,
    /// How much is accepted.
    pub accepted: u64,
    /// Entitlements of account access manager; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementsFound>,
    /// How much could not be read.
    pub unread: u64,
    /// The first of it.
    pub unread_places: Vec<Unread>,
    /// What is left out by intent.
    pub left_out: Vec<LeftOut>,
    /// The next run that acts.
    pub next: Option<NextSweep>,
}

/// What a run found of entitlements of account access manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementsFound {
    /// Those of people.
    pub of_people: u64,
    /// Those of groups.
    pub of_groups: u64,
    /// Those that the run before did not have.
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

/// That somebody confirmed a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepConfirmed {
    /// The name of who did.
    pub by: String,
    /// When the run began.
    pub begun_at: Timestamp,
    /// What it does now.
    pub work: SweepWork,
    /// About what.
    pub items: FirstOf<NamedHolding>,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepDone {
    /// When the run began.
    pub begun_at: Timestamp,
    /// How many are removed or gone.
    pub gone: u64,
    /// How many were given an end.
    pub adopted: u64,
    /// How many were left alone.
    pub left_alone: u64,
    /// What AWS refuses to remove.
    pub stuck: FirstOf<StuckHolding>,
}

/// What is told once a run has looked; `None` when nothing differs from the run before.
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

/// A report keeps the first of what is gone.
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

/// Whether somebody has to hear of it.
fn has_news(report: &SweepReport, items: &[SweepItem], earlier: Option<&Sweep>) -> bool {
    let before = earlier.and_then(|earlier| earlier.report.as_ref());
    let newly_unread = report.unread > 0
        && before.is_none_or(|before| before.unread_places != report.unread_places);
    let is_entitled_newly =
        { report.entitlements.as_ref() }.is_some_and(|it| it.new_ones().next().is_some());
    report.gone > 0 || newly_unread || is_entitled_newly || items.iter().any(is_news)
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

/// What is told when somebody confirmed a plan.
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

/// What is told once a run is over that did something.
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

//! Classifies a listing: each direct assignment or membership is Hallpass's, accepted, or unknown;
//! and compares it with the previous run. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hallpass_base::{HoldKey, PermissionSetArn, SweepId, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_rules::Directory;

use super::{
    Acceptance, Accepted, Brake, Fate, GoneItem, ItemChange, ItemKind, ItemSight, LeftOut,
    StandingListing, StandingScope, SweepAction, SweepItem, SweepReport, SweepSettings, Wait,
};
use crate::{EntitlementReport, Person, UnreadGrant};

/// The minimum distance of the two runs that must find an item unknown (`access.md` §10.3).
pub const RUNS_APART: TimeSpan = TimeSpan::minutes(10);
const RUNS_IN_A_ROW: u32 = 2;
/// How long access found standing by a grant is only reported (`access.md` §10.2).
pub const PREEXISTING_FOR: TimeSpan = TimeSpan::hours(7 * 24);
/// The latest time to grant, assumed for an unreadable grant.
const GRANTED_WITHIN: TimeSpan = TimeSpan::hours(24);
/// A larger share of all access, in percent, is not acted on (`access.md` §10.3).
const SHARE_MAX_PERCENT: u64 = 25;
/// Names in a report; more are counted.
pub(crate) const NAMED_MAX: usize = 100;

/// Access that Hallpass holds, or held so recently that listings may show it.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Granted, or being granted or removed.
    pub ours: BTreeSet<HoldKey>,
    pub under_grant: BTreeSet<HoldKey>,
    /// When a grant last found the access standing.
    pub found_standing: BTreeMap<HoldKey, Timestamp>,
    /// Recent unreadable ended grants: each may have found standing access, or granted listed
    /// access.
    pub unread: Vec<UnreadGrant>,
}

impl Held {
    /// Includes possible findings of unreadable grants.
    pub fn stood_before(&self, key: &HoldKey) -> Option<Timestamp> {
        let unread = self.unread.iter().filter(|grant| grant.may_be_of(key));
        let unread = unread.map(|grant| GRANTED_WITHIN.after(grant.id.drawn_at()));
        unread.chain(self.found_standing.get(key).copied()).max()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayAct {
    No,
    Plan(SweepAction),
    Do(SweepAction),
}

impl MayAct {
    const fn action(self) -> Option<SweepAction> {
        match self {
            Self::No => None,
            Self::Plan(action) | Self::Do(action) => Some(action),
        }
    }
}

#[derive(Clone, Copy)]
pub struct ListingFacts<'a> {
    pub sweep: SweepId,
    pub listing: &'a StandingListing,
    pub scope: &'a StandingScope,
    pub held: &'a Held,
    pub accepted: &'a BTreeMap<HoldKey, Accepted>,
    pub earlier: &'a BTreeMap<HoldKey, SweepItem>,
    pub earlier_entitlements: Option<&'a EntitlementReport>,
    pub in_hand: &'a BTreeMap<HoldKey, SweepId>,
    pub directory: &'a Directory,
    pub settings: &'a SweepSettings,
    pub may_act: MayAct,
}

#[derive(Clone, Debug)]
pub struct Findings {
    pub items: Vec<SweepItem>,
    pub report: SweepReport,
    /// What prevents automatic action.
    pub brake: Option<Brake>,
}

pub fn findings(facts: &ListingFacts<'_>) -> Findings {
    let names = TargetLabels::of(facts.directory);
    let mut items: Vec<SweepItem> = facts
        .listing
        .seen
        .iter()
        .filter(|(key, _)| facts.scope.contains(&key.target))
        .filter(|(key, _)| !facts.held.ours.contains(key) || facts.in_hand.contains_key(key))
        .map(|(key, at)| seen(facts, &names, key, *at))
        .collect();
    let not_read = facts.listing.not_read();
    let is_listed = |key: &HoldKey| facts.listing.seen.contains_key(key);
    let mut gone = Vec::new();
    for (key, before) in facts.earlier.iter().filter(|(key, _)| !is_listed(key)) {
        if not_read.contains(&key.target) {
            items.push(unread(facts, before));
        } else if facts.scope.contains(&key.target) && !facts.held.ours.contains(key) {
            gone.push(before);
        }
    }
    items.sort_by(|a, b| a.key.cmp(&b.key));
    let acted_on = |item: &&SweepItem| matches!(item.fate, Fate::Planned { .. } | Fate::Due { .. });
    let to_act = count(items.iter().filter(acted_on));
    let brake = brake(to_act, facts);
    if brake.is_some() {
        for item in &mut items {
            if let Fate::Due { action } = item.fate {
                item.fate = Fate::Planned { action };
            }
        }
    }
    let report = report(facts, &items, &gone, to_act);
    Findings {
        items,
        report,
        brake,
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

fn brake(to_act: u64, facts: &ListingFacts<'_>) -> Option<Brake> {
    let (most, of) = (
        u64::from(facts.settings.max_removals),
        count(facts.listing.seen.keys()),
    );
    if to_act > most {
        return Some(Brake::Items {
            would: to_act,
            most,
        });
    }
    let is_large = to_act.saturating_mul(100) > of.saturating_mul(SHARE_MAX_PERCENT);
    is_large.then_some(Brake::Share { would: to_act, of })
}

fn seen(
    facts: &ListingFacts<'_>,
    names: &TargetLabels<'_>,
    key: &HoldKey,
    at: Timestamp,
) -> SweepItem {
    let before = facts.earlier.get(key);
    let kind = kind(facts, key);
    let (since, runs) = in_a_row(&kind, before, at);
    let holder = person(key, facts.directory);
    let item = SweepItem {
        sweep: facts.sweep,
        key: key.clone(),
        names: names.of_target(&key.target, before),
        // A user who left keeps the name.
        holder: holder.or_else(|| before.and_then(|before| before.holder.clone())),
        change: match before {
            None => ItemChange::New,
            Some(before) if before.kind.name() != kind.name() => ItemChange::Changed,
            Some(_) => ItemChange::Same,
        },
        sight: ItemSight::Seen,
        seen_at: at,
        first_seen: before.map_or(at, |before| before.first_seen.min(at)),
        unaccepted_since: since,
        unaccepted_runs: runs,
        fate: Fate::Reported,
        version: 0,
        kind,
    };
    let fate = match facts.in_hand.get(key) {
        Some(by) => Fate::InHand { by: *by },
        None => fate(facts, &item),
    };
    SweepItem { fate, ..item }
}

/// Keeps an item whose place was unreadable unchanged, without action.
fn unread(facts: &ListingFacts<'_>, before: &SweepItem) -> SweepItem {
    SweepItem {
        sweep: facts.sweep,
        change: ItemChange::Same,
        sight: ItemSight::Unread,
        // A run that did not see it does not count.
        unaccepted_since: None,
        unaccepted_runs: 0,
        fate: match facts.in_hand.get(&before.key) {
            Some(by) => Fate::InHand { by: *by },
            None => Fate::Reported,
        },
        version: 0,
        ..before.clone()
    }
}

fn kind(facts: &ListingFacts<'_>, key: &HoldKey) -> ItemKind {
    let mut patterns = facts.settings.standing.iter();
    if let Some(pattern) = patterns.find(|pattern| pattern.covers(key, facts.directory)) {
        let pattern = pattern.as_str().to_owned();
        let by = Acceptance::Pattern { pattern };
        return ItemKind::Accepted { by };
    }
    if let Some(accepted) = facts.accepted.get(key) {
        let by = accepted.acceptance();
        return if accepted.is_overdue(facts.listing.began) {
            ItemKind::ReviewOverdue { by }
        } else {
            ItemKind::Accepted { by }
        };
    }
    if facts.held.under_grant.contains(key) {
        return ItemKind::UnderGrant;
    }
    let found = facts.held.stood_before(key);
    let until = found.map(|at| PREEXISTING_FOR.after(at));
    match until.filter(|until| facts.listing.began < *until) {
        Some(until) => ItemKind::Preexisting { until },
        None => ItemKind::Unknown,
    }
}

/// Counts consecutive runs without acceptance, and their start.
fn in_a_row(
    kind: &ItemKind,
    before: Option<&SweepItem>,
    at: Timestamp,
) -> (Option<Timestamp>, u32) {
    if !kind.is_unaccepted() {
        return (None, 0);
    }
    match before.and_then(|before| before.unaccepted_since.map(|since| (before, since))) {
        // Never by a fast clock.
        Some((before, since)) => {
            let runs = before.unaccepted_runs.saturating_add(1);
            (Some(since.min(at)), runs)
        }
        None => (Some(at), 1),
    }
}

fn fate(facts: &ListingFacts<'_>, item: &SweepItem) -> Fate {
    let Some(action) = facts.may_act.action() else {
        return Fate::Reported;
    };
    match &item.kind {
        ItemKind::Accepted { .. } | ItemKind::ReviewOverdue { .. } | ItemKind::UnderGrant => {
            return Fate::Reported;
        }
        ItemKind::Preexisting { until } => {
            let cause = Wait::Days { until: *until };
            return Fate::Waits { cause };
        }
        ItemKind::Unknown => {}
    }
    let is_confirmed = item.unaccepted_runs >= RUNS_IN_A_ROW
        && item
            .unaccepted_since
            .is_some_and(|since| item.seen_at >= RUNS_APART.after(since));
    if !is_confirmed {
        let cause = Wait::SecondRun;
        return Fate::Waits { cause };
    }
    // The current holder, not the stored one.
    let has_holder = person(&item.key, facts.directory).is_some();
    if matches!(action, SweepAction::Adopt { .. }) && !has_holder {
        let cause = Wait::Holder;
        return Fate::Waits { cause };
    }
    match facts.may_act {
        MayAct::No => Fate::Reported,
        MayAct::Plan(action) => Fate::Planned { action },
        MayAct::Do(action) => Fate::Due { action },
    }
}

fn report(
    facts: &ListingFacts<'_>,
    items: &[SweepItem],
    gone: &[&SweepItem],
    to_act: u64,
) -> SweepReport {
    let listing = facts.listing;
    let seen_now = || items.iter().filter(|item| item.sight == ItemSight::Seen);
    let of = |wanted: fn(&ItemKind) -> bool| count(seen_now().filter(|item| wanted(&item.kind)));
    let differing = |change| count(seen_now().filter(|item| item.change == change));
    let overdue = of(|kind| matches!(kind, ItemKind::ReviewOverdue { .. }));
    let in_scope = listing
        .seen
        .keys()
        .filter(|key| facts.scope.contains(&key.target));
    let seen = count(in_scope);
    SweepReport {
        began: listing.began,
        ended: listing.ended,
        pairs_read: listing.pairs_read,
        groups_read: listing.groups_read,
        seen,
        ours: seen.saturating_sub(count(seen_now())),
        accepted: overdue + of(|kind| matches!(kind, ItemKind::Accepted { .. })),
        under_grant: of(|kind| matches!(kind, ItemKind::UnderGrant)),
        preexisting: of(|kind| matches!(kind, ItemKind::Preexisting { .. })),
        unknown: of(|kind| matches!(kind, ItemKind::Unknown)),
        reviews_overdue: overdue,
        new: differing(ItemChange::New),
        changed: differing(ItemChange::Changed),
        gone: count(gone.iter()),
        gone_items: gone
            .iter()
            .take(NAMED_MAX)
            .map(|item| GoneItem {
                key: item.key.clone(),
                names: item.names.clone(),
                holder: item.holder_name().to_owned(),
            })
            .collect(),
        to_act,
        group_assignments: count(listing.group_assignments.iter()),
        unread: count(listing.unread.iter()),
        unread_places: listing.unread.iter().take(NAMED_MAX).cloned().collect(),
        entitlements: listing
            .entitlements
            .as_ref()
            .map(|seen| EntitlementReport::of(seen, facts.earlier_entitlements, facts.directory)),
        left_out: left_out(facts),
        drift: super::Drift::default(),
    }
}

fn left_out(facts: &ListingFacts<'_>) -> Vec<LeftOut> {
    let is_left_out = |it: &&LeftOut| match it {
        LeftOut::Entitlements => facts.listing.entitlements.is_none(),
        LeftOut::InactiveAccounts { .. }
        | LeftOut::ManagementAccount { .. }
        | LeftOut::SyncedGroups { .. }
        | LeftOut::AllGroups { .. } => true,
    };
    let all = facts.scope.left_out().iter();
    all.filter(is_left_out).cloned().collect()
}

/// A directory user with an address, who can hold a grant.
pub(crate) fn person(key: &HoldKey, directory: &Directory) -> Option<Person> {
    let person = directory.person(&key.user)?;
    Some(Person {
        user: person.user_id.clone(),
        email: person.emails.first()?.clone(),
        name: Some(person.display_name.clone())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| person.user_name.clone()),
    })
}

pub(crate) struct TargetLabels<'a> {
    directory: &'a Directory,
    sets: HashMap<&'a PermissionSetArn, &'a str>,
}

impl<'a> TargetLabels<'a> {
    pub(crate) fn of(directory: &'a Directory) -> Self {
        let sets = directory.permission_sets().iter();
        Self {
            directory,
            sets: sets.map(|set| (&set.arn, set.name.as_str())).collect(),
        }
    }

    /// Falls back to earlier names.
    pub(crate) fn of_target(&self, target: &Target, before: Option<&SweepItem>) -> TargetNames {
        match target {
            Target::Account {
                account,
                permission_set,
            } => {
                let known = match before.map(|before| &before.names) {
                    Some(TargetNames::Account {
                        account,
                        permission_set,
                    }) => Some((account, permission_set)),
                    Some(TargetNames::Group { .. }) | None => None,
                };
                let account_name = self.directory.account(account);
                let account_name = account_name.map(|found| found.name.clone());
                let set = self.sets.get(permission_set).map(|name| (*name).to_owned());
                TargetNames::Account {
                    account: account_name
                        .or_else(|| known.map(|(account, _)| account.clone()))
                        .unwrap_or_else(|| account.to_string()),
                    permission_set: set
                        .or_else(|| known.map(|(_, set)| set.clone()))
                        .unwrap_or_else(|| permission_set.to_string()),
                }
            }
            Target::Group { group } => {
                let known = match before.map(|before| &before.names) {
                    Some(TargetNames::Group { group }) => Some(group.clone()),
                    Some(TargetNames::Account { .. }) | None => None,
                };
                let name = self.directory.group(group).map(|found| found.name.clone());
                TargetNames::Group {
                    group: name.or(known).unwrap_or_else(|| group.to_string()),
                }
            }
        }
    }
}

use std::collections::BTreeSet;

use hallpass_rules::Directory;

use super::policies::{Policy, PolicyApproval, PolicyTable, TeamChoice};
use super::rows::{Eligibility, Holder, Offer, TableRow};
use crate::report::RowNote;

#[derive(Debug)]
pub(super) enum EntryOf {
    Own(Eligibility),
    Policies {
        holder: Holder,
        ids: BTreeSet<String>,
    },
}

impl EntryOf {
    /// Uses the row's own lists if it names no policy, or its release has none.
    pub(super) fn read(row: &mut TableRow, facts: Option<&Directory>) -> Option<Self> {
        let ids: BTreeSet<String> = row.texts("policyIds")?.into_iter().collect();
        if ids.is_empty() {
            return row.eligibility(facts).map(Self::Own);
        }
        let holder = row.holder()?;
        Some(Self::Policies { holder, ids })
    }

    pub(super) fn holder(&self) -> &Holder {
        match self {
            Self::Own(Eligibility { holder, .. }) | Self::Policies { holder, .. } => holder,
        }
    }

    pub(super) fn own(&self) -> Option<&Eligibility> {
        match self {
            Self::Own(entry) => Some(entry),
            Self::Policies { .. } => None,
        }
    }

    pub(super) fn choices(&self, policies: &PolicyTable) -> Vec<TeamChoice> {
        match self {
            Self::Own(entry) => vec![TeamChoice {
                policy: None,
                terms: Policy {
                    offer: entry.offer.clone(),
                    approval: PolicyApproval::OfThePlace,
                },
            }],
            Self::Policies { ids, .. } => {
                let known = ids.iter().filter_map(|id| {
                    let terms = policies.find(id).ok()?.clone();
                    let policy = Some(id.clone());
                    Some(TeamChoice { policy, terms })
                });
                known.collect()
            }
        }
    }
}

pub(super) fn says_nothing(offer: &Offer) -> Option<RowNote> {
    let why = if offer.sets.is_empty() {
        "it names no permission set"
    } else if offer.accounts.is_empty() && offer.units.is_empty() {
        "it names no account and no unit"
    } else {
        return None;
    };
    Some(RowNote::SaysNothing(why))
}

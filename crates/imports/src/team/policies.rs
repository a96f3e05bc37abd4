//! Policies, which entries use instead of accounts and permission sets.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{GroupId, text};
use hallpass_rules::Directory;
use serde_json::Value;

use super::rows::{ApproverPlace, Approvers, Offer, TableRow};
use crate::report::RowNote;
use crate::rule_text::NAME_MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) offer: Offer,
    pub(super) approval: PolicyApproval,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyApproval {
    /// The approvers of the account and of its unit, as without a policy.
    OfThePlace,
    Of(BTreeSet<GroupId>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TeamChoice {
    pub(super) policy: Option<String>,
    pub(super) terms: Policy,
}

impl TeamChoice {
    /// Checks if holders of both may have to choose one: AWS TEAM lets them, a rule does not. Not
    /// for two own entries.
    pub(super) fn is_chosen_beside(&self, other: &Self) -> bool {
        let is_of_policies = self.policy.is_some() || other.policy.is_some();
        let (one, two) = (&self.terms, &other.terms);
        // no approver counts in the stages of two policies
        let has_stage = |it: &Policy| {
            it.offer.approval_required && matches!(it.approval, PolicyApproval::Of(_))
        };
        let both = self.policy != other.policy && has_stage(one) && has_stage(two);
        let differs = one.offer.hours != two.offer.hours
            || one.offer.approval_required != two.offer.approval_required
            || one.approval != two.approval;
        is_of_policies && (differs || both) && one.offer.may_meet(&two.offer)
    }
}

pub(super) const CHOSEN: RowNote = RowNote::Narrower(std::borrow::Cow::Borrowed(
    "people with other entries or policies for the same choose one of them in AWS TEAM; here the shortest time of all \
     counts, and every policy's own approvers are needed",
));

#[derive(Debug)]
pub(super) struct PolicyTable {
    pub(super) are_given: bool,
    pub(super) rows: Vec<(TableRow, Option<Policy>)>,
    pub(super) rules: BTreeMap<String, Vec<String>>,
}

impl PolicyTable {
    /// Reads the policies, with the approver rows that they name.
    pub(super) fn read(
        rows: Option<Vec<TableRow>>,
        approvers: &[(TableRow, Option<Approvers>)],
        facts: Option<&Directory>,
    ) -> Self {
        let are_given = rows.is_some();
        let read = rows.into_iter().flatten().map(|mut row| {
            let policy = row.policy(approvers, facts);
            (row, policy)
        });
        Self {
            are_given,
            rows: read.collect(),
            rules: BTreeMap::new(),
        }
    }

    /// # Errors
    /// The note for an entry with an unknown policy.
    pub(super) fn find(&self, id: &str) -> Result<&Policy, RowNote> {
        if !self.are_given {
            let what = "it names policies, and their table is not given: add it with `--policies`";
            return Err(RowNote::NotSaid(what.into()));
        }
        let shown = text::line(id, NAME_MAX);
        match self.rows.iter().find(|(row, _)| row.id == id) {
            Some((_, Some(policy))) => Ok(policy),
            Some((_, None)) => {
                let what = format!("policy `{shown}` is not converted: see its row");
                Err(RowNote::NotSaid(what.into()))
            }
            None => Err(RowNote::LeftOut {
                what: "policy",
                id: shown,
                why: "the table of policies does not have it, and AWS TEAM gives nothing by it",
            }),
        }
    }
}

impl PolicyTable {
    pub(super) fn said_of(&self, row: &mut TableRow, ids: &BTreeSet<String>) -> Vec<String> {
        if row.has_own_lists() {
            row.notes.push(RowNote::SaysNothing(
                "its own accounts, units and permission sets: AWS TEAM uses its policies only",
            ));
        }
        let mut rules = Vec::new();
        for id in ids {
            match self.find(id) {
                Ok(_) => rules.extend(self.rules.get(id).into_iter().flatten().cloned()),
                Err(note) if row.notes.contains(&note) => {}
                Err(note) => row.notes.push(note),
            }
        }
        rules
    }
}

impl TableRow {
    /// Own lists have no effect next to policies.
    fn has_own_lists(&self) -> bool {
        ["accounts", "ous", "permissions"].iter().any(|key| {
            let list = self.attributes.get(*key).and_then(Value::as_array);
            list.is_some_and(|items| !items.is_empty())
        })
    }

    fn policy(
        &mut self,
        approvers: &[(TableRow, Option<Approvers>)],
        facts: Option<&Directory>,
    ) -> Option<Policy> {
        let offer = self.offer(facts);
        let named = self.named("approverGroupIds");
        let (offer, named) = (offer?, named?);
        let approval = if offer.approval_required && !named.is_empty() {
            PolicyApproval::Of(self.approving_groups(&named, approvers)?)
        } else {
            PolicyApproval::OfThePlace
        };
        if self.says_too_much() {
            return None;
        }
        if approval != PolicyApproval::OfThePlace && are_asked_too(&offer, approvers) {
            let what = "approvers of its accounts and units are asked, too, and may deny; only groups that \
                        the policy names can approve";
            self.notes.push(RowNote::Narrower(what.into()));
        }
        Some(Policy { offer, approval })
    }

    fn approving_groups(
        &mut self,
        named: &[(String, String)],
        approvers: &[(TableRow, Option<Approvers>)],
    ) -> Option<BTreeSet<GroupId>> {
        let mut groups = BTreeSet::new();
        for (id, _) in named {
            match approvers.iter().find(|(row, _)| row.id == *id) {
                Some((_, Some(row))) => groups.extend(row.groups.iter().map(|(id, _)| id.clone())),
                Some((_, None)) => self.left_out(
                    "group of approvers",
                    id,
                    "its row in the table of approvers is not converted",
                ),
                None => self.left_out(
                    "group of approvers",
                    id,
                    "the table of approvers does not have it",
                ),
            }
        }
        if groups.is_empty() {
            let what = "it needs an approval, and has no approvers left";
            self.notes.push(RowNote::NotSaid(what.into()));
            return None;
        }
        Some(groups)
    }
}

/// Checks if approvers of an account or unit may also serve this offer.
fn are_asked_too(offer: &Offer, approvers: &[(TableRow, Option<Approvers>)]) -> bool {
    let rows = approvers.iter().filter_map(|(_, row)| row.as_ref());
    let mut rows = rows.filter(|row| !row.groups.is_empty());
    rows.any(|row| match &row.place {
        ApproverPlace::Account(id) => {
            !offer.units.is_empty() || offer.accounts.iter().any(|(it, _)| it == id)
        }
        ApproverPlace::Unit(id) => {
            !offer.accounts.is_empty() || offer.units.iter().any(|(it, _)| it == id)
        }
        ApproverPlace::Policies => false,
    })
}

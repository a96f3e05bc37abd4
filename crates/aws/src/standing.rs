//! Standing access in Identity Center for sweeps: direct assignments and members, of any origin.
//!
//! Lists only provisioned pairs: first the accounts of each set (or the sets of each account,
//! whichever takes fewer calls), then one listing per pair. Calls have the lowest urgency and low
//! parallelism.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::PrincipalType;
use futures_util::{StreamExt, stream};
use hallpass_access::{
    DirectoryFault, GroupAssignmentKey, StandingListing, StandingScope, StandingSource, Unread,
    UnreadPlace,
};
use hallpass_assignments::{CenterFault, IdentityCenter, Urgency};
use hallpass_base::{AccountId, GroupId, HoldKey, PermissionSetArn, Target, Timestamp, UserId};

use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::fault::CallFailure;
use crate::pages::listing;

const WIDTH: usize = 4;
/// Failures in a row that end the read, with the rest unread: each further one would cost minutes.
const FAILURES_MAX: usize = 20;

type Pair = (AccountId, PermissionSetArn);

#[derive(Debug, Default)]
struct Away(AtomicUsize);

impl Away {
    /// Makes a call, unless too many failed before.
    async fn unless<T>(
        &self,
        call: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, String> {
        let failed = self.0.load(Ordering::Relaxed);
        if failed >= FAILURES_MAX {
            return Err(format!("not tried: {failed} calls before it failed"));
        }
        match call.await {
            Ok(value) => {
                self.0.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Err(failure) => {
                self.0.fetch_add(1, Ordering::Relaxed);
                Err(failure.fault.to_string())
            }
        }
    }
}

struct Holders {
    at: Timestamp,
    users: Vec<UserId>,
    groups: Vec<GroupId>,
}

#[async_trait]
impl StandingSource for Aws {
    async fn read(&self, scope: &StandingScope) -> StandingListing {
        let (began, away) = (self.clock.now(), Away::default());
        let mut unread = Vec::new();
        let pairs = self.provisioned(scope, &away, &mut unread).await;
        let in_pairs: Vec<(Pair, Result<Holders, String>)> = stream::iter(pairs)
            .map(|pair| async {
                let found = away.unless(self.in_pair(&pair)).await;
                (pair, found)
            })
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        let in_groups: Vec<(GroupId, Result<Holders, String>)> =
            stream::iter(scope.groups().iter().cloned())
                .map(|group| async {
                    let found = away.unless(self.in_group(&group)).await;
                    (group, found)
                })
                .buffer_unordered(WIDTH)
                .collect()
                .await;
        let mut listing = StandingListing {
            began,
            ended: self.clock.now(),
            ..StandingListing::default()
        };
        for ((account, permission_set), found) in in_pairs {
            let what = UnreadPlace::Pair {
                account: account.clone(),
                permission_set: permission_set.clone(),
            };
            let target = Target::Account {
                account: account.clone(),
                permission_set: permission_set.clone(),
            };
            if let Some(groups) = note(&mut listing.seen, &target, found, what, &mut unread) {
                listing.pairs_read += 1;
                let assigned = groups.into_iter().map(|group| GroupAssignmentKey {
                    account: account.clone(),
                    permission_set: permission_set.clone(),
                    group,
                });
                listing.group_assignments.extend(assigned);
            }
        }
        for (group, found) in in_groups {
            let what = UnreadPlace::Group {
                group: group.clone(),
            };
            let target = Target::Group { group };
            if note(&mut listing.seen, &target, found, what, &mut unread).is_some() {
                listing.groups_read += 1;
            }
        }
        unread.sort_by(|a, b| a.what.cmp(&b.what));
        StandingListing { unread, ..listing }
    }

    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault> {
        let found = IdentityCenter::holders(self, target, Urgency::Background).await;
        found.map_err(|fault| DirectoryFault {
            what: target.to_string(),
            message: fault.to_string(),
        })
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        let fault = |message| DirectoryFault {
            what: user.to_string(),
            message,
        };
        let found = self.groups_of_member(user, Deadline::look()).await;
        let ids = found.map_err(|failure| fault(failure.fault.to_string()))?;
        let groups = ids.into_iter().map(GroupId::new).collect::<Result<_, _>>();
        groups.map_err(|error| fault(error.to_string()))
    }
}

/// Records a place's holders, or that it is unreadable; returns the groups.
fn note(
    seen: &mut BTreeMap<HoldKey, Timestamp>,
    target: &Target,
    found: Result<Holders, String>,
    what: UnreadPlace,
    unread: &mut Vec<Unread>,
) -> Option<Vec<GroupId>> {
    match found {
        Ok(found) => {
            for user in found.users {
                let target = target.clone();
                seen.insert(HoldKey { user, target }, found.at);
            }
            Some(found.groups)
        }
        Err(error) => {
            unread.push(Unread { what, error });
            None
        }
    }
}

impl Aws {
    async fn provisioned(
        &self,
        scope: &StandingScope,
        away: &Away,
        unread: &mut Vec<Unread>,
    ) -> Vec<Pair> {
        let sets: Vec<PermissionSetArn> = scope.permission_sets().into_iter().cloned().collect();
        let accounts: Vec<AccountId> = scope.accounts().cloned().collect();
        let mut pairs = if sets.len() <= accounts.len() {
            self.pairs_by_set(sets, away, unread).await
        } else {
            self.pairs_by_account(accounts, away, unread).await
        };
        pairs.retain(|(account, set)| scope.covers(account, set));
        pairs.sort();
        pairs.dedup();
        pairs
    }

    async fn pairs_by_set(
        &self,
        sets: Vec<PermissionSetArn>,
        away: &Away,
        unread: &mut Vec<Unread>,
    ) -> Vec<Pair> {
        let found: Vec<_> = stream::iter(sets)
            .map(|set| async move {
                let accounts = away.unless(self.accounts_with(&set)).await;
                (set, accounts)
            })
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        let mut pairs = Vec::new();
        for (permission_set, found) in found {
            match found {
                Ok(accounts) => {
                    let with = |account| (account, permission_set.clone());
                    pairs.extend(accounts.into_iter().map(with));
                }
                Err(error) => {
                    let what = UnreadPlace::PermissionSet { permission_set };
                    unread.push(Unread { what, error });
                }
            }
        }
        pairs
    }

    async fn pairs_by_account(
        &self,
        accounts: Vec<AccountId>,
        away: &Away,
        unread: &mut Vec<Unread>,
    ) -> Vec<Pair> {
        let found: Vec<_> = stream::iter(accounts)
            .map(|account| async move {
                let sets = away.unless(self.sets_in(&account)).await;
                (account, sets)
            })
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        let mut pairs = Vec::new();
        for (account, found) in found {
            match found {
                Ok(sets) => pairs.extend(sets.into_iter().map(|set| (account.clone(), set))),
                Err(error) => {
                    let what = UnreadPlace::Account { account };
                    unread.push(Unread { what, error });
                }
            }
        }
        pairs
    }

    /// Empty for a deleted set.
    async fn accounts_with(&self, set: &PermissionSetArn) -> Result<Vec<AccountId>, CallFailure> {
        let listed = listing!(
            self.sso_line
                .read("ListAccountsForProvisionedPermissionSet", Deadline::look()),
            account_ids,
            self.sso
                .list_accounts_for_provisioned_permission_set()
                .instance_arn(&self.about.instance_arn)
                .permission_set_arn(set.as_str())
                .max_results(PAGE)
        )
        .await;
        let ids = none_if_gone(listed)?;
        let parsed = ids.into_iter().map(AccountId::new);
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error| CallFailure::unparsable(&error.to_string()))
    }

    /// Empty for an account that left.
    async fn sets_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, CallFailure> {
        let listed = listing!(
            self.sso_line
                .read("ListPermissionSetsProvisionedToAccount", Deadline::look()),
            permission_sets,
            self.sso
                .list_permission_sets_provisioned_to_account()
                .instance_arn(&self.about.instance_arn)
                .account_id(account.as_str())
                .max_results(PAGE)
        )
        .await;
        let arns = none_if_gone(listed)?;
        let parsed = arns.into_iter().map(PermissionSetArn::new);
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error| CallFailure::unparsable(&error.to_string()))
    }

    async fn in_pair(&self, (account, set): &Pair) -> Result<Holders, CallFailure> {
        let at = self.clock.now();
        let rows = none_if_gone(self.assignments(account, set, Deadline::look()).await)?;
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for row in rows {
            match row.principal_type {
                Some(PrincipalType::User) => {
                    users.push(user_id(row.principal_id.unwrap_or_default())?);
                }
                _ => groups.push(group_id(row.principal_id.unwrap_or_default())?),
            }
        }
        Ok(Holders { at, users, groups })
    }

    async fn in_group(&self, group: &GroupId) -> Result<Holders, CallFailure> {
        let at = self.clock.now();
        let members = none_if_gone(self.members(group, Deadline::look()).await)?;
        let users = members.into_iter().map(user_id);
        Ok(Holders {
            at,
            users: users.collect::<Result<_, _>>()?,
            groups: Vec::new(),
        })
    }
}

/// An invalid user id could not be reported: the place counts as unread.
fn user_id(text: String) -> Result<UserId, CallFailure> {
    UserId::new(text).map_err(|error| CallFailure::unparsable(&error.to_string()))
}

fn group_id(text: String) -> Result<GroupId, CallFailure> {
    GroupId::new(text).map_err(|error| CallFailure::unparsable(&error.to_string()))
}

fn none_if_gone<T>(listed: Result<Vec<T>, CallFailure>) -> Result<Vec<T>, CallFailure> {
    match listed {
        Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(Vec::new()),
        other => other,
    }
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;

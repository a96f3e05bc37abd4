//! Order of a run: the organization, the Regions of its accounts, then everything else in parallel
//! (`inventory.md` T-11).

use std::future::ready;
use std::io;

use crate::{SliceFailure, SyncGroup};
use futures_util::future::try_join4;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hallpass_base::AccountId;
use thiserror::Error;

use crate::collect::assignments::Enumerated;
use crate::collect::collector::Collector;
use crate::collect::enumeration::EnumerationSizes;
use crate::collect::identity_center::{identity_stores, of_organization};
use crate::collect::organizations::{FoundMember, FoundOrganization};
use crate::collect::permission_sets::FoundSets;
use crate::collect::ports::{OktaCalls, ServiceCalls, SliceStore, TemporaryAssignments};
use crate::collect::scope::SyncScope;

const ACCOUNTS_AT_ONCE: usize = 32;

/// Failures at AWS or Okta are reported per slice instead.
#[derive(Debug, Error)]
pub enum CollectError {
    #[error("the collected data cannot be stored: {0}")]
    Store(#[from] io::Error),
    #[error("there is no account {}", .0.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "))]
    UnknownAccounts(Vec<AccountId>),
    #[error("there is no organizational unit {}", .0.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "))]
    UnknownUnits(Vec<String>),
}

/// Collects the scope. Reports every requested slice to the store once, and skips stored ones.
/// Without `temporary`, no assignment is known as temporary.
///
/// # Errors
/// See [`CollectError`].
pub async fn collect(
    scope: &SyncScope,
    calls: &dyn ServiceCalls,
    okta: Option<&dyn OktaCalls>,
    temporary: Option<&dyn TemporaryAssignments>,
    store: &dyn SliceStore,
) -> Result<(), CollectError> {
    let collector = Collector {
        calls,
        store,
        temporary,
    };
    let whole = scope.groups.iter().map(|it| it.whole_tables().len());
    store.expect(whole.sum::<usize>() + scope.people.len());
    for list in &scope.people {
        let (table, rows) = (list.form().table(), list.rows().to_vec());
        collector.keep(table, None, collector.now(), Ok(rows))?;
    }
    let organization = if scope.groups.iter().any(|it| *it != SyncGroup::Okta) {
        match collector.organization(scope).await? {
            Ok(organization) => organization,
            Err(failure) => return Ok(collector.nothing(scope, &failure)?),
        }
    } else {
        FoundOrganization::default()
    };
    if !organization.unknown.is_empty() {
        return Err(CollectError::UnknownAccounts(organization.unknown));
    }
    if !organization.unknown_units.is_empty() {
        return Err(CollectError::UnknownUnits(organization.unknown_units));
    }
    let has_regions = scope.wants(SyncGroup::Organizations) && !scope.without_regions;
    store.expect(slices_of_accounts(scope, &organization));
    if has_regions {
        let group = SyncGroup::Organizations;
        collector.in_accounts(group, &organization.accounts).await?;
    }
    for group in &scope.groups {
        collector.answers(*group, None).await?;
    }
    let of_accounts = async |group| {
        if scope.wants(group) {
            return collector.in_accounts(group, &organization.accounts).await;
        }
        Ok(())
    };
    let identity_center = async {
        if scope.wants(SyncGroup::IdentityCenter) {
            return collector.identity_center(&organization, scope.plan).await;
        }
        Ok(())
    };
    let people_of_okta = async {
        if scope.wants(SyncGroup::Okta) {
            return collector.okta(okta).await;
        }
        Ok(())
    };
    let (iam, contacts) = (
        of_accounts(SyncGroup::Iam),
        of_accounts(SyncGroup::Contacts),
    );
    try_join4(iam, identity_center, people_of_okta, contacts).await?;
    Ok(())
}

fn slices_of_accounts(scope: &SyncScope, organization: &FoundOrganization) -> usize {
    let of_group = |group: &SyncGroup| {
        let accounts = match group {
            SyncGroup::Organizations if scope.without_regions => return 0,
            SyncGroup::IdentityCenter => &organization.members,
            SyncGroup::Organizations | SyncGroup::Iam | SyncGroup::Okta | SyncGroup::Contacts => {
                &organization.accounts
            }
        };
        group.account_tables().len() * accounts.len()
    };
    scope.groups.iter().map(of_group).sum()
}

/// Counts the work by the cheap lists alone; stores nothing.
///
/// # Errors
/// When a list is unreadable.
pub async fn explain(
    calls: &dyn ServiceCalls,
    store: &dyn SliceStore,
) -> Result<EnumerationSizes, SliceFailure> {
    let collector = Collector {
        calls,
        store,
        temporary: None,
    };
    let (management, accounts) = collector.account_ids().await?;
    let instances = collector.instances(&management).await?;
    let principals = collector.principals(&identity_stores(&instances)).await?;
    let instances = of_organization(&instances, &management);
    let sets = collector.listed_sets(&instances).await?;
    let pairs = collector.all_provisioned(&sets).await?;
    let sets = FoundSets {
        instances,
        sets,
        pairs,
    };
    let known = Enumerated {
        accounts: &accounts,
        principals: &principals,
        sets: &sets,
    };
    Ok(known.sizes())
}

impl Collector<'_> {
    /// Without the accounts, every requested slice fails with that error.
    fn nothing(&self, scope: &SyncScope, failure: &SliceFailure) -> io::Result<()> {
        let started = self.now();
        let groups = scope.groups.iter();
        let tables = groups.flat_map(|it| it.tables());
        for table in tables {
            self.keep(table.name, None, started, Err(failure.clone()))?;
        }
        if !scope.wants(SyncGroup::Organizations) {
            // this slice makes the snapshot a failed one
            let table = "aws_organizations_accounts";
            self.keep(table, None, started, Err(failure.clone()))?;
        }
        Ok(())
    }

    async fn in_accounts(&self, group: SyncGroup, accounts: &[FoundMember]) -> io::Result<()> {
        let under_way = stream::iter(accounts).map(|account| async move {
            let id = &account.id;
            if !account.is_active {
                return self.skip_all(group, account);
            }
            match group {
                SyncGroup::Organizations => self.regions(id).await?,
                SyncGroup::Iam => self.iam(id).await?,
                SyncGroup::Contacts => self.contacts(id).await?,
                SyncGroup::IdentityCenter | SyncGroup::Okta => {}
            }
            self.answers(group, Some(id)).await
        });
        let under_way = under_way.buffer_unordered(ACCOUNTS_AT_ONCE);
        under_way.try_for_each(|()| ready(Ok(()))).await
    }

    fn skip_all(&self, group: SyncGroup, account: &FoundMember) -> io::Result<()> {
        let mut tables = group.account_tables().into_iter();
        tables.try_for_each(|it| self.skip(it, &account.id, "suspended"))
    }
}

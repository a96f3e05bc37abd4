//! Gates AWS reads other than Identity Center operations.

use async_trait::async_trait;
use hallpass_access::{
    DirectoryFault, Entitlement, EntitlementListing, EntitlementSource, PersonEntitlements,
    StandingListing, StandingScope, StandingSource, Unread, UnreadPlace,
};
use hallpass_base::{AccountId, GroupId, Target, UserId};

use crate::gate::Gated;
use crate::hazard::Port;

#[async_trait]
impl<P: StandingSource> StandingSource for Gated<P> {
    /// A failed read returns nothing and marks everything as unread.
    async fn read(&self, scope: &StandingScope) -> StandingListing {
        let reading = async { Ok::<_, String>(self.inner.read(scope).await) };
        match self.gate.pass_to(Port::Aws, reading, str::to_owned).await {
            Ok(listing) => listing,
            Err(error) => StandingListing {
                unread: scope
                    .accounts()
                    .map(|account| UnreadPlace::Account {
                        account: account.clone(),
                    })
                    .chain(scope.groups().iter().map(|group| UnreadPlace::Group {
                        group: group.clone(),
                    }))
                    .map(|what| Unread {
                        what,
                        error: error.clone(),
                    })
                    .collect(),
                ..StandingListing::default()
            },
        }
    }

    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault> {
        let fault = |text: &str| DirectoryFault {
            what: target.to_string(),
            message: text.to_owned(),
        };
        self.gate
            .pass_to(Port::Aws, self.inner.holders(target), fault)
            .await
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        let fault = |text: &str| DirectoryFault {
            what: user.to_string(),
            message: text.to_owned(),
        };
        self.gate
            .pass_to(Port::Aws, self.inner.groups_of(user), fault)
            .await
    }
}

#[async_trait]
impl<P: EntitlementSource> EntitlementSource for Gated<P> {
    async fn of_person(&self, user: &UserId) -> Result<PersonEntitlements, DirectoryFault> {
        let fault = |text: &str| entitlement_fault("ListEntitlements", text);
        self.gate
            .pass_to(Port::Aws, self.inner.of_person(user), fault)
            .await
    }

    /// As for assignments: a failed read returns nothing.
    async fn in_accounts(&self, accounts: &[&AccountId]) -> EntitlementListing {
        let reading = async { Ok::<_, String>(self.inner.in_accounts(accounts).await) };
        let read = self.gate.pass_to(Port::Aws, reading, str::to_owned).await;
        read.unwrap_or_else(|error| EntitlementListing {
            seen: Vec::new(),
            unread: vec![Unread {
                what: UnreadPlace::Entitlements { account: None },
                error,
            }],
        })
    }

    async fn delete(&self, entitlement: &Entitlement) -> Result<(), DirectoryFault> {
        let fault = |text: &str| entitlement_fault("DeleteEntitlement", text);
        self.gate
            .pass_to(Port::Aws, self.inner.delete(entitlement), fault)
            .await
    }
}

fn entitlement_fault(what: &str, text: &str) -> DirectoryFault {
    DirectoryFault {
        what: what.to_owned(),
        message: text.to_owned(),
    }
}

//! What is read of an organization.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use jiff::Timestamp;

use crate::billing_transfers::{BillingTransfer, TransferInvitation};
use crate::handshakes::AccountInvitation;
use crate::reading::ReadFact;

/// An account as the listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
    /// It is not suspended or about to be closed.
    pub is_active: bool,
}

/// Where logs are kept and who looks at them; none where nobody was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogAccounts {
    /// The account that keeps logs.
    pub log_archive: Option<AccountId>,
    /// The account of those who audit.
    pub audit: Option<AccountId>,
}

/// What is read of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    /// The address of its security contact.
    pub security_contact: ReadFact<Option<String>>,
    /// Its tags.
    pub tags: ReadFact<BTreeMap<String, String>>,
    /// Whether its root user has a second factor; none where it has no way to sign in at all.
    pub root_has_mfa: ReadFact<Option<bool>>,
    /// What it shares with the whole organization or units of it; empty where nobody asked.
    pub shares: ReadFact<Vec<WideShare>>,
    /// Open invitations of other organizations to it; none for the management account, which is shown none and can accept none.
    pub invitations: Option<ReadFact<Vec<AccountInvitation>>>,
}

/// What every profile asks.
#[derive(Clone, Debug)]
pub struct FoundationFacts {
    /// The management account.
    pub management: ReadFact<AccountId>,
    /// All accounts, that one too.
    pub accounts: ReadFact<Vec<ListedAccount>>,
    /// Whether the organization has all features.
    pub has_all_features: ReadFact<bool>,
    /// Whether service control policies are on.
    pub has_scps: ReadFact<bool>,
    /// Accounts that are in no unit.
    pub accounts_in_root: ReadFact<Vec<String>>,
    /// Those of the landing zone; none where there is no landing zone.
    pub log_accounts: ReadFact<Option<LogAccounts>>,
    /// Running instances of the management account, by Region; unread where its Regions are.
    pub running: ReadFact<BTreeMap<String, ReadFact<Vec<String>>>>,
    /// Each active account.
    pub members: BTreeMap<AccountId, MemberFacts>,
}

/// Something that was paid for a while ahead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commitment {
    /// Who owns it; it goes or ends with that account.
    pub account: String,
    /// `reservation` or `savings plan`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// A workload of the Well-Architected Tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedWorkload {
    /// Its name.
    pub name: String,
    /// Its account.
    pub owner: String,
    /// When somebody last answered something of it; none where that is not said.
    pub updated: Option<Timestamp>,
    /// Milestones that were recorded.
    pub milestones: ReadFact<usize>,
    /// Its lenses; unread where their listing is.
    pub lenses: ReadFact<Vec<ReviewedLens>>,
}

/// A lens of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedLens {
    /// Its alias, or the ARN of one's own.
    pub alias: String,
    /// When somebody last answered something of it; none where that is not said.
    pub updated: Option<Timestamp>,
    /// Open high risks by pillar.
    pub high_risks: ReadFact<BTreeMap<String, u64>>,
}

/// Something that an account shares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WideShare {
    /// Its name.
    pub name: String,
    /// With which organization or units.
    pub principals: Vec<String>,
    /// What is shared, by type.
    pub resources: BTreeMap<String, usize>,
    /// Whether accounts that have it keep it when they leave.
    pub is_kept: bool,
}

impl std::fmt::Display for WideShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = self
            .resources
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"));
        let of: Vec<String> = of.collect();
        let of = if of.is_empty() {
            "nothing".to_owned()
        } else {
            of.join(", ")
        };
        write!(f, "{}: {of} with {}", self.name, self.principals.join(", "))?;
        if self.is_kept {
            f.write_str(", kept by accounts that have it and leave")?;
        }
        Ok(())
    }
}

/// Transfers of the bill that stand or begin, and invitations to one that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillFacts {
    /// Those that are accepted.
    pub transfers: Vec<BillingTransfer>,
    /// Those that nobody has answered.
    pub invitations: Vec<TransferInvitation>,
}

/// What somebody asks who is bought.
#[derive(Clone, Debug)]
pub struct LeavingFacts {
    /// What was paid ahead.
    pub commitments: ReadFact<Vec<Commitment>>,
    /// Accounts that administer services for all, with the services.
    pub delegated: ReadFact<BTreeMap<String, Vec<String>>>,
    /// Permission sets of Identity Center; none where there is no instance.
    pub permission_sets: ReadFact<Option<usize>>,
    /// Who pays for whom, and who asked to.
    pub bill: ReadFact<BillFacts>,
    /// What was reviewed.
    pub workloads: ReadFact<Vec<ReviewedWorkload>>,
}

/// The unit that accounts are to come into.
#[derive(Clone, Debug)]
pub struct TargetUnit {
    /// Its id.
    pub id: String,
    /// Whether Control Tower governs it.
    pub is_registered: ReadFact<bool>,
    /// Names of the service control policies on it and above it, without those that allow everything.
    pub policies: ReadFact<Vec<String>>,
}

/// What somebody asks who takes accounts in.
#[derive(Clone, Debug)]
pub struct JoiningFacts {
    /// How many accounts the organization may have.
    pub account_quota: ReadFact<i64>,
    /// Where they go; none where nobody said.
    pub target: Option<TargetUnit>,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct ReadinessFacts {
    /// What every profile asks.
    pub foundation: FoundationFacts,
    /// For being bought.
    pub leaving: Option<LeavingFacts>,
    /// For taking accounts in.
    pub joining: Option<JoiningFacts>,
}

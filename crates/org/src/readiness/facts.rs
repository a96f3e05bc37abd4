use std::collections::BTreeMap;

use hallpass_base::AccountId;
use jiff::Timestamp;

use crate::billing_transfers::{BillingTransfer, TransferInvitation};
use crate::handshakes::AccountInvitation;
use crate::reading::ReadFact;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    pub id: AccountId,
    pub name: String,
    pub email: String,
    pub is_active: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogAccounts {
    pub log_archive: Option<AccountId>,
    pub audit: Option<AccountId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    pub security_contact: ReadFact<Option<String>>,
    pub tags: ReadFact<BTreeMap<String, String>>,
    /// `None` if the root user cannot sign in at all.
    pub root_has_mfa: ReadFact<Option<bool>>,
    /// Shares with the whole organization or its units; empty if not requested.
    pub shares: ReadFact<Vec<WideShare>>,
    /// Open invitations of other organizations; `None` for the management account, which has no
    /// access to any.
    pub invitations: Option<ReadFact<Vec<AccountInvitation>>>,
}

/// Facts of every profile.
#[derive(Clone, Debug)]
pub struct FoundationFacts {
    pub management: ReadFact<AccountId>,
    pub accounts: ReadFact<Vec<ListedAccount>>,
    pub has_all_features: ReadFact<bool>,
    pub has_scps: ReadFact<bool>,
    pub accounts_in_root: ReadFact<Vec<String>>,
    pub log_accounts: ReadFact<Option<LogAccounts>>,
    /// Running instances of the management account, by Region; unread if its Regions are.
    pub running: ReadFact<BTreeMap<String, ReadFact<Vec<String>>>>,
    pub members: BTreeMap<AccountId, MemberFacts>,
}

/// A prepaid commitment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commitment {
    /// The owner; the commitment moves or ends with it.
    pub account: String,
    pub kind: &'static str,
    pub id: String,
}

/// A workload of the Well-Architected Tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedWorkload {
    pub name: String,
    pub owner: String,
    pub updated: Option<Timestamp>,
    pub milestones: ReadFact<usize>,
    pub lenses: ReadFact<Vec<ReviewedLens>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedLens {
    /// Alias, or the ARN of a custom lens.
    pub alias: String,
    /// Last answer; `None` if unknown.
    pub updated: Option<Timestamp>,
    /// Open high risks by pillar.
    pub high_risks: ReadFact<BTreeMap<String, u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WideShare {
    pub name: String,
    pub principals: Vec<String>,
    pub resources: BTreeMap<String, usize>,
    /// Accounts keep access after leaving.
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

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillFacts {
    pub transfers: Vec<BillingTransfer>,
    pub invitations: Vec<TransferInvitation>,
}

/// Facts for an organization to be acquired.
#[derive(Clone, Debug)]
pub struct LeavingFacts {
    pub commitments: ReadFact<Vec<Commitment>>,
    /// Delegated administrators with their services.
    pub delegated: ReadFact<BTreeMap<String, Vec<String>>>,
    pub permission_sets: ReadFact<Option<usize>>,
    pub bill: ReadFact<BillFacts>,
    pub workloads: ReadFact<Vec<ReviewedWorkload>>,
}

#[derive(Clone, Debug)]
pub struct TargetUnit {
    pub id: String,
    pub is_registered: ReadFact<bool>,
    /// Policies on it and its ancestors, without those that allow everything.
    pub policies: ReadFact<Vec<String>>,
}

/// Facts for an organization that takes in accounts.
#[derive(Clone, Debug)]
pub struct JoiningFacts {
    pub account_quota: ReadFact<i64>,
    pub target: Option<TargetUnit>,
}

#[derive(Clone, Debug)]
pub struct ReadinessFacts {
    pub foundation: FoundationFacts,
    pub leaving: Option<LeavingFacts>,
    pub joining: Option<JoiningFacts>,
}

//! Query results of a snapshot, and their reliability.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rule::{AlertQuestion, AlertRuleId};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SliceFault {
    /// `None` if the whole table is one slice.
    pub account: Option<String>,
    pub stage: String,
    pub code: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTable {
    pub table: String,
    /// Requested slices: account (or `*`) and Region. Empty if never collected.
    pub asked: BTreeSet<String>,
    pub failed: Vec<SliceFault>,
    /// Failed slices with rows of an earlier snapshot.
    pub carried: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedRule {
    pub id: AlertRuleId,
    pub question: AlertQuestion,
    pub parameters: BTreeMap<String, String>,
    /// The snapshot already queried, to be skipped.
    pub unless: Option<String>,
    /// The interval: data that stayed unchanged twice as long is not trusted.
    #[serde(default)]
    pub every: Option<TimeSpan>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertJob {
    /// The value of `now()`.
    pub as_of: Option<Timestamp>,
    /// `None` = all.
    pub snapshots: Option<Vec<String>>,
    pub rules: Vec<AskedRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunRows {
    /// Unordered rows; columns are known even without rows.
    Rows {
        columns: Vec<String>,
        rows: Vec<Map<String, Value>>,
    },
    /// Rows of readable data. Other rows do not count as closed.
    Partly {
        columns: Vec<String>,
        rows: Vec<Map<String, Value>>,
        /// Column values of unread rows.
        unread: Vec<Map<String, Value>>,
    },
    /// Not queried: data is incomplete.
    NotAsked,
    Failed {
        message: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunAnswer {
    /// The newest snapshot with all tables of the query.
    pub snapshot: Option<String>,
    pub tables: Vec<ReadTable>,
    /// The organization's accounts, if a snapshot has them.
    pub members: Option<BTreeSet<String>>,
    pub result: RunRows,
}

/// Why a rule is blocked; its state stays unchanged (`inventory.md` R-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum BlockedBy {
    PartialData {
        tables: BTreeMap<String, Vec<SliceFault>>,
        failed: u64,
    },
    /// Some slices have rows of an earlier snapshot.
    CarriedData {
        tables: Vec<String>,
    },
    NotCollected {
        tables: Vec<String>,
    },
    /// Accounts of earlier runs were not read, but are still in the organization.
    FewerAccounts {
        accounts: Vec<String>,
        count: u64,
    },
    QueryFailed {
        message: String,
    },
}

const NAMED_MAX: usize = 5;

impl RunAnswer {
    pub(crate) fn scope(&self) -> BTreeSet<String> {
        let slices = |it: &ReadTable| -> Vec<String> {
            let name = &it.table;
            it.asked.iter().map(|at| format!("{name} {at}")).collect()
        };
        self.tables.iter().flat_map(slices).collect()
    }

    /// `before`: the scope of the last trusted run.
    pub(crate) fn blocked(&self, before: &BTreeSet<String>) -> Option<BlockedBy> {
        self.absent()
            .or_else(|| self.partial())
            .or_else(|| self.carried())
            .or_else(|| self.narrower(before))
            .or_else(|| match &self.result {
                RunRows::Failed { message } => Some(BlockedBy::QueryFailed {
                    message: message.clone(),
                }),
                RunRows::NotAsked => Some(BlockedBy::QueryFailed {
                    message: "it was not queried (this is a bug)".to_owned(),
                }),
                RunRows::Rows { .. } | RunRows::Partly { .. } => None,
            })
    }

    fn absent(&self) -> Option<BlockedBy> {
        let absent = self.tables.iter().filter(|it| it.asked.is_empty());
        let tables: Vec<String> = absent.map(|it| it.table.clone()).collect();
        (!tables.is_empty()).then_some(BlockedBy::NotCollected { tables })
    }

    fn partial(&self) -> Option<BlockedBy> {
        let failed: usize = self.tables.iter().map(|it| it.failed.len()).sum();
        let tables = self.tables.iter().filter(|it| !it.failed.is_empty());
        let tables = tables.map(|it| {
            let mut faults = it.failed.clone();
            faults.sort();
            faults.dedup();
            faults.truncate(NAMED_MAX);
            (it.table.clone(), faults)
        });
        (failed > 0).then(|| BlockedBy::PartialData {
            tables: tables.collect(),
            failed: failed as u64,
        })
    }

    fn carried(&self) -> Option<BlockedBy> {
        let tables = self.tables.iter().filter(|it| it.carried > 0);
        let tables: Vec<String> = tables.map(|it| it.table.clone()).collect();
        (!tables.is_empty()).then_some(BlockedBy::CarriedData { tables })
    }

    /// A sync of few accounts must not close alerts of others. Accounts that left do not count.
    fn narrower(&self, before: &BTreeSet<String>) -> Option<BlockedBy> {
        let now = self.scope();
        let read: BTreeSet<&str> = self.tables.iter().map(|it| it.table.as_str()).collect();
        let missing = before.difference(&now).filter_map(|slice| {
            let mut parts = slice.split(' ');
            let (table, account) = (parts.next()?, parts.next()?);
            // Ignores tables that the query no longer reads; a table of one slice is collected as a
            // whole.
            (account != "*" && read.contains(table)).then_some(account)
        });
        let is_member = |account: &&str| match &self.members {
            Some(members) => members.contains(*account),
            None => true,
        };
        let missing: BTreeSet<&str> = missing.filter(is_member).collect();
        (!missing.is_empty()).then(|| BlockedBy::FewerAccounts {
            count: missing.len() as u64,
            accounts: missing
                .iter()
                .take(NAMED_MAX)
                .map(|it| (*it).to_owned())
                .collect(),
        })
    }
}

//! What a query answered over a snapshot, and whether that may be believed.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rule::{AlertQuestion, AlertRuleId};

/// A slice that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SliceFault {
    /// The account; `None` where the whole table is one slice.
    pub account: Option<String>,
    /// The stage it failed in.
    pub stage: String,
    /// The code of the answer.
    pub code: String,
}

/// A table that a query reads, as the snapshot has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTable {
    /// Its name.
    pub table: String,
    /// Which slices were asked for: account (or `*`) and Region. None: it was never collected.
    pub asked: BTreeSet<String>,
    /// Those that failed.
    pub failed: Vec<SliceFault>,
    /// How many failed and have the rows of an earlier snapshot.
    pub carried: u64,
}

/// A rule that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedRule {
    /// The rule's id.
    pub id: AlertRuleId,
    /// What is asked.
    pub question: AlertQuestion,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The snapshot that it was asked of already; it is not asked of that one again.
    pub unless: Option<String>,
    /// How often it is asked: what grows by itself, and did not for twice as long, is not believed.
    #[serde(default)]
    pub every: Option<TimeSpan>,
}

/// Rules that are to be asked together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertJob {
    /// The instant that `now()` is.
    pub as_of: Option<Timestamp>,
    /// The snapshots that there are; `None` = all.
    pub snapshots: Option<Vec<String>>,
    /// The rules.
    pub rules: Vec<AskedRule>,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunRows {
    /// Rows, in any order; and the columns, which are known without rows, too.
    Rows {
        /// The names of the columns.
        columns: Vec<String>,
        /// The rows.
        rows: Vec<Map<String, Value>>,
    },
    /// Rows of what could be read. Nothing that is stored of the rest counts as over.
    Partly {
        /// The names of the columns.
        columns: Vec<String>,
        /// The rows.
        rows: Vec<Map<String, Value>>,
        /// What was not read: values of columns, each meaning all the rows that have them.
        unread: Vec<Map<String, Value>>,
    },
    /// It was not asked: what it reads is not all there.
    NotAsked,
    /// It could not be answered.
    Failed {
        /// Why the query failed.
        message: String,
    },
}

/// The answer of one rule's query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunAnswer {
    /// The newest snapshot in which every table it reads was asked for; `None` where there is none.
    pub snapshot: Option<String>,
    /// The tables it reads.
    pub tables: Vec<ReadTable>,
    /// The accounts of the organization, where a snapshot up to that one knows them.
    pub members: Option<BTreeSet<String>>,
    /// What came of asking.
    pub result: RunRows,
}

/// Why a rule does not run: what is stored of it stays as it is meanwhile (`inventory.md` R-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum BlockedBy {
    /// Slices of what it reads failed.
    PartialData {
        /// The tables with what failed in each, the first few.
        tables: BTreeMap<String, Vec<SliceFault>>,
        /// How many slices it is in all.
        failed: u64,
    },
    /// Slices of what it reads have the rows of an earlier snapshot.
    CarriedData {
        /// The tables.
        tables: Vec<String>,
    },
    /// A table was never collected.
    NotCollected {
        /// The tables.
        tables: Vec<String>,
    },
    /// Accounts that were read before were not asked for, and are still in the organization.
    FewerAccounts {
        /// The accounts, the first few.
        accounts: Vec<String>,
        /// How many in all.
        count: u64,
    },
    /// The query could not be answered.
    QueryFailed {
        /// Why the query failed.
        message: String,
    },
}

/// Faults and accounts that are named, of many.
const NAMED_MAX: usize = 5;

impl RunAnswer {
    /// Which slices were asked for, of all tables.
    pub(crate) fn scope(&self) -> BTreeSet<String> {
        let slices = |it: &ReadTable| -> Vec<String> {
            let name = &it.table;
            it.asked.iter().map(|at| format!("{name} {at}")).collect()
        };
        self.tables.iter().flat_map(slices).collect()
    }

    /// What keeps the rows from being believed; `before` is the scope of the last run that was.
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
                    message: "it was not asked (this is a bug)".to_owned(),
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

    /// A sync of a few accounts looks as if all was well in the others. Whoever left the organization is not missed.
    fn narrower(&self, before: &BTreeSet<String>) -> Option<BlockedBy> {
        let now = self.scope();
        let read: BTreeSet<&str> = self.tables.iter().map(|it| it.table.as_str()).collect();
        let missing = before.difference(&now).filter_map(|slice| {
            let mut parts = slice.split(' ');
            let (table, account) = (parts.next()?, parts.next()?);
            // a query that reads other tables now misses nothing of those it read before; a table that is one slice is
            // asked for or not collected
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

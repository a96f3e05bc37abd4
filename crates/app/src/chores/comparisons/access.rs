use std::path::PathBuf;
use std::sync::Arc;

use crate::host::live_grants::StoredGrants;
use crate::host::server_store::ServerStore;
use async_trait::async_trait;
use hallpass_access_files::{DriftedItem, LiveGrants, PermissionSetAdmin, drift};
use hallpass_aws::{Aws, PermissionSets};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

use super::{Compared, ComparedRule, Comparison};
use crate::chores::access_look::{AccessLook, compared, usable};

pub static COMPARED: ComparedRule = ComparedRule {
    file: "access/watch",
    id: "access/drift",
    columns: &["drift", "permission_set", "place", "what"],
    message: "{permission_set}, {place}: {what}: {drift}",
    metric: "hallpass_drift_looks_total",
    unread: None,
};

pub struct AccessComparison {
    files: Vec<PathBuf>,
    aws: Arc<Aws>,
    center: Arc<dyn PermissionSetAdmin>,
    grants: Arc<dyn LiveGrants>,
}

impl AccessComparison {
    pub fn new(files: Vec<PathBuf>, aws: &Arc<Aws>, store: &ServerStore) -> Self {
        Self {
            files,
            center: Arc::new(PermissionSets::new(Arc::clone(aws))),
            grants: Arc::new(StoredGrants(Arc::new(store.clone()))),
            aws: Arc::clone(aws),
        }
    }
}

#[async_trait]
impl Comparison for AccessComparison {
    fn rule(&self) -> &'static ComparedRule {
        &COMPARED
    }

    async fn differing(&self) -> Result<Compared, Failure> {
        let file = usable(&self.files, |warning| {
            tracing::debug!(warning, "a file of access");
        })?;
        let at = AccessLook {
            aws: &self.aws,
            center: self.center.as_ref(),
            grants: self.grants.as_ref(),
        };
        let compared = compared(&at, &file).await?;
        let (wanted, seen) = (&compared.wanted, &compared.seen);
        let items = drift(&compared.diff, wanted, seen, &compared.directory);
        Ok(Compared {
            differing: items.iter().map(row).collect(),
            unread: Vec::new(),
        })
    }
}

fn row(item: &DriftedItem) -> Map<String, Value> {
    let place = match &item.account {
        Some(account) => format!("account {account}"),
        None => "the set itself".to_owned(),
    };
    let values = [
        json!(item.drift.name()),
        json!(item.permission_set),
        json!(place),
        json!(item.what),
    ];
    let names = COMPARED.columns.iter().map(|it| (*it).to_owned());
    names.zip(values).collect()
}

#[cfg(test)]
mod tests {
    use hallpass_access_files::{DriftAuthor, DriftKind, DriftSubject};
    use hallpass_base::{AccountId, PermissionSetName};

    use super::*;

    #[test]
    fn every_column_that_the_rule_names_is_in_every_row() {
        let mut item = DriftedItem {
            drift: DriftKind::AddedOutside,
            permission_set: PermissionSetName::new("Audit").unwrap(),
            account: Some(AccountId::new("100000000001").unwrap()),
            what: "user ana".to_owned(),
            subject: DriftSubject::Existence,
            last_change: DriftAuthor::NotAsked,
        };
        let assigned = row(&item);
        assert!(COMPARED.columns.iter().all(|it| assigned.contains_key(*it)));
        assert_eq!(assigned["place"], "account 100000000001");
        item.account = None;
        assert_eq!(row(&item)["place"], "the set itself");
    }
}

use hallpass_access::{RequestFilter, RequestView};
use hallpass_base::{PermissionSetArn, Target};
use hallpass_rules::directory::Account;

use crate::{App, ui::shell::Viewer};

const RECENTS: usize = 4;
const RECENTS_READ: usize = 40;

#[derive(Default)]
pub(super) struct Recents {
    targets: Vec<Target>,
}

impl Recents {
    pub(super) async fn of(app: &App, viewer: &Viewer) -> Self {
        let filter = RequestFilter::default();
        let found = app
            .access
            .requests(&viewer.actor, RequestView::Mine, &filter, RECENTS_READ)
            .await;
        let rows = found.map(|found| found.rows).unwrap_or_default();
        Self {
            targets: rows
                .into_iter()
                .filter_map(|it| Some(it.key?.target))
                .collect(),
        }
    }

    pub(super) fn accounts(&self) -> Vec<String> {
        self.first(|target| match target {
            Target::Account { account, .. } => Some(account.to_string()),
            Target::Group { .. } => None,
        })
    }

    pub(super) fn groups(&self) -> Vec<String> {
        self.first(|target| match target {
            Target::Account { .. } => None,
            Target::Group { group } => Some(group.to_string()),
        })
    }

    fn first(&self, id_of: impl Fn(&Target) -> Option<String>) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for id in self.targets.iter().filter_map(id_of) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.truncate(RECENTS);
        ids
    }

    pub(super) fn place_of(&self, account: &Account, set: &PermissionSetArn) -> Option<usize> {
        self.targets.iter().position(|target| match target {
            Target::Account {
                account: id,
                permission_set,
            } => *id == account.id && permission_set == set,
            Target::Group { .. } => false,
        })
    }
}

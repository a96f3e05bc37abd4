use hallpass_base::{AccountId, GroupId, Target, TargetNames};
use serde::Serialize;

/// An account with a permission set's name, or a group: the same for every request and grant of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Account {
        account: AccountId,
        permission_set: String,
    },
    Group {
        group: GroupId,
    },
}

impl Subject {
    /// `None` if the names are of another kind.
    pub fn of(target: &Target, names: &TargetNames) -> Option<Self> {
        match (target, names) {
            (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) => {
                Some(Self::Account {
                    account: account.clone(),
                    permission_set: permission_set.clone(),
                })
            }
            (Target::Group { group }, _) => Some(Self::Group {
                group: group.clone(),
            }),
            (Target::Account { .. }, TargetNames::Group { .. }) => None,
        }
    }
}

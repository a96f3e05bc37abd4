use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_access::{
    DirectoryFault, StandingListing, StandingScope, StandingSource, Unread, UnreadPlace,
};
use hallpass_base::{GroupId, HoldKey, Target, Timestamp, UserId};

#[derive(Debug, Default)]
pub struct StandingDouble {
    pub stands: Mutex<BTreeSet<HoldKey>>,
    pub unreadable: Mutex<Vec<UnreadPlace>>,
}

impl StandingDouble {
    pub fn give(&self, key: &HoldKey) {
        self.stands.lock().unwrap().insert(key.clone());
    }
}

#[async_trait]
impl StandingSource for StandingDouble {
    async fn read(&self, scope: &StandingScope) -> StandingListing {
        let unread = self.unreadable.lock().unwrap().clone();
        let unread = unread.into_iter().map(|what| Unread {
            what,
            error: "AccessDenied".to_owned(),
        });
        let mut listing = StandingListing {
            unread: unread.collect(),
            pairs_read: 1,
            ..StandingListing::default()
        };
        let hidden = listing.clone();
        let hidden = hidden.not_read();
        let stands = self.stands.lock().unwrap().clone();
        listing.seen = stands
            .into_iter()
            .filter(|key| scope.contains(&key.target) && !hidden.contains(&key.target))
            .map(|key| (key, Timestamp::UNIX_EPOCH))
            .collect();
        listing
    }

    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault> {
        let stands = self.stands.lock().unwrap();
        let of_target = stands.iter().filter(|key| key.target == *target);
        Ok(of_target.map(|key| key.user.clone()).collect())
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        let stands = self.stands.lock().unwrap();
        let of_user = stands.iter().filter(|key| key.user == *user);
        let groups = of_user.filter_map(|key| match &key.target {
            Target::Group { group } => Some(group.clone()),
            Target::Account { .. } => None,
        });
        Ok(groups.collect())
    }
}

//! Selects organization data that the current rules need.

use std::sync::{Arc, PoisonError, RwLock};

use hallpass_access::Access;
use hallpass_app::loops::group_sync;
use hallpass_app::setup::sources::cached_snapshot;
use hallpass_aws::{Inventory, TagPace};
use hallpass_base::TimeSpan;
use hallpass_rules::{GroupRef, Rules};

use super::{Parts, region};

/// Current rules for the inventory: the initial ones until the journey exists.
#[derive(Clone)]
pub(super) struct RulesNow {
    access: Arc<RwLock<Option<Arc<Access>>>>,
    first: Rules,
}

impl RulesNow {
    pub(super) fn beginning_with(first: &Rules) -> Self {
        Self {
            access: Arc::default(),
            first: first.clone(),
        }
    }

    pub(super) fn are_of(&self, access: &Arc<Access>) {
        let mut known = self.access.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::clone(access));
    }

    fn rules(&self) -> Rules {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        { access.as_ref() }.map_or_else(|| self.first.clone(), |access| access.rules())
    }
}

/// Starts with the data from the last stop.
pub(super) async fn inventory(parts: &Parts, rules_now: &RulesNow) -> Arc<Inventory> {
    let role_groups = parts.identity.role_groups();
    let approving = parts.remediating.as_ref().map(|it| Arc::clone(&it.rules));
    let (synced_groups, synced_attributes) = group_sync::named(&parts.settings);
    let (of_groups, of_attributes, of_tags) =
        (rules_now.clone(), rules_now.clone(), rules_now.clone());
    let attributes = Arc::new(move || {
        let mut named = of_attributes.rules().referenced_attributes();
        named.extend(&synced_attributes);
        named
    });
    let groups = Arc::new(move || {
        let mut by_name = role_groups.clone();
        // the file may name other groups at any time
        by_name.extend(approving.iter().flat_map(|it| it.rules().approver_groups()));
        let mut wanted = of_groups.rules().referenced_groups();
        wanted.extend(by_name.iter().map(|name| GroupRef::named(name)));
        wanted.extend(synced_groups.iter().cloned());
        wanted
    });
    let tags = Arc::new(move || of_tags.rules().references_account_tags());
    // as often as the organization
    let again = TimeSpan::seconds(parts.inventory_max_age.as_seconds() / 3);
    let inventory = Inventory::new(Arc::clone(&parts.aws), groups)
        .with_attributes(attributes)
        .with_account_tags(tags, TagPace::ByAndBy(again));
    region::resume(&parts.aws.center_silence(), &parts.store).await;
    Arc::new(match cached_snapshot(&parts.store).await {
        Some(snapshot) => inventory.from_cached(snapshot),
        None => inventory,
    })
}

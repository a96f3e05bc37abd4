use std::collections::{BTreeMap, BTreeSet};

use hallpass_access::{GroupSyncFacts, plan_groups};
use hallpass_app::config::Loaded;
use hallpass_channels::wording::group_sync;
use hallpass_rules::{Directory, Rules};

use super::DoctorReport;

const REMEDY: &str = "docs/operations/runbooks/group-sync.md";

pub(super) fn check(
    loaded: &Loaded,
    directory: &Directory,
    rules: Option<&Rules>,
    report: &mut DoctorReport,
) {
    const CHECK: &str = "groups by attributes";
    let Some(settings) = loaded.settings().group_sync else {
        return;
    };
    let requested = rules.map(Rules::requested_groups).unwrap_or_default();
    let offered = requested
        .iter()
        .filter_map(|it| directory.resolve_group(it));
    let plan = plan_groups(&GroupSyncFacts {
        settings: &settings,
        directory,
        offered: &offered.map(|group| group.id.clone()).collect(),
        held: &BTreeSet::new(),
        items: &BTreeMap::new(),
        locked: &BTreeSet::new(),
        now: hallpass_base::clock::now(),
    });
    let groups = plan.report(1);
    let troubles: Vec<String> = groups.iter().flat_map(group_sync::of_group).collect();
    if troubles.is_empty() {
        let (add, manual) = (
            groups.iter().map(|group| group.add.count).sum::<u64>(),
            groups.iter().map(|group| group.manual.count).sum::<u64>(),
        );
        let known = groups.len();
        report.add(
            CHECK,
            Ok(format!(
                "{known} groups, {add} people to add, {manual} match no rule"
            )),
        );
    }
    for trouble in troubles {
        report.add(CHECK, Err((trouble, REMEDY)));
    }
}

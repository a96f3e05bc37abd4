//! Who is on call in the demo.

use super::{OnCallSchedule, OrganizationFile};

/// Two levels of one team. The second is the last member of the group `oncall`.
pub(super) fn demo(file: &OrganizationFile) -> Vec<OnCallSchedule> {
    let groups = &file.identity_center.groups;
    let group = groups.iter().find(|group| group.name == "oncall");
    let members = group
        .map(|group| group.members.as_slice())
        .unwrap_or_default();
    let address = |name: Option<&String>| {
        let mut users = file.identity_center.users.iter();
        let user = users.find(|user| Some(&user.user_name) == name);
        let email = user.and_then(|user| user.email.clone());
        email.into_iter().collect::<Vec<_>>()
    };
    let schedule = |id: &str, name: &str, level, people| OnCallSchedule {
        id: id.to_owned(),
        name: name.to_owned(),
        policy: "EPAYMENTS".to_owned(),
        level: Some(level),
        people,
        incident: None,
    };
    vec![
        schedule("PPAYFIRST", "Payments, first", 1, address(members.first())),
        schedule("PPAYSECOND", "Payments, second", 2, address(members.last())),
    ]
}

use hallpass_access::SweepSettings;
use hallpass_aws_sim::organization::{Assignment, OrganizationFile};

const UNKNOWN: [(&str, &str, &str); 3] = [
    ("tomasz.wilk@example.com", "edge-prod", "ReadOnly"),
    (
        "ines.moreau@example.com",
        "orders-prod",
        "AdministratorAccess",
    ),
    ("noor.haddad@example.com", "payments-dev", "PowerUser"),
];
const ACCEPTED: (&str, &str, &str) = ("noor.haddad@example.com", "log-archive", "SecurityAudit");
const DELETED: &str = "93674a2b1c-5d3e8f70-6a41-4c2b-9e8d-0f1a2b3c4d5e";

pub fn add(organization: &mut OrganizationFile) {
    let by_hand = UNKNOWN.iter().chain([&ACCEPTED]);
    let mut rows: Vec<Assignment> = by_hand
        .map(|(user, account, set)| Assignment {
            account: (*account).to_owned(),
            permission_set: (*set).to_owned(),
            user: Some((*user).to_owned()),
            ..Assignment::default()
        })
        .collect();
    rows.push(Assignment {
        account: "catalog-prod".to_owned(),
        permission_set: "ReadOnly".to_owned(),
        user_id: Some(DELETED.to_owned()),
        ..Assignment::default()
    });
    organization.identity_center.assignments.extend(rows);
}

pub fn settings() -> SweepSettings {
    SweepSettings {
        standing: "*/*/SecurityAudit".parse().into_iter().collect(),
        ..SweepSettings::default()
    }
}

//! Access that nobody asked Hallpass for, as any organization has some: for sweeps to find.

use hallpass_access::SweepSettings;
use hallpass_aws_sim::organization::{Assignment, OrganizationFile};

/// Who, where, what.
const UNKNOWN: [(&str, &str, &str); 3] = [
    ("tomasz.wilk@example.com", "edge-prod", "ReadOnly"),
    (
        "ines.moreau@example.com",
        "orders-prod",
        "AdministratorAccess",
    ),
    ("noor.haddad@example.com", "payments-dev", "PowerUser"),
];
/// What the configuration of the demo accepts.
const ACCEPTED: (&str, &str, &str) = ("noor.haddad@example.com", "log-archive", "SecurityAudit");
/// Somebody who was deleted from the directory, and whose access was forgotten.
const DELETED: &str = "93674a2b1c-5d3e8f70-6a41-4c2b-9e8d-0f1a2b3c4d5e";

/// Adds assignments as if people had made them in the console.
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

/// As in earnest; what auditors hold by intent is accepted.
pub fn settings() -> SweepSettings {
    SweepSettings {
        standing: "*/*/SecurityAudit".parse().into_iter().collect(),
        ..SweepSettings::default()
    }
}

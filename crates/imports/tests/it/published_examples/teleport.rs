//! Teleport: its pages on requests for roles, on their configuration, and on AWS IAM Identity Center.

use hallpass_imports::Imported;
use hallpass_imports::teleport::import;
use hallpass_rules::Directory;

use super::{check_asks, check_rows, names, published};
use crate::answers::loaded;
use crate::company::directory;

fn imported(path: &str, names_at: &str, facts: &Directory) -> Imported {
    import(&[published(path)], &names(names_at), Some(facts)).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn requests_for_a_role_decide_as_the_page_says() {
    // ana is a contractor, bo and cai approve
    let facts = directory(&[1, 6, 0]);
    let import = imported(
        "teleport/role-requests.yaml",
        "teleport/role-requests.names.toml",
        &facts,
    );
    check_rows(
        &import,
        &[
            "role aws-dev-access: moved",
            "role contractor: moved",
            "role approver: moved",
        ],
    );
    check_asks(
        &loaded(&import),
        &facts,
        &[
            // the session of the role that is asked for
            ("ana Admin sandbox", "1 of bo cai, 1h"),
            ("ana ReadOnly sandbox", "1 of bo cai, 1h"),
            ("ana Billing sandbox", "may not ask"),
            ("ana Admin payments-prod", "may not ask"),
            ("bo Admin sandbox", "may not ask"),
            ("dee Admin sandbox", "may not ask"),
        ],
    );
}

#[test]
fn what_the_page_on_configuration_shows_moves_or_is_told() {
    // ana is a temporary administrator and looks for resources, everybody reviews production, cai reviews the rest
    let facts = directory(&[1, 15, 4]);
    let import = imported(
        "teleport/configuration.yaml",
        "teleport/configuration.names.toml",
        &facts,
    );
    check_rows(
        &import,
        &[
            "role aws-prod-admin: moved",
            "role aws-dev-read: moved",
            // others ask for the same with a threshold, and for less time
            "role temp-admin: differs",
            // of four thresholds the one without a filter
            "role on-duty: differs",
            // each of two has a filter
            "role two-filters: cannot be said",
            // claims of the identity provider, suggested reviewers
            "role staff: differs",
            "role seeker: moved",
            // every role but one, and that only without a reason
            "role reviewer: differs",
            "role prod-reviewer: moved",
            "role access-plugin: moved",
        ],
    );
    check_asks(
        &loaded(&import),
        &facts,
        &[
            // `max_duration`; whom a denial may concern reviews nothing that it names
            ("ana Admin payments-prod", "1 of bo dee, 4d"),
            // a session of thirty hours, where no role says how long
            ("bo Admin payments-prod", "2 of ana dee, 1d 6h 0m"),
            // what is searched for, with the reviewer of every role
            ("ana ReadOnly sandbox", "1 of cai, 1d 6h 0m"),
            // whom a denial by claim may concern asks for nothing that it names
            ("dee ReadOnly sandbox", "may not ask"),
            ("dee Admin payments-prod", "may not ask"),
            ("cai Admin payments-prod", "may not ask"),
        ],
    );
}

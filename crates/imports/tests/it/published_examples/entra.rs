//! Entra PIM: Microsoft Graph's pages on policy assignments, on updating their rules, and on eligibility for groups.

use hallpass_imports::entra::{EligibilityEnds, import};

use super::{check_asks, check_rows, names, published};
use crate::answers::loaded;
use crate::company::directory;

const FILES: [&str; 4] = [
    "entra/policies-readers.json",
    "entra/policies-admins.json",
    "entra/eligible-readers.json",
    "entra/eligible-admins.json",
];

#[test]
fn policies_and_eligibility_decide_as_the_pages_say() {
    // bo and cai are eligible by their group, ana and dee approve by theirs
    let facts = directory(&[0, 6, 9]);
    let files = FILES.map(published);
    let names = names("entra/names.toml");
    let import = import(&files, &names, Some(&facts), EligibilityEnds::LeaveOut);
    let import = import.unwrap_or_else(|why| panic!("{why}"));
    let [readers, admins] = [
        "c0000000-0000-4000-8000-000000000000",
        "c0000000-0000-4000-8000-000000000001",
    ];
    let rows = [
        format!("policy {readers}: moved"),
        format!("policy {readers}: moved"),
        // multifactor authentication is a matter of the identity provider
        format!("policy {admins}: differs"),
        format!("eligibility {readers}: moved"),
        format!("eligibility {readers}: moved"),
        format!("eligibility {admins}: moved"),
    ];
    check_rows(&import, &rows.each_ref().map(String::as_str));
    // one for each group: the policy of who owns it makes none
    assert_eq!(import.report.rules, 2, "{}", import.text);
    check_asks(
        &loaded(&import),
        &facts,
        &[
            // as a group is before anybody changes its policy: eight hours, no approval
            ("ana ReadOnly payments-prod", "at once, 8h"),
            ("bo ReadOnly payments-prod", "may not ask"),
            // who owns the group is no member of it
            ("dee ReadOnly payments-prod", "may not ask"),
            // with an approval, a ticket and another time
            (
                "bo Admin payments-prod",
                "1 of ana dee, 1h 45m, with a ticket",
            ),
            (
                "cai Admin payments-prod",
                "1 of ana dee, 1h 45m, with a ticket",
            ),
            ("ana Admin payments-prod", "may not ask"),
            ("dee Admin payments-prod", "may not ask"),
            ("bo Admin shop-prod", "may not ask"),
        ],
    );
}

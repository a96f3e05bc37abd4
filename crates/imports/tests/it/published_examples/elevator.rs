//! sso-elevator: its README, its module example, and its pages on configuration and attributes.

use hallpass_imports::elevator::{ElevatorOptions, import};
use hallpass_imports::{Imported, RowOutcome};
use hallpass_rules::{Directory, RuleFile, Rules, load};

use super::{check_asks, text_of};
use crate::company::directory;

fn imported(path: &str) -> (Imported, Rules) {
    let import = import("main.tf", &text_of(path), &ElevatorOptions::default());
    let import = import.unwrap_or_else(|why| panic!("{path}: {why:?}"));
    let rules = load(&RuleFile::new("statements.json", import.text.as_str()));
    let rules = rules.unwrap_or_else(|errors| panic!("{errors:?}\n{}", import.text));
    (import, rules.rules)
}

fn told(import: &Imported) -> (Vec<String>, [usize; 3]) {
    let rows = &import.report.rows;
    let odd = rows.iter().filter(|row| row.outcome != RowOutcome::Moved);
    let odd = odd.map(|row| format!("{} {}", row.id, row.outcome.words()));
    let of = |table: &str| rows.iter().filter(|row| row.table == table).count();
    let counts = ["statements", "group_statements", "settings"].map(of);
    (odd.collect(), counts)
}

const APPROVERS: &str = "Approvers differs";

fn lines(import: &Imported) -> Vec<String> {
    let lines = import.report.configuration.iter();
    lines
        .map(|it| format!("{} = {}", it.key, it.value))
        .collect()
}

const SWEEP: &str = "nightly removal differs";

const GROUPS: [&str; 3] = [
    "99999999-8888-7777-6666-555555555555",
    "11111111-2222-3333-4444-555555555555",
    "44445555-3333-2222-1111-555557777777",
];

#[test]
fn the_readme_decides_as_it_says() {
    let (import, rules) = imported("elevator/readme.tf");
    // the page does not state that approvers are users of the directory
    let odd = vec![APPROVERS.to_owned(), SWEEP.to_owned()];
    assert_eq!(told(&import), (odd, [6, 3, 7]));
    assert_eq!(
        lines(&import),
        [
            "access.statements = \"statements.json\"",
            "audit.export.prefix = \"elevator\"",
            "slack.channel = \"C0123456789\"",
        ]
    );
    let nobody = Directory::default();
    check_asks(
        &rules,
        &nobody,
        &[
            // approvers of an account also approve their own requests
            ("bob Admin 111111111111", "approves it themselves"),
            ("eve Admin 222222222222", "1 of alice bob chief"),
            ("finances Billing 555555555555", "approves it themselves"),
            // global approvers are added to every statement
            ("bob Billing 555555555555", "1 of chief finances"),
            ("chief ReadOnly 333333333333", "approves it themselves"),
            ("eve ReadOnly 444444444444", "1 of chief"),
            // an explicit denial wins over other statements for the same person
            (
                "eve AdministratorAccess 333333333333",
                "1 of chief manager security",
            ),
            (
                "manager AdministratorAccess 333333333333",
                "1 of chief security",
            ),
            (
                "security AdministratorAccess 444444444444",
                "1 of chief manager",
            ),
            (
                "security ReadOnlyPlus 555555555555",
                "approves it themselves",
            ),
            (
                "eve AdministratorAccess 555555555555",
                "1 of chief security",
            ),
        ],
    );
    let asks = [
        ("eve", GROUPS[0], "immediately"),
        ("lead", GROUPS[1], "approves it themselves"),
        ("eve", GROUPS[1], "1 of lead"),
        ("eve", GROUPS[2], "1 of lead"),
        // the only approver without self approval
        ("lead", GROUPS[2], "no approver"),
        ("eve", "55555555-3333-2222-1111-555557777777", "not allowed"),
    ];
    for (who, group, wanted) in asks {
        let ask = format!("{who} group {group}");
        check_asks(&rules, &nobody, &[(ask.as_str(), wanted)]);
    }
}

#[test]
fn the_complete_example_lacks_only_what_terraform_looks_up() {
    let (import, rules) = imported("elevator/complete.tf");
    assert_eq!(
        told(&import),
        (
            vec![
                APPROVERS.to_owned(),
                SWEEP.to_owned(),
                "sso_instance_arn not converted".to_owned()
            ],
            [3, 0, 15]
        )
    );
    assert_eq!(
        lines(&import),
        [
            "access.statements = \"statements.json\"",
            "audit.export.target = \"s3://acme-sso-elevator\"",
            "audit.export.prefix = \"logs/\"",
            "access.sweep.check_every = \"1h\"",
            "slack.channel = \"C0123456789\"",
        ]
    );
    check_asks(
        &rules,
        &Directory::default(),
        &[
            ("eve ReadOnlyPlus 111111111111", "immediately"),
            ("eve ReadOnlyPlus 999999999999", "immediately"),
            ("eve AdministratorAccess 111111111111", "1 of chief"),
            (
                "chief AdministratorAccess 111111111111",
                "approves it themselves",
            ),
        ],
    );
}

#[test]
fn restrictions_of_who_may_ask_decide_as_the_page_says_and_attributes_move_as_far_as_they_are_read()
{
    let (import, rules) = imported("elevator/restricted.tf");
    let (odd, counts) = told(&import);
    // `employeeType` and `jobTitle` are no attributes of the identity store
    assert_eq!(
        odd,
        [APPROVERS, SWEEP, "attribute_sync_rules not converted"]
    );
    assert_eq!(counts, [2, 1, 6]);
    assert_eq!(
        lines(&import),
        [
            "access.statements = \"statements.json\"",
            "groups.sync.enabled = true",
            "groups.sync.groups = [\"Builders\", \"Bookkeepers\", \"Operators\"]",
            "groups.sync.rules = [{ group = \"Bookkeepers\", attributes = { department = \"Books\" } }]",
        ]
    );
    let facts = directory(&[1, 0, 0]);
    let group = "c24e7e9528-e31b6b96-e213-4882-bde1-100000000001";
    check_asks(
        &rules,
        &facts,
        &[
            ("ana ReadOnly payments-prod", "1 of cai"),
            ("cai ReadOnly payments-prod", "no approver"),
            // group member or listed user: either is enough
            ("ana Admin payments-prod", "1 of dee"),
            ("bo Admin payments-prod", "1 of dee"),
            ("cai Admin payments-prod", "not allowed"),
            ("dee Admin payments-prod", "not allowed"),
        ],
    );
    for (who, wanted) in [
        ("ana", "1 of dee"),
        ("bo", "1 of dee"),
        ("cai", "not allowed"),
    ] {
        let ask = format!("{who} group {group}");
        check_asks(&rules, &facts, &[(ask.as_str(), wanted)]);
    }
}

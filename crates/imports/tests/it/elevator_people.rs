//! People in sso-elevator statements, compared with the directory (decision 0152).

use hallpass_base::{Email, UserId};
use hallpass_imports::elevator::{ElevatorOptions, Sweeps, import};
use hallpass_imports::{ImportReport, RowOutcome};
use hallpass_rules::directory::{Person, Snapshot};
use hallpass_rules::{Directory, PersonAttributes};

/// Ana and Bo under the new domain, Cai, who is disabled, and two Dees with one address.
fn directory() -> Directory {
    let people = [
        ("ana", "ana@new.example", true),
        ("bo", "bo@new.example", true),
        ("cai", "cai@new.example", false),
        ("dee", "dee@new.example", true),
        ("dee2", "dee@new.example", true),
    ];
    let people = people
        .iter()
        .zip(1..)
        .map(|((name, address, enabled), n): (_, u8)| Person {
            user_id: UserId::new(format!("{n:08}-0000-0000-0000-000000000000")).unwrap(),
            user_name: (*name).to_owned(),
            display_name: String::new(),
            emails: vec![Email::new(address).unwrap()],
            enabled: *enabled,
            attributes: PersonAttributes::default(),
        });
    Directory::new(Snapshot {
        people: people.collect(),
        ..Snapshot::default()
    })
}

fn report(statement: &str, settings: &str, directory: Option<&Directory>) -> ImportReport {
    let text = format!(
        "config = [{{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", {statement} }}]\n\
         max_permissions_duration_time = 24\nrequest_expiration_hours = 8\n{settings}"
    );
    let options = ElevatorOptions {
        directory,
        sweeps: Sweeps::Remove,
        ..ElevatorOptions::default()
    };
    import("terraform.tfvars", &text, &options).unwrap().report
}

fn notes(report: &ImportReport, table: &str) -> Vec<String> {
    let rows = report.rows.iter().filter(|row| row.table == table);
    let notes = rows.flat_map(|row| {
        let worst = row.outcome.words();
        { row.notes.iter() }.map(move |note| format!("{worst}: {note}"))
    });
    notes.collect()
}

#[test]
fn without_facts_one_row_says_that_approvers_have_to_be_users() {
    let approved = report("Approvers = [\"eve@old.example\"]", "", None);
    assert_eq!(notes(&approved, "statements"), Vec::<String>::new());
    let people = notes(&approved, "people");
    assert_eq!(people.len(), 1, "{people:?}");
    assert!(
        people[0].starts_with("differs: an approver must be an enabled user of Identity Center"),
        "{people:?}"
    );
    assert!(people[0].contains("`--facts live`"), "{people:?}");
    // a directory without users reports no one as missing
    let empty = Directory::default();
    let of_none = report("Approvers = [\"eve@old.example\"]", "", Some(&empty));
    assert_eq!(notes(&of_none, "people"), people);
    let nobody = report("ApprovalIsNotRequired = true", "", None);
    assert_eq!((nobody.differs, notes(&nobody, "people").len()), (0, 0));
}

#[test]
fn with_facts_each_statement_names_who_is_no_enabled_user_and_who_all_are_has_no_row() {
    let directory = directory();
    let known = report(
        "Approvers = [\"ana@new.example\", \"bo@NEW.example\"]",
        "",
        Some(&directory),
    );
    assert_eq!(
        (known.differs, known.rows[0].outcome),
        (0, RowOutcome::Moved)
    );
    let strangers = report(
        "Approvers = [\"ana@new.example\", \"eve@old.example\", \"cai@new.example\", \"Dee <dee@new.example>\"], \
         AllowedUsers = \"bo@old.example\"",
        "",
        Some(&directory),
    );
    let told = notes(&strangers, "statements");
    assert_eq!(
        told,
        [
            "differs: `Approvers`: `cai@new.example` (a disabled user), `dee@new.example` (several users have it), \
             `eve@old.example` (no user has it) can approve nothing in Hallpass: name people by the addresses of enabled users",
            "differs: `AllowedUsers`: `bo@old.example` (no user has it) can request nothing by this \
             statement in Hallpass: name \
             people by the addresses of enabled users",
        ]
    );
    let people = notes(&strangers, "people");
    assert!(
        people[0].contains("The notes of the statements name the others"),
        "{people:?}"
    );
}

#[test]
fn with_other_domains_the_address_to_write_is_said() {
    let domains = "secondary_fallback_email_domains = [\"@other.example\", \"@new.example\"]\n";
    let found = report(
        "Approvers = [\"ana@old.example\", \"eve@old.example\"], AllowedUsers = [\"bo@old.example\"]",
        domains,
        Some(&directory()),
    );
    let told = notes(&found, "statements").join("\n");
    for said in [
        "`ana@old.example` (write `ana@new.example`, which Identity Center has)",
        "`eve@old.example` (no user has it)",
        "`bo@old.example` (write `bo@new.example`, which Identity Center has)",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let setting = notes(&found, "settings").join("\n");
    assert!(
        setting.starts_with("differs: users found by one of these domains only"),
        "{setting}"
    );
}

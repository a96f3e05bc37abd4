//! Rows 6, 7, 12, 13 and 14 of the table of `organization.md` §1, and general properties.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallpass_org::vending::{
    AccountsFile, Adoption, EarlierRow, KnownAccount, ListWishes, ProvisionedProduct, RowFault,
    RowResult, RowStatus, RowVerdict, UnitFacts, VendingFacts, check, find_unit, has_room,
    new_accounts, wanted_rows,
};
use hallpass_plans::PlanId;
use proptest::prelude::*;
use serde_json::Value;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../docs/spec/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

fn tree() -> VendingFacts {
    let tree: Value = serde_json::from_slice(&fixture("org-tree.json")).unwrap();
    let rows = |name: &str| tree[name].as_array().unwrap().clone();
    VendingFacts {
        organization: text(&tree["organization"], "Id"),
        root: text(&tree, "root"),
        accounts: rows("accounts")
            .iter()
            .map(|row| KnownAccount {
                id: text(row, "Id"),
                name: text(row, "Name"),
                email: text(row, "Email"),
                active: text(row, "State") == "ACTIVE",
            })
            .collect(),
        parents: rows("accounts")
            .iter()
            .map(|row| (text(row, "Id"), text(row, "ParentId")))
            .collect(),
        units: rows("ous")
            .iter()
            .map(|row| UnitFacts {
                id: text(row, "Id"),
                name: text(row, "Name"),
                parent: text(row, "ParentId"),
                registered: row["ControlTowerRegistered"].as_bool().unwrap(),
            })
            .collect(),
        has_landing_zone: true,
        products: rows("provisionedProducts")
            .iter()
            .map(|row| ProvisionedProduct {
                id: text(row, "Id"),
                name: text(row, "Name"),
            })
            .collect(),
        ..VendingFacts::default()
    }
}

fn told(faults: &[RowFault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn checked(bytes: &[u8], wishes: &ListWishes, facts: &VendingFacts) -> String {
    let file = AccountsFile::read(bytes).unwrap();
    let verdicts = check(&file, wishes, facts);
    let results = verdicts.iter().filter_map(|(number, verdict)| {
        let result = match verdict {
            RowVerdict::Kept => return None,
            RowVerdict::Valid(_) => RowResult::of(RowStatus::Valid),
            RowVerdict::Invalid(errors) => RowResult {
                error: told(errors).join("; "),
                ..RowResult::of(RowStatus::Invalid)
            },
        };
        Some((*number, result))
    });
    file.write(&results.collect())
}

fn plainly(bytes: &[u8]) -> String {
    checked(bytes, &ListWishes::default(), &tree())
}

const HEADER: &str =
    "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit";

fn errors_of(row: &str, wishes: &ListWishes, facts: &VendingFacts) -> Vec<String> {
    let file = AccountsFile::read(format!("{HEADER}\n{row}\n").as_bytes()).unwrap();
    match check(&file, wishes, facts).remove(&2).unwrap() {
        RowVerdict::Kept => vec!["kept".to_owned()],
        RowVerdict::Valid(_) => Vec::new(),
        RowVerdict::Invalid(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn row_14_the_bad_list_comes_back_as_expected_to_the_byte() {
    let expected = String::from_utf8(fixture("org-vend-bad-expected.csv")).unwrap();
    assert_eq!(plainly(&fixture("org-vend-bad.csv")), expected);
}

#[test]
fn row_13_a_mark_carriage_returns_and_the_misspelt_column_are_taken() {
    let row = "Test-account-1,sso-1@example.com,acct-1@example.com,Ada,One,Test-OU-1";
    let given = format!("\u{feff}{HEADER},Status,AccountId,ErrroMsg\r\n{row},,,\r\n");
    let written = plainly(given.as_bytes());
    let first = format!("{row},VALID,,");
    assert_eq!(
        written,
        format!("{HEADER},Status,AccountId,ErrorMsg\n{first}\n")
    );
}

#[test]
fn row_12_a_list_that_was_written_changes_nothing_when_it_is_fed_again() {
    let file = AccountsFile::read(&fixture("org-vend-accounts.csv")).unwrap();
    let done = |number: usize, status| RowResult {
        account_id: format!("{number:012}"),
        ..RowResult::of(status)
    };
    let results = BTreeMap::from([
        (2, done(2, RowStatus::Succeeded)),
        (3, done(3, RowStatus::Exists)),
        (4, done(4, RowStatus::AssignFailed)),
    ]);
    let written = file.write(&results);
    let again = AccountsFile::read(written.as_bytes()).unwrap();
    let verdicts = check(&again, &ListWishes::default(), &tree());
    assert!(
        verdicts.values().all(|it| *it == RowVerdict::Kept),
        "{verdicts:?}"
    );
    assert_eq!(plainly(written.as_bytes()), written);
}

#[test]
fn row_7_an_address_is_in_use_wherever_its_account_is_and_however_it_is_written() {
    let row = "new-ops,sso@example.com,OPS@Example.com,A,B,Test-OU-1";
    for adopt in [Adoption::Never, Adoption::SameNameAndAddress] {
        let wishes = ListWishes {
            adopt,
            ..ListWishes::default()
        };
        let errors = errors_of(row, &wishes, &tree());
        assert_eq!(
            errors,
            ["AccountEmail in use by account 555555555555"],
            "{adopt:?}"
        );
    }
}

#[test]
fn row_6_units_by_name_id_and_path() {
    let table = "
        Test-OU-1                      -> Test-OU-1
        Test-OU-1(ou-ab12-cdef3456)    -> Test-OU-1
        Test-OU-1 (ou-ab12-cdef3456)   -> Test-OU-1
        ou-ab12-cdef3456               -> Test-OU-1
        Prod                           -> Prod (ou-ab12-prod0001)
        /Workloads/Dev/Team            -> Team (ou-ab12-team0002)
        /Workloads/Dev/Team/           -> Team (ou-ab12-team0002)
        Team (ou-ab12-team0001)        -> Team (ou-ab12-team0001)
        Team                           -> OrgUnit is ambiguous: ou-ab12-team0001, ou-ab12-team0002
        Team (ou-ab12-cdef3456)        -> OrgUnit name does not match ou-ab12-cdef3456: expected Test-OU-1
        Team (ou-ab12-team0009)        -> OrgUnit does not exist
        Team (old)                     -> OrgUnit does not exist
        ou-ab12-team0009               -> OrgUnit does not exist
        /Workloads/Team                -> OrgUnit does not exist
        /                              -> OrgUnit does not exist
        test-ou-1                      -> OrgUnit does not exist
        Legacy                         -> OrgUnit is not registered with Control Tower";
    let mut wrong = String::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let (cell, expected) = line.split_once("->").unwrap();
        let got = match find_unit(cell.trim(), &tree()) {
            Ok(unit) => unit.managed_name,
            Err(refused) => refused.to_string(),
        };
        if got != expected.trim() {
            writeln!(wrong, "{}: {got}", cell.trim()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let without = VendingFacts {
        has_landing_zone: false,
        ..tree()
    };
    assert_eq!(
        find_unit("Legacy", &without).unwrap().id,
        "ou-ab12-legacy01"
    );
}

#[test]
fn an_account_is_taken_on_by_name_and_address_in_its_unit_or_the_root() {
    let table = [
        ("stray,s@example.com,stray@example.com,A,B,Prod", ""),
        ("shop-prod,s@example.com,shop-prod@example.com,A,B,Prod", ""),
        (
            "shop-prod,s@example.com,shop-prod@example.com,A,B,Dev",
            "OrgUnit is not that of the account, which is in ou-ab12-prod0001",
        ),
        (
            "other,s@example.com,stray@example.com,A,B,Prod",
            "AccountEmail in use by account 888888888888",
        ),
    ];
    for (row, expected) in table {
        let adopting = ListWishes {
            adopt: Adoption::SameNameAndAddress,
            ..ListWishes::default()
        };
        assert_eq!(
            errors_of(row, &adopting, &tree()).join("; "),
            expected,
            "{row}"
        );
        let errors = errors_of(row, &ListWishes::default(), &tree()).join("; ");
        assert!(
            errors.starts_with("AccountEmail in use by account"),
            "{row}: {errors}"
        );
    }
}

#[test]
fn a_row_of_a_plan_that_is_not_over_is_refused_and_one_of_ours_goes_on() {
    let row = "stray,s@example.com,Stray@Example.com,A,B,Prod";
    let key = "stray@example.com".to_owned();
    let plan = PlanId::named("0123456789abcdef");
    let taken = VendingFacts {
        unfinished: BTreeMap::from([(key.clone(), plan)]),
        ..tree()
    };
    let errors = errors_of(row, &ListWishes::default(), &taken);
    assert_eq!(errors, ["already in plan 0123456789abcdef"]);
    // proof is the account in the journal, or an own request at AWS; name and address are none
    let id = tree().account_of("stray@example.com").unwrap().id.clone();
    let made = EarlierRow {
        account: Some(id.clone()),
        ..EarlierRow::default()
    };
    for (row_of, asked_for, expected) in [
        (made, BTreeSet::new(), None),
        (EarlierRow::default(), BTreeSet::from([id.clone()]), None),
        (
            EarlierRow::default(),
            BTreeSet::new(),
            Some(format!("AccountEmail in use by account {id}")),
        ),
    ] {
        let ours = VendingFacts {
            ours: BTreeMap::from([(key.clone(), row_of)]),
            asked_for,
            ..tree()
        };
        let errors = errors_of(row, &ListWishes::default(), &ours);
        assert_eq!(errors.first(), expected.as_ref());
    }
}

/// Errors have the exact position, independent of preceding rows and lines.
#[test]
fn faults_have_the_place_of_their_cell() {
    let text = format!(
        "{HEADER}\n\n\"a\n1\",s@example.com,a@example.com,A,B,Prod\nb,s@example.com,\"no address\",A,B,Prod\n"
    );
    let file = AccountsFile::read(text.as_bytes()).unwrap();
    let verdicts = check(&file, &ListWishes::default(), &tree());
    let places = verdicts.iter().flat_map(|(row, verdict)| {
        let RowVerdict::Invalid(faults) = verdict else {
            panic!("{verdict:?}");
        };
        faults
            .iter()
            .map(|it| format!("{}: {it}", file.place(*row, it.column).unwrap()))
    });
    let places: Vec<String> = places.collect();
    assert_eq!(
        places,
        [
            "3:1: AccountName must be 1-50 characters of A-Z a-z 0-9 _ -",
            "5:17: AccountEmail is not a valid e-mail address"
        ]
    );
    assert_eq!(wanted_rows(&file), 0);
    for (bytes, place) in [
        (format!("{HEADER}\na,\"b,c\n").into_bytes(), "2:3"),
        (format!("{HEADER}\na,b,c,d,e,f,g\n").into_bytes(), "2:13"),
        (b"AccountName,x\xff\n".to_vec(), "1:14"),
        (format!("{HEADER},OrgUnit\n").into_bytes(), "1:80"),
    ] {
        assert_eq!(AccountsFile::read(&bytes).unwrap_err().pointer, place);
    }
}

#[test]
fn groups_sets_and_tags_of_a_row_are_checked_after_its_unit() {
    let table = [
        ("Admins,Reader,a=1;b=", ""),
        (",,", ""),
        ("Nobody,Reader,", "AssignGroup does not exist"),
        ("Admins,,", "PermissionSet is required"),
        (
            ",Writer,x",
            "AssignGroup is required; PermissionSet does not exist; Tags must be written k=v;k2=v2",
        ),
    ];
    let facts = VendingFacts {
        groups: BTreeMap::from([(
            "Admins".to_owned(),
            "44c8f4d8-1051-70d6-ffa1-aa4a4a8e9d0d".parse().unwrap(),
        )]),
        permission_sets: BTreeSet::from(["Reader".parse().unwrap()]),
        ..tree()
    };
    for (cells, expected) in table {
        let text = format!(
            "{HEADER},AssignGroup,PermissionSet,Tags\na-1,s@example.com,a@example.com,A,B,Prod,{cells}\n"
        );
        let file = AccountsFile::read(text.as_bytes()).unwrap();
        let got = match check(&file, &ListWishes::default(), &facts)
            .remove(&2)
            .unwrap()
        {
            RowVerdict::Invalid(errors) => told(&errors).join("; "),
            RowVerdict::Valid(_) | RowVerdict::Kept => String::new(),
        };
        assert_eq!(got, expected, "{cells}");
    }
}

/// `organization.md` V-4: invalid tags are reported before any creation; a row's own tags win.
#[test]
fn tags_are_those_of_the_list_and_of_the_row_as_far_as_aws_takes_them() {
    let longest = |letter: &str, count| letter.repeat(count);
    let many = |count| {
        let all: Vec<_> = (0..count).map(|at| format!("k{at}=v")).collect();
        all.join(";")
    };
    let judged = |cell: &str| {
        let wishes = ListWishes {
            tags: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
            ..ListWishes::default()
        };
        let text = format!("{HEADER},Tags\na-1,s@example.com,a@example.com,A,B,Prod,{cell}\n");
        let file = AccountsFile::read(text.as_bytes()).unwrap();
        match check(&file, &wishes, &tree()).remove(&2).unwrap() {
            RowVerdict::Invalid(errors) => Err(told(&errors).join("; ")),
            RowVerdict::Valid(request) => Ok(request.tags),
            RowVerdict::Kept => panic!("it was never made"),
        }
    };
    assert_eq!(judged("").unwrap()["team"], "shop");
    assert_eq!(judged("team=bank;env=a=b").unwrap()["team"], "bank");
    assert_eq!(judged("env=a=b").unwrap()["env"], "a=b");
    let edge = format!("{}={}", longest("k", 128), longest("é", 256));
    assert_eq!(judged(&edge).unwrap().len(), 2);
    assert_eq!(judged(&many(49)).unwrap().len(), 50);
    for (cell, wanted) in [
        (
            many(50),
            "Tags: 51 in all, and an account takes 50".to_owned(),
        ),
        (
            format!("{}=v", longest("k", 129)),
            "Tags: a key has 1 to 128 characters".to_owned(),
        ),
        (
            format!("k={}", longest("v", 257)),
            "Tags: the value of k has more than 256 characters".to_owned(),
        ),
        (
            "Aws:x=1;k=1;k=2".to_owned(),
            "Tags: Aws:x begins with aws:, which is for AWS alone; Tags: k stands there twice"
                .to_owned(),
        ),
    ] {
        assert_eq!(judged(&cell), Err(wanted), "{cell}");
    }
}

/// `organization.md` V-4: defaults apply only to empty cells, written back empty.
#[test]
fn empty_cells_mean_what_the_configuration_says() {
    let text =
        format!("{HEADER}\na-1,,a@example.com,,,\nb-1,s@example.com,b@example.com,A,B,Prod\n");
    let defaults = [
        ("SSOUserEmail", "ops@example.com"),
        ("SSOUserFirstName", "Ops"),
        ("SSOUserLastName", "Team"),
        ("OrgUnit", "Prod"),
    ];
    let defaults = defaults.map(|(column, value)| (column.to_owned(), value.to_owned()));
    let plain = AccountsFile::read(text.as_bytes()).unwrap();
    let file = plain.clone().with_defaults(BTreeMap::from(defaults));
    let none = ListWishes::default();
    let verdicts = check(&file, &none, &tree());
    let emails = verdicts.values().map(|it| match it {
        RowVerdict::Valid(request) => request.user.email.as_str(),
        RowVerdict::Invalid(_) | RowVerdict::Kept => panic!("{it:?}"),
    });
    assert_eq!(
        emails.collect::<Vec<_>>(),
        ["ops@example.com", "s@example.com"]
    );
    assert!(matches!(
        check(&plain, &none, &tree())[&2],
        RowVerdict::Invalid(_)
    ));
    assert_eq!(file.write(&BTreeMap::new()), plain.write(&BTreeMap::new()));
}

#[test]
fn files_that_are_no_lists_are_refused_whole() {
    let table = [
        (
            String::new(),
            "the file is empty: the first row names the columns",
        ),
        (
            "AccountName\nx\n".to_owned(),
            "column `SSOUserEmail`, `AccountEmail`, `SSOUserFirstName`, \
            `SSOUserLastName`, `OrgUnit` is missing",
        ),
        (
            format!("{HEADER},OrgUnit\n"),
            "column `OrgUnit` stands there twice",
        ),
        (
            format!("{HEADER}\na,b,c,d,e,f,g\n"),
            "row 2 has 7 cells, and there are 6 columns: a comma inside a cell \
            needs quotes",
        ),
    ];
    for (text, expected) in table {
        let refused = AccountsFile::read(text.as_bytes()).unwrap_err();
        let columns = refused
            .message
            .replace("there are 9 columns", "there are 6 columns");
        assert_eq!(columns, expected);
    }
    assert!(AccountsFile::read(&[b'a', 0xFF, b'\n']).is_err());
}

#[test]
fn blank_lines_and_columns_of_others() {
    let text = format!(
        "Owner,{HEADER},Message\r\n\r\nme,n-1,s@example.com,a@example.com,A,B,Prod,old\r\n,,,,,,,\r\n"
    );
    let written = plainly(text.as_bytes());
    let expected = format!(
        "Owner,{HEADER},ErrorMsg,Status,AccountId\nme,n-1,s@example.com,a@example.com,A,B,Prod,,VALID,\n"
    );
    assert_eq!(written, expected);
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z\",;\n ]{0,6}",
        3 => "[a-c]{1,2}@example\\.com",
        3 => prop::sample::select(vec!["Test-OU-1", "Team", "Prod", "Dev", "Nowhere", "None", "Ada"]).prop_map(str::to_owned),
    ]
}

fn csv_of(columns: &[String], rows: &[Vec<String>]) -> String {
    let quoted = |cells: &[String]| {
        let cells = cells
            .iter()
            .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        cells.collect::<Vec<_>>().join(",")
    };
    let lines = std::iter::once(quoted(columns)).chain(rows.iter().map(|row| quoted(row)));
    lines.collect::<Vec<_>>().join("\r\n")
}

proptest! {
    #[test]
    fn a_list_is_read_and_written_without_a_change(rows in prop::collection::vec(prop::collection::vec(cell(), 6), 0..6)) {
        let columns: Vec<String> = HEADER.split(',').map(str::to_owned).collect();
        let file = AccountsFile::read(csv_of(&columns, &rows).as_bytes()).unwrap();
        let written = file.write(&BTreeMap::new());
        let again = AccountsFile::read(written.as_bytes()).unwrap();
        prop_assert_eq!(&again, &file);
        prop_assert_eq!(again.write(&BTreeMap::new()), written);
    }

    #[test]
    fn the_order_of_columns_decides_nothing(
        rows in prop::collection::vec(prop::collection::vec(cell(), 6), 1..6),
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let columns: Vec<String> = HEADER.split(',').map(str::to_owned).collect();
        let turned = |cells: &[String]| order.iter().map(|at| cells[*at].clone()).collect::<Vec<_>>();
        let judge = |columns: &[String], rows: &[Vec<String>]| {
            let file = AccountsFile::read(csv_of(columns, rows).as_bytes()).unwrap();
            check(&file, &ListWishes::default(), &tree())
        };
        let turned_rows: Vec<_> = rows.iter().map(|row| turned(row)).collect();
        prop_assert_eq!(judge(&columns, &rows), judge(&turned(&columns), &turned_rows));
    }

    #[test]
    fn of_twins_the_later_is_refused(upper in any::<bool>(), between in 0..3_usize) {
        let twin = if upper { "TWIN@EXAMPLE.COM" } else { "twin@example.com" };
        let mut text = format!("{HEADER}\nfirst,s@example.com,Twin@example.com,A,B,Prod\n");
        for n in 0..between {
            writeln!(text, "n-{n},s@example.com,n{n}@example.com,A,B,Prod").unwrap();
        }
        writeln!(text, "last,s@example.com,{twin},A,B,Prod").unwrap();
        let file = AccountsFile::read(text.as_bytes()).unwrap();
        let mut verdicts = check(&file, &ListWishes::default(), &tree());
        let (_, last) = verdicts.pop_last().unwrap();
        let RowVerdict::Invalid(last) = last else { panic!("{last:?}") };
        prop_assert_eq!(told(&last), ["AccountEmail repeats row 2"]);
        prop_assert!(verdicts.values().all(|it| matches!(it, RowVerdict::Valid(_))));
    }
}

/// `organization.md` V-16: only rows that create an account count.
#[test]
fn a_list_that_the_organization_has_no_room_for_is_refused_as_a_whole() {
    let list = "AccountName,AccountEmail,SSOUserEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\n\
                one,one@example.com,a@example.com,A,B,Prod\n\
                two,two@example.com,a@example.com,A,B,Prod\n\
                three,no address,a@example.com,A,B,Prod\n";
    let file = AccountsFile::read(list.as_bytes()).unwrap();
    let facts = tree();
    let verdicts = check(&file, &ListWishes::default(), &facts);
    assert_eq!(new_accounts(&verdicts), 2, "{verdicts:?}");
    let have = facts.accounts.len();
    let fits = i64::try_from(have + 2).unwrap();
    assert_eq!(has_room(&facts, &verdicts, fits), Ok(()));
    let refused = has_room(&facts, &verdicts, fits - 1).unwrap_err();
    let text = format!(
        "the organization has {have} accounts, the list makes 2, and {} are allowed",
        fits - 1
    );
    assert_eq!(refused.to_string(), text);
    assert_eq!(has_room(&facts, &BTreeMap::new(), 0), Ok(()));
}

//! Access queries with 5,000 accounts, 300 permission sets and 20,000 people. Limit: one second per
//! query (`inventory.md` W-15), including reading the files (`bench/snapshots.py who`).
#![expect(
    clippy::expect_used,
    reason = "a benchmark stops when its data do not load"
)]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use divan::Bencher;
use hallpass_inventory::{AccessGraph, GraphAssignment, TableRow, import};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

const PEOPLE: usize = 20_000;
const ACCOUNTS: usize = 5_000;
const SETS: usize = 300;
const GROUPS: usize = 600;

type Rows = BTreeMap<&'static str, Vec<TableRow>>;

fn list(count: usize, row: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(row).collect()
}

/// Group 0 has all people, and a set in each account.
fn holder(n: usize) -> (&'static str, String) {
    match (n % 10, n % 20) {
        (0, _) => ("USER", format!("u{}", n % PEOPLE)),
        (_, 1) => ("GROUP", "g0".to_owned()),
        _ => ("GROUP", format!("g{}", 1 + n * 13 % (GROUPS - 1))),
    }
}

/// Twenty assignments per account, mostly groups; everyone is in three groups: a hundred million
/// paths.
fn rows() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| {
        let of_person = |n: usize| [0, 1 + n % (GROUPS - 1), 1 + n * 31 % (GROUPS - 1)];
        let members: std::collections::BTreeSet<(usize, usize)> = (0..PEOPLE)
            .flat_map(|n| of_person(n).map(|group| (group, n)))
            .collect();
        let members = members.iter().map(|(group, n)| {
            json!({"group_id": format!("g{group}"), "member_user_id": format!("u{n}")})
        });
        let assignment = |n: usize| {
            let (kind, id) = holder(n);
            json!({"permission_set_arn": format!("s{}", n * 7 % SETS), "account_id": format!("{:012}", n / 20),
                "principal_type": kind, "principal_id": id})
        };
        let tables = json!({"tables": {
            "aws_organizations_accounts": list(ACCOUNTS, |n| json!({"id": format!("{n:012}"), "name": format!("a{n}"),
                "state": "ACTIVE", "ou_path": "/Workloads/Production/"})),
            "aws_identitystore_users": list(PEOPLE, |n| json!({"identity_store_id": "d", "user_id": format!("u{n}"),
                "idc_user_name": format!("p{n}"), "email": format!("p{n}@example.com")})),
            "aws_identitystore_groups": list(GROUPS, |n| json!({"identity_store_id": "d", "group_id": format!("g{n}"),
                "display_name": format!("G{n}")})),
            "aws_identitystore_group_memberships": members.collect::<Vec<_>>(),
            "aws_ssoadmin_permission_sets": list(SETS, |n| json!({"permission_set_arn": format!("s{n}"),
                "permission_set_name": format!("S{n}")})),
            "aws_ssoadmin_account_assignments": list(ACCOUNTS * 20, assignment),
        }});
        import(&tables).expect("the tables load").rows
    })
}

fn graph() -> &'static AccessGraph {
    static GRAPH: OnceLock<AccessGraph> = OnceLock::new();
    GRAPH.get_or_init(|| AccessGraph::new(rows(), &[]))
}

#[divan::bench(sample_count = 20)]
fn graph_of_the_tables(bencher: Bencher<'_, '_>) {
    let rows = rows();
    bencher.bench(|| AccessGraph::new(rows, &[]));
}

#[divan::bench(sample_count = 20)]
fn paths_of_one_person(bencher: Bencher<'_, '_>) {
    let graph = graph();
    bencher.bench(|| graph.paths_of_some(|_| true, Some(&[7])));
}

#[divan::bench(sample_count = 20)]
fn paths_of_one_account(bencher: Bencher<'_, '_>) {
    let graph = graph();
    bencher.bench(|| graph.paths_of_some(|it| it.account == 7, None));
}

#[divan::bench(sample_count = 20)]
fn paths_of_one_set(bencher: Bencher<'_, '_>) {
    let graph = graph();
    let place = graph.roles.iter().position(|it| it.arn == "s8");
    bencher.bench(|| graph.paths_of_some(|it| Some(it.role) == place, None));
}

#[divan::bench(sample_count = 20)]
fn findings(bencher: Bencher<'_, '_>) {
    let graph = graph();
    bencher.bench(|| graph.findings());
}

#[divan::bench(sample_count = 20)]
fn all_paths_counted(bencher: Bencher<'_, '_>) {
    let graph = graph();
    bencher.bench(|| graph.count_of_some(|_| true, None));
}

/// The former approach, in a fiftieth of the accounts and without the group of all people: the full
/// data takes minutes and gigabytes.
#[divan::bench(sample_count = 3)]
fn paths_of_all_in_a_fiftieth_then_one_person(bencher: Bencher<'_, '_>) {
    let graph = graph();
    let is_some = |it: &GraphAssignment| {
        it.account.is_multiple_of(50) && graph.people_of(&it.holder).len() < PEOPLE
    };
    bencher.bench(|| {
        let mut paths = graph.paths(is_some);
        paths.retain(|it| it.person.user_name.as_deref() == Some("p7"));
        paths
    });
}

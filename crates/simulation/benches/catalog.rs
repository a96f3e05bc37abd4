//! Catalog search at 5,000 accounts, 300 permission sets and 20,000 people. Promise: less than 100
//! milliseconds, including the first search.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "benchmarks"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use divan::Bencher;
use hallpass_access::{
    Access, Actor, CATALOG_PAGE_MAX, CatalogPage, Directory, DirectoryFault, DirectorySource,
    Origin, Ports, Search, Settings, Sought,
};
use hallpass_base::{Clock, Email, Timestamp, UserId};
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use hallpass_rules::{RuleFile, Rules, load};
use hallpass_simulation::{Center, Habits, Ids, Wall};
use hallpass_store::MemoryStore;

fn main() {
    divan::main();
}

struct Fixed(Arc<Directory>);

#[async_trait]
impl DirectorySource for Fixed {
    fn current(&self) -> Arc<Directory> {
        Arc::clone(&self.0)
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        Ok(self.current())
    }

    async fn refresh_person(&self, _: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        Ok(self.current())
    }
}

const TEAMS: [&str; 8] = [
    "payments", "ledger", "search", "media", "risk", "identity", "data", "edge",
];
const STAGES: [&str; 4] = ["dev", "test", "stage", "prod"];

fn account(n: usize) -> Account {
    let (team, stage) = (TEAMS[n % 8], STAGES[n / 8 % 4]);
    let ou = |name: &str, depth: usize| OuRef {
        id: format!("ou-ab12-{name}{depth}00000000"),
        name: name.to_owned(),
    };
    Account {
        id: format!("{:012}", 200_000_000_000 + n * 7919)
            .parse()
            .unwrap(),
        name: format!("{team}-{stage}-{n:04}"),
        email: String::new(),
        active: n % 100 != 99,
        ous: vec![ou("Workloads", 1), ou(stage, 2), ou(team, 3)],
        tags: BTreeMap::from([("env".to_owned(), stage.to_owned())]).into(),
    }
}

fn user(n: usize) -> UserId {
    format!("{n:08}-0000-0000-0000-000000000000")
        .parse()
        .unwrap()
}

fn directory() -> Directory {
    let person = |n: usize| Person {
        user_id: user(n),
        user_name: format!("p{n}"),
        display_name: format!("Person {n}"),
        emails: vec![Email::new(&format!("p{n}@corp.example")).unwrap()],
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    };
    let set = |n: usize| PermissionSet {
        name: format!("Set{n:03}"),
        arn: format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{n:016}")
            .parse()
            .unwrap(),
        session_duration: 3600,
        description: format!("What number {n} is for"),
    };
    let group = |n: usize| Group {
        id: format!("{n:08}-8888-7777-6666-555555555555")
            .parse()
            .unwrap(),
        name: format!("team-{n}"),
        members: Some((0..20_000).filter(|p| p % 2000 == n).map(user).collect()),
    };
    Directory::new(Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: (0..5000).map(account).collect(),
        permission_sets: (0..300).map(set).collect(),
        people: (0..20_000).map(person).collect(),
        groups: (0..2000).map(group).collect(),
        taken_at: Some(Timestamp::UNIX_EPOCH),
        ..Snapshot::default()
    })
}

fn rules(many: usize) -> Rules {
    let mut text = String::from(
        r#"
[[rule]]
id = "everything"
accounts = ["*"]
permission_sets = ["*"]
approver_groups = ["team-1", "team-2"]
"#,
    );
    for n in 0..many {
        let target = match n % 4 {
            0 => format!("accounts = [\"{}\"]", account(n * 5).id),
            1 => format!(
                "ous = [\"Workloads/{}/{}\"]",
                STAGES[n / 4 % 4],
                TEAMS[n % 8]
            ),
            2 => format!("accounts = [\"{}-{}-*\"]", TEAMS[n % 8], STAGES[n / 8 % 4]),
            _ => format!(
                "accounts = [\"*\"]\naccount_tags = {{ env = [\"{}\"] }}",
                STAGES[n % 4]
            ),
        };
        write!(
            text,
            "\n[[rule]]\nid = \"r{n}\"\n{target}\npermission_sets = [\"Set{:03}\", \"Set1*\"]\n\
             approvers = [\"p{n}@corp.example\"]\nallowed_groups = [\"team-{}\"]\n",
            n % 300,
            n % 50,
        )
        .unwrap();
    }
    match load(&RuleFile::new("rules.toml", text)) {
        Ok(loaded) => loaded.rules,
        Err(errors) => panic!("{errors:?}"),
    }
}

fn access(rules: Rules) -> (Access, Actor) {
    access_over(Arc::new(directory()), rules)
}

fn access_over(directory: Arc<Directory>, rules: Rules) -> (Access, Actor) {
    let store = Arc::new(MemoryStore::new());
    let wall = Arc::new(Wall::new(Timestamp::UNIX_EPOCH));
    let clock: Arc<dyn Clock> = wall.clone();
    let ports = Ports {
        store: store.clone(),
        assignments: store.clone(),
        sweeps: store.clone(),
        campaigns: store.clone(),
        group_sync: store,
        standing: Arc::new(Center::new(wall, Habits::default())),
        directory: Arc::new(Fixed(directory)),
        clock,
        ids: Arc::new(Ids::new(1)),
    };
    let actor = Actor {
        user: Some(user(7)),
        email: Email::new("p7@corp.example").unwrap(),
        name: "Person 7".to_owned(),
        roles: BTreeSet::new(),
        origin: Origin::Api,
        secondary_domain: false,
        authentication: None,
    };
    (Access::new(ports, Settings::default(), rules), actor)
}

fn typed(text: &str, kind: Sought) -> Search {
    Search {
        account: Some(account(1).id),
        ..Search::new(text, kind)
    }
}

const RULES: [usize; 3] = [0, 40, 1000];

#[divan::bench(args = RULES, sample_count = 10)]
fn first_search(bencher: Bencher<'_, '_>, many: usize) {
    let directory = Arc::new(directory());
    let rules = rules(many);
    bencher
        .with_inputs(|| access_over(Arc::clone(&directory), rules.clone()))
        .bench_local_values(|(access, actor)| {
            let found = access.search(&actor, &typed("pay prod", Sought::Accounts), 8);
            assert_eq!(found.entries.len(), 8);
            (access, found)
        });
}

#[divan::bench(args = RULES)]
fn next_search(bencher: Bencher<'_, '_>, many: usize) {
    let (access, actor) = access(rules(many));
    bencher.bench_local(|| access.search(&actor, &typed("pay", Sought::Accounts), 8));
}

#[divan::bench(args = RULES)]
fn misspelled(bencher: Bencher<'_, '_>, many: usize) {
    let (access, actor) = access(rules(many));
    bencher.bench_local(|| access.search(&actor, &typed("paymnts-prod", Sought::Accounts), 8));
}

#[divan::bench(args = RULES)]
fn sets_of_an_account(bencher: Bencher<'_, '_>, many: usize) {
    let (access, actor) = access(rules(many));
    bencher.bench_local(|| access.search(&actor, &typed("", Sought::PermissionSets), 100));
}

#[divan::bench(args = RULES)]
fn a_page_of_the_catalog(bencher: Bencher<'_, '_>, many: usize) {
    let (access, actor) = access(rules(many));
    let page = CatalogPage {
        text: "prod".to_owned(),
        limit: CATALOG_PAGE_MAX,
        ..CatalogPage::default()
    };
    bencher.bench_local(|| access.catalog_page(&actor, &page));
}

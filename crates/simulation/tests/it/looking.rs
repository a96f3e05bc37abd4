//! Catalog search: best matches first, unavailable ones last with the reason, always by the current
//! state.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use hallpass_access::{
    Access, Actor, CATALOG_PAGE_MAX, CatalogPage, Directory, DirectoryFault, DirectorySource,
    Ports, Search, SearchPage, Settings, Sought,
};
use hallpass_base::{TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Snapshot};
use hallpass_rules::{DecisionKind, RuleFile, Rules, load};
use hallpass_simulation::{Center, Habits, Human, Ids, Wall, World};
use hallpass_store::MemoryStore;

use crate::acting::run;

const RULES: &str = r#"
[[rule]]
id = "read"
accounts = ["*-prod", "*-dev"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true

[[rule]]
id = "night"
accounts = ["pay-lab"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true
hours = { from = '22:00', to = '23:00', time_zone = 'UTC' }

[[rule]]
id = "admin"
accounts = ["payments-prod"]
permission_sets = ["Admin"]
approvers = ["cai@corp.example"]

[[rule]]
id = "lonely"
accounts = ["payments-sole"]
permission_sets = ["*"]
approvers = ["ana@corp.example"]

[[rule]]
id = "closed"
accounts = ["spa-payments"]
permission_sets = ["*"]
approvers = ["cai@corp.example"]
allowed_users = ["bo@corp.example"]

[[rule]]
id = "oncall"
groups = ["oncall"]
approvers = ["cai@corp.example"]

[[rule]]
id = "others"
groups = ["oncall-others"]
allowed_users = ["bo@corp.example"]
approvers = ["cai@corp.example"]
"#;

struct Shelf(RwLock<Arc<Directory>>);

#[async_trait]
impl DirectorySource for Shelf {
    fn current(&self) -> Arc<Directory> {
        Arc::clone(&self.0.read().unwrap())
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        Ok(self.current())
    }

    async fn refresh_person(&self, _: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        Ok(self.current())
    }
}

struct Scene {
    access: Access,
    shelf: Arc<Shelf>,
    clock: Arc<Wall>,
    ana: Actor,
}

fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.toml", text)).unwrap().rules
}

fn account(n: usize, name: &str, folders: &[&str], active: bool) -> Account {
    let ou = |name: &&str| OuRef {
        id: format!("ou-ab12-{}00000000", name.to_lowercase()),
        name: (*name).to_owned(),
    };
    Account {
        id: format!("2011000001{n:02}").parse().unwrap(),
        name: name.to_owned(),
        email: String::new(),
        active,
        ous: folders.iter().map(ou).collect(),
        tags: BTreeMap::new().into(),
    }
}

fn scene() -> Scene {
    let world = World::new(1, Habits::default(), None);
    let group = |n: usize, name: &str| Group {
        id: format!("9999999{n}-8888-7777-6666-555555555555")
            .parse()
            .unwrap(),
        name: name.to_owned(),
        members: None,
    };
    let set = |name: &str, says: &str| PermissionSet {
        name: name.to_owned(),
        arn: format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{name}")
            .parse()
            .unwrap(),
        session_duration: 3600,
        description: says.to_owned(),
    };
    let directory = Directory::new(Snapshot {
        accounts: vec![
            account(7, "payments-prod", &["Prod", "Payments"], true),
            account(8, "spa-payments", &["Prod"], true),
            account(9, "orders-prod", &["Prod", "Payments"], true),
            account(10, "payments-old", &[], false),
            account(11, "payments-sole", &[], true),
            account(12, "payments-bare", &[], true),
            account(13, "payments-dev", &["Dev", "Payments"], true),
            account(14, "pay-lab", &["Lab"], true),
        ],
        permission_sets: vec![
            set("ReadOnly", "See everything, change nothing"),
            set("Admin", "Everything"),
        ],
        groups: vec![
            group(1, "oncall"),
            group(2, "staff"),
            group(3, "oncall-others"),
        ],
        ..world.directory.current().snapshot().clone()
    });
    let shelf = Arc::new(Shelf(RwLock::new(Arc::new(directory))));
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Wall::new(Timestamp::UNIX_EPOCH));
    let ports = Ports {
        store: store.clone(),
        assignments: store.clone(),
        sweeps: store.clone(),
        campaigns: store.clone(),
        group_sync: store,
        standing: Arc::new(Center::new(clock.clone(), Habits::default())),
        directory: shelf.clone(),
        clock: clock.clone(),
        ids: Arc::new(Ids::new(1)),
    };
    let settings = Settings {
        out_of_reach: "201100000109".parse().ok(),
        ..Settings::default()
    };
    Scene {
        access: Access::new(ports, settings, rules(RULES)),
        shelf,
        clock,
        ana: world.actor(Human::Ana),
    }
}

impl Scene {
    fn find(&self, text: &str, kind: Sought, limit: usize) -> SearchPage {
        let search = Search {
            account: "201100000107".parse().ok(),
            ..Search::new(text, kind)
        };
        self.access.search(&self.ana, &search, limit)
    }

    fn names(&self, text: &str, kind: Sought) -> String {
        let found = self.find(text, kind, 8);
        let names: Vec<String> = found
            .entries
            .iter()
            .map(|hit| {
                let named = hit.account.iter().chain(&hit.group).next().unwrap();
                let name = hit.permission_set.as_deref().unwrap_or(&named.name);
                let barred = if hit.why_not.is_some() { "!" } else { "" };
                format!("{barred}{name}")
            })
            .collect();
        format!(
            "{} ({} of {})",
            names.join(" "),
            found.matching,
            found.total
        )
    }
}

#[test]
fn accounts_are_found_best_first_and_those_one_cannot_have_last() {
    let scene = scene();
    let rows = [
        (
            "PAY",
            "payments-dev payments-prod !payments-sole !pay-lab !payments-bare !spa-payments \
             !orders-prod (7 of 7)",
        ),
        ("ments-pr", "payments-prod (1 of 7)"),
        ("payments-prod", "payments-prod (1 of 7)"),
        ("2011 0000 0113", "payments-dev (1 of 7)"),
        ("dev", "payments-dev (1 of 7)"),
        (
            "prod pay",
            "payments-prod !orders-prod !spa-payments (3 of 7)",
        ),
        ("xyz", " (0 of 7)"),
        ("paymnts-prod", "payments-prod (1 of 7)"),
        ("Payments-Dve", "payments-dev (1 of 7)"),
    ];
    for (typed, expected) in rows {
        assert_eq!(scene.names(typed, Sought::Accounts), expected, "{typed}");
    }
    let few = scene.find("pay", Sought::Accounts, 1);
    assert_eq!((few.entries.len(), few.matching), (1, 7));
    let used = Search {
        used: vec!["201100000107".to_owned()],
        ..Search::new("pay", Sought::Accounts)
    };
    let found = scene.access.search(&scene.ana, &used, 1).entries.remove(0);
    assert_eq!(found.account.unwrap().name, "payments-prod");
}

#[test]
fn what_one_cannot_have_says_why() {
    let scene = scene();
    let reasons: BTreeMap<String, String> = scene
        .find("", Sought::Accounts, 8)
        .entries
        .into_iter()
        .filter_map(|hit| Some((hit.account?.name, hit.why_not?)))
        .collect();
    let rows = [
        (
            "payments-bare",
            "No rule covers payments-bare. Ask an administrator to add one.",
        ),
        (
            "spa-payments",
            "Rule `closed` does not let you request anything in spa-payments now.",
        ),
        (
            "payments-sole",
            "No one can approve anything in payments-sole for you.",
        ),
        (
            "orders-prod",
            "This is the management account, which a delegated administrator \
                         cannot change. Request a group that has the access there instead.",
        ),
    ];
    for (name, why) in rows {
        assert_eq!(reasons[name], why);
    }
}

#[test]
fn permission_sets_and_groups_come_with_what_would_happen() {
    let scene = scene();
    assert_eq!(
        scene.names("", Sought::PermissionSets),
        "Admin ReadOnly (2 of 2)"
    );
    assert_eq!(
        scene.names("change nothing", Sought::PermissionSets),
        "ReadOnly (1 of 2)"
    );
    assert_eq!(
        scene.names("onc", Sought::Groups),
        "oncall !oncall-others (2 of 2)"
    );
    let found = scene.find("adm", Sought::PermissionSets, 8);
    let offer = found.entries[0].offer.clone().unwrap();
    assert_eq!(offer.decision, DecisionKind::RequiresApproval);
    assert_eq!(offer.approvers, ["cai@corp.example"]);
    let elsewhere = Search {
        account: "201100000108".parse().ok(),
        ..Search::new("", Sought::PermissionSets)
    };
    let found = scene.access.search(&scene.ana, &elsewhere, 8);
    let why = found.entries[0].why_not.clone().unwrap();
    assert_eq!(
        why,
        "Rule `closed` does not let you request spa-payments / Admin now."
    );
}

#[test]
fn what_is_remembered_is_never_old() {
    let scene = scene();
    let lab = || scene.names("lab", Sought::Accounts);
    assert_eq!(lab(), "!pay-lab (1 of 7)");
    scene.clock.advance(TimeSpan::hours(22));
    assert_eq!(lab(), "pay-lab (1 of 7)");
    scene.clock.advance(TimeSpan::hours(1));
    assert_eq!(lab(), "!pay-lab (1 of 7)");
    let mut snapshot = scene.shelf.current().snapshot().clone();
    snapshot
        .accounts
        .retain(|account| account.name != "pay-lab");
    *scene.shelf.0.write().unwrap() = Arc::new(Directory::new(snapshot));
    assert_eq!(lab(), " (0 of 6)");
}

#[test]
fn new_rules_count_at_once() {
    let scene = scene();
    assert_eq!(
        scene.names("bare", Sought::Accounts),
        "!payments-bare (1 of 7)"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let changed = rules(&RULES.replace("payments-sole", "payments-*"));
    runtime
        .block_on(scene.access.set_rules(changed, "test"))
        .unwrap();
    // the rule covers it now, and lists only the requester
    assert_eq!(
        scene.names("bare", Sought::Accounts),
        "!payments-bare (1 of 7)"
    );
    let found = scene.find("bare", Sought::Accounts, 8);
    let why = found.entries[0].why_not.clone().unwrap();
    assert_eq!(why, "No one can approve anything in payments-bare for you.");
}

#[test]
fn pages_of_the_catalog_add_up_to_the_whole() {
    let scene = scene();
    let all = CatalogPage {
        limit: CATALOG_PAGE_MAX,
        ..CatalogPage::default()
    };
    let whole = scene.access.catalog_page(&scene.ana, &all).unwrap();
    assert_eq!(whole.next, None);
    let names: Vec<String> = whole
        .entries
        .iter()
        .map(|entry| {
            let place = entry.account.iter().chain(&entry.group).next().unwrap();
            format!(
                "{} {}",
                place.name,
                entry.permission_set.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            "payments-dev ReadOnly",
            "payments-prod ReadOnly",
            "payments-prod Admin",
            "oncall -"
        ]
    );
    for (name, count) in [("readonly", 2), ("Admin", 1), ("Other", 0)] {
        let page = CatalogPage {
            permission_set: Some(name.to_owned()),
            ..all.clone()
        };
        let found = scene.access.catalog_page(&scene.ana, &page).unwrap();
        assert_eq!(found.entries.len(), count, "{name}");
    }
    for limit in 1..6 {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = CatalogPage {
                after,
                limit,
                ..CatalogPage::default()
            };
            let page = scene.access.catalog_page(&scene.ana, &page).unwrap();
            entries.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(entries, whole.entries, "{limit}");
    }
}

#[test]
fn groups_of_the_catalog_go_on_where_a_page_ended() {
    let scene = scene();
    let changed = rules(
        &RULES
            .replace("\"oncall-others\"", "\"none\"")
            .replace("[\"oncall\"]", "[\"oncall\", \"staff\", \"oncall-others\"]"),
    );
    run(scene.access.set_rules(changed, "test")).unwrap();
    for limit in 1..5 {
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = CatalogPage {
                after,
                limit,
                ..CatalogPage::default()
            };
            let page = scene.access.catalog_page(&scene.ana, &page).unwrap();
            names.extend(
                page.entries
                    .into_iter()
                    .filter_map(|it| it.group)
                    .map(|it| it.name),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, ["oncall", "staff", "oncall-others"], "{limit}");
    }
}

/// A requester of one set sees only the contents of that set.
#[test]
fn a_set_is_shown_to_who_may_ask_for_it() {
    let scene = scene();
    let named = rules(&RULES.replace(
        "permission_sets = [\"*\"]",
        "permission_sets = [\"ReadOnly\"]",
    ));
    run(scene.access.set_rules(named, "test")).unwrap();
    let mut snapshot = scene.shelf.current().snapshot().clone();
    let mut sealed = snapshot.permission_sets[0].clone();
    sealed.name = "Sealed".to_owned();
    sealed.arn = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-Sealed"
        .parse()
        .unwrap();
    snapshot.permission_sets.push(sealed);
    *scene.shelf.0.write().unwrap() = Arc::new(Directory::new(snapshot));
    for (name, shown) in [
        ("ReadOnly", true),
        ("Admin", true),
        ("Sealed", false),
        ("Gone", false),
    ] {
        let sees = run(scene.access.may_see_set(&scene.ana, name)).unwrap();
        assert_eq!(sees, shown, "{name}");
    }
}

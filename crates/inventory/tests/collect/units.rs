use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_inventory::SyncGroup;
use hallpass_inventory::collect::{
    AnswerPage, CallPlace, CalledOperation, PageAnswer, ServiceCalls, SyncScope, collect,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{Kept, MANAGEMENT, World, listed, scope};

const UNITS: [(&str, &str, &str); 6] = [
    ("ou-1", "r-1", "Workloads"),
    ("ou-2", "ou-1", "Production"),
    ("ou-3", "r-1", "Sandbox"),
    ("ou-4", "ou-3", "Production"),
    ("ou-5", "r-1", "Empty"),
    ("ou-6", "ou-2", "Deep"),
];
const LATE: &str = "100000000009";
const EARLY: &str = "100000000002";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Paths,
    Nothing,
    AllButOne,
}

struct Units {
    world: World,
    told: Told,
    parents: Mutex<BTreeMap<String, String>>,
    moved: Mutex<Option<(&'static str, &'static str)>>,
    calls: Mutex<Vec<&'static str>>,
}

impl Units {
    fn new(told: Told) -> Self {
        let parents = [
            (MANAGEMENT, "r-1"),
            (EARLY, "ou-1"),
            ("100000000003", "ou-2"),
            ("100000000004", "ou-2"),
            ("100000000006", "ou-4"),
            ("100000000007", "ou-6"),
            ("100000000008", "r-1"),
            (LATE, "ou-3"),
        ];
        let parents = parents.map(|(id, parent)| (id.to_owned(), parent.to_owned()));
        Self {
            world: World::default(),
            told,
            parents: Mutex::new(parents.into()),
            moved: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    fn account(&self, (id, parent): (&String, &String)) -> Value {
        let mut above = vec![parent.as_str()];
        while let Some((_, higher, _)) = UNITS.iter().find(|it| Some(&it.0) == above.last()) {
            above.push(*higher);
        }
        above.reverse();
        let mut account = json!({"Id": id, "Arn": "arn", "Name": id, "Email": "a@example.test",
            "State": "ACTIVE", "JoinedMethod": "CREATED", "JoinedTimestamp": "2020-01-01T00:00:00Z"});
        let is_silent = self.told == Told::AllButOne && id == LATE;
        if self.told != Told::Nothing && !is_silent {
            account["Paths"] = json!([format!("o-1/{}/{id}/", above.join("/"))]);
        }
        account
    }

    fn organization(&self, operation: &str, input: &Value) -> Option<AnswerPage> {
        let mut parents = self.parents.lock().unwrap();
        let parent = &input["ParentId"];
        Some(match operation {
            "ListAccounts" => {
                if input.get("Token").is_some()
                    && let Some((account, unit)) = self.moved.lock().unwrap().take()
                {
                    parents.insert(account.to_owned(), unit.to_owned());
                }
                listed(input, "Accounts", parents.iter().map(|it| self.account(it)))
            }
            "ListAccountsForParent" => {
                let inside = parents.iter().filter(|(_, of)| parent == of.as_str());
                listed(input, "Accounts", inside.map(|it| self.account(it)))
            }
            "ListOrganizationalUnitsForParent" => {
                let inside = UNITS.iter().filter(|it| parent == it.1);
                let unit =
                    |it: &(&str, &str, &str)| json!({"Id": it.0, "Arn": "arn", "Name": it.2});
                listed(input, "OrganizationalUnits", inside.map(unit))
            }
            "ListParents" => {
                let of = &parents[input["ChildId"].as_str().unwrap()];
                listed(input, "Parents", [json!({"Id": of, "Type": "ROOT"})])
            }
            _ => return None,
        })
    }

    fn count(&self, operation: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|it| **it == operation).count()
    }

    async fn rows(self, scope: &SyncScope) -> ((Vec<Value>, Vec<Value>), usize) {
        let kept = Kept::default();
        collect(scope, &self, None, None, &kept).await.unwrap();
        assert!(kept.failed().is_empty(), "{:?}", kept.failed());
        let rows = |table: &str| {
            let mut rows: Vec<Value> = kept.rows(table);
            rows.sort_by_key(|it| it["id"].to_string());
            rows
        };
        let tables = (
            rows("aws_organizations_accounts"),
            rows("aws_organizations_organizational_units"),
        );
        (tables, self.count("ListAccountsForParent"))
    }
}

#[async_trait]
impl ServiceCalls for Units {
    async fn call(&self, at: &CallPlace, operation: CalledOperation, input: &Value) -> PageAnswer {
        self.calls.lock().unwrap().push(operation.1);
        if let Some(page) = self.organization(operation.1, input) {
            return Ok(page);
        }
        self.world.call(at, operation, input).await
    }

    async fn pause(&self, long: Duration) {
        self.world.pause(long).await;
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

fn path<'a>(rows: &'a [Value], id: &str) -> &'a str {
    let row = rows.iter().find(|it| it["id"] == id).unwrap();
    row["ou_path"].as_str().unwrap()
}

#[tokio::test]
async fn accounts_that_say_where_they_stand_make_the_same_rows_as_a_walk_does() {
    let scope = scope(&[SyncGroup::Organizations]);
    let (walked, calls) = Units::new(Told::Nothing).rows(&scope).await;
    assert_eq!(calls, UNITS.len() + 1);
    assert_eq!(
        [MANAGEMENT, "100000000003", "100000000006", "100000000007"]
            .map(|it| path(&walked.0, it).to_owned()),
        [
            "/",
            "/Workloads/Production/",
            "/Sandbox/Production/",
            "/Workloads/Production/Deep/"
        ]
    );
    let (told, calls) = Units::new(Told::Paths).rows(&scope).await;
    assert_eq!(calls, 0);
    assert_eq!(told, walked);
    // one account without paths causes a walk for all
    let (mixed, calls) = Units::new(Told::AllButOne).rows(&scope).await;
    assert_eq!(calls, UNITS.len() + 1);
    assert_eq!(mixed, walked);
}

#[tokio::test]
async fn an_account_that_is_moved_between_two_pages_stands_where_its_page_says() {
    let scope = scope(&[SyncGroup::Organizations]);
    let told = async |told, moved| {
        let units = Units::new(told);
        *units.moved.lock().unwrap() = Some(moved);
        units.rows(&scope).await.0
    };
    let late = (LATE, "ou-6");
    let found = told(Told::Paths, late).await;
    assert_eq!(path(&found.0, LATE), "/Workloads/Production/Deep/");
    assert_eq!(found, told(Told::Nothing, late).await);
    // its page was read before the move, and has the earlier place
    let found = told(Told::Paths, (EARLY, "ou-6")).await;
    assert_eq!(path(&found.0, EARLY), "/Workloads/");
}

#[tokio::test]
async fn an_account_in_a_unit_that_is_gone_by_now_is_asked_for_its_parent() {
    let scope = scope(&[SyncGroup::Organizations]);
    let units = Units::new(Told::Paths);
    units
        .parents
        .lock()
        .unwrap()
        .insert(EARLY.to_owned(), "ou-9".to_owned());
    *units.moved.lock().unwrap() = Some((EARLY, "ou-2"));
    let (found, _) = units.rows(&scope).await;
    assert_eq!(path(&found.0, EARLY), "/Workloads/Production/");
}

#[tokio::test]
async fn a_unit_that_was_named_has_the_same_accounts_either_way() {
    for unit in ["ou-1", "/Workloads/Production", "/Sandbox", "ou-5"] {
        let mut asked = Vec::new();
        for told in [Told::Paths, Told::Nothing] {
            let scope = SyncScope {
                units: vec![unit.to_owned()],
                ..scope(&[SyncGroup::Contacts])
            };
            let (units, kept) = (Units::new(told), Kept::default());
            let done = collect(&scope, &units, None, None, &kept).await;
            let slices = kept.slices.borrow();
            let accounts: Vec<_> = slices.keys().filter_map(|it| it.account.clone()).collect();
            asked.push((done.is_ok(), accounts));
        }
        assert_eq!(asked[0], asked[1], "{unit}");
    }
}

const MANY: (usize, usize) = (5_000, 300);

type RowOf<'a> = &'a (dyn Fn(usize) -> Value + Sync);

struct Large {
    has_paths: bool,
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

#[async_trait]
impl ServiceCalls for Large {
    async fn call(&self, _: &CallPlace, (_, name): CalledOperation, input: &Value) -> PageAnswer {
        *self.calls.lock().unwrap().entry(name).or_default() += 1;
        let unit = |it: usize| format!("ou-{it}");
        let account = |it: usize| {
            let id = format!("{it:012}");
            let paths = format!("o-1/r-1/{}/{id}/", unit(it % MANY.1));
            json!({"Id": id, "Arn": "arn", "Name": id, "Email": "a@example.test", "State": "ACTIVE",
                "JoinedMethod": "CREATED", "JoinedTimestamp": "2020-01-01T00:00:00Z",
                "Paths": self.has_paths.then(|| vec![paths])})
        };
        let parent = input["ParentId"].as_str().unwrap_or_default();
        let nothing = |_| Value::Null;
        let unit_row = |it| json!({"Id": unit(it), "Arn": "arn", "Name": unit(it)});
        let root = |_| json!({"Id": "r-1", "Arn": "arn", "Name": "Root"});
        let (name, rows, row): (_, Vec<usize>, RowOf<'_>) = match name {
            "DescribeOrganization" => {
                let answer = json!({"Organization": {"Id": "o-1", "Arn": "arn", "MasterAccountId": "000000000000",
                    "MasterAccountEmail": "m@example.test", "FeatureSet": "ALL"}});
                return Ok(AnswerPage { answer, next: None });
            }
            "ListRoots" => ("Roots", vec![0], &root),
            "ListAccounts" => ("Accounts", (0..MANY.0).collect(), &account),
            "ListAccountsForParent" => {
                let inside = (0..MANY.0).filter(|it| unit(it % MANY.1) == parent);
                ("Accounts", inside.collect(), &account)
            }
            "ListOrganizationalUnitsForParent" => {
                let all = (0..MANY.1).filter(|_| parent == "r-1");
                ("OrganizationalUnits", all.collect(), &unit_row)
            }
            "ListTagsForResource" => ("Tags", Vec::new(), &nothing),
            "DescribeRegions" | "ListRegions" => ("Regions", Vec::new(), &nothing),
            _ => ("DelegatedAdministrators", Vec::new(), &nothing),
        };
        let from = input["Token"].as_u64().unwrap_or_default();
        let from = usize::try_from(from).unwrap();
        let page: Vec<Value> = rows.iter().skip(from).take(20).map(|it| row(*it)).collect();
        let next = (from + 20 < rows.len()).then(|| {
            let token = json!({ "Token": from + 20 });
            token.as_object().unwrap().clone()
        });
        Ok(AnswerPage {
            answer: json!({ name: page }),
            next,
        })
    }

    async fn pause(&self, _: Duration) {}

    fn now(&self) -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }
}

#[tokio::test]
async fn five_thousand_accounts_are_placed_by_their_own_listing_alone() {
    let mut told = Vec::new();
    for has_paths in [false, true] {
        let large = Large {
            has_paths,
            calls: Mutex::default(),
        };
        let kept = Kept::default();
        let scope = scope(&[SyncGroup::Organizations]);
        collect(&scope, &large, None, None, &kept).await.unwrap();
        assert!(kept.failed().is_empty(), "{:?}", kept.failed());
        assert_eq!(kept.rows("aws_organizations_accounts").len(), MANY.0);
        let calls = large.calls.into_inner().unwrap();
        let of = |name: &str| calls.get(name).copied().unwrap_or_default();
        told.push([
            of("ListAccounts"),
            of("ListOrganizationalUnitsForParent"),
            of("ListAccountsForParent"),
            of("ListParents"),
        ]);
    }
    // the numbers of docs/operations/benchmarks.md
    assert_eq!(told, [[250, 315, 301, 0], [250, 315, 0, 0]]);
}

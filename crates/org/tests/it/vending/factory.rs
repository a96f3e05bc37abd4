//! Account Factory obstacles are reported before any change (`organization.md` V-6), one row per
//! cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_org::control_tower::{FactoryProduct, factory_facts, factory_obstacles};
use hallpass_org::vending::{
    AccountsFile, EarlierRow, KnownAccount, ListWishes, RowVerdict, UnitFacts, VendingFacts, check,
};
use hallpass_org::{Operation, ReadAnswer, ReadCalls, ReadPlace, SendAnswer, ServiceCalls};
use hallpass_plans::SentBefore;
use serde_json::{Value, json};

use crate::gated::read_failed;

const HELP: &str = "docs/how-to/vend-accounts.md lists the permissions that are needed";
const REPAIR: &str = "repair the landing zone in Control Tower";
const USER: &str = "arn:aws:iam::111111111111:user/admin";

#[derive(Default)]
struct Factory {
    otherwise: BTreeMap<&'static str, Value>,
    refused: BTreeSet<&'static str>,
    writes: Mutex<Vec<String>>,
}

fn usual(operation: &str) -> Value {
    match operation {
        "ListLandingZones" => json!({ "landingZones": [{ "arn": "lz" }] }),
        "GetLandingZone" => zone("ACTIVE"),
        "ListEnabledBaselines" => json!({ "enabledBaselines": [] }),
        "GetCallerIdentity" => json!({ "Arn": USER }),
        "SearchProvisionedProducts" => json!({ "ProvisionedProducts": [] }),
        "SearchProductsAsAdmin" => product("AWS Control Tower Account Factory"),
        "ListProvisioningArtifacts" => versions(&[("pa-1", true, "DEFAULT")]),
        "ListPortfoliosForProduct" => json!({ "PortfolioDetails": [{ "Id": "port-1" }] }),
        "ListPrincipalsForPortfolio" => json!({ "Principals": [] }),
        other => panic!("unexpected call {other}"),
    }
}

fn zone(status: &str) -> Value {
    json!({ "landingZone": { "version": "3.3", "status": status, "manifest": {} } })
}

fn product(name: &str) -> Value {
    json!({ "ProductViewDetails": [{ "ProductViewSummary": { "Name": name, "ProductId": "prod-1" } }] })
}

fn versions(rows: &[(&str, bool, &str)]) -> Value {
    let rows = rows.iter().map(|(id, active, guidance)| {
        json!({ "Id": id, "CreatedTime": 1, "Active": active, "Guidance": guidance })
    });
    json!({ "ProvisioningArtifactDetails": rows.collect::<Vec<_>>() })
}

#[async_trait]
impl ReadCalls for Factory {
    async fn call(&self, _: &ReadPlace, (_, operation): Operation, _: &Value) -> ReadAnswer {
        if self.refused.contains(operation) {
            return Err(read_failed("AccessDeniedException", "no"));
        }
        let answer = self.otherwise.get(operation).cloned();
        Ok((answer.unwrap_or_else(|| usual(operation)), None))
    }
}

#[async_trait]
impl ServiceCalls for Factory {
    async fn send(&self, _: &ReadPlace, operation: Operation, _: &Value) -> SendAnswer {
        self.writes.lock().unwrap().push(operation.1.to_owned());
        Ok(json!({}))
    }
}

impl Factory {
    fn with(operation: &'static str, answer: Value) -> Self {
        Self {
            otherwise: BTreeMap::from([(operation, answer)]),
            ..Self::default()
        }
    }

    fn without(operation: &'static str) -> Self {
        Self {
            refused: BTreeSet::from([operation]),
            ..Self::default()
        }
    }

    async fn said(&self) -> Vec<(String, &'static str)> {
        let facts = factory_facts(self).await.unwrap().unwrap();
        assert!(self.writes.lock().unwrap().is_empty());
        let all = facts.obstacles.into_iter();
        all.map(|it| (it.what, it.help)).collect()
    }
}

type Row = (Factory, &'static str, &'static str);

async fn each_is_said(rows: Vec<Row>) {
    for (factory, what, help) in rows {
        assert_eq!(factory.said().await, [(what.to_owned(), help)]);
    }
}

#[tokio::test]
async fn what_is_missing_is_said_before_anything_is_changed() {
    assert!(Factory::default().said().await.is_empty());
    let activate = "make a version of the product active in Service Catalog";
    let no_product = "there is no product `AWS Control Tower Account Factory`";
    let no_version = "no version of Account Factory is active";
    let artifacts = |rows| Factory::with("ListProvisioningArtifacts", versions(rows));
    let none = json!({ "ProductViewDetails": [] });
    each_is_said(vec![
        (
            Factory::with("SearchProductsAsAdmin", none),
            no_product,
            REPAIR,
        ),
        (
            Factory::with("SearchProductsAsAdmin", product("Another product")),
            no_product,
            REPAIR,
        ),
        (artifacts(&[]), no_version, activate),
        (
            artifacts(&[("pa-1", false, "DEFAULT")]),
            no_version,
            activate,
        ),
        (
            artifacts(&[("pa-1", true, "DEPRECATED")]),
            no_version,
            activate,
        ),
        (
            Factory::with(
                "ListPortfoliosForProduct",
                json!({ "PortfolioDetails": [] }),
            ),
            "Account Factory is in no portfolio",
            REPAIR,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_landing_zone_that_is_not_ready_and_the_root_user_are_said_before_anything_is_changed() {
    let root = json!({ "Arn": "arn:aws:iam::111111111111:root" });
    each_is_said(vec![
        (
            Factory::with("GetLandingZone", zone("PROCESSING")),
            "the landing zone is being changed",
            "wait until Control Tower is done with it",
        ),
        (
            Factory::with("GetLandingZone", zone("FAILED")),
            "the last change of the landing zone failed",
            REPAIR,
        ),
        (
            Factory::with("GetCallerIdentity", root),
            "the root user cannot launch products of Account Factory",
            "use a role or a user of the management account",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_may_not_be_read_is_said_before_anything_is_changed() {
    for operation in [
        "SearchProductsAsAdmin",
        "ListProvisioningArtifacts",
        "ListPortfoliosForProduct",
        "ListPrincipalsForPortfolio",
    ] {
        let what = format!("servicecatalog:{operation} cannot be asked: AccessDeniedException: no");
        assert_eq!(Factory::without(operation).said().await, [(what, HELP)]);
    }
}

#[tokio::test]
async fn several_causes_are_said_at_once() {
    let factory = Factory {
        otherwise: BTreeMap::from([
            ("GetLandingZone", zone("FAILED")),
            ("ListProvisioningArtifacts", versions(&[])),
            (
                "ListPortfoliosForProduct",
                json!({ "PortfolioDetails": [] }),
            ),
        ]),
        ..Factory::default()
    };
    assert_eq!(factory.said().await.len(), 3);
    let zone = factory_facts(&factory).await.unwrap().unwrap().zone;
    let root = "arn:aws:iam::111111111111:root";
    assert_eq!(factory_obstacles(&factory, &zone, root).await.len(), 4);
}

#[test]
fn a_product_of_ours_that_went_wrong_takes_its_name_until_it_is_terminated() {
    let text = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\n\
                a,s@example.com,a@example.com,A,B,Prod\n";
    let file = AccountsFile::read(text.as_bytes()).unwrap();
    let judged = |broken: bool, ours: bool| {
        let mut facts = VendingFacts::default();
        if ours {
            let row = EarlierRow::default();
            facts.ours.insert("a@example.com".to_owned(), row);
        }
        let product = FactoryProduct {
            id: "pp-1".to_owned(),
            name: "AccountLaunch-a".to_owned(),
            account: String::new(),
            broken,
        };
        facts.heed_products(&file, vec![product]);
        match check(&file, &ListWishes::default(), &facts).remove(&2) {
            Some(RowVerdict::Invalid(errors)) => errors
                .iter()
                .any(|it| it.to_string() == "AccountName in use by product pp-1"),
            other => panic!("{other:?}"),
        }
    };
    let found =
        [(false, true), (true, true), (false, false)].map(|(broken, ours)| judged(broken, ours));
    assert_eq!(found, [false, true, true]);
}

/// `organization.md` V-9: an account belongs to the launch whose product has it. An intended
/// launch, or a product with another account, is no proof.
#[test]
fn an_account_is_of_our_launch_where_its_product_has_it() {
    let text = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\n\
                a,s@example.com,a@example.com,A,B,Prod\n";
    let file = AccountsFile::read(text.as_bytes()).unwrap();
    let judged = |was_sent: bool, account: &str| {
        let sent = was_sent.then(|| "2026-03-02T10:05:00Z".parse().unwrap());
        let row = EarlierRow {
            sent: SentBefore {
                at: sent.into_iter().collect(),
                ..SentBefore::default()
            },
            ..EarlierRow::default()
        };
        let mut facts = VendingFacts {
            accounts: vec![KnownAccount {
                id: "222222222222".to_owned(),
                name: "a".to_owned(),
                email: "a@example.com".to_owned(),
                active: true,
            }],
            units: vec![UnitFacts {
                id: "ou-ab12-cdef3456".to_owned(),
                name: "Prod".to_owned(),
                parent: "r-ab12".to_owned(),
                registered: true,
            }],
            ours: BTreeMap::from([("a@example.com".to_owned(), row)]),
            ..VendingFacts::default()
        };
        let product = FactoryProduct {
            id: "pp-1".to_owned(),
            name: "AccountLaunch-a".to_owned(),
            account: account.to_owned(),
            broken: false,
        };
        facts.heed_products(&file, vec![product]);
        let verdict = check(&file, &ListWishes::default(), &facts).remove(&2);
        matches!(verdict, Some(RowVerdict::Valid(_)))
    };
    let found = [
        (true, "222222222222"),
        (true, "333333333333"),
        (true, ""),
        (false, "222222222222"),
    ]
    .map(|(was_sent, account)| judged(was_sent, account));
    assert_eq!(found, [true, false, false, false]);
}

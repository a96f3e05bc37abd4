use async_trait::async_trait;
use hallpass_org::vending::UnitFacts;
use hallpass_org::{Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace, SendAnswer};
use hallpass_terminal::exit::Exit;
use serde_json::{Value, json};

use super::*;

const GOVERNED: &str = "ou-ab12-governed";
const FREE: &str = "ou-ab12-ungovern";
const LIST: &str = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\n\
                    a,s@example.com,a@example.com,A,B,ou-ab12-governed\n\
                    b,s@example.com,b@example.com,A,B,ou-ab12-ungovern\n";

#[derive(Clone, Copy)]
enum Zone {
    There,
    None,
    Throttled,
    Denied,
}

#[async_trait]
impl ReadCalls for Zone {
    async fn call(&self, _: &ReadPlace, (_, operation): Operation, _: &Value) -> ReadAnswer {
        let refused = |code: &str, passing| {
            Err(ReadCallFailed {
                code: code.to_owned(),
                message: "no".to_owned(),
                passing,
            })
        };
        let zones = match self {
            Self::There => {
                json!([{ "arn": "arn:aws:controltower:eu-west-1:111111111111:landingzone/x" }])
            }
            Self::None => json!([]),
            Self::Throttled => return refused("ThrottlingException", true),
            Self::Denied => return refused("AccessDeniedException", false),
        };
        let unit = format!("arn:aws:organizations::111111111111:ou/o-abcdefghij/{GOVERNED}");
        let answer = match operation {
            "ListLandingZones" => json!({ "landingZones": zones }),
            "GetLandingZone" => {
                json!({ "landingZone": { "version": "3.3", "status": "ACTIVE", "manifest": {} } })
            }
            "ListEnabledBaselines" => json!({ "enabledBaselines": [{
                "arn": "b", "targetIdentifier": unit, "statusSummary": { "status": "SUCCEEDED" },
            }] }),
            "GetCallerIdentity" => json!({ "Arn": "arn:aws:iam::111111111111:user/admin" }),
            "SearchProductsAsAdmin" => json!({ "ProductViewDetails": [{ "ProductViewSummary": {
                "Name": "AWS Control Tower Account Factory", "ProductId": "prod-1",
            } }] }),
            "ListProvisioningArtifacts" => json!({ "ProvisioningArtifactDetails": [
                { "Id": "pa-1", "CreatedTime": 1, "Active": true, "Guidance": "DEFAULT" },
            ] }),
            "ListPortfoliosForProduct" => json!({ "PortfolioDetails": [{ "Id": "port-1" }] }),
            "ListPrincipalsForPortfolio" => json!({ "Principals": [] }),
            "SearchProvisionedProducts" => json!({ "ProvisionedProducts": [] }),
            other => panic!("unexpected call {other}"),
        };
        Ok((answer, None))
    }
}

#[async_trait]
impl ServiceCalls for Zone {
    async fn send(&self, _: &ReadPlace, operation: Operation, _: &Value) -> SendAnswer {
        panic!("{operation:?} is sent while a list is judged")
    }
}

async fn judged(zone: Zone, via: VendVia) -> Result<(AccountMaker, Vec<usize>), Failure> {
    let file = AccountsFile::read(LIST.as_bytes()).unwrap();
    let unit = |id: &str| UnitFacts {
        id: id.to_owned(),
        name: id.to_owned(),
        parent: "r-ab12".to_owned(),
        registered: false,
    };
    let mut facts = VendingFacts {
        root: "r-ab12".to_owned(),
        units: vec![unit(GOVERNED), unit(FREE)],
        ..VendingFacts::default()
    };
    let choice = ListChoice {
        assign: Vec::new(),
        tags: BTreeMap::new(),
        create_users: false,
        at_once: 1,
        adoption: Adoption::Never,
        via,
    };
    let maker = maker((&zone, "d-1234567890"), &file, &mut facts, &choice).await?;
    let verdicts = check(&file, &ListWishes::default(), &facts);
    let usable = verdicts
        .iter()
        .filter(|(_, verdict)| matches!(verdict, RowVerdict::Valid(_)));
    Ok((maker, usable.map(|(row, _)| *row).collect()))
}

/// An account in an ungoverned unit can never be adopted: the check applies to both creators
/// (`organization.md` V-3).
#[tokio::test]
async fn rows_in_units_that_control_tower_does_not_govern_are_invalid_whoever_makes_the_accounts() {
    for (zone, via, by_factory, usable) in [
        (Zone::There, VendVia::Auto, true, vec![2]),
        (Zone::There, VendVia::AccountFactory, true, vec![2]),
        (Zone::There, VendVia::Organizations, false, vec![2]),
        (Zone::None, VendVia::Auto, false, vec![2, 3]),
        (Zone::None, VendVia::Organizations, false, vec![2, 3]),
        // an explicit choice works without Control Tower, with a warning
        (Zone::Denied, VendVia::Organizations, false, vec![2, 3]),
    ] {
        let (maker, rows) = judged(zone, via).await.unwrap();
        let is_factory = matches!(maker, AccountMaker::Factory { .. });
        assert_eq!((is_factory, rows), (by_factory, usable), "{via:?}");
    }
}

/// An unreadable landing zone is not an absent one (`organization.md` V-5).
#[tokio::test]
async fn a_landing_zone_that_cannot_be_read_is_not_taken_for_none() {
    for zone in [Zone::Throttled, Zone::Denied] {
        let refused = judged(zone, VendVia::Auto).await.unwrap_err();
        assert_eq!(refused.exit(), Exit::Refused);
        assert!(
            refused.words().contains("is not known"),
            "{}",
            refused.words()
        );
        let failed = judged(zone, VendVia::AccountFactory).await.unwrap_err();
        assert_eq!(failed.exit(), Exit::Failed);
    }
}

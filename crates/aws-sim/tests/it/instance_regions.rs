//! An Identity Center instance in several Regions, with network controls, and without permission
//! sets (`simulator.md` §2.5).

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::Options;
use hallpass_aws_sim::organization::{self};
use serde_json::{Value, json};

use crate::bench::{Bench, Signer};
use crate::portal::{MARA, PORTAL, Said, approve, entry, give, here, said, with};

const HOME: &str = "eu-west-1";
const OTHER: &str = "eu-central-1";
const ELSEWHERE: &str = "us-east-2";

fn in_two_regions() -> Options {
    let mut organization = organization::small();
    organization.identity_center.additional_regions = vec![OTHER.to_owned()];
    Options {
        organization,
        ..here()
    }
}

fn signs_for(bench: &Bench, region: &str) -> Signer {
    Signer {
        region: region.to_owned(),
        ..bench.signer.clone()
    }
}

async fn ask(bench: &Bench, region: &str, operation: &str, more: Value) -> Result<Value, String> {
    let instance = bench.simulator.identity_center().instance_arn;
    let input = with(&json!({ "InstanceArn": instance }), &more);
    let signer = signs_for(bench, region);
    let call = format!("sso:{operation}");
    let answer = bench.call_as(&signer, &call, input).await;
    if answer.status != 200 {
        return Err(answer.outcome());
    }
    let service = tables().by_signing_name("sso").unwrap();
    let fits = check_output(
        service,
        service.operation(operation).unwrap(),
        &answer.json(),
    );
    assert!(fits.is_ok(), "{operation}: {fits:?} {}", answer.text);
    Ok(answer.json())
}

fn named(region: &str) -> Value {
    json!({ "RegionName": region })
}

async fn regions(bench: &Bench) -> Vec<String> {
    let listed = ask(bench, HOME, "ListRegions", json!({})).await.unwrap();
    let about = ask(bench, HOME, "DescribeInstance", json!({}))
        .await
        .unwrap();
    assert_eq!(listed["Regions"], about["Regions"]);
    let rows = listed["Regions"].as_array().unwrap();
    for row in rows {
        let one = ask(
            bench,
            HOME,
            "DescribeRegion",
            named(row["RegionName"].as_str().unwrap()),
        );
        assert_eq!(one.await.unwrap(), *row);
        assert_eq!(row["IsPrimaryRegion"], row["RegionName"] == HOME);
    }
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| format!("{} {}", text(row, "RegionName"), text(row, "Status")))
        .collect()
}

/// Allowed calls in an additional Region (AWS, "IAM Identity Center service APIs supported in
/// additional AWS Regions").
#[tokio::test]
async fn an_additional_region_reads_instance_and_directory_and_nothing_else() {
    let bench = Bench::new(in_two_regions()).await;
    let center = bench.simulator.identity_center();
    let account = bench.account("payments-prod");
    let (set, mara) = (bench.set("PowerUser"), bench.user("mara.lindqvist"));
    let row = bench.row("payments-prod", "PowerUser", &mara);
    let instance = json!({ "InstanceArn": center.instance_arn });
    let store = json!({ "IdentityStoreId": center.identity_store_id });
    for (operation, of, more, here) in [
        ("sso:DescribeInstance", &instance, json!({}), true),
        ("sso:ListRegions", &instance, json!({}), true),
        ("sso:DescribeRegion", &instance, named(HOME), true),
        ("sso:ListPermissionSets", &instance, json!({}), false),
        (
            "sso:ListAccountAssignments",
            &instance,
            json!({ "AccountId": account, "PermissionSetArn": set }),
            false,
        ),
        ("sso:CreateAccountAssignment", &instance, row.clone(), false),
        ("sso:DeleteAccountAssignment", &instance, row, false),
        ("identitystore:ListUsers", &store, json!({}), true),
        (
            "identitystore:DescribeUser",
            &store,
            json!({ "UserId": mara }),
            true,
        ),
        (
            "identitystore:CreateGroup",
            &store,
            json!({ "DisplayName": "x" }),
            false,
        ),
    ] {
        for (region, expected) in [(HOME, true), (OTHER, here), (ELSEWHERE, false)] {
            let signer = signs_for(&bench, region);
            let said = bench.call_as(&signer, operation, with(of, &more)).await;
            let denied = said.outcome().starts_with("AccessDeniedException");
            assert_eq!(!denied, expected, "{operation} in {region}: {}", said.text);
        }
    }
    for (region, found) in [(HOME, 1), (OTHER, 1), (ELSEWHERE, 0)] {
        let signer = signs_for(&bench, region);
        let said = bench.call_as(&signer, "sso:ListInstances", json!({})).await;
        assert_eq!(
            said.json()["Instances"].as_array().unwrap().len(),
            found,
            "{region}"
        );
    }
}

/// Signs in by device code in a Region and opens a role session there.
async fn signs_in(bench: &Bench, region: &str) -> Result<Value, String> {
    let host = format!("oidc.{region}.amazonaws.com");
    let at = [("host", host.as_str())];
    let body = json!({ "clientName": "test", "clientType": "public" });
    let client = match said(bench, "POST", "/client/register", &at, body).await {
        Said::Ok(given) => {
            json!({ "clientId": given["clientId"], "clientSecret": given["clientSecret"] })
        }
        Said::No(error) => return Err(error),
    };
    let device = with(&client, &json!({ "startUrl": PORTAL }));
    let device = said(bench, "POST", "/device_authorization", &at, device).await;
    let device = match device {
        Said::Ok(device) => device,
        Said::No(error) => return Err(error),
    };
    assert_eq!(approve(bench, &device, MARA).await, 200);
    let grant = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:device_code", "deviceCode": device["deviceCode"],
    });
    let token = said(bench, "POST", "/token", &at, with(&client, &grant))
        .await
        .ok();
    let path = entry(&bench.account("payments-prod"), "PowerUser");
    let bearer = token["accessToken"].as_str().unwrap();
    let headers = [("x-amz-sso_bearer_token", bearer), ("host", host.as_str())];
    match said(bench, "GET", &path, &headers, Value::Null).await {
        Said::Ok(given) => Ok(given["roleCredentials"].clone()),
        Said::No(error) => Err(error),
    }
}

#[tokio::test]
async fn people_go_on_signing_in_elsewhere_while_the_home_region_is_off() {
    let bench = Bench::new(in_two_regions()).await;
    give(&bench, &[MARA]).await;
    assert!(signs_in(&bench, HOME).await.is_ok());
    bench
        .fault(json!({
            "kind": "error", "code": "InternalFailure", "http": 503, "message": "off", "match": { "region": HOME },
        }))
        .await;
    let listed = ask(&bench, HOME, "ListPermissionSets", json!({})).await;
    assert!(listed.is_err(), "the home Region is off");
    let listed = ask(&bench, OTHER, "ListPermissionSets", json!({})).await;
    assert!(listed.is_err(), "nothing can be listed elsewhere");
    assert!(signs_in(&bench, HOME).await.is_err());
    let keys = signs_in(&bench, OTHER).await.unwrap();
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    let signer = Signer {
        key: text("accessKeyId"),
        secret: text("secretAccessKey"),
        token: Some(text("sessionToken")),
        region: OTHER.to_owned(),
    };
    let who = bench.query(&signer, "Action=GetCallerIdentity").await;
    assert!(
        who.text.contains("AWSReservedSSO_PowerUser"),
        "{}",
        who.text
    );
    let elsewhere = signs_in(&bench, ELSEWHERE).await;
    assert_eq!(elsewhere, Err("InvalidRequestException 400".to_owned()));
}

#[tokio::test]
async fn a_sign_in_is_an_event_of_its_region() {
    let bench = Bench::new(in_two_regions()).await;
    give(&bench, &[MARA]).await;
    signs_in(&bench, OTHER).await.unwrap();
    let login = |region: &str| json!({ "user": MARA, "account": "payments-prod", "permission_set": "PowerUser", "region": region });
    for (region, status) in [(OTHER, 200), (HOME, 200), (ELSEWHERE, 400)] {
        let (answered, said) = bench.control("POST", "/login", login(region)).await;
        assert_eq!(answered, status, "{said}");
    }
    // events are visible some minutes later
    bench.advance(1800.0).await;
    for (region, count) in [(HOME, 1), (OTHER, 2), (ELSEWHERE, 0)] {
        let wanted =
            json!([{ "AttributeKey": "EventName", "AttributeValue": "UserAuthentication" }]);
        let signer = signs_for(&bench, region);
        let found = bench
            .call_as(
                &signer,
                "cloudtrail:LookupEvents",
                json!({ "LookupAttributes": wanted }),
            )
            .await
            .json();
        let events = found["Events"].as_array().unwrap();
        assert_eq!(events.len(), count, "{region}: {found}");
        for event in events {
            let record: Value =
                serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
            assert_eq!(record["awsRegion"], region);
        }
    }
}

#[tokio::test]
async fn regions_of_a_file_are_checked_and_kept() {
    let bench = Bench::new(in_two_regions()).await;
    assert_eq!(
        regions(&bench).await,
        ["eu-west-1 ACTIVE", "eu-central-1 ACTIVE"]
    );
    assert_eq!(bench.file().identity_center.additional_regions, [OTHER]);
    for (regions, problem) in [
        (json!(["eu-moon-1"]), "not a Region"),
        (json!([HOME]), "twice"),
        (json!([OTHER, OTHER]), "twice"),
    ] {
        let mut file = serde_json::to_value(organization::small()).unwrap();
        file["identity_center"]["additional_regions"] = regions.clone();
        let (status, said) = bench.control("POST", "/load", file).await;
        assert_eq!(status, 400, "{regions}");
        assert!(said.to_string().contains(problem), "{said}");
    }
}

//! An Identity Center instance in several Regions, with network controls, and without permission
//! sets (`simulator.md` §2.5).

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::Options;
use hallpass_aws_sim::organization::{self, StatedNetwork};
use serde_json::{Value, json};

use crate::bench::{Bench, Signer, options};
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

async fn refusals(bench: &Bench) {
    for line in [
        "AddRegion eu-west-1 eu-central-1 ConflictException",
        "AddRegion eu-west-1 eu-west-1 ConflictException",
        "AddRegion eu-west-1 eu-moon-1 ValidationException",
        "AddRegion eu-central-1 us-east-1 AccessDeniedException",
        "RemoveRegion eu-west-1 eu-west-1 ValidationException",
        "RemoveRegion eu-west-1 us-east-1 ResourceNotFoundException",
        "RemoveRegion eu-central-1 eu-central-1 AccessDeniedException",
        "DescribeRegion eu-west-1 us-east-1 ResourceNotFoundException",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let [operation, region, wanted, outcome] = words.as_slice() else {
            panic!("{line}");
        };
        let said = ask(bench, region, operation, named(wanted)).await;
        let said = said.err().unwrap_or_default();
        assert!(said.starts_with(outcome), "{line}: {said}");
    }
}

#[tokio::test]
async fn a_region_is_added_and_removed_one_at_a_time() {
    let bench = Bench::small().await;
    assert_eq!(regions(&bench).await, ["eu-west-1 ACTIVE"]);
    let added = ask(&bench, HOME, "AddRegion", named(OTHER)).await;
    assert_eq!(added, Ok(json!({ "Status": "ADDING" })));
    assert_eq!(
        regions(&bench).await,
        ["eu-west-1 ACTIVE", "eu-central-1 ADDING"]
    );
    for (row, operation, wanted) in [
        ("another meanwhile", "AddRegion", "us-east-1"),
        ("removed meanwhile", "RemoveRegion", OTHER),
    ] {
        let said = ask(&bench, HOME, operation, named(wanted)).await;
        let said = said.err().unwrap_or_default();
        assert!(said.starts_with("ConflictException"), "{row}: {said}");
    }
    let soon = ask(&bench, OTHER, "ListRegions", json!({})).await;
    assert!(soon.is_err(), "it is not there yet: {soon:?}");
    bench.advance(1.0).await;
    assert_eq!(
        regions(&bench).await,
        ["eu-west-1 ACTIVE", "eu-central-1 ACTIVE"]
    );
    refusals(&bench).await;
    let page = ask(&bench, HOME, "ListRegions", json!({ "MaxResults": 1 }))
        .await
        .unwrap();
    assert_eq!(page["Regions"][0]["RegionName"], HOME);
    let next = json!({ "MaxResults": 1, "NextToken": page["NextToken"] });
    let page = ask(&bench, HOME, "ListRegions", next).await.unwrap();
    assert_eq!(page["Regions"][0]["RegionName"], OTHER);
    assert!(page["NextToken"].is_null(), "{page}");

    let gone = ask(&bench, HOME, "RemoveRegion", named(OTHER)).await;
    assert_eq!(gone, Ok(json!({ "Status": "REMOVING" })));
    assert_eq!(
        regions(&bench).await,
        ["eu-west-1 ACTIVE", "eu-central-1 REMOVING"]
    );
    bench.advance(1.0).await;
    assert_eq!(regions(&bench).await, ["eu-west-1 ACTIVE"]);
    let again = ask(&bench, HOME, "AddRegion", named(OTHER)).await;
    assert_eq!(again, Ok(json!({ "Status": "ADDING" })));
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
async fn networks_and_permission_sets_are_what_the_file_says_and_updates_say() {
    let mut organization = organization::small();
    organization.identity_center.permission_sets_enabled = Some(false);
    organization.identity_center.network = Some(StatedNetwork {
        vpce_access_required: true,
        allow_source_ips: vec!["198.51.100.0/24".to_owned()],
        ..StatedNetwork::default()
    });
    let options = Options {
        organization,
        ..options()
    };
    let bench = Bench::new(options).await;
    let told = async || {
        let about = ask(&bench, HOME, "DescribeInstance", json!({}))
            .await
            .unwrap();
        (
            about["PermissionSetsEnabled"].clone(),
            about["NetworkConfigurationDetails"].clone(),
        )
    };
    let (sets, network) = told().await;
    assert_eq!(sets, false);
    assert_eq!(network["VpceAccessRequired"], true);
    assert_eq!(network["AllowSourceIps"], json!(["198.51.100.0/24"]));
    let file = bench.file().identity_center;
    assert_eq!(file.permission_sets_enabled, Some(false));
    assert!(file.network.is_some_and(|it| it.vpce_access_required));
    for (row, input) in [
        ("never off again", json!({ "PermissionSetsEnabled": false })),
        (
            "one at a time",
            json!({ "PermissionSetsEnabled": true, "NetworkConfiguration": { "VpceAccessRequired": false } }),
        ),
    ] {
        let said = ask(&bench, HOME, "UpdateInstance", input).await;
        let said = said.err().unwrap_or_default();
        assert!(said.starts_with("ValidationException"), "{row}: {said}");
    }
    let vpc = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0";
    for input in [
        json!({ "PermissionSetsEnabled": true }),
        json!({ "NetworkConfiguration": { "VpceAccessRequired": true, "RestrictSourceVpcs": [vpc] } }),
    ] {
        ask(&bench, HOME, "UpdateInstance", input).await.unwrap();
    }
    let (sets, network) = told().await;
    assert_eq!(sets, true);
    assert_eq!(network["RestrictSourceVpcs"], json!([vpc]));
    assert_eq!(
        network["AllowSourceIps"],
        json!([]),
        "omitted lists are cleared"
    );
    let off = json!({ "NetworkConfiguration": { "VpceAccessRequired": false, "RestrictSourceVpcs": [vpc] } });
    ask(&bench, HOME, "UpdateInstance", off).await.unwrap();
    assert_eq!(told().await.1["RestrictSourceVpcs"], json!([]));
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

//! Trail management (`simulator.md` §2.7). boto3 and the aws CLI read deliveries in
//! `e2e/trails.py`.

use hallpass_aws_model::{check_output, tables};
use hallpass_aws_sim::Options;
use hallpass_aws_sim::organization::{self, StatedTrail};
use serde_json::{Value, json};

use crate::bench::{Bench, Signer, options};

async fn bench() -> Bench {
    let mut organization = organization::small();
    organization.trails.push(StatedTrail {
        name: "main".to_owned(),
        account: "example-management".to_owned(),
        region: "eu-west-1".to_owned(),
        bucket: "example-trail".to_owned(),
        organization: true,
        ..StatedTrail::default()
    });
    Bench::new(Options {
        organization,
        ..options()
    })
    .await
}

async fn ask(bench: &Bench, signer: &Signer, operation: &str, input: Value) -> Value {
    let answer = bench
        .call_as(signer, &format!("cloudtrail:{operation}"), input)
        .await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
    let service = tables().by_signing_name("cloudtrail").unwrap();
    let model = service.operation(operation).unwrap();
    let fits = check_output(service, model, &answer.json());
    assert!(fits.is_ok(), "{fits:?} {}", answer.text);
    answer.json()
}

async fn assert_refused(
    bench: &Bench,
    signer: &Signer,
    (operation, input): (&str, Value),
    code: &str,
) {
    let call = format!("cloudtrail:{operation}");
    let answer = bench.call_as(signer, &call, input).await;
    assert!(
        answer.outcome().starts_with(code),
        "{code}: {}",
        answer.text
    );
}

#[tokio::test]
async fn ct_1_what_cannot_be_is_refused_in_words() {
    let bench = bench().await;
    let member = bench.member("payments-dev");
    let own = bench.signer.clone();
    let bucket = "example-trail";
    for (signer, operation, input, code) in [
        (
            &own,
            "CreateTrail",
            json!({"Name": "a", "S3BucketName": bucket}),
            "InvalidTrailNameException",
        ),
        (
            &own,
            "CreateTrail",
            json!({"Name": "main", "S3BucketName": bucket}),
            "TrailAlreadyExistsException",
        ),
        (
            &own,
            "CreateTrail",
            json!({"Name": "other", "S3BucketName": "none"}),
            "S3BucketDoesNotExistException",
        ),
        (
            &member,
            "CreateTrail",
            json!({"Name": "other", "S3BucketName": bucket, "IsOrganizationTrail": true}),
            "NotOrganizationMasterAccountException",
        ),
    ] {
        assert_refused(&bench, signer, (operation, input), code).await;
    }
}

#[tokio::test]
async fn ct_1_only_its_owner_stops_a_trail_and_at_home() {
    let bench = bench().await;
    let member = bench.member("payments-dev");
    let own = bench.signer.clone();
    let elsewhere = Signer {
        region: "us-east-1".to_owned(),
        ..own.clone()
    };
    for (signer, operation, input, code) in [
        (
            &own,
            "StartLogging",
            json!({"Name": "none"}),
            "TrailNotFoundException",
        ),
        (
            &member,
            "StopLogging",
            json!({"Name": "main"}),
            "TrailNotFoundException",
        ),
        (
            &elsewhere,
            "StopLogging",
            json!({"Name": "main"}),
            "InvalidHomeRegionException",
        ),
        (
            &own,
            "ListPublicKeys",
            json!({"StartTime": 2_000, "EndTime": 1_000}),
            "InvalidTimeRangeException",
        ),
    ] {
        assert_refused(&bench, signer, (operation, input), code).await;
    }
}

#[tokio::test]
async fn ct_1_a_region_has_five_trails() {
    let bench = bench().await;
    let own = bench.signer.clone();
    let bucket = "example-trail";
    for number in 1..5 {
        let made = json!({"Name": format!("trail-{number}"), "S3BucketName": bucket});
        ask(&bench, &own, "CreateTrail", made).await;
    }
    let sixth = json!({"Name": "trail-6", "S3BucketName": bucket});
    let answer = bench.call("cloudtrail:CreateTrail", sixth).await;
    assert!(
        answer
            .outcome()
            .starts_with("MaximumNumberOfTrailsExceeded"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_file_with_trails_loads_back_to_the_same() {
    let bench = bench().await;
    let file = bench.file();
    let trail = file.trails.first().unwrap();
    assert_eq!(
        (trail.bucket.as_str(), trail.organization),
        ("example-trail", true)
    );
    let again = Bench::new(Options {
        organization: file.clone(),
        ..options()
    })
    .await;
    assert_eq!(again.file().trails, file.trails);
}

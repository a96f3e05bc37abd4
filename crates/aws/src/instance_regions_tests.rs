use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, INSTANCE, error};

fn row(name: &str, status: &str, home: bool) -> Value {
    json!({"RegionName": name, "Status": status, "IsPrimaryRegion": home, "AddedDate": 1_700_000_000})
}

#[tokio::test(start_paused = true)]
async fn regions_are_read_to_the_last_page_and_told_apart() {
    let fake = Fake::new(|operation, input| {
        (operation == "ListRegions").then(|| {
            assert_eq!(input["InstanceArn"], INSTANCE);
            let page = match input["NextToken"].as_str() {
                None => json!({"Regions": [row("eu-west-1", "ACTIVE", true)], "NextToken": "2"}),
                Some("2") => json!({"Regions": [], "NextToken": "3"}),
                Some(_) => json!({"Regions": [
                    row("eu-central-1", "ACTIVE", false), row("us-east-1", "ADDING", false),
                    row("us-west-2", "RESTING", false),
                ]}),
            };
            (200, page)
        })
    });
    let aws = fake.connect().await;
    let found = aws.instance_regions().await.unwrap();
    let told: Vec<String> = found
        .iter()
        .map(|it| format!("{} {:?} {}", it.name, it.state, it.is_home))
        .collect();
    assert_eq!(
        told,
        [
            "eu-west-1 Active true",
            "eu-central-1 Active false",
            "us-east-1 Other(\"ADDING\") false",
            "us-west-2 Other(\"RESTING\") false",
        ]
    );
    let expected = Some(vec!["eu-central-1".to_owned()]);
    assert_eq!(aws.additional_regions().await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_kept_and_asked_for_once_an_hour() {
    let refuses = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&refuses);
    let fake = Fake::new(move |operation, _| {
        (operation == "ListRegions").then(|| {
            if said.load(Ordering::Relaxed) {
                return error("AccessDeniedException", "no");
            }
            (
                200,
                json!({"Regions": [row("eu-central-1", "ACTIVE", false)]}),
            )
        })
    });
    let aws = fake.connect().await;
    let asked = || fake.count("ListRegions");
    let expected = Some(vec!["eu-central-1".to_owned()]);
    for _ in 0..3 {
        assert_eq!(aws.additional_regions().await, expected);
    }
    assert_eq!(asked(), 1, "the clock of these tests stands");
    refuses.store(true, Ordering::Relaxed);
    assert!(aws.instance_regions().await.is_err());
    assert_eq!(aws.additional_regions().await, expected);

    let memory = RegionMemory::default();
    let at = |minutes: u64| TimeSpan::minutes(minutes).after(Timestamp::UNIX_EPOCH);
    for (now, asks) in [
        (10, true),
        (10, false),
        (69, false),
        (70, true),
        (129, false),
        (5, true),
    ] {
        assert_eq!(memory.is_to_be_asked(at(now)), asks, "{now}");
    }
}

/// A server with rights from an earlier release starts and works without the list.
#[tokio::test(start_paused = true)]
async fn who_may_not_ask_knows_nothing() {
    let fake = Fake::new(|operation, _| {
        (operation == "ListRegions").then(|| error("AccessDeniedException", "no"))
    });
    let aws = fake.connect().await;
    for _ in 0..3 {
        assert_eq!(aws.additional_regions().await, None);
    }
    assert_eq!(
        fake.count("ListRegions"),
        1,
        "a refusal is not requested again immediately"
    );
}

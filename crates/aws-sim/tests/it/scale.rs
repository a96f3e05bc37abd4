//! The demo's large organization, scaled down for a debug build.

use std::time::Instant;

use hallpass_aws_sim::{
    Options,
    organization::{Shape, Sizes, generate},
};
use serde_json::json;

use crate::bench::{Bench, options};

#[tokio::test]
async fn a_page_costs_the_same_in_a_large_organization() {
    let sizes = Sizes {
        accounts: 1_000,
        users: 4_000,
        groups: 400,
        permission_sets: 100,
        assignments_per_account: 12,
        ou_depth: 4,
    };
    let organization = generate(&sizes, Shape::Enterprise, 3);
    let large = Bench::new(Options {
        organization,
        ..options()
    })
    .await;
    let small = Bench::small().await;
    let time = async |bench: &Bench| {
        let started = Instant::now();
        for _ in 0..20 {
            for call in [
                "organizations:ListAccounts",
                "identitystore:ListUsers",
                "identitystore:ListGroups",
            ] {
                assert_eq!(bench.call(call, json!({})).await.status, 200);
            }
        }
        started.elapsed()
    };
    let (large, small) = (time(&large).await, time(&small).await);
    assert!(large < small * 4, "{large:?} against {small:?}");
}

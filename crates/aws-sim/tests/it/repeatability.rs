//! Same seed, same calls, same bytes: `simulator.md` F-20.

use hallpass_aws_sim::{Consistency, Options, Speed};
use serde_json::json;

use crate::bench::{Answer, Bench, options};

async fn run(seed: u64) -> Vec<Answer> {
    let bench = Bench::new(Options {
        seed: Some(seed),
        frozen_clock: true,
        speed: Some(Speed::Real),
        consistency: Some(Consistency::Hard),
        ..options()
    })
    .await;
    let mara = bench.user("mara.lindqvist");
    let sets = bench.file().identity_center.permission_sets;
    let form = format!(
        "Action=AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let mut answers = Vec::new();
    for number in 0..1_000_usize {
        let set = &sets[number % sets.len()];
        answers.push(match number % 8 {
            0 => {
                bench
                    .call(
                        "identitystore:CreateGroup",
                        json!({ "DisplayName": format!("g{}", number / 16) }),
                    )
                    .await
            }
            1 => {
                bench
                    .call(
                        "sso:CreateAccountAssignment",
                        bench.row("payments-prod", &set.name, &mara),
                    )
                    .await
            }
            2 => {
                bench
                    .call(
                        "sso:DeleteAccountAssignment",
                        bench.row("payments-prod", &set.name, &mara),
                    )
                    .await
            }
            3 => {
                bench
                    .call("sso:ListAccountAssignmentCreationStatus", json!({}))
                    .await
            }
            4 => {
                bench
                    .call("identitystore:ListGroups", json!({ "MaxResults": 5 }))
                    .await
            }
            5 => bench.query(&bench.signer, &form).await,
            6 => bench.call("organizations:ListAccounts", json!({})).await,
            _ => {
                bench.advance(0.7).await;
                bench
                    .call("sso:ListPermissionSets", json!({ "MaxResults": 3 }))
                    .await
            }
        });
    }
    answers
}

#[tokio::test]
async fn same_seed_same_bytes() {
    let (first, second) = (run(11).await, run(11).await);
    assert_eq!((first.len(), second.len()), (1_000, 1_000));
    let different: Vec<_> = first
        .iter()
        .zip(&second)
        .filter(|(one, other)| one != other)
        .take(2)
        .collect();
    assert!(different.is_empty(), "{different:#?}");
    assert!(first.iter().filter(|answer| answer.status == 200).count() > 600);
    let other = run(12).await;
    assert_eq!(other.len(), first.len());
    assert!(
        first
            .iter()
            .zip(&other)
            .all(|(one, other)| one.request_id != other.request_id)
    );
}

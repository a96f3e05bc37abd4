//! SQLite remediations answer like those in memory, for any calls.

use std::collections::BTreeMap;

use hallpass_access::RemediationPresses as _;
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_findings::remediation::{
    ActionKind, Deviation, FindingKey, Remediation, RemediationFilter, RemediationMode,
    RemediationPhase, RemediationResult, RemediationStore, RemediationStoreFault, WorkflowStatus,
};
use hallpass_findings::remediation_testing::MemoryRemediations;
use hallpass_store::SqlStore;

use crate::Place;

fn at(minute: u64) -> Timestamp {
    let start: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    TimeSpan::minutes(minute).after(start)
}

fn account(digit: u8) -> AccountId {
    AccountId::new(digit.to_string().repeat(12)).unwrap()
}

pub(crate) fn a_remediation(number: u8, phase: RemediationPhase) -> Remediation {
    let account = account(1 + number % 2);
    let deviation = Deviation {
        source: "aws.securityhub".to_owned(),
        finding: Some(FindingKey {
            product: "p".to_owned(),
            id: format!("f-{number}"),
            region: "eu-west-1".to_owned(),
        }),
        account,
        region: "eu-west-1".to_owned(),
        resource: format!("arn:aws:s3:::bucket-{}", number % 3),
        resource_type: "AwsS3Bucket".to_owned(),
        tags: BTreeMap::new(),
        control: "S3.8".to_owned(),
        standards: Vec::new(),
        types: Vec::new(),
        severity: "HIGH".to_owned(),
        config: None,
        others: Vec::new(),
        config_rule: String::new(),
        updated_at: "2026-03-02T10:00:00Z".to_owned(),
        settled: None,
        written_by: None,
    };
    let rule = format!("rule-{}", number % 2);
    let (mode, action) = (RemediationMode::Auto, ActionKind::S3BucketBlock);
    let (params, now) = (serde_json::json!({}), at(u64::from(number)));
    Remediation {
        acts_at: (!number.is_multiple_of(4)).then(|| at(u64::from(number))),
        phase,
        ..Remediation::observed(&rule, mode, action, params, deviation, now)
    }
}

pub(crate) fn phase(number: u8) -> RemediationPhase {
    let from = at(60 - u64::from(number));
    match number % 5 {
        0 => RemediationPhase::Observed,
        1 => RemediationPhase::Pending { from, failed: 0 },
        2 => RemediationPhase::Waiting {
            until: from,
            why: "a rule asks".to_owned(),
        },
        3 => RemediationPhase::Manual {
            reason: "no".to_owned(),
        },
        _ => RemediationPhase::Undone {
            at: from,
            by: "ana".to_owned(),
        },
    }
}

async fn answers(store: &dyn RemediationStore) -> Vec<String> {
    let mut said = Vec::new();
    for filter in [RemediationFilter::All, RemediationFilter::Backlog] {
        for most in [3, 100] {
            said.push(format!("{:?}", store.remediations(filter, most).await));
        }
    }
    for minute in [0, 30, 45, 60, 90] {
        said.push(format!("{:?}", store.due_remediations(at(minute), 4).await));
        for rule in ["rule-0", "rule-1", "none"] {
            said.push(format!("{:?}", store.acting_since(rule, at(minute)).await));
        }
        for number in 0..3 {
            let resource = format!("arn:aws:s3:::bucket-{number}");
            let found = store.of_resource(&account(1), &resource, at(minute)).await;
            said.push(format!("{found:?}"));
        }
    }
    said.push(format!("{:?}", store.paused().await));
    said
}

async fn both(lasting: &SqlStore, memory: &MemoryRemediations, when: &str) {
    assert_eq!(answers(lasting).await, answers(memory).await, "{when}");
}

async fn remediations_have_the_same_answers_from_both(place: Place) {
    let lasting = place.open().await;
    let memory = MemoryRemediations::default();
    let stores: [&dyn RemediationStore; 2] = [&lasting, &memory];
    for store in stores {
        for number in 0..20 {
            let it = a_remediation(number, phase(number));
            assert!(store.begin_remediation(&it).await.unwrap());
            assert!(!store.begin_remediation(&it).await.unwrap(), "it is known");
        }
    }
    both(&lasting, &memory, "begun").await;
    for store in stores {
        let first = a_remediation(6, phase(6));
        let mut next = store.remediation(&first.id).await.unwrap().unwrap();
        next.changed_at = Some(at(50));
        let result = RemediationResult::Changed;
        let next = next.told(
            RemediationPhase::Finished { result },
            WorkflowStatus::Resolved,
            at(50),
        );
        store.change_remediation(&next).await.unwrap();
        let raced = store.change_remediation(&next).await;
        let of = next.id.clone();
        assert_eq!(raced, Err(RemediationStoreFault::Raced(of)));
        let paused = Some(("ana".to_owned(), at(7)));
        store.set_paused(paused.clone()).await.unwrap();
        store.set_paused(paused).await.unwrap();
    }
    both(&lasting, &memory, "changed").await;
    for store in stores {
        store.set_paused(None).await.unwrap();
        store.forget_remediations(at(10)).await.unwrap();
    }
    let kept = lasting.remediations(RemediationFilter::All, 100).await;
    assert!(kept.unwrap().len() < 20);
    drop(lasting);
    both(&place.open().await, &memory, "forgotten").await;
}

/// Retention counts from the last change, not from the decision.
async fn what_is_kept_counts_from_when_it_moved_last(place: Place) {
    let lasting = place.open().await;
    let memory = MemoryRemediations::default();
    let stores: [&dyn RemediationStore; 2] = [&lasting, &memory];
    for store in stores {
        let result = RemediationResult::Changed;
        let done = RemediationPhase::Finished { result };
        let mut first = a_remediation(0, done.clone());
        first.acts_at = Some(at(40));
        let mut second = a_remediation(1, done.clone());
        (second.acts_at, second.changed_at) = (Some(at(1)), Some(at(50)));
        let back = RemediationPhase::Undone {
            at: at(60),
            by: "ana".to_owned(),
        };
        let third = a_remediation(2, back);
        let plain = a_remediation(3, done);
        for it in [&first, &second, &third, &plain] {
            assert!(store.begin_remediation(it).await.unwrap());
        }
        let resource = &third.deviation.resource;
        let account = &third.deviation.account;
        let found = store.of_resource(account, resource, at(59)).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&third));
        for (before, kept) in [(30, 3), (45, 2), (55, 1), (61, 0)] {
            store.forget_remediations(at(before)).await.unwrap();
            let all = store.remediations(RemediationFilter::All, 10).await;
            assert_eq!(all.unwrap().len(), kept, "{before}");
        }
    }
}

/// One account has more due than the limit, and another has a later one.
async fn due_remediations_take_turns_by_account(place: Place) {
    let lasting = place.open().await;
    let memory = MemoryRemediations::default();
    let stores: [&dyn RemediationStore; 2] = [&lasting, &memory];
    let due = |number: u8| {
        let from = at(u64::from(number));
        a_remediation(number, RemediationPhase::Pending { from, failed: 0 })
    };
    for store in stores {
        for number in [2, 4, 6, 8, 10, 13] {
            assert!(store.begin_remediation(&due(number)).await.unwrap());
        }
        let found = store.due_remediations(at(60), 3).await.unwrap();
        let expected: Vec<_> = [2, 13, 4].map(|number| due(number).id).to_vec();
        let found: Vec<_> = found.into_iter().map(|it| it.id).collect();
        assert_eq!(found, expected);
    }
}

async fn a_remediation_that_cannot_be_read_hides_no_other(place: Place) {
    let store = place.open().await;
    let from = at(1);
    let pending = |number| a_remediation(number, RemediationPhase::Pending { from, failed: 0 });
    let (torn, good) = (pending(2), pending(8));
    for it in [&torn, &good, &a_remediation(3, phase(3))] {
        assert!(store.begin_remediation(it).await.unwrap());
    }
    place
        .run(&format!(
            "UPDATE remediations SET body = '{{' WHERE id = '{}'",
            torn.id
        ))
        .await;
    let due = store.due_remediations(at(60), 10).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&good));
    let all = store.remediations(RemediationFilter::All, 10).await;
    assert_eq!(all.unwrap().len(), 2);
    let first = store.due_remediations(at(60), 1).await.unwrap();
    assert_eq!(first, std::slice::from_ref(&good));
    let page = store.remediations_after(RemediationFilter::All, None, 2);
    assert_eq!(page.await.unwrap().len(), 2);
    store.forget_remediations(at(0)).await.unwrap();
    assert!(store.remediation(&torn.id).await.is_err());
    let (account, resource) = (&torn.deviation.account, &torn.deviation.resource);
    assert!(store.of_resource(account, resource, at(0)).await.is_err());
    let check = store.check().await.unwrap();
    let named = format!("remediations: {}", torn.id);
    assert!(
        check.problems.iter().any(|it| it.starts_with(&named)),
        "{check:?}"
    );
}

crate::anywhere!(
    remediations_have_the_same_answers_from_both,
    due_remediations_take_turns_by_account,
    a_remediation_that_cannot_be_read_hides_no_other,
    what_is_kept_counts_from_when_it_moved_last
);

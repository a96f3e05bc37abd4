//! Runs about people's passwords and activity (`inventory.md` H-10).

use hallpass_activity::{
    FailedPciRun, KeptReport, PciState, PciStore as _, PciStoreFault, WholePciRun,
};
use hallpass_base::Timestamp;

use crate::Place;

const STATE: &str = r#"{"version":1,"identity_store_id":"d-1","as_of":"2026-01-02T00:00:00Z","coverage_from":null,"people":[],"listed_at":"2026-01-02T00:00:00Z","known":[]}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn report(as_of: &str) -> KeptReport {
    KeptReport {
        as_of: at(as_of),
        coverage_from: None,
        identity_store_id: "d-1".to_owned(),
        password_days: (86, 90),
        inactive_days: (86, 90),
        activity_policy: "any-use".to_owned(),
        files_read: 3,
        records_read: 40,
        not_read: vec!["AWSLogs/one.json.gz".to_owned()],
        people: Vec::new(),
    }
}

fn run(as_of: &str, state: Option<PciState>) -> WholePciRun {
    WholePciRun {
        report: report(as_of),
        evidence: format!("{{\"as_of\":\"{as_of}\"}}"),
        state,
    }
}

fn failed(times: u32) -> FailedPciRun {
    FailedPciRun {
        at: at("2026-01-03T00:00:00Z"),
        since: at("2026-01-02T12:00:00Z"),
        times,
        why: "the bucket does not answer".to_owned(),
        unread: [("AWSLogs/one.json.gz".to_owned(), times)].into(),
    }
}

async fn a_run_is_kept_whole_and_one_that_failed_leaves_it_as_it_was(place: Place) {
    let store = place.open().await;
    assert_eq!(store.kept_pci().await.unwrap().version, 0);
    assert_eq!(store.pci_state().await.unwrap(), None);
    let state = PciState::read(STATE).unwrap();
    let first = run("2026-01-02T00:00:00Z", Some(state.clone()));
    store.keep_pci_run(0, first.clone()).await.unwrap();
    store.keep_pci_failure(1, failed(1)).await.unwrap();
    let raced = store.keep_pci_run(1, run("2026-01-04T00:00:00Z", None));
    assert_eq!(raced.await, Err(PciStoreFault::Raced));
    let raced = store.keep_pci_failure(0, failed(9)).await;
    assert_eq!(raced, Err(PciStoreFault::Raced));
    drop(store);
    let again = place.open().await;
    let kept = again.kept_pci().await.unwrap();
    assert_eq!((kept.version, kept.report), (2, Some(first.report.clone())));
    assert_eq!(kept.failed, Some(failed(1)));
    assert_eq!(again.pci_state().await.unwrap(), Some(state.clone()));
    assert_eq!(again.pci_evidence().await.unwrap(), Some(first.evidence));
    let next = run("2026-01-05T00:00:00Z", Some(state));
    again.keep_pci_run(2, next).await.unwrap();
    assert_eq!(again.kept_pci().await.unwrap().failed, None);
}

crate::anywhere!(a_run_is_kept_whole_and_one_that_failed_leaves_it_as_it_was);

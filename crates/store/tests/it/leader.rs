//! Who leads, and what is written because of it.

use std::sync::Arc;
use std::time::Duration;

use hallpass_identity::HandoverStore as _;
use hallpass_store::{Claim, LeaderRow as _, NodeIdentity, SqlStore, Term};
use hallpass_store_testing::{a_draft, at};

use crate::Place;

/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

fn node(name: &str) -> NodeIdentity {
    NodeIdentity {
        id: format!("{name}-1"),
        name: name.to_owned(),
    }
}

/// Ends the term that the database knows of, as time does.
async fn run_out(place: &Place) {
    #[cfg(unix)]
    if let Place::Postgres(url) = place {
        let (client, socket) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let socket = tokio::spawn(socket);
        client
            .batch_execute("UPDATE leader SET until = 1")
            .await
            .unwrap();
        drop(client);
        drop(socket.await);
    }
    #[cfg(not(unix))]
    let _ = place;
}

fn given(claim: Claim) -> u64 {
    match claim {
        Claim::Given(epoch) => epoch,
        Claim::Taken(leader) => panic!("{leader:?}"),
    }
}

async fn write(store: &SqlStore, number: u64) -> Result<(), String> {
    let appended = store.append_record(a_draft(number)).await;
    appended.map(drop).map_err(|error| error.to_string())
}

async fn one_node_leads_until_its_time_is_over_or_it_gives_the_lead_back(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let (of_a, of_b) = (a.leadership().await.unwrap(), b.leadership().await.unwrap());
    assert_eq!(of_a.look().await.unwrap(), None);
    let first = given(of_a.claim(&node("a"), LONG).await.unwrap());
    assert_eq!(first, 1);
    let seen = of_b.look().await.unwrap().unwrap();
    assert_eq!((seen.epoch, seen.node, seen.is_over), (1, node("a"), false));
    if of_a.is_shared() {
        let claimed = of_b.claim(&node("b"), LONG).await.unwrap();
        assert!(matches!(claimed, Claim::Taken(_)), "{claimed:?}");
    }
    assert!(of_a.renew(first, LONG).await.unwrap());
    run_out(&place).await;
    if of_a.is_shared() {
        assert!(of_b.look().await.unwrap().unwrap().is_over);
        assert!(
            !of_a.renew(first, LONG).await.unwrap(),
            "it is over for good"
        );
    }
    let second = given(of_b.claim(&node("b"), LONG).await.unwrap());
    assert_eq!(second, 2);
    assert!(!of_a.renew(first, LONG).await.unwrap());
    // whoever leads no more gives nothing back that is another's
    of_a.give_back(first).await.unwrap();
    assert!(of_b.renew(second, LONG).await.unwrap());
    of_b.give_back(second).await.unwrap();
    assert!(of_a.look().await.unwrap().unwrap().is_over);
    assert_eq!(given(of_a.claim(&node("a"), LONG).await.unwrap()), 3);
}

async fn nothing_is_written_for_a_term_that_is_over(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let (of_a, of_b) = (a.leadership().await.unwrap(), b.leadership().await.unwrap());
    let (term_a, term_b) = (Arc::new(Term::default()), Arc::new(Term::default()));
    let (working_a, working_b) = (a.working(&term_a), b.working(&term_b));
    write(&a, 1).await.unwrap();
    assert!(write(&working_a, 2).await.is_err(), "it does not lead yet");
    term_a.begin(given(of_a.claim(&node("a"), LONG).await.unwrap()), None);
    write(&working_a, 3).await.unwrap();
    run_out(&place).await;
    if of_a.is_shared() {
        let refused = write(&working_a, 4).await.unwrap_err();
        assert!(refused.contains("leads no more"), "{refused}");
    }
    term_b.begin(given(of_b.claim(&node("b"), LONG).await.unwrap()), None);
    // it was paused, and does not know
    assert!(term_a.holds());
    let refused = write(&working_a, 5).await.unwrap_err();
    assert!(refused.contains("leads no more"), "{refused}");
    assert!(working_a.blob_put("x", b"1").await.is_err());
    write(&working_b, 6).await.unwrap();
    // those who serve write on every node, and everybody reads
    write(&a, 7).await.unwrap();
    assert_eq!(working_a.blob_get("x").await.unwrap(), None);
    term_b.end();
    assert!(write(&working_b, 8).await.is_err());
    let check = a.check().await.unwrap();
    assert_eq!((check.records, check.problems), (4, Vec::new()));
}

async fn a_handover_is_taken_once_by_whichever_node(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let soon = at(600);
    a.keep("sign-in", "k", "one", soon).await.unwrap();
    a.keep("code", "k", "other", soon).await.unwrap();
    assert_eq!(
        b.kept("sign-in", "k").await.unwrap().as_deref(),
        Some("one")
    );
    assert!(
        b.exchange("sign-in", "k", "one", Some("two"))
            .await
            .unwrap()
    );
    assert!(!a.exchange("sign-in", "k", "one", None).await.unwrap());
    assert!(a.exchange("sign-in", "k", "two", None).await.unwrap());
    assert!(!b.exchange("sign-in", "k", "two", None).await.unwrap());
    assert_eq!(a.kept("sign-in", "k").await.unwrap(), None);
    assert_eq!(a.kept("code", "k").await.unwrap().as_deref(), Some("other"));
    // what is long over is forgotten when something is kept
    a.keep("code", "later", "new", at(600 + 3 * 3_600))
        .await
        .unwrap();
    assert_eq!(a.kept("code", "k").await.unwrap(), None);
}

crate::anywhere!(
    one_node_leads_until_its_time_is_over_or_it_gives_the_lead_back,
    nothing_is_written_for_a_term_that_is_over,
    a_handover_is_taken_once_by_whichever_node,
);

#[tokio::test(start_paused = true)]
async fn a_term_is_over_by_the_monotonic_clock_whatever_the_database_says() {
    let term = Arc::new(Term::default());
    let soon = tokio::time::Instant::now() + Duration::from_secs(4);
    term.begin(7, Some(soon));
    assert_eq!(term.epoch(), Some(7));
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!((term.epoch(), term.holds()), (None, false));
    term.begin(7, Some(soon + Duration::from_secs(4)));
    assert!(term.holds(), "it was made longer");
}

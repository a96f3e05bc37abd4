//! Leadership, and the writes of leaders.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::identity::HandoverStore as _;
use hallpass_store::{Candidate, Claim, LeadTimes, LeaderRow as _, NodeIdentity, SqlStore, Term};
use hallpass_store_testing::{a_draft, at};

use crate::Place;

const LONG: Duration = Duration::from_hours(1);

fn node(name: &str) -> NodeIdentity {
    NodeIdentity {
        id: format!("{name}-1"),
        name: name.to_owned(),
    }
}

fn term_of(name: &str) -> Arc<Term> {
    Arc::new(Term::of(node(name)))
}

async fn run_out(place: &Place) {
    if !matches!(place, Place::File(_)) {
        change(place, "UPDATE leader SET until = 1").await;
    }
}

async fn change(place: &Place, sql: &str) {
    match place {
        Place::File(folder) => {
            let file = rusqlite::Connection::open(folder.path().join("hallpass.db")).unwrap();
            file.execute_batch(sql).unwrap();
        }
        #[cfg(unix)]
        Place::Postgres(url) => {
            let (client, socket) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .unwrap();
            let socket = tokio::spawn(socket);
            client.batch_execute(sql).await.unwrap();
            drop(client);
            drop(socket.await);
        }
    }
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
    assert!(of_a.renew(&node("a"), first, LONG).await.unwrap());
    run_out(&place).await;
    if of_a.is_shared() {
        assert!(of_b.look().await.unwrap().unwrap().is_over);
        assert!(
            !of_a.renew(&node("a"), first, LONG).await.unwrap(),
            "it is over for good"
        );
    }
    let second = given(of_b.claim(&node("b"), LONG).await.unwrap());
    assert_eq!(second, 2);
    assert!(!of_a.renew(&node("a"), first, LONG).await.unwrap());
    of_a.give_back(&node("a"), first).await.unwrap();
    assert!(of_b.renew(&node("b"), second, LONG).await.unwrap());
    of_b.give_back(&node("b"), second).await.unwrap();
    assert!(of_a.look().await.unwrap().unwrap().is_over);
    assert_eq!(given(of_a.claim(&node("a"), LONG).await.unwrap()), 3);
}

async fn nothing_is_written_for_a_term_that_is_over(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let (of_a, of_b) = (a.leadership().await.unwrap(), b.leadership().await.unwrap());
    let (term_a, term_b) = (term_of("a"), term_of("b"));
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
    assert!(term_a.holds());
    let refused = write(&working_a, 5).await.unwrap_err();
    assert!(refused.contains("leads no more"), "{refused}");
    assert!(working_a.blob_put("x", b"1").await.is_err());
    write(&working_b, 6).await.unwrap();
    // servers write on every node, and all can read
    write(&a, 7).await.unwrap();
    assert_eq!(working_a.blob_get("x").await.unwrap(), None);
    term_b.end();
    assert!(write(&working_b, 8).await.is_err());
    let check = a.check().await.unwrap();
    assert_eq!((check.records, check.problems), (4, Vec::new()));
}

/// A failover loses a claim's commit, and another node gets the same epoch.
async fn an_epoch_that_is_given_twice_has_one_leader(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let (of_a, of_b) = (a.leadership().await.unwrap(), b.leadership().await.unwrap());
    let (term_a, term_b) = (term_of("a"), term_of("b"));
    let first = given(of_a.claim(&node("a"), LONG).await.unwrap());
    of_a.give_back(&node("a"), first).await.unwrap();
    let second = given(of_b.claim(&node("b"), LONG).await.unwrap());
    term_b.begin(second, None);
    let working_b = b.working(&term_b);
    write(&working_b, 1).await.unwrap();
    let before = "UPDATE leader SET epoch = 1, node = 'a-1', name = 'a', until = 0";
    change(&place, before).await;
    let again = given(of_a.claim(&node("a"), LONG).await.unwrap());
    assert_eq!(again, second, "the same epoch");
    term_a.begin(again, None);
    assert!(
        !of_b.renew(&node("b"), second, LONG).await.unwrap(),
        "it is another's"
    );
    let refused = write(&working_b, 2).await.unwrap_err();
    assert!(refused.contains("leads no more"), "{refused}");
    // an orderly end takes nothing from the leader
    of_b.give_back(&node("b"), second).await.unwrap();
    assert!(of_a.renew(&node("a"), again, LONG).await.unwrap());
    write(&a.working(&term_a), 3).await.unwrap();
    // a restarted process of the same name is another
    let anew = NodeIdentity {
        id: "a-2".to_owned(),
        ..node("a")
    };
    assert!(!of_a.renew(&anew, again, LONG).await.unwrap());
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
    // storing deletes long-expired entries
    a.keep("code", "later", "new", at(600 + 3 * 3_600))
        .await
        .unwrap();
    assert_eq!(a.kept("code", "k").await.unwrap(), None);
}

/// The database's clock was set back by an hour, and the leader is dead.
async fn a_term_of_a_clock_that_went_back_is_no_longer_than_any(place: Place) {
    let (a, b) = (place.open().await, place.open().await);
    let (of_a, of_b) = (a.leadership().await.unwrap(), b.leadership().await.unwrap());
    let first = given(of_a.claim(&node("a"), LONG).await.unwrap());
    if !of_a.is_shared() {
        return;
    }
    let times = LeadTimes {
        term: Duration::from_secs(1),
        margin: Duration::from_millis(100),
        ..LeadTimes::STANDARD
    };
    let candidate = Candidate::new(Arc::new(of_b), node("b"), times);
    assert_eq!(
        candidate.ask().await,
        None,
        "the other one may be there still"
    );
    let left = of_a.look().await.unwrap().unwrap().left.unwrap();
    assert!(left <= times.term, "{left:?}");
    assert!(of_a.renew(&node("a"), first, times.term).await.unwrap());
    assert_eq!(candidate.ask().await, None);
    let began = std::time::Instant::now();
    while candidate.ask().await.is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "no leader");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

crate::anywhere!(
    a_term_of_a_clock_that_went_back_is_no_longer_than_any,
    one_node_leads_until_its_time_is_over_or_it_gives_the_lead_back,
    nothing_is_written_for_a_term_that_is_over,
    an_epoch_that_is_given_twice_has_one_leader,
    a_handover_is_taken_once_by_whichever_node,
);

#[tokio::test(start_paused = true)]
async fn a_term_is_over_by_the_monotonic_clock_whatever_the_database_says() {
    let term = term_of("a");
    let soon = tokio::time::Instant::now() + Duration::from_secs(4);
    term.begin(7, Some(soon));
    assert_eq!(term.epoch(), Some(7));
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!((term.epoch(), term.holds()), (None, false));
    term.begin(7, Some(soon + Duration::from_secs(4)));
    assert!(term.holds(), "it was made longer");
}

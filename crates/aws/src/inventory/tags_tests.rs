use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use hallpass_base::TimeSpan;
use hallpass_rules::directory::AccountTags;
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, error};

const AGAIN: TimeSpan = TimeSpan::minutes(5);

fn organization(
    count: usize,
    refused: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> impl Fn(&str, &Value) -> Option<FakeAnswer> + Send + Sync + 'static {
    move |operation, input| {
        let id = |number: usize| format!("{:012}", 222_222_000_000 + number);
        let answer = match operation {
            "ListAccounts" => {
                let account = |number| {
                    let id = id(number);
                    json!({"Id": id, "Name": id, "Email": "a@acme.example", "State": "ACTIVE",
                        "Paths": [format!("o-abcdefghij/r-abcd/{id}/")]})
                };
                json!({"Accounts": (0..count).map(account).collect::<Vec<_>>()})
            }
            "ListTagsForResource" => {
                let id = input["ResourceId"].as_str().unwrap();
                if refused(id) {
                    return Some(error("AccessDeniedException", "no"));
                }
                json!({"Tags": [{"Key": "id", "Value": id}]})
            }
            _ => return None,
        };
        Some((200, answer))
    }
}

fn tagged(id: &str) -> AccountTags {
    BTreeMap::from([("id".to_owned(), id.to_owned())]).into()
}

async fn inventory(fake: &Arc<Fake>, wanted: &Arc<AtomicBool>, pace: TagPace) -> Inventory {
    let wanted = Arc::clone(wanted);
    Inventory::new(Arc::new(fake.connect().await), Arc::new(BTreeSet::new))
        .with_account_tags(Arc::new(move || wanted.load(Ordering::Relaxed)), pace)
}

/// Counts of read and unread accounts.
fn told(directory: &Directory) -> (usize, usize) {
    let accounts = directory.accounts();
    for account in accounts {
        assert!(account.tags.is_unread() || account.tags == tagged(account.id.as_str()));
    }
    let unread = accounts.iter().filter(|it| it.tags.is_unread()).count();
    (accounts.len() - unread, unread)
}

#[tokio::test(start_paused = true)]
async fn tags_are_read_from_when_they_are_wanted_until_they_are_not() {
    let fake = Fake::new(organization(3, |_| false));
    let wanted = Arc::new(AtomicBool::new(false));
    let inventory = inventory(&fake, &wanted, TagPace::ByAndBy(AGAIN)).await;
    assert_eq!(told(&inventory.refresh().await.unwrap()), (0, 3));
    assert!(inventory.read_tags().await.is_none());
    assert_eq!(fake.count("ListTagsForResource"), 0);
    wanted.store(true, Ordering::Relaxed);
    assert_eq!(inventory.read_tags().await, Some(Duration::ZERO));
    assert_eq!(told(&inventory.current()), (3, 0));
    assert!(
        inventory.read_tags().await.is_none(),
        "no immediate second read"
    );
    assert_eq!(told(&inventory.refresh().await.unwrap()), (3, 0));
    assert_eq!(fake.count("ListTagsForResource"), 3);
    wanted.store(false, Ordering::Relaxed);
    assert_eq!(told(&inventory.refresh().await.unwrap()), (0, 3));
    wanted.store(true, Ordering::Relaxed);
    let kept = inventory.current();
    assert_eq!(told(&kept), (0, 3), "earlier values are not used");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_told_is_unread_of_that_account_alone_and_of_all_where_nothing_is() {
    let one = Fake::new(organization(3, |id| id.ends_with('1')));
    let wanted = Arc::new(AtomicBool::new(true));
    let read = inventory(&one, &wanted, TagPace::Whole).await;
    let directory = read.refresh().await.unwrap();
    assert_eq!(told(&directory), (2, 1));
    assert!(directory.accounts()[1].tags.is_unread());
    let untold = read.untold_tags().unwrap();
    assert_eq!(
        (untold.accounts, untold.account.as_str()),
        (1, "222222000001")
    );
    let refused = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&refused);
    let many = Fake::new(organization(300, move |_| now.load(Ordering::Relaxed)));
    let read = inventory(&many, &wanted, TagPace::Whole).await;
    assert_eq!(told(&read.refresh().await.unwrap()), (300, 0));
    refused.store(true, Ordering::Relaxed);
    let before = many.count("ListTagsForResource");
    assert_eq!(told(&read.refresh().await.unwrap()), (0, 300));
    let calls = many.count("ListTagsForResource") - before;
    assert!((20..40).contains(&calls), "{calls}");
    assert!(read.read_tags().await.is_none(), "not soon again either");
    assert_eq!(read.untold_tags().unwrap().accounts, 300);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_passing_leaves_what_was_read_and_another_does_not() {
    for (code, known) in [
        ("TooManyRequestsException", (2, 0)),
        ("ServiceException", (2, 0)),
        ("AccessDeniedException", (0, 2)),
        ("TargetNotFoundException", (0, 2)),
    ] {
        let fails = Arc::new(AtomicBool::new(false));
        let now = Arc::clone(&fails);
        let answers = organization(2, |_| false);
        let fake = Fake::new(move |operation, input| {
            if operation == "ListTagsForResource" && now.load(Ordering::Relaxed) {
                return Some(error(code, "not now"));
            }
            answers(operation, input)
        });
        let wanted = Arc::new(AtomicBool::new(true));
        let read = inventory(&fake, &wanted, TagPace::Whole).await;
        assert_eq!(told(&read.refresh().await.unwrap()), (2, 0));
        fails.store(true, Ordering::Relaxed);
        assert_eq!(told(&read.refresh().await.unwrap()), known, "{code}");
        assert_eq!(read.untold_tags().unwrap().accounts, 2, "{code}");
        fails.store(false, Ordering::Relaxed);
        assert_eq!(told(&read.refresh().await.unwrap()), (2, 0));
        assert_eq!(read.untold_tags(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_accounts_some_are_read_at_a_time_and_none_is_forgotten() {
    let fake = Fake::new(organization(3_000, |_| false));
    let wanted = Arc::new(AtomicBool::new(true));
    let inventory = inventory(&fake, &wanted, TagPace::ByAndBy(AGAIN)).await;
    let began = Instant::now();
    assert_eq!(told(&inventory.refresh().await.unwrap()), (0, 3_000));
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "no reading waits for tags: {:?}",
        began.elapsed()
    );
    let mut before = 3_000;
    while before > 0 {
        let began = Instant::now();
        assert!(inventory.read_tags().await.is_some());
        assert!(began.elapsed() < Duration::from_secs(20));
        let (_, unread) = told(&inventory.current());
        assert!(unread < before, "{unread} of {before}");
        before = unread;
    }
    assert_eq!(fake.count("ListTagsForResource"), 3_000, "each once");
}

#[tokio::test(start_paused = true)]
async fn what_another_node_read_is_known_and_what_it_did_not_is_unread() {
    let fake = Fake::new(organization(2, |_| false));
    let wanted = Arc::new(AtomicBool::new(true));
    let reader = inventory(&fake, &wanted, TagPace::Whole).await;
    let read = reader.refresh().await.unwrap();
    let mut snapshot = read.snapshot().clone();
    snapshot.accounts[1].tags = AccountTags::Unread;
    let other = inventory(&fake, &wanted, TagPace::ByAndBy(AGAIN)).await;
    other.adopt(snapshot, Duration::from_secs(5));
    assert_eq!(told(&other.current()), (1, 1));
    assert!(other.read_tags().await.is_some());
    assert_eq!(told(&other.current()), (2, 0));
}

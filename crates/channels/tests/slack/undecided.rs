//! Remediation messages lose their buttons once, after any decision (`organization.md` R-3).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{AlertContext, Channel, Delivery, RemediationSource};
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_findings::remediation::{
    AccountStanding, AccountStandings, Remediation, RemediationId, RemediationStore as _, RuleFile,
    approved, declined,
};
use hallpass_findings::remediation_testing::FoundStandings;
use hallpass_store::SqlStore;
use serde_json::json;

use crate::fake::{Fault, Message};
use crate::test_app::TestApp;

const ID: &str = "rm-3f0c9a5b7d1e2f46";
const LATER_ID: &str = "rm-4f0c9a5b7d1e2f46";
const RULES: &str =
    "rules: [{id: buckets, match: {controls: [S3.8]}, action: s3-bucket-block, mode: approve}]";

struct InProd;

#[async_trait]
impl AccountStandings for InProd {
    async fn standing(&self, _: &AccountId) -> Result<AccountStanding, String> {
        Ok(AccountStanding::Member {
            unit: "Prod".to_owned(),
            management: false,
        })
    }
}

fn waiting(id: &str) -> Remediation {
    serde_json::from_value(json!({
        "id": id, "rule": "buckets", "action": "s3-bucket-block", "params": {}, "mode": "approve",
        "deviation": {
            "source": "aws.securityhub", "finding": {"product": "arn:p", "id": "arn:f", "region": "eu-west-1"},
            "account": "111111111111", "region": "eu-west-1", "resource": "arn:aws:s3:::shop<b>",
            "resource_type": "AwsS3Bucket", "tags": {}, "control": "S3.8", "standards": [], "types": [], "severity": "HIGH",
            "config_rule": "", "updated_at": "2026-03-02T10:00:00Z", "settled": null, "written_by": null,
        },
        "decided_at": "2026-05-28T20:00:00Z", "acts_at": null,
        "phase": {"is": "waiting", "until": "2027-05-28T22:00:00Z", "why": "rule `buckets` requires an \
                                                                            approval"},
        "generation": 0, "plan": null, "changed_at": null, "write_back": null, "approved_by": null, "version": 0,
    }))
    .unwrap()
}

struct World {
    app: TestApp,
    store: SqlStore,
}

impl World {
    async fn new() -> Self {
        let store = SqlStore::open_in_memory().unwrap();
        for id in [ID, LATER_ID] {
            assert!(store.begin_remediation(&waiting(id)).await.unwrap());
        }
        let rules = Arc::new(RuleFile::read(RULES).unwrap());
        let app = TestApp::remediating(RemediationSource {
            kept: Arc::new(store.clone()),
            rules: Arc::new(move || Arc::clone(&rules)),
            accounts: Arc::new(InProd),
            standings: Arc::new(FoundStandings::default()),
        });
        Self {
            app: app.await,
            store,
        }
    }

    fn asks(&self) -> AlertContext {
        self.asks_about(ID)
    }

    fn asks_about(&self, id: &str) -> AlertContext {
        let row = json!({"key": id, "values": {"remediation": id}, "since": "2026-05-28T20:00:00Z", "flap_count": 0});
        let none = json!({"count": 0, "rows": []});
        let news = json!({"new": {"count": 1, "rows": [row]}, "recovered": none, "still": none, "file": null, "blocked_since": null});
        AlertContext {
            number: 1,
            alert: serde_json::from_value(json!({
                "alert": "remediate/waiting", "severity": "medium", "at": self.app.now(), "snapshot": null,
                "template": null, "news": { "rows": news }, "notify": [],
            }))
            .unwrap(),
            attempts: 0,
        }
    }

    async fn decided(&self, decide: impl FnOnce(Remediation, Timestamp) -> Remediation) {
        self.decided_of(ID, decide).await;
    }

    async fn decided_of(
        &self,
        id: &str,
        decide: impl FnOnce(Remediation, Timestamp) -> Remediation,
    ) {
        let id = RemediationId::read(id).unwrap();
        let it = self.store.remediation(&id).await.unwrap().unwrap();
        let next = decide(it, self.app.now());
        self.store.change_remediation(&next).await.unwrap();
    }

    fn message(&self) -> Message {
        let messages = self.app.fake.desk().messages.clone();
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.into_iter().next().unwrap()
    }
}

const BUTTONS: [&str; 2] = ["remediation_approve", "remediation_decline"];

#[tokio::test]
async fn what_was_approved_elsewhere_has_no_buttons_and_says_by_whom() {
    let world = World::new().await;
    let told = world.asks();
    assert_eq!(world.app.slack.deliver_alert(&told).await, Delivery::Done);
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.message().buttons(), BUTTONS);
    assert_eq!(world.app.fake.count("chat.update"), 0);
    world
        .decided(|it, now| approved(it, "ana@corp.example", now).unwrap())
        .await;
    for slack in [world.app.slack.clone(), world.app.restarted()] {
        slack.show_what_was_decided().await.unwrap();
    }
    assert_eq!(world.message().buttons(), Vec::<String>::new());
    assert!(
        world
            .message()
            .text()
            .contains("Approved by ana@corp.example."),
        "{:?}",
        world.message()
    );
    // once, despite later checks and state changes
    world
        .decided(|mut it, _| {
            it.phase = hallpass_findings::remediation::RemediationPhase::Manual {
                reason: "it failed".to_owned(),
            };
            it
        })
        .await;
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), 1);
}

#[tokio::test]
async fn a_no_and_its_reason_are_shown_escaped() {
    let world = World::new().await;
    assert_eq!(
        world.app.slack.deliver_alert(&world.asks()).await,
        Delivery::Done
    );
    world
        .decided(|it, now| declined(it, "ana", "a <!channel> site", now).unwrap())
        .await;
    world.app.slack.show_what_was_decided().await.unwrap();
    let text = world.message().text().to_owned();
    assert!(
        text.contains("ana declined it: a &lt;!channel&gt; site"),
        "{text}"
    );
    assert_eq!(world.message().buttons(), Vec::<String>::new());
}

/// Stops between posting and storing, and between redrawing and deleting, and lost answers.
#[tokio::test]
async fn a_stop_anywhere_leaves_no_buttons_behind() {
    let world = World::new().await;
    // posted, answer lost: the retried alert finds its message
    world
        .app
        .fake
        .fail("chat.postMessage", &[Fault::LostAnswer]);
    let told = world.asks();
    assert!(!matches!(
        world.app.slack.deliver_alert(&told).await,
        Delivery::Done
    ));
    let again = world.app.restarted();
    world
        .decided(|it, now| approved(it, "ana", now).unwrap())
        .await;
    again.show_what_was_decided().await.unwrap();
    assert_eq!(world.message().buttons(), BUTTONS, "no one knows of it yet");
    world.app.clock.advance(TimeSpan::seconds(30));
    assert_eq!(again.deliver_alert(&told).await, Delivery::Done);
    for fault in [
        Fault::Down,
        Fault::Refused("invalid_auth"),
        Fault::Limited(1),
    ] {
        world.app.fake.fail("chat.update", &[fault]);
        again.show_what_was_decided().await.unwrap();
        assert_eq!(world.message().buttons(), BUTTONS);
    }
    // redrawn, answer lost: redrawn again, unchanged
    world.app.fake.fail("chat.update", &[Fault::LostAnswer]);
    again.show_what_was_decided().await.unwrap();
    let first = world.message();
    let last = world.app.restarted();
    last.show_what_was_decided().await.unwrap();
    assert_eq!(world.message().blocks(), first.blocks());
    assert_eq!(world.message().buttons(), Vec::<String>::new());
    let edits = world.app.fake.count("chat.update");
    last.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), edits);
}

/// A deleted message is not retried forever.
#[tokio::test]
async fn a_message_that_is_gone_is_forgotten() {
    let world = World::new().await;
    assert_eq!(
        world.app.slack.deliver_alert(&world.asks()).await,
        Delivery::Done
    );
    world
        .decided(|it, now| approved(it, "ana", now).unwrap())
        .await;
    world
        .app
        .fake
        .fail("chat.update", &[Fault::Refused("message_not_found")]);
    world.app.slack.show_what_was_decided().await.unwrap();
    let edits = world.app.fake.count("chat.update");
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), edits);
}

async fn two_that_were_decided() -> World {
    let world = World::new().await;
    for id in [ID, LATER_ID] {
        let told = world.asks_about(id);
        assert_eq!(world.app.slack.deliver_alert(&told).await, Delivery::Done);
        world.app.clock.advance(TimeSpan::seconds(5));
        world
            .decided_of(id, |it, now| approved(it, "ana", now).unwrap())
            .await;
    }
    world
}

fn buttons(world: &World) -> Vec<Vec<String>> {
    let desk = world.app.fake.desk();
    desk.messages.iter().map(Message::buttons).collect()
}

#[tokio::test]
async fn a_message_that_slack_refuses_to_change_is_in_no_others_way() {
    let world = two_that_were_decided().await;
    let refused = || {
        let refused = [Fault::Refused("is_archived")];
        world.app.fake.fail("chat.update", &refused);
    };
    refused();
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(buttons(&world), [BUTTONS.to_vec(), vec![]]);
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), 2);
    refused();
    world.app.clock.advance(TimeSpan::minutes(1));
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), 3);
    refused();
    world.app.clock.advance(TimeSpan::hours(8));
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), 4);
    world.app.clock.advance(TimeSpan::minutes(1));
    world.app.slack.show_what_was_decided().await.unwrap();
    assert_eq!(world.app.fake.count("chat.update"), 4);
}

#[tokio::test]
async fn a_message_that_slack_refused_for_a_while_is_changed_later() {
    let world = two_that_were_decided().await;
    let refused = [Fault::Refused("is_archived")];
    world.app.fake.fail("chat.update", &refused);
    world.app.slack.show_what_was_decided().await.unwrap();
    world.app.clock.advance(TimeSpan::minutes(1));
    world.app.restarted().show_what_was_decided().await.unwrap();
    assert_eq!(buttons(&world), [const { Vec::<String>::new() }; 2]);
}

#[tokio::test]
async fn a_long_reason_fits_a_section() {
    let world = World::new().await;
    let told = world.asks();
    assert_eq!(world.app.slack.deliver_alert(&told).await, Delivery::Done);
    let long = "<&>".repeat(2_000);
    world
        .decided(|it, now| declined(it, "ana", &long, now).unwrap())
        .await;
    world.app.slack.show_what_was_decided().await.unwrap();
    let text = world.message().text().to_owned();
    assert!(
        text.contains("Needs manual work: ana declined it: &lt;&amp;"),
        "{text}"
    );
    assert!(text.contains("in account 111111111111"), "{text}");
    assert!(text.chars().count() <= 3_000, "{}", text.chars().count());
}

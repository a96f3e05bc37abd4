//! New accounts get what the file says (`organization.md` S-8): by event and by looking at everything, once their hubs are
//! on, and never twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_model::{AccountId, Clock as _, Timestamp};
use hallpass_org::standards::{
    FollowSettings, StandardsChoices, StandardsFile, StandardsFollower, StandardsVisit, VisitCause,
    VisitEnd, VisitStore as _, VisitTeller, asks_for_visit, visit_asked_by,
};
use hallpass_org::testing::MemoryVisits;
use hallpass_runner::testing::{Gate, Gated, PortMode};
use hallpass_runner::{PlanStore as _, StoreFault};
use serde_json::json;

use super::hubs::{FIRST, OTHER, PCI, UNIT};
use super::world::World;
use crate::gated::GatedCalls;

const FILE: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
";

/// Remembers what people were told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait]
impl VisitTeller for Told {
    async fn tell_visit(&self, visit: &StandardsVisit, why: &str) -> Result<(), StoreFault> {
        let line = format!("{}: {why}", visit.account);
        self.0.lock().unwrap().push(line);
        Ok(())
    }

    async fn tell_sweep(&self, accounts: usize, _: Timestamp) -> Result<(), StoreFault> {
        self.0.lock().unwrap().push(format!("{accounts} differ"));
        Ok(())
    }
}

/// A server that follows accounts of a world.
struct Server {
    visits: Arc<MemoryVisits>,
    told: Arc<Told>,
    settings: FollowSettings,
}

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

impl Server {
    fn new() -> Self {
        Self {
            visits: Arc::default(),
            told: Arc::default(),
            settings: FollowSettings {
                regions: Some(vec!["us-east-1".to_owned()]),
                choices: StandardsChoices::default(),
                changes_max: None,
                accounts_max: 10,
            },
        }
    }

    fn follower(&self, world: &World, holder: &str, gate: &Arc<Gate>) -> StandardsFollower {
        let file = Arc::new(StandardsFile::read(FILE).unwrap());
        StandardsFollower {
            calls: Arc::new(GatedCalls::through(&world.aws, gate)),
            runner: world.runner(holder, gate),
            visits: Arc::new(Gated(Arc::clone(&self.visits), Arc::clone(gate))),
            teller: Arc::clone(&self.told) as Arc<_>,
            file: Arc::new(move || Arc::clone(&file)),
            settings: self.settings.clone(),
            clock: Arc::clone(&world.clock) as Arc<_>,
        }
    }

    async fn ask(&self, world: &World, account: &str) {
        let visit = StandardsVisit::now(id(account), VisitCause::Created, world.clock.now());
        self.visits.ask_visits(&[visit]).await.unwrap();
    }

    /// What comes of all that is due.
    async fn work(&self, world: &World) -> Vec<VisitEnd> {
        let follower = self.follower(world, "server", &Gate::new(None));
        let all = follower.work().await.unwrap();
        all.into_iter().map(|it| it.end).collect()
    }

    fn told(&self) -> Vec<String> {
        self.told.0.lock().unwrap().clone()
    }
}

fn wait(world: &World, minutes: u64) {
    world.clock.advance(Duration::from_secs(60 * minutes));
}

#[test]
fn what_asks_for_a_visit() {
    let managed = |name: &str, member: &str, state: &str, account| {
        json!({ "eventName": name, "serviceEventDetails": { member: {
            "state": state, "account": { "accountName": "shop", "accountId": account } } } })
    };
    let hub = |name: &str, code: Option<&str>| {
        let mut detail = json!({ "eventName": name, "recipientAccountId": FIRST });
        if let Some(code) = code {
            detail["errorCode"] = code.into();
        }
        detail
    };
    let (tower, security) = ("aws.controltower", "aws.securityhub");
    let created = ("CreateManagedAccount", "createManagedAccountStatus");
    let updated = ("UpdateManagedAccount", "updateManagedAccountStatus");
    let ok = "SUCCEEDED";
    let table = [
        (
            tower,
            managed(created.0, created.1, ok, Some(FIRST)),
            Some(VisitCause::Created),
        ),
        (
            tower,
            managed(updated.0, updated.1, ok, Some(FIRST)),
            Some(VisitCause::Created),
        ),
        (
            tower,
            managed(created.0, created.1, "FAILED", Some(FIRST)),
            None,
        ),
        (tower, managed(created.0, created.1, ok, None), None),
        (tower, json!({ "eventName": "SetupLandingZone" }), None),
        (
            security,
            hub("EnableSecurityHub", None),
            Some(VisitCause::HubEnabled),
        ),
        (
            security,
            hub("EnableSecurityHub", Some("AccessDenied")),
            None,
        ),
        (security, hub("BatchEnableStandards", None), None),
    ];
    for (source, detail, cause) in table {
        let wanted = cause.map(|it| (id(FIRST), it));
        assert_eq!(visit_asked_by(source, &detail), wanted, "{detail}");
    }
    assert!(asks_for_visit(security, "AWS API Call via CloudTrail"));
    assert!(asks_for_visit(tower, "AWS Service Event via CloudTrail"));
    assert!(!asks_for_visit(
        security,
        "Security Hub Findings - Imported"
    ));
}

#[tokio::test]
async fn an_account_whose_hub_is_not_on_yet_is_changed_once_it_is() {
    let (world, server) = (World::small(), Server::new());
    world.hub(FIRST, "us-east-1", |it| it.off = true);
    server.ask(&world, FIRST).await;
    let why = format!("{FIRST} us-east-1: Security Hub is not enabled");
    assert_eq!(server.work(&world).await, [VisitEnd::Later(why)]);
    assert_eq!(world.writes(), [""; 0]);
    // not before ten minutes are over
    wait(&world, 9);
    assert_eq!(server.work(&world).await, []);
    world.hub(FIRST, "us-east-1", |it| it.off = false);
    wait(&world, 1);
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    let sent = world.writes();
    assert_eq!(sent.len(), 2, "{sent:?}");
    // asked for again, it is as wanted
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, [VisitEnd::AsWanted]);
    assert_eq!((world.writes(), server.visits.all()), (sent, vec![]));
    assert!(server.told().is_empty());
}

#[tokio::test]
async fn an_account_that_the_organization_does_not_list_yet_is_waited_for() {
    let (world, server) = (World::small(), Server::new());
    let account = world.with(|it| it.accounts.pop().unwrap());
    server.ask(&world, FIRST).await;
    let ends = server.work(&world).await;
    assert!(matches!(ends[..], [VisitEnd::Later(_)]), "{ends:?}");
    world.with(|it| it.accounts.push(account));
    wait(&world, 10);
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
}

#[tokio::test]
async fn after_a_day_it_is_given_up_and_told() {
    let (world, server) = (World::small(), Server::new());
    world.hub(FIRST, "us-east-1", |it| it.off = true);
    server.ask(&world, FIRST).await;
    let mut looks = 0;
    loop {
        let ends = server.work(&world).await;
        looks += 1;
        match &ends[..] {
            [VisitEnd::Later(_)] => assert!(server.told().is_empty()),
            [VisitEnd::GivenUp(_)] => break,
            other => panic!("{other:?}"),
        }
        wait(&world, 10);
    }
    // every ten minutes of a day, and its end
    assert_eq!(looks, 24 * 6 + 1);
    let told = server.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Security Hub is not enabled"), "{told:?}");
    assert_eq!((world.writes().len(), server.visits.all().len()), (0, 0));
}

#[tokio::test]
async fn what_fails_is_told_and_not_tried_again() {
    let (world, server) = (World::small(), Server::new());
    world.with(|it| it.stays = Some(("INCOMPLETE", "NO_AVAILABLE_CONFIGURATION_RECORDER")));
    server.ask(&world, FIRST).await;
    let ends = server.work(&world).await;
    assert!(
        matches!(&ends[..], [VisitEnd::Failed(why)] if why.contains("turn on AWS Config")),
        "{ends:?}"
    );
    wait(&world, 24 * 60);
    assert_eq!(server.work(&world).await, []);
    assert_eq!(server.told().len(), 1);
}

#[tokio::test]
async fn a_plan_that_is_too_large_changes_nothing() {
    let (world, mut server) = (World::small(), Server::new());
    server.settings.changes_max = Some(0);
    server.ask(&world, FIRST).await;
    let ends = server.work(&world).await;
    assert!(
        matches!(&ends[..], [VisitEnd::Failed(why)] if why.contains("are allowed")),
        "{ends:?}"
    );
    assert_eq!((world.writes(), server.told().len()), (vec![], 1));
    assert!(world.plans.plans(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn looking_at_everything_asks_for_what_differs_and_for_nothing_where_that_is_too_much() {
    let (world, mut server) = (World::new(), Server::new());
    world.hub(OTHER, "us-east-1", |it| it.off = true);
    server.settings.accounts_max = 1;
    let sweep = async |server: &Server| {
        let follower = server.follower(&world, "server", &Gate::new(None));
        follower.sweep().await.unwrap()
    };
    let first = sweep(&server).await;
    assert!(first.too_many && first.differing.len() > 1, "{first:?}");
    // one that is off is no work yet, and is known to be unknown
    assert!(first.unknown.contains(&id(OTHER)) && !first.differing.contains(&id(OTHER)));
    assert_eq!((server.visits.all(), world.writes()), (vec![], vec![]));
    assert_eq!(server.told().len(), 1);
    server.settings.accounts_max = first.differing.len();
    let second = sweep(&server).await;
    assert_eq!(server.visits.all().len(), second.differing.len());
    let ends = server.work(&world).await;
    assert!(ends.iter().all(|it| *it == VisitEnd::Changed), "{ends:?}");
    assert!(sweep(&server).await.differing.is_empty());
    let last = server.visits.last_sweep().await.unwrap();
    assert!(last.is_some_and(|it| it < world.clock.now()), "{last:?}");
}

#[tokio::test]
async fn by_policies_a_new_account_gets_what_holds_above_it() {
    let (world, server) = (World::managed(), Server::new());
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    let sent = world.writes();
    assert!(
        sent.iter()
            .any(|it| it.contains("r-ab12") || it.contains(UNIT)),
        "{sent:?}"
    );
    server.ask(&world, OTHER).await;
    assert_eq!(server.work(&world).await, [VisitEnd::AsWanted]);
    assert_eq!(world.writes(), sent);
}

/// One server after the other, until nothing is waited for.
async fn to_the_end(world: &World, server: &Server) {
    for _ in 0..20 {
        if server.visits.all().is_empty() {
            return;
        }
        wait(world, 10);
        let follower = server.follower(world, "next", &Gate::new(None));
        follower.work().await.unwrap();
    }
    panic!("{:?}", server.visits.all());
}

#[tokio::test]
async fn stopped_anywhere_nothing_is_sent_twice_and_nothing_is_lost() {
    let first = async |world: &World, server: &Server, gate: &Arc<Gate>| {
        world.with(|it| it.polls = 1);
        server.ask(world, FIRST).await;
        let follower = server.follower(world, "first", gate);
        tokio::select! {
            worked = follower.work() => drop(worked),
            () = gate.stop() => {}
        }
    };
    let (world, server, gate) = (World::small(), Server::new(), Gate::new(None));
    first(&world, &server, &gate).await;
    let sent = world.writes();
    assert_eq!(sent.len(), 2, "{sent:?}");
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let (world, server) = (World::small(), Server::new());
            first(&world, &server, &Gate::new(Some((call, mode)))).await;
            to_the_end(&world, &server).await;
            assert_eq!(world.writes(), sent, "call {call}, {mode:?}");
            assert!(server.told().is_empty(), "call {call}, {mode:?}");
            let on = world.hub(FIRST, "us-east-1", |it| it.on.contains_key(PCI));
            assert!(on, "call {call}, {mode:?}");
            for saved in world.plans.plans(9).await.unwrap() {
                let runner = world.runner("after", &Gate::new(None));
                let report = runner.report(&saved.plan.id).await.unwrap();
                let over = ["done", "planned"].contains(&report.state.name());
                assert!(over, "call {call}, {mode:?}: {:?}", report.state);
            }
        }
    }
}

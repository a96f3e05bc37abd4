//! New accounts follow the file (`organization.md` S-8): by event and by sweep, once their hubs are
//! on, and never twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{AccountId, Clock as _, Timestamp};
use hallpass_enforcement::standards_visits::{
    AppliedFile, ChangeAuthor, ChangedThing, StandardsVisit, VisitCause, VisitStore as _,
};
use hallpass_enforcement::testing::{GatedOrg, MemoryVisits};
use hallpass_org::standards::{
    FollowMode, FollowSettings, HubChange, HubLog, LeftAlone, StandardsChoices, StandardsFile,
    StandardsFollower, StandardsNews, Swept, VisitEnd, VisitTeller, asks_for_visit, visit_asked_by,
};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{PlanStore as _, StoreFault};
use serde_json::json;

use super::hubs::{FIRST, OTHER, PCI, Subscribed};
use super::world::World;
use crate::gated::GatedCalls;

const FILE: &str = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
";

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait]
impl VisitTeller for Told {
    async fn tell(&self, news: &StandardsNews) -> Result<(), StoreFault> {
        let line = match news {
            StandardsNews::Stuck { visit, why } => format!("{}: {why}", visit.account),
            StandardsNews::Unusable { why, .. } => why.clone(),
            StandardsNews::Differs { accounts, why, .. } => {
                let changes: usize = accounts.iter().map(|it| it.changes.len()).sum();
                format!("{} differ in {changes}: {why:?}", accounts.len())
            }
            StandardsNews::PutBack {
                account, changes, ..
            } => {
                let all = changes.iter().map(|it| match (&it.what, &it.author) {
                    (
                        ChangedThing::Control {
                            control, reason, ..
                        },
                        author,
                    ) => {
                        let who = match author {
                            ChangeAuthor::Known { who, .. } => who.as_str(),
                            ChangeAuthor::NotInLog => "unknown",
                            other => panic!("{other:?}"),
                        };
                        format!("{control} of {who} {}", reason.as_deref().unwrap_or("-"))
                    }
                    (what, _) => format!("{what:?}"),
                });
                format!("{account} put back: {}", all.collect::<Vec<_>>().join(", "))
            }
        };
        let mut told = self.0.lock().unwrap();
        // duplicates are dropped, as in channels
        if !told.contains(&line) {
            told.push(line);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<HubChange>>);

#[async_trait]
impl HubLog for Log {
    async fn changes(
        &self,
        _: &AccountId,
        _: &str,
        _: Timestamp,
    ) -> Result<Vec<HubChange>, String> {
        Ok(self.0.lock().unwrap().clone())
    }
}

struct Server {
    visits: Arc<MemoryVisits>,
    told: Arc<Told>,
    log: Arc<Log>,
    file: &'static str,
    settings: FollowSettings,
}

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

impl Server {
    fn new() -> Self {
        Self::of(FollowMode::Enforce)
    }

    fn of(mode: FollowMode) -> Self {
        Self {
            visits: Arc::default(),
            told: Arc::default(),
            log: Arc::default(),
            file: FILE,
            settings: FollowSettings {
                mode,
                regions: Some(vec!["us-east-1".to_owned()]),
                choices: StandardsChoices::default(),
                changes_max: None,
                a_day: 10,
            },
        }
    }

    fn follower(&self, world: &World, holder: &str, gate: &Arc<Gate>) -> StandardsFollower {
        let file = Arc::new(StandardsFile::read(self.file).unwrap());
        StandardsFollower {
            calls: Arc::new(GatedCalls::through(&world.aws, gate)),
            runner: world.runner(holder, gate),
            visits: Arc::new(GatedOrg(Arc::clone(&self.visits), Arc::clone(gate))),
            teller: Arc::clone(&self.told) as Arc<_>,
            log: Arc::clone(&self.log) as Arc<_>,
            file: Arc::new(move || Arc::clone(&file)),
            settings: self.settings.clone(),
            clock: Arc::clone(&world.clock) as Arc<_>,
        }
    }

    async fn ask(&self, world: &World, account: &str) {
        let visit = StandardsVisit::now(id(account), VisitCause::Created, world.clock.now());
        self.visits.ask_visits(&[visit]).await.unwrap();
    }

    async fn work(&self, world: &World) -> Vec<VisitEnd> {
        let follower = self.follower(world, "server", &Gate::new(None));
        let all = follower.work().await.unwrap();
        all.into_iter().map(|it| it.end).collect()
    }

    async fn sweep(&self, world: &World) -> Swept {
        let follower = self.follower(world, "server", &Gate::new(None));
        follower.sweep().await.unwrap()
    }

    async fn applied(&self, file: &str, at: Timestamp) {
        let applied = AppliedFile {
            hash: StandardsFile::read(file).unwrap().hash().to_owned(),
            at,
            by: "ana".to_owned(),
        };
        self.visits.file_applied(&applied).await.unwrap();
    }

    fn told(&self) -> Vec<String> {
        self.told.0.lock().unwrap().clone()
    }

    fn troubles(&self) -> Vec<String> {
        let mut all = self.told();
        all.retain(|it| !it.contains("put back"));
        all
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
    wait(&world, 9);
    assert_eq!(server.work(&world).await, []);
    world.hub(FIRST, "us-east-1", |it| it.off = false);
    wait(&world, 1);
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    let sent = world.writes();
    assert_eq!(sent.len(), 2, "{sent:?}");
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, [VisitEnd::AsWanted]);
    assert_eq!((world.writes(), server.visits.all()), (sent, vec![]));
    assert!(server.troubles().is_empty());
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

/// A standard that exceeds its step's wait is not given up: its controls are set once it is ready.
#[tokio::test]
async fn what_aws_is_still_at_work_on_is_gone_on_with() {
    let (world, server) = (World::small(), Server::new());
    world.with(|it| it.polls = 600);
    server.ask(&world, FIRST).await;
    let mut later = 0;
    loop {
        match &server.work(&world).await[..] {
            [VisitEnd::Later(why)] => assert!(why.contains("is under way"), "{why}"),
            [VisitEnd::Changed | VisitEnd::AsWanted] => break,
            other => panic!("{other:?}"),
        }
        later += 1;
        assert!(later < 100 && server.visits.all()[0].plan.is_some());
        wait(&world, 10);
    }
    assert!(later > 0);
    let sent = world.writes();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!((server.troubles(), server.visits.all()), (vec![], vec![]));
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
    server.settings.a_day = 1;
    let first = server.sweep(&world).await;
    assert!(
        first.asked.is_empty() && first.differing.len() > 1,
        "{first:?}"
    );
    assert!(first.unknown.contains(&id(OTHER)) && !first.differing.contains(&id(OTHER)));
    assert_eq!((server.visits.all(), world.writes()), (vec![], vec![]));
    assert_eq!(server.told().len(), 1);
    server.settings.a_day = first.differing.len();
    let second = server.sweep(&world).await;
    assert_eq!(second.asked, second.differing);
    assert_eq!(server.visits.all().len(), second.differing.len());
    let ends = server.work(&world).await;
    assert!(ends.iter().all(|it| *it == VisitEnd::Changed), "{ends:?}");
    assert!(server.sweep(&world).await.differing.is_empty());
    let last = server.visits.last_sweep().await.unwrap();
    assert!(last.is_some_and(|it| it < world.clock.now()), "{last:?}");
}

/// One event per account, as for a wrong line in the file.
async fn events_in_many_accounts(server: &Server, many: usize) -> (World, Vec<VisitEnd>) {
    let world = World::small();
    let accounts: Vec<String> = (1..=many).map(|n| format!("5{n:011}")).collect();
    world.with(|it| {
        let hub = it.hubs.values().next().unwrap().clone();
        for account in &accounts {
            it.accounts.push((account.clone(), "ACTIVE"));
            it.hubs
                .insert((account.clone(), "us-east-1".to_owned()), hub.clone());
        }
    });
    for account in &accounts {
        let visit = StandardsVisit::now(id(account), VisitCause::HubEnabled, world.clock.now());
        server.visits.ask_visits(&[visit]).await.unwrap();
    }
    let mut ends = Vec::new();
    while !server.visits.all().is_empty() {
        ends.extend(server.work(&world).await);
    }
    (world, ends)
}

#[tokio::test]
async fn events_in_many_accounts_change_no_more_than_a_day_may_have() {
    for (mode, changed) in [
        (FollowMode::Notify, 0),
        (FollowMode::New, 0),
        (FollowMode::Enforce, 10),
    ] {
        let server = Server::of(mode);
        let (world, ends) = events_in_many_accounts(&server, 38).await;
        let of = |end: &VisitEnd| ends.iter().filter(|it| *it == end).count();
        assert_eq!(
            (ends.len(), of(&VisitEnd::Changed)),
            (38, changed),
            "{mode:?}"
        );
        let hubs = world.with(|it| it.hubs.values().filter(|it| !it.on.is_empty()).count());
        assert_eq!(hubs, changed, "{mode:?}");
        // one common message, and one per reverted account
        let troubles = server.troubles();
        assert!((1..=2).contains(&troubles.len()), "{mode:?}: {troubles:?}");
        assert_eq!(server.told().len() - troubles.len(), changed, "{mode:?}");
        if mode == FollowMode::Enforce {
            // a sweep finds nothing left, in any process
            let swept = server.sweep(&world).await;
            assert!(
                swept.asked.is_empty() && swept.differing.len() > 1,
                "{swept:?}"
            );
            server.ask(&world, FIRST).await;
            let full = VisitEnd::Told(LeftAlone::DayFull { most: 10 });
            assert_eq!(server.work(&world).await, [full]);
            wait(&world, 24 * 60);
            server.ask(&world, FIRST).await;
            assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
        }
    }
}

#[tokio::test]
async fn only_what_joins_after_a_person_applied_this_very_file_is_changed() {
    let (world, mut server) = (World::small(), Server::of(FollowMode::New));
    let joins = |at: &'static str| world.with(|it| it.joined = Some(at));
    let applied: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    joins("2026-03-02T00:00:00Z");
    let told = |why| [VisitEnd::Told(why)];
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, told(LeftAlone::NotApplied));
    server
        .applied("defaults: {standards: {enable: [x/v/1]}}", applied)
        .await;
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, told(LeftAlone::NotApplied));
    server.applied(FILE, applied).await;
    joins("2026-02-28T00:00:00Z");
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, told(LeftAlone::NotNew));
    assert!(server.sweep(&world).await.asked.is_empty());
    assert_eq!(world.writes(), [""; 0]);
    joins("2026-03-02T00:00:00Z");
    assert_eq!(server.sweep(&world).await.asked, [id(FIRST)].into());
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    // an unapplied file is only reported
    server.file = "defaults: {controls: [{id: S3.7, status: DISABLED, reason: backup}]}";
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, told(LeftAlone::NotApplied));
}

#[tokio::test]
async fn what_is_put_back_is_told_with_who_changed_it_and_what_somebody_turned_on_stays() {
    let (world, mut server) = (World::small(), Server::new());
    server.file = r"
defaults:
  standards: {enable: [pci-dss/v/3.2.1], disable: [aws-foundational-security-best-practices/v/1.0.0]}
  controls:
    - {id: IAM.6, status: DISABLED, reason: central}
    - {id: S3.7, status: ENABLED}
    - {id: EC2.19, status: ENABLED}
";
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    let control = |id: &str| (PCI.to_owned(), id.to_owned());
    world.hub(FIRST, "us-east-1", |it| {
        let by_hand = Some("by hand".to_owned());
        it.disabled.insert(control("S3.7"), by_hand);
        it.disabled.insert(control("EC2.19"), None);
        it.disabled.remove(&control("IAM.6"));
        it.touched.insert(control("IAM.6"), "2026-03-04T00:00:00Z");
        let best = it.offered.iter().find(|it| it.contains("foundational"));
        let best = best.cloned().unwrap();
        it.on.insert(best, Subscribed::default());
    });
    let request = json!({ "standardsControlAssociationUpdates": [{
        "standardsArn": PCI, "securityControlId": "S3.7", "associationStatus": "DISABLED" }] });
    server.log.0.lock().unwrap().push(HubChange {
        at: world.clock.now(),
        event: "BatchUpdateStandardsControlAssociations".to_owned(),
        who: "ana".to_owned(),
        request,
    });
    server.ask(&world, FIRST).await;
    assert_eq!(server.work(&world).await, [VisitEnd::Changed]);
    let told = server.told();
    let put_back = format!("{FIRST} put back: EC2.19 of unknown -, S3.7 of ana by hand");
    assert!(told.contains(&put_back), "{told:?}");
    assert_eq!(server.troubles(), ["1 differ in 2: TurnedOn"]);
    world.hub(FIRST, "us-east-1", |it| {
        assert!(it.disabled.is_empty(), "{:?}", it.disabled);
        assert_eq!(it.on.len(), 2);
    });
    server.ask(&world, FIRST).await;
    assert_eq!(
        server.work(&world).await,
        [VisitEnd::Told(LeftAlone::TurnedOn)]
    );
    assert_eq!(server.told(), told);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_and_changes_nothing() {
    let (world, mut server) = (World::small(), Server::new());
    server.file = "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n  controls:\n    - {id: NOPE.99, status: ENABLED}\n";
    server.ask(&world, FIRST).await;
    let why = "line 4: no Region that was queried knows a control `NOPE.99`";
    assert_eq!(
        server.work(&world).await,
        [VisitEnd::Failed(why.to_owned())]
    );
    assert!(server.sweep(&world).await.asked.is_empty());
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(server.told(), [format!("{FIRST}: {why}"), why.to_owned()]);
}

#[tokio::test]
async fn what_was_begun_is_not_gone_on_with_by_a_server_that_only_tells() {
    let (world, server, gate) = (World::small(), Server::new(), Gate::new(None));
    server.ask(&world, FIRST).await;
    server
        .follower(&world, "first", &gate)
        .work()
        .await
        .unwrap();
    for call in 1..gate.calls() {
        let (world, mut again) = (World::small(), Server::new());
        again.ask(&world, FIRST).await;
        let gate = Gate::new(Some((call, PortMode::ALL[0])));
        let follower = again.follower(&world, "first", &gate);
        tokio::select! {
            worked = follower.work() => drop(worked),
            () = gate.stop() => {}
        }
        let before = world.writes();
        again.settings.mode = FollowMode::Notify;
        wait(&world, 10);
        again.work(&world).await;
        assert_eq!(world.writes(), before, "call {call}");
    }
}

#[tokio::test]
async fn policies_that_differ_are_told_and_never_changed() {
    let (world, server) = (World::managed(), Server::new());
    server.ask(&world, FIRST).await;
    let told = VisitEnd::Told(LeftAlone::Policies);
    assert_eq!(server.work(&world).await, [told]);
    assert_eq!((world.writes(), server.told().len()), (vec![], 1));
}

/// Servers in sequence until no visit is left.
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
    let (sent, told) = (world.writes(), server.told());
    assert_eq!((sent.len(), told.len()), (2, 1), "{sent:?}, {told:?}");
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let (world, server) = (World::small(), Server::new());
            first(&world, &server, &Gate::new(Some((call, mode)))).await;
            to_the_end(&world, &server).await;
            assert_eq!(world.writes(), sent, "call {call}, {mode:?}");
            assert!(server.troubles().is_empty(), "call {call}, {mode:?}");
            // reverted changes are reported after any stop
            assert_eq!(server.told(), told, "call {call}, {mode:?}");
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

//! Access review campaigns (`access.md` §28).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{
    AccessError, AccessStore as _, ActivityLogs, AnswerKind, Campaign, CampaignForm, CampaignLine,
    CampaignStore as _, Change, Fate, LeftAlone, LineChange, LineFilter, LineUse, Person,
    RemovalLimit, Sweep, SweepMode, SweepState, SweepStore as _, Unanswered, Write, evidence,
    evidence_sha256,
};
use hallpass_activity::{AccountActivity, AccountSpan, SessionAccount, SessionCall, SessionOfDay};
use hallpass_alerts::{
    AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite, MuteStep,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{AccountId, Clock as _, Email, HoldKey, TimeSpan, Timestamp};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World, check_all,
};
use hallpass_store::SqlStore;
use hallpass_store_testing::{a_campaign, a_campaign_line, campaign_id};

use jiff::civil::Date;

use crate::absences;
use crate::acting::{ask, run};
use crate::sweeping::{confirm, given, pass, standing, waiting, world_with};

const DAY: TimeSpan = TimeSpan::hours(24);

fn form(world: &World, reviewers: &[&str]) -> CampaignForm {
    let reviewers = reviewers.iter().map(|it| format!("{it}@corp.example"));
    CampaignForm {
        name: "2026 Q4".to_owned(),
        scope: Vec::new(),
        reviewers: reviewers.map(|it| it.parse().unwrap()).collect(),
        unanswered: Unanswered::Keep,
        due_at: DAY.after(world.clock.now()),
        repeat_every: None,
    }
}

pub(crate) async fn begin(world: &World, reviewers: &[&str]) -> Result<Campaign, AccessError> {
    let form = form(world, reviewers);
    world.access.begin_campaign(&world.actor(Eve), form).await
}

async fn newest(world: &World) -> Campaign {
    world.store.campaigns(1).await.unwrap().remove(0)
}

async fn lines(world: &World) -> Vec<CampaignLine> {
    let id = newest(world).await.id;
    let filter = LineFilter::default();
    world.store.campaign_lines(id, &filter, 999).await.unwrap()
}

async fn line_of(world: &World, key: &HoldKey) -> CampaignLine {
    let mut lines = lines(world).await.into_iter();
    lines.find(|it| it.key == *key).expect("it has a line")
}

async fn answer(
    world: &World,
    who: Human,
    line: &CampaignLine,
    (answer, reason): (AnswerKind, &str),
) -> Result<(), AccessError> {
    let (actor, numbers) = (world.actor(who), [line.number]);
    let access = &world.access;
    access
        .answer_lines(&actor, line.campaign, &numbers, answer, reason)
        .await
}

/// Removes lines with the permission set, and keeps the others.
pub(crate) async fn answer_all(world: &World, removed: &str) -> bool {
    for line in lines(world).await {
        let is_removed = line.names.to_string().contains(removed);
        let new = if is_removed {
            (AnswerKind::Remove, "")
        } else {
            (AnswerKind::Keep, "on the team")
        };
        let who = [Dee, Eve]
            .into_iter()
            .find(|it| line.reviewer.is(&world.actor(*it)));
        if answer(world, who.unwrap(), &line, new).await.is_err() {
            return false;
        }
    }
    true
}

pub(crate) async fn sign_off(world: &World) -> Result<Campaign, AccessError> {
    let id = newest(world).await.id;
    world.access.sign_off_campaign(&world.actor(Eve), id).await
}

pub(crate) async fn apply(world: &World) -> Result<Sweep, AccessError> {
    let id = newest(world).await.id;
    world.access.plan_campaign(&world.actor(Eve), id).await
}

fn code<T>(outcome: Result<T, AccessError>) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(AccessError::Refused(why)) => why.code(),
        Err(AccessError::NotFound(_)) => "not-found",
        Err(error) => panic!("{error}"),
    }
}

async fn world(mode: SweepMode) -> (World, HoldKey) {
    let world = world_with(mode);
    let key = given(&world, Ana, "ReadOnly");
    pass(&world, TimeSpan::minutes(5)).await;
    (world, key)
}

#[test]
fn who_may_answer_a_line_and_how() {
    use AnswerKind::{Keep, OnRequest, Remove};
    run(async {
        // presser, answer, reason, delegate of the reviewer, outcome
        let rows = [
            (Bo, Keep, "on the team", None, "ok"),
            (Bo, Keep, " ", None, "reason-missing"),
            (Bo, Remove, "", None, "ok"),
            (Bo, OnRequest, "", None, "ok"),
            (Eve, Remove, "", None, "not-the-reviewer"),
            (Cai, Remove, "", None, "not-found"),
            (Ana, Keep, "mine", None, "not-found"),
            (Cai, Remove, "", Some(Cai), "ok"),
            (Ana, Keep, "mine", Some(Ana), "own-access"),
        ];
        for (who, kind, reason, delegate, expected) in rows {
            let (mut world, key) = world(SweepMode::Report).await;
            world.access = Arc::new(absences::node(&world.access));
            begin(&world, &["bo", "dee"]).await.unwrap();
            if delegate.is_some() {
                absences::set(&world, Bo, (Bo, delegate), DAY)
                    .await
                    .unwrap();
                world.directory.read();
            }
            let line = line_of(&world, &key).await;
            let outcome = answer(&world, who, &line, (kind, reason)).await;
            assert_eq!(code(outcome), expected, "{who:?} {kind:?} {delegate:?}");
            let stored = line_of(&world, &key).await.answer;
            assert_eq!(stored.is_some(), expected == "ok");
            let rules = stored.map(|it| it.rules).unwrap_or_default();
            assert_eq!(rules.is_empty(), kind != OnRequest, "{rules:?}");
        }
    });
}

#[test]
fn an_answer_fits_what_the_configuration_accepts_and_what_rules_allow() {
    run(async {
        let (world, _) = world(SweepMode::Report).await;
        let unrequestable = given(&world, Ana, "Alone");
        pass(&world, TimeSpan::minutes(16)).await;
        begin(&world, &["bo", "dee"]).await.unwrap();
        let line = line_of(&world, &unrequestable).await;
        let on_request = answer(&world, Bo, &line, (AnswerKind::OnRequest, "")).await;
        assert_eq!(code(on_request), "not-requestable");
        let line = line_of(&world, &world.key(Cai, "Root").unwrap()).await;
        let removed = answer(&world, Bo, &line, (AnswerKind::Remove, "")).await;
        assert_eq!(code(removed), "accepted-by-configuration");
        let twice = begin(&world, &["bo"]).await;
        assert_eq!(code(twice), "campaign-open");
        let other = CampaignForm {
            name: "another".to_owned(),
            ..form(&world, &["nobody"])
        };
        let access = &world.access;
        let unknown = access.begin_campaign(&world.actor(Eve), other).await;
        assert_eq!(code(unknown), "bad-reviewer");
        let theirs = world.access.campaigns(&world.actor(Ana)).await.unwrap();
        assert!(theirs.is_empty(), "a person without lines sees no campaign");
    });
}

/// A log of one account. Ana used `ReadOnly` on the first of its days.
struct Logs {
    has_every_day: bool,
    last: Timestamp,
}

#[async_trait]
impl ActivityLogs for Logs {
    async fn of(&self, _: &AccountId, days: &[Date]) -> Result<AccountActivity, String> {
        let mut found = AccountActivity::default();
        for day in days {
            found.days.insert(*day, SessionAccount::default());
        }
        let used = SessionOfDay {
            person: "Ana@corp.example".to_owned(),
            user_id: None,
            permission_set: "ReadOnly".to_owned(),
            started: None,
            calls: vec![SessionCall {
                service: "s3".to_owned(),
                action: "ListBuckets".to_owned(),
                error_code: None,
                is_write: None,
                count: 1,
                first: self.last,
                last: self.last,
                resources: Vec::new(),
            }],
        };
        let first = found.days.values_mut().next().expect("90 days");
        first.sessions.push(used);
        let noon = |day: &Date| {
            let noon = day.at(12, 0, 0, 0).in_tz("UTC").expect("a day has a noon");
            noon.timestamp()
        };
        let (first, last) = days.first().zip(days.last()).expect("90 days");
        found.span = Some(AccountSpan {
            from: noon(first),
            until: noon(last),
        });
        if !self.has_every_day {
            found.days.remove(&days[1]);
        }
        Ok(found)
    }
}

#[test]
fn a_line_has_its_last_use_and_no_use_only_of_a_whole_log() {
    run(async {
        let read = [
            (None, LineUse::Unknown),
            (Some(true), LineUse::Never),
            (Some(false), LineUse::Unknown),
        ];
        for (has_every_day, of_bo) in read {
            let (mut world, ana) = world(SweepMode::Report).await;
            let bo = given(&world, Bo, "ReadOnly");
            pass(&world, TimeSpan::minutes(16)).await;
            let last = world.clock.now();
            let logs = has_every_day.map(|has_every_day| {
                let logs = Logs {
                    has_every_day,
                    last,
                };
                Arc::new(logs) as Arc<dyn ActivityLogs>
            });
            let access = world.access.over(world.access.ports().clone());
            world.access = Arc::new(access.with_activity(logs));
            begin(&world, &["dee", "eve"]).await.unwrap();
            let of_ana = match has_every_day {
                Some(_) => LineUse::Used { last },
                None => LineUse::Unknown,
            };
            assert_eq!(line_of(&world, &ana).await.used, of_ana);
            assert_eq!(line_of(&world, &bo).await.used, of_bo);
        }
    });
}

#[test]
fn a_line_gets_another_reviewer_but_never_its_holder() {
    run(async {
        let (world, key) = world(SweepMode::Report).await;
        let campaign = begin(&world, &["bo", "dee"]).await.unwrap();
        let number = line_of(&world, &key).await.number;
        let give = async |who: Human, to: &str| {
            let to = Email::new(&format!("{to}@corp.example")).unwrap();
            let actor = world.actor(who);
            let access = &world.access;
            code(
                access
                    .reassign_lines(&actor, campaign.id, &[number], &to)
                    .await,
            )
        };
        assert_eq!(give(Cai, "cai").await, "not-found");
        assert_eq!(give(Bo, "ana").await, "reviewer-is-holder");
        let many: Vec<u32> = (1..=501).collect();
        for numbers in [&[][..], &many] {
            let (bo, access) = (world.actor(Bo), &world.access);
            let refused = access.answer_lines(&bo, campaign.id, numbers, AnswerKind::Remove, "");
            assert_eq!(code(refused.await), "line-count");
        }
        assert_eq!(give(Bo, "nobody").await, "bad-reviewer");
        assert_eq!(give(Bo, "dee").await, "ok");
        assert_eq!(give(Bo, "cai").await, "not-found", "the line is Dee's now");
        assert_eq!(give(Eve, "cai").await, "ok");
        let line = line_of(&world, &key).await;
        let removed = answer(&world, Cai, &line, (AnswerKind::Remove, "")).await;
        assert_eq!(code(removed), "ok");
    });
}

/// Over a slow store both answers read the line before either is stored.
#[test]
fn of_two_answers_at_once_the_second_is_made_over_the_first() {
    run(async {
        for seed in 0..8 {
            let store = Arc::new(SqlStore::open_in_memory().unwrap());
            let world = World::over(store, 560 + seed, Habits::default());
            let bo = world.actor(Bo);
            let reviewer = Person {
                user: bo.user.clone().unwrap(),
                email: Email::new("bo@corp.example").unwrap(),
                name: "Bo".to_owned(),
            };
            let line = CampaignLine {
                key: world.key(Ana, "ReadOnly").unwrap(),
                reviewer,
                ..a_campaign_line(1, 1)
            };
            let change = Change {
                campaigns: vec![Write::Insert(a_campaign(1))],
                campaign_lines: vec![Write::Insert(line)],
                ..Change::default()
            };
            world.store.commit(change).await.unwrap();
            let (access, id) = (&world.access, campaign_id(1));
            let (one, two) = tokio::join!(
                access.answer_lines(&bo, id, &[1], AnswerKind::Keep, "on the team"),
                access.answer_lines(&bo, id, &[1], AnswerKind::Remove, "")
            );
            assert_eq!((code(one), code(two)), ("ok", "ok"));
            let filter = LineFilter::default();
            let stored = world.store.campaign_lines(id, &filter, 9).await.unwrap();
            assert_eq!(stored[0].version, 2);
            let records = world.store.records_from(1, 10_000).await.unwrap();
            let answered = { records.iter() }.filter(|it| it.event() == "campaign.answered");
            assert_eq!(answered.count(), 2);
        }
    });
}

#[test]
fn lines_of_a_reviewer_who_left_go_to_another() {
    run(async {
        let (world, key) = world(SweepMode::Report).await;
        let campaign = begin(&world, &["bo", "dee"]).await.unwrap();
        let line = line_of(&world, &key).await;
        assert!(line.reviewer.is(&world.actor(Bo)));
        let bo = world.actor(Bo);
        world.directory.change(Bo.name(), |_| None);
        world.clock.advance(TimeSpan::seconds(6));
        let access = &world.access;
        let these = [line.number];
        let late = access.answer_lines(&bo, campaign.id, &these, AnswerKind::Remove, "");
        assert_eq!(code(late.await), "not-in-directory");
        let to = Email::new("dee@corp.example").unwrap();
        let eve = world.actor(Eve);
        let moved = access.reassign_lines(&eve, campaign.id, &these, &to);
        moved.await.unwrap();
        let removed = answer(&world, Dee, &line, (AnswerKind::Remove, "")).await;
        assert_eq!(code(removed), "ok");
    });
}

#[test]
fn signed_answers_are_applied_as_shown() {
    run(async {
        let (world, key) = world(SweepMode::Revoke).await;
        let kept = given(&world, Bo, "Admin");
        pass(&world, TimeSpan::minutes(16)).await;
        begin(&world, &["dee", "eve"]).await.unwrap();
        assert_eq!(code(apply(&world).await), "not-signed-off");
        assert_eq!(code(sign_off(&world).await), "lines-unanswered");
        assert!(answer_all(&world, "ReadOnly").await);
        let signed = sign_off(&world).await.unwrap();
        assert_eq!(
            sign_off(&world).await.unwrap(),
            signed,
            "it may be repeated"
        );
        let line = line_of(&world, &key).await;
        let late = answer(&world, Dee, &line, (AnswerKind::Keep, "late")).await;
        assert_eq!(code(late), "campaign-closed");
        check_evidence(&world, &signed).await;

        let first = apply(&world).await.unwrap();
        let plan = apply(&world).await.unwrap();
        let first = world.store.sweep(first.id).await.unwrap().unwrap();
        assert!(matches!(first.state, SweepState::Replaced { by, .. } if by == plan.id));
        assert!(world.store.accepted_one(&kept).await.unwrap().is_some());
        confirm(&world, &plan).await.unwrap();
        pass(&world, TimeSpan::minutes(5)).await;
        let plan = world.store.sweep(plan.id).await.unwrap().unwrap();
        assert!(matches!(plan.state, SweepState::Done { .. }), "{plan:?}");
        let mut left = standing(&world);
        left.push(kept);
        check_all(&world, &left).await.unwrap();
        assert!(!world.center.present().contains(&key));

        // The confirmation is not one of the mode `revoke`.
        let unmanaged = given(&world, Cai, "ReadOnly");
        pass(&world, TimeSpan::minutes(180)).await;
        assert!(
            waiting(&world).await.is_some(),
            "the mode waits for its own"
        );
        assert!(world.center.present().contains(&unmanaged));
    });
}

async fn check_evidence(world: &World, signed: &Campaign) {
    let mut lines = lines(world).await;
    let hash = |lines: &[CampaignLine]| {
        let rows = evidence(signed, lines).unwrap();
        evidence_sha256(rows.iter().map(String::as_str))
    };
    let signature = signed.signature().unwrap();
    assert_eq!(hash(&lines), signature.sha256);
    let records = world.store.records_from(1, 10_000).await.unwrap();
    let record = records
        .iter()
        .find(|it| it.event() == "campaign.signed_off");
    assert_eq!(
        record.unwrap().text("lines_sha256").unwrap(),
        signature.sha256
    );
    let answers = records
        .iter()
        .filter(|it| it.event() == "campaign.answered");
    assert_eq!(answers.count(), lines.len(), "one record each");
    lines[0].answer = None;
    assert_ne!(hash(&lines), signature.sha256);
}

#[test]
fn what_changed_since_the_answers_is_left_alone() {
    run(async {
        let (world, gone) = world(SweepMode::Report).await;
        let held = given(&world, Bo, "ReadOnly");
        let accepted = given(&world, Dee, "ReadOnly");
        pass(&world, TimeSpan::minutes(16)).await;
        begin(&world, &["cai", "dee", "eve"]).await.unwrap();
        for line in lines(&world).await {
            let who = [Cai, Dee, Eve]
                .into_iter()
                .find(|it| line.reviewer.is(&world.actor(*it)));
            let kept = (AnswerKind::Keep, "on the team");
            let new = if line.accepted.is_some() {
                kept
            } else {
                (AnswerKind::Remove, "")
            };
            answer(&world, who.unwrap(), &line, new).await.unwrap();
        }
        sign_off(&world).await.unwrap();
        world.clock.advance(TimeSpan::minutes(1));
        world.center.take(&gone);
        ask(&world, Bo, "ReadOnly", TimeSpan::hours(1)).await;
        world.tick().await;
        crate::sweeping::accept(&world, &crate::sweeping::of(Dee, "ReadOnly"), "needed")
            .await
            .unwrap();
        let plan = apply(&world).await.unwrap();
        for (key, why) in [
            (&gone, LeftAlone::Gone),
            (&held, LeftAlone::Held),
            (&accepted, LeftAlone::Accepted),
        ] {
            let item = world.store.sweep_item(plan.id, key).await.unwrap().unwrap();
            assert!(
                matches!(item.fate, Fate::LeftAlone { why: it, .. } if it == why),
                "{item:?}"
            );
        }
        assert!(matches!(plan.state, SweepState::Done { .. }));
        let limit = RemovalLimit::Keep;
        let refused = world
            .access
            .confirm_sweep(&world.actor(Eve), plan.id, limit)
            .await;
        assert_eq!(code(refused), "no-plan");
    });
}

#[test]
fn the_next_campaign_begins_in_time_and_shows_what_changed_first() {
    run(async {
        let (world, key) = world(SweepMode::Report).await;
        let week = TimeSpan::hours(7 * 24);
        let mut first = form(&world, &["dee", "eve"]);
        first.repeat_every = Some(week);
        first.unanswered = Unanswered::Remove;
        let access = &world.access;
        let first = access
            .begin_campaign(&world.actor(Eve), first)
            .await
            .unwrap();
        assert!(answer_all(&world, "ReadOnly").await);
        world.clock.advance(week);
        pass(&world, TimeSpan::minutes(20)).await;
        access.begin_due_campaigns().await.unwrap();
        assert_eq!(
            newest(&world).await.id,
            first.id,
            "the first is not signed off"
        );
        sign_off(&world).await.unwrap();
        let new = given(&world, Bo, "ReadOnly");
        pass(&world, TimeSpan::minutes(20)).await;
        access.begin_due_campaigns().await.unwrap();
        access.begin_due_campaigns().await.unwrap();
        let second = newest(&world).await;
        assert_eq!(second.previous, Some(first.id));
        let lasts = TimeSpan::between(second.begun_at, second.due_at);
        assert!(
            TimeSpan::between(second.begun_at, DAY.after(second.begun_at)).as_seconds()
                - lasts.as_seconds()
                <= 2
        );
        assert_eq!(world.store.campaigns(9).await.unwrap().len(), 2);
        let order: Vec<_> = lines(&world).await.iter().map(|it| it.change).collect();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(line_of(&world, &new).await.change, LineChange::New);
        assert_eq!(line_of(&world, &key).await.change, LineChange::StillThere);
        let kept = world.key(Cai, "Root").unwrap();
        assert_eq!(line_of(&world, &kept).await.change, LineChange::Kept);
    });
}

#[derive(Default)]
struct Alerts {
    state: Mutex<Option<AlertState>>,
    mailed: Mutex<Vec<Vec<String>>>,
}

#[async_trait]
impl AlertStore for Alerts {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
        Ok(Vec::new())
    }

    async fn alert_state(&self, _: &AlertRuleId) -> Result<Option<AlertState>, AlertCommitError> {
        Ok(self.state.lock().unwrap().clone())
    }

    async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError> {
        *self.state.lock().unwrap() = Some(write.state);
        let mailed = write.message.map(|it| it.mail_to);
        self.mailed.lock().unwrap().extend(mailed);
        Ok(())
    }

    async fn commit_mute(&self, _: MuteStep) -> Result<(), AlertCommitError> {
        Ok(())
    }
}

#[test]
fn reviewers_without_all_answers_are_reminded_once_a_stage() {
    run(async {
        let (mut world, key) = world(SweepMode::Report).await;
        let alerts = Arc::new(Alerts::default());
        let access = world.access.over(world.access.ports().clone());
        world.access = Arc::new(access.with_alerts(alerts.clone()));
        let due_at = TimeSpan::hours(5 * 24).after(world.clock.now());
        let form = CampaignForm {
            due_at,
            ..form(&world, &["bo", "dee"])
        };
        let access = Arc::clone(&world.access);
        access
            .begin_campaign(&world.actor(Eve), form)
            .await
            .unwrap();
        let remind = async || {
            world.directory.read();
            for _ in 0..2 {
                access
                    .remind_reviewers("https://hallpass.example")
                    .await
                    .unwrap();
            }
            std::mem::take(&mut *alerts.mailed.lock().unwrap())
        };
        let begun = remind().await;
        assert_eq!(begun.len(), 1, "{begun:?}");
        assert!(
            begun[0].contains(&"bo@corp.example".to_owned()),
            "{begun:?}"
        );
        world.clock.advance(TimeSpan::hours(3 * 24));
        assert_eq!(remind().await, begun, "due soon");
        for line in lines(&world).await {
            if line.reviewer.is(&world.actor(Bo)) {
                let new = (AnswerKind::Keep, "on the team");
                answer(&world, Bo, &line, new).await.unwrap();
            }
        }
        assert!(line_of(&world, &key).await.answer.is_some());
        world.clock.advance(TimeSpan::hours(2 * 24));
        let overdue = remind().await;
        let of_bo = |it: &String| it == "bo@corp.example";
        assert!(!overdue.iter().flatten().any(of_bo), "{overdue:?}");
    });
}

#[test]
fn lines_without_an_answer_follow_the_default_once_it_is_due() {
    run(async {
        for (unanswered, is_removed) in [(Unanswered::Keep, false), (Unanswered::Remove, true)] {
            let (world, key) = world(SweepMode::Report).await;
            let form = CampaignForm {
                unanswered,
                scope: vec!["*/*/ReadOnly".to_owned()],
                ..form(&world, &["dee"])
            };
            let access = &world.access;
            access
                .begin_campaign(&world.actor(Eve), form)
                .await
                .unwrap();
            assert_eq!(lines(&world).await.len(), 1);
            assert_eq!(code(sign_off(&world).await), "lines-unanswered");
            world.clock.advance(DAY);
            world.directory.read();
            sign_off(&world).await.unwrap();
            let plan = apply(&world).await;
            if is_removed {
                confirm(&world, &plan.unwrap()).await.unwrap();
                pass(&world, TimeSpan::minutes(5)).await;
            } else {
                assert_eq!(code(plan), "nothing-to-apply");
            }
            assert_eq!(!world.center.present().contains(&key), is_removed);
        }
    });
}

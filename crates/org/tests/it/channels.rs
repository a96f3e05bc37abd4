//! DevOps Guru channels (`organization.md` D-9) with an in-memory organization.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use hallpass_org::delegation::DelegationFile;
use hallpass_org::insights::{
    ChannelState, ChannelStepExecutor, ChannelsFound, DesiredChannel, compare_channels,
    draft_channel_removal, draft_channels,
};
use hallpass_org::standards::{StandardsScope, StandardsUnread};
use hallpass_org::{Operation, OrganizationFault, ReadAnswer, ReadPlace, SendAnswer};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans, PortMode};
use hallpass_plans::{
    Exit, PlanDraft, PlanReport, PlanStore as _, Runner, StepEnd, StepError, StepExecutor as _,
    Undoing, WriteAnswer, undo,
};
use serde_json::{Value, json};

use crate::gated::{FakeCalls, GatedCalls, carried, read_failed, runner};

const MANAGEMENT: &str = "111111111111";
const SHOP: &str = "444444444444";
const ERP: &str = "666666666666";
const OLD: &str = "555555555555";
const TOPIC: &str = "arn:aws:sns:us-east-1:333333333333:insights";
const ABROAD: &str = "arn:aws:sns:ap-east-1:333333333333:insights";
const FILE: &str = "notifications:
  - {service: devops-guru, topic_arn: 'arn:aws:sns:us-east-1:333333333333:insights', severities: [HIGH, MEDIUM], message_types: [NEW_INSIGHT]}
";

type Told = (String, BTreeSet<String>, BTreeSet<String>);

#[derive(Default)]
struct State {
    channels: BTreeMap<(String, String), BTreeMap<String, Told>>,
    made: usize,
    closed: BTreeSet<String>,
    refusal: Option<&'static str>,
    writes: Vec<String>,
}

#[derive(Default)]
struct Guru {
    state: Mutex<State>,
}

fn texts(value: &Value, pointer: &str) -> BTreeSet<String> {
    let all = value.pointer(pointer).and_then(Value::as_array);
    let all = all.into_iter().flatten().filter_map(Value::as_str);
    all.map(str::to_owned).collect()
}

fn at(place: &ReadPlace) -> (String, String) {
    let account = place.account.as_ref().unwrap().to_string();
    (account, place.region.clone().unwrap_or_default())
}

impl Guru {
    fn answer(&self, place: &ReadPlace, operation: &str, input: &Value) -> ReadAnswer {
        let state = self.state.lock().unwrap();
        let row = |id: &str, status: &str| json!({ "Id": id, "State": status });
        let answer = match operation {
            "DescribeOrganization" => {
                json!({ "Organization": { "Id": "o-1", "MasterAccountId": MANAGEMENT } })
            }
            "ListRoots" => json!({ "Roots": [{ "Id": "r-ab12" }] }),
            "ListOrganizationalUnitsForParent" => json!({ "OrganizationalUnits": [] }),
            "ListAccounts" | "ListAccountsForParent" => json!({ "Accounts": [
                row(MANAGEMENT, "ACTIVE"), row(SHOP, "ACTIVE"), row(ERP, "ACTIVE"), row(OLD, "SUSPENDED"),
            ] }),
            _ if state.closed.contains(&at(place).0) => {
                return Err(read_failed(
                    "AccessDenied",
                    "the role HallpassMember cannot be assumed",
                ));
            }
            "ListRegions" => {
                json!({ "Regions": [{ "RegionName": "us-east-1" }, { "RegionName": "eu-west-1" }] })
            }
            "ListNotificationChannels" => {
                assert_eq!(input, &json!({}));
                let here = state.channels.get(&at(place));
                let rows = here
                    .into_iter()
                    .flatten()
                    .map(|(id, (topic, severities, messages))| {
                        json!({ "Id": id, "Config": { "Sns": { "TopicArn": topic },
                        "Filters": { "Severities": severities, "MessageTypes": messages } } })
                    });
                json!({ "Channels": rows.collect::<Vec<Value>>() })
            }
            other => panic!("unexpected call {other}"),
        };
        Ok((answer, None))
    }

    fn change(
        &self,
        place: &ReadPlace,
        operation: &str,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let mut state = self.state.lock().unwrap();
        let (account, region) = at(place);
        let refused = |code: &str| OrganizationFault::Refused {
            code: code.to_owned(),
            message: "no".to_owned(),
        };
        assert!(!state.closed.contains(&account), "it cannot be entered");
        if operation == "RemoveNotificationChannel" {
            let id = input["Id"].as_str().unwrap();
            let here = state.channels.entry(at(place)).or_default();
            let gone = here.remove(id);
            let Some((topic, ..)) = gone else {
                return Err(OrganizationFault::NotThere {
                    message: "no".to_owned(),
                });
            };
            state.writes.push(format!("- {account} {region} {topic}"));
            return Ok(json!({}));
        }
        assert_eq!(operation, "AddNotificationChannel");
        if let Some(code) = state.refusal {
            return Err(refused(code));
        }
        let topic = input["Config"]["Sns"]["TopicArn"].as_str().unwrap();
        let here = state.channels.entry(at(place)).or_default();
        let is_there = here.values().any(|it| it.0 == topic);
        assert!(!is_there, "the same topic twice");
        if here.len() >= 2 {
            return Err(refused("ServiceQuotaExceededException"));
        }
        let told = (
            topic.to_owned(),
            texts(input, "/Config/Filters/Severities"),
            texts(input, "/Config/Filters/MessageTypes"),
        );
        state.made += 1;
        let id = format!("channel-{}", state.made);
        let here = state.channels.entry(at(place)).or_default();
        here.insert(id, told);
        state.writes.push(format!("+ {account} {region} {topic}"));
        Ok(json!({}))
    }
}

impl FakeCalls for Guru {
    fn read(&self, place: &ReadPlace, (_, operation): Operation, input: &Value) -> ReadAnswer {
        self.answer(place, operation, input)
    }

    fn write(&self, place: &ReadPlace, (_, operation): Operation, input: &Value) -> SendAnswer {
        self.change(place, operation, input)
    }
}

struct World {
    guru: Arc<Guru>,
    clock: Arc<Hourglass>,
    plans: Arc<MemoryPlans>,
}

fn wishes(text: &str) -> Vec<DesiredChannel> {
    DelegationFile::read_channels(text).unwrap()
}

impl World {
    fn new() -> Self {
        Self {
            guru: Arc::default(),
            clock: Arc::new(Hourglass::new(crate::bench::START.parse().unwrap())),
            plans: Arc::default(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.guru.state.lock().unwrap())
    }

    fn there(&self, account: &str, told: &[&str], severities: &[&str]) {
        self.with(|it| {
            let here = it
                .channels
                .entry((account.to_owned(), "us-east-1".to_owned()))
                .or_default();
            for topic in told {
                let severities = severities.iter().map(|it| (*it).to_owned()).collect();
                let told = ((*topic).to_owned(), severities, BTreeSet::new());
                here.insert(format!("before-{topic}"), told);
            }
        });
    }

    async fn find(&self, text: &str) -> ChannelsFound {
        let scope = StandardsScope::default();
        compare_channels(&GatedCalls::calm(&self.guru), &wishes(text), &scope)
            .await
            .unwrap()
    }

    async fn states(&self, text: &str) -> Vec<(String, String, ChannelState)> {
        let rows = self.find(text).await.rows.into_iter();
        rows.map(|it| (it.account, it.region, it.state)).collect()
    }

    fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        runner(&self.plans, self.hands(gate), &self.clock, holder, gate)
    }

    fn hands(&self, gate: &Arc<Gate>) -> ChannelStepExecutor {
        ChannelStepExecutor::new(
            Arc::new(GatedCalls::through(&self.guru, gate)),
            Arc::clone(&self.clock) as Arc<_>,
        )
    }

    async fn carry(&self, draft: PlanDraft, holder: &str, gate: &Arc<Gate>) -> Option<PlanReport> {
        carried(&self.runner(holder, gate), draft, true).await
    }

    async fn apply(&self, text: &str) -> PlanReport {
        let draft = draft_channels(&self.find(text).await);
        let gate = Gate::new(None);
        self.carry(draft, "calm", &gate).await.unwrap()
    }

    fn writes(&self) -> Vec<String> {
        let mut all = self.with(|it| it.writes.clone());
        all.sort();
        all
    }

    fn told(&self, account: &str) -> Vec<Told> {
        let place = (account.to_owned(), "us-east-1".to_owned());
        self.with(|it| {
            let here = it.channels.get(&place).cloned().unwrap_or_default();
            here.into_values().collect()
        })
    }
}

fn ours() -> Told {
    let words = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    (
        TOPIC.to_owned(),
        words(&["HIGH", "MEDIUM"]),
        words(&["NEW_INSIGHT"]),
    )
}

#[tokio::test]
async fn a_channel_that_somebody_made_or_changed_since_the_look_is_left() {
    let world = World::new();
    world.there(ERP, &[TOPIC], &["LOW"]);
    let draft = draft_channels(&world.find(FILE).await);
    let hands = world.hands(&Gate::new(None));
    let mut looked = Vec::new();
    for step in draft.steps() {
        looked.push((step, hands.probe(step).await.unwrap()));
    }
    for account in [SHOP, ERP] {
        world.there(account, &[TOPIC], &["INFO"]);
    }
    for (step, seen) in looked {
        let answer = hands.act(step, &seen).await;
        let is_drifted = matches!(&answer, WriteAnswer::Setback(StepError::Failed { code, .. }) if code == "drifted");
        assert!(is_drifted, "{answer:?}");
    }
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[test]
fn a_file_says_what_is_wrong_with_it() {
    let one = |members: &str| format!("notifications: [{{service: devops-guru, {members}}}]");
    let topic = format!("topic_arn: '{TOPIC}'");
    for (text, expected) in [
        (one("topic_arn: insights"), "is no topic of SNS"),
        (
            one(&format!("topic_arn: '{TOPIC}.fifo'")),
            "standard topics only",
        ),
        (
            one(&format!("{topic}, severities: [SEVERE]")),
            "`SEVERE` is no severity",
        ),
        (
            one(&format!("{topic}, message_types: [NEWS]")),
            "`NEWS` is no message type",
        ),
        (
            "notifications: [{service: guardduty, topic_arn: x}]".to_owned(),
            "are for `devops-guru`",
        ),
        (
            format!(
                "notifications: [{{service: devops-guru, {topic}}}, {{service: devops-guru, {topic}}}]"
            ),
            "named twice",
        ),
        ("notifications: []".to_owned(), "names none"),
        ("topics: []".to_owned(), "unknown field"),
    ] {
        let why = DelegationFile::read_channels(&text).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
    let three: Vec<String> = (0..3)
        .map(|it| format!("{{service: devops-guru, topic_arn: '{TOPIC}-{it}'}}"))
        .collect();
    let why = DelegationFile::read_channels(&format!("notifications: [{}]", three.join(", ")));
    assert!(why.unwrap_err().contains("DevOps Guru takes 2"));
}

#[tokio::test]
async fn channels_are_made_once_and_what_is_told_of_something_else_is_made_again() {
    let world = World::new();
    world.there(ERP, &[TOPIC], &["LOW"]);
    let states = world.states(FILE).await;
    let place = |id: &str, region: &str, state| (id.to_owned(), region.to_owned(), state);
    let skipped = |why: &str| ChannelState::Skipped(why.to_owned());
    assert_eq!(
        states,
        [
            place(MANAGEMENT, "global", skipped("management account")),
            place(SHOP, "us-east-1", ChannelState::Missing),
            place(OLD, "global", skipped("suspended")),
            place(ERP, "us-east-1", ChannelState::Differs),
        ]
    );
    assert_eq!(
        world.writes(),
        Vec::<String>::new(),
        "a look writes nothing"
    );
    let report = world.apply(FILE).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(
        (world.told(SHOP), world.told(ERP)),
        (vec![ours()], vec![ours()])
    );
    let sent = world.writes();
    let (made, gone) = (
        format!("us-east-1 {TOPIC}"),
        format!("- {ERP} us-east-1 {TOPIC}"),
    );
    assert_eq!(
        sent,
        [format!("+ {SHOP} {made}"), format!("+ {ERP} {made}"), gone]
    );
    let report = world.apply(FILE).await;
    assert_eq!((report.exit(), report.totals.unchanged), (Exit::Ok, 2));
    assert_eq!(world.writes(), sent, "a second time changes nothing");
    let runner = world.runner("undoer", &Gate::new(None));
    let first = world.plans.plans(9).await.unwrap().pop().unwrap().plan.id;
    let (plan, folded) = runner.load(&first).await.unwrap();
    let Undoing { draft, .. } = undo(&plan, &folded, &world.hands(&Gate::new(None)));
    world
        .carry(draft, "undoer", &Gate::new(None))
        .await
        .unwrap();
    let before = (
        TOPIC.to_owned(),
        BTreeSet::from(["LOW".to_owned()]),
        BTreeSet::new(),
    );
    assert_eq!((world.told(SHOP), world.told(ERP)), (vec![], vec![before]));
}

#[tokio::test]
async fn an_account_without_the_role_is_told_before_anything_is_changed_and_the_others_go_on() {
    let world = World::new();
    world.with(|it| it.closed.insert(ERP.to_owned()));
    let found = world.find(FILE).await;
    let closed = found.rows.iter().find(|it| it.account == ERP).unwrap();
    let ChannelState::Unread(why) = &closed.state else {
        panic!("{closed:?}")
    };
    assert!(why.contains("HallpassMember cannot be assumed"), "{why}");
    assert!(closed.is_bad());
    let report = world.apply(FILE).await;
    assert_eq!((report.exit(), report.targets.len()), (Exit::Ok, 1));
    assert_eq!((world.told(SHOP), world.told(ERP)), (vec![ours()], vec![]));
}

#[tokio::test]
async fn what_cannot_be_made_is_said_and_others_channels_stay() {
    let world = World::new();
    world.there(SHOP, &["arn:x:one", "arn:x:two"], &[]);
    let states = world.states(FILE).await;
    assert!(
        states
            .iter()
            .any(|it| it.0 == SHOP && it.2 == ChannelState::Full)
    );
    world.with(|it| it.refusal = Some("ServiceQuotaExceededException"));
    let report = world.apply(FILE).await;
    let failed = report
        .targets
        .iter()
        .find(|it| it.outcome == StepEnd::Failed);
    let failed = failed.unwrap();
    assert_eq!(
        (failed.target.account.as_str(), report.exit()),
        (ERP, Exit::Failed)
    );
    assert!(
        failed.reason.contains("channel limit reached"),
        "{failed:?}"
    );
    // AWS's message is reported if DevOps Guru has no access to the topic
    world.with(|it| it.refusal = Some("AccessDeniedException"));
    let report = world.apply(FILE).await;
    assert!(
        report.targets.iter().any(|it| it.reason.contains(TOPIC)),
        "{report:?}"
    );
    assert_eq!(world.writes(), Vec::<String>::new());
    let states = world.states(&FILE.replace(TOPIC, ABROAD)).await;
    let off = |it: &&(String, String, ChannelState)| {
        it.1 == "ap-east-1" && it.2 == ChannelState::Skipped("region disabled".to_owned())
    };
    assert_eq!(states.iter().filter(off).count(), 2, "{states:?}");
}

#[tokio::test]
async fn what_is_taken_away_is_of_the_file_alone_and_names_are_checked() {
    let world = World::new();
    world.there(SHOP, &[TOPIC, "arn:x:one"], &[]);
    let draft = draft_channel_removal(&world.find(FILE).await);
    let report = world.carry(draft, "calm", &Gate::new(None)).await.unwrap();
    assert_eq!((report.exit(), report.targets.len()), (Exit::Ok, 1));
    let left: Vec<String> = world.told(SHOP).into_iter().map(|it| it.0).collect();
    assert_eq!(left, ["arn:x:one"]);
    let scope = StandardsScope {
        units: vec!["ou-ab12-nothere1".to_owned()],
        ..StandardsScope::default()
    };
    let found = compare_channels(&GatedCalls::calm(&world.guru), &wishes(FILE), &scope).await;
    assert!(matches!(found, Err(StandardsUnread::Unknown(_))));
}

#[tokio::test]
async fn stopped_anywhere_channels_are_made_once() {
    let begun = || {
        let world = World::new();
        world.there(ERP, &[TOPIC], &["LOW"]);
        world
    };
    let (unbroken, gate) = (begun(), Gate::new(None));
    let draft = draft_channels(&unbroken.find(FILE).await);
    let report = unbroken.carry(draft, "first", &gate).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok);
    let sent = unbroken.writes();
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = begun();
            let draft = draft_channels(&world.find(FILE).await);
            let gate = Gate::new(Some((call, mode)));
            let run = async { world.carry(draft, "first", &gate).await };
            let done = tokio::select! {
                done = run => done.is_some_and(|it| it.exit() == Exit::Ok),
                () = gate.stop() => false,
            };
            if !done {
                // lanes of the stopped process expire after a minute
                world.clock.advance(std::time::Duration::from_secs(61));
                let calm = world.runner("second", &Gate::new(None));
                let patient = crate::bench::patient();
                if let Some(saved) = world.plans.plans(1).await.unwrap().first() {
                    calm.resume(&saved.plan.id, &patient).await.unwrap();
                }
                let report = world.apply(FILE).await;
                assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
            }
            assert_eq!(world.writes(), sent, "{case}");
            assert_eq!(
                (world.told(SHOP), world.told(ERP)),
                (vec![ours()], vec![ours()])
            );
        }
    }
}

/// A channel deleted before its refused replacement is restored with the old filters.
#[tokio::test]
async fn a_channel_that_went_before_its_new_one_was_refused_comes_back() {
    let world = World::new();
    world.there(ERP, &[TOPIC], &["LOW"]);
    let before = world.told(ERP);
    world.with(|it| it.refusal = Some("AccessDeniedException"));
    let report = world.apply(FILE).await;
    assert_eq!((report.totals.failed, world.told(ERP)), (2, vec![]));
    world.with(|it| it.refusal = None);
    let gate = Gate::new(None);
    let (plan, folded) = world
        .runner("undoer", &gate)
        .load(&report.plan)
        .await
        .unwrap();
    let Undoing { draft, .. } = undo(&plan, &folded, &world.hands(&gate));
    let report = world.carry(draft, "undoer", &gate).await.unwrap();
    assert_eq!((report.exit(), world.told(ERP)), (Exit::Ok, before));
}

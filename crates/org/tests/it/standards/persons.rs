//! Another user changes items that a plan removes or replaces: a change before the write stays, and
//! the plan reports `drifted`.

use hallpass_org::standards::{central_home, draft_configuration};
use hallpass_plans::testing::Gate;
use hallpass_plans::{PlanDraft, PlanReport, StepEnd};
use serde_json::{Value, json};

use super::hubs::{FIRST, PCI, State, Subscribed};
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Compared,
    Shown,
}

/// Runs a plan with another user's action before the first and after each call, each in a new
/// world. `deed` returns if it acted on the judged state; `stands`: their change exists at the end.
async fn whenever(
    since: Since,
    world: impl AsyncFn() -> World,
    draft: impl AsyncFn(&World) -> PlanDraft,
    deed: fn(&mut State) -> bool,
    stands: fn(&State) -> bool,
) {
    let mut early = 0;
    for call in 0..200 {
        let world = world().await;
        let draft = draft(&world).await;
        let runner = world.runner("first", &Gate::new(None));
        let (told, was_early) = std::sync::mpsc::channel();
        let acts = move |state: &mut State| told.send(deed(state)).unwrap();
        let begin = || {
            world.with(|it| match call {
                0 => acts(it),
                calls => it.person = Some((calls, Box::new(acts))),
            });
        };
        let plan = if since == Since::Compared {
            begin();
            runner.look(draft).await.unwrap().plan
        } else {
            let plan = runner.look(draft).await.unwrap().plan;
            begin();
            plan
        };
        let report = runner.apply(&plan.id, &crate::bench::patient()).await;
        let report: PlanReport = report.unwrap();
        let Ok(was_early) = was_early.try_recv() else {
            assert!(early > 0 && early < call, "{early} of {call}");
            return;
        };
        if was_early {
            early += 1;
            let all: Vec<StepEnd> = report.targets.iter().map(|it| it.outcome).collect();
            assert!(all.contains(&StepEnd::Drifted), "call {call}: {report:#?}");
            assert!(world.with(|it| stands(it)), "call {call}: {report:#?}");
        }
    }
    panic!("it never ends");
}

const OFF: &str = "defaults: {standards: {disable: [pci-dss/v/3.2.1]}}";

/// A disabled standard would lose users' control decisions.
#[tokio::test]
async fn a_standard_in_which_somebody_decides_something_meanwhile_stays_on() {
    let world = async || {
        let world = World::small();
        world.hub(FIRST, "us-east-1", |it| {
            it.on.insert(PCI.to_owned(), Subscribed::default());
        });
        world
    };
    let key = || (PCI.to_owned(), "IAM.6".to_owned());
    for since in [Since::Compared, Since::Shown] {
        let draft = async |world: &World| world.drafted(OFF).await;
        let deed = |state: &mut State| {
            let hub = state.hubs.values_mut().next().unwrap();
            let is_on = hub.on.contains_key(PCI);
            if is_on {
                let key = (PCI.to_owned(), "IAM.6".to_owned());
                hub.disabled.insert(key, Some("by hand".to_owned()));
            }
            is_on
        };
        let stands = |state: &State| {
            let hub = state.hubs.values().next().unwrap();
            let key = (PCI.to_owned(), "IAM.6".to_owned());
            let why = hub.disabled.get(&key).and_then(Option::as_deref);
            hub.on.contains_key(PCI) && why == Some("by hand")
        };
        whenever(since, world, draft, deed, stands).await;
    }
    let unbroken = world().await;
    assert!(!unbroken.hub(FIRST, "us-east-1", |it| it.disabled.contains_key(&key())));
    assert_eq!(unbroken.apply(OFF).await.ended(StepEnd::Changed), 1);
}

const ALIKE: &str = "defaults: {standards: {enable: [pci-dss/v/3.2.1]}}";

/// A target with a new foreign policy keeps it.
#[tokio::test]
async fn a_policy_that_somebody_puts_on_a_place_meanwhile_holds_there() {
    for since in [Since::Compared, Since::Shown] {
        let draft = async |world: &World| world.drafted(ALIKE).await;
        let deed = |state: &mut State| {
            let held = state.policies.as_mut().unwrap();
            let is_free = !held.contains_key("r-ab12");
            if is_free {
                held.insert("r-ab12".to_owned(), "theirs".to_owned());
            }
            is_free
        };
        let stands = |state: &State| state.policies.as_ref().unwrap()["r-ab12"] == "theirs";
        let world = async || World::managed();
        whenever(since, world, draft, deed, stands).await;
    }
}

fn is_edited(state: &State, edit: &str) -> bool {
    state.known[0].2 == json!({ "SecurityHub": { "ServiceEnabled": edit } })
}

fn edit(state: &mut State, edit: &str) {
    state.known[0].2 = json!({ "SecurityHub": { "ServiceEnabled": edit } });
}

/// An edit of a Hallpass policy before the plan is reverted as displayed; a later edit stays.
#[tokio::test]
async fn a_policy_that_somebody_edits_after_it_was_shown_stays_so() {
    let world = async || {
        let world = World::managed();
        world.apply_central(ALIKE).await;
        world.with(|it| edit(it, "first"));
        world
    };
    let draft = async |world: &World| world.drafted(ALIKE).await;
    let deed = |state: &mut State| {
        let is_early = is_edited(state, "first");
        if is_early {
            edit(state, "second");
        }
        is_early
    };
    let stands = |state: &State| is_edited(state, "second");
    whenever(Since::Shown, world, draft, deed, stands).await;
}

fn kind(state: &State) -> &Value {
    &state.configuration["OrganizationConfiguration"]["ConfigurationType"]
}

/// The organization's configuration.
#[tokio::test]
async fn what_somebody_sets_for_an_organization_after_it_was_shown_stays_so() {
    let world = async || {
        let world = World::managed();
        world.with(|it| {
            it.configuration = json!({ "AutoEnable": true, "AutoEnableStandards": "DEFAULT",
                "OrganizationConfiguration": { "ConfigurationType": "LOCAL", "Status": "ENABLED" } });
        });
        world
    };
    let draft = async |world: &World| {
        let home = central_home(&world.calls()).await.unwrap().unwrap();
        draft_configuration("o-ab12cd34ef", &home)
    };
    let deed = |state: &mut State| {
        let is_early = kind(state) == "LOCAL";
        if is_early {
            state.configuration["AutoEnableStandards"] = json!("NONE");
        }
        is_early
    };
    let stands = |state: &State| {
        kind(state) == "LOCAL" && state.configuration["AutoEnableStandards"] == "NONE"
    };
    whenever(Since::Shown, world, draft, deed, stands).await;
}

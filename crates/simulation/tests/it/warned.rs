//! Rule warnings: requests and approvals of sensitive access require confirming the current texts
//! (`access.md` §2.9).

use hallpass_access::{
    AccessError, AccessStore, ActionRefused, Approving, Asking, Extending, RequestFilter,
    RequestOutcome, RequestedTogether,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{RequestId, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Cai, Dee, Eve},
    World,
};

use crate::acting::{asking, grants, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const CARDS: &str = "Card data. Do not copy rows out.";

async fn rules(world: &World, terms: &str) {
    let text = format!(
        "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n\
         approvers = ['cai@corp.example', 'dee@corp.example']\n{terms}\n\
         [[rule]]\nid = 'free'\ngroups = ['oncall']\napproval_is_not_required = true\nwarning = 'Pages all night.'\n"
    );
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
}

async fn world(seed: u64, terms: &str) -> World {
    let world = World::new(seed, Habits::default(), None);
    rules(&world, terms).await;
    world
}

fn warned() -> String {
    format!("warning = '{CARDS}'")
}

fn with(set: &str, confirmed: &[String]) -> Asking {
    Asking {
        confirmed: confirmed.to_vec(),
        ..asking(set, HOUR)
    }
}

fn unconfirmed<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> (Vec<String>, Vec<String>) {
    match outcome {
        Err(AccessError::Refused(ActionRefused::WarningsUnconfirmed { warnings })) => {
            let all = warnings.into_iter().map(|it| (it.text, it.id));
            all.unzip()
        }
        other => panic!("{other:?}"),
    }
}

async fn stored(world: &World) -> usize {
    let all = world.store.requests(&RequestFilter::default(), 100).await;
    all.unwrap().rows.len()
}

async fn recorded(world: &World, event: &str) -> Vec<(String, Vec<String>)> {
    let records = world.store.records_from(1, 1000).await.unwrap();
    let records = records.iter().filter(|it| it.event() == event);
    let texts = |record: &hallpass_audit::Record| {
        let texts = record.fields().get("warnings_confirmed");
        let texts = texts.and_then(|it| it.as_array()).into_iter().flatten();
        texts.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let all = records.map(|it| (it.text("actor").unwrap().to_owned(), texts(it)));
    all.collect()
}

async fn approve(
    world: &World,
    who: Human,
    id: RequestId,
    confirmed: &[String],
) -> Result<(), AccessError> {
    let approving = Approving {
        confirmed,
        ..Approving::default()
    };
    let actor = world.actor(who);
    let approved = world.access.approve_with(&actor, id, approving, None).await;
    approved.map(drop)
}

#[test]
fn nobody_asks_or_approves_without_having_confirmed() {
    run(async {
        let world = world(61, &warned()).await;
        let (access, ana) = (&world.access, world.actor(Ana));
        let (texts, ids) = unconfirmed(access.ask(&ana, &with("Admin", &[]), None).await);
        assert_eq!(texts, [CARDS]);
        assert_eq!(stored(&world).await, 0, "nothing was made");
        let made_up = ["0".repeat(16), CARDS.to_owned()];
        unconfirmed(access.ask(&ana, &with("Admin", &made_up), None).await);
        let asked = access.ask(&ana, &with("Admin", &ids), None).await.unwrap();
        let id = asked.request().id;
        assert_eq!(asked.request().confirmed[0].texts, [CARDS]);
        assert!(
            access
                .presses(&world.actor(Cai), asked.request())
                .await
                .unwrap()
                .approve
                .is_ok()
        );
        let (texts, ids) = unconfirmed(approve(&world, Cai, id, &[]).await);
        assert_eq!(texts, [CARDS]);
        // unauthorized users get a refusal, not the warnings
        let other = approve(&world, Eve, id, &ids).await.unwrap_err();
        assert!(
            matches!(other, AccessError::Refused(ActionRefused::Rules(_))),
            "{other:?}"
        );
        approve(&world, Cai, id, &ids).await.unwrap();
        let request = world.store.request(id).await.unwrap().unwrap();
        let by: Vec<&str> = request.confirmed.iter().map(|it| it.by.as_str()).collect();
        assert_eq!(by, ["ana@corp.example", "cai@corp.example"]);
        let said = |who: &str| vec![(format!("{who}@corp.example"), vec![CARDS.to_owned()])];
        assert_eq!(recorded(&world, "request.created").await, said("ana"));
        assert_eq!(recorded(&world, "request.approved").await, said("cai"));
        // a required confirmation is no refusal: only Eve's press is one
        assert_eq!(recorded(&world, "press.refused").await.len(), 1);
        assert_eq!(grants(&world).await.len(), 1);
    });
}

#[test]
fn a_text_that_changed_is_read_again() {
    run(async {
        let world = world(62, &format!("{}\nmin_approvals = 2", warned())).await;
        let (access, ana) = (&world.access, world.actor(Ana));
        let (_, old) = unconfirmed(access.ask(&ana, &with("Admin", &[]), None).await);
        let asked = access.ask(&ana, &with("Admin", &old), None).await.unwrap();
        let id = asked.request().id;
        approve(&world, Cai, id, &old).await.unwrap();
        rules(&world, "warning = 'It is another one.'\nmin_approvals = 2").await;
        unconfirmed(access.ask(&ana, &with("ReadOnly", &old), None).await);
        let (texts, new) = unconfirmed(approve(&world, Dee, id, &old).await);
        assert_eq!(texts, ["It is another one."]);
        // an earlier approver's confirmation covers the text of that time
        approve(&world, Dee, id, &new).await.unwrap();
        let reviewed = recorded(&world, "request.reviewed").await;
        assert_eq!(reviewed[0].1, [CARDS]);
        let approved = recorded(&world, "request.approved").await;
        assert_eq!(approved[0].1, ["It is another one."]);
        // without warnings, extra confirmations are ignored
        rules(&world, "").await;
        let asked = access
            .ask(&ana, &with("ReadOnly", &new), None)
            .await
            .unwrap();
        assert_eq!(asked.request().confirmed, []);
    });
}

#[test]
fn no_way_of_asking_goes_around_it() {
    run(async {
        let world = world(63, &warned()).await;
        let (access, ana) = (&world.access, world.actor(Ana));
        let (texts, night) = unconfirmed(access.ask(&ana, &with("oncall", &[]), None).await);
        assert_eq!(texts, ["Pages all night."]);
        // several targets: each text once, and all of them
        let both = |ids: &[String]| {
            [
                with("Admin", ids),
                with("ReadOnly", ids),
                with("oncall", ids),
            ]
        };
        let (texts, ids) = unconfirmed(access.ask_together(&ana, &both(&[]), None).await);
        assert_eq!(texts, [CARDS, "Pages all night."]);
        let (texts, _) = unconfirmed(access.ask_together(&ana, &both(&night), None).await);
        assert_eq!(texts, [CARDS]);
        assert_eq!(stored(&world).await, 0);
        let asked = access.ask_together(&ana, &both(&ids), None).await.unwrap();
        let RequestedTogether::All(all) = asked else {
            panic!("refused")
        };
        assert_eq!(all.len(), 3);
        world.live(TimeSpan::minutes(2)).await;
        let grant = grants(&world).await.remove(0);
        let by = Extending::by(TimeSpan::hours(4));
        let (texts, _) = unconfirmed(access.extend(&ana, grant.id, by, None).await);
        assert_eq!(texts, ["Pages all night."]);
        let by = Extending {
            confirmed: &night,
            ..by
        };
        let extended = access.extend(&ana, grant.id, by, None).await.unwrap();
        assert!(matches!(extended, RequestOutcome::Approved(..)));
        // a waiting request is returned without a new confirmation
        let again = access.ask(&ana, &with("Admin", &[]), None).await.unwrap();
        assert!(matches!(again, RequestOutcome::AlreadyPending(_)));
    });
}

#[test]
fn an_emergency_does_not_wait_for_a_second_tick() {
    run(async {
        let terms = format!("{}\nbreak_glass = ['ana@corp.example']", warned());
        let world = world(64, &terms).await;
        let (access, ana) = (&world.access, world.actor(Ana));
        let (_, ids) = unconfirmed(access.ask(&ana, &with("Admin", &[]), None).await);
        let asked = access.ask(&ana, &with("Admin", &ids), None).await.unwrap();
        rules(&world, &terms.replace(CARDS, "It is another one.")).await;
        let why = "customers cannot pay and no one answers";
        let id = asked.request().id;
        let broken = access.break_glass(&ana, id, why, None).await.unwrap();
        assert_eq!(broken.confirmed[0].texts, [CARDS]);
    });
}

//! Records of presses and the resulting grants name the rules that judged them, not those of the
//! request.

use hallpass_audit::AuditStore;
use hallpass_base::{RequestId, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Cai, Dee},
    World,
};

use crate::acting::{approve, asked_for, grants, run};

async fn rule(world: &World, id: &str, terms: &str) -> String {
    let text =
        format!("[[rule]]\nid = '{id}'\naccounts = '*'\npermission_sets = 'Admin'\n{terms}\n");
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, id).await.unwrap();
    world.access.rules().hash().to_owned()
}

#[derive(Clone, Copy, Debug)]
enum Press {
    Approve(Human),
    Deny(Human),
    Discard(Human),
}

async fn press(world: &World, press: Press, id: RequestId) -> bool {
    let access = &world.access;
    match press {
        Press::Approve(who) => approve(world, who, id).await.is_ok(),
        Press::Deny(who) => access.deny(&world.actor(who), id, None, None).await.is_ok(),
        Press::Discard(who) => access.discard(&world.actor(who), id, None).await.is_ok(),
    }
}

#[test]
fn records_of_presses_name_the_rules_of_the_press() {
    let both = "approvers = ['cai@corp.example', 'dee@corp.example']";
    let dee = "approvers = ['dee@corp.example']";
    let two = format!("{both}\nmin_approvals = 2");
    let granted = ["request.approved", "grant.requested", "grant.succeeded"];
    let rows: [(&str, Press, bool, &[&str], &str); 5] = [
        (dee, Press::Approve(Dee), true, &granted, "then"),
        (dee, Press::Approve(Cai), false, &["press.refused"], "then"),
        (
            &two,
            Press::Approve(Dee),
            true,
            &["request.reviewed"],
            "then",
        ),
        (dee, Press::Deny(Dee), true, &["request.denied"], "then"),
        (
            dee,
            Press::Discard(Ana),
            true,
            &["request.discarded"],
            "first",
        ),
    ];
    run(async {
        for (then, pressed, is_done, events, named) in rows {
            let world = World::new(481, Habits::default(), None);
            let first = rule(&world, "first", both).await;
            let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
            let later = rule(&world, "then", then).await;
            assert_ne!(first, later);
            assert_eq!(press(&world, pressed, id).await, is_done, "{pressed:?}");
            world.live(TimeSpan::seconds(30)).await;
            let records = world.store.records_from(1, 1000).await.unwrap();
            for event in events {
                let record = records.iter().rfind(|record| record.event() == *event);
                let record = record.unwrap();
                let rules = record.fields().get("based_on").map(ToString::to_string);
                assert_eq!(rules, Some(format!("[\"{named}\"]")), "{pressed:?} {event}");
                let hash = if named == "then" { &later } else { &first };
                assert_eq!(
                    record.text("config_hash"),
                    Some(hash.as_str()),
                    "{pressed:?} {event}"
                );
            }
            for grant in grants(&world).await {
                assert_eq!(grant.based_on, ["then"]);
                assert_eq!(grant.config_hash, later);
            }
        }
    });
}

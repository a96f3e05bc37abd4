//! Approval hours: requests outside of them wait, and a refused press names the opening time.

use hallpass_base::{Clock as _, TimeSpan, Timestamp};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Cai},
    World,
};

use crate::acting::{approve, ask, run};

const HOUR: TimeSpan = TimeSpan::hours(1);

fn hours(now: Timestamp, ahead: u64) -> String {
    let at = |hours: u64| {
        let text = TimeSpan::hours(hours).after(now).to_string();
        text.split('T').nth(1).unwrap().get(..5).unwrap().to_owned()
    };
    let (from, to) = (at(ahead), at(ahead + 1));
    format!("approval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}\n")
}

async fn rules(world: &World, terms: &[String]) {
    let rule =
        |terms: &String| format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\n{terms}\n");
    let text: String = terms.iter().map(rule).collect();
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
}

#[test]
fn a_press_says_when_the_hours_of_all_rules_are_open() {
    run(async {
        let world = World::new(72, Habits::default(), None);
        let now = world.clock.now();
        let cai = "approvers = ['cai@corp.example']\n";
        rules(&world, &[cai.to_owned()]).await;
        let id = ask(&world, Ana, "Admin", HOUR).await.request().id;
        let mut press = Vec::new();
        for other in [3, 5] {
            let both = [3, other].map(|ahead| format!("{cai}{}", hours(now, ahead)));
            rules(&world, &both).await;
            press.push(approve(&world, Cai, id).await.unwrap_err().to_string());
        }
        let [together, apart] = press.as_slice() else {
            panic!("{press:?}")
        };
        assert!(together.contains("not before"), "{together}");
        assert!(apart.contains("never overlap"), "{apart}");
        assert!(!apart.contains("not before"), "{apart}");
    });
}

//! Waiting work uses the rules in force when it runs (`organization.md` R-13).

use hallpass_findings::remediation::RuleFile;
use serde_json::json;

use crate::drift::{FINDING, press, reason};
use crate::world::{Disk, World, event, process, rules};

#[tokio::test]
async fn a_rule_that_is_not_for_it_any_more_does_not_act() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    let mut resources = world.findings.lock().unwrap()[FINDING]["Resources"].clone();
    resources[0]["Tags"] = json!({ "hallpass:remediate": "never" });
    world.sets(FINDING, &[("Resources", resources)]);
    server.works().await;
    assert_eq!(
        reason(&disk.only().await),
        "its tag `hallpass:remediate` says never"
    );
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    world.sets(
        FINDING,
        &[(
            "Compliance",
            json!({ "Status": "FAILED", "SecurityControlId": "EC2.1" }),
        )],
    );
    server.works().await;
    assert!(reason(&disk.only().await).ends_with("does not match it now"));
    assert!(world.writes.lock().unwrap().is_empty());
}

const CLOSING: &str = "rules: [{id: close-public-ports, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22, 3389]}, mode: auto}]";

#[tokio::test]
async fn what_the_rules_in_force_do_not_want_is_not_done() {
    let exception = "\nexceptions: [{account: '444444444444', then: ignore, reason: honeypot, until: 9999-12-31}]";
    let with = |from: &str, to: &str| CLOSING.replace(from, to);
    let cases = [
        (
            "rules: []".to_owned(),
            "rule `close-public-ports` was deleted",
        ),
        (
            with("mode: auto", "mode: observe"),
            "rule `close-public-ports` only observes since",
        ),
        (
            with("[22, 3389]", "[22]"),
            "rule `close-public-ports` has another action now",
        ),
        (
            with("action:", "unless: {ou: [Prod]}, action:"),
            "rule `close-public-ports` does not match it now",
        ),
        (format!("{CLOSING}{exception}"), "exception 1: honeypot"),
    ];
    for (text, why) in cases {
        for yes in [false, true] {
            let (world, disk) = (World::new(), Disk::new());
            let mode = if yes { "mode: approve" } else { "mode: auto" };
            let before = RuleFile::read(&with("mode: auto", mode)).unwrap();
            process(&world, &disk, before)
                .hears(event("org-rem-sg"))
                .await;
            if yes {
                press(&world, &disk).await;
            }
            let now = text.replace("mode: auto", mode);
            process(&world, &disk, RuleFile::read(&now).unwrap())
                .works()
                .await;
            assert_eq!(reason(&disk.only().await), why, "{yes}");
            assert!(world.writes.lock().unwrap().is_empty(), "{why}");
        }
    }
    for (before, now, yes, acts) in [
        ("mode: auto", "mode: auto", false, true),
        ("mode: approve", "mode: approve", true, true),
        ("mode: approve", "mode: auto", true, true),
        ("mode: auto", "mode: approve", false, false),
    ] {
        let (world, disk) = (World::new(), Disk::new());
        let file = |mode: &str| RuleFile::read(&with("mode: auto", mode)).unwrap();
        process(&world, &disk, file(before))
            .hears(event("org-rem-sg"))
            .await;
        if yes {
            press(&world, &disk).await;
        }
        process(&world, &disk, file(now)).works().await;
        let has_acted = !world.writes.lock().unwrap().is_empty();
        assert_eq!(has_acted, acts, "{before} {now} {yes}");
    }
}

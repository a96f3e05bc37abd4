//! Test table of `organization.md` §2.

use std::sync::Arc;

use hallpass_findings::events::{EventHandler as _, HandledEvent};
use hallpass_findings::{
    AccountFacts, AccountTag, ENTRY_LASTS, EnrichOutcome, EnrichSettings, EnrichTrigger,
    FindingHandler, MemberAccount, NotePolicy, RefusalKind, batches, update_of, wants,
};
use serde_json::Value;

use crate::world::{World, event, findings, fixture, wanted};

fn sorted(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

fn with(notes: NotePolicy) -> EnrichSettings {
    EnrichSettings {
        notes,
        ..EnrichSettings::default()
    }
}

fn rows() -> [(
    &'static str,
    &'static str,
    std::ops::Range<usize>,
    NotePolicy,
); 8] {
    let keep = NotePolicy::Keep;
    [
        ("case 1 org-sh-imported keep", "org-sh-imported", 0..1, keep),
        ("case 3 org-sh-multi keep", "org-sh-multi", 0..2, keep),
        (
            "case 4 org-sh-analyst-note keep",
            "org-sh-analyst-note",
            0..1,
            keep,
        ),
        (
            "case 5 org-sh-analyst-note append",
            "org-sh-analyst-note",
            0..1,
            NotePolicy::Append,
        ),
        (
            "case 5b org-sh-analyst-note replace",
            "org-sh-analyst-note",
            0..1,
            NotePolicy::Replace,
        ),
        (
            "case 6+7 org-sh-other-accounts[0] fifty tags",
            "org-sh-other-accounts",
            0..1,
            keep,
        ),
        (
            "case 8 org-sh-other-accounts[1] under the root",
            "org-sh-other-accounts",
            1..2,
            keep,
        ),
        (
            "E-10 org-sh-other-accounts[2] outside",
            "org-sh-other-accounts",
            2..3,
            keep,
        ),
    ]
}

#[tokio::test]
async fn requests_are_those_of_the_fixture() {
    let expected = fixture("org-enrich-expected");
    let rows = rows();
    assert_eq!(expected.as_object().unwrap().len(), rows.len());
    let mut wrong = Vec::new();
    for (case, name, range, notes) in rows {
        let world = World::new();
        let report = world
            .enricher(with(notes))
            .enrich(&wanted(&findings(name)[range]))
            .await;
        assert!(
            report
                .outcomes
                .iter()
                .all(|it| *it == EnrichOutcome::Written),
            "{case}: {report:?}"
        );
        let requests = world.inputs("BatchUpdateFindings");
        let [request] = requests.as_slice() else {
            panic!("{case}: {requests:?}")
        };
        if sorted(request.clone()) != sorted(expected[case].clone()) {
            wrong.push(format!(
                "{case}\n{}\n{}",
                sorted(request.clone()),
                sorted(expected[case].clone())
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn row_2_an_enriched_finding_costs_no_call_and_an_action_enriches_it() {
    let world = World::new();
    let handler = FindingHandler::new(Arc::new(world.enricher(EnrichSettings::default())), |_| {});
    let mut event = event("org-sh-enriched");
    let told = handler.handle(std::slice::from_ref(&event)).await;
    assert_eq!(
        told,
        [HandledEvent::Done(
            "0 findings enriched, 1 left as they are, 0 deleted".to_owned()
        )]
    );
    assert_eq!(world.count(), 0);
    event.detail_type = "Security Hub Findings - Custom Action".to_owned();
    handler.handle(&[event]).await;
    assert_eq!(world.inputs("BatchUpdateFindings").len(), 1);
}

#[test]
fn archived_findings_are_left_alone() {
    let mut finding = findings("org-sh-imported").remove(0);
    assert!(wants(&finding, EnrichTrigger::Imported));
    finding.active = false;
    assert!(!wants(&finding, EnrichTrigger::Imported));
}

#[tokio::test]
async fn row_3_one_account_is_looked_up_once() {
    let world = World::new();
    let handler = FindingHandler::new(Arc::new(world.enricher(EnrichSettings::default())), |_| {});
    handler
        .handle(&[event("org-sh-multi"), event("org-sh-imported")])
        .await;
    for operation in [
        "DescribeAccount",
        "ListParents",
        "GetAlternateContact",
        "BatchUpdateFindings",
    ] {
        assert_eq!(world.inputs(operation).len(), 1, "{operation}");
    }
    let request = &world.inputs("BatchUpdateFindings")[0];
    assert_eq!(request["FindingIdentifiers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn row_5_a_note_that_leaves_no_room_stays() {
    let world = World::new();
    let mut all = findings("org-sh-analyst-note");
    all[0].note.as_mut().unwrap().text = "x".repeat(500);
    world.stand(&all);
    world
        .enricher(with(NotePolicy::Append))
        .enrich(&wanted(&all))
        .await;
    let request = &world.inputs("BatchUpdateFindings")[0];
    assert!(
        request.get("Note").is_none() && request["UserDefinedFields"]["ticket"] == "4711",
        "{request}"
    );
}

#[tokio::test]
async fn what_ours_was_appended_to_is_kept_when_it_is_enriched_again() {
    for (notes, expected) in [
        (
            NotePolicy::Append,
            Some("Ticket 4711 || Account Name: shop-prod"),
        ),
        (NotePolicy::Keep, None),
        (NotePolicy::Replace, Some("Account Name: shop-prod")),
    ] {
        let world = World::new();
        let mut all = findings("org-sh-analyst-note");
        let note = all[0].note.as_mut().unwrap();
        note.text = "Ticket 4711 || Account Name: old OU Name: Old".to_owned();
        note.updated_by = "Hallpass enrichment".to_owned();
        world.stand(&all);
        world.enricher(with(notes)).enrich(&wanted(&all)).await;
        let request = &world.inputs("BatchUpdateFindings")[0];
        let text = request.pointer("/Note/Text").and_then(Value::as_str);
        assert_eq!(text.is_some(), expected.is_some(), "{notes:?}");
        assert!(
            text.unwrap_or_default()
                .starts_with(expected.unwrap_or_default()),
            "{notes:?} {text:?}"
        );
    }
}

#[tokio::test]
async fn row_9_the_account_of_the_credentials_is_not_named() {
    let world = World::new();
    let mut all = findings("org-sh-imported");
    all.push(all[0].clone());
    all[1].account = crate::world::OWN.parse().unwrap();
    all[1].id = "f-own".to_owned();
    world.stand(&all);
    world
        .enricher(EnrichSettings::default())
        .enrich(&wanted(&all))
        .await;
    let inputs = world.inputs("GetAlternateContact");
    let named: Vec<_> = inputs
        .iter()
        .map(|it| it.get("AccountId").and_then(Value::as_str))
        .collect();
    assert_eq!(named.len(), 2);
    assert!(
        named.contains(&None) && named.contains(&Some("444444444444")),
        "{named:?}"
    );
}

#[tokio::test]
async fn row_10_without_contacts_it_goes_on_and_warns_once_an_hour() {
    let world = World::new();
    let enricher = world.enricher(EnrichSettings::default());
    world.refuse(
        "GetAlternateContact",
        RefusalKind::Denied,
        "AccessDeniedException",
        99,
    );
    let mut warnings = Vec::new();
    let mut all = findings("org-sh-other-accounts");
    all.truncate(2);
    for _ in 0..3 {
        warnings.push(enricher.enrich(&wanted(&all)).await.warnings.len());
        for finding in &all {
            enricher.forget(&finding.account);
        }
        world.pass(1_800);
    }
    assert_eq!(warnings, [1, 0, 1]);
    let request = &world.inputs("BatchUpdateFindings")[0];
    assert!(
        request["UserDefinedFields"]
            .get("securityContact")
            .is_none(),
        "{request}"
    );
}

#[tokio::test]
async fn row_11_what_is_known_counts_for_a_day_and_an_hour_outside() {
    for (place, lasts) in [
        (0, i64::try_from(ENTRY_LASTS.as_seconds()).unwrap()),
        (2, 3_600),
    ] {
        let world = World::new();
        let enricher = world.enricher(EnrichSettings::default());
        let account = findings("org-sh-other-accounts")[place].account.clone();
        for (pass, expected) in [(0, 1), (lasts, 1), (1, 2), (0, 2)] {
            world.pass(pass);
            enricher.facts(&account).await.unwrap();
            assert_eq!(
                world.inputs("DescribeAccount").len(),
                expected,
                "{account} {pass}"
            );
        }
        enricher.forget(&account);
        enricher.facts(&account).await.unwrap();
        assert_eq!(world.inputs("DescribeAccount").len(), 3);
    }
}

#[test]
fn row_12_250_findings_are_three_requests() {
    let one = findings("org-sh-imported").remove(0);
    let all: Vec<_> = (0..250)
        .map(|number| {
            let mut finding = one.clone();
            finding.id = format!("f-{number}");
            finding
        })
        .collect();
    let facts = AccountFacts::Member(MemberAccount {
        name: "a".into(),
        unit: "b".into(),
        ..MemberAccount::default()
    });
    let settings = EnrichSettings::default();
    let updates = all
        .iter()
        .chain(&all)
        .map(|it| (it, update_of(it, &facts, &settings)));
    let sizes: Vec<_> = batches(updates)
        .iter()
        .map(|it| it.identifiers.len())
        .collect();
    assert_eq!(sizes, [100, 100, 50]);
    let mut other = all[0].clone();
    other.region = "eu-west-1".to_owned();
    let updates = [&all[0], &other].map(|it| (it, update_of(it, &facts, &settings)));
    assert_eq!(batches(updates).len(), 2);
}

#[tokio::test]
async fn row_13_only_what_was_left_out_is_sent_again() {
    let world = World::new();
    let mut all = findings("org-sh-multi");
    all.push(findings("org-sh-multi")[0].clone());
    all[2].id = "f-0009".to_owned();
    world.stand(&all);
    let left = |id: &str, code: &str| vec![(id.to_owned(), code.to_owned())];
    world.script.lock().unwrap().unprocessed =
        vec![vec![], left("f-0002", "ConcurrentUpdateError")];
    let report = world
        .enricher(EnrichSettings::default())
        .enrich(&wanted(&all))
        .await;
    assert_eq!(report.outcomes, vec![EnrichOutcome::Written; 3]);
    let sizes = world.inputs("BatchUpdateFindings");
    let sizes: Vec<_> = sizes
        .iter()
        .map(|it| it["FindingIdentifiers"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [3, 1]);
}

#[tokio::test]
async fn what_security_hub_leaves_out_for_good_is_said() {
    let rows = [
        ("FindingNotFound", 1, EnrichOutcome::Gone),
        (
            "FindingSizeExceeded",
            2,
            EnrichOutcome::WrittenLess("FindingSizeExceeded".to_owned()),
        ),
        ("Nonsense", 1, EnrichOutcome::GaveUp("Nonsense".to_owned())),
    ];
    for (code, requests, expected) in rows {
        let world = World::new();
        world.script.lock().unwrap().unprocessed =
            vec![vec![("f-0003".to_owned(), code.to_owned())]];
        let report = world
            .enricher(with(NotePolicy::Replace))
            .enrich(&wanted(&findings("org-sh-analyst-note")))
            .await;
        assert_eq!(report.outcomes, [expected], "{code}");
        let sent = world.inputs("BatchUpdateFindings");
        assert_eq!(sent.len(), requests, "{code}");
        if requests == 2 {
            let fields = sent[1]["UserDefinedFields"].as_object().unwrap();
            let names: Vec<_> = fields.keys().map(String::as_str).collect();
            let kept = [
                "AccountName",
                "OU",
                "Owner",
                "findingEnriched",
                "securityContact",
                "ticket",
            ];
            assert_eq!(names, kept, "what analysts wrote stays");
            assert!(sent[1].get("Note").is_none());
        }
    }
}

#[tokio::test]
async fn one_finding_that_is_refused_blocks_no_other() {
    let world = World::new();
    world.script.lock().unwrap().fields_max = Some(40);
    let mut all = findings("org-sh-other-accounts");
    all.truncate(2);
    let mut twin = all[0].clone();
    twin.id = "f-twin".to_owned();
    all.push(twin);
    world.stand(&all);
    let report = world
        .enricher(EnrichSettings::default())
        .enrich(&wanted(&all))
        .await;
    let less = EnrichOutcome::WrittenLess("InvalidInputException".to_owned());
    assert_eq!(
        report.outcomes,
        [less.clone(), EnrichOutcome::Written, less]
    );
}

#[tokio::test]
async fn row_14_while_organizations_is_too_busy_nothing_is_written_and_it_comes_again() {
    let world = World::new();
    world.refuse(
        "DescribeAccount",
        RefusalKind::Passing,
        "TooManyRequestsException",
        3,
    );
    let handler = FindingHandler::new(Arc::new(world.enricher(EnrichSettings::default())), |_| {});
    let event = event("org-sh-imported");
    for _ in 0..3 {
        let told = handler.handle(std::slice::from_ref(&event)).await;
        assert!(matches!(&told[..], [HandledEvent::Again(_)]), "{told:?}");
        assert_eq!(world.inputs("BatchUpdateFindings").len(), 0);
    }
    let told = handler.handle(&[event]).await;
    assert!(matches!(&told[..], [HandledEvent::Done(_)]), "{told:?}");
}

#[tokio::test]
async fn a_finding_that_cannot_be_read_parks_its_event_and_the_others_are_enriched() {
    let world = World::new();
    let handler = FindingHandler::new(Arc::new(world.enricher(EnrichSettings::default())), |_| {});
    let mut event = event("org-sh-multi");
    event.detail["findings"][0]
        .as_object_mut()
        .unwrap()
        .remove("ProductArn");
    let told = handler.handle(&[event]).await;
    assert_eq!(
        told,
        [HandledEvent::Refused(
            "the finding has no `ProductArn`".to_owned()
        )]
    );
    assert_eq!(world.inputs("BatchUpdateFindings").len(), 1);
}

#[tokio::test]
async fn a_recorded_call_that_changes_an_account_makes_it_be_read_anew() {
    let world = World::new();
    let handler = FindingHandler::new(Arc::new(world.enricher(EnrichSettings::default())), |_| {});
    handler.handle(&[event("org-sh-imported")]).await;
    let mut tagged = event("org-sh-imported");
    tagged.source = "aws.organizations".to_owned();
    tagged.detail_type = "AWS API Call via CloudTrail".to_owned();
    assert!(handler.takes(&tagged.source, &tagged.detail_type));
    let said = r#"{"eventName":"TagResource","requestParameters":{"resourceId":"444444444444"}}"#;
    tagged.detail = serde_json::from_str(said).unwrap();
    handler.handle(&[tagged]).await;
    handler.handle(&[event("org-sh-imported")]).await;
    assert_eq!(world.inputs("DescribeAccount").len(), 2);
}

#[test]
fn tags_with_priority_come_first() {
    let mut finding = findings("org-sh-imported").remove(0);
    finding.fields = (0..46)
        .map(|it| (format!("f{it}"), "x".to_owned()))
        .collect();
    let tag = |key: &str| AccountTag {
        key: key.to_owned(),
        value: "v".to_owned(),
    };
    let facts = AccountFacts::Member(MemberAccount {
        name: "a".into(),
        unit: "b".into(),
        tags: vec![tag("a"), tag("Owner"), tag("z")],
        contact: None,
    });
    let settings = EnrichSettings {
        tag_priority: vec!["z".to_owned()],
        ..EnrichSettings::default()
    };
    let update = update_of(&finding, &facts, &settings);
    assert_eq!(update.fields.len(), 50);
    assert!(update.fields.contains_key("z") && !update.fields.contains_key("a"));
}

use std::collections::BTreeSet;

use hallpass_inventory::addresses::{AddressKind, AddressQuery, Aggregator, SelectError, queries};
use hallpass_inventory::collect::{AnswerPage, PageAnswer};
use serde_json::{Value, json};

use crate::config::{ScriptedConfig, failure, interface, page};

fn eni() -> AddressQuery {
    queries(&BTreeSet::from([AddressKind::Eni])).remove(0)
}

fn interfaces(numbers: std::ops::Range<usize>) -> Vec<Value> {
    let one = |it| interface(it, &format!("203.0.{}.{}", it / 100, it % 100));
    numbers.map(one).collect()
}

async fn select(script: Vec<PageAnswer>) -> (Result<(usize, usize), SelectError>, ScriptedConfig) {
    let config = ScriptedConfig::new(script);
    let found = {
        let aggregator = Aggregator::new(&config, "organization", "eu-west-1").unwrap();
        aggregator.select(&eni()).await
    };
    (found.map(|it| (it.sightings.len(), it.left_out)), config)
}

#[tokio::test]
async fn all_pages_are_read_and_an_empty_one_with_a_token_is_not_the_last() {
    let (found, config) = select(vec![
        page(&interfaces(0..100), Some("a")),
        page(&[], Some("b")),
        page(&interfaces(100..200), Some("c")),
        page(&interfaces(200..250), None),
    ])
    .await;
    assert_eq!(found, Ok((250, 0)));
    let token = |it: &str| Some(it.to_owned());
    assert_eq!(config.tokens(), [None, token("a"), token("b"), token("c")]);
    let asked = config.asked.lock().unwrap();
    assert_eq!(asked[0].1["Limit"], 100);
    assert_eq!(asked[0].1["ConfigurationAggregatorName"], "organization");
}

#[tokio::test]
async fn a_token_that_comes_twice_is_an_error() {
    let (found, _) = select(vec![
        page(&interfaces(0..1), Some("a")),
        page(&interfaces(1..2), Some("b")),
        page(&interfaces(2..3), Some("a")),
    ])
    .await;
    assert_eq!(found, Err(SelectError::RepeatedToken));
}

#[tokio::test]
async fn what_is_refused_as_greater_is_asked_as_between_once() {
    let refused = || {
        Err(failure(
            "InvalidExpressionException",
            "line 1:403 no viable alternative",
        ))
    };
    let (found, config) = select(vec![refused(), page(&interfaces(0..2), None)]).await;
    assert_eq!(found, Ok((2, 0)));
    let asked = config.expressions();
    assert!(
        asked[0].contains("> '0.0.0.0'") && asked[1].contains("BETWEEN"),
        "{asked:?}"
    );

    let (found, config) = select(vec![refused(), refused()]).await;
    let Err(error @ SelectError::Expression { .. }) = found else {
        panic!("{found:?}")
    };
    let words = error.to_string();
    assert!(
        words.contains("line 1:403") && words.contains("BETWEEN"),
        "{words}"
    );
    assert_eq!(config.expressions().len(), 2);
}

#[tokio::test]
async fn a_refused_token_begins_again_once() {
    for code in ["InvalidNextTokenException", "InvalidLimitException"] {
        let refused = || Err(failure(code, "not valid"));
        let (found, config) = select(vec![
            page(&interfaces(0..2), Some("a")),
            refused(),
            page(&interfaces(0..2), Some("b")),
            page(&interfaces(2..3), None),
        ])
        .await;
        assert_eq!(found, Ok((3, 0)), "earlier rows are not counted twice");
        assert_eq!(config.tokens()[2], None);
        let (found, _) = select(vec![refused(), refused()]).await;
        assert!(matches!(found, Err(SelectError::Call(it)) if it.code == code));
    }
}

#[tokio::test]
async fn an_aggregator_that_is_not_there_comes_with_those_that_are() {
    let missing = || {
        Err(failure(
            "NoSuchConfigurationAggregatorException",
            "does not exist",
        ))
    };
    let plain = |answer| Ok(AnswerPage { answer, next: None });
    let all = json!({"ConfigurationAggregators": [
        {"ConfigurationAggregatorName": "org"}, {"ConfigurationAggregatorName": "other"},
    ]});
    let own = || plain(json!({"Account": "111122223333"}));
    for (listed, said) in [
        (
            plain(all),
            "no aggregator organization in 111122223333/eu-west-1; there are: org, other",
        ),
        (
            plain(json!({"ConfigurationAggregators": []})),
            "no aggregator organization in 111122223333/eu-west-1; there are no aggregators",
        ),
        (
            Err(failure("AccessDeniedException", "no")),
            "no aggregator organization in 111122223333/eu-west-1; which there are could not be read",
        ),
    ] {
        let (found, _) = select(vec![missing(), listed, own()]).await;
        assert_eq!(found.unwrap_err().to_string(), said);
    }
}

#[tokio::test]
async fn answers_without_what_was_selected_are_errors() {
    let mut nameless = interface(1, "203.0.113.1");
    nameless.as_object_mut().unwrap().remove("resourceId");
    let no_address = interface(1, "203.0.113.256");
    for (answer, said) in [
        (page(&[nameless], None), "E_CONFIG_COLUMNS"),
        (page(&[no_address], None), "is no address"),
        (page(&[json!("x")], None), "E_CONFIG_COLUMNS"),
        (
            Ok(AnswerPage {
                answer: json!({"Results": ["{"]}),
                next: None,
            }),
            "no configuration item",
        ),
        (
            Ok(AnswerPage {
                answer: json!({"Results": [{}]}),
                next: None,
            }),
            "it is no text",
        ),
        (
            Ok(AnswerPage {
                answer: json!({}),
                next: None,
            }),
            "no list of results",
        ),
    ] {
        let (found, _) = select(vec![answer]).await;
        let words = found.unwrap_err().to_string();
        assert!(words.contains(said), "{said}: {words}");
    }
}

#[tokio::test]
async fn what_was_deleted_is_left_out_and_counted() {
    let mut items = interfaces(0..4);
    for (number, status) in [
        (0, "ResourceNotRecorded"),
        (1, "ResourceDeleted"),
        (2, "ResourceDiscovered"),
    ] {
        items[number]["configurationItemStatus"] = json!(status);
    }
    let (found, _) = select(vec![page(&items, None)]).await;
    assert_eq!(found, Ok((2, 2)));
}

#[test]
fn names_that_none_can_have_are_refused_before_any_call() {
    let config = ScriptedConfig::default();
    let long = "a".repeat(257);
    for (name, is_fit) in [
        ("organization", true),
        ("a-b_C9", true),
        ("", false),
        ("a b", false),
        ("é", false),
        (&long, false),
    ] {
        assert_eq!(
            Aggregator::new(&config, name, "eu-west-1").is_ok(),
            is_fit,
            "{name}"
        );
    }
}

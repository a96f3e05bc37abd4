//! The decision properties of `policies.md` §15, on random cases.

use hallpass_iam::generate::{Draft, DraftStatement, ElementSelection, Many};
use hallpass_iam::language::Effect;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::oracle_agrees::{cases, holds};
use crate::random::{self, Layer};
use crate::{engine, oracle};

fn decide(case: &Value) -> String {
    engine::decision(case).unwrap_or_else(|code| panic!("{code}: {case}"))
}

fn with<S, T>(case: S, more: T) -> BoxedStrategy<Value>
where
    S: Strategy<Value = Value> + 'static,
    T: Strategy<Value = Value> + 'static,
{
    (case, more)
        .prop_map(|(case, more)| json!({ "case": case, "more": more }))
        .boxed()
}

fn policy(statement: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn policies(case: &mut Value) -> Vec<&mut Value> {
    let mut all = Vec::new();
    for (field, value) in case.as_object_mut().unwrap() {
        match (field.as_str(), value) {
            ("identityPolicies", Value::Array(list)) => all.extend(list),
            ("scps" | "rcps", Value::Array(levels)) => {
                all.extend(
                    levels
                        .iter_mut()
                        .flat_map(|level| level.as_array_mut().unwrap()),
                );
            }
            ("resourcePolicy" | "boundary" | "session", one @ Value::Object(_)) => all.push(one),
            _ => {}
        }
    }
    all
}

fn add(case: &mut Value, layer: &str, statement: &Value) {
    match &mut case[layer] {
        Value::Array(levels) if layer != "identityPolicies" => match levels.first_mut() {
            Some(level) => level.as_array_mut().unwrap().push(policy(statement)),
            None => levels.push(json!([policy(statement)])),
        },
        Value::Array(list) => list.push(policy(statement)),
        empty @ Value::Null => *empty = policy(statement),
        one => {
            let document = if one.get("policy").is_some() {
                &mut one["policy"]
            } else {
                one
            };
            let mut statements = match document["Statement"].take() {
                Value::Array(list) => list,
                single => vec![single],
            };
            statements.push(statement.clone());
            document["Statement"] = Value::Array(statements);
        }
    }
}

#[test]
fn a_deny_more_never_allows() {
    let layers = [
        ("identityPolicies", Layer::Plain),
        ("boundary", Layer::Plain),
        ("session", Layer::Plain),
        ("scps", Layer::Scp),
        ("rcps", Layer::Rcp),
        ("resourcePolicy", Layer::Resource),
    ];
    let deny = select(layers.to_vec()).prop_flat_map(|(field, layer)| {
        random::statement(layer).prop_map(move |mut statement| {
            statement["Effect"] = json!("Deny");
            json!([field, statement])
        })
    });
    holds(cases(4), &with(random::case(), deny), |both| {
        let (mut after, field) = (both["case"].clone(), both["more"][0].as_str().unwrap());
        let mut statement = both["more"][1].clone();
        if field == "resourcePolicy" && after["resource"].to_string().contains(":role/") {
            let statement = statement.as_object_mut().unwrap();
            statement.remove("Resource");
            statement.remove("NotResource");
        }
        add(&mut after, field, &statement);
        let before = decide(&both["case"]);
        prop_assert!(decide(&after) != "Allowed" || before == "Allowed");
        Ok(())
    });
}

#[test]
fn an_allow_more_in_an_scp_level_never_denies() {
    let allow = random::statement(Layer::Scp).prop_map(|mut statement| {
        statement["Effect"] = json!("Allow");
        statement
    });
    holds(cases(4), &with(random::case(), allow), |both| {
        let mut after = both["case"].clone();
        if after["scps"] != json!([]) {
            add(&mut after, "scps", &both["more"]);
        }
        prop_assert!(decide(&both["case"]) != "Allowed" || decide(&after) == "Allowed");
        Ok(())
    });
}

fn shuffle(value: &mut Value, state: &mut u64) {
    let mut next = |below: usize| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*state >> 33).unwrap() % below
    };
    match value {
        Value::Array(list) => {
            for at in (1..list.len()).rev() {
                list.swap(at, next(at + 1));
            }
            for one in list {
                shuffle(one, state);
            }
        }
        Value::Object(object) => {
            let mut members: Vec<_> = std::mem::take(object).into_iter().collect();
            for at in (1..members.len()).rev() {
                members.swap(at, next(at + 1));
            }
            for (key, mut member) in members {
                shuffle(&mut member, state);
                object.insert(key, member);
            }
        }
        _ => {}
    }
}

#[test]
fn order_does_not_matter() {
    let seed = any::<u64>().prop_map(|seed| json!(seed));
    holds(cases(4), &with(random::case(), seed), |both| {
        let mut shuffled = both["case"].clone();
        shuffle(&mut shuffled, &mut both["more"].as_u64().unwrap());
        prop_assert_eq!(decide(&shuffled), decide(&both["case"]), "{}", shuffled);
        Ok(())
    });
}

fn canonical(policy: &Value) -> Option<Value> {
    let document = policy.get("policy").unwrap_or(policy);
    if document.get("Version") != Some(&json!("2012-10-17")) {
        return None;
    }
    let mut document = document.clone();
    let mut draft = Draft::default();
    for (at, statement) in random::statements(&mut document).into_iter().enumerate() {
        let effect = if statement["Effect"] == "Deny" {
            Effect::Deny
        } else {
            Effect::Allow
        };
        let pair = |name: &str| match statement.get(name) {
            Some(list) => ElementSelection::Only(many(list)),
            None => ElementSelection::AllBut(many(&statement[format!("Not{name}")])),
        };
        let mut written = DraftStatement::new(format!("S{at}"), effect, Many::one("*"));
        written.actions = pair("Action");
        written.resources = Some(pair("Resource"));
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                written = written.when(operator, key, many(values));
            }
        }
        draft.statements.push(written);
    }
    Some(serde_json::from_str(&draft.json()).unwrap())
}

fn many(value: &Value) -> Many {
    let text = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    match value {
        Value::Array(list) => Many::short(list.iter().map(text)),
        one => Many::one(text(one)),
    }
}

#[test]
fn a_canonical_rewrite_decides_alike() {
    holds(cases(4), &random::case(), |case| {
        let mut rewritten = case.clone();
        rewritten["resourcePolicy"] = Value::Null;
        rewritten["rcps"] = json!([]);
        for policy in policies(&mut rewritten) {
            if let Some(canonical) = canonical(policy) {
                *policy = canonical;
            }
        }
        for field in ["resourcePolicy", "rcps"] {
            rewritten[field] = case[field].clone();
        }
        prop_assert_eq!(decide(&rewritten), decide(case), "{}", rewritten);
        Ok(())
    });
}

#[test]
fn a_list_of_actions_is_as_many_statements() {
    holds(cases(4), &random::case(), |case| {
        let mut split = case.clone();
        for policy in policies(&mut split) {
            let mut apart = Vec::new();
            for statement in random::statements(policy) {
                match statement.get("Action") {
                    Some(Value::Array(actions)) => apart.extend(actions.iter().map(|action| {
                        let mut one = statement.clone();
                        one["Action"] = action.clone();
                        one
                    })),
                    _ => apart.push(statement.clone()),
                }
            }
            let document = if policy.get("policy").is_some() {
                &mut policy["policy"]
            } else {
                policy
            };
            document["Statement"] = Value::Array(apart);
        }
        prop_assert_eq!(decide(&split), decide(case), "{}", split);
        Ok(())
    });
}

fn rewrap(value: &mut Value) {
    match value {
        Value::Array(list) if list.len() == 1 => *value = list.remove(0),
        Value::Array(_) => {}
        scalar => *scalar = json!([scalar.take()]),
    }
}

#[test]
fn a_list_of_one_is_the_scalar() {
    holds(cases(4), &random::case(), |case| {
        let mut other = case.clone();
        for policy in policies(&mut other) {
            for statement in random::statements(policy) {
                for (name, element) in statement.as_object_mut().unwrap() {
                    match (name.as_str(), element) {
                        ("Action" | "NotAction" | "Resource" | "NotResource", list) => rewrap(list),
                        ("Principal" | "NotPrincipal", Value::Object(kinds)) => {
                            kinds.values_mut().for_each(rewrap);
                        }
                        ("Condition", Value::Object(block)) => block
                            .values_mut()
                            .flat_map(|keys| keys.as_object_mut().unwrap().values_mut())
                            .for_each(rewrap),
                        _ => {}
                    }
                }
            }
            let document = if policy.get("policy").is_some() {
                &mut policy["policy"]
            } else {
                policy
            };
            rewrap(&mut document["Statement"]);
        }
        prop_assert_eq!(decide(&other), decide(case), "{}", other);
        Ok(())
    });
}

fn fires(block: &Value, context: &Value) -> bool {
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": block });
    let case = json!({ "id": "c", "principal": "arn:aws:iam::111111111111:user/ann",
        "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "context": context,
        "identityPolicies": [{ "Version": "2012-10-17", "Statement": [allow, deny] }] });
    decide(&case) == "ExplicitlyDenied"
}

fn condition() -> impl Strategy<Value = Value> {
    random::condition().prop_map(|(operator, key, values)| json!([operator, key, values]))
}

fn block(operator: &str, key: &Value, values: &Value) -> Value {
    let mut keys = Map::new();
    keys.insert(key.as_str().unwrap().to_owned(), values.clone());
    json!({ operator: keys })
}

#[test]
fn keys_of_an_operator_are_joined_by_and() {
    let two = (condition(), condition()).prop_map(|(a, b)| json!([a, b]));
    holds(cases(2), &with(random::context(), two), |both| {
        let (context, a, b) = (&both["case"], &both["more"][0], &both["more"][1]);
        let operator = a[0].as_str().unwrap();
        let mut joined = block(operator, &a[1], &a[2]);
        if a[1] != b[1] {
            joined[operator][b[1].as_str().unwrap()] = b[2].clone();
            let single = |one: &Value| fires(&block(operator, &one[1], &one[2]), context);
            prop_assert_eq!(fires(&joined, context), single(a) && single(b));
        }
        Ok(())
    });
}

#[test]
fn null_is_true_or_false() {
    let key = condition().prop_map(|condition| condition[1].clone());
    holds(cases(2), &with(random::context(), key), |both| {
        let says = |word: &str| fires(&block("Null", &both["more"], &json!(word)), &both["case"]);
        prop_assert!(says("true") != says("false"));
        Ok(())
    });
}

const NEGATED: &[(&str, &str)] = &[
    ("StringEquals", "StringNotEquals"),
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    ("StringLike", "StringNotLike"),
    ("NumericEquals", "NumericNotEquals"),
    ("DateEquals", "DateNotEquals"),
    ("IpAddress", "NotIpAddress"),
    ("ArnEquals", "ArnNotEquals"),
    ("ArnLike", "ArnNotLike"),
];

#[test]
fn a_negated_operator_is_the_complement() {
    let strategy = with(
        random::context(),
        (select(NEGATED), condition())
            .prop_map(|((plain, negated), condition)| json!([plain, negated, condition])),
    );
    holds(cases(1), &strategy, |both| {
        let (context, more) = (&both["case"], &both["more"]);
        let key = more[2][1].as_str().unwrap();
        let value = context
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        if value.is_none_or(|(_, value)| value.is_array()) {
            return Ok(());
        }
        let says = |operator: &Value| {
            fires(
                &block(operator.as_str().unwrap(), &more[2][1], &more[2][2]),
                context,
            )
        };
        let (plain, negated) = (says(&more[0]), says(&more[1]));
        let values = [&more[2][2], value.unwrap().1];
        let typed = more[0].as_str().unwrap().starts_with("String");
        prop_assert!(!(plain && negated), "both hold for {:?}", values);
        prop_assert!(!typed || plain != negated, "neither holds for {:?}", values);
        if plain == negated {
            let each = random::list(&more[2][2]);
            let wrong = each.iter().any(|one| {
                let alone = |operator: &Value| {
                    fires(
                        &block(operator.as_str().unwrap(), &more[2][1], one),
                        context,
                    )
                };
                !alone(&more[0]) && !alone(&more[1])
            });
            prop_assert!(
                wrong,
                "neither holds, but no value is of the wrong type: {:?}",
                values
            );
        }
        Ok(())
    });
}

#[test]
fn explanations_agree() {
    holds(cases(2), &random::case(), |case| {
        let verdict = oracle::verdict(case).unwrap();
        let explained = engine::answer(&case.to_string(), true);
        prop_assert_eq!(engine::word(&explained).unwrap(), decide(case));
        let request = engine::read(case);
        prop_assert_eq!(request.explain().0.decision, request.decide());
        if verdict.decision == "ExplicitlyDenied" && case.get("resources").is_none() {
            prop_assert_eq!(
                &explained["decidedBy"]["layer"],
                verdict.by,
                "{}",
                explained
            );
        }
        Ok(())
    });
}

//! Random cases of `policies.md` §3 over a small alphabet, so that patterns, keys and principals
//! often match.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const ASKERS: &[(u32, &str)] = &[
    (10, "arn:aws:sts::111111111111:assumed-role/Dev/ann"),
    (7, "arn:aws:iam::111111111111:user/ann"),
    (4, "arn:aws:iam::111111111111:role/p/Dev"),
    (4, "arn:aws:sts::222222222222:assumed-role/Dev/ann"),
    (3, "arn:aws:iam::222222222222:user/ann"),
    (3, "arn:aws:sts::111111111111:federated-user/ann"),
    (
        2,
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    ),
    (3, "arn:aws:iam::111111111111:root"),
    (2, "arn:aws:iam::222222222222:root"),
    (2, "s3.amazonaws.com"),
    (1, "arn:aws:iam::111111111111:saml-provider/Idp"),
    (1, "accounts.google.com"),
    (2, ""),
];

const ASKED: &[(u32, &str, &str)] = &[
    (8, "s3:GetObject", "arn:aws:s3:::b/k"),
    (4, "s3:GetObject", "arn:aws:s3:::b/ann/k"),
    (3, "s3:PutObject", "arn:aws:s3:::b/a*/k"),
    (2, "s3:PutBucketPolicy", "arn:aws:s3:::b"),
    (2, "s3:ListAllMyBuckets", "*"),
    (4, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111111111111:q"),
    (
        5,
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111111111111:key/k1",
    ),
    (
        1,
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111111111111:alias/aws/s3",
    ),
    (4, "sts:AssumeRole", "arn:aws:iam::111111111111:role/Ops"),
    (2, "sts:TagSession", "arn:aws:iam::111111111111:role/p/Ops"),
    (
        1,
        "sts:AssumeRoleWithSAML",
        "arn:aws:iam::111111111111:role/Ops",
    ),
    (1, "sts:GetCallerIdentity", "*"),
    (1, "sts:GetSessionToken", "*"),
    (
        1,
        "kms:RetireGrant",
        "arn:aws:kms:eu-west-1:111111111111:key/k1",
    ),
    (
        1,
        "iam:PutRolePolicy",
        "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X",
    ),
    (
        1,
        "iam:GetRole",
        "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X",
    ),
    (1, "iam:DeletePolicy", "arn:aws:iam::aws:policy/ReadOnly"),
];

const ACTIONS: &[(u32, &str)] = &[
    (24, "*"),
    (7, "s3:*"),
    (5, "s3:Get*"),
    (2, "S3:getobject"),
    (1, "s3:?etObject"),
    (1, "s3:*Object"),
    (1, "*:*"),
    (1, "s3:Get"),
    (1, "sqs:*"),
    (3, "kms:*"),
    (2, "kms:Decrypt"),
    (3, "sts:*"),
    (1, "sts:Assume*"),
    (1, "iam:*"),
    (1, "s3:PutBucketPolicy"),
];

const RCP_ACTIONS: &[(u32, &str)] = &[
    (4, "s3:*"),
    (1, "s3:Get*"),
    (1, "kms:*"),
    (1, "sts:*"),
    (1, "sqs:SendMessage"),
];

const RESOURCES: &[(u32, &str)] = &[
    (32, "*"),
    (5, "arn:aws:s3:::*"),
    (6, "arn:aws:s3:::b/*"),
    (2, "arn:aws:s3:::b/k"),
    (3, "arn:*:s3:::b/${aws:username}/*"),
    (1, "arn:aws:s3:::b/${AWS:PrincipalTag/t, 'ann'}/?"),
    (1, "arn:aws:s3:::b/a${*}/k"),
    (1, "arn:aws:s3:::b/${aws:TagKeys}"),
    (1, "arn:aws:s3:${aws:username}::b/k"),
    (1, "arn:aws:*"),
    (1, "arn:aws:s3*"),
    (1, "**"),
    (1, "*:*:*:*:*:*"),
    (1, "arn:aws:sqs:*:111111111111:*"),
    (1, "arn:aws:*:*:*:key/*"),
    (1, "arn:aws:iam::*:role/*"),
    (1, "arn:aws:sqs:*:q"),
    (1, "arn:aws:*:key/*"),
    (1, "arn:aws:s3:*:b/k"),
    (1, "arn:aws:sqs:eu*:1*:?"),
    (1, "arn:aws:iam:*1:role/Ops"),
    (1, "*:role/Ops"),
    (1, "bucket"),
    (1, "arn:aws:s3:::B/k"),
];

const AWS_PRINCIPALS: &[(u32, &str)] = &[
    (5, "*"),
    (5, "111111111111"),
    (4, "arn:aws:iam::111111111111:root"),
    (6, "arn:aws:iam::111111111111:user/ann"),
    (5, "arn:aws:iam::111111111111:role/p/Dev"),
    (2, "arn:aws:iam::111111111111:role/Dev"),
    (6, "arn:aws:sts::111111111111:assumed-role/Dev/ann"),
    (1, "arn:aws:sts::111111111111:assumed-role/Dev/bob"),
    (3, "222222222222"),
    (1, "arn:aws:iam::222222222222:role/Dev"),
    (1, "AROAEXAMPLE0000000000"),
];

/// Operators with the keys and values that fit them.
struct Family {
    operators: &'static [&'static str],
    keys: &'static [&'static str],
    wanted: &'static [&'static str],
    found: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
            "stringlike",
        ],
        keys: &[
            "aws:username",
            "AWS:UserName",
            "aws:PrincipalTag/t",
            "aws:principaltag/T",
            "aws:TagKeys",
        ],
        wanted: &[
            r#""a""#,
            r#""ann""#,
            r#""ANN""#,
            r#""*""#,
            r#""a*""#,
            r#""a?n""#,
            r#""""#,
            r#""${aws:username}""#,
            r#""${aws:PrincipalTag/t}""#,
            r#""${aws:PrincipalTag/t, 'ann'}""#,
            r#""${aws:TagKeys}""#,
            r#""a${*}""#,
            r#""straße""#,
            "7",
        ],
        found: &[
            r#""a""#,
            r#""ann""#,
            r#""Ann""#,
            r#""a*""#,
            r#""""#,
            r#""STRAßE""#,
            "7",
            "true",
        ],
    },
    Family {
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        keys: &["s3:max-keys"],
        wanted: &[
            "10",
            r#""10.0""#,
            r#""9.50""#,
            r#""-1""#,
            r#""+10""#,
            r#""ten""#,
            "10.5",
            r#""1e1""#,
        ],
        found: &["10", r#""10.0""#, "9.5", r#""-1""#, r#""ten""#, r#""10 ""#],
    },
    Family {
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        keys: &["aws:CurrentTime"],
        wanted: &[
            r#""2025-01-01T00:00:00Z""#,
            r#""2025-01-01""#,
            r#""2025-01""#,
            "1735689600",
            r#""1735689600000""#,
            r#""2025-01-01T01:00:00.500+01:00""#,
            r#""2025-02-29""#,
            r#""soon""#,
        ],
        found: &[
            r#""2025-01-01T00:00:00Z""#,
            "1735689599",
            r#""1735689600000""#,
            r#""2025-01-01T00:00:00.500Z""#,
            r#""2024-12-31T23:30-00:30""#,
            r#""2025""#,
            r#""never""#,
        ],
    },
    Family {
        operators: &["Bool"],
        keys: &["aws:MultiFactorAuthPresent"],
        wanted: &[
            "true",
            "false",
            r#""True""#,
            r#""FALSE""#,
            r#""yes""#,
            r#""${aws:MultiFactorAuthPresent}""#,
        ],
        found: &["true", "false", r#""TRUE""#, r#""no""#],
    },
    Family {
        operators: &["BinaryEquals"],
        keys: &["x:blob"],
        wanted: &[r#""QUI=""#, r#""QUE=""#, r#""QUI""#, r#""""#, r#""??""#],
        found: &[r#""QUI=""#, r#""QUI""#, r#""""#],
    },
    Family {
        operators: &["IpAddress", "NotIpAddress"],
        keys: &["aws:SourceIp"],
        wanted: &[
            r#""10.0.0.0/8""#,
            r#""10.1.2.3/8""#,
            r#""10.9.9.9""#,
            r#""2001:db8::/32""#,
            r#""::ffff:10.0.0.0/104""#,
            r#""0.0.0.0/0""#,
            r#""::/0""#,
            r#""10.0.0.0/33""#,
            r#""here""#,
        ],
        found: &[
            r#""10.9.9.9""#,
            r#""11.0.0.1""#,
            r#""2001:db8::1""#,
            r#""::ffff:10.0.0.1""#,
            r#""nowhere""#,
        ],
    },
    Family {
        operators: &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        keys: &["aws:SourceArn"],
        wanted: &[
            r#""arn:aws:iam::*:role/x-*""#,
            r#""arn:aws:iam::111111111111:role/*""#,
            r#""arn:*:iam::*:role/${aws:username}""#,
            r#""${aws:SourceArn}""#,
            r#""*""#,
            r#""arn:aws:*""#,
            r#""arn""#,
        ],
        found: &[
            r#""arn:aws:iam::111111111111:role/x-1""#,
            r#""arn:aws:iam::111111111111:role/p/x-1""#,
            r#""arn:aws:iam::222222222222:role/ann""#,
            r#""role""#,
        ],
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Plain,
    Resource,
    Scp,
    Rcp,
}

fn weighted(list: &'static [(u32, &'static str)]) -> impl Strategy<Value = String> + Clone {
    let all: Vec<&'static str> = list
        .iter()
        .flat_map(|(weight, text)| std::iter::repeat_n(*text, *weight as usize))
        .collect();
    select(all).prop_map(str::to_owned)
}

fn percent(yes: u32) -> impl Strategy<Value = bool> + Clone {
    prop::bool::weighted(f64::from(yes) / 100.0)
}

fn scalar_or_list<S>(one: S) -> impl Strategy<Value = Value> + Clone
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    prop_oneof![
        5 => one.clone(),
        3 => prop::collection::vec(one, 1..=3).prop_map(Value::Array),
    ]
}

fn texts(list: &'static [(u32, &'static str)]) -> impl Strategy<Value = Value> + Clone {
    scalar_or_list(weighted(list).prop_map(Value::String))
}

fn values(list: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    select(list).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn stray(side: fn(&Family) -> &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    values(select_all(side))
}

fn select_all(side: fn(&Family) -> &'static [&'static str]) -> &'static [&'static str] {
    let all: Vec<&'static str> = FAMILIES
        .iter()
        .flat_map(|family| side(family).iter().copied())
        .collect();
    all.leak()
}

pub(crate) fn condition() -> BoxedStrategy<(String, String, Value)> {
    let mut choices = Vec::new();
    for (at, family) in FAMILIES.iter().enumerate() {
        let value = prop_oneof![12 => values(family.wanted), 1 => stray(|family| family.wanted)];
        let list = prop_oneof![
            30 => scalar_or_list(value),
            1 => Just(json!([])),
        ];
        let set = select(vec![
            "",
            "",
            "",
            "ForAllValues:",
            "ForAnyValue:",
            "forallvalues:",
        ]);
        let suffix = select(vec!["", "", "", "IfExists"]);
        let one = (
            set,
            select(family.operators),
            suffix,
            select(family.keys),
            list,
        )
            .prop_map(|(set, operator, suffix, key, list)| {
                (format!("{set}{operator}{suffix}"), key.to_owned(), list)
            });
        choices.push((if at == 0 { 8 } else { 3 }, one.boxed()));
    }
    let keys: Vec<&'static str> = FAMILIES
        .iter()
        .flat_map(|family| family.keys.iter().copied())
        .collect();
    let truth = select(vec![
        json!("true"),
        json!("false"),
        json!(true),
        json!("False"),
        json!("?"),
    ]);
    let null = (select(keys), scalar_or_list(truth))
        .prop_map(|(key, list)| ("Null".to_owned(), key.to_owned(), list));
    choices.push((3, null.boxed()));
    prop::strategy::Union::new_weighted(choices).boxed()
}

fn condition_block() -> impl Strategy<Value = Option<Value>> {
    let blocks = prop::collection::vec(condition(), 1..=2).prop_map(|conditions| {
        let mut block = Map::new();
        for (operator, key, list) in conditions {
            let keys = block.entry(operator).or_insert_with(|| json!({}));
            keys.as_object_mut().unwrap().insert(key, list);
        }
        Value::Object(block)
    });
    prop::option::weighted(0.3, blocks)
}

fn principals() -> impl Strategy<Value = Value> + Clone {
    let aws = texts(AWS_PRINCIPALS);
    let one = |name: &'static str, value: Value| Just(json!({ name: value }));
    prop_oneof![
        3 => Just(json!("*")),
        14 => aws.prop_map(|list| json!({ "AWS": list })),
        1 => one("Service", json!("s3.amazonaws.com")),
        1 => one("Service", json!(["sns.amazonaws.com", "s3.amazonaws.com"])),
        1 => one("Federated", json!("arn:aws:iam::111111111111:saml-provider/Idp")),
        1 => Just(json!({ "AWS": "111111111111", "Service": "s3.amazonaws.com",
            "Federated": "accounts.google.com" })),
    ]
}

pub(crate) fn statement(layer: Layer) -> BoxedStrategy<Value> {
    let deny = percent(match layer {
        Layer::Plain | Layer::Resource => 18,
        Layer::Scp => 20,
        Layer::Rcp => 100,
    });
    let actions = if layer == Layer::Rcp {
        RCP_ACTIONS
    } else {
        ACTIONS
    };
    let negations = (percent(8), percent(8), percent(25));
    let body = (
        deny,
        negations,
        texts(actions),
        texts(RESOURCES),
        principals(),
        condition_block(),
    );
    body.prop_map(
        move |(
            deny,
            (not_action, not_resource, not_principal),
            action,
            resource,
            who,
            condition,
        )| {
            let mut statement = Map::new();
            let named = |not: bool, name: &str| {
                if not {
                    format!("Not{name}")
                } else {
                    name.to_owned()
                }
            };
            statement.insert("Effect".into(), json!(if deny { "Deny" } else { "Allow" }));
            match layer {
                Layer::Resource => {
                    statement.insert(named(deny && not_principal, "Principal"), who);
                }
                Layer::Rcp => {
                    statement.insert("Principal".into(), json!("*"));
                }
                Layer::Plain | Layer::Scp => {}
            }
            statement.insert(named(not_action && layer != Layer::Rcp, "Action"), action);
            statement.insert(named(not_resource, "Resource"), resource);
            if let Some(condition) = condition {
                statement.insert("Condition".into(), condition);
            }
            Value::Object(statement)
        },
    )
    .boxed()
}

pub(crate) fn policy(layer: Layer) -> BoxedStrategy<Value> {
    let version = select(vec![Some("2012-10-17"); 10]).prop_union(select(vec![
        Some("2008-10-17"),
        None,
        Some("2012-10-17"),
    ]));
    let many = prop_oneof![
        2 => statement(layer),
        3 => prop::collection::vec(statement(layer), 1..=3).prop_map(Value::Array),
    ];
    (version, many, percent(8))
        .prop_map(|(version, statements, named)| {
            let mut document = Map::new();
            if let Some(version) = version {
                document.insert("Version".into(), json!(version));
            }
            document.insert("Statement".into(), statements);
            if named {
                json!({ "name": "P", "policy": document })
            } else {
                Value::Object(document)
            }
        })
        .boxed()
}

fn full_access() -> Value {
    json!({ "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } })
}

fn levels(layer: Layer) -> BoxedStrategy<Value> {
    let full = Just(full_access());
    let level = match layer {
        Layer::Rcp => prop::collection::vec(policy(layer), 0..=1).boxed(),
        Layer::Plain | Layer::Resource | Layer::Scp => prop_oneof![
            5 => full.prop_map(|full| vec![full]),
            2 => policy(layer).prop_map(|policy| vec![policy]),
            2 => policy(layer).prop_map(|policy| vec![full_access(), policy]),
        ]
        .boxed(),
    };
    let none = if layer == Layer::Scp { 5 } else { 8 };
    prop_oneof![
        none => Just(json!([])),
        3 => prop::collection::vec(level, 1..=3).prop_map(|levels| json!(levels)),
    ]
    .boxed()
}

pub(crate) fn context() -> BoxedStrategy<Value> {
    let mut keys: Vec<BoxedStrategy<Option<(String, Value)>>> = Vec::new();
    for family in FAMILIES {
        let mut seen: Vec<String> = Vec::new();
        for key in family.keys {
            if seen.contains(&key.to_lowercase()) {
                continue;
            }
            seen.push(key.to_lowercase());
            let one = values(family.found);
            let listed = prop::collection::vec(one.clone(), 0..=2).prop_map(Value::Array);
            let lists = if *key == "aws:TagKeys" { 12 } else { 2 };
            let value = prop_oneof![
                12 => one,
                lists => listed,
                1 => stray(|family| family.found),
            ];
            let spelled = percent(10).prop_map(move |upper| {
                if upper {
                    key.to_uppercase()
                } else {
                    (*key).to_owned()
                }
            });
            keys.push(prop::option::weighted(0.7, (spelled, value)).boxed());
        }
    }
    keys.prop_map(|keys| Value::Object(keys.into_iter().flatten().collect()))
        .boxed()
}

fn asker() -> impl Strategy<Value = Value> {
    weighted(ASKERS).prop_map(|text| {
        if text.is_empty() {
            json!({ "anonymous": true })
        } else {
            json!(text)
        }
    })
}

fn asked() -> impl Strategy<Value = (String, Value)> {
    let all: Vec<_> = ASKED
        .iter()
        .flat_map(|(weight, action, resource)| {
            std::iter::repeat_n((*action, *resource), *weight as usize)
        })
        .collect();
    (select(all), percent(5)).prop_map(|((action, resource), two)| {
        let resource = match (two, resource) {
            (true, "arn:aws:s3:::b/k") => json!(["arn:aws:s3:::b/k", "arn:aws:s3:::b/ann/k"]),
            _ => json!(resource),
        };
        (action.to_owned(), resource)
    })
}

pub(crate) fn case() -> BoxedStrategy<Value> {
    let optional = |weight: f64, layer| prop::option::weighted(weight, policy(layer));
    let request = (asker(), asked(), context(), percent(8), percent(10));
    let layers = (
        prop::collection::vec(policy(Layer::Plain), 0..=3),
        levels(Layer::Scp),
        levels(Layer::Rcp),
        optional(0.8, Layer::Resource),
        optional(0.2, Layer::Plain),
        optional(0.2, Layer::Plain),
    );
    (request, layers)
        .prop_map(
            |((who, (action, resource), context, management, elsewhere), layers)| {
                let (identity, scps, rcps, mut by_resource, boundary, session) = layers;
                let mut case = Map::new();
                case.insert("id".into(), json!("c"));
                case.insert("principal".into(), who);
                let trust = resource.as_str().is_some_and(|arn| arn.contains(":role/"));
                case.insert("action".into(), json!(action));
                let field = if resource.is_array() {
                    "resources"
                } else {
                    "resource"
                };
                case.insert(field.into(), resource);
                if elsewhere {
                    case.insert("resourceAccount".into(), json!("222222222222"));
                }
                case.insert("context".into(), context);
                case.insert("identityPolicies".into(), json!(identity));
                case.insert("scps".into(), scps);
                case.insert("rcps".into(), rcps);
                if trust && let Some(policy) = &mut by_resource {
                    without_resource(policy);
                }
                case.insert("resourcePolicy".into(), json!(by_resource));
                case.insert("boundary".into(), json!(boundary));
                case.insert("session".into(), json!(session));
                if management {
                    case.insert("flags".into(), json!({ "managementAccount": true }));
                }
                Value::Object(case)
            },
        )
        .boxed()
}

fn without_resource(policy: &mut Value) {
    for statement in statements(policy) {
        let statement = statement.as_object_mut().unwrap();
        statement.remove("Resource");
        statement.remove("NotResource");
    }
}

pub(crate) fn statements(policy: &mut Value) -> Vec<&mut Value> {
    let document = if policy.get("policy").is_some() {
        &mut policy["policy"]
    } else {
        policy
    };
    match &mut document["Statement"] {
        Value::Array(list) => list.iter_mut().collect(),
        one => vec![one],
    }
}

pub(crate) fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

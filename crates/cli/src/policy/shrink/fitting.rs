//! Chooses the new policy's place: the permission set; if too long, equivalent customer managed
//! policies; else suggests a coarser policy that fits.

use hallpass_activity::{
    PolicyText, ReplayVerdict, ShrinkError, ShrinkGrain, ShrinkProof, ShrinkQuestion, UnseenKept,
    prove, shrink,
};
use hallpass_aws_model::facts;
use hallpass_channels::wording::lists::number;
use hallpass_iam::size::{self, AttachmentPoint};
use hallpass_terminal::output;
use serde_json::{Value, json};

/// Managed policies per role, at AWS's default quota.
const POLICIES_MAX: usize = facts::MANAGED_POLICIES_PER_ROLE.count();

#[derive(Debug)]
pub(super) enum Fitting {
    Inline,
    /// As customer managed policies, proved as one.
    Managed {
        policies: Vec<PolicyText>,
        proof: Box<ShrinkProof>,
    },
    TooLong {
        why: String,
        coarser: Option<CoarserPolicy>,
    },
}

#[derive(Debug)]
pub(super) struct CoarserPolicy {
    options: String,
    characters: usize,
    is_proved: bool,
}

fn fits(policy: &Value) -> Option<usize> {
    let size = size::measure(&policy.to_string(), AttachmentPoint::PermissionSet, None);
    (size.used <= size.limit).then_some(size.used)
}

pub(super) fn fit(
    set: &str,
    policy: Option<&Value>,
    question: &ShrinkQuestion<'_>,
) -> Result<Fitting, ShrinkError> {
    let Some(policy) = policy.filter(|it| fits(it).is_none()) else {
        return Ok(Fitting::Inline);
    };
    let why = match size::split(&policy.to_string(), AttachmentPoint::Managed, None) {
        Ok(parts) if parts.len() <= POLICIES_MAX => {
            let named = parts.into_iter().enumerate().map(|(at, text)| PolicyText {
                name: format!("{set}-{}", at + 1),
                text,
            });
            let policies: Vec<PolicyText> = named.collect();
            let (old, boundary) = (question.policies, question.boundary);
            let proof = prove(old, boundary, &policies, question.uses)?;
            return Ok(Fitting::Managed {
                policies,
                proof: Box::new(proof),
            });
        }
        Ok(parts) => format!(
            "it would take {} managed policies, and a role has {POLICIES_MAX} at most",
            parts.len()
        ),
        Err(error) => error.to_string(),
    };
    Ok(Fitting::TooLong {
        why,
        coarser: coarser(question)?,
    })
}

fn coarser(question: &ShrinkQuestion<'_>) -> Result<Option<CoarserPolicy>, ShrinkError> {
    let grains: &[(ShrinkGrain, &str)] = match question.grain {
        ShrinkGrain::Action => &[
            (ShrinkGrain::Action, "action"),
            (ShrinkGrain::Level, "level"),
            (ShrinkGrain::Service, "service"),
        ],
        ShrinkGrain::Level => &[
            (ShrinkGrain::Level, "level"),
            (ShrinkGrain::Service, "service"),
        ],
        ShrinkGrain::Service => &[(ShrinkGrain::Service, "service")],
    };
    let as_asked = (question.unseen, "");
    let kept = [
        as_asked,
        (UnseenKept::OfUsedServices, " --unseen used-services"),
    ];
    let kept = match question.unseen {
        UnseenKept::All => &kept[..],
        // never propose less than requested, and more is longer
        UnseenKept::OfUsedServices | UnseenKept::None => kept.get(..1).unwrap_or_default(),
    };
    for (unseen, words) in kept {
        for (grain, name) in grains {
            let tried = shrink(&ShrinkQuestion {
                grain: *grain,
                resources: hallpass_activity::ResourceGrain::Any,
                unseen: *unseen,
                ..*question
            })?;
            if let Some(characters) = tried.policy.as_ref().and_then(fits) {
                return Ok(Some(CoarserPolicy {
                    options: format!("--grain {name}{words}"),
                    characters,
                    is_proved: tried.proof.is_whole(),
                }));
            }
        }
    }
    Ok(None)
}

impl Fitting {
    pub(super) fn document(&self) -> Option<Value> {
        match self {
            Self::Inline => None,
            Self::Managed { policies, proof } => {
                let row = |it: &PolicyText| {
                    let size = size::measure(&it.text, AttachmentPoint::Managed, None);
                    let policy: Value = serde_json::from_str(&it.text).unwrap_or_default();
                    json!({"name": it.name, "characters": size.used, "policy": policy})
                };
                let rows: Vec<Value> = policies.iter().map(row).collect();
                Some(json!({"customer_managed_policies": rows, "proof": proof}))
            }
            Self::TooLong { why, coarser } => {
                let coarser = coarser.as_ref().map(|it| {
                    json!({"options": it.options, "characters": it.characters, "proved": it.is_proved})
                });
                Some(json!({"too_long": why, "coarser": coarser}))
            }
        }
    }

    pub(super) fn lines(&self, policy: &Value) -> String {
        match self {
            Self::Managed { policies, .. } => {
                let lines = policies.iter().flat_map(|it| [it.text.as_str(), "\n"]);
                lines.collect()
            }
            Self::Inline | Self::TooLong { .. } => format!("{policy}\n"),
        }
    }

    pub(super) fn tell(&self) -> bool {
        match self {
            Self::Inline => true,
            Self::Managed { policies, proof } => {
                let is_proved = proof.is_whole();
                output::say(&format!(
                    "it is too long for an inline policy, and fits {} customer managed policies ({}), which were replayed as one: {} would break",
                    policies.len(),
                    policies
                        .iter()
                        .map(|it| it.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                    number(proof.events(ReplayVerdict::WouldBreak))
                ));
                output::say(
                    "`--output policies` prints them, one a line; make them in every account where the set is used before it names them",
                );
                is_proved
            }
            Self::TooLong { why, coarser } => {
                output::say(&format!("it is too long for an inline policy: {why}"));
                match coarser {
                    Some(it) => output::say(&format!(
                        "`{}` fits, with {} characters{}",
                        it.options,
                        number(it.characters as u64),
                        if it.is_proved { ", and is proved" } else { "" }
                    )),
                    None => {
                        output::say("no coarser one fits either: give the set less to begin with");
                    }
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hallpass_activity::{ResourceGrain, SeenCall, SeenUse};
    use hallpass_base::Timestamp;

    use super::*;

    fn used(event: &str) -> SeenUse {
        SeenUse {
            call: SeenCall {
                account_id: "111111111111".to_owned(),
                region: "eu-west-1".to_owned(),
                person: "ana".to_owned(),
                service: "ec2".to_owned(),
                event: event.to_owned(),
                error_code: None,
                resources: None,
            },
            events: 3,
            last: "2026-11-20T00:00:00Z".parse::<Timestamp>().unwrap(),
        }
    }

    fn policy(element: &str, actions: usize) -> Value {
        let names = (0..actions).map(|it| format!("ec2:AnActionWithALongName{it:04}"));
        let names: Vec<String> = names.chain(["ec2:DescribeInstances".to_owned()]).collect();
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", element: names, "Resource": "*"}]})
    }

    fn fitted(policy: &Value, uses: &[SeenUse]) -> Fitting {
        let old = [PolicyText {
            name: "old".to_owned(),
            text: policy.to_string(),
        }];
        let none = BTreeSet::new();
        let question = ShrinkQuestion {
            policies: &old,
            boundary: None,
            uses,
            grain: ShrinkGrain::Action,
            resources: ResourceGrain::Any,
            unseen: UnseenKept::All,
            data_events: &none,
        };
        fit("Dev", Some(policy), &question).unwrap()
    }

    #[test]
    fn h_40_what_is_too_long_is_split_and_proved_as_one() {
        assert!(matches!(
            fitted(&policy("Action", 50), &[]),
            Fitting::Inline
        ));
        let whole = policy("Action", 500);
        let Fitting::Managed { policies, proof } = fitted(&whole, &[used("DescribeInstances")])
        else {
            panic!("500 actions fit");
        };
        assert_eq!((proof.succeeded, proof.is_whole()), (3, true));
        let mut actions = BTreeMap::new();
        for policy in &policies {
            assert!(policy.text.len() <= 6_144, "{}", policy.text.len());
            let value: Value = serde_json::from_str(&policy.text).unwrap();
            for statement in value["Statement"].as_array().unwrap() {
                for action in statement["Action"].as_array().unwrap() {
                    *actions.entry(action.to_string()).or_insert(0) += 1;
                }
            }
        }
        assert_eq!((actions.len(), actions.values().max()), (501, Some(&1)));
        let names: Vec<&str> = policies.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["Dev-1", "Dev-2", "Dev-3"]);
    }

    #[test]
    fn h_40_a_proof_of_parts_says_what_would_break() {
        let Fitting::Managed { proof, .. } =
            fitted(&policy("Action", 500), &[used("RunInstances")])
        else {
            panic!("500 actions fit");
        };
        assert!(!proof.is_whole());
    }

    #[test]
    fn h_40_what_cannot_be_split_has_a_reason() {
        let Fitting::TooLong { why, .. } = fitted(&policy("NotAction", 500), &[]) else {
            panic!("it fits");
        };
        assert!(why.contains("no list that may be split"), "{why}");
        let Fitting::TooLong { why, .. } = fitted(&policy("Action", 3_000), &[]) else {
            panic!("3000 actions fit");
        };
        assert!(why.contains("a role has 10 at most"), "{why}");
    }
}

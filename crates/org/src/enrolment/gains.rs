//! Differences for an account between two units (`organization.md` N-8).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::facts::EnrolmentFacts;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub policies_gained: Vec<String>,
    pub policies_lost: Vec<String>,
    pub controls_gained: Vec<String>,
    pub controls_lost: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Exchange {
    pub fn words(&self) -> String {
        let part = |sign: char, kind: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{sign}{kind} {}", names.join(", ")))
        };
        let parts = [
            part('+', "SCP", &self.policies_gained),
            part('-', "SCP", &self.policies_lost),
            part('+', "control", &self.controls_gained),
            part('-', "control", &self.controls_lost),
            part('?', "unread", &self.unread),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join("; ")
    }
}

#[derive(Default)]
struct Held {
    policies: BTreeSet<String>,
    controls: BTreeSet<String>,
}

fn held(parent: &str, facts: &EnrolmentFacts, unread: &mut BTreeSet<String>) -> Held {
    let mut held = Held::default();
    for place in facts.path(parent) {
        let Some(part) = facts.governed.get(&place) else {
            continue;
        };
        match &part.policies {
            Ok(names) => held.policies.extend(names.iter().cloned()),
            Err(why) => {
                unread.insert(format!("{} of {}", why.action, facts.unit_name(&place)));
            }
        }
        match &part.controls {
            Ok(all) => {
                let names = all.iter().map(|it| it.control.rsplit('/').next());
                held.controls.extend(names.flatten().map(str::to_owned));
            }
            Err(why) => {
                unread.insert(format!("{} of {}", why.action, facts.unit_name(&place)));
            }
        }
    }
    held
}

pub fn exchange(from: &str, to: &str, facts: &EnrolmentFacts) -> Exchange {
    let mut unread = BTreeSet::new();
    let (before, after) = (held(from, facts, &mut unread), held(to, facts, &mut unread));
    let less =
        |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
    Exchange {
        policies_gained: less(&after.policies, &before.policies),
        policies_lost: less(&before.policies, &after.policies),
        controls_gained: less(&after.controls, &before.controls),
        controls_lost: less(&before.controls, &after.controls),
        unread: unread.into_iter().collect(),
    }
}

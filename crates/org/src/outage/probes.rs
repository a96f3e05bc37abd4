//! Evaluates sample calls with the policy engine before a drill is attached.

use std::sync::Arc;

use hallpass_base::Timestamp;
use hallpass_iam::{
    Context, Decision, Layers, LoadError, Policy, PolicyType, Request, decide, facts,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::DrillFile;

/// Allows everything, at the root and next to the drill.
const FULL_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const MEMBER: &str = "222233334444";
const ANY_ACTION: &str = "ec2:RunInstances";
/// Limit of sampled services.
const SERVICES_MAX: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRow {
    pub action: String,
    pub expected: String,
    pub got: String,
}

impl ProbeRow {
    pub fn is_good(&self) -> bool {
        self.expected == self.got
    }
}

struct Sample<'a> {
    what: &'a str,
    principal: String,
    region: &'a str,
    at: Timestamp,
    management: bool,
    expected: Decision,
}

/// Evaluates sample calls before, in and after the window, elsewhere, by an exempt role and in the
/// management account (`policies.md` §8.2).
///
/// # Errors
/// The policy is unreadable.
pub fn probes(drill: &DrillFile) -> Result<Vec<ProbeRow>, LoadError> {
    let scp = Arc::new(Policy::parse(&drill.content, PolicyType::Scp)?);
    let full = Arc::new(Policy::parse(FULL_ACCESS, PolicyType::Scp)?);
    let layers = Layers {
        scps: vec![vec![Arc::clone(&full)], vec![full, scp]],
        identity: vec![Arc::new(Policy::parse(FULL_ACCESS, PolicyType::Identity)?)],
        ..Layers::default()
    };
    let mut rows = Vec::new();
    for action in sampled(drill) {
        for sample in samples(drill) {
            rows.push(ask(&layers, &action, &sample)?);
        }
    }
    Ok(rows)
}

/// One call per denied service.
fn sampled(drill: &DrillFile) -> Vec<String> {
    let known = |pattern: &String| match pattern.as_str() {
        "*" => Some(ANY_ACTION.to_owned()),
        pattern => {
            let (prefix, name) = pattern.split_once(':')?;
            let stem = name.trim_end_matches('*');
            let action = facts::service(prefix)?
                .actions()
                .iter()
                .find(|action| action.name.starts_with(stem) && !stem.contains(['*', '?']))?;
            Some(format!("{prefix}:{}", action.name))
        }
    };
    let mut found: Vec<String> = drill.actions.iter().filter_map(known).collect();
    found.dedup_by(|a, b| a.split(':').next() == b.split(':').next());
    found.truncate(SERVICES_MAX);
    found
}

fn samples(drill: &DrillFile) -> Vec<Sample<'_>> {
    let region = drill.regions.first().map_or("us-east-1", String::as_str);
    let elsewhere = if region == "eu-west-1" {
        "us-west-2"
    } else {
        "eu-west-1"
    };
    let admin = format!("arn:aws:iam::{MEMBER}:role/admin");
    let second = SignedDuration::from_secs(1);
    let before = drill
        .starts_at
        .checked_sub(second)
        .unwrap_or(Timestamp::MIN);
    let sample = |what, region, at, expected| Sample {
        what,
        principal: admin.clone(),
        region,
        at,
        management: false,
        expected,
    };
    let (start, end) = (drill.starts_at, drill.ends_at);
    let mut samples = vec![
        sample("as it begins", region, start, Decision::ExplicitlyDenied),
        sample("before it begins", region, before, Decision::Allowed),
        sample("as it ends", region, end, Decision::Allowed),
        sample("in another Region", elsewhere, start, Decision::Allowed),
        Sample {
            management: true,
            ..sample(
                "in the management account",
                region,
                start,
                Decision::Allowed,
            )
        },
    ];
    if let Some(role) = drill.exempt.first() {
        samples.push(Sample {
            principal: concrete(role),
            ..sample("by an exempt role", region, start, Decision::Allowed)
        });
    }
    samples
}

fn concrete(pattern: &str) -> String {
    let parts: Vec<String> = pattern
        .split(':')
        .enumerate()
        .map(|(index, part)| match (index, part) {
            (4, part) if part.contains(['*', '?']) => MEMBER.to_owned(),
            (_, part) => part.replace(['*', '?'], "x"),
        })
        .collect();
    parts.join(":")
}

fn ask(layers: &Layers, action: &str, sample: &Sample<'_>) -> Result<ProbeRow, LoadError> {
    let context = Context::new()
        .with("aws:RequestedRegion", sample.region)
        .with("aws:CurrentTime", sample.at.to_string())
        .with("aws:PrincipalArn", sample.principal.clone());
    let request = Request::new(&sample.principal, action, "*", context)?
        .management_account(sample.management);
    let got = decide(layers, &request);
    Ok(ProbeRow {
        action: format!("{action} {}", sample.what),
        expected: sample.expected.as_str().to_owned(),
        got: got.as_str().to_owned(),
    })
}

//! Renders explanations: decision, reason, near misses.

use super::caller::{CallerKind, CallerMatch};
use super::condition::Reason;
use super::context::ContextValue;
use super::decide::{Decision, Layer};
use super::explain::{ConditionTrace, Decider, Explanation, StatementTrace};
use super::request::Request;
use crate::language::Effect;

const NEAR_MISSES_MAX: usize = 5;

impl Explanation {
    /// Lines: decision, reason, near misses.
    pub fn words(&self, request: &Request) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{}: {} on {}",
                self.decision,
                request.action_as_written(),
                request.resource()
            ),
            format!("because {}", self.because(request)),
        ];
        lines.extend(self.near_misses());
        lines
    }

    pub fn because(&self, request: &Request) -> String {
        match (self.decision, &self.decided_by) {
            (Decision::ExplicitlyDenied, Some(by)) => format!("{} denies it", statement_name(by)),
            (Decision::Allowed, Some(by)) => format!("{} allows it", statement_name(by)),
            (Decision::Allowed, None) if request.is_root() => {
                "the root user needs no policy in its own account".to_owned()
            }
            (Decision::Allowed, None) => "this call needs no permission".to_owned(),
            (_, Some(by)) => match (by.layer, by.level) {
                (Layer::Scp, Some(level)) => format!(
                    "no service control policy at level {level} ({}) allows it",
                    if level == 0 {
                        "the root"
                    } else {
                        "below the root"
                    }
                ),
                (Layer::Boundary, _) => "the permissions boundary does not allow it".to_owned(),
                (Layer::Session, _) => "no session policy allows it".to_owned(),
                (Layer::Resource, _) => {
                    "the resource's policy does not allow it to this principal".to_owned()
                }
                _ if self.lacks_session_policy(request) => {
                    "the session of a federated user has permissions of its identity only with a \
                     session policy"
                        .to_owned()
                }
                _ => "no policy of the identity allows it".to_owned(),
            },
            (_, None) => "only AWS itself writes this".to_owned(),
        }
    }

    fn lacks_session_policy(&self, request: &Request) -> bool {
        let mut statements = self.statements.iter();
        request.caller().kind() == CallerKind::FederatedUser
            && !statements.any(|it| it.layer == Layer::Session)
    }

    pub fn near_misses(&self) -> Vec<String> {
        if self.decision != Decision::ImplicitlyDenied {
            return Vec::new();
        }
        self.statements
            .iter()
            .filter(|it| it.effect == Effect::Allow && !it.applies && self.lacks(it))
            .filter_map(near_miss)
            .take(NEAR_MISSES_MAX)
            .collect()
    }

    fn lacks(&self, trace: &StatementTrace) -> bool {
        let layer = match trace.level {
            Some(level) => format!("{}@{level}", trace.layer.as_str()),
            None => trace.layer.as_str().to_owned(),
        };
        self.blocked_by.contains(&layer)
    }
}

fn statement_name(by: &Decider) -> String {
    let level = by
        .level
        .map_or_else(String::new, |level| format!(" at level {level}"));
    let policy = by.policy.as_deref().unwrap_or("?");
    let number = by.index.map_or(0, |index| index + 1);
    let sid = by.sid.as_deref().unwrap_or("(no sid)");
    format!(
        "statement #{number} {sid} of policy {policy} in layer {}{level}",
        by.layer.as_str()
    )
}

fn near_miss(trace: &StatementTrace) -> Option<String> {
    let mut failed = Vec::new();
    if !trace.action {
        failed.push("its actions covered this one".to_owned());
    }
    if !trace.resource {
        failed.push("its resources covered this one".to_owned());
    }
    if trace.principal == Some(CallerMatch::Not) {
        failed.push("it named this principal".to_owned());
    }
    failed.extend(
        trace
            .conditions
            .iter()
            .filter(|condition| !condition.holds)
            .map(wanted_values),
    );
    match failed.as_slice() {
        [one] => {
            let level = trace
                .level
                .map_or_else(String::new, |level| format!("@{level}"));
            Some(format!(
                "near miss: statement #{} {} of policy {} in layer {}{level} would match if {one}",
                trace.index + 1,
                trace.sid.as_deref().unwrap_or("(no sid)"),
                trace.policy,
                trace.layer.as_str(),
            ))
        }
        _ => None,
    }
}

fn wanted_values(condition: &ConditionTrace) -> String {
    let key = &condition.key;
    let listed: Vec<String> = condition
        .resolved
        .iter()
        .zip(&condition.policy_values)
        .map(|(resolved, written)| format!("`{}`", resolved.as_ref().unwrap_or(written)))
        .collect();
    let listed = listed.join(" or ");
    let has = match &condition.request_value {
        None => "it is absent".to_owned(),
        Some(ContextValue::One(value)) => format!("it is `{value}`"),
        Some(ContextValue::List(values)) => format!("it is the list {}", values.join(", ")),
    };
    let operator = &condition.operator;
    match condition.reason {
        Reason::VariableUnresolved => {
            format!("the variables in {listed} for {key} had a value")
        }
        Reason::MultiWithoutSet => {
            format!("{operator} had a set operator: {key} holds several values here")
        }
        Reason::NotANumber | Reason::NotADate | Reason::NotAnAddress | Reason::NotAnArn => {
            format!("{key} and its listed values were of {operator}'s type ({has})")
        }
        _ if operator.ends_with("Equals") && !operator.contains("Not") => {
            format!("{key} were {listed} ({has})")
        }
        _ => format!("{operator} {key} {listed} held ({has})"),
    }
}

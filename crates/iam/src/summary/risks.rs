//! Finds the risks of a policy. The action lists are data: [`crate::facts::risk`].

use serde::Serialize;

use super::effective::Effective;
use crate::facts::{ActionFacts, actions_matching, risk};

const WAYS_MAX: usize = 6;
const ACTIONS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    Escalation,
    Credentials,
    Data,
    Exposure,
}

impl RiskKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Escalation => "escalation",
            Self::Credentials => "credentials",
            Self::Data => "data",
            Self::Exposure => "exposure",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Escalation => "Can gain more permissions",
            Self::Credentials => "Can take credentials",
            Self::Data => "Can take data out",
            Self::Exposure => "Can change who has access",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    pub kind: RiskKind,
    pub why: String,
    pub actions: Vec<String>,
    pub more: usize,
    pub limited: bool,
}

type Class = (RiskKind, fn(&ActionFacts) -> bool, &'static str);

pub(super) fn of(effective: &Effective) -> Vec<Risk> {
    if effective.len() == actions_matching("*").count() {
        return vec![everything(effective)];
    }
    let mut risks = escalations(effective);
    let classes: [Class; 3] = [
        (
            RiskKind::Credentials,
            risk::exposes_credentials,
            "These answer with credentials, or make some that can be used elsewhere and later.",
        ),
        (
            RiskKind::Data,
            risk::exfiltrates,
            "These give out the content of stores, or copy it out of the account.",
        ),
        (
            RiskKind::Exposure,
            risk::exposes_resources,
            "These change who may use resources or act as roles, people outside the account included.",
        ),
    ];
    for (kind, belongs, why) in classes {
        let (names, open) = effective.of_class(belongs);
        if !names.is_empty() {
            risks.push(risk(kind, why, names, !open));
        }
    }
    risks
}

fn everything(effective: &Effective) -> Risk {
    Risk {
        kind: RiskKind::Escalation,
        why: "Every action is allowed: its holder can give themselves and others anything, \
              read all data and undo protections."
            .to_owned(),
        actions: Vec::new(),
        more: effective.len(),
        limited: effective.find("iam:CreatePolicyVersion") == Some(false),
    }
}

fn risk(kind: RiskKind, why: &str, mut actions: Vec<String>, limited: bool) -> Risk {
    let more = actions.len().saturating_sub(ACTIONS_MAX);
    actions.truncate(ACTIONS_MAX);
    Risk {
        kind,
        why: why.to_owned(),
        actions,
        more,
        limited,
    }
}

fn escalations(effective: &Effective) -> Vec<Risk> {
    let mut ways: Vec<(&risk::Escalation, bool)> = Vec::new();
    for set in risk::ESCALATIONS {
        let found: Option<Vec<bool>> = set.actions.iter().map(|it| effective.find(it)).collect();
        if let Some(open) = found {
            ways.push((set, open.contains(&false)));
        }
    }
    let named = ways.iter().take(WAYS_MAX).map(|(set, limited)| {
        let actions = set.actions.iter().map(|it| (*it).to_owned()).collect();
        risk(RiskKind::Escalation, why(set.actions), actions, *limited)
    });
    let mut risks: Vec<Risk> = named.collect();
    let rest: Vec<String> = ways
        .iter()
        .skip(WAYS_MAX)
        .map(|(set, _)| set.actions.join(" + "))
        .collect();
    if !rest.is_empty() {
        let limited = ways.iter().skip(WAYS_MAX).all(|(_, limited)| *limited);
        let why = "Further ways to permissions that the policy does not give.";
        risks.push(risk(RiskKind::Escalation, why, rest, limited));
    }
    risks
}

/// Why the actions of a set allow escalation; the last action decides.
fn why(actions: &[&str]) -> &'static str {
    let last = actions.last().copied().unwrap_or_default();
    if actions.contains(&"iam:PassRole") {
        return match last {
            "ec2:RunInstances" => "Starts a machine that runs as any role that may be passed.",
            "lambda:InvokeFunction" | "lambda:CreateEventSourceMapping" => {
                "Makes a function that runs as any role that may be passed, and runs it."
            }
            "cloudformation:CreateStack" => {
                "Makes a stack that acts as any role that may be passed."
            }
            _ => "Starts work that runs as any role that may be passed.",
        };
    }
    match last {
        "iam:CreatePolicyVersion" | "iam:SetDefaultPolicyVersion" => {
            "Rewrites a policy, also one that applies to its holder."
        }
        "iam:CreateAccessKey" => "Makes keys of other users.",
        "iam:CreateLoginProfile" | "iam:UpdateLoginProfile" => "Sets passwords of other users.",
        "iam:AttachUserPolicy"
        | "iam:AttachGroupPolicy"
        | "iam:AttachRolePolicy"
        | "iam:PutUserPolicy"
        | "iam:PutGroupPolicy"
        | "iam:PutRolePolicy" => "Gives users, groups or roles any policy.",
        "iam:AddUserToGroup" => "Puts users into groups that may do more.",
        "sts:AssumeRole" => "Rewrites who may take a role, and takes it.",
        "iam:AcquireRole" => {
            "Makes a role from a template of AWS, with its trust policy and rights."
        }
        "iam:DeleteRolePermissionsBoundary" => "Removes the boundary that limits a role.",
        "lambda:UpdateFunctionCode" => "Replaces the code of functions, which run as their roles.",
        "glue:UpdateDevEndpoint" => "Gets into an endpoint that runs as its role.",
        "codestar:CreateProject" => "Makes a project whose service role may do more.",
        "sso:PutInlinePolicyToPermissionSet"
        | "sso:AttachManagedPolicyToPermissionSet"
        | "sso:AttachCustomerManagedPolicyReferenceToPermissionSet" => {
            "Changes what permission sets allow, also its own."
        }
        "sso:CreateAccountAssignment" => "Assigns any permission set to anyone.",
        "sso:UpdateInstanceAccessControlAttributeConfiguration" => {
            "Changes the attributes that access is decided by."
        }
        "identitystore:CreateGroupMembership" => "Puts people into groups that may do more.",
        "organizations:AttachPolicy"
        | "organizations:DetachPolicy"
        | "organizations:UpdatePolicy" => "Changes what whole accounts may do.",
        _ => "Leads to permissions that the policy does not give.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_its_reason() {
        for set in risk::ESCALATIONS {
            let why = why(set.actions);
            assert!(!why.starts_with("Leads to"), "{:?}", set.actions);
        }
    }
}

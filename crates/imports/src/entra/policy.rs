//! A policy of a group: how long a membership may be active, what it takes, and who approves.

use hallpass_rules::syntax::{Node, Value};

use super::export::{list, text};
use crate::draft::{Approval, StageDraft};
use crate::names::{LookUp, People};
use crate::report::RowNote;

/// What an activation takes.
#[derive(Debug, Clone)]
pub(super) struct PolicyTerms {
    pub(super) seconds: u64,
    pub(super) approval: Approval,
    pub(super) ticket: bool,
}

const MFA: &str = "multifactor authentication is a matter of the identity provider: require it there for the sign-in \
                   to Hallpass and to AWS";
const CONTEXT: &str = "an authentication context is a matter of the identity provider: require it there for the sign-in \
                       to Hallpass and to AWS";
const TOLD: &str = "notifications: Hallpass tells people by the channels of its own configuration";
const UNASKED: &str = "no approver is named: administrators of privileged roles approve there, and nobody here until the rule \
                       names somebody";
const ESCALATION: &str =
    "approvers to whom it escalates approve no earlier there; add them to the rule by hand";
const MANAGER: &str =
    "the manager of a requester is who the identity store has as `manager`: provision it";
const ABOVE: &str = "managers of managers are in no rule; add approvers to the rule by hand";
const BACKUP: &str =
    "a backup approves only where none of the others can there; add them to the rule by hand";
const OTHERS: &str = "rules do not say who that is; add approvers to the rule by hand";
const COMMENT: &str = "approvers have to give a reason of their own there; here they may";

/// Reads the rules of a policy that are about activating.
///
/// # Errors
/// What of them no rule of ours can say.
pub(super) fn terms(
    policy: &Node,
    look: &mut LookUp<'_>,
    notes: &mut Vec<RowNote>,
) -> Result<PolicyTerms, RowNote> {
    let unclear = || RowNote::Unclear {
        attribute: "rules",
        due: "a list of rules of the policy (`$expand=policy($expand=effectiveRules)`)",
    };
    // those in force, with what the policy inherits; its own where the export does not have them
    let rules = match list(policy, "effectiveRules").ok_or_else(unclear)? {
        [] => list(policy, "rules").ok_or_else(unclear)?,
        rules => rules,
    };
    let mut read = ReadRules::default();
    for rule in rules {
        read.rule(rule, look, notes)?;
    }
    Ok(PolicyTerms {
        seconds: read.seconds.ok_or(RowNote::Unclear {
            attribute: "Expiration_EndUser_Assignment",
            due: "a rule with the longest time (`maximumDuration`)",
        })?,
        approval: read.approval.ok_or(RowNote::Unclear {
            attribute: "Approval_EndUser_Assignment",
            due: "a rule that says whether an approval is required",
        })?,
        ticket: read.ticket.ok_or(RowNote::Unclear {
            attribute: "Enablement_EndUser_Assignment",
            due: "a rule with what an activation takes (`enabledRules`)",
        })?,
    })
}

#[derive(Default)]
struct ReadRules {
    seconds: Option<u64>,
    approval: Option<Approval>,
    ticket: Option<bool>,
}

impl ReadRules {
    fn rule(
        &mut self,
        rule: &Node,
        look: &mut LookUp<'_>,
        notes: &mut Vec<RowNote>,
    ) -> Result<(), RowNote> {
        let id = text(rule, "id");
        if id.starts_with("Notification_") {
            if !notes.contains(&RowNote::Configuration(TOLD)) {
                notes.push(RowNote::Configuration(TOLD));
            }
            return Ok(());
        }
        // what administrators may do when they assign is no matter of requests
        if ["_Admin_Eligibility", "_Admin_Assignment"]
            .iter()
            .any(|end| id.ends_with(end))
        {
            return Ok(());
        }
        let twice = |known: bool| {
            let twice = format!(
                "its rule `{}` is there twice",
                hallpass_model::text::line(id, 80)
            );
            if known {
                Err(RowNote::NotSaid(twice.into()))
            } else {
                Ok(())
            }
        };
        match id {
            "Expiration_EndUser_Assignment" => {
                twice(self.seconds.is_some())?;
                let due = RowNote::Unclear {
                    attribute: "maximumDuration",
                    due: "a length as ISO 8601 has it, a minute at least (`PT8H`)",
                };
                self.seconds = Some(seconds(text(rule, "maximumDuration")).ok_or(due)?);
            }
            "Approval_EndUser_Assignment" => {
                twice(self.approval.is_some())?;
                self.approval = Some(approval(rule, look, notes)?);
            }
            "Enablement_EndUser_Assignment" => {
                twice(self.ticket.is_some())?;
                self.ticket = Some(takes_ticket(rule, notes)?);
            }
            "AuthenticationContext_EndUser_Assignment" => {
                let is_on = rule.get("isEnabled").map(|it| &it.value);
                if is_on != Some(&Value::Bool(false)) {
                    notes.push(RowNote::Elsewhere(CONTEXT));
                }
            }
            other => return Err(RowNote::UnknownAttribute(other.to_owned())),
        }
        Ok(())
    }
}

/// Whether an activation takes a ticket.
fn takes_ticket(rule: &Node, notes: &mut Vec<RowNote>) -> Result<bool, RowNote> {
    let unclear = || RowNote::Unclear {
        attribute: "enabledRules",
        due: "a list of what an activation takes",
    };
    let enabled = rule.get("enabledRules");
    let enabled = enabled.and_then(|_| list(rule, "enabledRules"));
    let mut ticket = false;
    for enabled in enabled.ok_or_else(unclear)? {
        match enabled.as_text() {
            // a reason is always due in Hallpass
            Some("Justification") => {}
            Some("Ticketing") => ticket = true,
            Some("MultiFactorAuthentication") => notes.push(RowNote::Elsewhere(MFA)),
            other => {
                let other = other.unwrap_or("enabledRules");
                return Err(RowNote::UnknownAttribute(other.to_owned()));
            }
        }
    }
    Ok(ticket)
}

fn approval(
    rule: &Node,
    look: &mut LookUp<'_>,
    notes: &mut Vec<RowNote>,
) -> Result<Approval, RowNote> {
    let unclear = || RowNote::Unclear {
        attribute: "Approval_EndUser_Assignment",
        due: "a rule with its setting",
    };
    let setting = rule.get("setting").ok_or_else(unclear)?;
    match setting.get("isApprovalRequired").map(|it| &it.value) {
        Some(Value::Bool(false)) => return Ok(Approval::Never),
        Some(Value::Bool(true)) => {}
        _ => return Err(unclear()),
    }
    let mode = text(setting, "approvalMode");
    if mode == "NoApproval" {
        // it is required and it is not: the stricter of both
        notes.push(RowNote::Narrower(
            "an approval is required although its mode is `NoApproval`".into(),
        ));
    } else if !["", "SingleStage", "Serial", "Parallel"].contains(&mode) {
        return Err(RowNote::UnknownAttribute(mode.to_owned()));
    }
    let mut stages = Vec::new();
    for (place, stage) in list(setting, "approvalStages")
        .ok_or_else(unclear)?
        .iter()
        .enumerate()
    {
        if list(stage, "escalationApprovers").is_none_or(|list| !list.is_empty()) {
            notes.push(RowNote::Narrower(ESCALATION.into()));
        }
        let comment = RowNote::Otherwise(COMMENT.into());
        if takes_comment(stage) && !notes.contains(&comment) {
            notes.push(comment);
        }
        let approvers = list(stage, "primaryApprovers").ok_or_else(unclear)?;
        stages.push(StageDraft {
            name: format!("stage {}", place + 1),
            people: people_of(approvers, look, notes),
            quorum: 1,
        });
    }
    if stages.iter().all(|it| it.people.is_nobody()) {
        notes.push(RowNote::Narrower(UNASKED.into()));
        return Ok(Approval::By(People::default()));
    }
    match stages.as_slice() {
        [only] => Ok(Approval::By(only.people.clone())),
        _ => Ok(Approval::Stages(stages)),
    }
}

/// Whether who approves has to say why.
fn takes_comment(stage: &Node) -> bool {
    let required = stage.get("isApproverJustificationRequired");
    required.is_some_and(|it| !matches!(it.value, Value::Null | Value::Bool(false)))
}

/// Who approves. Who stands in for others does only where these are all there is.
fn people_of(approvers: &[Node], look: &mut LookUp<'_>, notes: &mut Vec<RowNote>) -> People {
    let is_backup = |it: &Node| it.get("isBackup").map(|it| &it.value) == Some(&Value::Bool(true));
    let is_named = |it: &Node| ["singleUser", "groupMembers"].contains(&kind_of(it));
    let has_first = approvers.iter().any(|it| !is_backup(it));
    // a manager or sponsor is whom somebody who is named stands in for, whatever is said of them
    let has_others = approvers.iter().any(|it| !is_named(it));
    let mut people = People::default();
    for approver in approvers {
        if is_backup(approver) && (has_first || has_others && is_named(approver)) {
            notes.push(left_out(text(approver, "description"), BACKUP));
        } else {
            approver_of(approver, &mut people, look, notes);
        }
    }
    people
}

/// What an approver is: `singleUser`, `groupMembers`, `requestorManager`, or another kind.
fn kind_of(approver: &Node) -> &str {
    let kind = text(approver, "@odata.type").rsplit('.').next();
    kind.unwrap_or_default()
}

fn left_out(id: &str, why: &'static str) -> RowNote {
    RowNote::LeftOut {
        what: "approver",
        id: hallpass_model::text::line(id, 80),
        why,
    }
}

fn approver_of(
    approver: &Node,
    people: &mut People,
    look: &mut LookUp<'_>,
    notes: &mut Vec<RowNote>,
) {
    let id = |keys: [&str; 2]| {
        let mut ids = keys.into_iter().map(|key| text(approver, key));
        ids.find(|id| !id.is_empty()).unwrap_or_default().to_owned()
    };
    let about = text(approver, "description");
    let (what, id, found) = match kind_of(approver) {
        "groupMembers" => {
            let id = id(["groupId", "id"]);
            let found = look.group(&id, about);
            people.groups.extend(found.clone());
            ("group of approvers", id, found)
        }
        "singleUser" => {
            let id = id(["userId", "id"]);
            let found = look.user(&id, about);
            people.users.extend(found.clone());
            ("approver", id, found)
        }
        "requestorManager" => {
            // the first above them, where it does not say which
            let level = approver.get("managerLevel").map(|it| &it.value);
            if level.is_none_or(|it| matches!(it, Value::Null) || *it == Value::Number("1".into()))
            {
                people.manager = true;
                notes.push(RowNote::Configuration(MANAGER));
            } else {
                notes.push(left_out("requestorManager", ABOVE));
            }
            return;
        }
        other => {
            notes.push(RowNote::LeftOut {
                what: "kind of approvers",
                id: hallpass_model::text::line(other, 80),
                why: OTHERS,
            });
            return;
        }
    };
    if found.is_none() {
        notes.push(RowNote::LeftOut {
            what,
            id: hallpass_model::text::line(&id, 80),
            why: "it is not named here; add it to the file of names (`--names`)",
        });
    }
}

/// A length of ISO 8601 without years and months, as `P1DT8H30M`; seconds that are no whole minute are left off.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    let days = units(days, &[('D', 86_400)])?;
    let time = units(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
    let all = days.checked_add(time)?;
    (60..=366 * 86_400).contains(&all).then_some(all)
}

fn units(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut all = 0_u64;
    for (unit, seconds) in units {
        let Some((number, after)) = rest.split_once(*unit) else {
            continue;
        };
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|_| is_number)?;
        all = all.checked_add(number.checked_mul(*seconds)?)?;
        rest = after;
    }
    rest.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_iso_8601() {
        for (text, expected) in [
            ("PT8H", Some(8 * 3600)),
            ("PT30M", Some(1800)),
            ("PT1H30M", Some(5400)),
            ("P1D", Some(86_400)),
            ("P1DT2H", Some(93_600)),
            ("PT90S", Some(90)),
            ("PT59S", None),
            ("PT0S", None),
            ("P", None),
            ("PT", None),
            ("P1Y", None),
            ("P1M", None),
            ("PT8", None),
            ("PT-8H", None),
            ("PT+8H", None),
            ("PT8H8H", None),
            ("PT1M1H", None),
            ("8H", None),
            ("", None),
            ("PT99999999999999999999H", None),
            ("P367D", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}

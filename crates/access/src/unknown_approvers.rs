//! Whether anybody could ever approve what somebody asks for. Rules count an address that they name, whoever
//! has it; a press counts of enabled users of the directory alone (decision 0152).

use std::collections::BTreeSet;

use hallpass_model::{Email, UserId};
use hallpass_rules::{Decision, Directory};

use crate::preview::{AskRefused, AskVerdict, by_rules};

/// What rules and directory say to somebody who asks, whatever the length and the reason: as [`by_rules`], and
/// what too few enabled users could approve waits for nobody.
pub(crate) fn by_rules_and_people(
    decision: &Decision,
    directory: &Directory,
) -> Result<AskVerdict, AskRefused> {
    match by_rules(decision)? {
        AskVerdict::Waits => {}
        decided @ (AskVerdict::Granted(_) | AskVerdict::BreakGlassOnly) => return Ok(decided),
    }
    // whoever may break the glass needs a request to do it on
    if decision.break_glass || can_be_met(decision, directory) {
        return Ok(AskVerdict::Waits);
    }
    let unknown = decision.approvers.iter();
    let unknown = unknown.filter(|address| user(address, directory).is_none());
    Err(AskRefused::UnknownApprovers(unknown.cloned().collect()))
}

/// Whether there are as many enabled users as have to approve, and those of each stage. Looks no further than
/// that: a catalog asks it of every entry.
fn can_be_met(decision: &Decision, directory: &Directory) -> bool {
    let enough = |approvers: &BTreeSet<Email>, count: u32| {
        let mut missing = count;
        let mut users = BTreeSet::new();
        let mut found = approvers.iter().filter_map(|it| user(it, directory));
        while missing > 0 {
            match found.next() {
                Some(user) if users.insert(user) => missing -= 1,
                Some(_) => {}
                None => return false,
            }
        }
        true
    };
    enough(&decision.approvers, decision.approvals_needed.max(1)) && { decision.stages.iter() }
        .all(|stage| enough(&stage.approvers, stage.quorum))
}

/// The one enabled user who has an address.
fn user<'d>(address: &Email, directory: &'d Directory) -> Option<&'d UserId> {
    let person = directory.person_by_email(address).ok()?;
    person.enabled.then_some(&person.user_id)
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{Person, Snapshot};
    use hallpass_rules::{Ask, PersonAttributes, RuleFile, load};

    use super::*;

    /// Ana and Bo, and Cai, who is disabled.
    fn directory() -> Directory {
        let people = [("ana", true), ("bo", true), ("cai", false)];
        let people = people
            .iter()
            .zip(1..)
            .map(|((name, enabled), n): (_, u8)| Person {
                user_id: UserId::new(format!("{n:08}-0000-0000-0000-000000000000")).unwrap(),
                user_name: (*name).to_owned(),
                display_name: (*name).to_owned(),
                emails: vec![address(name)],
                enabled: *enabled,
                attributes: PersonAttributes::default(),
            });
        Directory::new(Snapshot {
            people: people.collect(),
            ..Snapshot::default()
        })
    }

    fn address(name: &str) -> Email {
        Email::new(&format!("{name}@corp.example")).unwrap()
    }

    /// What Ana is told who asks under a rule with these lines.
    fn asked(lines: &str) -> Result<AskVerdict, AskRefused> {
        let text = format!("[[rule]]\naccounts = \"*\"\npermission_sets = \"*\"\n{lines}\n");
        let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
        let directory = directory();
        let account = "111111111111".parse().unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "ReadOnly",
        };
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let decision = rules.decide(&address("ana"), &ask, &directory, now);
        by_rules_and_people(&decision, &directory)
    }

    fn unknown(names: &[&str]) -> Result<AskVerdict, AskRefused> {
        Err(AskRefused::UnknownApprovers(
            names.iter().map(|name| address(name)).collect(),
        ))
    }

    #[test]
    fn who_asks_waits_only_for_approvers_who_are_enabled_users() {
        let (bo, cai, dana) = ("bo@corp.example", "cai@corp.example", "dana@corp.example");
        for (lines, expected) in [
            (format!("approvers = '{bo}'"), Ok(AskVerdict::Waits)),
            (
                format!("approvers = ['{bo}', '{dana}']"),
                Ok(AskVerdict::Waits),
            ),
            // nobody has it, or a disabled user
            (format!("approvers = '{dana}'"), unknown(&["dana"])),
            (
                format!("approvers = ['{cai}', '{dana}']"),
                unknown(&["cai", "dana"]),
            ),
            // one is there, and two have to approve
            (
                format!("approvers = ['{bo}', '{dana}']\nmin_approvals = 2"),
                unknown(&["dana"]),
            ),
            // of a stage alone
            (
                format!(
                    "stages = [{{ name = 'a', approvers = ['{bo}'] }}, {{ name = 'b', approvers = ['{dana}'] }}]"
                ),
                unknown(&["dana"]),
            ),
            (
                format!("approvers = '{dana}'\nbreak_glass = 'ana@corp.example'"),
                Ok(AskVerdict::Waits),
            ),
            ("approval_is_not_required = true".to_owned(), {
                Ok(AskVerdict::Granted(crate::Approval::NotRequired))
            }),
        ] {
            assert_eq!(asked(&lines), expected, "{lines}");
        }
    }

    #[test]
    fn the_refusal_names_the_addresses() {
        let why = asked("approvers = ['dana@corp.example', 'eve@corp.example']").unwrap_err();
        assert_eq!(why.code(), "NoApprovers");
        let words = why.message(&[], "prod / Admin", "the platform team");
        assert!(
            words.contains("dana@corp.example, eve@corp.example"),
            "{words}"
        );
        assert!(words.contains("the platform team"), "{words}");
    }
}

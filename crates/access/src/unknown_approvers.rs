//! Detects requests without enough possible approvers. Rules count every address they name;
//! approvals count only from enabled directory users (`access.md` §3).

use std::collections::BTreeSet;

use hallpass_base::Email;
use hallpass_rules::directory::NotOnePerson;
use hallpass_rules::{Decision, Directory};

/// Returns the listed approvers who are not enabled users if too few are; `None` if enough are, or
/// if some data is unread.
pub(crate) fn where_too_few(decision: &Decision, directory: &Directory) -> Option<Vec<Email>> {
    if !decision.unread.is_empty() || can_be_met(decision, directory) {
        return None;
    }
    let unknown = decision.approvers.iter();
    let unknown = unknown.filter(|address| approver(address, directory).is_none());
    let unknown: Vec<Email> = unknown.cloned().collect();
    // Otherwise the rules already report too few approvers.
    (!unknown.is_empty()).then_some(unknown)
}

/// Checks the total and each stage, and stops early: a catalog calls it for every entry.
fn can_be_met(decision: &Decision, directory: &Directory) -> bool {
    let enough = |approvers: &BTreeSet<Email>, count: u32| {
        let mut missing = count;
        let mut users = BTreeSet::new();
        let mut found = approvers.iter().filter_map(|it| approver(it, directory));
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

/// Identifies an approver by user id. A shared address may belong to a group member, who approves
/// as themselves.
fn approver<'a>(address: &'a Email, directory: &'a Directory) -> Option<&'a str> {
    match directory.person_by_email(address) {
        Ok(person) => person.enabled.then_some(person.user_id.as_str()),
        Err(NotOnePerson::Ambiguous) => Some(address.as_str()),
        Err(NotOnePerson::None) => None,
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::UserId;
    use hallpass_rules::directory::{Person, Snapshot};
    use hallpass_rules::{Ask, PersonAttributes, RuleFile, load};

    use super::*;

    /// Ana and Bo, Cai, who is disabled, and two with one address.
    fn directory() -> Directory {
        let people = [
            ("ana", true),
            ("bo", true),
            ("cai", false),
            ("twin", true),
            ("twin", true),
        ];
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

    /// The missing approvers of Ana's request under a rule with these lines.
    fn asked(lines: &str) -> Option<Vec<Email>> {
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
        where_too_few(&decision, &directory)
    }

    fn unknown(names: &[&str]) -> Vec<Email> {
        names.iter().map(|name| address(name)).collect()
    }

    #[test]
    fn who_asks_waits_only_for_approvers_who_are_enabled_users() {
        let (bo, cai, dana) = ("bo@corp.example", "cai@corp.example", "dana@corp.example");
        for (lines, expected) in [
            (format!("approvers = '{bo}'"), None),
            (format!("approvers = ['{bo}', '{dana}']"), None),
            // Unused, or a disabled user's address
            (format!("approvers = '{dana}'"), Some(unknown(&["dana"]))),
            (
                format!("approvers = ['{cai}', '{dana}']"),
                Some(unknown(&["cai", "dana"])),
            ),
            // One exists, two are needed
            (
                format!("approvers = ['{bo}', '{dana}']\nmin_approvals = 2"),
                Some(unknown(&["dana"])),
            ),
            // Only in one stage
            (
                format!(
                    "stages = [{{ name = 'a', approvers = ['{bo}'] }}, {{ name = 'b', approvers = ['{dana}'] }}]"
                ),
                Some(unknown(&["dana"])),
            ),
            // Membership may tell them apart
            ("approvers = 'twin@corp.example'".to_owned(), None),
        ] {
            assert_eq!(asked(&lines), expected, "{lines}");
        }
    }
}

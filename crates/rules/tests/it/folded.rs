//! Case-insensitive, Unicode-normalized comparison of names and values (`access.md` §15.1):
//! exclusions must not be bypassed.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_rules::{Ask, DecisionKind, Directory, PersonAttribute};

use crate::world::{PAYMENTS_PROD, directory, email, noon, rules};

fn facts(text: &str) -> Directory {
    let mut snapshot = directory().snapshot().clone();
    for person in snapshot.people.iter_mut().take(1) {
        person.attributes.read(PersonAttribute::Title, Some(text));
    }
    for group in snapshot.groups.iter_mut().take(1) {
        text.clone_into(&mut group.name);
    }
    for account in snapshot.accounts.iter_mut().take(1) {
        text.clone_into(&mut account.name);
        account.tags = BTreeMap::from([("Team".to_owned(), text.to_owned())]).into();
    }
    Directory::new(snapshot)
}

fn may_ask(lines: &str, facts: &Directory) -> bool {
    let text = format!("[[rule]]\npermission_sets = '*'\napprovers = 'cai@corp.com'\n{lines}\n");
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let decision = rules("r.toml", &text).decide(&email("ana"), &ask, facts, noon());
    decision.kind == DecisionKind::RequiresApproval
}

#[test]
fn what_is_written_in_other_capitals_is_the_same() {
    const ALIKE: [&[&str]; 4] = [
        &[
            "Ärztin",
            "ärztin",
            "ÄRZTIN",
            "A\u{308}rztin",
            "a\u{308}RZTIN",
        ],
        &["Zürich", "zürich", "ZÜRICH", "ZU\u{308}RICH"],
        &["Großkunden", "GROSSKUNDEN", "großkunden"],
        &["Équipe", "équipe", "ÉQUIPE", "e\u{301}quipe"],
    ];
    for names in ALIKE {
        for (written, is) in names
            .iter()
            .flat_map(|w| names.iter().map(move |is| (w, is)))
        {
            let facts = facts(is);
            let lets = |lines: String| may_ask(&lines, &facts);
            let said = format!("written {written}, is {is}");
            for key in ["requester_attributes = { title", "account_tags = { Team"] {
                let everywhere = "accounts = '*'";
                let wanted = format!("{everywhere}\n{key} = ['{written}'] }}");
                assert!(lets(wanted), "{key}: {said}");
                let left_out = format!("{everywhere}\n{key} = ['*', '!{written}'] }}");
                assert!(!lets(left_out), "{key}: {said}");
            }
            assert!(
                !lets(format!(
                    "accounts = '*'\nexcept_account_tags = {{ Team = '{written}' }}"
                )),
                "{said}"
            );
            assert!(lets(format!("accounts = '{written}'")), "{said}");
            assert!(!lets(format!("accounts = ['*', '!{written}']")), "{said}");
            assert!(
                lets(format!("accounts = '*'\nallowed_groups = ['{written}']")),
                "{said}"
            );
            assert!(
                !lets(format!(
                    "accounts = '*'\nexcept_requester_groups = ['{written}']"
                )),
                "{said}"
            );
        }
    }
}

#[test]
fn other_letters_are_others() {
    let facts = facts("Zürich");
    for other in ["Zurich", "Zurich*", "Zu*", "Zuerich"] {
        let lines = format!("accounts = '*'\nrequester_attributes = {{ title = '{other}' }}");
        assert!(!may_ask(&lines, &facts), "{other}");
    }
}

//! Updates fit Security Hub for any account name, tags and contact (`organization.md` E-7).

use hallpass_findings::{
    AccountFacts, AccountTag, EnrichSettings, FindingNote, MemberAccount, NotePolicy,
    SecurityContact, update_of,
};
use proptest::prelude::*;

use crate::world::findings;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(" \t ".to_owned()),
        "[a-zA-Z0-9 :=|,]{0,20}",
        "\\PC{0,60}",
        "(\\n|\\r|\u{2028}|😀|.){0,40}",
        Just("x".repeat(1_500)),
    ]
}

const OWN_AND_ONE: &[&str] = &[
    "AccountName",
    "OU",
    "findingEnriched",
    "securityContact",
    "Owner",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => text(), 1 => prop::sample::select(OWN_AND_ONE).prop_map(str::to_owned)]
}

fn contact() -> impl Strategy<Value = SecurityContact> {
    let parts = (text(), text(), text(), text());
    parts.prop_map(|(name, title, email, phone)| SecurityContact {
        name,
        title,
        email,
        phone,
    })
}

fn facts() -> impl Strategy<Value = AccountFacts> {
    let tags = prop::collection::vec((key(), text()), 0..70);
    let member = (text(), text(), tags, prop::option::of(contact())).prop_map(
        |(name, unit, tags, contact)| {
            let tags = tags
                .into_iter()
                .map(|(key, value)| AccountTag { key, value });
            AccountFacts::Member(MemberAccount {
                name,
                unit,
                tags: tags.collect(),
                contact,
            })
        },
    );
    prop_oneof![8 => member, 1 => Just(AccountFacts::Outside)]
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_update_is_one_that_security_hub_takes(
        facts in facts(),
        existing in prop::collection::btree_map(key(), text(), 0..60),
        note in prop::option::of((text(), "[a-z]{0,5}")),
        policy in 0..3,
        name in prop::option::of(text()),
    ) {
        let mut finding = findings("org-sh-imported").remove(0);
        finding.fields = existing;
        finding.account_name = name;
        finding.note = note.map(|(text, updated_by)| FindingNote { text, updated_by });
        let notes = [NotePolicy::Keep, NotePolicy::Append, NotePolicy::Replace][usize::try_from(policy).unwrap()];
        let settings = EnrichSettings { notes, ..EnrichSettings::default() };
        let update = update_of(&finding, &facts, &settings);
        prop_assert!(update.fields.len() <= 50);
        for name in ["AccountName", "OU", "findingEnriched"] {
            prop_assert!(update.fields.contains_key(name), "{name}");
        }
        prop_assert_eq!(&update.fields["findingEnriched"], "True");
        for (key, value) in &update.fields {
            prop_assert!(!key.trim().is_empty() && length(key) <= 128, "{key:?}");
            prop_assert!(!value.trim().is_empty() && length(value) <= 1024, "{value:?}");
        }
        if let Some(note) = &update.note {
            prop_assert!(length(&note.text) <= 512 && !note.text.trim().is_empty(), "{:?}", note.text);
            if notes == NotePolicy::Keep {
                prop_assert!(finding.note.as_ref().is_none_or(|it| it.text.trim().is_empty()));
            }
        }
        if let AccountFacts::Member(MemberAccount { contact, .. }) = &facts {
            prop_assert_eq!(update.fields.contains_key("securityContact"), contact.is_some());
        }
        // analysts' fields stay within the limit
        let others = finding.fields.iter().filter(|(key, value)| {
            !["AccountName", "OU", "findingEnriched", "securityContact"].contains(&key.as_str())
                && !key.trim().is_empty() && !value.trim().is_empty()
                && length(key) <= 128 && length(value) <= 1024 && !key.chars().any(|it| it.is_control() || it == '\u{2028}')
        });
        for (key, value) in others.take(46) {
            prop_assert_eq!(update.fields.get(key), Some(value));
        }
        prop_assert_eq!(update_of(&finding, &facts, &settings), update);
    }
}

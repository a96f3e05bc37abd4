use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_aws_model::facts::{self, Fact, FactSource, FactStanding};

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/aws-facts.md"
);

const HEAD: &str = "\
# AWS facts and quotas

For operators and developers who want to know which of AWS's numbers Hallpass uses, what each
decides, and how sure it is.

The tables are made from the program (`aws-model/src/facts/`), where each number stands once. *Read*
is the day on which AWS's page, or a stored copy of it, was read; *kept lower* is a number that AWS
has raised since, with the number of its page: Hallpass uses the one that no organization refuses;
*until* is an earlier number, which may still bind an organization. *Not verified* would mean that
the day of reading is not recorded. A quota of an account that AWS raised or lowered is not
known here; where AWS refuses something for its quota, its reason is shown.
";

fn thousands(value: u32) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn standing(standing: FactStanding) -> String {
    match standing {
        FactStanding::Read(day) => format!("read {day}"),
        FactStanding::Lower { says, read } => format!("kept lower; AWS says {says}, read {read}"),
        FactStanding::Until(day) => format!("until {day}"),
        FactStanding::NotVerified => "not verified".to_owned(),
    }
}

fn source(source: FactSource) -> String {
    match source.section {
        "" => source.page.to_owned(),
        section => format!("{}, {section}", source.page),
    }
}

fn page() -> String {
    let mut text = HEAD.to_owned();
    for (part, rows) in facts::all() {
        write!(
            text,
            "\n## {part}\n\n| fact | value | what | decides | source | standing |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for fact in rows {
            writeln!(
                text,
                "| `{}` | {} {} | {} | {} | {} | {} |",
                fact.id,
                thousands(fact.value),
                fact.unit,
                fact.what,
                fact.decides,
                source(fact.source),
                standing(fact.standing),
            )
            .unwrap();
        }
    }
    text.push_str(
        "\n## Actions that policies do not decide\n\n| fact | actions | what | decides | source | standing |\n|---|---|---|---|---|---|\n",
    );
    for fact in facts::ACTIONS {
        let actions: Vec<String> = fact.actions.iter().map(|it| format!("`{it}`")).collect();
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            fact.id,
            actions.join(", "),
            fact.what,
            fact.decides,
            source(fact.source),
            standing(fact.standing),
        )
        .unwrap();
    }
    text
}

#[test]
fn the_reference_page_has_every_fact() {
    let wanted = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == wanted,
        "docs/reference/aws-facts.md differs from the facts; BLESS=1 writes it again"
    );
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok() && text.len() == "2026-11-25".len()
}

#[test]
fn every_fact_says_what_it_decides_and_where_it_comes_from() {
    let all: Vec<&Fact> = facts::all().flat_map(|(_, rows)| rows).collect();
    let ids: BTreeSet<&str> = all.iter().map(|fact| fact.id).collect();
    assert_eq!(ids.len(), all.len(), "ids are unique");
    for fact in all {
        let id = fact.id;
        assert!(fact.value > 0, "{id}");
        for text in [fact.unit, fact.what, fact.decides, fact.source.page] {
            let is_cell = !text.is_empty() && !text.contains(['|', '\n']);
            assert!(is_cell && !text.ends_with('.'), "{id}: `{text}`");
        }
        assert!(fact.source.page.contains(", \""), "{id}: guide and title");
        let days = match fact.standing {
            FactStanding::Read(day) | FactStanding::Until(day) => vec![day],
            FactStanding::Lower { says, read } => {
                assert!(!says.is_empty(), "{id}: what AWS says");
                vec![read]
            }
            FactStanding::NotVerified => Vec::new(),
        };
        assert!(days.into_iter().all(is_day), "{id}");
    }
    for fact in facts::ACTIONS {
        let id = fact.id;
        assert!(!ids.contains(id), "{id}: ids are unique");
        assert!(
            matches!(fact.standing, FactStanding::Read(day) if is_day(day)),
            "{id}"
        );
        let is_action = |it: &&str| it.split_once(':').is_some() && !it.contains('*');
        assert!(fact.actions.iter().all(is_action), "{id}");
        assert!(!fact.actions.is_empty(), "{id}");
    }
}

#[test]
fn the_service_models_do_not_contradict_the_facts() {
    let longest = |service: &str, shape: &str| {
        let service = hallpass_aws_model::tables().service(service).unwrap();
        service.shape(shape).unwrap().max
    };
    let rows = [
        (facts::TAG_KEY_CHARACTERS, "organizations", "TagKey"),
        (facts::TAG_VALUE_CHARACTERS, "organizations", "TagValue"),
        (
            facts::PERMISSION_SET_POLICY_BYTES,
            "sso-admin",
            "PermissionSetPolicyDocument",
        ),
        (facts::POLICY_TEXT_CHARACTERS, "iam", "policyDocumentType"),
        (
            facts::ACCOUNT_NAME_CHARACTERS,
            "organizations",
            "CreateAccountName",
        ),
        (facts::ACCOUNT_EMAIL_CHARACTERS, "organizations", "Email"),
        (facts::SESSION_TAGS, "sts", "tagListType"),
        (facts::SESSION_TAG_KEY_CHARACTERS, "sts", "tagKeyType"),
        (facts::SESSION_TAG_VALUE_CHARACTERS, "sts", "tagValueType"),
        (
            facts::DETECTIVE_MEMBERS_PER_CALL,
            "detective",
            "AccountList",
        ),
        (facts::LOOKUP_PAGE, "cloudtrail", "MaxResults"),
        (facts::EVENT_ENTRIES, "events", "PutEventsRequestEntryList"),
    ];
    for (fact, service, shape) in rows {
        let stated = longest(service, shape);
        assert_eq!(stated, Some(i64::from(fact.value)), "{}", fact.id);
    }
}

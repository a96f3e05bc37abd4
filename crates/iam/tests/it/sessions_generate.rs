//! Revocation policies: generated, parsed, split, refused (`policies.md` §12).

use hallpass_base::Timestamp;
use hallpass_iam::generate::sessions::{
    Match, RevocationEntry, RevocationForm, RevocationSpec, Revocations, Split, generate,
};
use jiff::SignedDuration;

const USER: &str = "9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab";

fn now() -> Timestamp {
    "2025-01-01T12:00:00Z".parse().unwrap()
}

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

fn everyone() -> RevocationSpec {
    RevocationSpec {
        users: texts(&["John@corp.com"]),
        matches: vec![Match::Name, Match::Source],
        user_ids: texts(&[USER]),
        roles: texts(&["arn:aws:iam::111111111111:role/AWSReservedSSO_X_0123456789abcdef"]),
        issued_before: Some("2025-01-01T11:00:00+01:00".to_owned()),
        ..RevocationSpec::new(RevocationForm::Scp)
    }
}

#[test]
fn each_key_has_a_statement_of_its_own() {
    let made = generate(&everyone(), now()).unwrap();
    let text = made.parts[0].pretty();
    assert_text(
        &text,
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "RevokeUserId",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {
        "StringEquals": {
          "identitystore:UserId": [
            "9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab"
          ]
        }
      }
    },
    {
      "Sid": "RevokeName",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {
        "StringLike": {
          "aws:userid": [
            "*:John@corp.com",
            "*:john@corp.com"
          ]
        }
      }
    },
    {
      "Sid": "RevokeSource",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {
        "StringEqualsIgnoreCase": {
          "aws:SourceIdentity": [
            "John@corp.com"
          ]
        }
      }
    },
    {
      "Sid": "RevokeRole",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {
        "ArnLike": {
          "aws:PrincipalArn": [
            "arn:aws:iam::111111111111:role/AWSReservedSSO_X_0123456789abcdef",
            "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_X_0123456789abcdef"
          ]
        },
        "DateLessThan": {
          "aws:TokenIssueTime": "2025-01-01T10:00:00Z"
        }
      }
    }
  ]
}"#,
    );
}

fn assert_text(got: &str, want: &str) {
    assert_eq!(got, want, "the policy differs; it is now:\n{got}");
}

#[test]
fn a_policy_taken_apart_is_the_same_when_written_again() {
    for form in [
        RevocationForm::Scp,
        RevocationForm::Iam,
        RevocationForm::PermissionSet,
    ] {
        for pre_stage in [false, true] {
            let wish = RevocationSpec {
                form,
                pre_stage,
                ..everyone()
            };
            let made = generate(&wish, now()).unwrap();
            let text = made.parts[0].json();
            let read = Revocations::parse(&text).unwrap();
            assert_eq!(read.json().as_deref(), Some(text.as_str()), "{form:?}");
            assert_eq!(read.entries(), made.revocations.entries(), "{form:?}");
        }
    }
}

#[test]
fn entries_come_and_go() {
    let staged = RevocationSpec {
        pre_stage: true,
        ..RevocationSpec::new(RevocationForm::Scp)
    };
    let staged = generate(&staged, now()).unwrap().parts[0].json();
    assert_eq!(staged.matches("hallpass-none").count(), 3, "{staged}");

    let wish = RevocationSpec {
        into: Revocations::parse(&staged).unwrap(),
        users: texts(&["ana"]),
        ..RevocationSpec::new(RevocationForm::Scp)
    };
    let made = generate(&wish, now()).unwrap();
    let text = made.parts[0].json();
    assert!(text.contains(r#""aws:userid":["*:ana"]"#), "{text}");
    assert_eq!(text.matches("hallpass-none").count(), 2, "{text}");

    let mut read = Revocations::parse(&text).unwrap();
    let ana = RevocationEntry::Name {
        value: "ana".to_owned(),
    };
    assert!(!read.add(ana.clone()), "it is there already");
    assert!(read.remove(&ana));
    assert!(!read.remove(&ana));
    assert_eq!(read.json(), Some(staged));

    let mut plain = Revocations::new();
    plain.add(ana.clone());
    plain.remove(&ana);
    assert_eq!(plain.json(), None, "an empty policy is to be detached");
}

#[test]
fn each_instant_has_a_statement_and_an_end() {
    let mut wish = everyone();
    wish.users.clear();
    wish.user_ids.clear();
    let first = generate(&wish, now()).unwrap();
    wish.into = first.revocations;
    wish.issued_before = Some("2025-01-01T09:00:00Z".to_owned());
    let made = generate(&wish, now()).unwrap();
    let text = made.parts[0].json();
    assert!(text.contains(r#""Sid":"RevokeRole","#), "{text}");
    assert!(text.contains(r#""Sid":"RevokeRole2","#), "{text}");
    assert_eq!(made.added.len(), 2);
    let end = made.added[0].ends(now(), SignedDuration::from_hours(4));
    assert_eq!(end.to_string(), "2025-01-01T13:00:00Z");
    let name = RevocationEntry::Name {
        value: "ana".to_owned(),
    };
    let end = name.ends(now(), SignedDuration::from_hours(4));
    assert_eq!(end.to_string(), "2025-01-01T16:00:00Z");
    assert!(
        made.order
            .contains("8. detach the deny after 2025-01-01T21:00:00Z")
    );
    assert_eq!(Revocations::parse(&text).unwrap(), made.revocations);
}

#[test]
fn what_does_not_fit_is_split_or_refused() {
    let ids = |count: usize| -> Vec<String> {
        let id = |n: usize| format!("{n:08x}-1111-4222-8333-1234567890ab");
        (0..count).map(id).collect()
    };
    let wish = |count, split| RevocationSpec {
        user_ids: ids(count),
        split,
        ..RevocationSpec::new(RevocationForm::Scp)
    };
    let fits = generate(&wish(258, Split::No), now()).unwrap();
    assert_eq!(fits.parts.len(), 1);
    let refused = generate(&wish(400, Split::No), now()).unwrap_err();
    assert_eq!(refused.code, "E_SIZE");
    let made = generate(&wish(800, Split::Slots(4)), now()).unwrap();
    assert_eq!(made.parts.len(), 4);
    let mut seen = Vec::new();
    for part in &made.parts {
        let text = part.json();
        assert!(text.len() <= 10_240, "{}", text.len());
        seen.extend(Revocations::parse(&text).unwrap().entries().to_vec());
    }
    assert_eq!(seen, made.revocations.entries(), "no entry is lost");
    let refused = generate(&wish(800, Split::Slots(3)), now()).unwrap_err();
    assert_eq!(refused.code, "E_SIZE");
}

/// flag=value … → code
const REFUSED: &[(&str, &[(&str, &str)])] = &[
    (
        "E_ARG",
        &[
            ("no one", ""),
            (
                "a variant of no name",
                "variant=John user-id=9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab",
            ),
            (
                "an instant without role",
                "issued-before=2025-01-01T10:00:00Z",
            ),
            (
                "a role without instant",
                "role=arn:aws:iam::111111111111:role/Y",
            ),
        ],
    ),
    (
        "E_NAME",
        &[
            ("a star", "user=jo*"),
            ("a question mark", "user=jo?n"),
            ("a variable", "user=${aws:username}"),
            ("a colon", "user=AROAX:john"),
            ("a tab", "user=john\tsmith"),
            ("nothing", "user="),
            ("the placeholder", "user=hallpass-none"),
            ("a variant with a star", "user=john variant=*"),
            ("a source identity with a star", "source=*"),
        ],
    ),
    ("E_ID", &[("a name as id", "user-id=john")]),
    (
        "E_TIME",
        &[
            (
                "no zone",
                "role=arn:aws:iam::111111111111:role/Y issued-before=2025-01-01T10:00:00",
            ),
            (
                "no time",
                "role=arn:aws:iam::111111111111:role/Y issued-before=yesterday",
            ),
        ],
    ),
    (
        "E_ARN",
        &[
            (
                "a session",
                "role=arn:aws:sts::111111111111:assumed-role/Y/john issued-before=2025-01-01T10:00:00Z",
            ),
            ("a name", "role=Y issued-before=2025-01-01T10:00:00Z"),
        ],
    ),
];

fn wished(flags: &str) -> RevocationSpec {
    let mut wish = RevocationSpec::new(RevocationForm::Scp);
    for flag in flags.split(' ').filter(|it| !it.is_empty()) {
        let (name, value) = flag.split_once('=').unwrap();
        let value = value.to_owned();
        match name {
            "user" => wish.users.push(value),
            "variant" => wish.variants.push(value),
            "user-id" => wish.user_ids.push(value),
            "source" => wish.source_identities.push(value),
            "role" => wish.roles.push(value),
            "issued-before" => wish.issued_before = Some(value),
            other => panic!("{other}"),
        }
    }
    wish
}

#[test]
fn bad_input_is_refused_with_its_code() {
    let mut wrong = Vec::new();
    for (code, rows) in REFUSED {
        for (row, flags) in *rows {
            match generate(&wished(flags), now()) {
                Err(refused) if refused.code == *code => {}
                other => wrong.push(format!("{row}: want {code}, got {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut long = wished("user=john");
    long.max_session = SignedDuration::from_hours(13);
    assert_eq!(generate(&long, now()).unwrap_err().code, "E_DURATION");
}

#[test]
fn on_the_role_itself_no_role_is_named() {
    for flags in ["", "role=arn:aws:iam::111111111111:role/Y "] {
        let wish = RevocationSpec {
            form: RevocationForm::Iam,
            ..wished(&format!("{flags}issued-before=2025-01-01T10:00:00Z"))
        };
        let text = generate(&wish, now()).unwrap().parts[0].json();
        assert!(!text.contains("aws:PrincipalArn"), "{text}");
    }
}

#[test]
fn warnings_say_what_may_surprise() {
    let role = "arn:aws:iam::111111111111:role/*";
    let wish = RevocationSpec {
        roles: texts(&[role]),
        issued_before: Some("2025-01-02T00:00:00Z".to_owned()),
        management_account: Some("111111111111".to_owned()),
        ..RevocationSpec::new(RevocationForm::Scp)
    };
    let warnings = generate(&wish, now()).unwrap().warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains("in the future"), "{warnings:?}");
    assert!(warnings[1].contains("no member account"), "{warnings:?}");
}

#[test]
fn foreign_policies_are_not_taken_apart() {
    let deny = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"X","Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
        )
    };
    let table = [
        (deny(r#"{"StringLike":{"aws:userid":"*:jo*"}}"#), "E_ELEMENT"),
        (deny(r#"{"StringLike":{"aws:userid":"AROAX:john"}}"#), "E_ELEMENT"),
        (deny(r#"{"StringNotEquals":{"identitystore:UserId":"x"}}"#), "E_ELEMENT"),
        (deny(r#"{"StringEqualsIfExists":{"identitystore:UserId":"x"}}"#), "E_ELEMENT"),
        (deny(r#"{"DateLessThan":{"aws:TokenIssueTime":"2025-01-01"}}"#), "E_TIME"),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#
                .to_owned(),
            "E_ELEMENT",
        ),
        ("{".to_owned(), "E_JSON"),
    ];
    for (text, code) in table {
        let refused = Revocations::parse(&text).unwrap_err();
        assert_eq!(refused.code, code, "{text}");
    }
}

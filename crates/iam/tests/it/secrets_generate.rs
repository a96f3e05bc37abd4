//! The secrets permission set and its guardrails: output and refusals (`policies.md` §10).

use hallpass_iam::BadInput;
use hallpass_iam::generate::checked;
use hallpass_iam::generate::secrets::{
    Attribute, GeneratedSecretsPolicies, Guardrails, SecretsSpec, WildcardAdmin, generate,
};

const ADMIN: &str = "arn:aws:iam::111111111111:role/SecretsAdmin";

fn wish(attributes: &[&str], admins: &[&str]) -> Result<SecretsSpec, BadInput> {
    let attributes: Result<Vec<Attribute>, BadInput> =
        attributes.iter().map(|it| it.parse()).collect();
    Ok(SecretsSpec {
        attributes: attributes?,
        admin_roles: admins.iter().map(|it| (*it).to_owned()).collect(),
        ..SecretsSpec::default()
    })
}

fn texts(made: &GeneratedSecretsPolicies) -> Vec<String> {
    made.files
        .iter()
        .map(|it| format!("{} {}", it.name, it.draft.json()))
        .collect()
}

#[test]
fn the_files_are_golden() {
    let wish = wish(&["department=Digital", "AppID=Alpha,Beta"], &[ADMIN]).unwrap();
    let made = generate(&wish).unwrap();
    let want = include_str!("golden/secrets.txt");
    let got = texts(&made).join("\n") + "\n";
    assert_eq!(got, want, "the files differ; they are now:\n{got}");
    for file in made.files.into_iter().chain(made.merged) {
        checked(file.draft, file.kind).unwrap();
    }
}

#[test]
fn bad_input_is_refused_with_its_code() {
    let long_key = format!("{}=a", "k".repeat(129));
    let long_value = format!("k={}", "v".repeat(257));
    let table: &[(&str, &[&str], &[&str])] = &[
        ("E_ATTR", &[], &[ADMIN]),
        ("E_ATTR", &["department"], &[ADMIN]),
        ("E_ATTR", &["department="], &[ADMIN]),
        ("E_ATTR", &["department=a,,b"], &[ADMIN]),
        ("E_ATTR", &["=a"], &[ADMIN]),
        ("E_ATTR", &["department=a", "Department=b"], &[ADMIN]),
        ("E_TAG", &[&long_key], &[ADMIN]),
        ("E_TAG", &[&long_value], &[ADMIN]),
        ("E_TAG", &["aws:department=a"], &[ADMIN]),
        ("E_TAG", &["AWS:department=a"], &[ADMIN]),
        ("E_TAG", &["department=a*"], &[ADMIN]),
        ("E_TAG", &["department=${aws:username}"], &[ADMIN]),
        ("E_ARN", &["department=a"], &[]),
        (
            "E_ARN",
            &["department=a"],
            &["<arn:aws:iam::111111111111:role/SecretsAdmin>"],
        ),
        (
            "E_ARN",
            &["department=a"],
            &["arn:aws:iam::*:role/SecretsAdmin"],
        ),
        (
            "E_ARN",
            &["department=a"],
            &["arn:aws:iam::111111111111:user/admin"],
        ),
        ("E_ARN", &["department=a"], &["SecretsAdmin"]),
    ];
    let mut wrong = Vec::new();
    for (code, attributes, admins) in table {
        match wish(attributes, admins).and_then(|wish| generate(&wish)) {
            Err(error) if error.code == *code => {}
            other => wrong.push(format!(
                "{attributes:?} {admins:?}: want {code}, got {other:?}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_account_becomes_the_accounts_or_is_guarded() {
    let any = "arn:aws:iam::*:role/SecretsAdmin";
    let mut wish = wish(&["department=Digital"], &[any]).unwrap();
    wish.accounts = vec!["111111111111".to_owned(), "222222222222".to_owned()];
    let made = generate(&wish).unwrap();
    let text = texts(&made).join("\n");
    assert!(!text.contains("iam::*"), "{text}");
    assert!(
        text.contains("iam::222222222222:role/SecretsAdmin"),
        "{text}"
    );
    assert!(!text.contains("g0.json"), "{text}");

    wish.wildcard_admin = WildcardAdmin::Guarded;
    wish.provisioning_roles = vec!["arn:aws:iam::111111111111:role/Provision".to_owned()];
    let made = generate(&wish).unwrap();
    assert_eq!(
        texts(&made)[1],
        r#"g0.json {"Version":"2012-10-17","Statement":[{"Sid":"G0","Effect":"Deny","Action":["iam:CreateRole","iam:UpdateAssumeRolePolicy","iam:PutRolePolicy","iam:AttachRolePolicy"],"Resource":["arn:aws:iam::*:role/SecretsAdmin"],"Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::111111111111:role/Provision"]}}}]}"#
    );
    assert!(
        made.warnings.iter().any(|it| it.contains("attach G0")),
        "{:?}",
        made.warnings
    );
}

#[test]
fn sids_are_letters_and_digits_and_unique() {
    let mut wish = wish(&["cost-center=1", "costcenter=2", "é=3", "ü=4"], &[ADMIN]).unwrap();
    wish.guardrails = Guardrails::Strict;
    let made = generate(&wish).unwrap();
    let mut sids: Vec<&str> = Vec::new();
    for statement in made.files.iter().flat_map(|it| &it.draft.statements) {
        let sid = statement.sid.as_str();
        assert!(sid.bytes().all(|it| it.is_ascii_alphanumeric()), "{sid}");
        assert!(!sids.contains(&sid), "{sid} twice");
        sids.push(sid);
    }
    assert!(made.merged.is_some());
    let many: Vec<String> = (0..20).map(|n| format!("cost-center-{n}=1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    wish.attributes = self::wish(&many, &[ADMIN]).unwrap().attributes;
    assert!(generate(&wish).unwrap().merged.is_none());
}

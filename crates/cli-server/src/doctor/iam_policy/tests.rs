//! Checks each policy with the linter and against the actual calls.

use hallpass_iam::{PolicyType, lint};

use super::super::policy_role::{PolicyRole, policy_of};
use super::statements::every;
use super::*;

fn uses(groups: &[GroupRef], policies: Policies, region: &str) -> Uses {
    Uses {
        groups: groups.iter().cloned().collect(),
        policies,
        account_tags: AccountTags::Unwanted,
        partition: partition(region),
    }
}

fn oncall() -> Vec<GroupRef> {
    vec![GroupRef::Name("oncall".to_owned())]
}

fn combinations() -> Vec<Uses> {
    let id = "99999999-8888-7777-6666-555555555555".parse().unwrap();
    let groups = [vec![], oncall(), vec![GroupRef::Id(id)]];
    let mut all = Vec::new();
    for groups in &groups {
        for policies in [Policies::Untouched, Policies::Written] {
            for region in ["eu-west-1", "cn-north-1", "us-gov-west-1"] {
                for account_tags in [AccountTags::Unwanted, AccountTags::Read] {
                    all.push(Uses {
                        account_tags,
                        ..uses(groups, policies, region)
                    });
                }
            }
        }
    }
    all
}

fn allowed(text: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(text).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let names = statements.flat_map(|it| it["Action"].as_array().unwrap());
    names.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// Linter findings from warning up: `CODE Sid action`.
fn told(text: &str) -> BTreeSet<String> {
    let options = lint::Options::new(PolicyType::Identity);
    let found = lint::lint(text, &options);
    let worth = found
        .iter()
        .filter(|it| it.severity >= lint::Severity::Warning);
    worth
        .map(|it| {
            let what = it.message.rsplit(": ").next().unwrap_or_default();
            format!(
                "{} {} {what}",
                it.code.as_str(),
                it.sid.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

/// A grantor of any access may grant it to itself: the linter reports only this.
#[test]
fn the_linter_finds_only_that_the_server_can_give_access() {
    for uses in combinations() {
        let mut expected =
            BTreeSet::from(["PRIV_ESC Assignments sso:CreateAccountAssignment".to_owned()]);
        if !uses.groups.is_empty() {
            let gives = "PRIV_ESC Memberships identitystore:CreateGroupMembership";
            expected.insert(gives.to_owned());
        }
        if uses.policies == Policies::Written {
            for verb in ["Attach", "Detach", "Update"] {
                expected.insert(format!("PRIV_ESC WritePolicies organizations:{verb}Policy"));
            }
        }
        let server = policy(&for_server(&uses, &[]));
        assert_eq!(told(&server), expected, "{uses:?}\n{server}");
        assert_eq!(
            told(&policy(&for_guard(&uses, &[]))),
            BTreeSet::new(),
            "{uses:?}"
        );
    }
}

/// The linter would report a wrong action or resource type.
#[test]
fn roles_of_the_management_account_alone_may_be_made_and_whoever_ends_makes_none() {
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let gives = policy(&in_management_account(false, partition));
        let known = told(&gives);
        assert!(
            known
                .iter()
                .all(|it| it.starts_with("PRIV_ESC ManagementAccountRoles iam:")),
            "{known:?}"
        );
        let ends = policy(&in_management_account(true, partition));
        assert_eq!(told(&ends), BTreeSet::new(), "{ends}");
        assert!(allowed(&ends).is_subset(&allowed(&gives)));
        for text in [&gives, &ends] {
            let document: Value = serde_json::from_str(text).unwrap();
            for statement in document["Statement"].as_array().unwrap() {
                let on = statement["Resource"].as_str().unwrap();
                let reserved =
                    format!("arn:{partition}:iam::*:role/aws-reserved/sso.amazonaws.com/*");
                let provider =
                    format!("arn:{partition}:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE");
                assert!([reserved, provider].iter().any(|it| it == on), "{on}");
            }
        }
    }
}

#[test]
fn only_what_the_configuration_uses_is_allowed() {
    for uses in combinations() {
        let all = allowed(&policy(&for_server(&uses, &[])));
        let expected = hallpass_aws::actions().iter().filter(|it| match it.need {
            Need::AccessFiles | Need::Vending => false,
            Need::AccountTags => uses.account_tags == AccountTags::Read,
            Need::Policies => uses.policies == Policies::Written,
            Need::Always if it.writes && it.name.starts_with("identitystore:") => {
                !uses.groups.is_empty()
            }
            Need::Always => true,
        });
        let expected = expected.map(|it| it.name).chain(POLICY_TEXT_ACTIONS);
        let expected: BTreeSet<String> = expected.map(str::to_owned).collect();
        assert_eq!(all, expected, "{uses:?}");
        let writes_policies = all.contains("organizations:AttachPolicy");
        assert_eq!(writes_policies, uses.policies == Policies::Written);
    }
    let alone = allowed(&policy(&for_policies(&uses(
        &[],
        Policies::Untouched,
        "eu-west-1",
    ))));
    assert!(
        alone.iter().all(|it| it.starts_with("organizations:")),
        "{alone:?}"
    );
    assert!(alone.contains("organizations:AttachPolicy"));
    let access = allowed(&policy(&for_access(&uses(
        &[],
        Policies::Untouched,
        "eu-west-1",
    ))));
    for (action, is_needed) in [
        ("sso:ProvisionPermissionSet", true),
        ("sso:DeleteAccountAssignment", true),
        ("organizations:ListTagsForResource", true),
        ("organizations:AttachPolicy", false),
        ("identitystore:CreateGroupMembership", false),
    ] {
        assert_eq!(access.contains(action), is_needed, "{action}");
    }
    let vending = for_vending(&uses(&[], Policies::Untouched, "eu-west-1"), &[]);
    let vending = allowed(&policy(&vending));
    for (action, is_needed) in [
        ("organizations:CreateAccount", true),
        ("organizations:MoveAccount", true),
        ("organizations:TagResource", true),
        ("organizations:ListAccounts", true),
        ("sso:CreateAccountAssignment", true),
        ("sso:DeleteAccountAssignment", false),
        ("sso:GetInlinePolicyForPermissionSet", false),
        ("organizations:AttachPolicy", false),
    ] {
        assert_eq!(vending.contains(action), is_needed, "{action}");
    }
}

#[test]
fn the_key_of_the_instance_is_used_through_what_is_called_and_for_its_data_alone() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";
    let server = for_server(&uses(&oncall(), Policies::Untouched, "eu-west-1"), &[]);
    let without = server.len();
    let with = with_key(server, KEY, "aws");
    let own = &with[without..];
    let context = "kms:EncryptionContext:aws:";
    let expected = [
        ("sso", "sso:instance-arn", "arn:aws:sso:::instance/*"),
        (
            "identitystore",
            "identitystore:identitystore-arn",
            "arn:aws:identitystore::*:identitystore/*",
        ),
    ];
    assert_eq!(own.len(), expected.len(), "{own:?}");
    for (it, (service, name, data)) in own.iter().zip(expected) {
        assert_eq!(it["Action"], json!(["kms:Decrypt"]));
        assert_eq!(it["Resource"], KEY);
        let via = json!({ "kms:ViaService": format!("{service}.*.amazonaws.com") });
        assert_eq!(it["Condition"]["StringLike"], via);
        let data = json!({ (format!("{context}{name}")): data });
        assert_eq!(it["Condition"]["ArnLike"], data);
    }
    assert_eq!(told(&policy(own)), BTreeSet::new());
    // without either service no key is needed
    let policies = for_policies(&uses(&[], Policies::Written, "eu-west-1"));
    assert_eq!(with_key(policies.clone(), KEY, "aws"), policies);
}

#[test]
fn who_takes_snapshots_only_reads_enters_accounts_by_the_role_and_uses_the_key_where_one_is_named()
{
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let of = |text: &str| {
        let loaded = Loaded {
            config: hallpass_app::config::parse(text, "x").unwrap(),
            folder: std::path::PathBuf::from("/nowhere"),
        };
        policy_of(PolicyRole::Sync, false, &loaded, BTreeSet::new()).unwrap()
    };
    let without = of("[aws]\nmember_role = \"Reads\"\n");
    let told = told(&without);
    let of_everything = told.iter().all(|it| it.starts_with("RESOURCE_STAR "));
    assert!(of_everything, "{told:?}");
    assert!(
        without.contains("\"arn:aws:iam::*:role/Reads\""),
        "{without}"
    );
    assert!(!without.contains("kms:"), "{without}");
    let with = of(&format!("[identity]\nencryption_key = \"{KEY}\"\n"));
    let document: Value = serde_json::from_str(&with).unwrap();
    let statements = document["Statement"].as_array().unwrap().iter();
    let uses_key = statements.filter(|it| it["Resource"] == KEY);
    let names: Vec<&Value> = uses_key.map(|it| &it["Sid"]).collect();
    assert_eq!(names, ["UseKeyForInstance", "UseKeyForIdentityStore"]);
    for prefix in ["sso:", "identitystore:", "organizations:", "iam:"] {
        let own = allowed(&with);
        let mut own = own.iter().filter_map(|it| it.strip_prefix(prefix));
        let reads = ["Get", "List", "Describe", "GenerateCredentialReport"];
        assert!(own.all(|it| reads.iter().any(|verb| it.starts_with(verb))));
    }
}

#[test]
fn pci_reads_the_log_that_is_configured_and_acts_only_where_that_is_switched_on() {
    let uses = uses(&[], Policies::Untouched, "eu-west-1");
    let of = |log: Option<&str>, acting| {
        let log = log.map(|it| it.parse::<LogSource>().unwrap());
        policy(&for_pci(&uses, log.as_ref(), acting))
    };
    let off = BTreeSet::from([
        "identitystore:ListUsers",
        "sso:ListInstances",
        "sso:ListRegions",
    ]);
    let with = |log: &'static str| -> BTreeSet<String> {
        let log = Some(log).filter(|it| !it.is_empty());
        off.iter().copied().chain(log).map(str::to_owned).collect()
    };
    let lookup = with("cloudtrail:LookupEvents");
    assert_eq!(allowed(&of(None, Acting::Off)), lookup);
    assert_eq!(allowed(&of(Some("lookup"), Acting::Off)), lookup);
    assert_eq!(allowed(&of(Some("dir:trail"), Acting::Off)), with(""));
    let bucket = of(Some("s3://acme-trail/org"), Acting::Off);
    assert!(bucket.contains("arn:aws:s3:::acme-trail/org/*"), "{bucket}");
    assert!(!bucket.contains("identitystore:UpdateUser"));
    let acting = of(Some("lookup"), Acting::On);
    assert!(acting.contains("identitystore:UpdateUser"), "{acting}");
    assert!(!acting.contains("organizations:AttachPolicy"));
}

#[test]
fn arns_are_of_every_resource_of_a_kind_in_the_partition() {
    let pattern = "arn:${Partition}:sso:::permissionSet/${InstanceId}/${PermissionSetId}";
    assert_eq!(
        every(pattern, "aws-cn"),
        "arn:aws-cn:sso:::permissionSet/*/*"
    );
    assert_eq!(every("*", "aws"), "*");
    assert_eq!(partition("us-gov-east-1"), "aws-us-gov");
    assert_eq!(partition("us-east-1"), "aws");
}

#[test]
fn the_role_of_the_probe_alone_is_assumed_and_where_it_is_configured() {
    const ROLE: &str = "arn:aws:iam::222233334444:role/probe";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), "rule = []\n").unwrap();
    let of = |armed_ends: &str| {
        let text = format!("[access.armed_ends]\n{armed_ends}\n");
        let loaded = Loaded {
            config: hallpass_app::config::parse(&text, "x").unwrap(),
            folder: folder.path().to_owned(),
        };
        super::super::least_policy(&loaded).unwrap()
    };
    let without = of("");
    assert!(
        !without.contains("sts:") && !without.contains("AttachPolicy"),
        "{without}"
    );
    assert!(!of("mode = \"preferred\"").contains("sts:"));
    let with = of(&format!("probe_role = \"{ROLE}\""));
    let document: Value = serde_json::from_str(&with).unwrap();
    let mut statements = document["Statement"].as_array().unwrap().iter();
    let own = statements.find(|it| it["Sid"] == "ProbeRole").unwrap();
    assert_eq!(
        (&own["Action"], &own["Resource"]),
        (&json!(["sts:AssumeRole"]), &json!(ROLE))
    );
    for action in [
        "organizations:CreatePolicy",
        "organizations:ListPoliciesForTarget",
    ] {
        assert!(allowed(&with).contains(action), "{action}");
    }
}

#[test]
fn the_guards_policy_gives_nothing() {
    let text = policy(&for_guard(
        &uses(&oncall(), Policies::Written, "eu-west-1"),
        &[],
    ));
    for verb in ["Create", "Update", "Attach", "Put", "Tag", "Provision"] {
        assert!(!text.contains(&format!(":{verb}")), "{verb} is in\n{text}");
    }
    for action in [
        "sso:ListInstances",
        "sso:ListAccountAssignments",
        "sso:DescribeAccountAssignmentDeletionStatus",
        "sso:DeleteAccountAssignment",
        "identitystore:ListGroupMemberships",
        "identitystore:GetGroupMembershipId",
        "identitystore:DeleteGroupMembership",
        "identitystore:DescribeUser",
        "identitystore:DescribeGroup",
        "organizations:DescribeAccount",
    ] {
        assert!(
            text.contains(&format!("\"{action}\"")),
            "{action} is not in\n{text}"
        );
    }
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let statements = parsed["Statement"].as_array().unwrap().iter();
    let actions: usize = statements
        .map(|it| it["Action"].as_array().unwrap().len())
        .sum();
    assert_eq!(actions, 10, "{text}");
    let without = policy(&for_guard(
        &uses(&[], Policies::Untouched, "eu-west-1"),
        &[],
    ));
    assert!(!without.contains("DeleteGroupMembership"));
}

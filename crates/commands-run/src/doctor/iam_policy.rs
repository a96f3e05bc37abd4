//! The least IAM policy for what the configuration uses (`access.md` §13.5), limited to the kinds of
//! resources that its actions work on, and to the groups rules name.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws::{Need, NeededAction};
use hallpass_config::Loaded;
use hallpass_iam::facts;
use hallpass_log_files::LogPlace;
use hallpass_log_files::log_source::LogSource;
use hallpass_org::propagation::ProbeRole;
use hallpass_rules::GroupRef;
use serde_json::{Value, json};

/// Whether policies of the organization are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policies {
    /// Sessions are ended, ends are armed or measured, or drills are configured.
    Written,
    /// Neither.
    Untouched,
}

/// Whether `pci act` does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acting {
    /// It is switched on.
    On,
    /// It is not.
    Off,
}

impl Acting {
    pub(super) fn of(loaded: &Loaded) -> Self {
        if loaded.pci_acts() {
            Self::On
        } else {
            Self::Off
        }
    }
}

/// What a configuration uses of AWS.
#[derive(Clone, Debug)]
pub(super) struct Uses {
    /// The groups that rules give memberships of.
    pub(super) groups: BTreeSet<GroupRef>,
    pub(super) policies: Policies,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(super) partition: &'static str,
}

impl Uses {
    pub(super) fn of(loaded: &Loaded, groups: BTreeSet<GroupRef>, region: &str) -> Self {
        let config = &loaded.config;
        let written = config.access.end_sessions
            || config.access.armed_ends.mode.is_on()
            || config.access.armed_ends.probe_role.is_some()
            || !config.outage.prod_accounts.is_empty();
        Self {
            groups,
            policies: if written {
                Policies::Written
            } else {
                Policies::Untouched
            },
            partition: partition(region),
        }
    }
}

pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov", ..] => "aws-us-gov",
        _ => "aws",
    }
}

fn actions(wanted: impl Fn(&NeededAction) -> bool) -> Vec<&'static str> {
    hallpass_aws::actions()
        .iter()
        .filter(|action| wanted(action))
        .map(|action| action.name)
        .collect()
}

/// The kinds of resources an action works on, each as the ARN of all of them; none for one that works
/// on no resource, and takes `*`.
fn resources(action: &str, partition: &str) -> BTreeSet<String> {
    let Some(action) = facts::action(action) else {
        return BTreeSet::new();
    };
    let Some(service) = facts::service(action.service) else {
        return BTreeSet::new();
    };
    let types = action.resource_types.iter();
    types
        .filter_map(|used| service.resource_type(used.name))
        .flat_map(|kind| &kind.arns)
        .map(|arn| every(arn.as_str(), partition))
        .collect()
}

/// `arn:${Partition}:sso:::account/${AccountId}` as `arn:aws:sso:::account/*`.
fn every(pattern: &str, partition: &str) -> String {
    let mut text = String::new();
    for piece in pattern.replace("${Partition}", partition).split("${") {
        match piece.split_once('}') {
            Some((_, rest)) => {
                text.push('*');
                text.push_str(rest);
            }
            None => text.push_str(piece),
        }
    }
    text
}

/// Statements that allow the actions, each on the kinds of resources it works on.
fn allow(name: &str, actions: &[&'static str], partition: &str) -> Vec<Value> {
    let mut by_resources: BTreeMap<BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for action in actions {
        let on = resources(action, partition);
        by_resources.entry(on).or_default().push(action);
    }
    let (on_nothing, on_some): (Vec<_>, Vec<_>) =
        by_resources.into_iter().partition(|(on, _)| on.is_empty());
    // one statement for all that work on resources: each action takes its own kinds of them
    let mut kinds = BTreeSet::new();
    let mut of_kinds = Vec::new();
    for (on, actions) in on_some {
        kinds.extend(on);
        of_kinds.extend(actions);
    }
    let mut statements = Vec::new();
    if !of_kinds.is_empty() {
        statements.push(statement(name, &of_kinds, &json!(kinds)));
    }
    for (_, actions) in on_nothing {
        statements.push(statement(
            &format!("{name}Everywhere"),
            &actions,
            &json!("*"),
        ));
    }
    statements
}

pub(super) fn statement(name: &str, actions: &[&str], resource: &Value) -> Value {
    json!({"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource})
}

/// What a statement about memberships of these groups is limited to.
fn memberships(groups: &BTreeSet<GroupRef>, partition: &str) -> Vec<String> {
    let ids = groups.iter().filter_map(|group| match group {
        GroupRef::Id(id) => Some(format!("arn:{partition}:identitystore:::group/{id}")),
        GroupRef::Name(_) => None,
    });
    let named = groups
        .iter()
        .any(|group| matches!(group, GroupRef::Name(_)));
    // names cannot be limited before they are resolved
    let mut resources = if named {
        vec![format!("arn:{partition}:identitystore:::group/*")]
    } else {
        ids.collect()
    };
    resources.extend(
        // AWS asks for the directory itself too, beside group, person and membership
        [
            "identitystore::*:identitystore/*",
            "identitystore:::user/*",
            "identitystore:::membership/*",
        ]
        .map(|kind| format!("arn:{partition}:{kind}")),
    );
    resources
}

/// What giving and ending access to the management account takes besides: there Identity Center acts with its caller's rights
/// in IAM. Not documented by AWS, but told in the trackers of AWS's own TEAM and landing zones; whoever only ends needs less.
pub(super) fn in_management_account(ends_only: bool, partition: &str) -> Vec<Value> {
    const LOOK: [&str; 3] = [
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    const MAKE: [&str; 5] = [
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:PutRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ];
    const REMOVE: [&str; 3] = [
        "iam:DetachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteRole",
    ];
    // its certificate is renewed with the next assignment
    const PROVIDER: [&str; 3] = [
        "iam:GetSAMLProvider",
        "iam:CreateSAMLProvider",
        "iam:UpdateSAMLProvider",
    ];
    let roles = json!(format!(
        "arn:{partition}:iam::*:role/aws-reserved/sso.amazonaws.com/*"
    ));
    let provider = json!(format!(
        "arn:{partition}:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE"
    ));
    let name = "ManagementAccountRoles";
    if ends_only {
        return vec![statement(name, &[&LOOK[..], &REMOVE].concat(), &roles)];
    }
    vec![
        statement(name, &[&LOOK[..], &MAKE, &REMOVE].concat(), &roles),
        statement("ManagementAccountProvider", &PROVIDER, &provider),
    ]
}

/// With what the statements need of the key that the instance's data is encrypted with: `kms:Decrypt` through each of the two
/// services that they call, for its own data (IAM Identity Center User Guide, "Baseline KMS key and IAM policy statements" and
/// "Advanced KMS key policy statements").
pub(super) fn with_key(mut statements: Vec<Value>, key: &str, partition: &str) -> Vec<Value> {
    let services = [
        (
            "sso",
            "UseKeyForInstance",
            "sso:instance-arn",
            "sso:::instance/*",
        ),
        (
            "identitystore",
            "UseKeyForIdentityStore",
            "identitystore:identitystore-arn",
            "identitystore::*:identitystore/*",
        ),
    ];
    for (service, name, context, data) in services {
        let calls = |it: &Value| {
            let actions = it["Action"].as_array().into_iter().flatten();
            let mut names = actions.filter_map(Value::as_str);
            names.any(|action| action.split_once(':').is_some_and(|(it, _)| it == service))
        };
        if statements.iter().any(calls) {
            let context = format!("kms:EncryptionContext:aws:{context}");
            statements.push(json!({
                "Sid": name, "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": key, "Condition": {
                    "StringLike": { "kms:ViaService": format!("{service}.*.amazonaws.com") },
                    "ArnLike": { context: format!("arn:{partition}:{data}") },
                },
            }));
        }
    }
    statements
}

/// Statements as the text of a policy.
pub(super) fn policy(statements: &[Value]) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    // a JSON value always has a text
    let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{text}\n")
}

/// The least policy of a guard: looks, and takes away.
pub(super) fn for_guard(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let of = |service: &str| actions(|it| it.guard && it.writes && it.name.starts_with(service));
    let looks = actions(|it| it.guard && !it.writes);
    let mut statements = allow("Look", &looks, uses.partition);
    statements.extend(allow("EndAssignments", &of("sso:"), uses.partition));
    if !uses.groups.is_empty() {
        let on = json!(memberships(&uses.groups, uses.partition));
        statements.push(statement("EndMemberships", &of("identitystore:"), &on));
    }
    statements.extend(others.iter().cloned());
    statements
}

/// What ending sessions and drills need, by themselves: for whoever runs them from the command line as
/// somebody else than the server.
pub(super) fn for_policies(uses: &Uses) -> Vec<Value> {
    let of = |writes: bool| actions(|it| it.need == Need::Policies && it.writes == writes);
    let mut statements = allow("ReadPolicies", &of(false), uses.partition);
    statements.extend(allow("WritePolicies", &of(true), uses.partition));
    statements
}

/// What access as code needs: everything the server reads, and permission sets with their assignments
/// to write.
pub(super) fn for_access(uses: &Uses) -> Vec<Value> {
    let of = |writes: bool| {
        actions(|it| {
            it.writes == writes
                && it.need != Need::Policies
                && it.need != Need::Vending
                && !(writes && it.name.starts_with("identitystore:"))
        })
    };
    let mut statements = allow("Read", &of(false), uses.partition);
    statements.extend(allow("Write", &of(true), uses.partition));
    statements
}

/// What the server reads for grants, sweeps and permission sets, and lists of accounts do not: `e2e/least.py` makes some
/// without.
const NOT_FOR_VENDING: &[&str] = &[
    "identitystore:GetGroupMembershipId",
    "identitystore:ListGroupMemberships",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:DescribeInstance",
    "sso:GetInlinePolicyForPermissionSet",
    "sso:GetPermissionsBoundaryForPermissionSet",
    "sso:ListAccountAssignmentCreationStatus",
    "sso:ListAccountAssignmentDeletionStatus",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListAccountsForProvisionedPermissionSet",
    "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
    "sso:ListManagedPoliciesInPermissionSet",
    "sso:ListPermissionSetsProvisionedToAccount",
    "sso:ListRegions",
];

/// What making accounts from a list needs: what the server reads of the organization, accounts to write, and access to them to
/// give; and what `others` say.
pub(super) fn for_vending(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let own = |writes: bool| {
        actions(|it| {
            let is_read =
                !it.writes && it.need == Need::Always && !NOT_FOR_VENDING.contains(&it.name);
            let gives = ["sso:CreateAccountAssignment", "organizations:TagResource"];
            let is_write = gives.contains(&it.name) || (it.writes && it.need == Need::Vending);
            // an account's tags are read back, where they are not given with it
            let is_own_read = it.need == Need::Vending || it.need == Need::AccountTags;
            if writes {
                is_write
            } else {
                is_read || (!it.writes && is_own_read)
            }
        })
    };
    let mut statements = allow("Read", &own(false), uses.partition);
    statements.extend(allow("Write", &own(true), uses.partition));
    statements.extend(others.iter().cloned());
    statements
}

/// What people and what they can use are read with, for `pci`.
const PEOPLE_READS: &[&str] = &[
    "identitystore:DescribeUser",
    "identitystore:GetGroupMembershipId",
    "identitystore:ListGroupMemberships",
    "identitystore:ListGroupMembershipsForMember",
    "identitystore:ListGroups",
    "identitystore:ListUsers",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
    "sso:DescribeAccountAssignmentCreationStatus",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:DescribePermissionSet",
    "sso:ListAccountAssignments",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListInstances",
    "sso:ListPermissionSets",
    "sso:ListRegions",
];
/// What they are acted on with, and what gives it back.
const PEOPLE_WRITES: &[&str] = &[
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
    "identitystore:DeleteUser",
    "identitystore:UpdateUser",
    "sso:CreateAccountAssignment",
    "sso:DeleteAccountAssignment",
];

/// What `pci` needs: the log, as far as the configuration says where it is, people and what they can use; and, where acting
/// is switched on, to act on them.
pub(super) fn for_pci(uses: &Uses, log: Option<&LogSource>, acting: Acting) -> Vec<Value> {
    let mut statements = match log {
        Some(LogSource::Place(LogPlace::Folder(_))) => Vec::new(),
        Some(LogSource::Place(LogPlace::Bucket(place))) => {
            let bucket = format!("arn:{}:s3:::{}", uses.partition, place.bucket);
            let objects = if place.root.is_empty() {
                format!("{bucket}/*")
            } else {
                format!("{bucket}/{}/*", place.root)
            };
            vec![
                statement("ListLog", &["s3:ListBucket"], &json!(bucket)),
                statement("ReadLog", &["s3:GetObject"], &json!(objects)),
            ]
        }
        Some(LogSource::Lookup) | None => {
            allow("Log", &["cloudtrail:LookupEvents"], uses.partition)
        }
    };
    match acting {
        Acting::Off => statements.extend(allow(
            "Read",
            &[
                "identitystore:ListUsers",
                "sso:ListInstances",
                "sso:ListRegions",
            ],
            uses.partition,
        )),
        Acting::On => {
            statements.extend(allow("Read", PEOPLE_READS, uses.partition));
            statements.extend(allow("Act", PEOPLE_WRITES, uses.partition));
            if uses.policies == Policies::Written {
                statements.extend(for_policies(uses));
            }
        }
    }
    statements
}

/// What entitlements of account access manager are read with, and those of people deleted whose access ends.
pub(super) fn for_entitlements(partition: &str) -> Vec<Value> {
    const ACTIONS: [&str; 4] = [
        "account-access:DeleteEntitlement",
        "account-access:ListApplications",
        "account-access:ListEntitlements",
        "identitystore:ListGroupMembershipsForMember",
    ];
    allow("Entitlements", &ACTIONS, partition)
}

/// What is measured by a role takes its assumption, beside the policies.
pub(super) fn for_probe(role: &ProbeRole) -> Value {
    statement("ProbeRole", &["sts:AssumeRole"], &json!(role.arn()))
}

/// The policy of the server; `others` are statements of parts that are configured.
pub(super) fn for_server(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let of = |service: &str| {
        actions(|it| it.need == Need::Always && it.writes && it.name.starts_with(service))
    };
    let reads = actions(|it| it.need == Need::Always && !it.writes);
    let mut statements = allow("Read", &reads, uses.partition);
    statements.extend(allow("Assignments", &of("sso:"), uses.partition));
    if !uses.groups.is_empty() {
        let on = json!(memberships(&uses.groups, uses.partition));
        statements.push(statement("Memberships", &of("identitystore:"), &on));
    }
    match uses.policies {
        Policies::Written => statements.extend(for_policies(uses)),
        Policies::Untouched => {}
    }
    statements.extend_from_slice(others);
    statements
}

#[cfg(test)]
mod tests {
    use hallpass_iam::{PolicyType, lint};

    use super::*;

    fn uses(groups: &[GroupRef], policies: Policies, region: &str) -> Uses {
        Uses {
            groups: groups.iter().cloned().collect(),
            policies,
            partition: partition(region),
        }
    }

    fn oncall() -> Vec<GroupRef> {
        vec![GroupRef::Name("oncall".to_owned())]
    }

    /// Every combination of what a configuration may use.
    fn combinations() -> Vec<Uses> {
        let id = "99999999-8888-7777-6666-555555555555".parse().unwrap();
        let groups = [vec![], oncall(), vec![GroupRef::Id(id)]];
        let mut all = Vec::new();
        for groups in &groups {
            for policies in [Policies::Untouched, Policies::Written] {
                for region in ["eu-west-1", "cn-north-1", "us-gov-west-1"] {
                    all.push(uses(groups, policies, region));
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

    /// What the linter has to say, at warning or above: `CODE Sid action`.
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

    /// Giving access is what the server is for, and whoever may give any access may give it to
    /// themselves: that much the linter says of each policy that gives, and nothing else.
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

    /// Of each action the linter knows on what it works: a wrong name or kind of resource would be told.
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
                Need::AccountTags | Need::AccessFiles | Need::Vending => false,
                Need::Policies => uses.policies == Policies::Written,
                Need::Always if it.writes && it.name.starts_with("identitystore:") => {
                    !uses.groups.is_empty()
                }
                Need::Always => true,
            });
            let expected: BTreeSet<String> = expected.map(|it| it.name.to_owned()).collect();
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
        // whoever calls neither service needs no key
        let policies = for_policies(&uses(&[], Policies::Written, "eu-west-1"));
        assert_eq!(with_key(policies.clone(), KEY, "aws"), policies);
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
        let of = |armed_ends: &str| {
            let text = format!("[access.armed_ends]\n{armed_ends}\n");
            let loaded = Loaded {
                config: hallpass_config::parse(&text, "x").unwrap(),
                folder: std::path::PathBuf::from("/nowhere"),
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
}

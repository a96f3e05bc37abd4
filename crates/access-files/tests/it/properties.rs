//! Properties of 200 random states each: an export plans to nothing (`inventory.md` A-12), and an
//! applied plan leaves no difference (`inventory.md` A-8).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access_files::{
    AccessDiff, AccountAssignment, CustomerPolicy, ManagedScope, PermissionSetContent,
    PermissionsBoundary, PrincipalRef, SeenAccess, SeenSet, SourceText, WantedAccess, WantedSet,
    compare, export, read, select,
};
use hallpass_base::{AccountId, PermissionSetName};
use hallpass_plans::Exit;
use hallpass_rules::canonical_toml;
use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use serde_json::json;

use crate::applying::Stand;
use crate::world::{
    ALICE, DEV, FRANK, MANAGEMENT, OLD, PROD, SECOPS, TEST, TWIN, account, arn_of, directory,
    group, name, user,
};

const STRANGER: &str = "00000000-0000-0000-0000-0000000000ff";

fn text() -> impl Strategy<Value = String> {
    // Texts that a parser could misread, and others.
    prop_oneof![
        Just("true".to_owned()),
        Just("1.5".to_owned()),
        Just("- a: b # c".to_owned()),
        Just("'\"\\ \u{e9}".to_owned()),
        "[ -~\u{a1}-\u{ff}]{1,20}",
    ]
}

fn relay_state() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("- a: b # c".to_owned()),
        Just("'\"\\ {}".to_owned()),
        "[a-zA-Z0-9&$@#/%?=~_|!:,.;*+ ()-]{1,20}",
    ]
}

fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("1.5".to_owned()),
        Just("- a: b".to_owned()),
        "[a-zA-Z0-9\u{e9} _.:/=+@-]{1,20}",
    ]
}

fn managed() -> impl Strategy<Value = String> {
    let known = [
        "SecurityAudit",
        "job-function/ViewOnlyAccess",
        "ReadOnlyAccess",
        "NoSuchPolicy",
    ];
    proptest::sample::select(known.to_vec()).prop_map(|it| format!("arn:aws:iam::aws:policy/{it}"))
}

fn customer() -> impl Strategy<Value = CustomerPolicy> {
    let path = prop_oneof![Just("/".to_owned()), Just("/team/".to_owned())];
    (path, "[a-z]{1,3}").prop_map(|(path, name)| CustomerPolicy { path, name })
}

fn inline() -> impl Strategy<Value = serde_json::Value> {
    let action = proptest::sample::select(vec![
        "s3:GetObject",
        "s3:ListAllMyBuckets",
        "ec2:DescribeInstances",
    ]);
    let statement = (action, text()).prop_map(|(action, value)| {
        json!({"Effect": "Allow", "Action": action, "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": value}}})
    });
    proptest::collection::vec(statement, 1..4)
        .prop_map(|all| json!({"Version": "2012-10-17", "Statement": all}))
}

fn content() -> impl Strategy<Value = PermissionSetContent> {
    let boundary = prop_oneof![
        managed().prop_map(PermissionsBoundary::Managed),
        customer().prop_map(PermissionsBoundary::Customer),
    ];
    (
        proptest::option::of(text()),
        3600_u64..=43_200,
        proptest::option::of(relay_state()),
        btree_set(managed(), 0..3),
        btree_set(customer(), 0..3),
        proptest::option::of(inline()),
        proptest::option::of(boundary),
        btree_map(tag(), tag(), 0..3),
    )
        .prop_map(
            |(
                description,
                session_seconds,
                relay_state,
                managed_policies,
                own,
                inline,
                boundary,
                tags,
            )| {
                PermissionSetContent {
                    description,
                    session_seconds,
                    relay_state,
                    managed_policies,
                    customer_managed_policies: own,
                    inline_policy: inline,
                    permissions_boundary: boundary,
                    tags,
                }
            },
        )
}

fn set_name() -> impl Strategy<Value = PermissionSetName> {
    let names = vec!["Audit", "Power+User", "on", "_x", "1e5", "AWSReadOnly"];
    proptest::sample::select(names).prop_map(name)
}

fn principal() -> impl Strategy<Value = PrincipalRef> {
    let all = vec![
        user(FRANK),
        user(ALICE),
        user(STRANGER),
        group(SECOPS),
        group(STRANGER),
    ];
    proptest::sample::select(all)
}

fn account_id() -> impl Strategy<Value = AccountId> {
    let ids = vec![MANAGEMENT, DEV, TEST, PROD, TWIN, OLD];
    proptest::sample::select(ids).prop_map(account)
}

fn state() -> impl Strategy<Value = SeenAccess> {
    let rows = btree_set((set_name(), account_id(), principal()), 0..24);
    let temporary = btree_set((set_name(), account_id(), principal()), 0..4);
    (btree_map(set_name(), content(), 0..5), rows, temporary).prop_map(|(sets, rows, temporary)| {
        let of = |rows: BTreeSet<(PermissionSetName, AccountId, PrincipalRef)>| {
            let known = rows.into_iter().filter(|(set, ..)| sets.contains_key(set));
            known
                .map(|(permission_set, account, principal)| AccountAssignment {
                    permission_set,
                    account,
                    principal,
                })
                .collect::<BTreeSet<_>>()
        };
        let temporary = of(temporary);
        let assignments: BTreeSet<_> = of(rows).difference(&temporary).cloned().collect();
        let sets: BTreeMap<_, _> = sets
            .iter()
            .map(|(name, content)| {
                let own = assignments.iter().chain(&temporary);
                let own = own.filter(|it| it.permission_set == *name);
                let set = SeenSet {
                    arn: arn_of(name),
                    content: content.clone(),
                    accounts: own.map(|it| it.account.clone()).collect(),
                    outdated: BTreeSet::new(),
                };
                (name.clone(), set)
            })
            .collect();
        SeenAccess {
            sets,
            assignments,
            temporary,
        }
    })
}

fn read_back(seen: &SeenAccess, policy_files: bool, is_toml: bool) -> (WantedAccess, String) {
    let directory = directory();
    let mut exported = export(seen, &directory, policy_files);
    let mut name = "access.yaml";
    if is_toml {
        match exported.clone().into_toml("access.toml") {
            Ok(written) => {
                name = "access.toml";
                let formatted = canonical_toml(name, &written.text).unwrap();
                assert_eq!(formatted, written.text, "it has the form that all have");
                exported = written;
            }
            // TOML keeps hidden characters, but the parser refuses them.
            Err(refused) => {
                let has_hidden = exported.text.contains("\\u");
                assert!(has_hidden, "{refused}\n{}", exported.text);
            }
        }
    }
    let source = SourceText {
        name: name.into(),
        text: exported.text.clone(),
    };
    let policy = |_: &str, path: &str| exported.policies.get(path).cloned().ok_or_else(String::new);
    let file = match read(&[source], &policy) {
        Ok((file, _)) => file,
        Err(findings) => panic!("{findings:#?}\n{}", exported.text),
    };
    let wanted = select(&file, &directory, Some(&account(MANAGEMENT)));
    let wanted = wanted.unwrap_or_else(|findings| panic!("{findings:#?}\n{}", exported.text));
    (wanted, exported.text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_export_plans_to_nothing(seen in state(), policy_files in any::<bool>(), is_toml in any::<bool>()) {
        let (mut wanted, text) = read_back(&seen, policy_files, is_toml);
        for scope in [ManagedScope::Declared, ManagedScope::All] {
            wanted.scope = scope;
            let diff = compare(&wanted, &seen);
            prop_assert_eq!(&diff, &AccessDiff::default(), "{:?}\n{}", scope, text);
        }
        if !is_toml {
            prop_assert_eq!(export(&seen, &directory(), policy_files).text, text);
        }
    }

    #[test]
    fn what_was_applied_is_over(from in state(), to in state(), revoke_first in any::<bool>()) {
        let sets = to.sets.iter().map(|(name, set)| {
            let (content, protect) = (set.content.clone(), false);
            (name.clone(), WantedSet { content, protect })
        });
        let wanted = WantedAccess {
            scope: ManagedScope::All,
            max_destroy: 1_000,
            sets: sets.collect(),
            assignments: to.assignments.clone(),
            ..WantedAccess::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let temporary = from.temporary.clone();
            let stand = Stand::new(from);
            let report = stand.apply(&wanted, revoke_first).await;
            assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
            let (diff, seen) = stand.compared(&wanted).await;
            assert_eq!(diff.changes, [], "{:?}", stand.center.writes());
            assert_eq!(seen.temporary, temporary, "what Hallpass gave is as it was");
            let writes = stand.center.writes();
            let provisioned: Vec<&String> = writes.iter().filter(|it| it.starts_with("provision")).collect();
            let once: BTreeSet<&&String> = provisioned.iter().collect();
            assert_eq!(once.len(), provisioned.len(), "{writes:?}");
        });
    }
}

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_base::AccountId;
use hallpass_inventory::collect::{
    AnswerPage, CallPlace, CalledOperation, PageAnswer, ServiceCalls, SliceStore, SyncScope,
    collect,
};
use hallpass_inventory::{
    Slice, SliceFailure, SliceKey, SliceOutcome, SyncGroup, TableRow, document_of, table,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) const A_PAGE: usize = 3;
pub(crate) const MANAGEMENT: &str = "100000000001";
pub(crate) const SUSPENDED: &str = "100000000005";

pub(crate) type Trouble =
    Box<dyn Fn(usize, &CallPlace, &str) -> Option<SliceFailure> + Send + Sync>;

pub(crate) type Instead = Box<dyn Fn(&str, &Value) -> Option<Value> + Send + Sync>;

pub(crate) struct World {
    pub(crate) accounts: Vec<String>,
    pub(crate) users: usize,
    pub(crate) report: String,
    pub(crate) report_says: Mutex<Vec<u16>>,
    pub(crate) trouble: Trouble,
    pub(crate) calls: Mutex<Vec<(CallPlace, String)>>,
    pub(crate) paused: Mutex<Duration>,
    /// Accounts as before 2026-09-09: only `Status`.
    pub(crate) has_older_members: bool,
    pub(crate) instead: BTreeMap<&'static str, Value>,
    pub(crate) instead_of: Instead,
}

impl Default for World {
    fn default() -> Self {
        let accounts = (1..=5).map(|it| format!("10000000000{it}"));
        let head = "user,arn,user_creation_time,password_enabled,password_last_used,\
            password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
            access_key_1_last_rotated,access_key_2_active,access_key_2_last_rotated,new_column";
        Self {
            accounts: accounts.collect(),
            users: 4,
            report: head.to_owned(),
            report_says: Mutex::default(),
            trouble: Box::new(|_, _, _| None),
            calls: Mutex::default(),
            paused: Mutex::default(),
            has_older_members: false,
            instead: BTreeMap::new(),
            instead_of: Box::new(|_, _| None),
        }
    }
}

pub(crate) fn denied(operation: &str) -> SliceFailure {
    failed("call", operation, "AccessDenied", 403)
}

pub(crate) fn failed(stage: &str, operation: &str, code: &str, http: u16) -> SliceFailure {
    SliceFailure {
        stage: stage.to_owned(),
        operation: operation.to_owned(),
        code: code.to_owned(),
        message: "no".to_owned(),
        http_status: Some(http),
        attempts: 1,
        request_id: None,
    }
}

#[async_trait]
impl ServiceCalls for World {
    async fn call(&self, at: &CallPlace, (_, name): CalledOperation, input: &Value) -> PageAnswer {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((at.clone(), name.to_owned()));
            calls.len() - 1
        };
        tokio::task::yield_now().await;
        match (self.trouble)(number, at, name) {
            Some(failure) => Err(failure),
            None => self.answer(at, name, input),
        }
    }

    async fn pause(&self, long: Duration) {
        *self.paused.lock().unwrap() += long;
    }

    fn now(&self) -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }
}

impl World {
    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(_, it)| it == operation).count()
    }

    fn answer(&self, place: &CallPlace, operation: &'static str, input: &Value) -> PageAnswer {
        let instead = self.instead.get(operation).cloned();
        if let Some(answer) = instead.or_else(|| (self.instead_of)(operation, input)) {
            return Ok(whole(answer));
        }
        let account = match place {
            CallPlace::Home => MANAGEMENT,
            CallPlace::Inside(account) => account.as_str(),
        };
        match operation {
            "DescribeOrganization"
            | "ListAccounts"
            | "ListRoots"
            | "ListAccountsForParent"
            | "ListOrganizationalUnitsForParent"
            | "ListPolicies"
            | "DescribePolicy"
            | "ListTargetsForPolicy"
            | "ListDelegatedAdministrators"
            | "ListDelegatedServicesForAccount"
            | "ListTagsForResource"
            | "ListRegions"
            | "DescribeRegions" => Ok(self.organization(operation, input)),
            "GetCredentialReport" => self.credential_report(account),
            "GetPermissionsBoundaryForPermissionSet" | "DescribeUser" | "DescribeGroup" => {
                Err(failed("call", operation, "ResourceNotFoundException", 400))
            }
            "GetAlternateContact" | "GetContactInformation" => contact(operation, input),
            "GetAccountPasswordPolicy" => Err(failed("call", operation, "NoSuchEntity", 404)),
            _ if matches!(place, CallPlace::Home) => Ok(identity_center(operation, input)),
            _ => Ok(self.iam(account, operation, input)),
        }
    }

    fn organization(&self, operation: &str, input: &Value) -> AnswerPage {
        let parent = input["ParentId"].as_str().unwrap_or_default();
        let document = |id: &String| {
            let state = if id == SUSPENDED {
                "SUSPENDED"
            } else {
                "ACTIVE"
            };
            let mut account = json!({"Id": id, "Arn": format!("arn:aws:organizations::{MANAGEMENT}:account/o-1/{id}"),
                "Name": format!("account {id}"), "Email": "a@example.test",
                "JoinedMethod": "CREATED", "JoinedTimestamp": "2020-01-01T00:00:00Z"});
            let member = if self.has_older_members {
                "Status"
            } else {
                "State"
            };
            account[member] = state.into();
            account
        };
        match operation {
            "DescribeOrganization" => whole(json!({"Organization": {"Id": "o-1", "Arn": "arn",
                "MasterAccountId": MANAGEMENT, "MasterAccountEmail": "m@example.test",
                "FeatureSet": "ALL", "AvailablePolicyTypes": []}})),
            "ListAccounts" => listed(input, "Accounts", self.accounts.iter().map(document)),
            "ListRoots" => listed(
                input,
                "Roots",
                [json!({"Id": "r-1", "Arn": "arn", "Name": "Root",
                "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"},
                    {"Type": "TAG_POLICY", "Status": "PENDING_DISABLE"}]})],
            ),
            "ListAccountsForParent" => {
                let inside = self.accounts.iter().filter(|id| match parent {
                    "r-1" => *id == MANAGEMENT,
                    "ou-2" => id.ends_with('2') || id.ends_with('3'),
                    _ => id.as_str() != MANAGEMENT && !id.ends_with('2') && !id.ends_with('3'),
                });
                listed(input, "Accounts", inside.map(document))
            }
            "ListOrganizationalUnitsForParent" => {
                let unit = |id: &str, name: &str| json!({"Id": id, "Arn": "arn", "Name": name});
                let units = match parent {
                    "r-1" => vec![unit("ou-1", "Workloads")],
                    "ou-1" => vec![unit("ou-2", "Production")],
                    _ => Vec::new(),
                };
                listed(input, "OrganizationalUnits", units)
            }
            _ => of_organization(operation, input),
        }
    }

    fn credential_report(&self, account: &str) -> PageAnswer {
        if let Some(status) = self.report_says.lock().unwrap().pop() {
            return Err(failed("call", "GetCredentialReport", "Report", status));
        }
        let root = format!(
            "<root_account>,arn:aws:iam::{account}:root,2020-01-01T00:00:00+00:00,not_supported,\
             no_information,not_supported,not_supported,true,false,N/A,false,N/A,later"
        );
        let line = |user: usize| {
            let (key, rotated) = if user == 0 {
                ("true", "2024-01-01T00:00:00+00:00")
            } else {
                ("false", "N/A")
            };
            format!(
                "u{user},arn:aws:iam::{account}:user/u{user},2020-01-01T00:00:00+00:00,{},N/A,N/A,\
                 N/A,{},{key},{rotated},false,N/A,later",
                user.is_multiple_of(2),
                user == 1
            )
        };
        let mut lines = vec![self.report.clone(), root];
        lines.extend((0..self.users).map(line));
        let text = lines.join("\n");
        Ok(whole(
            json!({"Content": STANDARD.encode(text), "ReportFormat": "text/csv",
            "GeneratedTime": "2026-11-19T22:00:00Z"}),
        ))
    }

    fn iam(&self, account: &str, operation: &str, input: &Value) -> AnswerPage {
        let arn = |kind: &str, name: &str| format!("arn:aws:iam::{account}:{kind}/{name}");
        let users = (0..self.users).map(|it| format!("u{it}"));
        let encoded = "%7B%22Statement%22%3A%5B%5D%7D";
        match operation {
            "GenerateCredentialReport" => whole(json!({"State": "COMPLETE"})),
            "ListUsers" => listed(
                input,
                "Users",
                users.map(|it| {
                    json!({"UserName": it,
                "UserId": format!("AIDA{it}"), "Arn": arn("user", &it), "Path": "/",
                "CreateDate": "2020-01-01T00:00:00Z", "PasswordLastUsed": "2026-10-01T00:00:00Z"})
                }),
            ),
            "GetAccountAuthorizationDetails" => {
                let user = |it: String| {
                    json!({"UserName": it, "Arn": arn("user", &it),
                    "GroupList": ["admins"], "Tags": [{"Key": "email", "Value": "x@example.test"}],
                    "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": encoded}],
                    "AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": arn("policy", "p")}]})
                };
                whole(
                    json!({"UserDetailList": users.map(user).collect::<Vec<_>>(),
                    "GroupDetailList": [{"GroupName": "admins", "Arn": arn("group", "admins")}],
                    "RoleDetailList": [{"RoleName": "r", "Arn": arn("role", "r"), "Path": "/",
                        "AssumeRolePolicyDocument": encoded, "Tags": [],
                        "RoleLastUsed": {"LastUsedDate": "2026-10-01T00:00:00Z", "Region": "eu-west-1"}}],
                    "Policies": [{"PolicyName": "p", "Arn": arn("policy", "p"), "AttachmentCount": 1,
                        "DefaultVersionId": "v2", "PolicyVersionList": [
                            {"VersionId": "v1", "IsDefaultVersion": false, "Document": "%22old%22"},
                            {"VersionId": "v2", "IsDefaultVersion": true, "Document": encoded}]}]}),
                )
            }
            "ListRoles" => listed(
                input,
                "Roles",
                [json!({"RoleName": "r", "Arn": arn("role", "r"),
                "MaxSessionDuration": 3600, "MaxSigninSessionDuration": 86400,
                "SourceRoleTemplate": {"TemplateArn": "arn:aws:iam::aws:role-template/t", "TemplateMinorVersion": 2}})],
            ),
            "GetAccountSummary" => whole(json!({"SummaryMap": {"AccountMFAEnabled": 1,
                "AccountAccessKeysPresent": 0}})),
            "GetAccountProperties" => whole(json!({"Properties": {"RoleManager/Enabled": "true"}})),
            "GetOutboundWebIdentityFederationInfo" => {
                whole(json!({"JwtVendingEnabled": true, "IssuerIdentifier": "https://i.example"}))
            }
            "ListDelegationRequests" => listed(
                input,
                "DelegationRequests",
                (0..4).map(|it| {
                    json!({"DelegationRequestId": format!("dr-{account}-{it}"), "State": "FINALIZED",
                "RequestorId": "900000000009", "RequestorName": "Partner", "SessionDuration": 3600,
                "PermissionPolicy": "{\"Statement\":[]}", "UpdatedTime": "2026-11-19T22:00:00Z"})
                }),
            ),
            "ListSAMLProviders" => listed(
                input,
                "SAMLProviderList",
                [json!({"Arn": arn("saml-provider", "s"), "ValidUntil": "2036-01-01T00:00:00Z",
                "IsTrustedIdentityPropagationEnabled": true})],
            ),
            "ListOpenIDConnectProviders" => listed(
                input,
                "OpenIDConnectProviderList",
                [json!({"Arn": arn("oidc-provider", "token.example.com")})],
            ),
            _ => keys_and_devices(account, operation, input),
        }
    }
}

fn contact(operation: &str, input: &Value) -> PageAnswer {
    let none = Err(failed("call", operation, "ResourceNotFoundException", 404));
    let account = input["AccountId"].as_str().unwrap();
    let kind = input["AlternateContactType"].as_str();
    match kind {
        _ if account.ends_with('3') => none,
        Some("BILLING") if account.ends_with('2') => none,
        Some(kind) => Ok(whole(
            json!({"AlternateContact": {"AlternateContactType": kind, "Name": "Ana",
            "Title": "Accounts", "EmailAddress": format!("{kind}@example.test"), "PhoneNumber": "+1 555 0100"}}),
        )),
        None => Ok(whole(
            json!({"ContactInformation": {"FullName": "Ana", "PhoneNumber": "+1 555 0100",
            "CountryCode": "SE", "City": "Lund", "PostalCode": "22100", "AddressLine1": "A street",
            "AddressLine3": "third floor"}}),
        )),
    }
}

pub(crate) const SETS: usize = 4;
pub(crate) const PEOPLE: usize = 5;

fn identity_center(operation: &str, input: &Value) -> AnswerPage {
    let set = input["PermissionSetArn"].as_str().unwrap_or_default();
    let number: usize = set
        .rsplit('-')
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    match operation {
        "ListInstances" => listed(
            input,
            "Instances",
            [json!({"InstanceArn": "arn:i",
            "IdentityStoreId": "d-1", "OwnerAccountId": MANAGEMENT, "Status": "ACTIVE",
            "Regions": [{"RegionName": "eu-west-1", "Status": "ACTIVE"}]})],
        ),
        "ListPermissionSets" => listed(
            input,
            "PermissionSets",
            (0..SETS)
                .map(|it| Value::from(format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{it}"))),
        ),
        "DescribePermissionSet" => whole(json!({"PermissionSet": {"Name": format!("Set{number}"),
            "PermissionSetArn": set, "CreatedDate": "2024-01-01T00:00:00Z"}})),
        "ListManagedPoliciesInPermissionSet" => listed(input, "AttachedManagedPolicies", []),
        "ListCustomerManagedPolicyReferencesInPermissionSet" => {
            listed(input, "CustomerManagedPolicyReferences", [])
        }
        "GetInlinePolicyForPermissionSet" => whole(json!({"InlinePolicy": ""})),
        "ListAccountsForProvisionedPermissionSet" => {
            let latest = input["ProvisioningStatus"] == "LATEST_PERMISSION_SET_PROVISIONED";
            let accounts = (1..=number).filter(|it| (*it == 1) != latest);
            listed(
                input,
                "AccountIds",
                accounts.map(|it| Value::from(format!("10000000000{it}"))),
            )
        }
        "ListAccountAssignments" => listed(
            input,
            "AccountAssignments",
            [
                json!({"PrincipalType": "USER", "PrincipalId": "user-0"}),
                json!({"PrincipalType": "GROUP", "PrincipalId": "group-0"}),
                json!({"PrincipalType": "USER", "PrincipalId": "user-gone"}),
            ],
        ),
        "ListApplications" => listed(
            input,
            "applications",
            [json!({"applicationArn": "arn:aws:account-access:eu-west-1:1:application/a"})],
        ),
        "ListEntitlements" => {
            let account = &input["filter"]["principalRole"]["account"];
            let role = format!("arn:aws:iam::{}:role/R", account.as_str().unwrap());
            let entitlement = |id: &str, principal: Value| {
                json!({"entitlementId": format!("{id}-{}", account.as_str().unwrap()),
                    "entitlement": {"principalRole": {"principal": {"identityCenter": principal},
                        "roleArn": role, "account": account}}})
            };
            let rows = [
                entitlement("e1", json!({"userId": "user-0"})),
                entitlement("e2", json!({"groupId": "group-gone"})),
            ];
            listed(input, "entitlements", rows)
        }
        _ => directory(operation, input),
    }
}

fn directory(operation: &str, input: &Value) -> AnswerPage {
    match operation {
        "ListUsers" => listed(
            input,
            "Users",
            (0..PEOPLE).map(|it| {
                json!({"UserId": format!("user-{it}"),
            "UserName": format!("p{it}"), "Emails": [{"Value": "old@example.test"},
                {"Value": "new@example.test", "Primary": true}], "UserStatus": "ENABLED"})
            }),
        ),
        "ListGroups" => listed(
            input,
            "Groups",
            (0..2).map(|it| {
                json!({
            "GroupId": format!("group-{it}"), "DisplayName": format!("g{it}")})
            }),
        ),
        "ListGroupMemberships" => listed(
            input,
            "GroupMemberships",
            (0..2).map(|it| {
                json!({
            "MembershipId": format!("{}-{it}", input["GroupId"]), "GroupId": input["GroupId"],
            "MemberId": {"UserId": format!("user-{it}")}})
            }),
        ),
        other => panic!("{other} was not expected"),
    }
}

fn of_organization(operation: &str, input: &Value) -> AnswerPage {
    match operation {
        "ListPolicies" => listed(
            input,
            "Policies",
            [json!({"Id": "p-1", "Arn": "arn",
                "Name": "FullAWSAccess", "Type": input["Filter"], "AwsManaged": true})],
        ),
        "DescribePolicy" => whole(json!({"Policy": {"Content": "{\"Statement\":[]}"}})),
        "ListTargetsForPolicy" => listed(
            input,
            "Targets",
            [json!({"TargetId": "r-1",
                "Type": "ROOT", "Name": "Root"})],
        ),
        "ListDelegatedAdministrators" => listed(
            input,
            "DelegatedAdministrators",
            [json!({"Id": "100000000002"})],
        ),
        "ListDelegatedServicesForAccount" => listed(
            input,
            "DelegatedServices",
            [json!({"ServicePrincipal": "sso.amazonaws.com",
                    "DelegationEnabledDate": "2024-01-01T00:00:00Z"})],
        ),
        "ListTagsForResource" => listed(input, "Tags", [json!({"Key": "env", "Value": "x"})]),
        "DescribeRegions" => listed(
            input,
            "Regions",
            [
                json!({"RegionName": "eu-west-1", "OptInStatus": "opt-in-not-required"}),
                json!({"RegionName": "af-south-1", "OptInStatus": "not-opted-in"}),
            ],
        ),
        _ => listed(
            input,
            "Regions",
            [
                json!({"RegionName": "eu-west-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}),
                json!({"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"}),
            ],
        ),
    }
}

fn keys_and_devices(account: &str, operation: &str, input: &Value) -> AnswerPage {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::{account}:{kind}/{name}");
    match operation {
        // as in the report
        "ListAccessKeys" if input["UserName"] != "u0" => listed(input, "AccessKeyMetadata", []),
        "ListMFADevices" if input["UserName"] != "u1" => listed(input, "MFADevices", []),
        "ListAccessKeys" => listed(
            input,
            "AccessKeyMetadata",
            ["A", "B"].map(|it| {
                json!({
                "AccessKeyId": format!("{it}{account}"), "Status": "Inactive",
                "CreateDate": "2024-01-01T00:00:00Z"})
            }),
        ),
        "GetAccessKeyLastUsed" => {
            whole(if input["AccessKeyId"].as_str().unwrap().starts_with('A') {
                json!({"AccessKeyLastUsed": {"Region": "N/A", "ServiceName": "N/A"}})
            } else {
                json!({"AccessKeyLastUsed": {"LastUsedDate": "2026-01-01T00:00:00Z",
                    "Region": "eu-west-1", "ServiceName": "s3"}})
            })
        }
        "ListVirtualMFADevices" => listed(
            input,
            "VirtualMFADevices",
            [json!({
                "SerialNumber": arn("mfa", "root-account-mfa-device"),
                "User": {"Arn": format!("arn:aws:iam::{account}:root")},
                "EnableDate": "2024-01-01T00:00:00Z"})],
        ),
        "ListMFADevices" => listed(
            input,
            "MFADevices",
            [json!({"UserName": input["UserName"],
                "SerialNumber": arn("u2f", input["UserName"].as_str().unwrap()), "EnableDate": "2024-01-01T00:00:00Z"})],
        ),
        other => panic!("{other} was not expected"),
    }
}

fn whole(answer: Value) -> AnswerPage {
    AnswerPage { answer, next: None }
}

pub(crate) fn listed(
    input: &Value,
    name: &str,
    rows: impl IntoIterator<Item = Value>,
) -> AnswerPage {
    let from: usize = input["Token"].as_str().map_or(0, |it| it.parse().unwrap());
    let rows: Vec<Value> = rows.into_iter().collect();
    let page: Vec<Value> = rows.iter().skip(from).take(A_PAGE).cloned().collect();
    let next = (from + A_PAGE < rows.len()).then(|| {
        let token = Value::from((from + A_PAGE).to_string());
        Map::from_iter([("Token".to_owned(), token)])
    });
    AnswerPage {
        answer: json!({ name: page }),
        next,
    }
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) before: BTreeSet<SliceKey>,
    pub(crate) slices: RefCell<BTreeMap<SliceKey, (Slice, Vec<TableRow>)>>,
    pub(crate) notes: RefCell<Vec<String>>,
    pub(crate) expected: RefCell<usize>,
}

impl SliceStore for Kept {
    fn has(&self, key: &SliceKey) -> bool {
        self.before.contains(key) || self.slices.borrow().contains_key(key)
    }

    fn expect(&self, slices: usize) {
        *self.expected.borrow_mut() += slices;
    }

    fn keep(&self, slice: Slice, rows: Vec<TableRow>) -> io::Result<()> {
        let key = slice.key.clone();
        let before = self.slices.borrow_mut().insert(key, (slice, rows));
        assert!(before.is_none(), "reported twice: {before:?}");
        Ok(())
    }

    fn note(&self, words: String) {
        self.notes.borrow_mut().push(words);
    }
}

impl Kept {
    pub(crate) fn rows(&self, name: &str) -> Vec<Value> {
        let slices = self.slices.borrow();
        let of_table = slices.iter().filter(|(key, _)| key.table == name);
        let rows = of_table.flat_map(|(_, (_, rows))| rows);
        let table = table(name).unwrap();
        rows.map(|row| document_of(table, row)).collect()
    }

    pub(crate) fn failed(&self) -> BTreeMap<SliceKey, SliceFailure> {
        let slices = self.slices.borrow();
        let failed = slices.iter().filter_map(|(key, (slice, rows))| {
            let failure = slice.outcome.failures().next()?.clone();
            assert!(rows.is_empty(), "{key:?} failed and has rows");
            Some((key.clone(), failure))
        });
        failed.collect()
    }

    pub(crate) fn outcome(&self, table: &str, account: Option<&str>) -> SliceOutcome {
        let slices = self.slices.borrow();
        let mut found = slices.iter();
        let found = found.find(|(key, _)| key.table == table && key.account.as_deref() == account);
        found.unwrap().1.0.outcome.clone()
    }
}

pub(crate) fn scope(groups: &[SyncGroup]) -> SyncScope {
    SyncScope {
        groups: groups.iter().copied().collect(),
        ..SyncScope::default()
    }
}

pub(crate) const OF_AWS: [SyncGroup; 4] = [
    SyncGroup::Organizations,
    SyncGroup::Iam,
    SyncGroup::IdentityCenter,
    SyncGroup::Contacts,
];

pub(crate) async fn collected(world: &World, groups: &[SyncGroup]) -> Kept {
    let kept = Kept::default();
    collect(&scope(groups), world, None, None, &kept)
        .await
        .unwrap();
    kept
}

pub(crate) fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

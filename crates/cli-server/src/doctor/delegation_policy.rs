//! Checks whether the management account lets ours write policies (`access.md` §21, A-5). A
//! delegated administrator may read them; the delegation policy of Organizations names its writes
//! (AWS Organizations User Guide, "Delegated administrator for AWS Organizations").

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_app::config::Loaded;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::connect;
use hallpass_aws::{Aws, ConnectedOrganization, Need, OwnAccountRole};
use hallpass_base::clock::{ProcessClock, SystemClock};
use hallpass_enforcement::OrganizationFault;
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde_json::{Map, Value, json};

use super::DoctorReport;
use super::iam_policy::partition;

/// Limit of named accounts; all are counted.
const NAMED_MAX: usize = 5;
const SCP: &str = "SERVICE_CONTROL_POLICY";
/// Writes on an account and a policy.
const ATTACHING: [&str; 2] = ["organizations:AttachPolicy", "organizations:DetachPolicy"];
/// Sids of our statements, to replace existing ones.
const SIDS: [&str; 2] = ["HallpassWritesPolicies", "HallpassAttachesPolicies"];
const REMEDY: &str = "`hallpass server doctor --delegation-policy` prints the policy with the missing rights: set it from the management account (`aws organizations put-resource-policy`)";
const UNREAD: &str = "let this role read it (`organizations:DescribeResourcePolicy`, in the statement `ReadPolicies` of `hallpass server doctor --iam-policy`)";

fn writes() -> impl Iterator<Item = &'static str> {
    let all = hallpass_aws::actions().iter();
    all.filter(|it| it.need == Need::Policies && it.writes)
        .map(|it| it.name)
}

#[derive(Clone, Copy, Debug)]
struct PolicyWriter<'a> {
    partition: &'static str,
    account: &'a str,
    arn: &'a str,
    organization: &'a str,
    management_account: &'a str,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Lacking {
    actions: BTreeSet<&'static str>,
    /// Accounts that block attaching, if others allow it.
    accounts: Vec<String>,
}

impl<'a> PolicyWriter<'a> {
    /// None in the management account, or without a visible organization.
    fn of(about: &'a ConnectedOrganization) -> Option<Self> {
        if about.place == OwnAccountRole::Management {
            return None;
        }
        Some(Self {
            partition: partition(&about.region),
            account: &about.account,
            arn: &about.arn,
            organization: about.organization_id.as_deref()?,
            management_account: about.management_account.as_deref()?,
        })
    }

    /// ARNs of service control policies of the management account, or of accounts.
    fn resource(&self, kind: &str, id: &str) -> String {
        let Self {
            partition,
            organization,
            management_account,
            ..
        } = self;
        format!("arn:{partition}:organizations::{management_account}:{kind}/{organization}/{id}")
    }

    fn policies(&self, id: &str) -> String {
        self.resource("policy", &format!("service_control_policy/{id}"))
    }

    fn principal(&self) -> Value {
        json!({ "AWS": format!("arn:{}:iam::{}:root", self.partition, self.account) })
    }

    /// Allows only policies of this type, and attaching them to accounts.
    fn statements(&self) -> [Value; 2] {
        let principal = self.principal();
        // tags have no policy type
        let only = json!({ "StringLikeIfExists": { "organizations:PolicyType": SCP } });
        let (attaching, others): (Vec<_>, Vec<_>) = writes().partition(|it| ATTACHING.contains(it));
        let on = (self.policies("*"), self.resource("account", "*"));
        let statement = |sid: &str, actions: &[&str], resource: Value| {
            json!({
                "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions,
                "Resource": resource, "Condition": only,
            })
        };
        let [whole, attached] = SIDS;
        [
            statement(whole, &others, json!(on.0)),
            statement(attached, &attaching, json!([on.0, on.1])),
        ]
    }

    fn added_to(&self, given: Option<&str>) -> Result<Map<String, Value>, serde_json::Error> {
        let mut policy: Map<String, Value> = serde_json::from_str(given.unwrap_or("{}"))?;
        let kept = match policy.remove("Statement") {
            Some(Value::Array(all)) => all,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        // suffix of our Sid: none, or the account if another server has it
        let rest = |it: &Value| {
            let sid = it.get("Sid")?.as_str()?;
            let mut rests = SIDS.iter().filter_map(|name| sid.strip_prefix(name));
            rests.next().map(str::to_owned)
        };
        let us = self.principal();
        let is_ours = |it: &Value| {
            let is_named = rest(it).is_some_and(|it| it.is_empty() || it == self.account);
            // another account's statements belong to another server
            is_named && it.get("Principal") == Some(&us)
        };
        let kept: Vec<Value> = kept.into_iter().filter(|it| !is_ours(it)).collect();
        let others = kept.iter().any(|it| rest(it).as_deref() == Some(""));
        let version = || json!("2012-10-17");
        policy.entry("Version").or_insert_with(version);
        let ours = self.statements().map(|mut it| {
            // Sids must be unique
            if others && let Some(Value::String(sid)) = it.get_mut("Sid") {
                sid.push_str(self.account);
            }
            it
        });
        let statements = kept.into_iter().chain(ours).collect();
        policy.insert("Statement".to_owned(), statements);
        Ok(policy)
    }

    fn lacking(&self, policy: Option<Arc<Policy>>, accounts: &[&str]) -> Lacking {
        let layers = Layers {
            resource: policy,
            identity: everything().into_iter().collect(),
            ..Layers::default()
        };
        let ours = self.policies("p-hallpass00");
        let lacks = |action: &str, resource: &str| !self.may(&layers, action, resource);
        let mut found = Lacking::default();
        for action in writes() {
            if lacks(action, &ours) {
                found.actions.insert(action);
            }
        }
        for account in accounts {
            let on = self.resource("account", account);
            for action in ATTACHING {
                if lacks(action, &on) {
                    found.actions.insert(action);
                    found.accounts.push((*account).to_owned());
                }
            }
        }
        found.accounts.dedup();
        if found.accounts.len() == accounts.len() {
            found.accounts.clear();
        }
        found
    }

    fn may(&self, layers: &Layers, action: &str, resource: &str) -> bool {
        let mut context = Context::new();
        if action != "organizations:TagResource" {
            context = context.with("organizations:PolicyType", SCP);
        }
        let request = Request::new(self.arn, action, resource, context);
        request.is_ok_and(|request| {
            let mut request = request.resource_account(self.management_account);
            request.derive_keys();
            decide(layers, &request) == Decision::Allowed
        })
    }

    fn tell(
        &self,
        read: Result<Option<String>, OrganizationFault>,
        accounts: &[&str],
        (check, report): (&'static str, &mut DoctorReport),
    ) {
        let unread = |why: String| {
            format!(
                "the delegation policy of Organizations cannot be read, so it is not known whether account {} may write policies: {why}",
                self.account
            )
        };
        let text = match read {
            Ok(text) => text,
            Err(fault) => return report.add(check, Err((unread(fault.to_string()), UNREAD))),
        };
        let policy = text
            .map(|it| Policy::parse(&it, PolicyType::Resource))
            .transpose();
        let policy = match policy {
            Ok(policy) => policy.map(Arc::new),
            Err(error) => return report.add(check, Err((unread(error.to_string()), UNREAD))),
        };
        let found = self.lacking(policy, accounts);
        if found.actions.is_empty() {
            let words = format!(
                "the delegation policy of Organizations lets account {} write service control policies; whether this role's own policies do (statement `WritePolicies`) is not tried",
                self.account
            );
            return report.add(check, Ok(words));
        }
        let actions = found.actions.into_iter().collect::<Vec<_>>().join(", ");
        let on = match found.accounts.as_slice() {
            [] => String::new(),
            some => format!(" on {}", named(some)),
        };
        let words = format!(
            "the management account does not let account {} do {actions}{on}: the delegation policy of Organizations does not say so, and no policy can be written",
            self.account
        );
        report.add(check, Err((words, REMEDY)));
    }
}

fn everything() -> Option<Arc<Policy>> {
    let text =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy::parse(text, PolicyType::Identity).ok().map(Arc::new)
}

pub(super) async fn check(
    check: &'static str,
    aws: &Aws,
    accounts: &[&str],
    report: &mut DoctorReport,
) {
    if let Some(writer) = PolicyWriter::of(aws.about()) {
        writer.tell(aws.delegation_policy().await, accounts, (check, report));
    }
}

/// Prints the delegation policy with our statements.
///
/// # Errors
/// Exit 2 if no delegation is needed.
pub(super) fn run(loaded: &Loaded) -> Outcome {
    let clock = Arc::new(ProcessClock::new(SystemClock, None));
    runtime()?.block_on(async {
        let aws = connect(loaded, &clock, Arc::new(RandomIds)).await?;
        let text = with_ours(&aws).await?;
        output::print(&text)?;
        Ok(Exit::Ok)
    })
}

async fn with_ours(aws: &Aws) -> Result<String, Failure> {
    let about = aws.about();
    let Some(writer) = PolicyWriter::of(about) else {
        let said = match about.place {
            OwnAccountRole::Management => {
                "the management account writes policies without a delegation policy"
            }
            OwnAccountRole::DelegatedAdministrator | OwnAccountRole::Other => {
                "the organization cannot be seen"
            }
        };
        let help = "use the credentials of a server in the delegated administrator account";
        return Err(Failure::bad_input(said).help(help));
    };
    let given = aws.delegation_policy().await;
    let given = given.map_err(|fault| fault.to_string());
    let added = given.and_then(|given| {
        let added = writer.added_to(given.as_deref());
        added.map_err(|error| error.to_string())
    });
    let added = added.map_err(|why| {
        let words = format!("the delegation policy that is there cannot be read: {why}");
        // a put replaces the policy: other delegations would be lost
        Failure::failed(words).help(UNREAD)
    })?;
    let text = serde_json::to_string_pretty(&added);
    text.map(|text| text + "\n").map_err(Failure::bug)
}

pub(super) fn named(accounts: &[String]) -> String {
    let shown = accounts.iter().take(NAMED_MAX).cloned();
    let shown = shown.collect::<Vec<_>>().join(", ");
    match accounts.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
#[path = "delegation_policy_tests.rs"]
mod tests;

//! Account Factory: a Service Catalog product that creates or enrols an account (`organization.md`
//! V-6).

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass_base::Timestamp;
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{Class, Effect, Retry, StepError, StepProbe, Verify, WriteAnswer};
use serde_json::{Value, json};

use super::product::{DesiredProduct, FactoryPermission};
use crate::changing::ServiceCalls;
use crate::reading::{Operation, ReadFact, ReadPlace, Reader, text, unread};
use crate::steps::{setback, unseen};

const CATALOG: &str = "servicecatalog";
const PRODUCT: &str = "AWS Control Tower Account Factory";
const OWNER: &str = "AWS Control Tower";
const PRODUCTS: Operation = (CATALOG, "SearchProductsAsAdmin");
const VERSIONS: Operation = (CATALOG, "ListProvisioningArtifacts");
const PORTFOLIOS: Operation = (CATALOG, "ListPortfoliosForProduct");
pub(crate) const NO_PRODUCT: &str = "there is no product `AWS Control Tower Account Factory`";
pub(crate) const NO_VERSION: &str = "no version of Account Factory is active";
pub(crate) const NO_PORTFOLIO: &str = "Account Factory is in no portfolio";
/// AWS's error text for concurrent operations (`organization.md` P-10).
const BUSY: &str = "operation is in progress";
/// Failure code after Account Factory accepted a launch.
pub(crate) const FACTORY_FAILED: &str = "AccountFactory";
/// Failure code of an immediate refusal by Account Factory.
const FACTORY_REFUSED: &str = "NotLaunched";
/// A record that fails within this was refused: enrolment takes minutes (`organization.md` V-6).
const REFUSED_WITHIN_SECONDS: f64 = 90.0;
/// Poll interval of a busy factory.
const BUSY_PAUSE: Duration = Duration::from_mins(3);
/// Characters of a product's name (Service Catalog API, `ProvisionProduct`).
const NAME_MAX: usize = 128;

fn home(calls: &dyn ServiceCalls) -> Reader<'_> {
    Reader {
        calls,
        place: ReadPlace::default(),
    }
}

/// Product name of an enrolled account: each run of characters other than letters and digits
/// becomes one `-` (`organization.md` N-5).
pub(crate) fn enrolment_product(account: &str) -> String {
    let mut name = "Enroll-Account-".to_owned();
    for c in account.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(NAME_MAX);
    name
}

/// The principal for Service Catalog: for a session the role.
pub(crate) async fn principal(home: &Reader<'_>, caller: &str) -> String {
    let Some((head, rest)) = caller.split_once(":assumed-role/") else {
        return caller.to_owned();
    };
    let name = rest.split('/').next().unwrap_or_default();
    let answer = home
        .one(("iam", "GetRole"), json!({ "RoleName": name }))
        .await;
    let arn = answer.as_ref().map_or("", |it| text(it, "/Role/Arn"));
    if arn.is_empty() {
        return format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1));
    }
    arn.to_owned()
}

pub(crate) async fn products(home: &Reader<'_>, query: &str) -> ReadFact<Vec<Value>> {
    let input = json!({
        "AccessLevelFilter": { "Key": "Account", "Value": "self" }, "Filters": { "SearchQuery": [query] },
    });
    let operation = (CATALOG, "SearchProvisionedProducts");
    home.list(operation, input, "ProvisionedProducts").await
}

async fn product_named(calls: &dyn ServiceCalls, name: &str) -> ReadFact<Option<Value>> {
    let all = products(&home(calls), &format!("name:{name}")).await?;
    Ok(all.into_iter().find(|it| text(it, "/Name") == name))
}

pub(crate) async fn find_product(calls: &dyn ServiceCalls) -> ReadFact<Option<String>> {
    let input = json!({ "Filters": { "Owner": [OWNER] } });
    let rows = home(calls)
        .list(PRODUCTS, input, "ProductViewDetails")
        .await?;
    let mut rows = rows.iter().filter_map(|it| it.get("ProductViewSummary"));
    let found = rows.find(|it| text(it, "/Name") == PRODUCT);
    Ok(found.map(|it| text(it, "/ProductId").to_owned()))
}

pub(crate) async fn find_version(
    calls: &dyn ServiceCalls,
    product: &str,
) -> ReadFact<Option<String>> {
    let input = json!({ "ProductId": product });
    let rows = home(calls)
        .list(VERSIONS, input, "ProvisioningArtifactDetails")
        .await?;
    let made = |it: &Value| match it.get("CreatedTime") {
        Some(Value::Number(seconds)) => (seconds.as_f64().unwrap_or_default(), String::new()),
        Some(Value::String(text)) => (0.0, text.clone()),
        _ => (0.0, String::new()),
    };
    let usable = rows.iter().filter(|it| {
        it.get("Active") == Some(&Value::Bool(true)) && text(it, "/Guidance") != "DEPRECATED"
    });
    let newest = usable.max_by(|one, other| {
        let (one, other) = (made(one), made(other));
        one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
    });
    Ok(newest.map(|it| text(it, "/Id").to_owned()))
}

pub(crate) async fn find_portfolio(
    calls: &dyn ServiceCalls,
    product: &str,
) -> ReadFact<Option<String>> {
    let input = json!({ "ProductId": product });
    let rows = home(calls)
        .list(PORTFOLIOS, input, "PortfolioDetails")
        .await?;
    Ok(rows.first().map(|it| text(it, "/Id").to_owned()))
}

pub(crate) async fn principals(calls: &dyn ServiceCalls, portfolio: &str) -> ReadFact<Vec<String>> {
    let operation = (CATALOG, "ListPrincipalsForPortfolio");
    let input = json!({ "PortfolioId": portfolio });
    let rows = home(calls).list(operation, input, "Principals").await?;
    let arns = rows.iter().map(|it| text(it, "/PrincipalARN").to_owned());
    Ok(arns.collect())
}

async fn product_id(calls: &dyn ServiceCalls) -> ReadFact<String> {
    let found = find_product(calls).await?;
    found.ok_or_else(|| unread(PRODUCTS, NO_PRODUCT))
}

async fn artifact_id(calls: &dyn ServiceCalls, product: &str) -> ReadFact<String> {
    let found = find_version(calls, product).await?;
    found.ok_or_else(|| unread(VERSIONS, NO_VERSION))
}

async fn portfolio_id(calls: &dyn ServiceCalls, product: &str) -> ReadFact<String> {
    let found = find_portfolio(calls, product).await?;
    found.ok_or_else(|| unread(PORTFOLIOS, NO_PORTFOLIO))
}

/// Checks for permission to use Account Factory.
pub(crate) async fn look_admitted(
    calls: &dyn ServiceCalls,
    wish: &FactoryPermission,
) -> Result<StepProbe, StepError> {
    let product = product_id(calls).await.map_err(unseen)?;
    // report missing launch prerequisites before any change
    artifact_id(calls, &product).await.map_err(unseen)?;
    let portfolio = portfolio_id(calls, &product).await.map_err(unseen)?;
    let all = principals(calls, &portfolio).await.map_err(unseen)?;
    Ok(if all.contains(&wish.principal) {
        StepProbe::Satisfied
    } else {
        StepProbe::Absent
    })
}

pub(crate) async fn admit(
    calls: &dyn ServiceCalls,
    wish: &FactoryPermission,
) -> Result<WriteAnswer, StepError> {
    let product = product_id(calls).await.map_err(unseen)?;
    let portfolio = portfolio_id(calls, &product).await.map_err(unseen)?;
    let input = json!({
        "PortfolioId": portfolio, "PrincipalARN": wish.principal, "PrincipalType": "IAM",
    });
    let operation = (CATALOG, "AssociatePrincipalWithPortfolio");
    let sent = calls.send(&ReadPlace::default(), operation, &input).await;
    sent.map_err(setback)?;
    Ok(WriteAnswer::Accepted { remote: portfolio })
}

fn why_not(product: &Value) -> String {
    let message = text(product, "/StatusMessage");
    let name = text(product, "/Name");
    let said = if message.is_empty() {
        "no reason is given"
    } else {
        message
    };
    format!("{said} (product {name} {})", text(product, "/Id"))
}

/// Checks that an existing product of the name belongs to this plan: another user may have launched
/// it for another account. Its launch token or its account must match (`organization.md` V-6).
async fn is_wished(
    calls: &dyn ServiceCalls,
    wish: &DesiredProduct,
    tokens: &BTreeSet<String>,
    product: &Value,
) -> Result<bool, StepError> {
    let account = text(product, "/PhysicalId");
    if tokens.contains(text(product, "/IdempotencyToken")) {
        return Ok(true);
    }
    if account.is_empty() {
        return Ok(false);
    }
    if let Some(wanted) = &wish.account {
        return Ok(account == wanted.as_str());
    }
    let operation = ("organizations", "DescribeAccount");
    let input = json!({ "AccountId": account });
    let found = home(calls).one(operation, input).await.map_err(unseen)?;
    Ok(text(&found, "/Account/Email").eq_ignore_ascii_case(&wish.email))
}

/// `tokens` are those of the step, and of its earlier attempts.
pub(crate) async fn look(
    calls: &dyn ServiceCalls,
    wish: &DesiredProduct,
    tokens: &BTreeSet<String>,
) -> Result<StepProbe, StepError> {
    let found = product_named(calls, &wish.product).await.map_err(unseen)?;
    let Some(product) = found else {
        return Ok(StepProbe::Absent);
    };
    let status = text(&product, "/Status");
    if ["AVAILABLE", "UNDER_CHANGE", "PLAN_IN_PROGRESS"].contains(&status)
        && !is_wished(calls, wish, tokens, &product).await?
    {
        let (name, id) = (&wish.product, text(&product, "/Id"));
        let reason = format!(
            "product {name} ({id}) is of another account, or was not launched by Hallpass: {status}"
        );
        return Ok(StepProbe::Blocked { reason });
    }
    match status {
        "AVAILABLE" => Ok(StepProbe::Satisfied),
        "UNDER_CHANGE" | "PLAN_IN_PROGRESS" => {
            let record = text(&product, "/LastRecordId");
            let remote = if record.is_empty() {
                &wish.product
            } else {
                record
            };
            Ok(StepProbe::InProgress {
                remote: remote.to_owned(),
            })
        }
        _ => Err(StepError::failed(FACTORY_FAILED, &why_not(&product))),
    }
}

/// Waits for another operation: an account takes half an hour, so it polls every three minutes for
/// up to ninety.
fn busy_until(why: String) -> WriteAnswer {
    WriteAnswer::Setback(StepError::Retry(Retry {
        after: Some(BUSY_PAUSE),
        ..Retry::new(Class::Conflict, why)
    }))
}

/// Launches the product if fewer than `at_once` launches are in progress. The same token gives the
/// same launch.
pub(crate) async fn launch(
    calls: &dyn ServiceCalls,
    wish: &DesiredProduct,
    token: &str,
    at_once: u32,
) -> Result<WriteAnswer, StepError> {
    let others = products(&home(calls), "type:CONTROL_TOWER_ACCOUNT")
        .await
        .map_err(unseen)?;
    let is_busy = |it: &&Value| matches!(text(it, "/Status"), "UNDER_CHANGE" | "PLAN_IN_PROGRESS");
    let busy: Vec<&str> = others
        .iter()
        .filter(is_busy)
        .map(|it| text(it, "/Name"))
        .collect();
    // launches of other users count too
    let has_room = u32::try_from(busy.len()).is_ok_and(|it| it < at_once.max(1));
    if !has_room {
        let names = busy.join(", ");
        return Ok(busy_until(format!("Account Factory is busy with {names}")));
    }
    let product = product_id(calls).await.map_err(unseen)?;
    let artifact = artifact_id(calls, &product).await.map_err(unseen)?;
    let parameter = |(key, value): (&str, &str)| json!({ "Key": key, "Value": value });
    let parameters: Vec<Value> = [
        ("SSOUserEmail", wish.sso_email.as_str()),
        ("SSOUserFirstName", &wish.user.first_name),
        ("SSOUserLastName", &wish.user.last_name),
        ("ManagedOrganizationalUnit", &wish.unit),
        ("AccountName", &wish.account_name),
        ("AccountEmail", &wish.email),
    ]
    .into_iter()
    .map(parameter)
    .collect();
    let input = json!({
        "ProductId": product, "ProvisioningArtifactId": artifact, "ProvisionedProductName": wish.product,
        "ProvisionToken": token, "ProvisioningParameters": parameters,
    });
    let operation = (CATALOG, "ProvisionProduct");
    match calls.send(&ReadPlace::default(), operation, &input).await {
        Ok(answer) => Ok(WriteAnswer::Accepted {
            remote: text(&answer, "/RecordDetail/RecordId").to_owned(),
        }),
        Err(OrganizationFault::Refused { message, .. }) if message.contains(BUSY) => {
            Ok(busy_until(message))
        }
        Err(OrganizationFault::Refused { code, .. }) if code == "DuplicateResourceException" => {
            Ok(WriteAnswer::Accepted {
                remote: wish.product.clone(),
            })
        }
        Err(fault) => Err(setback(fault)),
    }
}

pub(crate) async fn progress(
    calls: &dyn ServiceCalls,
    wish: &DesiredProduct,
    token: &str,
    remote: &str,
) -> Result<Verify, StepError> {
    if !remote.starts_with("rec-") {
        let own = BTreeSet::from([token.to_owned()]);
        return Ok(match look(calls, wish, &own).await? {
            StepProbe::Satisfied => done(wish, wish.account.as_ref().map_or("", |it| it.as_str())),
            StepProbe::Blocked { reason } => Verify::Setback(StepError::failed("taken", &reason)),
            _ => Verify::Running,
        });
    }
    let operation = (CATALOG, "DescribeRecord");
    let answer = home(calls)
        .one(operation, json!({ "Id": remote }))
        .await
        .map_err(unseen)?;
    match text(&answer, "/RecordDetail/Status") {
        "SUCCEEDED" => {
            let outputs = answer.get("RecordOutputs").and_then(Value::as_array);
            let mut outputs = outputs.into_iter().flatten();
            let account = outputs.find(|it| text(it, "/OutputKey") == "AccountId");
            let account = account.map(|it| text(it, "/OutputValue").to_owned());
            let account = if let Some(id) = account {
                id
            } else {
                let product = product_named(calls, &wish.product).await.map_err(unseen)?;
                product
                    .map(|it| text(&it, "/PhysicalId").to_owned())
                    .unwrap_or_default()
            };
            Ok(done(wish, &account))
        }
        "FAILED" => {
            let errors = answer
                .pointer("/RecordDetail/RecordErrors")
                .and_then(Value::as_array);
            let said = errors
                .into_iter()
                .flatten()
                .map(|it| text(it, "/Description"));
            let said: Vec<&str> = said.collect();
            let said = if said.is_empty() {
                "no reason is given".to_owned()
            } else {
                said.join("; ")
            };
            let text = format!("{said} (product {}, record {remote})", wish.product);
            let code = if is_refused(&answer) {
                FACTORY_REFUSED
            } else {
                FACTORY_FAILED
            };
            Ok(Verify::Setback(StepError::failed(code, &text)))
        }
        _ => Ok(Verify::Running),
    }
}

/// True if the record failed right after creation, by AWS's clock; a record without times was not
/// refused.
fn is_refused(answer: &Value) -> bool {
    let at = |name: &str| match answer.pointer(&format!("/RecordDetail/{name}")) {
        Some(Value::Number(seconds)) => seconds.as_f64(),
        Some(Value::String(text)) => {
            let at = text.parse::<Timestamp>().ok()?;
            Some(at.as_duration().as_secs_f64())
        }
        _ => None,
    };
    let ends = at("CreatedTime").zip(at("UpdatedTime"));
    ends.is_some_and(|(began, ended)| ended - began <= REFUSED_WITHIN_SECONDS)
}

fn done(wish: &DesiredProduct, account: &str) -> Verify {
    Verify::Done(Effect {
        new: json!({ "product": wish.product, "account": account, "unit": wish.unit }),
        requests: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::changing::SendAnswer;
    use crate::control_tower::FactoryUser;
    use crate::reading::{ReadAnswer, ReadCalls};

    struct OneProduct(Value);

    #[async_trait]
    impl ReadCalls for OneProduct {
        async fn call(&self, _: &ReadPlace, (_, name): Operation, input: &Value) -> ReadAnswer {
            let answer = match name {
                "SearchProvisionedProducts" => json!({ "ProvisionedProducts": [self.0] }),
                "DescribeRecord" => json!({ "RecordDetail": self.0 }),
                "DescribeAccount" => {
                    let of = if input["AccountId"] == "222222222222" {
                        "a"
                    } else {
                        "b"
                    };
                    json!({ "Account": { "Email": format!("{of}@example.com") } })
                }
                other => panic!("unexpected call {other}"),
            };
            Ok((answer, None))
        }
    }

    #[async_trait]
    impl ServiceCalls for OneProduct {
        async fn send(&self, _: &ReadPlace, operation: Operation, _: &Value) -> SendAnswer {
            panic!("{operation:?} is sent by a look")
        }
    }

    fn a_wish() -> DesiredProduct {
        DesiredProduct {
            product: "AccountLaunch-a".to_owned(),
            account: None,
            account_name: "a".to_owned(),
            email: "A@example.com".to_owned(),
            unit: "Prod".to_owned(),
            sso_email: "s@example.com".to_owned(),
            user: FactoryUser::default(),
        }
    }

    /// `organization.md` V-6: creation and failure time of a launch record, in both time formats.
    #[tokio::test]
    async fn a_launch_that_fails_at_once_was_refused() {
        for (began, ended, code) in [
            (json!(1_000), json!(1_030), FACTORY_REFUSED),
            (json!(1_000), json!(1_090), FACTORY_REFUSED),
            (json!(1_000), json!(1_091), FACTORY_FAILED),
            (json!(1_000), Value::Null, FACTORY_FAILED),
            (
                json!("2026-03-02T10:05:00Z"),
                json!("2026-03-02T10:06:00Z"),
                FACTORY_REFUSED,
            ),
            (
                json!("2026-03-02T10:05:00Z"),
                json!("2026-03-02T10:25:00Z"),
                FACTORY_FAILED,
            ),
        ] {
            let calls = OneProduct(json!({
                "Status": "FAILED", "CreatedTime": began, "UpdatedTime": ended,
                "RecordErrors": [{ "Description": "sample" }],
            }));
            let verified = progress(&calls, &a_wish(), "t", "rec-1").await;
            let Ok(Verify::Setback(StepError::Failed { code: found, .. })) = verified else {
                panic!("{verified:?}");
            };
            assert_eq!(found, code, "{ended}");
        }
    }

    /// `organization.md` V-6: the name alone does not identify the owner.
    #[tokio::test]
    async fn a_product_of_the_name_for_another_account_is_not_taken_for_ours() {
        let wish = a_wish();
        let (ours, theirs) = (Some("222222222222"), Some("333333333333"));
        let own = BTreeSet::from(["t", "of our own try"].map(str::to_owned));
        for (status, token, account, seen) in [
            ("AVAILABLE", "t", None, "satisfied"),
            ("AVAILABLE", "of an earlier try", ours, "satisfied"),
            ("AVAILABLE", "theirs", theirs, "blocked"),
            ("UNDER_CHANGE", "t", None, "in progress"),
            ("UNDER_CHANGE", "of our own try", None, "in progress"),
            ("UNDER_CHANGE", "theirs", None, "blocked"),
            ("UNDER_CHANGE", "theirs", theirs, "blocked"),
        ] {
            let product = json!({
                "Name": wish.product, "Id": "pp-1", "Status": status, "IdempotencyToken": token,
                "PhysicalId": account, "LastRecordId": "rec-1",
            });
            let calls = OneProduct(product);
            let word = match look(&calls, &wish, &own).await.unwrap() {
                StepProbe::Satisfied => "satisfied",
                StepProbe::InProgress { .. } => "in progress",
                StepProbe::Blocked { reason } => {
                    assert!(reason.contains("(pp-1)"), "{reason}");
                    "blocked"
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(word, seen, "{status} {token} {account:?}");
            if token == "of our own try" {
                continue;
            }
            // an existing product is polled by name, unless it belongs to another launch
            let verified = progress(&calls, &wish, "t", &wish.product).await.unwrap();
            let is_theirs = matches!(verified, Verify::Setback(_));
            assert_eq!(is_theirs, seen == "blocked", "{verified:?}");
        }
    }

    #[test]
    fn names_of_products_have_one_dash_for_every_run_of_other_characters() {
        for (account, product) in [
            ("Vinj@k Unmgd 2", "Enroll-Account-Vinj-k-Unmgd-2"),
            ("a  b", "Enroll-Account-a-b"),
            ("prod", "Enroll-Account-prod"),
        ] {
            assert_eq!(enrolment_product(account), product);
        }
        assert!(enrolment_product(&"x".repeat(200)).len() <= 128);
    }
}

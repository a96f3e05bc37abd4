use crate::key_id;
use serde_json::{Value, json};

use super::details::Details;
use super::report::CredentialReport;
use super::{IamAccount, KEYS, MFA_DEVICES, SERVICE, USERS};
use crate::collect::collector::{Collected, Collector, flat, for_each, rows_of};
use crate::collect::documents::{if_there, list, member, needed, tags, text};
use crate::collect::rows::row;

#[derive(Clone, Copy)]
pub(super) struct ReportedUsers<'a> {
    pub(super) users: &'a Collected<Vec<Value>>,
    pub(super) report: Option<&'a CredentialReport>,
}

impl<'a> ReportedUsers<'a> {
    fn users(&self) -> Collected<std::slice::Iter<'a, Value>> {
        Ok(self.users.as_ref().map_err(Clone::clone)?.iter())
    }
}

impl Collector<'_> {
    pub(super) async fn iam_users(&self, account: &IamAccount<'_>) -> Collected<Vec<Value>> {
        let input = json!({});
        let users = self.list(&account.place, SERVICE, "ListUsers", input);
        users.await
    }

    /// User rows. Without report or details, passwords, tags and boundaries are unknown, and not
    /// written as absent.
    pub(super) async fn user_rows(
        &self,
        account: &IamAccount<'_>,
        users: &Collected<Vec<Value>>,
        report: &Collected<CredentialReport>,
        details: &Collected<Details>,
    ) -> Collected<Vec<Value>> {
        let users = users.as_ref().map_err(Clone::clone)?;
        let report = report.as_ref().map_err(Clone::clone)?;
        let details = details.as_ref().map_err(Clone::clone)?;
        for_each(users, |user| async {
            let arn = needed("ListUsers", user, "Arn")?;
            let name = needed("ListUsers", user, "UserName")?;
            let detail = details.user(arn);
            let found = match detail.filter(|it| it.get("Tags").is_some()) {
                Some(detail) => tags(list(detail, "Tags")),
                None => self.user_tags(account, name).await?,
            };
            let line = report.line(user);
            let known = |name: &str| line.and_then(|it| it.get(name)).cloned();
            let enabled = match line {
                Some(line) => line.get("password_enabled").cloned(),
                // created since the report
                None => Some(self.has_password(account, name).await?.into()),
            };
            let used = member(user, "PasswordLastUsed");
            let used = Some(used).filter(|it| !it.is_null());
            let boundary = detail.and_then(|it| {
                let arn = it.pointer("/PermissionsBoundary/PermissionsBoundaryArn");
                arn.cloned()
            });
            let more = json!({
                "account_id": account.id,
                "password_enabled": enabled,
                "password_last_used": used.or_else(|| known("password_last_used")),
                "password_last_changed": known("password_last_changed"),
                "password_next_rotation": known("password_next_rotation"),
                "mfa_active": known("mfa_active"),
                "permissions_boundary_arn": boundary,
                "tags": found,
            });
            Ok(row(USERS, user, more))
        })
        .await
    }

    /// Reads tags missing in the details.
    async fn user_tags(&self, account: &IamAccount<'_>, name: &str) -> Collected<Value> {
        let input = json!({ "UserName": name });
        let found = self.list(&account.place, SERVICE, "ListUserTags", input);
        Ok(if_there(found.await)?.map_or(Value::Null, |it| tags(&it)))
    }

    async fn has_password(&self, account: &IamAccount<'_>, name: &str) -> Collected<bool> {
        let input = json!({ "UserName": name });
        let profile = self.call(&account.place, SERVICE, "GetLoginProfile", input);
        Ok(if_there(profile.await)?.is_some())
    }

    pub(super) async fn key_rows(
        &self,
        account: &IamAccount<'_>,
        reported: ReportedUsers<'_>,
    ) -> Collected<Vec<Value>> {
        let (users, report) = (reported.users()?, reported.report);
        let may_have = |user: &&Value| report.is_none_or(|it| it.may_have_keys(user));
        flat(users.filter(may_have), |user| async {
            let name = needed("ListUsers", user, "UserName")?;
            let keys = self.of_user(account, name, "ListAccessKeys");
            let keys = keys.await?;
            let owner = needed("ListUsers", user, "Arn")?;
            let mut rows = Vec::with_capacity(keys.len());
            for key in &keys {
                rows.extend(self.key_row(account, owner, name, key).await?);
            }
            Ok(rows)
        })
        .await
    }

    async fn of_user(
        &self,
        account: &IamAccount<'_>,
        name: &str,
        operation: &'static str,
    ) -> Collected<Vec<Value>> {
        let input = json!({ "UserName": name });
        let pages = self.pages(&account.place, SERVICE, operation, input);
        let pages = if_there(pages.await)?.unwrap_or_default();
        rows_of(SERVICE, operation, &pages)
    }

    async fn key_row(
        &self,
        account: &IamAccount<'_>,
        owner: &str,
        name: &str,
        key: &Value,
    ) -> Collected<Option<Value>> {
        let id = needed("ListAccessKeys", key, "AccessKeyId")?;
        let input = json!({ "AccessKeyId": id });
        let used = self.call(&account.place, SERVICE, "GetAccessKeyLastUsed", input);
        let Some(used) = if_there(used.await)? else {
            return Ok(None);
        };
        let used = member(&used, "AccessKeyLastUsed");
        // an unused key has `N/A` for service and Region
        let word = |name: &str| text(&used, name).filter(|it| *it != "N/A");
        let more = json!({
            "user_cq_id": key_id(USERS, &[Some(owner)]),
            "last_used": member(&used, "LastUsedDate"),
            "last_used_service_name": word("ServiceName"),
            "last_used_region": word("Region"),
            "owner_account_id": account.id,
            "owner_user_name": name,
        });
        Ok(Some(row(KEYS, key, more)))
    }

    /// Second factors: virtual ones from the account's list, including the root user's; others per
    /// user.
    pub(super) async fn mfa_rows(
        &self,
        account: &IamAccount<'_>,
        reported: ReportedUsers<'_>,
    ) -> Collected<Vec<Value>> {
        let (users, report) = (reported.users()?, reported.report);
        let operation = "ListVirtualMFADevices";
        let devices = self.list(&account.place, SERVICE, operation, json!({}));
        let mut rows = Vec::new();
        for device in devices.await? {
            let owner = device.pointer("/User/Arn").and_then(Value::as_str);
            rows.push(mfa_row(account, owner, &device));
        }
        let may_have = |user: &&Value| report.is_none_or(|it| it.may_have_mfa(user));
        let of_users = flat(users.filter(may_have), |user| async {
            let name = needed("ListUsers", user, "UserName")?;
            let devices = self.of_user(account, name, "ListMFADevices");
            let devices = devices.await?;
            let shown = |device| mfa_row(account, text(user, "Arn"), device);
            Ok(devices.iter().map(shown).collect())
        });
        rows.extend(of_users.await?);
        Ok(rows)
    }
}

fn mfa_row(account: &IamAccount<'_>, owner: Option<&str>, device: &Value) -> Value {
    let serial = text(device, "SerialNumber").unwrap_or_default();
    let is_root = owner.is_some_and(|it| it.ends_with(":root"))
        || serial.ends_with(":mfa/root-account-mfa-device");
    let kind = match serial {
        _ if is_root => "root",
        serial if serial.contains(":mfa/") => "virtual",
        serial if serial.contains(":u2f/") => "webauthn",
        _ => "hardware",
    };
    let owner = owner.filter(|_| !is_root);
    let owner = owner.map(|arn| key_id(USERS, &[Some(arn)]));
    let more = json!({
        "mfa_user_cq_id": owner,
        "mfa_account_id": account.id,
        "serial_number": serial,
        "mfa_kind": kind,
    });
    row(MFA_DEVICES, device, more)
}

//! IAM of an account. Reads the credential report and authorization details first: they save most
//! calls for single users (`inventory.md` §1.3).

mod account;
mod details;
mod report;
mod users;

use std::io;

use crate::SliceFailure;
use futures_util::future::join3;
use hallpass_base::AccountId;

use self::users::ReportedUsers;
use crate::collect::collector::Collector;
use crate::collect::ports::CallPlace;

const SERVICE: &str = "iam";

const USERS: &str = "aws_iam_users";
const KEYS: &str = "aws_iam_user_access_keys";
const REPORTS: &str = "aws_iam_credential_reports";
const MFA_DEVICES: &str = "aws_iam_mfa_devices";
const GROUPS: &str = "aws_iam_groups";
const GROUP_MEMBERS: &str = "aws_iam_group_members";
const ROLES: &str = "aws_iam_roles";
const POLICIES: &str = "aws_iam_policies";
const ATTACHMENTS: &str = "aws_iam_policy_attachments";
const SUMMARY: &str = "aws_iam_account_summary";
const PROPERTIES: &str = "aws_iam_account_properties";
const PROVIDERS: &str = "aws_iam_identity_providers";

struct IamAccount<'a> {
    id: &'a AccountId,
    place: CallPlace,
}

impl Collector<'_> {
    pub(crate) async fn iam(&self, id: &AccountId) -> io::Result<()> {
        let place = CallPlace::Inside(id.clone());
        let account = &IamAccount { id, place };
        let wants = |tables: &[&str]| tables.iter().any(|it| self.wants(it, Some(id)));
        let started = self.now();
        let of_users = wants(&[USERS, KEYS, MFA_DEVICES]);
        let of_details = [USERS, GROUPS, GROUP_MEMBERS, ROLES, POLICIES, ATTACHMENTS];
        let (report, details, users) = join3(
            when(
                of_users || wants(&[REPORTS]),
                self.credential_report(account),
            ),
            when(wants(&of_details), self.details(account)),
            when(of_users, self.iam_users(account)),
        )
        .await;
        let keep = |table, rows| self.keep(table, Some(id), started, rows);
        if let Some(report) = &report {
            let rows = report.as_ref().map(|it| it.rows(id));
            keep(REPORTS, rows.map_err(SliceFailure::clone))?;
        }
        if let Some(details) = &details {
            self.keep_details(account, started, details).await?;
        }
        if let (Some(report), Some(users)) = (&report, &users) {
            if let Some(details) = details.as_ref().filter(|_| wants(&[USERS])) {
                let rows = self.user_rows(account, users, report, details).await;
                keep(USERS, rows)?;
            }
            let reported = ReportedUsers {
                users,
                report: report.as_ref().ok(),
            };
            if wants(&[KEYS]) {
                keep(KEYS, self.key_rows(account, reported).await)?;
            }
            if wants(&[MFA_DEVICES]) {
                keep(MFA_DEVICES, self.mfa_rows(account, reported).await)?;
            }
        }
        if wants(&[SUMMARY]) {
            keep(SUMMARY, self.summary_rows(account).await)?;
        }
        if wants(&[PROPERTIES]) {
            keep(PROPERTIES, self.properties_rows(account).await)?;
        }
        if wants(&[PROVIDERS]) {
            keep(PROVIDERS, self.provider_rows(account).await)?;
        }
        Ok(())
    }
}

async fn when<T>(is_wanted: bool, work: impl Future<Output = T>) -> Option<T> {
    if is_wanted { Some(work.await) } else { None }
}

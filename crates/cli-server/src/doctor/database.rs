//! Checks PostgreSQL: IAM connect permission, and a folder for a node's seen log.

use hallpass_app::config::Loaded;
use hallpass_app::host::ownership::is_root;
use hallpass_app::host::server_store::StoreAddress;
use hallpass_aws::database_region;
use hallpass_store::LogMemory;
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::{DoctorReport, iam_policy};

/// Returns the connect permission if the store address has `aws_iam=true`.
pub(super) fn statement(loaded: &Loaded, home: &str) -> Result<Option<Value>, Failure> {
    let StoreAddress::Postgres(address) = loaded.store()? else {
        return Ok(None);
    };
    let on = address
        .account_of_aws()
        .map(|account| json!([arn(&account.host, &account.user, home)]));
    Ok(on.map(|on| iam_policy::statement("Database", &["rds-db:connect"], &on)))
}

/// Checks that a PostgreSQL node can store its seen audit log, as the current user.
pub(super) fn check_seen_log(loaded: &Loaded, report: &mut DoctorReport) {
    if !matches!(loaded.store(), Ok(StoreAddress::Postgres(_))) {
        return;
    }
    let file = loaded.seen_log();
    if is_root() && loaded.seen_folder().is_none() {
        // root can write anywhere, and does not see systemd's settings
        let words = format!(
            "`store.seen_folder` names no folder: for root it is `{}`, a service of systemd has its own folder",
            file.display()
        );
        return report.warn(
            "seen log",
            words,
            "name a folder that the server may write to",
        );
    }
    match LogMemory::try_file(&file) {
        Ok(()) => report.add(
            "seen log",
            Ok(format!("kept in `{}`", file.display())),
        ),
        Err(error) => report.warn(
            "seen log",
            format!(
                "a node's view of the audit log cannot be stored in `{}`, or read from it: {error}",
                file.display()
            ),
            "name a folder that the server may write to in `store.seen_folder`, and run this as the server's user",
        ),
    }
}

/// Matches the user in any database of the Region: no address has its resource id.
fn arn(host: &str, user: &str, home: &str) -> String {
    let region = database_region(host).unwrap_or(home);
    let partition = iam_policy::partition(region);
    format!("arn:{partition}:rds-db:{region}:*:dbuser:*/{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_is_for_one_user_in_the_region_of_the_endpoint() {
        for (host, wanted) in [
            (
                "hallpass.abc.eu-west-1.rds.amazonaws.com",
                "arn:aws:rds-db:eu-west-1:*:dbuser:*/hallpass",
            ),
            (
                "hallpass.abc.cn-north-1.rds.amazonaws.com.cn",
                "arn:aws-cn:rds-db:cn-north-1:*:dbuser:*/hallpass",
            ),
            (
                "db.example.com",
                "arn:aws:rds-db:us-east-1:*:dbuser:*/hallpass",
            ),
        ] {
            assert_eq!(arn(host, "hallpass", "us-east-1"), wanted);
        }
    }
}

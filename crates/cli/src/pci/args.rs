//! Common arguments: users, logs, age limits.

use std::path::PathBuf;

use clap::ValueEnum;
use hallpass_activity::{ActivityPolicy, AgeLimits, PciLimits};
use hallpass_app::log_files::DigestArgs;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_base::{AccountId, Timestamp};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// The users: an answer of `ListUsers` [default: those of the state; with a bucket or `lookup`
    /// those of IAM Identity Center]
    #[arg(long, value_name = "FILE")]
    pub(super) users: Option<PathBuf>,
    /// Log files, plain or gzipped, or saved pages of `LookupEvents`
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "source")]
    pub(super) events: Vec<PathBuf>,
    /// A trail's bucket, a folder with its files in the same layout, or CloudTrail's history of the
    /// last 90 days
    #[arg(long, value_name = "s3://BUCKET[/PREFIX]|dir:PATH|lookup")]
    pub(super) source: Option<LogSource>,
    /// In the source, only these accounts [default: all]
    #[arg(long, value_name = "ACCOUNT,...", value_delimiter = ',')]
    pub(super) accounts: Vec<AccountId>,
    /// In the source, only these Regions: those of the instance [default: all; `lookup`: that of
    /// the profile]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    pub(super) regions: Vec<String>,
    /// In the source, this many days before the instant
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(super) days: u32,
    /// Which activity counts
    #[arg(long, value_enum, value_name = "WHAT", default_value = "any-use")]
    activity: CountedActivity,
    /// Days until a password is reported
    #[arg(long, value_name = "DAYS", default_value_t = 86)]
    warn: u32,
    /// Days until a password is too old
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    expire: u32,
    /// Days until an inactive user is reported [default: as `--warn`]
    #[arg(long, value_name = "DAYS")]
    inactive_warn: Option<u32>,
    /// Days until a user counts as inactive [default: as `--expire`]
    #[arg(long, value_name = "DAYS")]
    inactive: Option<u32>,
    /// The reference instant [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    pub(super) as_of: Option<Timestamp>,
    /// Start of complete event coverage [default: as the source shows]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    pub(super) coverage_from: Option<Timestamp>,
    /// Passwords of external users: `okta:` and a saved list of its users
    #[arg(long, value_name = "okta:FILE")]
    pub(super) password_from: Option<String>,
    /// Store the state here, and continue from it the next time
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) digests: DigestArgs,
}

/// `--activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CountedActivity {
    /// Sign-ins and use
    AnyUse,
    /// Sign-ins
    SignIn,
}

impl ReadArgs {
    pub(super) fn policy(&self) -> ActivityPolicy {
        match self.activity {
            CountedActivity::AnyUse => ActivityPolicy::AnyUse,
            CountedActivity::SignIn => ActivityPolicy::SignIn,
        }
    }

    /// The limits of both ages; exit 2 where a warning would come last.
    pub(super) fn limits(&self) -> Result<PciLimits, Failure> {
        let limits = |(warn_name, warn_days): (&str, u32), (over_name, over_days): (&str, u32)| {
            if warn_days < over_days {
                return Ok(AgeLimits {
                    warn_days,
                    over_days,
                });
            }
            let message = format!("`{warn_name}` has to be less than `{over_name}`");
            Err(Failure::bad_input(message))
        };
        let inactive_warn = self.inactive_warn.unwrap_or(self.warn);
        let inactive = self.inactive.unwrap_or(self.expire);
        Ok(PciLimits {
            password: limits(("--warn", self.warn), ("--expire", self.expire))?,
            activity: limits(("--inactive-warn", inactive_warn), ("--inactive", inactive))?,
        })
    }

    pub(super) fn words(&self, as_of: Timestamp, limits: PciLimits) -> Value {
        json!({
            "as_of": as_of,
            "activity": self.policy().name(),
            "warn_days": limits.password.warn_days,
            "expire_days": limits.password.over_days,
            "inactive_warn_days": limits.activity.warn_days,
            "inactive_days": limits.activity.over_days,
            "users": self.users,
            "events": self.events,
            "source": self.source.as_ref().map(LogSource::words),
            "accounts": self.accounts,
            "regions": self.regions,
            "days": self.days,
            "coverage_from": self.coverage_from,
            "password_from": self.password_from,
            "state": self.state,
            "verify_digests": self.digests.is_asked(),
        })
    }
}

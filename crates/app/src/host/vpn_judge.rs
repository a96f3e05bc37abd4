//! Decides connection events from flags: policy, country sources, schema.

use std::path::{Path, PathBuf};

use hallpass_base::Timestamp;
use hallpass_iam::vpn::{CountryDatabase, Policy, Schema, VpnAnswer, deny_list, handler};
use hallpass_terminal::exit::{Failure, FailureForm};
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;

use crate::host::geo::{self, CountrySource, Unreadable};

/// Bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Decision inputs.
#[derive(Debug, clap::Args)]
pub struct JudgeArgs {
    /// Country database: MMDB, or `….csv` with lines `cidr,country`
    #[arg(long, value_name = "DB", env = "HALLPASS_VPN_GEO")]
    geo: Option<PathBuf>,
    /// Countries that may connect (ISO 3166-1 alpha-2), separated by commas
    #[arg(long, value_name = "COUNTRIES")]
    #[arg(env = "HALLPASS_VPN_ALLOW", required_unless_present = "policy")]
    #[arg(conflicts_with = "policy")]
    allow: Option<String>,
    /// A policy file (YAML) instead of `--allow`
    #[arg(long, value_name = "FILE", env = "HALLPASS_VPN_POLICY")]
    policy: Option<PathBuf>,
    /// Addresses and ranges to deny, one per line
    #[arg(long, value_name = "FILE", env = "HALLPASS_VPN_DENY_LIST")]
    deny_list: Option<PathBuf>,
    /// Response schema for events without one
    #[arg(long, value_name = "SCHEMA")]
    #[arg(default_value = "v1", value_parser = schema)]
    #[arg(env = "HALLPASS_VPN_SCHEMA")]
    schema: Schema,
}

fn schema(text: &str) -> Result<Schema, String> {
    Schema::parse(text).ok_or_else(|| "write v1, v2 or v3".to_owned())
}

pub struct Judge {
    /// `None` denies all.
    policy: Option<Policy>,
    sources: Vec<CountrySource>,
    schema: Schema,
}

impl JudgeArgs {
    pub fn judge(&self) -> Result<Judge, Failure> {
        let policy = self.read_policy()?;
        let mut sources = Vec::new();
        for path in self.databases(&policy) {
            sources.push(geo::open(&path)?);
        }
        if sources.is_empty() {
            let message = "nothing says where countries come from: give `--geo DB`, or `sources` \
                           in the policy";
            return Err(Failure::bad_input(message).code("E_ARG").at("--geo"));
        }
        Ok(Judge {
            policy: Some(policy),
            sources,
            schema: self.schema,
        })
    }

    /// Never fails: unreadable inputs are logged on stderr and deny.
    pub fn judge_whatever_happens(&self) -> Judge {
        let policy = self
            .read_policy()
            .map_err(|failure| failure.report(FailureForm::Text))
            .ok();
        let databases = policy.as_ref().map(|policy| self.databases(policy));
        let open = |path: PathBuf| {
            geo::open(&path).unwrap_or_else(|failure| {
                failure.report(FailureForm::Text);
                Box::new(Unreadable(failure.words()))
            })
        };
        Judge {
            sources: databases.into_iter().flatten().map(open).collect(),
            policy,
            schema: self.schema,
        }
    }

    fn read_policy(&self) -> Result<Policy, Failure> {
        let policy = if let Some(path) = &self.policy {
            Policy::parse(&read_text(path, FILE_BYTES_MAX)?)
                .map_err(|error| Failure::from(error).within(path))?
        } else {
            let codes = self.allow.as_deref().unwrap_or_default();
            let codes = codes.split(',').filter(|code| !code.trim().is_empty());
            Policy::of_countries(codes)?
        };
        let Some(path) = &self.deny_list else {
            return Ok(policy);
        };
        let list = deny_list(&read_text(path, FILE_BYTES_MAX)?)
            .map_err(|error| Failure::from(error).within(path))?;
        Ok(policy.denying(list))
    }

    /// The flag's database, then the policy's; paths start at its folder.
    fn databases(&self, policy: &Policy) -> Vec<PathBuf> {
        let folder = self.policy.as_deref().and_then(Path::parent);
        let named = policy.sources().iter().map(|place| {
            let (CountryDatabase::Mmdb(path) | CountryDatabase::Csv(path)) = place;
            folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
        });
        self.geo.clone().into_iter().chain(named).collect()
    }
}

impl Judge {
    pub fn answer(&self, event: &str, now: Timestamp) -> VpnAnswer {
        let sources = self.sources.as_slice();
        let answer = handler(event, self.policy.as_ref(), sources, self.schema, now);
        output::say(&answer.record(now).to_string());
        answer
    }
}

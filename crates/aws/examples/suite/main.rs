//! Runs the AWS client against any endpoint and prints one line per check: `= ok`, `≠ known`
//! (declared difference) or `! FAILED`.
//!
//! Requires management account credentials, one permission set, a user, a group, and (for pages)
//! more than 20 accounts and 100 users.
#![allow(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod assignments;
mod connections;
mod counts;
mod directory;
mod memberships;
mod report;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use hallpass_aws::{AwsClientSettings, Credentials};

use counts::Counts;
use report::Report;
use world::World;

/// Endpoint to test, and its known differences.
#[derive(Parser, Clone)]
struct Arguments {
    /// Endpoint of all services; default: as in the SDKs (`AWS_ENDPOINT_URL`).
    #[arg(long)]
    endpoint: Option<String>,
    /// Home Region of Identity Center.
    #[arg(long, default_value = "eu-west-1")]
    region: String,
    /// Access key id; default: the standard chain.
    #[arg(long, requires = "secret")]
    access_key_id: Option<String>,
    /// Secret of the access key.
    #[arg(long)]
    secret: Option<String>,
    /// Minimum number of accounts to find.
    #[arg(long, default_value_t = 21)]
    accounts_min: usize,
    /// Minimum number of users to find.
    #[arg(long, default_value_t = 101)]
    users_min: usize,
    /// Ids of checks that this endpoint is known to fail.
    #[arg(long, value_delimiter = ',')]
    known: Vec<String>,
}

impl Arguments {
    fn settings(&self) -> AwsClientSettings {
        let mut settings = AwsClientSettings::new(&self.region);
        settings.endpoint_url.clone_from(&self.endpoint);
        if let (Some(id), Some(secret)) = (&self.access_key_id, &self.secret) {
            settings.credentials = Credentials::Static {
                access_key_id: id.clone(),
                secret_access_key: secret.clone().into(),
                session_token: None,
            };
        }
        settings
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let counts = Arc::new(Counts::default());
    counts::install(&counts);
    let mut report = Report::new(&arguments.known);
    if let Some(aws) = connections::run(&mut report, &arguments).await {
        let world = World::new(aws);
        if let Some(fixtures) = directory::run(&mut report, &world, &arguments, &counts).await {
            assignments::run(&mut report, &world, &fixtures).await;
            memberships::run(&mut report, &world, &fixtures).await;
            directory::under_load(&mut report, &world, &fixtures).await;
        }
    }
    let throttled = counts.total("hallpass_aws_throttles_total");
    report.check(
        "Q-01",
        "no call was throttled: our ration is below the service's",
        report::equal(&throttled, &0),
    );
    report.end()
}

//! Region of Hallpass's own calls.

use hallpass_aws_model::wire::catalog;
use hallpass_terminal::exit::Failure;

/// `--region`, of commands with other calls in the account's or file's Regions.
#[derive(Clone, Debug, clap::Args)]
pub struct RegionArgs {
    /// The Region of Hallpass's own calls, and of Control Tower, the aggregator or the rule for
    /// root sign-ins if they are read [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    #[arg(env = "AWS_REGION", hide_env_values = true)]
    region: Option<String>,
}

impl RegionArgs {
    /// The option, else the environment's.
    pub fn known(&self) -> Result<String, Failure> {
        home_region(self.region.as_ref())
    }
}

/// `--home-region`, of commands that also have `--regions`, or read every Region.
#[derive(Clone, Debug, clap::Args)]
pub struct HomeRegionArgs {
    /// The Region of Hallpass's own calls; of Identity Center, if it is read [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    #[arg(env = "AWS_REGION", hide_env_values = true)]
    home_region: Option<String>,
}

impl HomeRegionArgs {
    pub fn known(&self) -> Result<String, Failure> {
        home_region(self.home_region.as_ref())
    }
}

pub fn home_region(given: Option<&String>) -> Result<String, Failure> {
    let other = || {
        std::env::var("AWS_DEFAULT_REGION")
            .ok()
            .filter(|it| !it.is_empty())
    };
    let home = given.cloned().or_else(other);
    let home = home.unwrap_or_else(|| "us-east-1".to_owned());
    known_region(home)
}

pub fn known_region(name: String) -> Result<String, Failure> {
    if catalog().has_region(&name) {
        return Ok(name);
    }
    let failure = Failure::bad_input(format!("there is no Region `{name}`"));
    Err(match catalog().nearest_regions(&name).as_slice() {
        [] => failure,
        nearest => failure.help(format!("nearest: {}", nearest.join(", "))),
    })
}

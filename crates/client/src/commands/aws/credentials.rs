//! `hallpass aws credentials`: prints role credentials in `credential_process` form (AWS SDKs and
//! Tools Reference Guide, "Process credential provider").

use crate::client::{ServerArgs, block_on};
use crate::held::{HeldRole, RoleArgs, SignIn, credentials, me_and_portal};
use crate::ids::account_id;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;
use secrecy::ExposeSecret as _;
use serde_json::json;

/// Print credentials of a role you hold, as a `credential_process` does
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print credentials of a role you hold, as a `credential_process` does\n\nFor \
                  programs: it never asks. Sign in with `hallpass aws login`, and request access with `hallpass \
                  request`.",
    after_help = "Example, in ~/.aws/config:
  [profile payments]
  credential_process = hallpass aws credentials --account payments-prod --permission-set ReadOnly"
)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.server.client()?;
    let given = block_on(async {
        let (_, portal) = me_and_portal(&client).await?;
        let held = HeldRole {
            account: account_id(&client, &args.role.account).await?,
            permission_set: args.role.permission_set()?,
            grant: None,
        };
        credentials(&portal, &held, SignIn::Never).await
    })?;
    output::print(&output::compact(&json!({
        "Version": 1,
        "AccessKeyId": given.access_key_id,
        "SecretAccessKey": given.secret_access_key.expose_secret(),
        "SessionToken": given.session_token.expose_secret(),
        "Expiration": given.expires_at(),
    }))?)?;
    Ok(Exit::Ok)
}

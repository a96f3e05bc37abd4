use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::aws_portal::{AccessPortal, RoleCredentials, SignInWay};
use crate::client::{ServerArgs, block_on};
use crate::held::{AskArgs, RoleArgs, SignIn, credentials, held_role, is_found, me_and_portal};
use hallpass_terminal::exit::{Failure, Outcome};
use secrecy::ExposeSecret as _;

const OTHERS: [&str; 7] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];

/// Run a command with access you hold, or request it first
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run a command with access you hold, or request it first\n\n\
                  The command gets credentials of the role in AWS_ACCESS_KEY_ID, \
                  AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, takes the place of this program, \
                  and so keeps its own exit code and signals. The first time you sign in to the \
                  access portal in your browser; `aws sso login` of the AWS CLI counts too. \
                  Credentials that were given work until their own end, also when the access has \
                  ended.",
    after_help = "Examples:
  hallpass exec --account payments-prod --permission-set ReadOnly -- aws s3 ls
  hallpass exec --account payments-prod --permission-set DatabaseOperator \\
      --reason 'OPS-1: replay a batch' --for 30m -- ./replay.sh"
)]
pub struct Args {
    #[command(flatten)]
    role: RoleArgs,
    #[command(flatten)]
    ask: AskArgs,
    /// Sign in to AWS with a code in a browser on another machine
    #[arg(long)]
    device: bool,
    /// Region for the command [default: `AWS_REGION`, else that of IAM Identity Center]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// The command, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn run(args: &Args) -> Outcome {
    let Some((program, words)) = args.command.split_first() else {
        return Err(Failure::bad_input("there is no command to run"));
    };
    if !is_found(Path::new(program)) {
        let name = program.display();
        return Err(Failure::bad_input(format!("there is no command `{name}`")));
    }
    let client = args.server.client()?;
    let way = if args.device {
        SignInWay::Device
    } else {
        SignInWay::Browser
    };
    let (portal, given) = block_on(async {
        let (_, portal) = me_and_portal(&client).await?;
        let held = held_role(&client, &args.role, &args.ask).await?;
        let given = credentials(&portal, &held, SignIn::Ask(way)).await?;
        Ok((portal, given))
    })?;
    let mut command = Command::new(program);
    command.args(words);
    for name in OTHERS {
        command.env_remove(name);
    }
    equip(&mut command, &given, &portal, args.region.as_deref());
    take_place(&mut command)
}

fn equip(
    command: &mut Command,
    given: &RoleCredentials,
    portal: &AccessPortal,
    region: Option<&str>,
) {
    command
        .env("AWS_ACCESS_KEY_ID", &given.access_key_id)
        .env(
            "AWS_SECRET_ACCESS_KEY",
            given.secret_access_key.expose_secret(),
        )
        .env("AWS_SESSION_TOKEN", given.session_token.expose_secret())
        .env("AWS_CREDENTIAL_EXPIRATION", given.expires_at().to_string());
    let says = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    let region = match region {
        Some(region) => Some(region),
        None if says("AWS_REGION") || says("AWS_DEFAULT_REGION") => None,
        None => Some(portal.region()),
    };
    if let Some(region) = region {
        command
            .env("AWS_REGION", region)
            .env("AWS_DEFAULT_REGION", region);
    }
    if let Some(url) = portal.endpoint_url().filter(|_| !says("AWS_ENDPOINT_URL")) {
        command.env("AWS_ENDPOINT_URL", url);
    }
}

/// Replaces this process: the command keeps its exit code and signals.
#[cfg(unix)]
fn take_place(command: &mut Command) -> Outcome {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(cannot_run(command, &error))
}

#[cfg(not(unix))]
fn take_place(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| cannot_run(command, &error))?;
    std::process::exit(status.code().unwrap_or(1))
}

fn cannot_run(command: &Command, error: &std::io::Error) -> Failure {
    let name = command.get_program().display();
    Failure::failed(format!("cannot run `{name}`: {error}"))
}

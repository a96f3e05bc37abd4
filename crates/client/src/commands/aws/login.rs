use crate::aws_portal::SignInWay;
use crate::client::{ServerArgs, block_on};
use crate::held::me_and_portal;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

/// Sign in to the access portal, for `exec`, `credentials` and the AWS CLI
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Sign in to the access portal, for `exec`, `credentials` and the AWS CLI\n\nThe \
                  sign-in is kept in ~/.aws/sso/cache, as that of `aws sso login` is; `aws sso \
                  logout` ends it.",
    after_help = "Examples:\n  hallpass aws login\n  hallpass aws login --device"
)]
pub(crate) struct Args {
    /// Sign in with a code in a browser on another machine
    #[arg(long)]
    device: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.server.client()?;
    let way = if args.device {
        SignInWay::Device
    } else {
        SignInWay::Browser
    };
    block_on(async {
        let (_, portal) = me_and_portal(&client).await?;
        portal.sign_in(way).await?;
        let start = output::plain(portal.start_url());
        output::say(&format!("Signed in to {start}."));
        Ok(Exit::Ok)
    })
}

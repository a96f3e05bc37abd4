use std::io::{self, IsTerminal as _};

use crate::browser::open;
use crate::client::{ServerArgs, block_on};
use crate::held::{AskArgs, RoleArgs, held_role, me_and_portal};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use reqwest::Url;

/// Open the AWS console with access you hold, or request it first
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Open the AWS console with access you hold, or request it first\n\n\
                  Opens the access portal's link into the account. Without a browser, and with \
                  --print, the link goes to standard output.",
    after_help = "Examples:
  hallpass console --account payments-prod --permission-set ReadOnly
  hallpass console --account payments-prod --permission-set ReadOnly --print \\
      --destination https://console.aws.amazon.com/rds/home"
)]
pub struct Args {
    #[command(flatten)]
    role: RoleArgs,
    #[command(flatten)]
    ask: AskArgs,
    /// Go to this page of the console
    #[arg(long, value_name = "URL")]
    destination: Option<Url>,
    /// Print the link and open nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub fn run(args: &Args) -> Outcome {
    if let Some(page) = args.destination.as_ref().filter(|it| !is_console(it)) {
        let message = format!("`{page}` is not a page of the AWS console");
        return Err(Failure::bad_input(message).at("--destination"));
    }
    let client = args.server.client()?;
    let link = block_on(async {
        let (_, portal) = me_and_portal(&client).await?;
        let held = held_role(&client, &args.role, &args.ask).await?;
        let (account, set) = (&held.account, &held.permission_set);
        Ok(portal.console_url(account, set, args.destination.as_ref()))
    })?;
    let opens = !args.print && io::stdout().is_terminal();
    if opens && open(&link) {
        output::say("Opened the console in your browser. If it did not open, go to");
    }
    output::print(&format!("{}\n", output::plain(&link)))?;
    Ok(Exit::Ok)
}

fn is_console(page: &Url) -> bool {
    let host = page.host_str().unwrap_or_default();
    let of = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    let known = ["aws.amazon.com", "amazonaws.cn", "amazonaws-us-gov.com"];
    page.scheme() == "https" && known.into_iter().any(of)
}

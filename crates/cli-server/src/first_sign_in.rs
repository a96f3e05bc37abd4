//! `hallpass server first-sign-in`: a one-time sign-in link, directly in the store.

use hallpass_access::identity::{FIRST_SIGN_IN_LASTS, FirstSignIn, first_sign_in_url};
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_app::setup::person;
use hallpass_app::setup::sources::new_secret;
use hallpass_base::Email;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Print a one-time sign-in link for the first administrator
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print a one-time sign-in link for the first administrator\n\nWorks while no sign-in provider is configured. \
                  For the server's machine: it writes to the server's database. The link works once, \
                  for 10 minutes, at `server.public_url`. `hallpass serve` prints one at its start.",
    after_help = "Examples:
  hallpass server first-sign-in
  hallpass server first-sign-in --as ana@example.com --config /etc/hallpass/hallpass.toml"
)]
pub(crate) struct Args {
    /// E-mail of the administrator [default: the first person of `identity.admins`]
    #[arg(long = "as", value_name = "E-MAIL")]
    administrator: Option<Email>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load_without_secrets()?;
    if loaded.has_provider() {
        return Err(
            Failure::refused("a sign-in provider is configured (`oidc.issuer`)")
                .help("sign in there; this link is for the time before"),
        );
    }
    let address = loaded.store()?;
    args.config.ensure_meant(&address)?;
    let email = match &args.administrator {
        Some(email) => email.clone(),
        None => loaded.first_administrator().ok_or_else(|| {
            Failure::bad_input("`identity.admins` names no person by e-mail")
                .help("name one there, or with --as a member of a group that is named there")
        })?,
    };
    let code = new_secret().map_err(|error| Failure::failed(error.to_string()))?;
    runtime()?.block_on(async {
        let (store, now) = (open_store(address).await?, hallpass_base::clock::now());
        let owner = person::owner_of(&loaded, &store, &email, now).await?;
        let kept = FirstSignIn::keep(&store, &owner, &code, now).await;
        kept.map_err(|fault| Failure::failed(fault.to_string()))
    })?;
    let url = first_sign_in_url(&loaded.config.server.public_url, &code);
    output::print(&format!("{url}\n"))?;
    output::say(&format!(
        "Signs {email} in, once, within {FIRST_SIGN_IN_LASTS}."
    ));
    Ok(Exit::Ok)
}

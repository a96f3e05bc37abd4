use crate::client::{Client, ServerArgs, block_on, server_key};
use crate::credentials::{CredentialSource, Credentials};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Revoke and delete the stored token of a server
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Revoke and delete the stored token of a server\n\nA token that `hallpass login` \
                  got from the browser is revoked. One that was given to it (--token-stdin, --as) \
                  may be in use elsewhere and keeps working, unless --revoke is given.",
    after_help = "Examples:\n  hallpass logout --server https://hallpass.example.com\n  hallpass \
                  logout --revoke"
)]
pub struct Args {
    /// Revoke it even if you passed it to `login`
    #[arg(long)]
    revoke: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub fn run(args: &Args) -> Outcome {
    let address = args.server.address()?;
    let server = server_key(&address);
    let kept = Credentials::of_this_person()?;
    let Some((token, source)) = kept.entry(server)? else {
        output::say(&format!("There was no token for {server}."));
        return Ok(Exit::Ok);
    };
    let revoked = if args.revoke || source == CredentialSource::Login {
        let client = Client::new(address.clone(), Some(&token))?;
        block_on(client.post::<_, serde_json::Value>(&["logout"], &())).map(|_| ())
    } else {
        Ok(())
    };
    let revoked = revoked.or_else(|failure: Failure| match failure.has_code() {
        Some("unauthorized") => Ok(()),
        _ => Err(failure),
    });
    kept.forget(server)?;
    match revoked {
        Ok(()) => {
            output::say(&format!("Signed out of {server}."));
            Ok(Exit::Ok)
        }
        Err(failure) => {
            let words = failure.words();
            Err(Failure::failed(format!(
                "the token for {server} is forgotten here, but not revoked: {words}"
            ))
            .help("it expires; an administrator revokes it with `hallpass server token revoke`"))
        }
    }
}

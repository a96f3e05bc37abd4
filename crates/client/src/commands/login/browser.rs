//! Login through the browser on this machine: the confirmation page sends a one-time code over
//! loopback. The code is useless without the verifier, which never leaves this process.

use std::time::Duration;

use crate::browser::{Callback, open, secret};
use crate::client::Client;
use hallpass_api::{LoginFetch, LoginToken};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use reqwest::Url;

/// Equals the server's timeout.
const PATIENCE: Duration = Duration::from_mins(10);

pub(super) async fn token(
    client: &Client,
    server: &Url,
    scopes: &[String],
) -> Result<LoginToken, Failure> {
    let callback = Callback::listen("/").await?;
    let (verifier, state) = (secret()?, secret()?);
    let challenge = hallpass_access::identity::hash_secret(&verifier);
    let mut page = server.clone();
    page.path_segments_mut()
        .map_err(|()| Failure::bug("a server address without a path"))?
        .pop_if_empty()
        .extend(["login", "cli"]);
    page.query_pairs_mut()
        .append_pair("port", &callback.port().to_string())
        .append_pair("state", &state)
        .append_pair("challenge", &challenge)
        .append_pair("host", &super::host())
        .append_pair("scope", &scopes.join(","));
    let opened = open(page.as_str());
    output::say(&format!(
        "{}\n\n  {page}\n\nThe page must show this code: {}\nWaiting for you there. On a machine \
         without a browser use `hallpass login --device`.",
        if opened {
            "Confirm in your browser. If it did not open, go to"
        } else {
            "Open this in a browser on this machine"
        },
        code(&challenge)
    ));
    let code = tokio::time::timeout(PATIENCE, callback.answer(&state))
        .await
        .map_err(|_| {
            Failure::failed("no one confirmed the login in ten minutes")
                .help("run `hallpass login` again")
        })??;
    let fetch = LoginFetch {
        code: Some(code),
        verifier: Some(verifier),
        ..LoginFetch::default()
    };
    client.post(&["login", "token"], &fetch).await
}

fn code(challenge: &str) -> String {
    let hash =
        hallpass_access::identity::hash_secret(&format!("shown\n{challenge}")).to_ascii_uppercase();
    let (first, rest) = hash.split_at_checked(4).unwrap_or_default();
    format!("{first}-{}", rest.get(..4).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_short_and_stable() {
        assert_eq!(code("abc").len(), 9);
        assert_eq!(code("abc"), code("abc"));
        assert_ne!(code("abc"), code("abd"));
    }
}

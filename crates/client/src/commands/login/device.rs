use std::time::{Duration, Instant};

use crate::client::Client;
use hallpass_api::{LoginCode, LoginFetch, LoginRequest, LoginToken};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

/// Long-poll limit of the server.
const WAIT_SECONDS: u64 = 20;
const PAUSE: Duration = Duration::from_secs(2);
const TOO_MANY_PAUSE: Duration = Duration::from_secs(10);

const PATIENCE_MAX: Duration = Duration::from_hours(1);

pub(super) async fn token(client: &Client, scopes: &[String]) -> Result<LoginToken, Failure> {
    let wish = LoginRequest {
        host: super::host(),
        scopes: scopes.to_vec(),
    };
    let code: LoginCode = client.post(&["login", "device"], &wish).await?;
    output::say(&format!(
        "Open this on any machine, sign in, and type the code:\n\n  {}\n  {}\n\nWaiting.",
        output::plain(&code.verification_url),
        output::plain(&code.user_code)
    ));
    let lasts = Duration::from_secs(code.expires_in_seconds).min(PATIENCE_MAX);
    let until = Instant::now() + lasts;
    let fetch = LoginFetch {
        device_code: Some(code.device_code),
        wait_seconds: WAIT_SECONDS,
        ..LoginFetch::default()
    };
    loop {
        let asked_at = Instant::now();
        let answer: Result<LoginToken, Failure> = client.post(&["login", "token"], &fetch).await;
        let failure = match answer {
            Ok(token) => {
                if scopes.is_empty() {
                    output::say(
                        "This token may only read. For more: `hallpass login --device --scope \
                         read,request`, and `review` or `admin` where you need it.",
                    );
                }
                return Ok(token);
            }
            Err(failure) => failure,
        };
        let pause = match failure.has_code() {
            Some("login-pending") => PAUSE.saturating_sub(asked_at.elapsed()),
            Some("too-many-requests") => TOO_MANY_PAUSE,
            _ => return Err(failure),
        };
        if until < Instant::now() {
            return Err(Failure::failed("no one confirmed the login in time")
                .help("run `hallpass login --device` again"));
        }
        tokio::time::sleep(pause).await;
    }
}

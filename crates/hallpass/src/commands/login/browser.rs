//! A login through the browser on this machine: the page that the person confirms on sends a
//! one-time code back over loopback. It is worth nothing without the verifier, which never leaves
//! this process.

use std::process::{Command, Stdio};
use std::time::Duration;

use hallpass_api::{LoginFetch, LoginToken};
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Client;
use crate::exit::Failure;
use crate::output;

/// How long the person may take: as long as the server waits for them.
const PATIENCE: Duration = Duration::from_mins(10);
/// The longest request head read from the browser, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How long a browser may take to send one.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);

/// Opens the page, waits for the answer and fetches the token.
///
/// # Errors
/// When nobody confirmed it, or the server does not give one.
pub(super) async fn token(
    client: &Client,
    server: &Url,
    scopes: &[String],
) -> Result<LoginToken, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(|error| Failure::failed(format!("cannot listen on loopback: {error}")))?;
    let port = listener
        .local_addr()
        .map_err(|error| Failure::failed(format!("cannot listen on loopback: {error}")))?
        .port();
    let (verifier, state) = (secret()?, secret()?);
    let challenge = hallpass_server::hash_secret(&verifier);
    let mut page = server.clone();
    page.path_segments_mut()
        .map_err(|()| Failure::bug("a server address without a path"))?
        .pop_if_empty()
        .extend(["login", "cli"]);
    page.query_pairs_mut()
        .append_pair("port", &port.to_string())
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
    let code = tokio::time::timeout(PATIENCE, answer(&listener, &state))
        .await
        .map_err(|_| {
            Failure::failed("nobody confirmed the login in ten minutes")
                .help("run `hallpass login` again")
        })??;
    let fetch = LoginFetch {
        code: Some(code),
        verifier: Some(verifier),
        ..LoginFetch::default()
    };
    client.post(&["login", "token"], &fetch).await
}

/// What the page shows too, so that a person sees that both talk of the same login.
fn code(challenge: &str) -> String {
    let hash = hallpass_server::hash_secret(&format!("shown\n{challenge}")).to_ascii_uppercase();
    let (first, rest) = hash.split_at_checked(4).unwrap_or_default();
    format!("{first}-{}", rest.get(..4).unwrap_or_default())
}

fn secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::failed(format!("the operating system gives no randomness: {error}"))
    })?;
    Ok(hex::encode(bytes))
}

/// Opens an address in the person's browser, if there is a way; says whether one was started.
fn open(address: &str) -> bool {
    let chosen = std::env::var("BROWSER").ok().filter(|it| !it.is_empty());
    let program = match &chosen {
        Some(chosen) => chosen.as_str(),
        None if cfg!(target_os = "macos") => "open",
        None if cfg!(windows) => "explorer",
        None => "xdg-open",
    };
    Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

/// Waits until the browser brings the answer to this login; other calls are sent away.
async fn answer(listener: &TcpListener, state: &str) -> Result<String, Failure> {
    loop {
        let Ok((mut browser, _)) = listener.accept().await else {
            continue;
        };
        let read = tokio::time::timeout(HEAD_TIME_MAX, target(&mut browser)).await;
        let outcome = read
            .ok()
            .flatten()
            .and_then(|target| brought(&target, state));
        let (status, words) = match &outcome {
            None => ("404 Not Found", "There is nothing here."),
            Some(Err(_)) => ("200 OK", "Refused. You can close this page."),
            Some(Ok(_)) => ("200 OK", "Signed in. You can close this page and go back."),
        };
        let page = format!("<!doctype html><title>Hallpass</title><p>{words}</p>");
        let text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        // the answer counts even when the browser has gone
        let _ = browser.write_all(text.as_bytes()).await;
        let _ = browser.shutdown().await;
        if let Some(outcome) = outcome {
            return outcome;
        }
    }
}

/// The target of a `GET`.
async fn target(browser: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0_u8; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = browser.read(&mut chunk).await.ok()?;
        if length == 0 || head.len() > HEAD_BYTES_MAX {
            return None;
        }
        head.extend_from_slice(chunk.get(..length)?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    let method = words.next()?;
    (method == "GET").then(|| words.next().map(str::to_owned))?
}

/// What a call from the browser brings: a code, a refusal, or nothing of this login.
fn brought(target: &str, state: &str) -> Option<Result<String, Failure>> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let value = |name: &str| {
        let found = url.query_pairs().find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    if url.path() != "/" || value("state")? != state {
        return None;
    }
    match (value("code"), value("error")) {
        (Some(code), None) => Some(Ok(code)),
        (_, Some(_)) => Some(Err(Failure::failed("the login was refused in the browser"))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_to_this_login_count() {
        let code = |target: &str| brought(target, "s").and_then(Result::ok);
        assert_eq!(code("/?code=c&state=s").as_deref(), Some("c"));
        for target in [
            "/?code=c&state=other",
            "/?code=c",
            "/favicon.ico",
            "/x?code=c&state=s",
            "//evil.example/?code=c",
            "/?error=refused&state=s",
        ] {
            assert_eq!(code(target), None, "{target}");
        }
        assert!(brought("/?error=refused&state=s", "s").is_some_and(|it| it.is_err()));
    }

    #[test]
    fn the_code_is_short_and_stable() {
        assert_eq!(code("abc").len(), 9);
        assert_eq!(code("abc"), code("abc"));
        assert_ne!(code("abc"), code("abd"));
    }
}

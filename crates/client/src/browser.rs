//! Opens the user's browser, and receives its one-time code over loopback.

use std::process::{Command, Stdio};
use std::time::Duration;

use hallpass_terminal::exit::Failure;
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);

pub struct Callback {
    listener: TcpListener,
    path: &'static str,
    port: u16,
}

impl Callback {
    pub async fn listen(path: &'static str) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("cannot listen on loopback: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self {
            listener,
            path,
            port,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the code that comes with `state`; rejects other calls.
    ///
    /// # Errors
    /// When the user denied in the browser.
    pub async fn answer(&self, state: &str) -> Result<String, Failure> {
        loop {
            let Ok((mut browser, _)) = self.listener.accept().await else {
                continue;
            };
            let read = tokio::time::timeout(HEAD_TIME_MAX, target(&mut browser)).await;
            let outcome = read
                .ok()
                .flatten()
                .and_then(|target| brought(&target, self.path, state));
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
            let _ = browser.write_all(text.as_bytes()).await;
            let _ = browser.shutdown().await;
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }
}

/// 256 random bits, for a verifier or a state.
///
/// # Errors
/// When the system has no random bytes.
pub fn secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::failed(format!("the operating system gives no randomness: {error}"))
    })?;
    Ok(hex::encode(bytes))
}

pub fn open(address: &str) -> bool {
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

fn brought(target: &str, path: &str, state: &str) -> Option<Result<String, Failure>> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let value = |name: &str| {
        let found = url.query_pairs().find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    if url.path() != path || value("state")? != state {
        return None;
    }
    match (value("code"), value("error")) {
        (Some(code), None) => Some(Ok(code)),
        (_, Some(_)) => Some(Err(Failure::failed(
            "the sign-in was refused in the browser",
        ))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_to_this_login_count() {
        let code = |target: &str| brought(target, "/", "s").and_then(Result::ok);
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
        assert!(brought("/?error=refused&state=s", "/", "s").is_some_and(|it| it.is_err()));
    }
}

//! What a guard shows over HTTP: `/healthz` and `/metrics`, and nothing else.
//!
//! Small on purpose: whoever floods it must not use up what the guard needs to reach AWS. So many
//! connections at a time, each for a few seconds, one answer each.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hallpass_guard::{Guard, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections at a time; more wait in the system's own queue.
const CONNECTIONS_MAX: usize = 8;
/// How long a connection may last.
const CONNECTION_TIME: Duration = Duration::from_secs(3);
/// The longest head of a request that is read.
const HEAD_MAX: usize = 2 * 1024;
/// The pause after a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Answers until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    guard: Arc<Guard>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while !*stop.borrow() {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let guard = Arc::clone(&guard);
                tokio::spawn(async move {
                    let status = guard.status();
                    let answered = answer(stream, &status);
                    // whoever is too slow gets no answer
                    let _late: Result<_, _> = tokio::time::timeout(CONNECTION_TIME, answered).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, status: &Status) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 512];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_MAX {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        head.extend(buffer.iter().take(read));
    }
    let (code, body) = page(&head, status);
    let answer = format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn page(head: &[u8], status: &Status) -> (&'static str, String) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    if method != Some(b"GET") {
        return ("405 Method Not Allowed", "only GET\n".to_owned());
    }
    match path {
        b"/healthz" => {
            let alarms = status.alarms();
            if alarms.is_empty() {
                ("200 OK", "ok\n".to_owned())
            } else {
                (
                    "503 Service Unavailable",
                    format!("{}\n", alarms.join("\n")),
                )
            }
        }
        b"/metrics" => ("200 OK", metrics(status)),
        _ => ("404 Not Found", "/healthz and /metrics\n".to_owned()),
    }
}

/// The numbers of a guard, as Prometheus reads them.
pub(crate) fn metrics(status: &Status) -> String {
    let mut text = String::new();
    let mut number = |name: &str, kind: &str, help: &str, value: Option<String>| {
        // writing to a String cannot fail
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        if let Some(value) = value {
            let _ = writeln!(text, "{name} {value}");
        }
    };
    let age = status.copy_age.map(|age| age.as_seconds().to_string());
    let overdue = "Ends past their time and the bound, and not seen gone.";
    number(
        "guard_overdue",
        "gauge",
        overdue,
        Some(status.overdue.to_string()),
    );
    let copy = "Age of the newest copy of the ends.";
    number("guard_copy_age_seconds", "gauge", copy, age);
    let ended = "Ends that this guard brought about.";
    number(
        "guard_ended_total",
        "counter",
        ended,
        Some(status.ended_total.to_string()),
    );
    number(
        "guard_ends",
        "gauge",
        "Ends the copy holds.",
        Some(status.ends.to_string()),
    );
    let refused = "Removals that AWS refuses.";
    number(
        "guard_refused",
        "gauge",
        refused,
        Some(status.refused.to_string()),
    );
    let unwritten = "Records that wait for the journal.";
    number(
        "guard_unwritten",
        "gauge",
        unwritten,
        Some(status.unwritten.to_string()),
    );
    let blind = u8::from(status.blindness.is_some()).to_string();
    let help = "1 while the guard does not know the time, or has no copy that is new enough.";
    number("guard_blind", "gauge", help, Some(blind));
    let ahead = status.wall_ahead_seconds.map(|ahead| ahead.to_string());
    let help = "By how much this machine's clock is ahead of AWS's.";
    number("guard_wall_ahead_seconds", "gauge", help, ahead);
    text
}

#[cfg(test)]
mod tests {
    use hallpass_model::Span;

    use super::*;

    fn status() -> Status {
        Status {
            name: "g".to_owned(),
            at: None,
            bound: Span::minutes(1),
            source: None,
            copy_age: Some(Span::seconds(7)),
            ends: 4,
            overdue: 0,
            refused: 0,
            parked: Vec::new(),
            ended_total: 2,
            blindness: None,
            aws_silent_since: None,
            not_listed: None,
            wall_ahead_seconds: Some(-4),
            unwritten: 0,
        }
    }

    #[test]
    fn health_is_what_nobody_has_to_look_at() {
        let get = |path: &str, status: &Status| {
            page(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes(), status)
        };
        assert_eq!(get("/healthz", &status()), ("200 OK", "ok\n".to_owned()));
        let late = Status {
            overdue: 3,
            ..status()
        };
        let (code, body) = get("/healthz", &late);
        assert_eq!(
            (code, body.as_str()),
            ("503 Service Unavailable", "3 ends are overdue\n")
        );
        let (_, numbers) = get("/metrics", &status());
        for line in [
            "guard_overdue 0",
            "guard_copy_age_seconds 7",
            "guard_ended_total 2",
        ] {
            assert!(
                numbers.lines().any(|it| it == line),
                "{line} is not in\n{numbers}"
            );
        }
        assert_eq!(get("/", &status()).0, "404 Not Found");
        assert_eq!(
            page(b"POST /metrics", &status()).0,
            "405 Method Not Allowed"
        );
        assert_eq!(page(b"", &status()).0, "405 Method Not Allowed");
    }
}

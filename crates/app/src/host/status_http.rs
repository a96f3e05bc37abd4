//! Serves `/healthz` and `/metrics` of a guard or witness.
//!
//! Limited so that floods leave resources for AWS calls: eight connections, three seconds and one
//! response each.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// More wait in the system's queue.
const CONNECTIONS_MAX: usize = 8;
const CONNECTION_TIME: Duration = Duration::from_secs(3);
/// Limit of request headers in bytes.
const HEAD_MAX: usize = 2 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

pub trait Face: Send + Sync {
    fn alarms(&self) -> Vec<String>;
    fn numbers(&self) -> Numbers;
}

#[derive(Default)]
pub struct Numbers(String);

impl Numbers {
    pub fn add(&mut self, name: &str, kind: &str, help: &str, value: Option<String>) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        if let Some(value) = value {
            let _ = writeln!(self.0, "{name} {value}");
        }
    }

    pub fn labelled(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    pub fn text(self) -> String {
        self.0
    }
}

pub async fn serve(listener: TcpListener, face: Arc<dyn Face>, mut stop: watch::Receiver<bool>) {
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
                let face = Arc::clone(&face);
                tokio::spawn(async move {
                    let answered = answer(stream, face.as_ref());
                    // slow clients get no response
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

async fn answer(mut stream: TcpStream, face: &dyn Face) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 512];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_MAX {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        head.extend(buffer.iter().take(read));
    }
    let (code, body) = page(&head, face);
    let answer = format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

pub fn page(head: &[u8], face: &dyn Face) -> (&'static str, String) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    if method != Some(b"GET") {
        return ("405 Method Not Allowed", "only GET\n".to_owned());
    }
    match path {
        b"/healthz" => {
            let alarms = face.alarms();
            if alarms.is_empty() {
                ("200 OK", "ok\n".to_owned())
            } else {
                (
                    "503 Service Unavailable",
                    format!("{}\n", alarms.join("\n")),
                )
            }
        }
        b"/metrics" => ("200 OK", face.numbers().text()),
        _ => ("404 Not Found", "/healthz and /metrics\n".to_owned()),
    }
}

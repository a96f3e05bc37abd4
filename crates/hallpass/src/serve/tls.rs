//! The server's certificate: loaded at start, reloaded while serving.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hallpass_app::config::Loaded;
use hallpass_app::setup::opening::asked_to_stop;
use hallpass_server::{Certificate, CertificateFault, TlsListener};
use hallpass_terminal::exit::Failure;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::compose::Composed;

const READ_EVERY: Duration = Duration::from_secs(10);

/// # Errors
/// An unusable certificate: without TLS the server would be unreachable.
pub(super) fn certificate(loaded: &Loaded) -> Result<Option<Arc<Certificate>>, Failure> {
    let Some((certificate, key)) = loaded.tls()? else {
        return Ok(None);
    };
    let opened = Certificate::open(&certificate, &key).map_err(|fault| unusable(&fault))?;
    Ok(Some(Arc::new(opened)))
}

pub(super) struct Listening {
    plain: TcpListener,
    certificate: Option<Arc<Certificate>>,
}

impl Listening {
    /// Binds the first available address.
    pub(super) async fn at(
        address: &str,
        certificate: Option<Arc<Certificate>>,
    ) -> Result<Self, Failure> {
        let plain = hallpass_server::listen(address).await;
        let plain = plain.map_err(|error| Failure::cannot_listen(address, &error))?;
        Ok(Self { plain, certificate })
    }

    pub(super) fn address(&self) -> String {
        let scheme = self.certificate.as_ref().map_or("http", |_| "https");
        let local = self.plain.local_addr();
        format!(
            "{scheme}://{}",
            local.map(|it| it.to_string()).unwrap_or_default()
        )
    }

    pub(super) async fn run(self, composed: Composed) -> Result<(), Failure> {
        let Some(certificate) = self.certificate else {
            return composed.run(self.plain, asked_to_stop()).await;
        };
        let listener = TlsListener::new(self.plain, Arc::clone(&certificate))
            .map_err(|error| Failure::bug(format!("TLS cannot be set up: {error}")))?;
        tokio::select! {
            ran = composed.run(listener, asked_to_stop()) => ran,
            never = follow(certificate) => match never {},
        }
    }
}

async fn follow(certificate: Arc<Certificate>) -> Infallible {
    measure(&certificate);
    let mut said = None;
    loop {
        sleep(READ_EVERY).await;
        let reader = Arc::clone(&certificate);
        let read = tokio::task::spawn_blocking(move || reader.read_again()).await;
        match read {
            Ok(Ok(is_another)) => {
                said = None;
                if is_another {
                    let until = certificate.not_after();
                    tracing::info!(%until, "another certificate is in use");
                    measure(&certificate);
                }
            }
            Ok(Err(fault)) => {
                let why = words(&fault);
                if said.as_ref() != Some(&why) {
                    tracing::warn!(
                        why,
                        "the files of the certificate cannot be used; the one before stays in use"
                    );
                    said = Some(why);
                }
            }
            Err(error) => tracing::error!(%error, "the certificate's files were not read"),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970, far below 2^52"
)]
fn measure(certificate: &Certificate) {
    let until = certificate.not_after().as_second() as f64;
    metrics::gauge!("hallpass_tls_certificate_not_after_seconds").set(until);
}

fn unusable(fault: &CertificateFault) -> Failure {
    let help = "`server.tls.certificate` is the certificate with its chain, `server.tls.key` its key, both PEM";
    Failure::bad_input(format!("the server has no certificate: {}", words(fault))).help(help)
}

fn words(fault: &CertificateFault) -> String {
    match std::error::Error::source(fault) {
        Some(why) => format!("{fault}: {why}"),
        None => fault.to_string(),
    }
}

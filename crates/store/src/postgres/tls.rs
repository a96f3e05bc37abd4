//! TLS to PostgreSQL: verifies the certificate against the system roots or those of a file, and
//! against the host name.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The system has no root certificates.
    #[error("no root certificates on this machine: {0}")]
    NoneHere(String),
    #[error("cannot read certificates from `{}`: {why}", path.display())]
    File { path: PathBuf, why: String },
    #[error("TLS cannot be used: {0} (this is a bug)")]
    Library(#[from] rustls::Error),
}

#[derive(Clone, Debug)]
pub(crate) enum TrustedRoots {
    System,
    File(PathBuf),
}

#[derive(Clone)]
pub(crate) struct PostgresTls(Option<Arc<ClientConfig>>);

impl PostgresTls {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn with(roots: &TrustedRoots) -> Result<Self, RootsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions?.with_root_certificates(roots.store()?);
        Ok(Self(Some(Arc::new(config.with_no_client_auth()))))
    }
}

impl TrustedRoots {
    fn store(&self) -> Result<RootCertStore, RootsError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                let (taken, _) = store.add_parsable_certificates(found.certs);
                if taken == 0 {
                    let why = found.errors.first().map(ToString::to_string);
                    let why = why.unwrap_or_else(|| "there are none".to_owned());
                    return Err(RootsError::NoneHere(why));
                }
            }
            Self::File(path) => {
                let broken = |error: &dyn std::fmt::Display| RootsError::File {
                    path: path.clone(),
                    why: error.to_string(),
                };
                let read = CertificateDer::pem_file_iter(path).map_err(|it| broken(&it))?;
                for certificate in read {
                    let certificate = certificate.map_err(|it| broken(&it))?;
                    store.add(certificate).map_err(|it| broken(&it))?;
                }
                if store.is_empty() {
                    return Err(broken(&"it has no certificate"));
                }
            }
        }
        Ok(store)
    }
}

impl MakeTlsConnect<Socket> for PostgresTls {
    type Stream = SecureSocket;
    type TlsConnect = SecureHost;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<SecureHost> {
        Ok(SecureHost {
            config: self.0.clone(),
            host: host.to_owned(),
        })
    }
}

pub(crate) struct SecureHost {
    config: Option<Arc<ClientConfig>>,
    host: String,
}

impl TlsConnect<Socket> for SecureHost {
    type Stream = SecureSocket;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<SecureSocket>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let config = self.config.ok_or(io::ErrorKind::Unsupported)?;
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            let secure = TlsConnector::from(config).connect(name, socket).await?;
            Ok(SecureSocket(Box::new(secure)))
        })
    }
}

pub(crate) struct SecureSocket(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for SecureSocket {
    fn channel_binding(&self) -> ChannelBinding {
        // certificate verification already excludes a man in the middle
        ChannelBinding::none()
    }
}

impl AsyncRead for SecureSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for SecureSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

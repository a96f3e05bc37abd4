//! TLS connections without a proxy: certificate files, reloaded on change.
//!
//! Handshakes run in the task of their connection with the header timeout, so none delays another.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use hallpass_base::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::der::Decode as _;

use super::listener::Accept;

#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    #[error("cannot read `{}`", path.display())]
    Unreadable { path: PathBuf, source: pem::Error },
    #[error("there is no certificate in `{}`", path.display())]
    None { path: PathBuf },
    #[error("the first certificate in `{}` is not X.509", path.display())]
    NotX509 {
        path: PathBuf,
        source: x509_cert::der::Error,
    },
    #[error("the key in `{}` is not that of the certificate in `{}`", key.display(), certificate.display())]
    Unfit {
        key: PathBuf,
        certificate: PathBuf,
        source: rustls::Error,
    },
}

pub struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads the chain up to the root, and the key, both PEM (RFC 7468).
    ///
    /// # Errors
    /// A file is unreadable, or key and certificate do not match.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, CertificateFault> {
        Ok(Self {
            current: RwLock::new(read(certificate, key)?),
            chain_file: certificate.to_owned(),
            key_file: key.to_owned(),
        })
    }

    /// Reloads the files; returns whether the certificate changed, for new connections.
    ///
    /// # Errors
    /// As of [`Certificate::open`]; the old one stays in use. This also happens between the
    /// replacement of the two files.
    pub fn read_again(&self) -> Result<bool, CertificateFault> {
        let found = read(&self.chain_file, &self.key_file)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = current.key.cert != found.key.cert;
        if is_another {
            *current = found;
        }
        Ok(is_another)
    }

    pub fn not_after(&self) -> Timestamp {
        self.current().not_after
    }

    fn current(&self) -> Current {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain_file", &self.chain_file)
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key)
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Current, CertificateFault> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| CertificateFault::Unreadable { path, source }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .map_err(unreadable(certificate))?
        .collect();
    let chain = chain.map_err(unreadable(certificate))?;
    let path = || certificate.to_owned();
    let Some(first) = chain.first() else {
        return Err(CertificateFault::None { path: path() });
    };
    let parsed = x509_cert::Certificate::from_der(first).map_err(|source| {
        let path = path();
        CertificateFault::NotX509 { path, source }
    })?;
    let end = parsed.tbs_certificate.validity.not_after;
    let end = i64::try_from(end.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let found = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    let key = CertifiedKey::from_der(chain, found, &default_provider()).map_err(|source| {
        CertificateFault::Unfit {
            key: key.to_owned(),
            certificate: path(),
            source,
        }
    })?;
    Ok(Current {
        key: Arc::new(key),
        not_after: Timestamp::from_second(end).unwrap_or(Timestamp::MAX),
    })
}

/// TLS 1.2 or 1.3.
pub struct TlsListener {
    plain: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    pub fn new(plain: TcpListener, certificate: Arc<Certificate>) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?;
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        // RFC 7301: clients offering only other protocols are refused in the handshake
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            plain,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

impl Accept for TlsListener {
    type Stream = TlsConnection;

    async fn accept(&mut self) -> io::Result<(TlsConnection, SocketAddr)> {
        let (stream, peer) = Accept::accept(&mut self.plain).await?;
        let shaking = self.acceptor.accept(stream);
        Ok((TlsConnection(State::Shaking(Box::new(shaking))), peer))
    }
}

pub struct TlsConnection(State);

enum State {
    Shaking(Box<tokio_rustls::Accept<TcpStream>>),
    Open(Box<TlsStream<TcpStream>>),
    Broken,
}

impl TlsConnection {
    fn open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        if let State::Shaking(shaking) = &mut self.0 {
            let shaken = ready!(Pin::new(shaking.as_mut()).poll(cx));
            self.0 = State::Broken;
            self.0 = State::Open(Box::new(shaken?));
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(stream.as_mut())),
            State::Shaking(_) | State::Broken => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.open(cx))?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.open(cx))?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.open(cx))?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            State::Shaking(_) | State::Broken => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            State::Shaking(_) | State::Broken => Poll::Ready(Ok(())),
        }
    }
}

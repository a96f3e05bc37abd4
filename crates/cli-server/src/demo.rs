//! Environment of the demo: a simulated organization with history, a guard, and sample files.
//! `hallpass` builds the server.

pub mod assets;
pub mod aws;
pub mod child;
pub mod chores;
pub mod governed;
pub mod guard;
pub mod lives;
pub mod scenery;
pub mod standing;
pub mod trail;
pub mod uses;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hallpass_terminal::exit::Failure;
use tokio::net::TcpListener;

pub const STORE: &str = "hallpass.db";

/// Organization size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scale {
    /// 40 accounts, 60 people
    Small,
    /// 5,000 accounts, 20,000 people
    Large,
}

impl Scale {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

/// The demo's folder; a temporary one is deleted at exit.
pub enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    pub fn new(data: Option<&Path>) -> Result<Self, Failure> {
        match data {
            Some(path) => {
                hallpass_store::make_private_folder(path)
                    .map_err(|error| Failure::unwritable(path.display(), &error))?;
                Ok(Self::Kept(path.to_path_buf()))
            }
            None => tempfile::Builder::new()
                .prefix("hallpass-demo-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|error| Failure::unwritable("a temporary folder", &error)),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Kept(path) => path.join(name),
            Self::Temporary(folder) => folder.path().join(name),
        }
    }
}

pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    hallpass_server::listen(address).await.map_err(|error| {
        Failure::cannot_listen(address, &error).help(
            "run it with other addresses: `--listen 127.0.0.1:9000 --aws-listen 127.0.0.1:9001`",
        )
    })
}

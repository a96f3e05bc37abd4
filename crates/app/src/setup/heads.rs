//! Opens the signing key and the export of the audit log.

use std::sync::Arc;

use crate::config::{ExportPlace, ExportSettings, HeadKey};
use crate::host::keys::{self, Absent};
use async_trait::async_trait;
use hallpass_audit::{ExportSource, ExportTarget, HeadSigner, PublicKey, SignFault, Signer};
use hallpass_aws::{AwsClientSettings, BucketPlace, KmsKey, Objects};
use hallpass_base::{Clock, IdSource};
use hallpass_store::FolderTarget;
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value};

#[derive(Clone)]
pub struct Means {
    pub aws: AwsClientSettings,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

#[derive(Clone, Debug)]
pub enum Opened {
    Folder(FolderTarget),
    Bucket(Arc<Objects>),
}

impl Opened {
    pub fn target(&self) -> Arc<dyn ExportTarget> {
        match self {
            Self::Folder(folder) => Arc::new(folder.clone()),
            Self::Bucket(objects) => Arc::clone(objects) as Arc<dyn ExportTarget>,
        }
    }
}

pub async fn open_export(export: &ExportSettings, means: &Means) -> Result<Opened, Failure> {
    match &export.place {
        ExportPlace::Folder(folder) => Ok(Opened::Folder(FolderTarget::new(folder))),
        ExportPlace::Bucket(place) => {
            let (aws, clock) = (&means.aws, Arc::clone(&means.clock));
            let retention = Some(export.retention);
            let ids = means.ids.as_ref();
            let opened = Objects::open(aws, place.clone(), retention, clock, ids).await;
            opened
                .map(|it| Opened::Bucket(Arc::new(it)))
                .map_err(Failure::failed)
        }
    }
}

/// Opens a bucket for overwriting objects, without object lock.
pub async fn open_bucket(place: BucketPlace, means: &Means) -> Result<Arc<Objects>, Failure> {
    let (aws, clock) = (&means.aws, Arc::clone(&means.clock));
    let opened = Objects::open(aws, place, None, clock, means.ids.as_ref()).await;
    opened.map(Arc::new).map_err(Failure::failed)
}

pub async fn open_source(
    place: &ExportPlace,
    means: &Means,
) -> Result<Arc<dyn ExportSource>, Failure> {
    match place {
        ExportPlace::Folder(folder) => Ok(Arc::new(FolderTarget::new(folder))),
        ExportPlace::Bucket(place) => {
            let (aws, clock) = (&means.aws, Arc::clone(&means.clock));
            let opened = Objects::open(aws, place.clone(), None, clock, means.ids.as_ref()).await;
            opened
                .map(|it| Arc::new(it) as Arc<dyn ExportSource>)
                .map_err(Failure::failed)
        }
    }
}

pub enum HeadSigning {
    Kms(Arc<KmsKey>),
    File(Arc<Signer>),
}

impl HeadSigning {
    pub fn signer(&self) -> Arc<dyn HeadSigner> {
        match self {
            Self::Kms(key) => Arc::clone(key) as Arc<dyn HeadSigner>,
            Self::File(signer) => Arc::clone(signer) as Arc<dyn HeadSigner>,
        }
    }

    pub async fn public_key(&self) -> Result<PublicKey, SignFault> {
        match self {
            Self::Kms(key) => key.public_key().await,
            Self::File(signer) => Ok(*signer.public()),
        }
    }
}

pub fn no_signer(why: &Failure) -> Arc<dyn HeadSigner> {
    Arc::new(NoKey(with_remedy(why)))
}

pub fn with_remedy(why: &Failure) -> String {
    let words = why.words();
    match why.remedy() {
        Some(remedy) => format!("{words}; {remedy}"),
        None => words,
    }
}

struct NoKey(String);

#[async_trait]
impl HeadSigner for NoKey {
    async fn sign_head(&self, _head: Map<String, Value>) -> Result<Map<String, Value>, SignFault> {
        Err(SignFault(self.0.clone()))
    }
}

pub async fn open_key(
    key: &HeadKey,
    absent: Absent,
    means: &Means,
) -> Result<HeadSigning, Failure> {
    let signer = match key {
        HeadKey::Kms(key) => {
            let clock = Arc::clone(&means.clock);
            let opened = KmsKey::open(&means.aws, key, clock, means.ids.as_ref()).await;
            let opened = opened.map_err(Failure::failed)?;
            return Ok(HeadSigning::Kms(Arc::new(opened)));
        }
        HeadKey::File(path) => keys::key_at(path, Absent::Missed)?,
        HeadKey::Own(path) => keys::key_at(path, absent)?,
    };
    Ok(HeadSigning::File(Arc::new(signer)))
}

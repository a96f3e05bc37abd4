use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use hallpass_aws::BucketFiles;

#[derive(Debug)]
pub(crate) struct NamedFiles {
    pub(super) bucket: Arc<BucketFiles>,
    pub(super) lengths: BTreeMap<Path, u64>,
}

impl fmt::Display for NamedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bucket.name())
    }
}

impl NamedFiles {
    #[expect(
        clippy::default_trait_access,
        reason = "the type of the instant is of a crate that nothing else here names"
    )]
    fn about(&self, location: &Path) -> Result<ObjectMeta> {
        let length = self.lengths.get(location);
        let size = *length.ok_or_else(|| Error::NotFound {
            path: location.to_string(),
            source: "no manifest names it".into(),
        })?;
        Ok(ObjectMeta {
            location: location.clone(),
            // files are written once, so the time does not matter
            last_modified: Default::default(),
            size,
            e_tag: None,
            version: None,
        })
    }

    fn read_only<T>(operation: &str) -> Result<T> {
        Err(Error::NotSupported {
            source: format!("snapshots are only read here: {operation}").into(),
        })
    }
}

#[async_trait]
impl ObjectStore for NamedFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let meta = self.about(location)?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Generic {
            store: "S3",
            source,
        };
        let range = match &options.range {
            Some(range) => range.as_range(meta.size).map_err(|it| failed(it.into()))?,
            None => 0..meta.size,
        };
        let bytes = if options.head {
            Vec::new()
        } else {
            let read = self.bucket.range(location.as_ref(), range.clone()).await;
            read.map_err(|it| failed(format!("{it}; {}", it.help).into()))?
        };
        let piece = stream::once(async move { Ok(bytes.into()) });
        Ok(GetResult {
            payload: GetResultPayload::Stream(piece.boxed()),
            meta,
            range,
            attributes: datafusion::object_store::Attributes::default(),
        })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let fits = |it: &&Path| prefix.is_none_or(|prefix| it.prefix_matches(prefix));
        let found: Vec<_> = self
            .lengths
            .keys()
            .filter(fits)
            .map(|it| self.about(it))
            .collect();
        stream::iter(found).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Self::read_only("list_with_delimiter")
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Self::read_only("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Self::read_only("put_multipart")
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Self::read_only("delete")).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Self::read_only("copy")
    }
}

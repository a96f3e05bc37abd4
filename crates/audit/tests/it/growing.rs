//! Reading an export while the log grows must not look like tampering.

use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_audit::{ExportSource, SinkError, Trust, assure, read_export};

use crate::world::{World, keys, minutes};

/// Each listing sees records before a new record and head are added, and heads after: folder
/// listings are unordered and take time.
struct Growing(Mutex<World>);

#[async_trait]
impl ExportSource for Growing {
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError> {
        let before = self.0.lock().unwrap().clone();
        let mut listed = before.list(prefix, after).await?;
        listed.retain(|key| key.starts_with("logs/"));
        let grown = before.records.len() as u64 + 1;
        let mut world = before;
        world.grow(grown).publish(minutes(grown));
        *self.0.lock().unwrap() = world.clone();
        let heads = world.list(prefix, after).await?.into_iter();
        listed.extend(heads.filter(|key| key.starts_with("heads/")));
        Ok(listed)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError> {
        let world = self.0.lock().unwrap().clone();
        world.get(key).await
    }

    fn name(&self) -> String {
        "memory".to_owned()
    }
}

#[tokio::test]
async fn a_log_that_grows_while_it_is_read_lacks_nothing() {
    let mut world = World::new();
    world.grow(4).publish(minutes(4));
    let source = Growing(Mutex::new(world));
    let export = read_export(&source).await.unwrap();
    let keys = keys();
    let found = assure(export.inputs, &export.evidence, Trust::Keys(&keys));
    let (verified, _) = found.unwrap();
    assert_eq!((verified.records, verified.heads), (5, 2));
}

//! Fuzz target for imports of untrusted documents. See `hallpass_base::testing`.

use hallpass_base::testing::{changed, in_time};
use serde_json::Value;

use crate::import::{export, import};
use crate::snapshot::{Snapshot, SnapshotId, SnapshotRecord};

const SAMPLES: [&[u8]; 2] = [
    include_bytes!("__fuzz__/documents/corpus/users"),
    include_bytes!("__fuzz__/documents/corpus/units"),
];

#[test]
fn what_is_imported_is_exported_as_it_was() {
    hallpass_base::testing::fuzz_target!("documents", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"{}[]\":,0123456789-.truefalsn ");
        in_time(|| {
            let Ok(document) = serde_json::from_slice::<Value>(&bytes) else {
                return;
            };
            let Ok(read) = import(&document) else {
                return;
            };
            let at = read.now.unwrap_or_default();
            let record = SnapshotRecord {
                id: SnapshotId::new(at, 0),
                started: at,
                finished: at,
                host: String::new(),
                version: String::new(),
                slices: Vec::new(),
            };
            let snapshot = Snapshot {
                record,
                rows: read.rows,
            };
            let again = import(&export(&snapshot)).map(|it| it.rows);
            assert_eq!(again, Ok(snapshot.rows));
        });
    });
}

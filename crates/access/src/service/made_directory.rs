//! A directory with additions, kept until one of its parts changes: searches keep what they know of
//! it by its address.

use std::sync::{Arc, Mutex, PoisonError};

use hallpass_base::Timestamp;
use hallpass_rules::Directory;

struct Made {
    from: Arc<Directory>,
    revision: u64,
    valid_until: Timestamp,
    with_additions: Arc<Directory>,
}

#[derive(Default)]
pub(super) struct MadeDirectory(Mutex<Option<Made>>);

impl MadeDirectory {
    /// The last one, or what `make` returns with the instant from which it is outdated. `revision`
    /// is that of the additions.
    pub(super) fn of(
        &self,
        from: Arc<Directory>,
        revision: u64,
        now: Timestamp,
        make: impl FnOnce(&Directory) -> (Directory, Timestamp),
    ) -> Arc<Directory> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*last
            && Arc::ptr_eq(&known.from, &from)
            && known.revision == revision
            && now < known.valid_until
        {
            return Arc::clone(&known.with_additions);
        }
        let (directory, valid_until) = make(&from);
        let with_additions = Arc::new(directory);
        *last = Some(Made {
            from,
            revision,
            valid_until,
            with_additions: Arc::clone(&with_additions),
        });
        with_additions
    }
}

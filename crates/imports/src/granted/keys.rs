//! Which keys of a resource say something, and what becomes of those that rules do not have.

use crate::report::RowNote;
use crate::terraform::Resource;

/// The keys of a kind of resource.
pub(super) struct ResourceKeys {
    /// What is read.
    pub(super) read: &'static [&'static str],
    /// What rules do not have, and what becomes of each.
    pub(super) otherwise: &'static [(&'static str, &'static str)],
}

impl ResourceKeys {
    /// Tells what of a resource is left out.
    ///
    /// # Errors
    /// A key that is not known here.
    pub(super) fn tell(&self, it: &Resource, notes: &mut Vec<RowNote>) -> Result<(), RowNote> {
        for key in it.values.keys() {
            match self.otherwise.iter().find(|(name, _)| name == key) {
                Some((_, why)) => notes.push(RowNote::LeftOut {
                    what: "setting",
                    id: key.clone(),
                    why,
                }),
                // one, where it is read at all
                None if key == "count" || self.read.contains(&key.as_str()) => {}
                None => return Err(RowNote::UnknownAttribute(key.clone())),
            }
        }
        Ok(())
    }
}

//! Absences in memory.

use std::collections::BTreeMap;

use hallpass_access::{Absence, Write};
use hallpass_base::UserId;

use super::MemoryState;
use crate::fault::StorageFault;
use crate::steps::wrong_version;

pub(super) fn staged(
    state: &MemoryState,
    writes: Vec<Write<Absence>>,
) -> Result<BTreeMap<UserId, Absence>, StorageFault> {
    let mut staged = BTreeMap::new();
    for write in writes {
        let (absence, read) = match write {
            Write::Insert(absence) => (absence, None),
            Write::Update(absence) => {
                let read = Some(absence.version);
                let version = absence.version + 1;
                (Absence { version, ..absence }, read)
            }
        };
        let user = absence.person.user.clone();
        if state.absences.get(&user).map(|it| it.version) != read {
            return Err(wrong_version(&format!("the absence of {user}")));
        }
        staged.insert(user, absence);
    }
    Ok(staged)
}

//! Fuzz targets for logs, user lists and states. See `hallpass_base::testing`.

use hallpass_base::Timestamp;
use hallpass_base::testing::{changed, in_time};

use crate::{
    ActivityRows, PciFold, PciRules, PciState, PeopleList, read_activity, read_file, read_line,
    write_line,
};

const RECORDS: &[u8] = include_bytes!("__fuzz__/cloudtrail/corpus/records");
const PAGES: &[u8] = include_bytes!("__fuzz__/cloudtrail/corpus/pages");
const USERS: &[u8] = include_bytes!("__fuzz__/cloudtrail/corpus/users");
const LETTERS: &[u8] = b"{}[]\":,\\0123456789-.truefalsn ";

fn fold() -> PciFold {
    PciFold::new(PciRules::of_store("d-9067f00d11"), Timestamp::MAX)
}

fn people() -> Option<PeopleList> {
    str::from_utf8(USERS)
        .ok()
        .and_then(|it| PeopleList::read(it).ok())
}

#[test]
fn a_log_is_read_alike_whole_and_in_pieces_or_not_at_all() {
    hallpass_base::testing::fuzz_target!("cloudtrail", |input: &[u8]| {
        let bytes = changed(input, &[RECORDS, PAGES, USERS], LETTERS);
        in_time(|| {
            let (mut whole, mut pieces) = (fold(), fold());
            let names = whole.rules().names();
            let one = read_file("log", bytes.as_slice(), &names, &mut whole);
            let (start, end) = bytes.split_at(bytes.len() / 3);
            let in_two = std::io::Read::chain(start, end);
            let two = read_file("log", in_two, &names, &mut pieces);
            assert_eq!(one, two);
            let people = people();
            let kept = |fold: &PciFold| PciState::after(fold, people.as_ref(), None);
            assert_eq!(kept(&whole), kept(&pieces));
            // A stored state reads back unchanged.
            let state = kept(&whole).expect("there are people");
            let text = state.text().expect("a state is JSON");
            assert_eq!(PciState::read(&text), Ok(state));
            let in_two = std::io::Read::chain(start, end);
            let rows = read_activity(bytes.as_slice());
            assert_eq!(rows, read_activity(in_two));
            let rows = rows.map(|it| it.fold.rows).unwrap_or_default();
            let lines = rows.iter().map(|(key, facts)| {
                let line = write_line(key, facts).expect("a row is JSON");
                read_line(&line).expect("a line is a row")
            });
            let mut again = ActivityRows::default();
            lines.for_each(|(key, facts)| again.add(key, facts));
            assert_eq!(rows, again);
            if let Ok(text) = str::from_utf8(&bytes) {
                let _ = read_line(text);
                let _ = PeopleList::read(text);
                let _ = PciState::read(text);
            }
        });
    });
}

//! Fuzz targets: the file of ends, and journals. See `hallpass_base::testing`.

use hallpass_audit::{Draft, Event, Head, Origin, Record, Signer, seal};
use hallpass_base::AuditId;
use hallpass_base::testing::{changed, in_time};
use hallpass_guard::{EndsFault, Trust, read, removal_of, render, whole_lines};
use uuid::Uuid;

use crate::fakes::{at, end, mark};

const LETTERS: &[u8] = b"{}[]\",:\\u0019aef \n\r-.E_";

#[test]
fn a_file_of_ends_is_read_whole_or_refused_with_its_name() {
    let ours = Signer::from_seed(&[1; 32]).unwrap();
    let ends = [end(1, 3, 100), end(2, 9, 200)];
    let signed = render(&ends, &mark(12), at(50), Some(&ours)).unwrap();
    let plain = render(&ends, &mark(12), at(50), None).unwrap();
    hallpass_base::testing::fuzz_target!("ends", |input: &[u8]| {
        let bytes = changed(input, &[&signed, &plain], LETTERS);
        for trust in [Trust::Anyone, Trust::Key(*ours.public())] {
            match in_time(|| read("f", &bytes, trust)) {
                Ok(copy) if trust == Trust::Anyone => {
                    // a trusted copy renders to its input
                    let again = render(&copy.ends, &copy.mark, copy.at.unwrap(), None).unwrap();
                    let again = read("f", &again, trust).unwrap();
                    assert_eq!((&again.ends, &again.mark), (&copy.ends, &copy.mark));
                }
                Ok(copy) => assert_eq!(copy.ends, ends),
                Err(
                    EndsFault::Malformed { place, message }
                    | EndsFault::Unreadable { place, message },
                ) => assert!(place == "f" && !message.is_empty()),
                Err(EndsFault::Untrusted { place, .. }) => assert_eq!(place, "f"),
            }
        }
    });
}

fn journal() -> Vec<u8> {
    let (end, mut head, mut lines) = (end(1, 3, 100), None, Vec::new());
    for (number, event) in [Event::GuardEnding, Event::GuardEnded]
        .into_iter()
        .enumerate()
    {
        let id = AuditId::new(Uuid::from_u128(7 << 76 | 0b10 << 62 | number as u128));
        let draft = Draft::new(id, event, at(200), "guard-1", Origin::System)
            .reason("guard")
            .guarded(&end.key, end.until, end.rev, &end.grants)
            .removed(true, "removed");
        let record = seal(draft, head.as_ref()).unwrap();
        head = Some(Head {
            seq: record.seq(),
            hash: record.hash().to_owned(),
            time: at(200),
        });
        lines.extend_from_slice(record.canonical().as_bytes());
        lines.push(b'\n');
    }
    lines
}

#[test]
fn a_journal_is_read_to_its_last_whole_line() {
    let journal = journal();
    let (lines, torn) = whole_lines(&journal);
    assert!(
        lines
            .iter()
            .all(|line| removal_of(&Record::parse(line).unwrap()).is_some())
    );
    assert_eq!((lines.len(), torn), (2, None));
    hallpass_base::testing::fuzz_target!("journal", |input: &[u8]| {
        let bytes = changed(input, &[&journal], LETTERS);
        let (lines, torn) = in_time(|| whole_lines(&bytes));
        let read: usize = lines.iter().map(|line| line.len()).sum();
        assert!(read <= bytes.len() && torn.is_none_or(|torn| torn.whole < bytes.len()));
        for record in lines.iter().filter_map(|line| Record::parse(line).ok()) {
            let removal = in_time(|| removal_of(&record));
            assert!(removal.is_none_or(|removal| record.text("actor") == Some(&removal.guard)));
        }
    });
}

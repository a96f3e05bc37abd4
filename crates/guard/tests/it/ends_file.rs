//! The file of ends: complete and signed, or refused.

use hallpass_audit::{SignatureFault, Signer};
use hallpass_base::GrantId;
use hallpass_guard::{EndsFault, Mark, Trust, read, render};

use crate::fakes::{at, end, key, mark};

fn signer(byte: u8) -> Signer {
    Signer::from_seed(&[byte; 32]).unwrap()
}

fn bytes(signer: Option<&Signer>) -> Vec<u8> {
    let grant: GrantId = "grn_01900000000070008000000000000001".parse().unwrap();
    let mut first = end(1, 3, 100);
    first.grants = vec![grant];
    render(&[first, end(2, 9, 200)], &mark(12), at(50), signer).unwrap()
}

#[test]
fn what_is_written_reads_back() {
    for signer in [None, Some(signer(1))] {
        let copy = read("f", &bytes(signer.as_ref()), Trust::Anyone).unwrap();
        assert_eq!((copy.at, &copy.mark), (Some(at(50)), &mark(12)));
        let found: Vec<_> = copy.ends.iter().map(|end| (&end.key, end.rev)).collect();
        assert_eq!(found, [(&key(1), 3), (&key(2), 9)]);
        assert_eq!(copy.ends[0].grants.len(), 1);
    }
    let empty = render(&[], &Mark::of(None), at(0), None).unwrap();
    assert_eq!(read("f", &empty, Trust::Anyone).unwrap().ends, []);
}

#[test]
fn the_form_is_golden() {
    let text = String::from_utf8(bytes(Some(&signer(7)))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let begins = r#"{"alg":"Ed25519","at":"2026-05-28T20:27:30Z","digest":""#;
    assert!(lines[0].starts_with(begins), "{}", lines[0]);
    assert!(lines[0].contains(r#""form":"hallpass-ends/1","hash":"hash 12","key":""#));
    assert_eq!(
        lines[1],
        concat!(
            r#"{"grants":["grn_01900000000070008000000000000001"],"key":{"target":"#,
            r#"{"group":"00000002-0000-4000-8000-000000000000","kind":"group"},"#,
            r#""user":"00000001-0000-4000-8000-000000000000"},"rev":3,"#,
            r#""until":"2026-05-28T20:28:20Z"}"#
        )
    );
}

#[test]
fn with_a_key_only_what_it_signed_is_believed() {
    let (ours, other) = (signer(1), signer(2));
    let trust = Trust::Key(*ours.public());
    assert!(read("f", &bytes(Some(&ours)), trust).is_ok());
    let fault = |bytes: &[u8]| match read("f", bytes, trust) {
        Err(EndsFault::Untrusted { fault, .. }) => Some(fault),
        _ => None,
    };
    assert_eq!(fault(&bytes(None)), Some(SignatureFault::Unsigned));
    let by_other = fault(&bytes(Some(&other)));
    assert!(matches!(by_other, Some(SignatureFault::OtherKey { .. })));
    let text = String::from_utf8(bytes(Some(&ours))).unwrap();
    let later = text.replacen("20:27:30Z", "21:27:30Z", 1);
    assert_eq!(fault(later.as_bytes()), Some(SignatureFault::Wrong));
}

#[test]
fn no_changed_byte_goes_unseen() {
    let ours = signer(1);
    let good = bytes(Some(&ours));
    let trust = Trust::Key(*ours.public());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(read("f", &bad, trust).is_err(), "byte {at}");
    }
    for cut in 0..good.len() {
        assert!(read("f", &good[..cut], trust).is_err(), "cut at {cut}");
    }
    // without a key, no line
    let good = bytes(None);
    let begin = good.iter().position(|byte| *byte == b'\n').unwrap();
    for at in begin..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(read("f", &bad, Trust::Anyone).is_err(), "byte {at}");
    }
}

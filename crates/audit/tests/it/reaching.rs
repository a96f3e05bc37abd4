//! How far a log is beyond its operator's reach, and every attempt to fake it.

use hallpass_audit::{
    Assurance, BadRecord, Evidence, FaultKind, LogId, PublishedHead, Statement, Trust, assure,
    canonical,
};

use crate::world::{World, keys, minutes, server, signer, witness};

fn seen() -> (World, Evidence) {
    let mut world = World::new();
    world
        .grow(4)
        .publish(minutes(4))
        .grow(8)
        .publish(minutes(60))
        .grow(12)
        .publish(minutes(120));
    let evidence = Evidence {
        heads: world.heads(),
        statements: vec![world.statement(4), world.statement(8)],
        ..Evidence::default()
    };
    (world, evidence)
}

fn check(world: &World, evidence: &Evidence) -> Result<Assurance, BadRecord> {
    assure(world.inputs(), evidence, Trust::Keys(&keys())).map(|(_, assurance)| assurance.unwrap())
}

fn fault(world: &World, evidence: &Evidence) -> Option<(u64, FaultKind)> {
    let found = check(world, evidence).err();
    found.map(|fault| (fault.seq, fault.kind))
}

#[test]
fn an_untouched_log_is_beyond_reach_as_far_as_a_witness_saw_it() {
    let (world, evidence) = seen();
    let found = check(&world, &evidence).unwrap();
    assert_eq!(
        (found.signed, found.unsigned, found.signed_until),
        (3, 0, Some(12))
    );
    let beyond = found.beyond().unwrap();
    assert_eq!((beyond.seq, beyond.witness.as_str()), (8, "w"));
    assert_eq!(found.witnesses.len(), 1, "each witness once, by its newest");
    let (verified, none) = assure(world.inputs(), &evidence, Trust::Nobody).unwrap();
    assert_eq!((verified.records, verified.heads, none), (12, 3, None));
}

#[test]
fn what_is_wrong_with_a_record_is_told_before_what_is_wrong_with_its_head() {
    let (mut world, mut evidence) = seen();
    evidence.statements.clear();
    evidence.heads[1].1 = world.head_by(8, minutes(60), &signer(9));
    assert_eq!(fault(&world, &evidence), Some((8, FaultKind::Forged)));
    let other = world.rewrite(8);
    for (seq, kind) in [(8, FaultKind::Changed), (9, FaultKind::Forged)] {
        let record = &other.records[usize::try_from(seq).unwrap() - 1];
        let (key, mut bytes) = (world.key_of(seq), record.canonical().as_bytes().to_vec());
        bytes.push(b' ');
        let kept = world.objects.insert(key.clone(), bytes).unwrap();
        let found = fault(&world, &evidence).unwrap();
        assert_eq!(found.0, 8);
        assert_eq!(
            found.1 == FaultKind::Forged,
            kind == FaultKind::Forged,
            "{seq}: {found:?}"
        );
        world.objects.insert(key, kept);
    }
}

#[test]
fn signed_heads_alone_put_nothing_beyond_reach() {
    let (world, mut evidence) = seen();
    evidence.statements.clear();
    let found = check(&world, &evidence).unwrap();
    assert_eq!((found.signed_until, found.beyond()), (Some(12), None));
}

#[test]
fn heads_of_before_are_valid_as_unsigned() {
    let mut world = World::new();
    world
        .grow(4)
        .publish_unsigned(minutes(4))
        .grow(6)
        .publish(minutes(60));
    let evidence = Evidence {
        heads: world.heads(),
        ..Evidence::default()
    };
    let found = check(&world, &evidence).unwrap();
    assert_eq!((found.signed, found.unsigned), (1, 1));
}

#[test]
fn a_head_stripped_of_its_signature_is_a_forgery_once_heads_are_signed() {
    let (world, evidence) = seen();
    let stripped = |at: usize, evidence: &Evidence| {
        let mut theirs = evidence.clone();
        let mut fields = theirs.heads[at].1.fields().clone();
        for name in ["signature", "key", "alg"] {
            fields.remove(name);
        }
        theirs.heads[at].1 = PublishedHead::from_fields(fields).unwrap();
        theirs
    };
    let no_witness = Evidence {
        heads: evidence.heads.clone(),
        ..Evidence::default()
    };
    for (at, seq) in [(1, 8), (2, 12)] {
        let theirs = stripped(at, &no_witness);
        let found = check(&world, &theirs).unwrap_err();
        assert_eq!((found.seq, found.kind), (seq, FaultKind::Forged));
        assert!(found.detail.contains("of record 4"), "{}", found.detail);
        let mut part = theirs.clone();
        part.keep(|it| it == seq);
        assert_eq!(part.heads.len(), 1);
        assert_eq!(fault(&world, &part), Some((seq, FaultKind::Forged)));
        assert!(assure(world.inputs(), &theirs, Trust::Nobody).is_ok());
    }
    // the first one is indistinguishable from one before heads were signed
    assert_eq!(
        check(&world, &stripped(0, &no_witness)).unwrap().unsigned,
        1
    );
    // all of them stripped: a witness has seen signed ones
    let all = (0..3).fold(evidence, |theirs, at| stripped(at, &theirs));
    assert_eq!(fault(&world, &all), Some((8, FaultKind::Forged)));
}

#[test]
fn a_rewritten_and_re_signed_log_is_found_by_what_a_witness_saw() {
    let (world, evidence) = seen();
    // the operator has the store and the server's key: without a witness this passes
    for from in [1, 3, 8] {
        let other = world.rewrite(from);
        let mut theirs = Evidence {
            heads: other.heads(),
            ..Evidence::default()
        };
        assert_eq!(fault(&other, &theirs), None, "{from}");
        theirs.statements.clone_from(&evidence.statements);
        let expected = if from <= 4 { 4 } else { 8 };
        let found = check(&other, &theirs).unwrap_err();
        assert_eq!(
            (found.seq, found.kind),
            (expected, FaultKind::Forked),
            "{from}"
        );
        assert!(found.detail.contains("the witness w"), "{}", found.detail);
    }
    // later records are still open to the operator: the report names record 9 as the first
    let other = world.rewrite(9);
    let theirs = Evidence {
        heads: other.heads(),
        ..evidence
    };
    assert_eq!(
        check(&other, &theirs).unwrap().beyond().map(|it| it.seq),
        Some(8)
    );
}

#[test]
fn each_forgery_is_named() {
    let (world, evidence) = seen();
    let with_head = |head: PublishedHead| Evidence {
        heads: vec![("heads/x.json".to_owned(), head)],
        ..Evidence::default()
    };
    for forger in [signer(9), witness()] {
        let forged = with_head(world.head_by(8, minutes(60), &forger));
        assert_eq!(fault(&world, &forged), Some((8, FaultKind::Forged)));
    }
    let mut fields = world.head_by(8, minutes(60), &server()).fields().clone();
    fields.insert("at".to_owned(), minutes(61).to_string().into());
    let changed = with_head(PublishedHead::from_fields(fields).unwrap());
    assert_eq!(fault(&world, &changed), Some((8, FaultKind::Forged)));

    let with_statement = |key: &str, said: Statement| Evidence {
        heads: evidence.heads.clone(),
        statements: vec![(key.to_owned(), said)],
        ..Evidence::default()
    };
    let (_, head) = evidence.heads[2].clone();
    let say = |name: &str, head: &PublishedHead, by: &hallpass_audit::Signer| {
        Statement::sign(head, minutes(121), &name.parse().unwrap(), by).unwrap()
    };
    for (name, by) in [("w", server()), ("v", witness()), ("w", signer(9))] {
        let said = say(name, &head, &by);
        let forged = with_statement(&said.key(), said);
        assert_eq!(
            fault(&world, &forged),
            Some((12, FaultKind::Forged)),
            "{name}"
        );
    }
    let mut fields = say("w", &head, &witness()).fields().clone();
    fields["head"]["seq"] = 11.into();
    let said = Statement::parse(canonical(&fields).unwrap().as_bytes()).unwrap();
    let forged = with_statement(&said.key(), said);
    assert_eq!(fault(&world, &forged), Some((11, FaultKind::Forged)));
    let said = say(
        "w",
        &world.head_by(12, minutes(120), &signer(9)),
        &witness(),
    );
    let forged = with_statement(&said.key(), said);
    assert_eq!(fault(&world, &forged), Some((12, FaultKind::Forged)));
}

#[test]
fn a_log_cut_behind_what_a_witness_saw_is_found() {
    let (world, evidence) = seen();
    let mut cut = world.clone();
    for seq in 7..=12 {
        cut.objects.remove(&world.key_of(seq));
    }
    let theirs = Evidence {
        heads: evidence.heads[..1].to_vec(),
        ..evidence
    };
    assert_eq!(fault(&cut, &theirs), Some((7, FaultKind::Missing)));
}

#[test]
fn an_export_rolled_back_to_an_older_copy_is_found() {
    let (_, evidence) = seen();
    let mut older = World::new();
    older.grow(5).publish(minutes(4));
    let theirs = Evidence {
        heads: older.heads(),
        ..evidence
    };
    assert_eq!(fault(&older, &theirs), Some((6, FaultKind::Missing)));
}

#[test]
fn witness_files_in_each_others_place_are_found() {
    let (world, evidence) = seen();
    let mut swapped = evidence.clone();
    let (one, two) = (
        swapped.statements[0].0.clone(),
        swapped.statements[1].0.clone(),
    );
    swapped.statements[0].0 = two;
    swapped.statements[1].0 = one;
    assert_eq!(fault(&world, &swapped), Some((4, FaultKind::Reordered)));
    let mut under_another_name = evidence;
    under_another_name.statements[1].0 = "witness/v/8.json".to_owned();
    assert_eq!(
        fault(&world, &under_another_name),
        Some((8, FaultKind::Reordered))
    );
}

#[test]
fn heads_and_statements_of_another_log_are_found() {
    let (world, evidence) = seen();
    let mut other = world.clone();
    other.log = LogId::from_bytes([6; 16]);
    let (key, _) = evidence.heads[1].clone();
    let mut heads = evidence.heads.clone();
    heads[1] = (key, other.head_by(8, minutes(60), &server()));
    let mixed = Evidence {
        heads,
        ..Evidence::default()
    };
    let found = check(&world, &mixed).unwrap_err();
    assert_eq!((found.seq, found.kind), (8, FaultKind::Forked));
    assert!(assure(world.inputs(), &mixed, Trust::Nobody).is_err());
}

//! Builds small MMDB country databases (specification version 2.0): a binary tree over address
//! bits, a data section, final metadata.

use std::net::IpAddr;

/// A range with `country` and `registered_country`.
pub(crate) type Line<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Data(usize),
}

/// IPv4 ranges are below `::/96`. Ranges must not overlap.
pub(crate) fn database(lines: &[Line<'_>]) -> Vec<u8> {
    let mut tree = vec![[Branch::Nothing; 2]];
    let mut data = Vec::new();
    for (range, country, registered) in lines {
        let offset = data.len();
        data.extend(entry(*country, *registered));
        insert(&mut tree, &bits(range), offset);
    }
    let nodes = tree.len();
    let mut file = Vec::new();
    for branch in tree.iter().flatten() {
        let record = match branch {
            Branch::Nothing => nodes,
            Branch::Node(node) => *node,
            // sixteen bytes separate tree and data
            Branch::Data(offset) => nodes + 16 + offset,
        };
        file.extend_from_slice(&u32::try_from(record).unwrap().to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(metadata(nodes));
    file
}

fn bits(range: &str) -> Vec<bool> {
    let (address, prefix) = range.split_once('/').unwrap();
    let prefix: usize = prefix.parse().unwrap();
    let (whole, prefix) = match address.parse().unwrap() {
        IpAddr::V4(address) => (u128::from(u32::from(address)), prefix + 96),
        IpAddr::V6(address) => (u128::from(address), prefix),
    };
    (0..prefix)
        .map(|bit| whole >> (127 - bit) & 1 == 1)
        .collect()
}

fn insert(tree: &mut Vec<[Branch; 2]>, bits: &[bool], offset: usize) {
    let (last, way) = bits.split_last().unwrap();
    let mut node = 0;
    for bit in way {
        node = match tree[node][usize::from(*bit)] {
            Branch::Node(next) => next,
            Branch::Nothing => {
                tree.push([Branch::Nothing; 2]);
                let next = tree.len() - 1;
                tree[node][usize::from(*bit)] = Branch::Node(next);
                next
            }
            Branch::Data(_) => panic!("ranges overlap"),
        };
    }
    tree[node][usize::from(*last)] = Branch::Data(offset);
}

fn entry(country: Option<&str>, registered: Option<&str>) -> Vec<u8> {
    let named = |name: &str, code: &str| {
        let inner = [
            text("geoname_id"),
            uint(6, 6_252_001),
            text("iso_code"),
            text(code),
        ];
        [text(name), map(2, &inner.concat())].concat()
    };
    let mut fields = vec![
        [
            text("continent"),
            map(1, &[text("code"), text("NA")].concat()),
        ]
        .concat(),
    ];
    fields.extend(country.map(|code| named("country", code)));
    fields.extend(registered.map(|code| named("registered_country", code)));
    map(fields.len(), &fields.concat())
}

fn metadata(nodes: usize) -> Vec<u8> {
    let array = [&[0x01, 0x04][..], &text("en")].concat();
    let fields = [
        (text("binary_format_major_version"), uint(5, 2)),
        (text("binary_format_minor_version"), uint(5, 0)),
        (
            text("build_epoch"),
            vec![0x04, 0x02, 0x65, 0x00, 0x00, 0x00],
        ),
        (text("database_type"), text("Hallpass-Country-Test")),
        (
            text("description"),
            map(1, &[text("en"), text("made for a test")].concat()),
        ),
        (text("ip_version"), uint(5, 6)),
        (text("languages"), array),
        (text("node_count"), uint(6, u32::try_from(nodes).unwrap())),
        (text("record_size"), uint(5, 24)),
    ];
    let inner: Vec<u8> = fields
        .iter()
        .flat_map(|(key, value)| [&key[..], value].concat())
        .collect();
    map(fields.len(), &inner)
}

/// Control byte: type in three bits, size in five.
fn control(kind: u8, size: usize) -> u8 {
    let size = u8::try_from(size).unwrap();
    assert!(size < 29, "longer sizes have another form");
    kind << 5 | size
}

fn text(value: &str) -> Vec<u8> {
    [&[control(2, value.len())], value.as_bytes()].concat()
}

fn map(entries: usize, inner: &[u8]) -> Vec<u8> {
    [&[control(7, entries)], inner].concat()
}

/// Unsigned: type 5 has 16 bits, type 6 has 32; omits leading zero bytes.
fn uint(kind: u8, value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len());
    [&[control(kind, bytes.len() - start)], &bytes[start..]].concat()
}

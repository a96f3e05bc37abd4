//! Modules of this crate have a fixed order and use only earlier ones: the engine does not depend
//! on the linter, nor the linter on the generators.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ORDER: &[&str] = &[
    "arn",
    "glob",
    "pattern",
    "error",
    "input",
    "facts",
    "language",
    "evaluation",
    "answer",
    "case",
    "samples",
    "size",
    "suite",
    "residual",
    "lint",
    "summary",
    "powers",
    "denial",
    "generate",
    "perimeter",
    "vpn",
    "attributes",
];

fn texts(path: &Path) -> String {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries.map(|it| texts(&it.unwrap().path())).collect();
    }
    fs::read_to_string(path).unwrap()
}

#[test]
fn no_room_uses_one_behind_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if room == "lib" {
            continue;
        }
        let Some(place) = ORDER.iter().position(|it| *it == room) else {
            panic!("`{room}` has no place in the order");
        };
        let text = texts(&path);
        for used in text.split("crate::").skip(1) {
            let used = used
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap();
            if ORDER
                .iter()
                .position(|it| *it == used)
                .is_some_and(|at| at > place)
            {
                wrong.push(format!("{room} uses {used}"));
            }
        }
        rooms.insert(room);
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(rooms.len(), ORDER.len());
}

//! Files that something has happened to: each is refused with places, or what is made of it loads.

use hallpass_imports::entra::EligibilityEnds;
use hallpass_imports::{ImportRefused, Imported, Names, SourceFile, entra, granted, teleport};
use proptest::prelude::*;

use crate::answers::loaded;
use crate::company::directory;
use crate::granted::{TERRAFORM, file};
use crate::granted_cloud::RUN;
use crate::teleport::{HOLD, ROLE};

/// Parts that mean something to one reader or another.
const PARTS: [&str; 16] = [
    "\"",
    "'",
    "\n",
    "---\n",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "*",
    "&a ",
    "\\",
    "\u{202e}",
    "null",
    "99999999999999999999",
    "[[rule]]\naccounts = \"*\"\n",
];

prop_compose! {
    /// A place in a text in thousandths, how much goes there, and what comes instead.
    fn a_change()(at in 0..1000_usize, length in 0..12_usize, part in prop::option::of(0..PARTS.len())) -> (usize, usize, Option<usize>) {
        (at, length, part)
    }
}

fn changed(text: &str, changes: &[(usize, usize, Option<usize>)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, length, part) in changes {
        let start = at * characters.len() / 1000;
        let end = (start + length).min(characters.len());
        let part = part.map_or("", |it| PARTS[it]);
        characters.splice(start..end, part.chars());
    }
    characters.into_iter().collect()
}

fn check(source: &SourceFile, result: Result<Imported, ImportRefused>) {
    match result {
        Ok(import) => {
            loaded(&import);
            let rules = import.text.matches("\n[[rule]]\n").count();
            assert_eq!(rules, import.report.rules, "{}", import.text);
        }
        Err(why) => {
            assert!(!why.0.is_empty());
            let is_placed =
                |it: &hallpass_rules::Diagnostic| it.file == source.name && it.position.line > 0;
            assert!(why.0.iter().all(is_placed), "{why:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_that_something_happened_to_is_refused_or_loads(changes in prop::collection::vec(a_change(), 1..4)) {
        let facts = directory(&[1, 2, 15]);
        let names = |text: &str| Names::read(&file("names.toml", text)).unwrap();
        let (export, who) = crate::entra::sample();
        for (name, text) in [("a.tf", TERRAFORM), ("b.tf", RUN)] {
            let source = file(name, &changed(text, &changes));
            check(&source, granted::import(std::slice::from_ref(&source), &names("[groups]\n00g1 = \"eng\"\n"), Some(&facts), &granted::OrganizationIds::default()));
        }
        let source = file("export.json", &changed(&export, &changes));
        check(&source, entra::import(std::slice::from_ref(&source), &names(&who), Some(&facts), EligibilityEnds::Ignore));
        let source = file("roles.yaml", &changed(ROLE, &changes));
        check(&source, teleport::import(std::slice::from_ref(&source), &names(HOLD), Some(&facts)));
        let source = file("names.toml", &changed(&who, &changes));
        if let Err(why) = Names::read(&source) {
            check(&source, Err(why));
        }
    }
}

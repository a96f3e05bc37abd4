//! Fuzz target of the access file parser. See `hallpass_base::testing`.

use hallpass_access_files::{FileFinding, SeenAccess, SourceText, compare, read, select};
use hallpass_base::testing::changed;

use crate::world::{MANAGEMENT, account, directory};

const SAMPLES: [&[u8]; 2] = [
    include_bytes!("__fuzz__/access_files/corpus/whole.yaml"),
    include_bytes!("__fuzz__/access_files/corpus/whole.toml"),
];
const LETTERS: &[u8] = b"{}[]\"',:=*#-|\n .0at\\/";

#[test]
fn access_files() {
    hallpass_base::testing::fuzz_target!("access_files", |input: &[u8]| {
        let text = String::from_utf8_lossy(&changed(input, &SAMPLES, LETTERS)).into_owned();
        for name in ["any.yaml", "any.toml", "any.json"] {
            let source = SourceText {
                name: name.to_owned(),
                text: text.clone(),
            };
            let policy = |_: &str, path: &str| Ok(path.to_owned());
            match read(&[source], &policy) {
                Err(findings) => assert!(findings.iter().any(FileFinding::is_error), "{text}"),
                Ok((file, warnings)) => {
                    assert!(warnings.iter().all(|it| !it.is_error()), "{text}");
                    let management = account(MANAGEMENT);
                    if let Ok(wanted) = select(&file, &directory(), Some(&management)) {
                        let totals = compare(&wanted, &SeenAccess::default()).totals();
                        assert_eq!(totals.delete + totals.change, 0, "{text}");
                    }
                }
            }
        }
    });
}

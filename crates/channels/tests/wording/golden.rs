/// Compares with a file of `tests/golden`; `BLESS=1` rewrites it.
pub(crate) fn check(name: &str, found: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    assert!(
        hallpass_base::text::is_plain(found),
        "something hidden gets through"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let differing: Vec<_> = found
        .lines()
        .zip(wanted.lines().chain(std::iter::repeat("")))
        .filter(|(found, wanted)| found != wanted)
        .collect();
    assert!(
        found == wanted,
        "differs from {path} (BLESS=1 writes it): {differing:#?}"
    );
}

//! Text files as arguments name them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::exit::Failure;

/// Reads a whole text file of at most `bytes_max` bytes; `-` is standard input.
///
/// # Errors
/// Exit 2 when it cannot be read, is larger (`E_LIMIT`) or no text.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let name = path.display();
    let unreadable = |error| Failure::unreadable(&name, &error);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let stdin = std::io::stdin().lock();
        stdin
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        let file = File::open(path).map_err(unreadable)?;
        file.take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if bytes.len() as u64 > bytes_max {
        let message = format!("`{name}` is larger than {bytes_max} bytes");
        return Err(Failure::bad_input(message).code("E_LIMIT"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::bad_input(format!("`{name}` is not UTF-8 text")).code("E_JSON"))
}

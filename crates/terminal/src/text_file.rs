use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hallpass_base::text;

use crate::exit::Failure;

const SECRET_BYTES_MAX: u64 = 1024 * 1024;
/// Default maximum file size.
pub const TEXT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads a text file of at most `bytes_max` bytes, without a byte order mark; `-` is standard
/// input.
///
/// # Errors
/// Exit 2 when it is unreadable, larger (`E_LIMIT`) or no text.
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
    decoded(&name.to_string(), &bytes).map(str::to_owned)
}

/// Decodes a file's bytes, without a byte order mark.
///
/// # Errors
/// Exit 2 when it is not UTF-8; UTF-16 is named.
pub fn decoded<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Failure> {
    text::decoded(bytes)
        .map_err(|error| Failure::bad_input(format!("`{name}` {error}")).code("E_JSON"))
}

/// Reads a secret from a file, trimmed.
///
/// # Errors
/// Exit 2 when it is unreadable or empty.
pub fn read_secret(path: &Path) -> Result<String, Failure> {
    let text = read_text(path, SECRET_BYTES_MAX)?;
    match text.trim() {
        "" => Err(Failure::bad_input(format!("`{}` is empty", path.display()))
            .help("a secret is to stand in it")),
        secret => Ok(secret.to_owned()),
    }
}

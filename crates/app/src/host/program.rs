use std::env::consts::{ARCH, OS};
use std::fs::File;
use std::io::{self, Read as _};

use aws_lc_rs::digest::{Context, SHA256, digest};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub const COMMIT: Option<&str> = option_env!("HALLPASS_COMMIT");

/// Platform, and C library if needed.
pub fn platform() -> String {
    let linked = if cfg!(target_env = "musl") {
        "static"
    } else {
        "linked to the C library"
    };
    format!("{ARCH} {OS}, {linked}")
}

pub fn sha256() -> io::Result<String> {
    let mut file = File::open(std::env::current_exe()?)?;
    let (mut sum, mut piece) = (Context::new(&SHA256), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut piece)?;
        match piece.get(..count) {
            None | Some([]) => return Ok(hex::encode(sum.finish())),
            Some(bytes) => sum.update(bytes),
        }
    }
}

pub fn sum_of(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_file_that_runs() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(sha256().unwrap(), sum_of(&bytes));
        assert_eq!(
            sum_of(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(platform().contains(ARCH));
    }
}

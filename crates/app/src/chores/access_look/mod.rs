mod files;
mod look;

pub use files::{plain_lines, read_files, usable};
pub use look::{AccessLook, Compared, compared, directory, directory_with_members, seen};

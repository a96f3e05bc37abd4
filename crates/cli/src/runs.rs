use std::env;
use std::path::PathBuf;

use hallpass_terminal::exit::Failure;

/// `$XDG_STATE_HOME/hallpass/COMMAND`, else below `~/.local/state`.
pub fn base(command: &str) -> Result<PathBuf, Failure> {
    let folder = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("hallpass").join(command))
        .ok_or_else(|| {
            Failure::bad_input("there is no place to keep results: `HOME` is not set")
                .help("name a folder with `--runs`")
        })
}

//! Commands of every day that may be typed without the command that they are below: `hallpass revoke` is
//! `hallpass grants revoke`. Both read the same definition of arguments.

use std::ffi::OsString;

/// A command that may be typed without its parent.
#[derive(Debug, PartialEq, Eq)]
pub struct ShortForm {
    /// The word after `hallpass`, which is also the last word of the whole command.
    pub name: &'static str,
    /// The command that it is below.
    pub parent: &'static str,
}

/// Every short form.
pub const SHORT_FORMS: &[ShortForm] = &[
    short("discard", "requests"),
    short("close-review", "requests"),
    short("extend", "grants"),
    short("release", "grants"),
    short("revoke", "grants"),
    short("lock", "people"),
    short("unlock", "people"),
    short("doctor", "server"),
    short("guard", "server"),
    short("plan", "org"),
    short("sync", "query"),
    short("sim", "demo"),
];

const fn short(name: &'static str, parent: &'static str) -> ShortForm {
    ShortForm { name, parent }
}

impl ShortForm {
    /// The line above the help of the command.
    pub fn line(&self) -> String {
        let Self { name, parent } = self;
        format!("`hallpass {name}` is short for `hallpass {parent} {name}`")
    }
}

/// The words of a command line with the parent of a short form, and which short form it was. `hallpass help
/// NAME` is read the same way.
pub fn expand(mut words: Vec<OsString>) -> (Vec<OsString>, Option<&'static ShortForm>) {
    let at = if words.get(1).is_some_and(|word| word == "help") {
        2
    } else {
        1
    };
    let named = words.get(at);
    let short = named.and_then(|word| SHORT_FORMS.iter().find(|it| word == it.name));
    if let Some(short) = short {
        words.insert(at, short.parent.into());
    }
    (words, short)
}

//! Frequent commands that work without their parent: `hallpass revoke` is `hallpass grants revoke`.
//! Both use the same argument definition.

use std::ffi::OsString;

#[derive(Debug, PartialEq, Eq)]
pub struct ShortForm {
    /// The word after `hallpass`, and the last word of the full command.
    pub name: &'static str,
    pub parent: &'static str,
}

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
    pub fn line(&self) -> String {
        let Self { name, parent } = self;
        format!("`hallpass {name}` is short for `hallpass {parent} {name}`")
    }
}

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

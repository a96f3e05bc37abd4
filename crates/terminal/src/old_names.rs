//! Names that commands had at the top before they moved below another command. People and scripts go on
//! using them: an old name is read as its new place, so that one definition of arguments serves both.

use std::ffi::OsString;

/// A name that a command had at the top: it is now a command of the same name below another.
#[derive(Debug, PartialEq, Eq)]
pub struct OldName {
    /// The word after `hallpass`, then and now the last of the command.
    pub name: &'static str,
    /// The command that it is below now.
    pub parent: &'static str,
    /// Who types it.
    typed: Typed,
}

/// Who types an old name.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// People, every day: it stays as a short form.
    Daily,
    /// Administrators and scripts: whoever types it is told the new place.
    Seldom,
}

/// Every name that moved, with the command it is below.
pub const OLD_NAMES: &[OldName] = &[
    short("discard", "requests"),
    moved("close-review", "requests"),
    short("extend", "grants"),
    short("release", "grants"),
    short("revoke", "grants"),
    short("lock", "people"),
    short("unlock", "people"),
    moved("sessions", "people"),
    short("doctor", "server"),
    short("guard", "server"),
    moved("store", "server"),
    moved("token", "server"),
    moved("slack", "server"),
    moved("lambda", "server"),
    moved("sweep", "server"),
    moved("standing", "server"),
    moved("findings", "org"),
    moved("insights", "org"),
    moved("remediate", "org"),
    moved("events", "org"),
    moved("outage", "org"),
    short("plan", "org"),
    moved("public-ips", "org"),
    moved("perimeter", "policy"),
    moved("vpn", "policy"),
    moved("abac", "policy"),
    moved("delegation", "policy"),
    moved("pci", "activity"),
    moved("snapshots", "query"),
    moved("tables", "query"),
    moved("alerts", "query"),
    short("sync", "query"),
    short("sim", "demo"),
];

const fn short(name: &'static str, parent: &'static str) -> OldName {
    OldName {
        name,
        parent,
        typed: Typed::Daily,
    }
}

const fn moved(name: &'static str, parent: &'static str) -> OldName {
    OldName {
        name,
        parent,
        typed: Typed::Seldom,
    }
}

impl OldName {
    /// Where the command is now, in one line.
    pub fn line(&self) -> String {
        let Self {
            name,
            parent,
            typed,
        } = self;
        match typed {
            Typed::Daily => format!("`hallpass {name}` is short for `hallpass {parent} {name}`"),
            Typed::Seldom => format!(
                "`hallpass {name}` is now `hallpass {parent} {name}`; the old name goes on working"
            ),
        }
    }

    /// The words to type: a short form stays, the others have a new place.
    pub fn place(&self) -> String {
        match self.typed {
            Typed::Daily => self.name.to_owned(),
            Typed::Seldom => format!("{} {}", self.parent, self.name),
        }
    }

    /// Whether it stays as a short form.
    pub fn is_short(&self) -> bool {
        self.typed == Typed::Daily
    }

    /// What somebody is told who types it at a terminal.
    pub fn note(&self) -> Option<String> {
        (!self.is_short()).then(|| format!("note: {}", self.line()))
    }
}

/// The words of a command line with the new place for an old name, and which name that was. `hallpass help
/// NAME` is read the same way.
pub fn in_place(mut words: Vec<OsString>) -> (Vec<OsString>, Option<&'static OldName>) {
    let at = if words.get(1).is_some_and(|word| word == "help") {
        2
    } else {
        1
    };
    let named = words.get(at);
    let old = named.and_then(|word| OLD_NAMES.iter().find(|it| word == it.name));
    if let Some(old) = old {
        words.insert(at, old.parent.into());
    }
    (words, old)
}

use std::fmt;

/// A breach of a rule, with its remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    /// Relative to the top of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Breach {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_place_and_message() {
        let finding = Breach::new("crates/a/src/lib.rs", 3, "do this");
        assert_eq!(finding.to_string(), "crates/a/src/lib.rs:3: do this");
    }
}

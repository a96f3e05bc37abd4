//! Nothing leaves a generator that our own reader or the size limits would refuse
//! (`policies.md` §1, §5).

use super::Draft;
use crate::input::BadInput;
use crate::language::{Kind, ScpLanguage, Source};

/// How a policy is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// On one line.
    #[default]
    Minified,
    /// Indented by two.
    Pretty,
}

/// A policy that may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    draft: Draft,
}

/// Why a policy that was made may not be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    /// A mistake of ours: what was made is no good policy.
    #[error("the policy that was made is refused by `{code}`: {message}")]
    Broken {
        /// The code of the finding.
        code: String,
        /// What it says.
        message: String,
    },
    /// What was asked for cannot be made, or does not fit into one policy.
    #[error(transparent)]
    Unusable(#[from] BadInput),
}

/// A policy that was made, and what is to be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The policy.
    pub policy: Checked,
    /// Sentences for whoever attaches it, on stderr.
    pub warnings: Vec<String>,
}

impl Checked {
    /// The policy, with the line's end.
    pub fn text(&self, layout: Layout) -> String {
        self.draft.text(layout)
    }

    /// The policy as it was made.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }
}

/// The largest policy of a kind in bytes, minified (`policies.md` §5). Where the limit depends on
/// what the policy is attached to, the largest of them.
fn limit(kind: Kind) -> usize {
    match kind {
        Kind::Scp | Kind::Rcp => 5_120,
        Kind::Identity => 10_240,
        Kind::Boundary => 6_144,
        Kind::Session => 2_048,
        Kind::Trust => 4_096,
        Kind::Resource => 20_480,
    }
}

/// Reads and measures what was made, as a stranger would.
///
/// # Errors
/// `Unusable` (`E_SIZE`) when more was asked for than fits; `Broken` when it is our mistake.
pub fn checked(draft: Draft, kind: Kind) -> Result<Checked, Unprintable> {
    let text = draft.json();
    let broken = |error: crate::LoadError| Unprintable::Broken {
        code: error.code.to_string(),
        message: error.to_string(),
    };
    let source = Source::new(&text).map_err(broken)?;
    source.strict(kind, ScpLanguage::Full).map_err(broken)?;
    let limit = limit(kind);
    if text.len() > limit {
        let message = format!(
            "the policy has {} bytes, and one of type {kind} at most {limit}: ask for less, or for \
             several policies",
            text.len()
        );
        return Err(BadInput::new("E_SIZE", message, "").into());
    }
    Ok(Checked { draft })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{DraftStatement, Many};
    use crate::language::Effect;

    #[test]
    fn what_we_would_refuse_is_not_printed() {
        let statement = DraftStatement::new("A", Effect::Deny, Many::one("s3:*"));
        let good = checked(statement.clone().into(), Kind::Scp).unwrap();
        assert_eq!(
            good.text(Layout::Minified),
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"A\",\"Effect\":\"Deny\",\
             \"Action\":\"s3:*\",\"Resource\":\"*\"}]}\n"
        );
        let broken = checked(statement.clone().into(), Kind::Rcp).unwrap_err();
        assert!(matches!(broken, Unprintable::Broken { .. }), "{broken}");
        let many = Many::list((0..500).map(|n| format!("{n:012}")));
        let large = statement.when("StringNotEquals", "aws:ResourceAccount", many);
        let refused = checked(large.into(), Kind::Scp).unwrap_err();
        assert!(matches!(refused, Unprintable::Unusable(_)), "{refused}");
    }
}

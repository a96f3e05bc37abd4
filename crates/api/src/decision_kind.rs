//! Names of decisions in the API.

use crate::names::names;

names! {
    /// A decision of the rules. `Invalid` and `Adopted` were made without rules.
    DecisionKind {
        ApprovalNotRequired = "ApprovalNotRequired",
        SelfApproval = "SelfApproval",
        RequiresApproval = "RequiresApproval",
        NoApprovers = "NoApprovers",
        NoStatements = "NoStatements",
        RequesterNotAllowed = "RequesterNotAllowed",
        /// The target does not exist or is not allowed; no rule was evaluated.
        Invalid = "Invalid",
        /// Standing access received an end; no rule was evaluated.
        Adopted = "Adopted",
    }
}

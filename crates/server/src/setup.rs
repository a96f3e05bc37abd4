//! Parts of an installation, for the page Set up.

/// A part of an installation, as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupPart {
    pub name: &'static str,
    /// What an installation without it lacks.
    pub without: &'static str,
    /// What is configured; `None` if nothing is.
    pub configured: Option<String>,
    /// Lines of `hallpass.toml` that configure it, or a command.
    pub lines: &'static str,
    /// Path of its document below `docs/`.
    pub document: &'static str,
    /// The probe that measures it.
    pub probe: Option<&'static str>,
}

//! Circles between sibling modules that are known, and why each is left. The list may only shrink.

/// Pairs of siblings that import each other.
pub(crate) struct KnownCircles {
    /// The crate's folder, and the module that they are in.
    pub(crate) place: &'static str,
    /// Each in the order of the alphabet.
    pub(crate) pairs: &'static [(&'static str, &'static str)],
    /// Why nobody is misled.
    pub(crate) why: &'static str,
}

/// What is left.
pub(crate) const KNOWN: &[KnownCircles] = &[];

//! The simulated AWS organization.

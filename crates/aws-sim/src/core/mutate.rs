//! Changes by somebody else, not through the API.

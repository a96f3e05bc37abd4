//! Writes the state out as an organization file that loads back to the same state.

//! Service tables of AWS.

//! The limits of blocks and views (rule K-2), each at its edge.

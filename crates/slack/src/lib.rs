//! Slack: verifies what it sends, renders what people see, and tells them what happened.
//!
//! Only another caller of the journey: who may do what is decided by `hallpass-access` from stored
//! state. Knows nothing of SQL, AWS or the HTTP server.

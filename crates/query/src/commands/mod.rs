pub(crate) mod evaluate;
pub(crate) mod query;
pub(crate) mod seal;
pub(crate) mod seal_activity;
pub(crate) mod snapshots;
pub(crate) mod tables;
pub(crate) mod who;

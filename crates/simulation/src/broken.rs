/// A broken promise and the observation that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub promise: &'static str,
    pub seen: String,
}

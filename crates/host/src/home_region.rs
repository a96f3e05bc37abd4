//! The Region of our own calls.

use hallpass_aws_wire::catalog;
use hallpass_terminal::exit::Failure;

/// The Region of our own calls: what was given, else that of the environment.
pub fn home_region(given: Option<&String>) -> Result<String, Failure> {
    let other = || {
        std::env::var("AWS_DEFAULT_REGION")
            .ok()
            .filter(|it| !it.is_empty())
    };
    let home = given.cloned().or_else(other);
    let home = home.unwrap_or_else(|| "us-east-1".to_owned());
    known_region(home)
}

/// The name, where a partition has such a Region.
pub fn known_region(name: String) -> Result<String, Failure> {
    if catalog().has_region(&name) {
        return Ok(name);
    }
    let failure = Failure::bad_input(format!("there is no Region `{name}`"));
    Err(match catalog().nearest_regions(&name).as_slice() {
        [] => failure,
        nearest => failure.help(format!("nearest: {}", nearest.join(", "))),
    })
}

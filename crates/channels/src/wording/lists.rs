//! Lists within a sentence.

pub use hallpass_base::text::number;

const SAID: usize = 3;

/// `Priya Raman`, `Priya Raman or Jonas Beck`, `a, b, c or d`; of more than four, `a, b, c or 2
/// more`.
pub fn any_of(names: &[String]) -> String {
    match names {
        [] => "no one".to_owned(),
        [one] => one.clone(),
        // "or 1 more" says less than the name, and is hardly shorter
        [first @ .., last] if names.len() <= SAID + 1 => {
            format!("{} or {last}", first.join(", "))
        }
        _ => {
            let said: Vec<&str> = names.iter().take(SAID).map(String::as_str).collect();
            let more = names.len() - SAID;
            format!("{} or {more} more", said.join(", "))
        }
    }
}

/// `1 grant`, `2 grants`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_listed_as_said() {
        let names = |n: usize| (1..=n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        for (number, text) in [
            (0, "no one"),
            (1, "p1"),
            (2, "p1 or p2"),
            (3, "p1, p2 or p3"),
            (4, "p1, p2, p3 or p4"),
            (5, "p1, p2, p3 or 2 more"),
        ] {
            assert_eq!(any_of(&names(number)), text);
        }
        assert_eq!(count(1, "grant"), "1 grant");
        assert_eq!(count(0, "grant"), "0 grants");
    }
}

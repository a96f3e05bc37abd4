//! Several of something in a sentence.

/// Names said before the rest are counted.
const SAID: usize = 3;

/// `Priya Raman`, `Priya Raman or Jonas Beck`, `a, b, c or d`; of more than four, `a, b, c or 2 more`.
pub fn any_of(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
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

/// Rules at the beginning of a sentence: ``Rule `prod` ``; nothing when there are none.
pub fn rules(based_on: &[String]) -> String {
    let quoted: Vec<String> = based_on.iter().map(|rule| format!("`{rule}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => format!("Rule {one}"),
        _ => format!("Rules {}", quoted.join(", ")),
    }
}

/// The same in the middle of a sentence.
pub fn by_rules(based_on: &[String]) -> String {
    let text = rules(based_on);
    match text.strip_prefix('R') {
        Some(rest) => format!("r{rest}"),
        None => "a rule".to_owned(),
    }
}

/// A number with commas between thousands.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
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
            (0, "nobody"),
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

    #[test]
    fn numbers_have_commas() {
        for (n, words) in [(0, "0"), (999, "999"), (1043, "1,043"), (48_207, "48,207")] {
            assert_eq!(number(n), words);
        }
    }

    #[test]
    fn rules_stand_where_a_sentence_wants_them() {
        let rules_of = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        for (names, first, within) in [
            (vec![], "", "a rule"),
            (vec!["a"], "Rule `a`", "rule `a`"),
            (vec!["a", "b"], "Rules `a`, `b`", "rules `a`, `b`"),
        ] {
            let names = rules_of(&names);
            assert_eq!(
                (rules(&names), by_rules(&names)),
                (first.to_owned(), within.to_owned())
            );
        }
    }
}

use std::error::Error;

/// The error and its distinct causes, the outermost first.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Told {
        words: &'static str,
        source: Option<Box<Told>>,
    }

    fn told(words: &'static str, source: Option<Told>) -> Told {
        Told {
            words,
            source: source.map(Box::new),
        }
    }

    #[test]
    fn each_cause_is_said_once() {
        let deepest = told("connection refused", None);
        let middle = told("cannot connect: connection refused", Some(deepest));
        let error = told("no answer", Some(middle));
        assert_eq!(
            with_causes(&error),
            "no answer: cannot connect: connection refused"
        );
    }
}

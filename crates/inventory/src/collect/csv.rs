/// Parses RFC 4180.
pub(crate) fn csv(text: &str) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let (mut line, mut cell) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, is_quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', true) => is_quoted = false,
            ('"', false) if cell.is_empty() => is_quoted = true,
            (',', false) => line.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            (c, _) => cell.push(c),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines.retain(|it| it.iter().any(|cell| !cell.is_empty()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read_with_and_without_quotes() {
        let text = "user,arn\r\n\"a,b\",x\n\"say \"\"hi\"\"\",\"two\nlines\"\n\nlast,";
        assert_eq!(
            csv(text),
            [
                vec!["user", "arn"],
                vec!["a,b", "x"],
                vec!["say \"hi\"", "two\nlines"],
                vec!["last", ""],
            ]
        );
    }
}

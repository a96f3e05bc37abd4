//! The few pieces of HTML that the pages are made of.

/// Text as HTML, also inside a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Simulated AWS access portal</title>\n\
         <link rel=\"stylesheet\" href=\"/_sim/portal.css\">\n\
         <script src=\"/_sim/portal.js\" defer></script>\n</head>\n<body>\n\
         <header><b>Access portal</b> <span>simulated: nothing here reaches AWS</span></header>\n\
         <main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
}

/// A sentence.
pub(super) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// A button of a form, with HTML inside.
pub(super) fn button(name: &str, value: &str, inside: &str) -> String {
    let value = escape(value);
    format!("<button name=\"{name}\" value=\"{value}\">{inside}</button>")
}

/// A field of a form that nobody sees.
pub(super) fn field(name: &str, value: &str) -> String {
    let value = escape(value);
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
}

/// Terms and what they are.
pub(super) fn facts(rows: &[(&str, &str)]) -> String {
    let rows = rows
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value)));
    let rows = rows.collect::<Vec<String>>().concat();
    format!("<dl>{rows}</dl>")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("<a href=\"x\">'&'</a>é"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;é"
        );
    }
}

//! Password files in the format of PostgreSQL: `host:port:database:user:password`, one entry per
//! line, `*` for any, `\` before a colon or itself (PostgreSQL's documentation, "The Password
//! File").

pub(crate) struct PasswordKey<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

impl PasswordKey<'_> {
    /// Returns the password of the first matching line.
    pub(crate) fn find(&self, file: &str) -> Option<String> {
        file.lines().find_map(|line| self.of_line(line))
    }

    fn of_line(&self, line: &str) -> Option<String> {
        if line.starts_with('#') {
            return None;
        }
        let port = self.port.to_string();
        let mut rest = line;
        for wanted in [self.host, &port, self.database, self.user] {
            let (field, after) = field(rest)?;
            if field != "*" && field != wanted {
                return None;
            }
            rest = after;
        }
        // the last field extends to the end of the line and may contain an unescaped colon
        Some(unescaped(rest)).filter(|it| !it.is_empty())
    }
}

fn field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => {
                let (field, rest) = text.split_at_checked(at)?;
                return Some((unescaped(field), rest.strip_prefix(':')?));
            }
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let file = "# a comment:5432:*:*:no\n\
                    db.example.com:5433:*:hallpass:other port\n\
                    db.example.com:5432:inventory:hallpass:other database\n\
                    db.example.com:5432:hallpass:hallpass:a\\:b\\\\c:d\n\
                    *:*:*:*:any\n";
        let wanted = |host| PasswordKey {
            host,
            port: 5432,
            database: "hallpass",
            user: "hallpass",
        };
        let found = wanted("db.example.com").find(file);
        assert_eq!(found.as_deref(), Some("a:b\\c:d"));
        assert_eq!(wanted("elsewhere").find(file).as_deref(), Some("any"));
        assert_eq!(wanted("x").find("x:5432:hallpass"), None);
        assert_eq!(wanted("x").find("x:5432:hallpass:hallpass:"), None);
        let escaped = "a\\:b:5432:*:*:word";
        assert_eq!(wanted("a:b").find(escaped).as_deref(), Some("word"));
    }
}

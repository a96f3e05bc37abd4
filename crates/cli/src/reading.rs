use hallpass_iam::{CaseOptions, ScpLanguage};
use hallpass_terminal::exit::Failure;

/// Case options.
#[derive(Debug, Clone, clap::Args)]
pub struct Reading {
    /// Time of the requests (`aws:CurrentTime`, `aws:EpochTime`); both are absent without it
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<String>,
    /// Leave out keys derived from the principal (`aws:PrincipalArn` …)
    #[arg(long)]
    pub no_derive: bool,
    /// Language level of service control policies
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    pub scp_language: Language,
}

/// The language levels of service control policies.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Language {
    /// The whole policy language
    Full,
    /// An Allow has only Action and a Resource of `*`; wildcards only at the end
    Classic,
}

impl From<Language> for ScpLanguage {
    fn from(language: Language) -> Self {
        match language {
            Language::Full => Self::Full,
            Language::Classic => Self::Classic,
        }
    }
}

impl Reading {
    pub fn options(&self, explain: bool) -> Result<CaseOptions, Failure> {
        let now = self.now.as_deref().map(|text| -> Result<_, Failure> {
            let time = hallpass_base::time::instant(text).map_err(|_| {
                Failure::bad_input(format!(
                    "`{text}` is no time with a zone, such as 2026-03-02T10:05:00Z"
                ))
                .code("E_TIME")
            })?;
            let whole = jiff::Timestamp::from_second(time.as_second()).unwrap_or(time);
            Ok((whole.to_string(), time.as_second().to_string()))
        });
        Ok(CaseOptions {
            no_derive: self.no_derive,
            now: now.transpose()?,
            scp_language: self.scp_language.into(),
            explain,
        })
    }
}

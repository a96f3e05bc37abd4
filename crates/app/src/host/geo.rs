//! Country databases in the open MMDB format of most providers.

use std::net::IpAddr;
use std::path::Path;

use hallpass_iam::vpn::{Countries, Country, CsvCountries, Lookup};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

pub type CountrySource = Box<dyn Countries + Send + Sync>;

/// Bytes.
const CSV_BYTES_MAX: u64 = 256 * 1024 * 1024;

struct Mmdb(Reader<Vec<u8>>);

/// `country` is where the address is used; the registered country is the fallback.
#[derive(Deserialize)]
struct GeoEntry<'a> {
    #[serde(borrow)]
    country: Option<CountryCode<'a>>,
    #[serde(borrow)]
    registered_country: Option<CountryCode<'a>>,
}

#[derive(Deserialize)]
struct CountryCode<'a> {
    iso_code: Option<&'a str>,
}

impl Countries for Mmdb {
    fn country(&self, address: IpAddr) -> Lookup {
        match self.find(address) {
            Ok(Some(country)) => Lookup::Found(country),
            Ok(None) => Lookup::Unknown,
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }
}

impl Mmdb {
    fn find(&self, address: IpAddr) -> Result<Option<Country>, MaxMindDbError> {
        let Some(entry) = self.0.lookup(address)?.decode::<GeoEntry<'_>>()? else {
            return Ok(None);
        };
        let code = |named: Option<CountryCode<'_>>| Country::shaped(named?.iso_code?);
        Ok(code(entry.country).or_else(|| code(entry.registered_country)))
    }
}

/// Placeholder for an unreadable source: all addresses are unknown, the log has the reason.
pub struct Unreadable(pub String);

impl Countries for Unreadable {
    fn country(&self, _: IpAddr) -> Lookup {
        Lookup::Failed(self.0.clone())
    }
}

/// Opens MMDB, or lines `cidr,country` in a file named `….csv`.
pub fn open(path: &Path) -> Result<CountrySource, Failure> {
    if path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("csv"))
    {
        let text = read_text(path, CSV_BYTES_MAX)?;
        let list = CsvCountries::parse(&text).map_err(|error| Failure::from(error).within(path))?;
        return Ok(Box::new(list));
    }
    let shown = path.display();
    match Reader::open_readfile(path) {
        Ok(reader) => Ok(Box::new(Mmdb(reader))),
        Err(MaxMindDbError::Io(error)) => Err(Failure::unreadable(shown, &error).code("E_GEO")),
        Err(error) => Err(Failure::bad_input(format!(
            "`{shown}` is no country database (MMDB): {error}"
        ))
        .code("E_GEO")),
    }
}

use quick_xml::Reader;
use quick_xml::events::Event;

/// Deeper nesting is not an S3 answer.
const DEPTH_MAX: usize = 16;

/// The texts of all elements at `path`, in order. Ignores namespaces.
///
/// # Errors
/// Invalid XML.
pub(crate) fn texts(xml: &[u8], path: &[&str]) -> Result<Vec<String>, String> {
    let xml = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(xml);
    let (mut stack, mut found): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut inside: Option<String> = None;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(start) => {
                stack.push(start.local_name().as_ref().to_owned());
                if stack.len() > DEPTH_MAX {
                    return Err("it is nested too deeply".to_owned());
                }
                if stack == path {
                    inside = Some(String::new());
                }
            }
            Event::Empty(empty) => {
                let name = empty.local_name();
                let is_it = |last: &str, above: &[&str]| last == name.as_ref() && stack == above;
                if path
                    .split_last()
                    .is_some_and(|(last, above)| is_it(last, above))
                {
                    found.push(String::new());
                }
            }
            Event::Text(text) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&hallpass_aws_model::wire::character(&reference)?);
                }
            }
            Event::CData(data) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&data);
                }
            }
            Event::End(_) => {
                if stack == path {
                    found.extend(inside.take());
                }
                stack.pop();
            }
            Event::Eof if stack.is_empty() => return Ok(found),
            Event::Eof => return Err("it ends too early".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/>
<IsTruncated>true</IsTruncated>
<Contents><Key>a &amp; b.json</Key><Size>1</Size><Owner><ID>x</ID></Owner></Contents>
<Contents><Key>c&#x2F;d.json</Key></Contents></ListBucketResult>"#;

    #[test]
    fn texts_are_found_by_their_path() {
        let of = |path: &[&str]| texts(LISTING, path).unwrap();
        let keys = ["ListBucketResult", "Contents", "Key"];
        assert_eq!(of(&keys), ["a & b.json", "c/d.json"]);
        assert_eq!(of(&["ListBucketResult", "IsTruncated"]), ["true"]);
        assert_eq!(of(&["ListBucketResult", "Prefix"]), [""]);
        assert_eq!(of(&["ListBucketResult", "Key"]), Vec::<String>::new());
        assert_eq!(of(&["Contents", "Key"]), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_xml_is_an_error_and_never_a_shorter_listing() {
        let whole = LISTING.len();
        for cut in [1, 60, 150, whole - 1, whole - 20] {
            let part = LISTING.get(..cut).unwrap();
            assert!(texts(part, &["ListBucketResult"]).is_err(), "cut at {cut}");
        }
        for bad in ["<a><b></a>", "<a>&nobody;</a>", &"<a>".repeat(99)] {
            assert!(texts(bad.as_bytes(), &["a"]).is_err(), "{bad}");
        }
        assert_eq!(texts(b"", &["a"]), Ok(Vec::new()));
    }
}

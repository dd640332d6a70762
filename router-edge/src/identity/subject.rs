//! The subject of a certificate: attributes of its distinguished name, read from DER. Every certificate
//! that gets here was checked and found to be signed by a trusted authority before.

/// Attributes in the order of the certificate: object identifier (DER content) and text.
pub(super) type Attributes = Vec<(Vec<u8>, String)>;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// Text of two bytes per character; the other string types are read as UTF-8.
const BMP_STRING: u8 = 0x1e;
/// Attributes of one subject that are read.
const MOST_ATTRIBUTES: usize = 64;

/// Reads the content of a `Name`; none when it is malformed.
pub(super) fn read(name: &[u8]) -> Option<Attributes> {
    let mut rest = name;
    let mut attributes = Attributes::new();
    while !rest.is_empty() {
        let mut set = take(&mut rest, SET)?;
        while !set.is_empty() {
            let mut pair = take(&mut set, SEQUENCE)?;
            let kind = take(&mut pair, OBJECT_IDENTIFIER)?;
            let (tag, value) = element(&mut pair)?;
            if attributes.len() == MOST_ATTRIBUTES {
                return None;
            }
            attributes.push((kind.to_vec(), text(tag, value)));
        }
    }
    Some(attributes)
}

fn text(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units = value.chunks_exact(2).map(|pair| match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        });
        return char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
    }
    String::from_utf8_lossy(value).into_owned()
}

fn take<'a>(rest: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    element(rest).filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

/// Tag and content of the next element; lengths of at most two bytes.
fn element<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, after) = rest.split_first()?;
    let (first, after) = after.split_first()?;
    let (len, after) = match first {
        len @ 0..=0x7f => (usize::from(*len), after),
        0x81 => after.split_first().map(|(len, after)| (usize::from(*len), after))?,
        0x82 => {
            let (len, after) = after.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), after)
        }
        _ => return None,
    };
    let content = after.get(..len)?;
    *rest = after.get(len..)?;
    Some((*tag, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O=Acme, CN=gw.
    const NAME: &[u8] =
        b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04Acme\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02gw";

    #[test]
    fn attributes_come_in_order() {
        let read = read(NAME).unwrap();
        let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["Acme", "gw"]);
        assert_eq!(read[1].0, b"\x55\x04\x03");
    }

    #[test]
    fn cut_names_are_refused() {
        for end in 1..NAME.len() {
            // A cut between two sets leaves a shorter, whole name.
            assert_eq!(read(&NAME[..end]).is_some(), end == 15, "{end}");
        }
        assert_eq!(read(b"\x31\x84\xff\xff\xff\xff"), None);
        assert_eq!(text(BMP_STRING, b"\x00A\x00"), "A");
    }
}

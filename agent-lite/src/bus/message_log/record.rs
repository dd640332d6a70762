//! The records of a log segment: length, checksum, body. A reader tells "cut short" from "damaged".

use bytes::{Buf, BufMut, Bytes};

use crate::bus::outbox::{Lane, Seq};
use crate::crc::crc32;
use crate::ids::MicroserviceUuid;

/// Bytes before the body of a record: length and checksum.
const PREFIX: usize = 8;
const KIND_MESSAGE: u8 = 1;
const KIND_SETTLED: u8 = 2;

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A message that waits for its destination.
    Message {
        /// Its number, unique in the log.
        seq: Seq,
        /// Importance.
        priority: u8,
        /// From whom, to whom.
        lane: Lane,
        /// The ioMessage in binary form.
        payload: Bytes,
    },
    /// Messages that need not be kept any longer.
    Settled(Vec<Seq>),
}

/// What stands at a place of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A record, and the number of bytes it takes.
    Record(Record, usize),
    /// The end, exactly.
    End,
    /// The bytes end inside of a record.
    CutShort,
    /// Length, checksum or body is wrong.
    Damaged,
}

impl Record {
    /// Appends the record; returns the offset of the payload from the start of the record.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[0; PREFIX]);
        let payload_at = match self {
            Self::Message { seq, priority, lane, payload } => {
                out.put_u8(KIND_MESSAGE);
                out.put_u64(seq.0);
                out.put_u8(*priority);
                put_text(out, lane.publisher.as_str());
                put_text(out, lane.destination.as_str());
                let at = out.len() - start;
                out.put_slice(payload);
                at
            }
            Self::Settled(list) => {
                out.put_u8(KIND_SETTLED);
                list.iter().for_each(|seq| out.put_u64(seq.0));
                PREFIX
            }
        };
        let body = &out[start + PREFIX..];
        let (length, sum) = (u32::try_from(body.len()).unwrap_or(u32::MAX), crc32(body));
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        out[start + 4..start + PREFIX].copy_from_slice(&sum.to_be_bytes());
        payload_at
    }

    /// Reads the record at the start of `log`.
    pub fn scan(log: &Bytes) -> Scan {
        if log.is_empty() {
            return Scan::End;
        }
        let Some(mut prefix) = log.get(..PREFIX) else { return Scan::CutShort };
        let (length, sum) = (prefix.get_u32(), prefix.get_u32());
        let Ok(length) = usize::try_from(length) else { return Scan::Damaged };
        // Zeroes are what a file system leaves behind a cut.
        if length == 0 {
            return Scan::Damaged;
        }
        if log.len() - PREFIX < length {
            return Scan::CutShort;
        }
        let body = log.slice(PREFIX..PREFIX + length);
        if crc32(&body) != sum {
            return Scan::Damaged;
        }
        match Self::decode(body) {
            Some(record) => Scan::Record(record, PREFIX + length),
            None => Scan::Damaged,
        }
    }

    /// How many bytes a damaged record takes, and whether it may be a message; none when what follows is no record
    /// either. Nothing is looked for byte by byte: a payload may hold what looks like a record.
    pub fn skip(log: &Bytes) -> Option<(usize, bool)> {
        let mut prefix = log.get(..PREFIX)?;
        let length = usize::try_from(prefix.get_u32()).ok().filter(|length| *length > 0)?;
        let end = PREFIX.checked_add(length).filter(|end| *end < log.len())?;
        let follows = matches!(Self::scan(&log.slice(end..)), Scan::Record(..));
        follows.then(|| (end, log[PREFIX] != KIND_SETTLED))
    }

    fn decode(mut body: Bytes) -> Option<Self> {
        match body.try_get_u8().ok()? {
            KIND_MESSAGE => Some(Self::Message {
                seq: Seq(body.try_get_u64().ok()?),
                priority: body.try_get_u8().ok()?,
                lane: Lane { publisher: get_text(&mut body)?, destination: get_text(&mut body)? },
                payload: body,
            }),
            KIND_SETTLED if body.len().is_multiple_of(8) => {
                let mut list = Vec::with_capacity(body.len() / 8);
                while let Ok(seq) = body.try_get_u64() {
                    list.push(Seq(seq));
                }
                Some(Self::Settled(list))
            }
            _ => None,
        }
    }
}

/// Identifiers are at most 255 bytes: the Local API refuses longer ones.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.put_u8(length);
    out.put_slice(&text.as_bytes()[..usize::from(length)]);
}

fn get_text(body: &mut Bytes) -> Option<MicroserviceUuid> {
    let length = usize::from(body.try_get_u8().ok()?);
    if body.len() < length {
        return None;
    }
    let text = body.split_to(length);
    std::str::from_utf8(&text).ok().map(MicroserviceUuid::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64, payload: &'static [u8]) -> Record {
        let lane = Lane { publisher: "p".into(), destination: "d".into() };
        Record::Message { seq: Seq(seq), priority: 3, lane, payload: Bytes::from_static(payload) }
    }

    #[test]
    fn records_round_trip() {
        for record in [message(7, b"hello"), Record::Settled(vec![Seq(1), Seq(u64::MAX)])] {
            let mut log = Vec::new();
            record.encode_into(&mut log);
            assert_eq!(Record::scan(&Bytes::from(log.clone())), Scan::Record(record, log.len()));
        }
    }

    #[test]
    fn payload_offset_points_at_the_payload() {
        let mut log = vec![9; 5];
        let at = message(7, b"hello").encode_into(&mut log);
        assert_eq!(&log[5 + at..], b"hello");
    }

    #[test]
    fn every_cut_is_cut_short_and_every_flip_is_seen() {
        let mut log = Vec::new();
        message(7, b"hello").encode_into(&mut log);
        for cut in 1..log.len() {
            assert_eq!(Record::scan(&Bytes::copy_from_slice(&log[..cut])), Scan::CutShort);
        }
        for at in 0..log.len() {
            let mut flipped = log.clone();
            flipped[at] ^= 1;
            assert!(!matches!(Record::scan(&Bytes::from(flipped)), Scan::Record(..)), "byte {at}");
        }
    }
}

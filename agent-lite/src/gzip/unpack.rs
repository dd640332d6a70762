//! Unpacking.

use std::io::{self, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::{MAGIC, PIECE};
use crate::crc::Crc;

/// What may stand between the head and the content, as flags of the head say (2.3.1).
const SUM_OF_HEAD: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// What was packed, one part or several behind each other.
pub(crate) struct Unpacking<R> {
    source: R,
    state: Box<InflateState>,
    held: Box<[u8]>,
    at: usize,
    end: usize,
    /// In the content of a part.
    inside: bool,
    /// There was a part before.
    later: bool,
    sum: Crc,
    /// Modulo 2³², as the format has it.
    length: u32,
}

// === impl Unpacking ===

impl<R: Read> Unpacking<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            state: InflateState::new_boxed(DataFormat::Raw),
            held: vec![0; PIECE].into_boxed_slice(),
            at: 0,
            end: 0,
            inside: false,
            later: false,
            sum: Crc::default(),
            length: 0,
        }
    }

    /// Reads on where all is used up; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at == self.end {
            self.at = 0;
            self.end = loop {
                match self.source.read(&mut self.held) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
        }
        Ok(self.at < self.end)
    }

    fn byte(&mut self) -> io::Result<u8> {
        if !self.fill()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += 1;
        Ok(self.held[self.at - 1])
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// Reads the head of a part; false when there is none any more.
    fn begin(&mut self) -> io::Result<bool> {
        if self.later && !self.fill()? {
            return Ok(false);
        }
        let head: [u8; 10] = self.bytes()?;
        if head[..3] != MAGIC {
            return Err(damaged("no head of gzip"));
        }
        let flags = head[3];
        if flags & EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.bytes()?) {
                self.byte()?;
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.byte()? != 0 {}
        }
        if flags & SUM_OF_HEAD != 0 {
            self.bytes::<2>()?;
        }
        self.state.reset(DataFormat::Raw);
        (self.inside, self.later, self.sum, self.length) = (true, true, Crc::default(), 0);
        Ok(true)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inside = false;
        let sum = u32::from_le_bytes(self.bytes()?);
        let length = u32::from_le_bytes(self.bytes()?);
        if (sum, length) != (self.sum.value(), self.length) {
            return Err(damaged("content and sum of gzip differ"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if out.is_empty() || !self.inside && !self.begin()? {
                return Ok(0);
            }
            let more = self.fill()?;
            let step = inflate(&mut self.state, &self.held[self.at..self.end], out, MZFlush::None);
            self.at += step.bytes_consumed;
            let made = step.bytes_written;
            self.sum.add(&out[..made]);
            self.length = self.length.wrapping_add(u32::try_from(made).unwrap_or_default());
            match step.status {
                Ok(MZStatus::StreamEnd) => self.finish()?,
                Ok(_) | Err(MZError::Buf) if more || made > 0 => {}
                Ok(_) | Err(MZError::Buf) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(_) => return Err(damaged("content of gzip")),
            }
            if made > 0 {
                return Ok(made);
            }
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

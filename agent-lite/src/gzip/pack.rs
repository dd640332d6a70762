//! Packing.

use std::io::{self, Write};

use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::{MAGIC, PIECE};
use crate::crc::Crc;

/// Fast, as what is packed here is sent once.
const LEVEL: u8 = 1;

/// Packs what is written to it; nothing is whole before [`Packing::finish`].
pub(crate) struct Packing<W> {
    sink: W,
    begun: bool,
    state: Box<CompressorOxide>,
    sum: Crc,
    /// Modulo 2³², as the format has it.
    length: u32,
    room: Box<[u8]>,
}

// === impl Packing ===

impl<W: Write> Packing<W> {
    pub(crate) fn new(sink: W) -> Self {
        let mut state = Box::<CompressorOxide>::default();
        state.set_format_and_level(DataFormat::Raw, LEVEL);
        let room = vec![0; PIECE].into_boxed_slice();
        Self { sink, begun: false, state, sum: Crc::default(), length: 0, room }
    }

    /// Where it goes.
    pub(crate) fn get_ref(&self) -> &W {
        &self.sink
    }

    /// Writes the end.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.begin()?;
        while self.step(&[], MZFlush::Finish)?.1 != MZStatus::StreamEnd {}
        self.sink.write_all(&self.sum.value().to_le_bytes())?;
        self.sink.write_all(&self.length.to_le_bytes())?;
        Ok(self.sink)
    }

    fn begin(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let [first, second, method] = MAGIC;
            // No name, no time; packed fast, on no system in particular.
            self.sink.write_all(&[first, second, method, 0, 0, 0, 0, 0, 4, 255])?;
        }
        Ok(())
    }

    fn step(&mut self, bytes: &[u8], flush: MZFlush) -> io::Result<(usize, MZStatus)> {
        let step = deflate(&mut self.state, bytes, &mut self.room, flush);
        let status = step.status.map_err(|error| io::Error::other(format!("{error:?}")))?;
        self.sink.write_all(&self.room[..step.bytes_written])?;
        Ok((step.bytes_consumed, status))
    }
}

impl<W: Write> Write for Packing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut count = 0;
        // What was held back may have to go first.
        while count == 0 {
            (count, _) = self.step(bytes, MZFlush::None)?;
        }
        self.sum.add(&bytes[..count]);
        self.length = self.length.wrapping_add(u32::try_from(count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

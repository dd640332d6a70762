//! Bytes that wait to be written: one reused buffer, with large payloads spliced in where they belong.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::room::make_room;

/// Bytes of a frame of the usual size, without payload.
pub(crate) const USUAL_FRAME: usize = 128;

/// Outgoing bytes in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    inline: Vec<u8>,
    /// Bytes of `inline` that were written.
    written: usize,
    splices: VecDeque<Splice>,
    spliced: usize,
}

#[derive(Debug, Clone)]
struct Splice {
    /// Index in `inline` that the payload stands in front of.
    at: usize,
    payload: Bytes,
}

impl Output {
    /// Bytes that wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.inline.len() - self.written + self.spliced
    }

    /// The buffer, to append some bytes to.
    #[inline]
    pub(crate) fn buffer(&mut self, some: usize) -> &mut Vec<u8> {
        make_room(&mut self.inline, some);
        &mut self.inline
    }

    /// Appends a payload without copying it.
    pub(crate) fn splice(&mut self, payload: Bytes) {
        self.spliced += payload.len();
        self.splices.push_back(Splice { at: self.inline.len(), payload });
    }

    /// The first `N` pieces.
    pub(crate) fn chunks<const N: usize>(&self) -> [&[u8]; N] {
        let mut chunks = [&[][..]; N];
        let mut places = chunks.iter_mut();
        let mut at = self.written;
        for splice in &self.splices {
            if splice.at > at {
                let Some(place) = places.next() else { return chunks };
                *place = self.inline.get(at..splice.at).unwrap_or_default();
                at = splice.at;
            }
            let Some(place) = places.next() else { return chunks };
            *place = &splice.payload;
        }
        if let Some(place) = places.next() {
            *place = self.inline.get(at..).unwrap_or_default();
        }
        chunks
    }

    /// Takes the first piece out, for whoever passes pieces on: a payload as it is, what is around it as a copy.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let until = self.splices.front().map_or(self.inline.len(), |splice| splice.at);
        let piece = match self.inline.get(self.written..until) {
            Some([]) | None => self.splices.front()?.payload.clone(),
            Some(inline) => Bytes::copy_from_slice(inline),
        };
        self.advance(piece.len());
        Some(piece)
    }

    /// Gives back memory while nothing waits.
    pub(crate) fn shrink(&mut self) {
        if self.len() == 0 {
            *self = Self::default();
        }
    }

    /// Forgets the first `n` bytes.
    pub(crate) fn advance(&mut self, mut n: usize) {
        while let Some(splice) = self.splices.front_mut() {
            let before = (splice.at - self.written).min(n);
            self.written += before;
            n -= before;
            if self.written < splice.at || n == 0 {
                return;
            }
            let taken = splice.payload.len().min(n);
            n -= taken;
            self.spliced -= taken;
            if taken < splice.payload.len() {
                drop(splice.payload.split_to(taken));
                return;
            }
            self.splices.pop_front();
        }
        self.written = (self.written + n).min(self.inline.len());
        if self.written == self.inline.len() {
            self.inline.clear();
            self.written = 0;
        } else if self.splices.is_empty() && self.written > self.inline.len() / 2 {
            self.inline.drain(..self.written);
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(output: &Output) -> Vec<u8> {
        output.chunks::<16>().concat()
    }

    #[test]
    fn output_keeps_its_order_at_every_step() {
        for step in 1..20 {
            let mut output = Output::default();
            output.splice(Bytes::from_static(b"first"));
            output.buffer(5).extend_from_slice(b"head1");
            output.splice(Bytes::from_static(b"payload1"));
            output.splice(Bytes::from_static(b"p2"));
            output.buffer(5).extend_from_slice(b"tail");
            let mut expected = b"firsthead1payload1p2tail".to_vec();
            while output.len() > 0 {
                assert_eq!(all(&output), expected);
                assert_eq!(output.len(), expected.len());
                let n = step.min(expected.len());
                output.advance(n);
                expected.drain(..n);
            }
            assert!(expected.is_empty());
            assert_eq!(all(&output), b"");
            assert_eq!(output.take(), None);
            output.buffer(5).extend_from_slice(b"again");
            assert_eq!(all(&output), b"again");
        }
    }

    #[test]
    fn output_pieces_are_the_same_bytes_and_payloads_are_not_copied() {
        for step in 0..20 {
            let mut output = Output::default();
            let payload = Bytes::from(vec![7; 5000]);
            output.buffer(5).extend_from_slice(b"head1");
            output.splice(payload.clone());
            output.splice(Bytes::from_static(b"p2"));
            output.buffer(5).extend_from_slice(b"tail");
            let mut expected = all(&output);
            output.advance(step);
            expected.drain(..step);
            let pieces: Vec<Bytes> = std::iter::from_fn(|| output.take()).collect();
            assert_eq!(pieces.concat(), expected);
            assert_eq!(output.len(), 0);
            assert!(pieces.iter().any(|piece| payload.as_ptr_range().contains(&piece.as_ptr())));
        }
    }
}

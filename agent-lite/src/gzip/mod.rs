//! gzip (RFC 1952) as archives and layers of images have it, around a library for what is inside. The usual one brings a
//! sum of its own with 20 KB of tables and variants.

mod pack;
mod unpack;

pub(crate) use pack::Packing;
pub(crate) use unpack::Unpacking;

/// How each file begins; the method is deflate, the only one there is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes that are handled at a time.
const PIECE: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};

    use flate2::read::MultiGzDecoder;
    use flate2::write::GzEncoder;
    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::{Packing, Unpacking};

    /// Gives a few bytes at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packing = Packing::new(Vec::new());
        bytes.chunks(1000).for_each(|piece| packing.write_all(piece).unwrap());
        packing.finish().unwrap()
    }

    fn unpacked(bytes: &[u8], drop: usize) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        Unpacking::new(Drops(bytes, drop)).read_to_end(&mut whole).map(|_| whole)
    }

    /// Neither all the same nor all different.
    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at * at / 7 % 251).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_one_packs_the_other_unpacks(bytes: Vec<u8>, drop in 1_usize..100) {
            let mut theirs = GzEncoder::new(Vec::new(), Compression::fast());
            theirs.write_all(&bytes).unwrap();
            prop_assert_eq!(&unpacked(&theirs.finish().unwrap(), drop).unwrap(), &bytes);
            let ours = packed(&bytes);
            let mut back = Vec::new();
            MultiGzDecoder::new(&ours[..]).read_to_end(&mut back).unwrap();
            prop_assert_eq!(&back, &bytes);
        }

        #[test]
        fn damage_is_told(at in 10_usize..3000, bit in 0..8_u32) {
            let mut bytes = packed(&content(100_000));
            let at = at % bytes.len();
            bytes[at] ^= 1_u8 << bit;
            prop_assume!(at > 9);
            prop_assert!(unpacked(&bytes, 4096).is_err());
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let _ = unpacked(&bytes, 7);
            let _ = unpacked(&[&super::MAGIC[..], &bytes].concat(), 7);
        }
    }

    #[test]
    fn long_content_passes_in_both_directions() {
        let bytes = content(1_000_000);
        assert_eq!(unpacked(&packed(&bytes), 3000).unwrap(), bytes);
    }

    #[test]
    fn parts_follow_each_other_and_names_and_comments_are_passed_over() {
        let mut one = GzBuilder::new().filename("a").comment("b").extra(vec![1, 2, 3]).mtime(7);
        let mut first = std::mem::take(&mut one).write(Vec::new(), Compression::fast());
        first.write_all(b"one, ").unwrap();
        let both = [first.finish().unwrap(), packed(b""), packed(b"two")].concat();
        assert_eq!(unpacked(&both, 1).unwrap(), b"one, two");
    }

    #[test]
    fn a_file_that_ends_too_early_or_goes_on_is_refused() {
        let whole = packed(&content(5000));
        for length in 0..whole.len() {
            let error = unpacked(&whole[..length], 64).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        let more = [&whole[..], b"more than a head"].concat();
        assert_eq!(unpacked(&more, 64).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

//! Writing of primitives and composite types to the end of a buffer, each in its shortest form.

use alloc::vec::Vec;

use crate::{Symbol, SymbolMap, Value, codes};

/// A count or size as the wire has it. Nothing that is written reaches 4 GiB.
fn wire_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Writes a code and a length in one byte or four, then the bytes.
pub(crate) fn variable(out: &mut Vec<u8>, narrow: u8, wide: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(len) => out.extend_from_slice(&[narrow, len]),
        Err(_) => {
            out.push(wide);
            out.extend_from_slice(&wire_len(bytes.len()).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[inline]
pub(crate) fn uint(out: &mut Vec<u8>, value: u32) {
    match u8::try_from(value) {
        Ok(0) => out.push(codes::UINT_0),
        Ok(small) => out.extend_from_slice(&[codes::SMALL_UINT, small]),
        Err(_) => {
            let [a, b, c, d] = value.to_be_bytes();
            out.extend_from_slice(&[codes::UINT, a, b, c, d]);
        }
    }
}

pub(crate) fn ulong(out: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        Ok(0) => out.push(codes::ULONG_0),
        Ok(small) => out.extend_from_slice(&[codes::SMALL_ULONG, small]),
        Err(_) => {
            out.push(codes::ULONG);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    variable(out, codes::STRING_8, codes::STRING_32, text.as_bytes());
}

pub(crate) fn symbol(out: &mut Vec<u8>, name: &Symbol) {
    variable(out, codes::SYMBOL_8, codes::SYMBOL_32, name.as_str().as_bytes());
}

pub(crate) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    variable(out, codes::BINARY_8, codes::BINARY_32, bytes);
}

/// Writes `0x00` and a descriptor.
pub(crate) fn descriptor(out: &mut Vec<u8>, code: u64) {
    out.push(codes::DESCRIBED);
    ulong(out, code);
}

/// A container under construction: its size and count are filled in at the end.
#[derive(Debug)]
pub struct Compound {
    at: usize,
    narrow: u8,
}

impl Compound {
    const WIDE_HEAD: usize = 9;

    /// Begins a list.
    #[must_use]
    pub fn list(out: &mut Vec<u8>) -> Self {
        Self::begin(out, codes::LIST_8)
    }

    /// Begins a map.
    #[must_use]
    pub fn map(out: &mut Vec<u8>) -> Self {
        Self::begin(out, codes::MAP_8)
    }

    fn begin(out: &mut Vec<u8>, narrow: u8) -> Self {
        let at = out.len();
        out.extend_from_slice(&[narrow | 0x10, 0, 0, 0, 0, 0, 0, 0, 0]);
        Self { at, narrow }
    }

    /// Ends the container with `count` elements (for maps: keys and values), in the shortest form.
    pub fn end(self, out: &mut Vec<u8>, count: usize) {
        let body = self.at + Self::WIDE_HEAD;
        let len = out.len().saturating_sub(body);
        if count == 0 && self.narrow == codes::LIST_8 {
            out.truncate(self.at);
            out.push(codes::LIST_0);
            return;
        }
        if let (Ok(size), Ok(count)) = (u8::try_from(len + 1), u8::try_from(count)) {
            out.copy_within(body.., self.at + 3);
            out.truncate(self.at + 3 + len);
            if let Some(head) = out.get_mut(self.at..self.at + 3) {
                head.copy_from_slice(&[self.narrow, size, count]);
            }
            return;
        }
        if let Some(head) = out.get_mut(self.at + 1..body) {
            head[..4].copy_from_slice(&wire_len(len + 4).to_be_bytes());
            head[4..].copy_from_slice(&wire_len(count).to_be_bytes());
        }
    }
}

/// Writes a composite type: trailing nulls are left out.
#[derive(Debug)]
pub struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    list: Compound,
    count: usize,
    nulls: usize,
}

impl<'a> FieldWriter<'a> {
    /// Begins a described list.
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, code: u64) -> Self {
        descriptor(out, code);
        let list = Compound::list(out);
        Self { out, list, count: 0, nulls: 0 }
    }

    /// Ends the list.
    pub fn finish(self) {
        self.list.end(self.out, self.count);
    }

    /// A field that is absent.
    pub fn null(&mut self) -> &mut Self {
        self.nulls += 1;
        self
    }

    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        for _ in 0..self.nulls {
            self.out.push(codes::NULL);
        }
        self.count += self.nulls + 1;
        self.nulls = 0;
        write(self.out);
        self
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) -> &mut Self {
        match value {
            Some(value) => self.put(|out| write(out, value)),
            None => self.null(),
        }
    }

    pub(crate) fn bool(&mut self, value: Option<bool>) -> &mut Self {
        self.maybe(value, |out, flag| out.push(if flag { codes::TRUE } else { codes::FALSE }))
    }

    /// A boolean whose default is false.
    pub(crate) fn flag(&mut self, value: bool) -> &mut Self {
        self.bool(value.then_some(true))
    }

    pub(crate) fn ubyte(&mut self, value: Option<u8>) -> &mut Self {
        self.maybe(value, |out, n| out.extend_from_slice(&[codes::UBYTE, n]))
    }

    pub(crate) fn ushort(&mut self, value: Option<u16>) -> &mut Self {
        self.maybe(value, |out, n| {
            out.push(codes::USHORT);
            out.extend_from_slice(&n.to_be_bytes());
        })
    }

    pub(crate) fn uint(&mut self, value: Option<u32>) -> &mut Self {
        self.maybe(value, uint)
    }

    pub(crate) fn ulong(&mut self, value: Option<u64>) -> &mut Self {
        self.maybe(value, ulong)
    }

    pub(crate) fn timestamp(&mut self, value: Option<i64>) -> &mut Self {
        self.maybe(value, |out, n| {
            out.push(codes::TIMESTAMP);
            out.extend_from_slice(&n.to_be_bytes());
        })
    }

    pub(crate) fn string(&mut self, value: Option<&str>) -> &mut Self {
        self.maybe(value, string)
    }

    pub(crate) fn symbol(&mut self, value: Option<&Symbol>) -> &mut Self {
        self.maybe(value, symbol)
    }

    pub(crate) fn binary(&mut self, value: Option<&[u8]>) -> &mut Self {
        self.maybe(value, binary)
    }

    /// Several symbols: absent when there are none, else always an array (some peers expect one).
    pub(crate) fn symbols(&mut self, symbols: &[Symbol]) -> &mut Self {
        if symbols.is_empty() {
            return self.null();
        }
        self.put(|out| symbol_array(out, symbols))
    }

    /// Several symbols, a single one without an array around it: Qpid Dispatch overlooks capabilities of
    /// sources and targets that stand in an array.
    pub(crate) fn one_or_more(&mut self, symbols: &[Symbol]) -> &mut Self {
        match symbols {
            [one] => self.symbol(Some(one)),
            several => self.symbols(several),
        }
    }

    pub(crate) fn symbol_map(&mut self, map: &SymbolMap) -> &mut Self {
        if map.is_empty() {
            return self.null();
        }
        self.put(|out| symbol_map(out, map))
    }

    pub(crate) fn value(&mut self, value: Option<&Value>) -> &mut Self {
        self.maybe(value, |out, value| value.encode(out))
    }

    /// A field with an encoder of its own.
    pub(crate) fn with<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Vec<u8>, T),
    ) -> &mut Self {
        self.maybe(value, write)
    }
}

fn symbol_array(out: &mut Vec<u8>, symbols: &[Symbol]) {
    out.push(codes::ARRAY_32);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&wire_len(symbols.len()).to_be_bytes());
    out.push(codes::SYMBOL_32);
    for name in symbols {
        let bytes = name.as_str().as_bytes();
        out.extend_from_slice(&wire_len(bytes.len()).to_be_bytes());
        out.extend_from_slice(bytes);
    }
    patch_size(out, at);
}

/// Fills in the four-byte size at `at`: of all that follows it.
pub(crate) fn patch_size(out: &mut [u8], at: usize) {
    let size = wire_len(out.len().saturating_sub(at + 4));
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&size.to_be_bytes());
    }
}

pub(crate) fn symbol_map(out: &mut Vec<u8>, map: &SymbolMap) {
    let compound = Compound::map(out);
    for (key, value) in map {
        symbol(out, key);
        value.encode(out);
    }
    compound.end(out, map.len() * 2);
}

//! What a program needs beside itself: nothing when it is static, else its loader and libraries.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::text::{Error, Result};

/// Program header of the loader's path.
const PT_INTERP: u32 = 3;

/// The loader and the libraries of a program, by their places; none for a static one. The loader lists them itself, so
/// that a program of another processor cannot be served.
///
/// # Errors
/// [`Error::Plain`] for a file that is no program, or whose libraries are not here.
pub(super) fn of(path: &Path, content: &[u8]) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let unusable = |why: &str| Error::Plain(format!("{}: {why}", path.display()));
    let loader = loader(content).ok_or_else(|| unusable("this is no program"))?;
    let Some(loader) = loader else { return Ok(Vec::new()) };
    let listed = Command::new(&loader).arg("--list").arg(path).output();
    let listed = listed.ok().filter(|listed| listed.status.success()).ok_or_else(|| {
        unusable(&format!(
            "it is not static, and its loader {} does not serve it here",
            loader.display()
        ))
    })?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut places: Vec<PathBuf> =
        text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect();
    places.push(loader);
    places.sort();
    places.dedup();
    let read = |place: PathBuf| {
        let content = std::fs::read(&place).map_err(|cause| Error::io("open", &place, &cause))?;
        Ok((place, content))
    };
    places.into_iter().map(read).collect()
}

/// The path of the loader that an ELF file asks for: `None` for a file of another kind, `Some(None)` for a static program.
fn loader(content: &[u8]) -> Option<Option<PathBuf>> {
    if content.get(..4)? != b"\x7fELF" {
        return None;
    }
    let (wide, little) = (*content.get(4)? == 2, *content.get(5)? == 1);
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let bytes = content.get(at..at.checked_add(bytes)?)?;
        let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        let value =
            if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) };
        usize::try_from(value).ok()
    };
    let (table, size, count) = match wide {
        true => (number(32, 8)?, number(54, 2)?, number(56, 2)?),
        false => (number(28, 4)?, number(42, 2)?, number(44, 2)?),
    };
    for at in (0..count).map(|index| index * size) {
        let at = table.checked_add(at)?;
        if number(at, 4)? != PT_INTERP as usize {
            continue;
        }
        let (offset, length) = match wide {
            true => (number(at.checked_add(8)?, 8)?, number(at.checked_add(32)?, 8)?),
            false => (number(at.checked_add(4)?, 4)?, number(at.checked_add(16)?, 4)?),
        };
        let name = content.get(offset..offset.checked_add(length)?)?;
        let name = std::str::from_utf8(name).ok()?.trim_end_matches('\0');
        return Some(Some(PathBuf::from(name)));
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_loader_and_every_cut_of_it_is_refused_or_static() {
        let own = std::env::current_exe().unwrap();
        let content = std::fs::read(&own).unwrap();
        let found = of(&own, &content).unwrap();
        assert!(found.iter().any(|(place, _)| place.ends_with("libc.so.6")), "{}", found.len());
        let head = content.get(..1024).unwrap();
        for end in 0..head.len() {
            let _ = loader(head.get(..end).unwrap());
        }
        assert!(
            of(Path::new("/etc/hostname"), b"text").unwrap_err().to_string().contains("no program")
        );
    }

    #[test]
    fn a_32_bit_header_of_either_order_is_read() {
        for little in [true, false] {
            let mut file = vec![0_u8; 52 + 32];
            file.splice(..6, *b"\x7fELF\x01\x01");
            file[5] = if little { 1 } else { 2 };
            let mut put = |at: usize, bytes: usize, value: u32| {
                let all = if little { value.to_le_bytes() } else { value.to_be_bytes() };
                let part = if little { &all[..bytes] } else { &all[4 - bytes..] };
                file.splice(at..at + bytes, part.iter().copied());
            };
            put(28, 4, 52);
            put(42, 2, 32);
            put(44, 2, 1);
            put(52, 4, PT_INTERP);
            put(56, 4, 84);
            put(68, 4, 7);
            file.extend_from_slice(b"/ld.so\0");
            assert_eq!(loader(&file), Some(Some(PathBuf::from("/ld.so"))));
            let mut static_file = file.clone();
            static_file.splice(44..46, [0, 0]);
            assert_eq!(loader(&static_file), Some(None));
            file.truncate(80);
            assert_eq!(loader(&file), None);
        }
    }
}

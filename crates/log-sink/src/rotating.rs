//! Size-limited numbered log files: number 0 is the newest, the highest number is dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A log of `count` files, each of at most `limit_bytes` (a single longer line excepted).
#[derive(Debug)]
pub struct RotatingFile {
    directory: PathBuf,
    stem: String,
    limit_bytes: u64,
    count: u32,
    file: File,
    written: u64,
}

impl RotatingFile {
    /// Opens `<stem>.0.log` in `directory` for appending; the folder is created when missing. Files beyond `count`, from a
    /// time when there were to be more, are removed.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(directory: &Path, stem: &str, limit_bytes: u64, count: u32) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let (file, written) = append(&numbered(directory, stem, 0))?;
        let beyond = (count.max(1)..).map(|number| numbered(directory, stem, number));
        for old in beyond.take_while(|path| path.exists()) {
            // Another start tries again.
            let _ = fs::remove_file(old);
        }
        Ok(Self {
            directory: directory.to_owned(),
            stem: stem.to_owned(),
            limit_bytes: limit_bytes.max(1),
            count: count.max(1),
            file,
            written,
        })
    }

    /// Appends one line (with its line end), rotating first when it would pass the limit.
    ///
    /// # Errors
    /// What the file system reports; the next call tries again.
    pub fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.limit_bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.written = self.written.saturating_add(length);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.count).rev() {
            let older = numbered(&self.directory, &self.stem, number);
            match fs::rename(numbered(&self.directory, &self.stem, number - 1), older) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let newest = numbered(&self.directory, &self.stem, 0);
        if self.count == 1 {
            fs::write(&newest, b"")?;
        }
        (self.file, self.written) = append(&newest)?;
        Ok(())
    }
}

fn numbered(directory: &Path, stem: &str, number: u32) -> PathBuf {
    directory.join(format!("{stem}.{number}.log"))
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("log-sink-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn keeps_the_newest_lines_in_count_files() {
        let directory = scratch("rotate");
        let mut log = RotatingFile::open(&directory, "a", 10, 3).unwrap();
        for n in 0..8 {
            log.write_line(format!("line{n}\n").as_bytes()).unwrap();
        }
        let read = |n| fs::read_to_string(numbered(&directory, "a", n)).unwrap();
        assert_eq!((read(0).as_str(), read(1).as_str()), ("line7\n", "line6\n"));
        assert_eq!(read(2), "line5\n");
        assert!(!numbered(&directory, "a", 3).exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn fewer_files_leave_none_behind() {
        let directory = scratch("fewer");
        let mut log = RotatingFile::open(&directory, "a", 10, 4).unwrap();
        for n in 0..8 {
            log.write_line(format!("line{n}\n").as_bytes()).unwrap();
        }
        let mut log = RotatingFile::open(&directory, "a", 10, 2).unwrap();
        log.write_line(b"line8\n").unwrap();
        let read = |n| fs::read_to_string(numbered(&directory, "a", n)).unwrap();
        assert_eq!((read(0).as_str(), read(1).as_str()), ("line8\n", "line7\n"));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn reopening_continues_the_newest_file() {
        let directory = scratch("reopen");
        for n in 0..2 {
            let mut log = RotatingFile::open(&directory, "a", 100, 1).unwrap();
            log.write_line(format!("line{n}\n").as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(numbered(&directory, "a", 0)).unwrap(), "line0\nline1\n");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_single_file_starts_over_at_the_limit() {
        let directory = scratch("single");
        let mut log = RotatingFile::open(&directory, "a", 10, 1).unwrap();
        for n in 0..3 {
            log.write_line(format!("line{n}\n").as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(numbered(&directory, "a", 0)).unwrap(), "line2\n");
        fs::remove_dir_all(directory).unwrap();
    }
}

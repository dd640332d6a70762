//! Size of a folder, for the disk figures: the queue and archive of messages.

use std::path::Path;

/// Deeper folders do not occur there.
const DEPTH: u32 = 4;

/// Bytes of all files below `folder`; what cannot be read counts as nothing.
pub fn folder_bytes(folder: &Path) -> u64 {
    bytes_below(folder, DEPTH)
}

fn bytes_below(folder: &Path, depth: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() && depth > 0 => bytes_below(&entry.path(), depth - 1),
        Ok(data) if data.is_file() => data.len(),
        _ => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_inner_folders_count() {
        let folder = std::env::temp_dir().join(format!("iofog-size-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("one"), [0; 10]).unwrap();
        std::fs::write(folder.join("a/b/two"), [0; 32]).unwrap();
        assert_eq!(folder_bytes(&folder), 42);
        assert_eq!(folder_bytes(&folder.join("none")), 0);
        let _ = std::fs::remove_dir_all(folder);
    }
}

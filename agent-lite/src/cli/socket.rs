//! Socket files in deep folders: the system takes about a hundred bytes of path, folders may be longer.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// `sun_path` holds 108 bytes on Linux, the last one is a zero.
const LONGEST: usize = 107;

/// A path that the system takes; valid while this lives.
pub(super) struct SocketPath {
    pub(super) path: PathBuf,
    _folder: Option<File>,
}

impl SocketPath {
    /// `path` itself, or a way to it through the open folder when it is too long.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= LONGEST {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_deep_folder_is_no_obstacle() {
        let root = std::env::temp_dir().join(format!("iofog-socket-{}", std::process::id()));
        let folder = root.join("x".repeat(120));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("agent.sock");
        let _listener = UnixListener::bind(&SocketPath::new(&socket).unwrap().path).unwrap();
        assert!(socket.exists());
        assert!(UnixStream::connect(&SocketPath::new(&socket).unwrap().path).is_ok());
        let _ = std::fs::remove_dir_all(root);
    }
}

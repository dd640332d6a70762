//! Files of the viewer's folder by the path of a request, and nothing else than those.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::routes::decode;

/// Content type of scripts.
pub(super) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) kind: &'static str,
    pub(super) tag: String,
}

/// The file of a path, which is percent-encoded; `index.html` for the folder itself and for paths that are no file's name: the page
/// has its own. `root` has no symbolic links.
///
/// # Errors
/// When a file is there and cannot be read.
pub(super) fn find(root: &Path, path: &str) -> io::Result<Option<Found>> {
    let Some(relative) = relative(path) else { return Ok(None) };
    if !relative.as_os_str().is_empty()
        && let Some(found) = open(root, &relative)?
    {
        return Ok(Some(found));
    }
    // A missing script is missing: a page in its place would be run as one.
    if relative.extension().is_some() {
        return Ok(None);
    }
    open(root, Path::new("index.html"))
}

/// Folders and name of a path; none for one that leaves the folder or names something hidden.
fn relative(path: &str) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = decode(segment)?;
        if segment.starts_with('.') || segment.contains(['/', '\\', '\0']) {
            return None;
        }
        relative.push(segment);
    }
    Some(relative)
}

fn open(root: &Path, relative: &Path) -> io::Result<Option<Found>> {
    let path = match root.join(relative).canonicalize() {
        // A symbolic link out of the folder.
        Ok(path) if !path.starts_with(root) => return Ok(None),
        Ok(path) => path,
        Err(error) => {
            let none = [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::InvalidFilename];
            return if none.contains(&error.kind()) { Ok(None) } else { Err(error) };
        }
    };
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let file = File::open(&path)?;
    let metadata = file.metadata()?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let length = metadata.len();
    Ok(Some(Found {
        file,
        length,
        kind: kind(relative),
        tag: format!("\"{length:x}-{changed:x}\""),
    }))
}

/// Content type by the end of a name; browsers are told not to guess.
fn kind(path: &Path) -> &'static str {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => JAVASCRIPT,
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "eot" => "application/vnd.ms-fontobject",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        for path in [
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/a/%2e./x",
            "/..%2fx",
            "/a%2f..%2f..",
            "/%5c..",
            "/.git/config",
            "/a%00.js",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
        for (path, expected) in [
            ("/", ""),
            ("//", ""),
            ("//a//b.js", "a/b.js"),
            ("/a%20b.js", "a b.js"),
            ("/%252e%252e/x", "%2e%2e/x"),
        ] {
            assert_eq!(relative(path), Some(PathBuf::from(expected)), "{path}");
        }
    }
}

//! Where releases come from: an HTTP server or a folder of this device (a stick, a mount). What comes is signed, so
//! the way it comes needs no secrecy.

use std::io;

/// Fetches `source` + `file` and hands its bytes on piece by piece.
///
/// # Errors
/// When it cannot be had, or `take` refuses a piece.
pub(super) async fn fetch(
    source: &str,
    file: &str,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let place = format!("{source}{file}");
    if source.starts_with("http://") {
        return iofog_http::get(&place, take).await;
    }
    // Pieces are small and the disk is local: a device has no thread to spare for reading.
    let mut opened = std::fs::File::open(place)?;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = io::Read::read(&mut opened, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        take(buffer.get(..count).unwrap_or_default())?;
        tokio::task::yield_now().await;
    }
}

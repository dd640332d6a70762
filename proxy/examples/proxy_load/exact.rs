//! Sends bytes through a path and looks at each of them at the other end, there and back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::spawn;

/// Bytes of one block: its number, then what is the same in all.
const BLOCK: usize = 64 * 1024 + 24;
/// Length of the number.
const NUMBER: usize = 4;

/// Reads blocks to the end, and answers with as many: a client that ends its half sees all of them.
pub(crate) fn target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn(move || {
        for mut stream in listener.incoming().flatten() {
            spawn(move || {
                // Who sees another number at the client's end sees the error too.
                if let Ok(blocks) = read(&mut stream) {
                    let _ = write(&mut stream, blocks);
                }
            });
        }
    });
    port
}

/// Sends `bytes`, rounded up to blocks, and takes as many; gives the number of bytes of each way.
pub(crate) fn there_and_back(port: u16, bytes: u64) -> Result<u64, String> {
    let blocks = u32::try_from(bytes.div_ceil(BLOCK as u64)).map_err(|error| error.to_string())?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write(&mut stream, blocks).map_err(|error| format!("sending: {error}"))?;
    match read(&mut stream)? {
        back if back == blocks => Ok(u64::from(blocks) * BLOCK as u64),
        back => Err(format!("{back} of {blocks} blocks came back")),
    }
}

fn block() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..BLOCK).map(next).collect()
}

fn write(stream: &mut TcpStream, blocks: u32) -> std::io::Result<()> {
    let mut block = block();
    for number in 0..blocks {
        block[..NUMBER].copy_from_slice(&number.to_be_bytes());
        stream.write_all(&block)?;
    }
    stream.shutdown(Shutdown::Write)
}

/// Number of blocks until the end.
fn read(stream: &mut TcpStream) -> Result<u32, String> {
    let mut expected = block();
    let mut block = vec![0; BLOCK];
    for number in 0.. {
        let mut have = 0;
        while have < BLOCK {
            match stream.read(&mut block[have..]) {
                Ok(0) if have == 0 => return Ok(number),
                Ok(0) => return Err(format!("the end comes {have} bytes into block {number}")),
                Ok(read) => have += read,
                Err(error) => return Err(format!("reading block {number}: {error}")),
            }
        }
        expected[..NUMBER].copy_from_slice(&number.to_be_bytes());
        if let Some(at) = (0..BLOCK).find(|&at| expected[at] != block[at]) {
            return Err(format!("byte {at} of block {number} differs"));
        }
    }
    unreachable!("blocks are counted to their end")
}

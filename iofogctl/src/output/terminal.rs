//! The terminal of this program, lent to a program elsewhere: keys as they are typed, its size and changes of it.

use std::io::Read as _;

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::text::{Error, Result};

/// Pieces of input that wait; more wait in the terminal.
const WAITING: usize = 16;
/// Size where the terminal does not tell its own.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// What happens at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Keys were typed.
    Keys(Vec<u8>),
    /// It has another size.
    Resized(Size),
    /// Nothing more will be typed.
    Closed,
}

/// A terminal that passes every key on, ctrl-c too; as it was before once this is dropped.
pub struct Terminal {
    before: Termios,
    keys: mpsc::Receiver<Vec<u8>>,
    resized: Signal,
    closed: bool,
}

// === impl Terminal ===

impl Terminal {
    /// Takes standard input over. Must be called where a runtime is entered.
    ///
    /// # Errors
    /// [`Error::Input`] when standard input or output is no terminal.
    pub fn open() -> Result<Self> {
        if !isatty(stdin()) || !isatty(stdout()) {
            return Err(Error::input(
                "--tty needs a terminal on standard input and output; leave it out where there is none",
            ));
        }
        let failed = |error: String| Error::Plain(format!("the terminal cannot be used: {error}"));
        let before = tcgetattr(stdin()).map_err(|error| failed(error.to_string()))?;
        let resized =
            signal(SignalKind::window_change()).map_err(|error| failed(error.to_string()))?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)
            .map_err(|error| failed(error.to_string()))?;
        let (sender, keys) = mpsc::channel(WAITING);
        // Reading blocks, so it has a thread; that ends with the program.
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            let mut input = std::io::stdin().lock();
            while let Ok(count @ 1..) = input.read(&mut buffer) {
                let piece = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.blocking_send(piece).is_err() {
                    break;
                }
            }
        });
        Ok(Self { before, keys, resized, closed: false })
    }

    /// The kind of terminal.
    pub fn kind() -> String {
        std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned())
    }

    /// Its size now.
    pub fn size() -> Size {
        match tcgetwinsize(stdin()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                Size { columns: size.ws_col, rows: size.ws_row }
            }
            _ => USUAL_SIZE,
        }
    }

    /// The next event; nothing is lost when it is not waited for to the end.
    pub async fn next(&mut self) -> Event {
        tokio::select! {
            piece = self.keys.recv(), if !self.closed => match piece {
                Some(piece) => Event::Keys(piece),
                None => {
                    self.closed = true;
                    Event::Closed
                }
            },
            _ = self.resized.recv() => Event::Resized(Self::size()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

//! A command on the host with the terminal of this program.

use russh::ChannelMsg;
use russh::client::{Handle, Handler};

use crate::output::{Event, Terminal};

/// Runs a command in a pseudo-terminal of the host and gives its status.
pub(super) async fn run<H: Handler>(
    handle: &Handle<H>,
    command: &str,
    mut terminal: Terminal,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<u32, String> {
    let text = |error: russh::Error| error.to_string();
    let channel = handle.channel_open_session().await.map_err(text)?;
    let (mut answers, channel) = channel.split();
    let size = Terminal::size();
    let (columns, rows) = (size.columns.into(), size.rows.into());
    channel.request_pty(true, &Terminal::kind(), columns, rows, 0, 0, &[]).await.map_err(text)?;
    // A command without its terminal would hang for its input: it is run once there is one.
    loop {
        match answers.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure) => return Err("the host gives no terminal".to_owned()),
            Some(_) => {}
            None => return Err("the connection broke".to_owned()),
        }
    }
    channel.exec(true, command).await.map_err(text)?;
    let mut status = None;
    loop {
        tokio::select! {
            message = answers.wait() => match message {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => sink(&data),
                Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
                Some(ChannelMsg::ExitSignal { .. }) => status = Some(255),
                Some(ChannelMsg::Failure) => return Err("the host refuses the command".to_owned()),
                Some(_) => {}
                None => break,
            },
            event = terminal.next() => {
                // A command that ended takes nothing any more; the other branch hears of it.
                let _ = match event {
                    Event::Keys(keys) => channel.data_bytes(keys).await,
                    Event::Resized(size) => {
                        channel.window_change(size.columns.into(), size.rows.into(), 0, 0).await
                    }
                    Event::Closed => channel.eof().await,
                };
            }
        }
    }
    status.ok_or_else(|| "the connection broke".to_owned())
}

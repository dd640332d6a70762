//! Load for a running router: sends messages from one connection to another and prints the rate,
//! and the router's CPU time per message when its process id is given.
//!
//! `load ADDRESS COUNT SIZE [settled|unsettled] [ROUTER-PID] [RECEIVER-ADDRESS]`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for people: failures end it")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use iofog_amqp::{Body, Message};
use iofog_amqp_client::{Connection, ConnectionOptions, Pending, ReceiverOptions, SenderOptions};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, load(arguments));
}

async fn load(arguments: Vec<String>) {
    let argument = |n: usize| arguments.get(n).map(String::as_str);
    let address = argument(0).unwrap_or("127.0.0.1:5672").to_owned();
    let count: u32 = argument(1).unwrap_or("1000000").parse().unwrap();
    let size: usize = argument(2).unwrap_or("100").parse().unwrap();
    let settled = argument(3) == Some("settled");
    let pid: Option<u32> = argument(4).and_then(|pid| pid.parse().ok());
    let to = argument(5).unwrap_or(&address).to_owned();
    let (one, two) = (connect(&address).await, connect(&to).await);
    let options = ReceiverOptions { initial_credit: 1_000, ..ReceiverOptions::from("load") };
    let mut receiver = two.receiver(options).await.unwrap();
    let sender = one.sender(SenderOptions::to("load")).await.unwrap();
    sender.ready().await.unwrap();
    let message = Message { body: Body::Data(vec![vec![b'x'; size].into()]), ..Message::default() };
    let payload: Bytes = message.encode();
    let (cpu, start) = (pid.map(cpu_ticks), Instant::now());
    let consuming = tokio::task::spawn_local(async move {
        for _ in 0..count {
            receiver.recv().await.unwrap().accept();
        }
        receiver
    });
    let window: RefCell<VecDeque<Pending>> = RefCell::default();
    for _ in 0..count {
        let pending = sender.send_start(payload.clone(), settled).await.unwrap();
        if !settled {
            window.borrow_mut().push_back(pending);
            if window.borrow().len() > 500 {
                let first = window.borrow_mut().pop_front();
                first.unwrap().await.unwrap();
            }
        }
    }
    let _receiver = consuming.await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let rate = f64::from(count) / seconds;
    match (pid, cpu) {
        (Some(pid), Some(before)) => {
            // 100 ticks a second.
            let spent = f64::from(cpu_ticks(pid) - before) * 10_000.0 / f64::from(count);
            println!("{rate:.0} messages/s, router {spent:.2} us/message");
        }
        _ => println!("{rate:.0} messages/s"),
    }
}

async fn connect(address: &str) -> Connection {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Connection::open(Box::new(stream), ConnectionOptions::default()).await.unwrap()
}

/// User and system time of a process.
fn cpu_ticks(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()
}

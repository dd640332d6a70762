//! HTTP/1.1 mode: requests and responses carried as messages (proxy.md section 3).

mod answer;
mod answering;
mod asking;
pub(crate) mod body;
pub(crate) mod egress;
mod exchanging;
pub(crate) mod ingress;
mod parts;
mod pool;
mod receipts;
pub(crate) mod serve;
#[cfg(test)]
mod tests;
mod waiter;

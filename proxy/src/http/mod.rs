//! HTTP/1.1 mode: requests and responses carried as messages (proxy.md section 3).

mod answer;
mod body;
pub(crate) mod egress;
pub(crate) mod ingress;
mod parts;
mod pool;
mod serve;
#[cfg(test)]
mod tests;

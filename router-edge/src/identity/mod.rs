//! Who a peer is: the users that may give a password, and the names made from client certificates.

mod subject;
mod uid;
mod users;

pub use uid::{UidNames, uid};
pub use users::{Users, UsersError, hash_password};

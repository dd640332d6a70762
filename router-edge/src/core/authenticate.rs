//! Decides what SASL asks: certificates were judged by TLS already, passwords by the users file.

use iofog_amqp_engine::{Credentials, Mechanism};
use log::warn;

use super::Core;
use super::conn::Login;
use super::slab::ConnId;
use crate::identity::Users;

impl Core {
    /// Replaces the users that may authenticate by PLAIN.
    pub fn set_users(&mut self, users: Users) {
        self.users = users;
    }

    pub(super) fn on_authenticate(&mut self, id: ConnId, credentials: Credentials) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let login = match credentials.mechanism {
            Mechanism::External => {
                let peer = conn.spec.tls.as_ref().and_then(|tls| tls.peer.clone());
                peer.map(|user| Login { mechanism: "EXTERNAL", user })
            }
            Mechanism::Plain => {
                let password = credentials.password.as_deref().unwrap_or_default();
                let user = credentials.identity;
                let known = self.users.check(&user, password);
                if !known {
                    let host = &conn.spec.host;
                    warn!("[C{}] wrong user or password: {user:?} from {host}", id.number());
                }
                known.then_some(Login { mechanism: "PLAIN", user })
            }
            // The engine accepts these by itself.
            Mechanism::Anonymous => None,
        };
        conn.engine.authenticate(login.is_some());
        conn.login = login;
    }
}

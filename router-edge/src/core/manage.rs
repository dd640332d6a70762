//! The management agent: requests that arrive on links to `$management`.

use bytes::Bytes;

use super::Core;
use super::slab::LinkKey;

impl Core {
    /// A request arrived, whole.
    pub(super) fn on_management(&mut self, _link: LinkKey, _payload: Bytes) {}
}

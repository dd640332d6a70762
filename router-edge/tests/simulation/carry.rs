//! Bytes between the ends of wires: written as far as there is room, delivered when they arrive, lost when a wire
//! is cut.

use bytes::Bytes;
use iofog_amqp_engine::Millis;
use iofog_router::core::ConnId;

use super::world::{Event, Place, World};

impl World {
    fn side(&self, wire: usize, place: Place) -> usize {
        usize::from(self.wires[wire].ends[0] != place)
    }

    fn conn(&self, router: usize, wire: usize) -> Option<ConnId> {
        self.nodes[router].conns.iter().find(|(_, at)| *at == wire).map(|(conn, _)| *conn)
    }

    /// Moves output of one end onto its wire, as far as there is room.
    pub(crate) fn write(&mut self, wire: usize, from: Place) {
        let side = self.side(wire, from);
        let now = self.now;
        loop {
            let line = &mut self.wires[wire];
            let manner = line.manner;
            let room = line.lanes[side].room(manner);
            let mut bytes = Vec::new();
            let take = |pieces: [&[u8]; 8], bytes: &mut Vec<u8>| {
                for piece in pieces {
                    let n = piece.len().min(room - bytes.len());
                    bytes.extend_from_slice(&piece[..n]);
                }
            };
            match from {
                Place::Router(router) => {
                    let conn = self.nodes[router].conns.iter().find(|(_, at)| *at == wire);
                    let (Some((conn, _)), Some(core)) = (conn, self.nodes[router].core.as_ref())
                    else {
                        return;
                    };
                    take(core.output::<8>(*conn), &mut bytes);
                }
                Place::Client(client) => {
                    let Some(engine) = self.clients[client].engine.as_mut() else {
                        return;
                    };
                    engine.flush();
                    take(engine.output_chunks::<8>(), &mut bytes);
                }
            }
            if bytes.is_empty() {
                break;
            }
            let length = bytes.len();
            self.trace =
                self.trace.rotate_left(7) ^ (length as u64).wrapping_mul(0x2545_f491_4f6c_dd1d);
            let arrives = self.wires[wire].lanes[side].push(Bytes::from(bytes), now, manner);
            self.at(arrives - now, Event::Arrive { wire, side: 1 - side });
            match from {
                Place::Router(router) => {
                    if let (Some(conn), Some(core)) =
                        (self.conn(router, wire), self.nodes[router].core.as_mut())
                    {
                        core.wrote(conn, length, Millis(now));
                    }
                }
                Place::Client(client) => {
                    if let Some(engine) = self.clients[client].engine.as_mut() {
                        engine.wrote(length, Millis(now));
                    }
                }
            }
        }
        self.finish(wire, from);
    }

    /// A router's connection that is over and has written all goes.
    fn finish(&mut self, wire: usize, from: Place) {
        let Place::Router(router) = from else {
            return;
        };
        let Some(conn) = self.conn(router, wire) else {
            return;
        };
        let Some(core) = self.nodes[router].core.as_mut() else {
            return;
        };
        let over = core.close_reason(conn).is_some();
        let stuck =
            self.wires[wire].lanes[self.side(wire, from)].room(self.wires[wire].manner) == 0;
        let Some(core) = self.nodes[router].core.as_mut() else {
            return;
        };
        if over && (core.output_len(conn) == 0 || stuck) {
            core.remove(conn);
            self.nodes[router].conns.retain(|(_, at)| *at != wire);
            self.leave(wire, from);
        }
    }

    /// One end is gone; the other reads what was written, then the end of the stream.
    pub(crate) fn leave(&mut self, wire: usize, place: Place) {
        let side = self.side(wire, place);
        let (now, line) = (self.now, &mut self.wires[wire]);
        if std::mem::replace(&mut line.dead[side], true) {
            return;
        }
        let manner = line.manner;
        let arrives = line.lanes[side].end(now, manner);
        // What still comes the other way is read by no one.
        line.lanes[1 - side].cut(now);
        self.at(arrives.saturating_sub(now), Event::Arrive { wire, side: 1 - side });
        // The dialler tries again.
        if let (Place::Router(router), 0) = (self.wires[wire].ends[0], side) {
            self.redial(router, wire);
        }
    }

    fn redial(&mut self, router: usize, wire: usize) {
        let Place::Router(to) = self.wires[wire].ends[1] else {
            return;
        };
        let node = &self.nodes[router];
        let life = node.life;
        if let Some(uplink) = node.uplinks.iter().position(|uplink| uplink.to == to) {
            let pause = self.random.between(200, 3_000);
            self.at(pause, Event::Dial { router, uplink, life });
        }
    }

    /// The wire breaks: what is under way is lost, and each end learns of it in its own time.
    pub(crate) fn cut(&mut self, wire: usize) {
        for side in 0..2 {
            let after = self.random.between(1, 200);
            let at = self.now + after;
            self.wires[wire].lanes[1 - side].cut(at);
            self.at(after, Event::Arrive { wire, side });
        }
        self.wires[wire].blocked = false;
    }

    /// Everything that waits may arrive again.
    pub(crate) fn unblock(&mut self, wire: usize) {
        self.wires[wire].blocked = false;
        for side in 0..2 {
            self.at(1, Event::Arrive { wire, side });
        }
    }

    pub(crate) fn arrive(&mut self, wire: usize, side: usize) {
        if self.wires[wire].blocked || self.wires[wire].dead[side] {
            return;
        }
        let place = self.wires[wire].ends[side];
        let mut gone = false;
        loop {
            let wants = match place {
                Place::Router(router) => self
                    .conn(router, wire)
                    .zip(self.nodes[router].core.as_ref())
                    .is_some_and(|(conn, core)| core.wants_input(conn)),
                Place::Client(client) => self.clients[client].engine.is_some(),
            };
            if !wants {
                // Slow itself: looks again soon.
                if self.wires[wire].lanes[1 - side].next().is_some() {
                    self.at(5, Event::Arrive { wire, side });
                }
                break;
            }
            let Some(bytes) = self.wires[wire].lanes[1 - side].pop(self.now) else {
                if let Some(next) = self.wires[wire].lanes[1 - side].next() {
                    let after = next.saturating_sub(self.now).max(1);
                    self.at(after, Event::Arrive { wire, side });
                }
                break;
            };
            gone |= bytes.is_empty();
            self.deliver(wire, place, &bytes);
            if gone {
                break;
            }
        }
        match place {
            Place::Router(router) => {
                if gone {
                    self.lose(router, wire);
                }
                self.pump(router);
            }
            Place::Client(client) => self.serve(client),
        }
        // There is room again at the other end.
        let other = self.wires[wire].ends[1 - side];
        if !self.wires[wire].dead[1 - side] {
            if let Place::Client(client) = other {
                self.clients[client].resume();
            }
            self.write(wire, other);
            if let Place::Router(router) = other {
                self.pump(router);
            }
        }
    }

    fn deliver(&mut self, wire: usize, place: Place, bytes: &Bytes) {
        let now = Millis(self.now);
        match place {
            Place::Router(router) => {
                let conn = self.conn(router, wire);
                let (Some(conn), Some(core)) = (conn, self.nodes[router].core.as_mut()) else {
                    return;
                };
                if bytes.is_empty() {
                    core.input_ended(conn);
                } else if let Some(input) = core.input(conn, bytes.len()) {
                    input.extend_from_slice(bytes);
                    core.received(conn, now);
                }
            }
            Place::Client(client) => {
                if let Some(engine) = self.clients[client].engine.as_mut() {
                    if bytes.is_empty() {
                        engine.input_ended();
                    } else {
                        engine.input(bytes.len()).extend_from_slice(bytes);
                        engine.received(now);
                    }
                }
            }
        }
    }

    /// The stream of a router's connection ended: its task is over.
    fn lose(&mut self, router: usize, wire: usize) {
        if let (Some(conn), Some(core)) =
            (self.conn(router, wire), self.nodes[router].core.as_mut())
        {
            core.remove(conn);
            self.nodes[router].conns.retain(|(_, at)| *at != wire);
        }
        self.leave(wire, Place::Router(router));
    }
}

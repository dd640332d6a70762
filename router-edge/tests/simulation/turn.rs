//! What a client does in its turn: sends, judges, gives credit, ends and renews links.

use iofog_amqp::Role;
use iofog_amqp_engine::{Millis, SendHead, Token};

use super::books::{Books, MessageId, ReceiverKey, Verdict};
use super::client::{ADDRESSES, Client, Mood, attach};
use super::payload::write;
use super::random::Random;

impl Client {
    /// Goes on with messages that the connection had no room for.
    pub(crate) fn resume(&mut self) {
        let Some(engine) = self.engine.as_mut() else {
            return;
        };
        for sending in &mut self.sending {
            let (Some(link), Some((message, mut rest))) = (sending.link, sending.rest.take())
            else {
                continue;
            };
            let head = SendHead { token: Token(message), ..SendHead::default() };
            let complete = engine.send(link, &head, &mut rest, true).is_ok_and(|p| p.complete);
            if !complete {
                sending.rest = Some((message, rest));
            }
        }
    }

    /// One turn.
    pub(crate) fn act(&mut self, mood: Mood, now: u64, random: &mut Random, books: &mut Books) {
        if let Some(engine) = self.engine.as_mut() {
            engine.tick(Millis(now));
        }
        self.resume();
        if mood == Mood::Busy {
            for n in 0..self.sending.len() {
                for _ in 0..random.below(5) {
                    self.send(n, random, books);
                }
            }
        }
        if mood == Mood::Calm || now >= self.stalled_until {
            self.judge(mood, random, books);
        }
    }

    fn send(&mut self, n: usize, random: &mut Random, books: &mut Books) {
        let (Some(engine), Some(sending)) = (self.engine.as_mut(), self.sending.get_mut(n)) else {
            return;
        };
        let Some(link) = sending.link.filter(|link| engine.credit(*link) > 0) else {
            return;
        };
        if sending.rest.is_some() {
            if random.one_in(20)
                && let Some((message, _)) = sending.rest.take()
            {
                engine.abort(link);
                books.aborted(message);
                self.outstanding.retain(|open| *open != message);
            }
            return;
        }
        let address = ADDRESSES[sending.address];
        let settled = random.one_in(8);
        let size = match random.below(20) {
            0 => random.below(100_000),
            1..4 => random.below(5_000),
            _ => random.below(200),
        };
        let message = books.begin(sending.address, address.many, settled);
        let mut payload = write(message, size);
        let head = SendHead { settled, token: Token(message), ..SendHead::default() };
        match engine.send(link, &head, &mut payload, true) {
            Ok(progress) => {
                if !settled {
                    self.outstanding.push(message);
                }
                if !progress.complete {
                    sending.rest = Some((message, payload));
                }
            }
            // Never left.
            Err(_) => books.aborted(message),
        }
    }

    fn judge(&mut self, mood: Mood, random: &mut Random, books: &mut Books) {
        let Some(engine) = self.engine.as_mut() else {
            return;
        };
        for receiving in &mut self.receiving {
            let Some(link) = receiving.link else {
                continue;
            };
            let keep = if mood == Mood::Calm { 0 } else { random.index(8) };
            while receiving.held.len() > keep {
                // Not always in the order of arrival.
                let at = random.index(receiving.held.len().min(3));
                let Some((delivery, message)) = receiving.held.remove(at) else {
                    break;
                };
                let verdict = match random.below(40) {
                    0 => Verdict::Rejected,
                    1 => Verdict::Released,
                    2 => Verdict::Modified,
                    _ => Verdict::Accepted,
                };
                let verdict = if mood == Mood::Calm { Verdict::Accepted } else { verdict };
                books.judged(message, receiving.key, verdict);
                engine.dispose(delivery, Some(verdict.state()), true);
            }
            if mood == Mood::Calm || random.one_in(3) {
                let credit = if mood == Mood::Calm { 50 } else { 1 + random.below(40) };
                // Only ever more: what was promised may be on its way.
                let credit = u32::try_from(credit).unwrap_or(1).max(engine.credit(link));
                engine.set_credit(link, credit);
            }
        }
    }

    /// Ends one receiving link, with whatever it holds; it comes back with the next [`Self::reattach`].
    pub(crate) fn detach_one(&mut self, random: &mut Random) {
        let count = self.receiving.len();
        let (Some(engine), true, None) = (self.engine.as_mut(), count > 0, self.ending) else {
            return;
        };
        if let Some(link) = self.receiving[random.index(count)].link {
            engine.detach(link, true, None);
            self.ending = Some(link);
        }
    }

    /// Attaches what was ended.
    pub(crate) fn reattach(&mut self, keys: &mut ReceiverKey) {
        let (Some(session), Some(engine)) = (self.session, self.engine.as_mut()) else {
            return;
        };
        for receiving in self.receiving.iter_mut().filter(|link| link.link.is_none()) {
            *keys += 1;
            receiving.key = *keys;
            let name = format!("{}-{}-r{keys}", self.name, self.connections);
            let attach = attach(name, Role::Receiver, ADDRESSES[receiving.address]);
            receiving.link = engine.attach(session, attach).ok();
        }
    }

    /// Sends one small message on a link of its own accord; none without credit.
    pub(crate) fn probe(&mut self, address: usize, books: &mut Books) -> Option<MessageId> {
        let engine = self.engine.as_mut()?;
        let link = self.sending.iter().find(|sending| sending.address == address)?.link?;
        if engine.credit(link) == 0 {
            return None;
        }
        let message = books.begin(address, ADDRESSES[address].many, false);
        let head = SendHead { token: Token(message), ..SendHead::default() };
        match engine.send(link, &head, &mut write(message, 20), true) {
            Ok(_) => {
                self.outstanding.push(message);
                Some(message)
            }
            Err(_) => {
                books.aborted(message);
                None
            }
        }
    }
}

//! The device link: foreign bytes to either end, in any pieces, end in a lost link and never in more than its bounds.
#![no_main]

use iofog_link::{AgentSession, ControllerSession, Decoder, Documents, KeepAlive, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::default();
    decoder.push(data);
    while let Ok(Some(frame)) = decoder.frame() {
        let mut bytes = Vec::new();
        encode(&frame, &mut bytes);
        let mut again = Decoder::default();
        again.push(&bytes);
        assert_eq!(again.frame(), Ok(Some(frame)));
    }
    let mut controller = ControllerSession::new(0, 90);
    let mut agent =
        AgentSession::new(0, Default::default(), 0, &Documents::new(), KeepAlive::default());
    for part in data.chunks(97) {
        let _ = (controller.receive(1, part), controller.output(1));
        let _ = (agent.receive(1, part), agent.output(1));
    }
});

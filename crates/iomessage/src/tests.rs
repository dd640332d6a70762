//! Golden vectors of the contract, round trips, and input cut or changed at every byte.

use bytes::Bytes;
use proptest::prelude::*;

use crate::{DecodeError, EncodeError, IoMessage, JsonError};

/// The worked example of the contract (9.1).
fn example() -> (IoMessage, Vec<u8>) {
    let publisher = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let message = IoMessage {
        id: "0123456789abcdef0123456789abcdef".into(),
        tag: "tagg".into(),
        sequence_number: 7,
        priority: 3,
        timestamp: 1_795_430_179_786,
        publisher: publisher.into(),
        info_type: "t".into(),
        info_format: "f".into(),
        content_data: Bytes::from_static(b"hello"),
        ..IoMessage::default()
    };
    let mut bytes = vec![0x00, 0x04, 0x20, 0x00, 0x04, 0x00, 0x04, 0x00, 0x01, 0x08, 0x24];
    bytes.extend([0; 12]);
    bytes.extend([0x01, 0x01, 0, 0, 0, 0, 0, 0, 0, 5]);
    bytes.extend(b"0123456789abcdef0123456789abcdeftagg\0\0\0\x07\x03");
    bytes.extend(1_795_430_179_786_u64.to_be_bytes());
    bytes.extend(publisher.as_bytes());
    bytes.extend(b"tfhello");
    (message, bytes)
}

#[test]
fn binary_worked_example() {
    let (message, bytes) = example();
    assert_eq!(bytes.len(), 125);
    assert_eq!(message.encode().unwrap(), bytes);
    let bytes = Bytes::from(bytes);
    assert_eq!(IoMessage::id_of(&bytes).unwrap(), message.id);
    assert_eq!(IoMessage::decode(&bytes).unwrap(), message);
}

#[test]
fn binary_minimal_integers_of_go_and_python() {
    let (message, bytes) = example();
    let mut go = bytes[..2].to_vec();
    // Lengths: sequence number 1, total 1 (zero), priority 1, timestamp 6, chain 1, difficulty 1.
    go.extend([0x20, 0, 4, 0, 1, 1, 1, 6, 0x24, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    go.extend([0, 0, 0, 0, 0, 0, 0, 5]);
    go.extend(b"0123456789abcdef0123456789abcdeftagg\x07\0\x03");
    go.extend(&1_795_430_179_786_u64.to_be_bytes()[2..]);
    go.extend(message.publisher.as_bytes());
    go.extend(b"\0\0tfhello");
    assert_eq!(IoMessage::decode(&Bytes::from(go)).unwrap(), message);
}

#[test]
fn binary_every_prefix_needs_more() {
    let (_, bytes) = example();
    for cut in 0..bytes.len() {
        let error = IoMessage::decode(&Bytes::copy_from_slice(&bytes[..cut])).unwrap_err();
        assert!(matches!(error, DecodeError::NeedMore(needed) if needed > cut as u64), "{cut}");
        assert_eq!(IoMessage::id_of(&Bytes::copy_from_slice(&bytes[..cut])), Err(error), "{cut}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(IoMessage::decode(&Bytes::from(longer)), Err(DecodeError::Trailing(1)));
}

#[test]
fn binary_refuses_other_versions_and_bad_fields() {
    let (_, mut bytes) = example();
    bytes[1] = 3;
    assert_eq!(IoMessage::decode(&Bytes::from(bytes)), Err(DecodeError::Version(3)));
    let (_, mut bytes) = example();
    bytes[33] = 0xff;
    assert_eq!(IoMessage::decode(&Bytes::from(bytes)), Err(DecodeError::NotText("id")));
    // A declared length of 4 GiB allocates nothing.
    let (_, mut bytes) = example();
    bytes[29..33].copy_from_slice(&[0xff; 4]);
    let error = IoMessage::decode(&Bytes::from(bytes)).unwrap_err();
    assert_eq!(error, DecodeError::NeedMore(120 + u64::from(u32::MAX)));
}

#[test]
fn binary_refuses_what_a_prefix_cannot_say() {
    let message = IoMessage { id: "x".repeat(256), ..IoMessage::default() };
    let expected = EncodeError::TooLong { field: "id", length: 256, limit: 255 };
    assert_eq!(message.encode(), Err(expected));
}

#[test]
fn json_has_every_key_and_version_4() {
    let (message, _) = example();
    let json: serde_json::Value = serde_json::from_str(&message.to_json()).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 20);
    assert_eq!(json["version"], 4);
    assert_eq!(json["contentdata"], "aGVsbG8=");
    assert_eq!(json["groupid"], "");
    assert_eq!(json["chainposition"], 0);
}

#[test]
fn json_of_the_java_agent_is_read() {
    let json =
        br#"{"id":"a","tag":null,"version":0,"publisher":"p","infotype":"t","infoformat":"f",
        "difficultytarget":0.0,"contentdata":"aGk=","contextdata":"","unknown":[1]}"#;
    let message = IoMessage::from_json(json).unwrap();
    assert_eq!((message.id.as_str(), &message.content_data[..]), ("a", &b"hi"[..]));
}

#[test]
fn posted_json_rules() {
    let with = |key: &str, value: &str| {
        let mut json: serde_json::Value = serde_json::from_str(
            r#"{"id":"mine","timestamp":5,"publisher":"p","version":4,"infotype":"t",
                "infoformat":"f","contentdata":"aGk="}"#,
        )
        .unwrap();
        json[key] = serde_json::from_str(value).unwrap();
        IoMessage::from_posted_json(json.to_string().as_bytes())
    };
    let taken = with("difficultytarget", "2.9").unwrap();
    assert_eq!((taken.id.as_str(), taken.timestamp, taken.difficulty_target), ("", 0, 2));
    let refused = [
        ("publisher", "null", JsonError::Missing("publisher")),
        ("publisher", "\"  \"", JsonError::Missing("publisher")),
        ("infotype", "1", JsonError::NotText("infotype")),
        ("infoformat", "\"\"", JsonError::Missing("infoformat")),
        ("version", "\"4\"", JsonError::NotInteger("version")),
        ("version", "4.0", JsonError::NotInteger("version")),
        ("contentdata", "null", JsonError::Missing("contentdata")),
        ("contentdata", "\"aGk\"", JsonError::NotBase64("contentdata")),
        ("contextdata", "\"%\"", JsonError::NotBase64("contextdata")),
        ("sequencenumber", "-1", JsonError::NotInteger("sequencenumber")),
        ("sequencetotal", "1.5", JsonError::NotInteger("sequencetotal")),
        ("priority", "256", JsonError::NotInteger("priority")),
        ("chainposition", "\"1\"", JsonError::NotInteger("chainposition")),
        ("difficultytarget", "-0.5e9", JsonError::NotInteger("difficultytarget")),
        ("tag", "{}", JsonError::NotText("tag")),
    ];
    for (key, value, error) in refused {
        assert_eq!(with(key, value), Err(error), "{key} = {value}");
    }
    for bad in ["", "[]", "nul", "{", "\"x\"", "{\"a\":1}x"] {
        assert!(matches!(IoMessage::from_posted_json(bad.as_bytes()), Err(JsonError::Syntax(_))));
    }
}

fn any_message() -> impl Strategy<Value = IoMessage> {
    let texts = proptest::collection::vec(".{0,60}", 10);
    let data = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 2);
    let numbers = (any::<u32>(), any::<u32>(), any::<u8>(), 0..1_u64 << 53, 0..1_u64 << 53);
    (texts, data, numbers, any::<u32>()).prop_map(|(texts, data, numbers, difficulty_target)| {
        let [id, tag, group, publisher, auth_id, auth_group, hash, previous, nonce, info] =
            <[String; 10]>::try_from(texts).unwrap();
        let [context_data, content_data] = <[Vec<u8>; 2]>::try_from(data).unwrap();
        let (sequence_number, sequence_total, priority, timestamp, chain_position) = numbers;
        IoMessage {
            id,
            tag,
            group_id: group,
            sequence_number,
            sequence_total,
            priority,
            timestamp,
            publisher,
            auth_id,
            auth_group,
            chain_position,
            hash,
            previous_hash: previous,
            nonce,
            difficulty_target,
            info_type: info.clone(),
            info_format: info,
            context_data: context_data.into(),
            content_data: content_data.into(),
        }
    })
}

proptest! {
    #[test]
    fn binary_round_trip(message in any_message()) {
        prop_assert_eq!(&IoMessage::decode(&message.encode().unwrap()).unwrap(), &message);
    }

    #[test]
    fn json_round_trip(message in any_message()) {
        prop_assert_eq!(&IoMessage::from_json(message.to_json().as_bytes()).unwrap(), &message);
    }

    #[test]
    fn binary_never_fails_otherwise_on_noise(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![0, 4];
        bytes.extend(noise);
        if let Ok(message) = IoMessage::decode(&bytes.into()) {
            let again = IoMessage::decode(&message.encode().unwrap()).unwrap();
            prop_assert_eq!(again, message);
        }
    }
}

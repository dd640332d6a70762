//! Format codes (AMQP 1.0 part 1, 1.6) and descriptors (parts 2, 3 and 5) as numbers.

macro_rules! codes {
    ($type:ty: $($name:ident = $value:literal,)*) => {
        $(#[allow(missing_docs, reason = "the name is the standard's")] pub const $name: $type = $value;)*
    };
}

codes! { u8:
    DESCRIBED = 0x00,
    NULL = 0x40, TRUE = 0x41, FALSE = 0x42, UINT_0 = 0x43, ULONG_0 = 0x44, LIST_0 = 0x45,
    UBYTE = 0x50, BYTE = 0x51, SMALL_UINT = 0x52, SMALL_ULONG = 0x53, SMALL_INT = 0x54,
    SMALL_LONG = 0x55, BOOLEAN = 0x56,
    USHORT = 0x60, SHORT = 0x61,
    UINT = 0x70, INT = 0x71, FLOAT = 0x72, CHAR = 0x73, DECIMAL_32 = 0x74,
    ULONG = 0x80, LONG = 0x81, DOUBLE = 0x82, TIMESTAMP = 0x83, DECIMAL_64 = 0x84,
    DECIMAL_128 = 0x94, UUID = 0x98,
    BINARY_8 = 0xa0, STRING_8 = 0xa1, SYMBOL_8 = 0xa3,
    BINARY_32 = 0xb0, STRING_32 = 0xb1, SYMBOL_32 = 0xb3,
    LIST_8 = 0xc0, MAP_8 = 0xc1, LIST_32 = 0xd0, MAP_32 = 0xd1,
    ARRAY_8 = 0xe0, ARRAY_32 = 0xf0,
}

codes! { u64:
    OPEN = 0x10, BEGIN = 0x11, ATTACH = 0x12, FLOW = 0x13, TRANSFER = 0x14,
    DISPOSITION = 0x15, DETACH = 0x16, END = 0x17, CLOSE = 0x18, ERROR = 0x1d,
    RECEIVED = 0x23, ACCEPTED = 0x24, REJECTED = 0x25, RELEASED = 0x26, MODIFIED = 0x27,
    SOURCE = 0x28, TARGET = 0x29, COORDINATOR = 0x30,
    SASL_MECHANISMS = 0x40, SASL_INIT = 0x41, SASL_CHALLENGE = 0x42, SASL_RESPONSE = 0x43,
    SASL_OUTCOME = 0x44,
    HEADER = 0x70, DELIVERY_ANNOTATIONS = 0x71, MESSAGE_ANNOTATIONS = 0x72, PROPERTIES = 0x73,
    APPLICATION_PROPERTIES = 0x74, DATA = 0x75, AMQP_SEQUENCE = 0x76, AMQP_VALUE = 0x77,
    FOOTER = 0x78,
}

/// Descriptor of the section that newer routers put in front of a message (router.md 5.2): `SKPR--RA`.
pub const ROUTER_ANNOTATIONS: u64 = 0x534b_5052_2d2d_5241;

/// Descriptors by symbol. Peers give the number as a rule: a table is looked through in little code.
const SYMBOLS: [(&[u8], u64); 32] = [
    (b"amqp:open:list", OPEN),
    (b"amqp:begin:list", BEGIN),
    (b"amqp:attach:list", ATTACH),
    (b"amqp:flow:list", FLOW),
    (b"amqp:transfer:list", TRANSFER),
    (b"amqp:disposition:list", DISPOSITION),
    (b"amqp:detach:list", DETACH),
    (b"amqp:end:list", END),
    (b"amqp:close:list", CLOSE),
    (b"amqp:error:list", ERROR),
    (b"amqp:received:list", RECEIVED),
    (b"amqp:accepted:list", ACCEPTED),
    (b"amqp:rejected:list", REJECTED),
    (b"amqp:released:list", RELEASED),
    (b"amqp:modified:list", MODIFIED),
    (b"amqp:source:list", SOURCE),
    (b"amqp:target:list", TARGET),
    (b"amqp:coordinator:list", COORDINATOR),
    (b"amqp:sasl-mechanisms:list", SASL_MECHANISMS),
    (b"amqp:sasl-init:list", SASL_INIT),
    (b"amqp:sasl-challenge:list", SASL_CHALLENGE),
    (b"amqp:sasl-response:list", SASL_RESPONSE),
    (b"amqp:sasl-outcome:list", SASL_OUTCOME),
    (b"amqp:header:list", HEADER),
    (b"amqp:delivery-annotations:map", DELIVERY_ANNOTATIONS),
    (b"amqp:message-annotations:map", MESSAGE_ANNOTATIONS),
    (b"amqp:properties:list", PROPERTIES),
    (b"amqp:application-properties:map", APPLICATION_PROPERTIES),
    (b"amqp:data:binary", DATA),
    (b"amqp:amqp-sequence:list", AMQP_SEQUENCE),
    (b"amqp:amqp-value:*", AMQP_VALUE),
    (b"amqp:footer:map", FOOTER),
];

/// The number of a descriptor that was given by its symbol.
pub(crate) fn descriptor_of(symbol: &[u8]) -> Option<u64> {
    SYMBOLS.iter().find(|(known, _)| *known == symbol).map(|(_, number)| *number)
}

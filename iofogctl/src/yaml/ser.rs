//! Serde's way into an ordered [`Value`].

use std::fmt;

use serde::ser::{self, Serialize};

use super::value::Value;

/// A type that has no YAML form.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(String);

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Builds a [`Value`].
#[derive(Clone, Copy)]
pub struct ValueSerializer;

type Built = Result<Value, EncodeError>;

fn no_bytes() -> EncodeError {
    EncodeError("bytes have no form in these files".to_owned())
}

impl ser::Serializer for ValueSerializer {
    type Ok = Value;
    type Error = EncodeError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = ser::Impossible<Value, EncodeError>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = ser::Impossible<Value, EncodeError>;

    fn serialize_bool(self, flag: bool) -> Built {
        Ok(Value::Bool(flag))
    }
    fn serialize_i8(self, number: i8) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_i16(self, number: i16) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_i32(self, number: i32) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_i64(self, number: i64) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_u8(self, number: u8) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_u16(self, number: u16) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_u32(self, number: u32) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_u64(self, number: u64) -> Built {
        Ok(Value::Int(number.into()))
    }
    fn serialize_f32(self, number: f32) -> Built {
        Ok(Value::Float(number.into()))
    }
    fn serialize_f64(self, number: f64) -> Built {
        Ok(Value::Float(number))
    }
    fn serialize_char(self, letter: char) -> Built {
        Ok(Value::text(letter))
    }
    fn serialize_str(self, text: &str) -> Built {
        Ok(Value::text(text))
    }
    fn serialize_bytes(self, _: &[u8]) -> Built {
        Err(no_bytes())
    }
    fn serialize_none(self) -> Built {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Built {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Built {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Built {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Built {
        Ok(Value::text(variant))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Built {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Built {
        Ok(Value::Map(vec![(Value::text(variant), value.serialize(self)?)]))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<List, EncodeError> {
        Ok(List(Vec::with_capacity(length.unwrap_or(0))))
    }
    fn serialize_tuple(self, length: usize) -> Result<List, EncodeError> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, EncodeError> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError("tuple variants have no form in these files".to_owned()))
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Fields, EncodeError> {
        Ok(Fields { entries: Vec::with_capacity(length.unwrap_or(0)), key: Value::Null })
    }
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Fields, EncodeError> {
        self.serialize_map(Some(length))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError("struct variants have no form in these files".to_owned()))
    }
}

/// A list under construction.
pub struct List(Vec<Value>);

impl ser::SerializeSeq for List {
    type Ok = Value;
    type Error = EncodeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.0.push(value.serialize(ValueSerializer)?);
        Ok(())
    }
    fn end(self) -> Built {
        Ok(Value::Seq(self.0))
    }
}

impl ser::SerializeTuple for List {
    type Ok = Value;
    type Error = EncodeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        ser::SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Built {
        Ok(Value::Seq(self.0))
    }
}

impl ser::SerializeTupleStruct for List {
    type Ok = Value;
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        ser::SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Built {
        Ok(Value::Seq(self.0))
    }
}

/// A mapping under construction.
pub struct Fields {
    entries: Vec<(Value, Value)>,
    key: Value,
}

impl ser::SerializeMap for Fields {
    type Ok = Value;
    type Error = EncodeError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key = key.serialize(ValueSerializer)?;
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key = std::mem::replace(&mut self.key, Value::Null);
        self.entries.push((key, value.serialize(ValueSerializer)?));
        Ok(())
    }
    fn end(self) -> Built {
        Ok(Value::Map(self.entries))
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.entries.push((Value::text(name), value.serialize(ValueSerializer)?));
        Ok(())
    }
    fn end(self) -> Built {
        Ok(Value::Map(self.entries))
    }
}

impl Serialize for Value {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ser::{SerializeMap, SerializeSeq};
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => Err(ser::Error::custom("number out of range")),
            },
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Seq(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

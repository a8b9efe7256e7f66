//! The message `ProcessContext` of OTEP 4719, as far as it is read here.
//!
//! The types are written out instead of generated: they are few, and this way the build needs no schema compiler.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ProcessContext {
    #[prost(message, optional, tag = "1")]
    pub(crate) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(crate) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3, 5")]
    pub(crate) value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Value {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(message, tag = "5")]
    Array(ArrayValue),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<AnyValue>,
}

impl ProcessContext {
    pub(crate) fn string(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::String(text) => Some(text),
            Value::Int(_) | Value::Array(_) => None,
        }
    }

    /// A whole number; addresses are written as the bits of a signed one.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::Int(number) => Some(number.cast_unsigned()),
            Value::String(_) | Value::Array(_) => None,
        }
    }

    /// The strings of an array, in place; anything else in it is an empty string, so that positions hold.
    pub(crate) fn strings(&self, key: &str) -> Vec<&str> {
        let Some(Value::Array(array)) = self.value(key) else { return Vec::new() };
        array.values.iter().map(AnyValue::text).collect()
    }

    fn value(&self, key: &str) -> Option<&Value> {
        // What is published later adds to what was there, so of two the last one counts.
        self.attributes.iter().rev().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
    }
}

impl AnyValue {
    fn text(&self) -> &str {
        match &self.value {
            Some(Value::String(text)) => text,
            _ => "",
        }
    }
}

//! What a process publishes of itself in a named mapping: OTEP 4719, and the same form under our own name.

use std::{io, sync::Arc};

use model::LabelSet;
use prost::Message;
use thiserror::Error;

use crate::{
    CountersLocation, Mapping, Memory,
    memory::{read_array, read_bytes, read_u64, u32_at, u64_at},
    process_context::{KeyValue, ProcessContext, Value},
};

/// Who publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Publisher {
    /// Our SDK: mapping `FEWER_CTX`.
    Fewer,
    /// Any SDK that follows OTEP 4719: mapping `OTEL_CTX`.
    Otel,
}

/// A mapping with something published in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Discovery {
    /// Who publishes.
    pub publisher: Publisher,
    /// Where the mapping begins.
    pub start: u64,
}

/// How to get from a thread to its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThreadSchema {
    /// Nothing is published per thread.
    #[default]
    None,
    /// Our record in a context variable.
    ContextVariable,
    /// The thread-local variable of OTEP 4947.
    ThreadLocal,
    /// One that this agent does not know.
    Unknown,
}

/// Where the SDK's context variable is, and how to find its value in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContextVariable {
    /// Address of the variable: the key looked for.
    pub address: u64,
    /// Its hash as the trie uses it.
    pub hash32: u32,
    /// Thread state: pointer to the current context.
    pub tstate_context: u16,
    /// Context: pointer to its trie.
    pub context_vars: u16,
    /// Trie: pointer to the root node.
    pub hamt_root: u16,
    /// Address of the type of every record.
    pub bytes_type: u64,
    /// Address of the type of bitmap nodes.
    pub bitmap_type: u64,
    /// Address of the type of array nodes; a node of neither type is a collision node.
    pub array_type: u64,
    /// Record object: first byte of the record.
    pub bytes_data: u16,
    /// Bitmap node: the bitmap.
    pub hamt_bitmap: u16,
    /// Bitmap and collision node: the first pair.
    pub hamt_pairs: u16,
    /// Array node: the first child.
    pub hamt_children: u16,
}

/// What a mapping says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// When it was published, by the clock that runs from boot on; changes with every publication.
    pub at_ns: u64,
    /// What the process says it is: `service.name`, `service.version` and all else in words.
    pub resource: LabelSet,
    /// How to get from a thread to its record.
    pub schema: ThreadSchema,
    /// Names of the key indexes in records.
    pub keys: Arc<[Arc<str>]>,
    /// Where the context variable is; only with [`ThreadSchema::ContextVariable`].
    pub context_variable: Option<ContextVariable>,
    /// Where the exact counters are.
    pub counters: Option<CountersLocation>,
}

/// Why a mapping could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Unread {
    /// The memory is gone.
    #[error("the mapping could not be read")]
    Unreadable,
    /// It does not begin as it has to.
    #[error("the mapping does not begin with its signature")]
    Signature,
    /// Published in a form that this agent does not know.
    #[error("the mapping has a version that is not supported")]
    Version,
    /// It changed during every attempt, or was not published yet. Ask again.
    #[error("the mapping is being changed")]
    Changing,
    /// The payload has an impossible size or does not decode.
    #[error("the payload is no process context of at most {PAYLOAD_BYTES_MAX} bytes")]
    Payload,
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Unreadable
    }
}

/// Mappings read per process: one for each copy of an SDK in it.
pub const DISCOVERIES_MAX: usize = 16;

const PAYLOAD_BYTES_MAX: u32 = 65_536;
const ATTEMPTS: usize = 3;
const HEADER_BYTES: usize = 32;
const PUBLISHED_AT: u64 = 16;
/// Key indexes are bytes.
const KEYS_MAX: usize = 256;
/// No struct that a context is found through has a field beyond.
const OFFSET_MAX: u64 = 1 << 12;

impl Publisher {
    fn name(self) -> &'static str {
        match self {
            Self::Fewer => "FEWER_CTX",
            Self::Otel => "OTEL_CTX",
        }
    }

    fn signature(self) -> &'static [u8; 8] {
        match self {
            Self::Fewer => b"FEWERCTX",
            Self::Otel => b"OTEL_CTX",
        }
    }

    fn version(self) -> u32 {
        match self {
            Self::Fewer => 1,
            Self::Otel => 2,
        }
    }

    fn of(path: &[u8]) -> Option<Self> {
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let in_brackets = || path.strip_suffix(b"]");
        let name = path.strip_prefix(b"/memfd:").or_else(|| {
            let path = in_brackets()?;
            path.strip_prefix(b"[anon_shmem:").or_else(|| path.strip_prefix(b"[anon:"))
        })?;
        [Self::Fewer, Self::Otel].into_iter().find(|publisher| publisher.name().as_bytes() == name)
    }
}

impl Discovery {
    /// The mappings in which something is published, our own first. More than [`DISCOVERIES_MAX`] are not looked at.
    pub fn find<'a>(mappings: impl IntoIterator<Item = Mapping<'a>>) -> Vec<Self> {
        let mut found: Vec<Self> = mappings
            .into_iter()
            .filter_map(|mapping| {
                Some(Self { publisher: Publisher::of(mapping.path)?, start: mapping.start })
            })
            .take(DISCOVERIES_MAX)
            .collect();
        found.sort_by_key(|discovery| discovery.publisher != Publisher::Fewer);
        found
    }

    /// When the content was published: a cheap way to tell that it is still what was read before.
    pub fn published_at_ns(&self, memory: &dyn Memory) -> Result<u64, Unread> {
        Ok(read_u64(memory, self.start.wrapping_add(PUBLISHED_AT))?)
    }

    /// Reads the content, again when it changed under the reader.
    pub fn read(&self, memory: &dyn Memory) -> Result<Published, Unread> {
        for _ in 0..ATTEMPTS {
            let header: [u8; HEADER_BYTES] = read_array(memory, self.start)?;
            if header.get(..8) != Some(self.publisher.signature().as_slice()) {
                return Err(Unread::Signature);
            }
            if u32_at(&header, 8) != self.publisher.version() {
                return Err(Unread::Version);
            }
            let (size, at_ns) = (u32_at(&header, 12), u64_at(&header, 16));
            if at_ns == 0 {
                continue;
            }
            let payload = match size {
                1..=PAYLOAD_BYTES_MAX => {
                    read_bytes(memory, u64_at(&header, 24), size as usize).map_err(Unread::from)
                }
                _ => Err(Unread::Payload),
            };
            if self.published_at_ns(memory)? == at_ns {
                let context = ProcessContext::decode(payload?.as_slice()).map_err(|_| Unread::Payload)?;
                return Ok(Published::new(self.publisher, at_ns, &context));
            }
        }
        Err(Unread::Changing)
    }
}

impl Published {
    fn new(publisher: Publisher, at_ns: u64, context: &ProcessContext) -> Self {
        let resource = context.resource.iter().flat_map(|resource| &resource.attributes);
        let schema = match context.string("threadlocal.schema_version") {
            None => ThreadSchema::None,
            Some("cpython_contextvar_v1_dev") => ThreadSchema::ContextVariable,
            Some("tlsdesc_v1_dev" | "tls_v1") => ThreadSchema::ThreadLocal,
            Some(_) => ThreadSchema::Unknown,
        };
        let is_variable = schema == ThreadSchema::ContextVariable;
        let is_ours = publisher == Publisher::Fewer;
        let keys = context.strings("threadlocal.attribute_key_map");
        Self {
            at_ns,
            resource: LabelSet::new(resource.filter_map(text_pair)),
            schema,
            keys: keys.into_iter().take(KEYS_MAX).map(Arc::from).collect(),
            context_variable: is_variable.then(|| context_variable(context)).flatten(),
            counters: is_ours.then(|| CountersLocation::published(context)).flatten(),
        }
    }
}

fn text_pair(pair: &KeyValue) -> Option<(&str, &str)> {
    match pair.value.as_ref()?.value.as_ref()? {
        Value::String(text) => Some((&pair.key, text)),
        Value::Int(_) | Value::Array(_) => None,
    }
}

fn context_variable(context: &ProcessContext) -> Option<ContextVariable> {
    let address = |name| context.number(name).filter(|address| *address != 0);
    let offset = |name| {
        context.number(name).filter(|offset| *offset < OFFSET_MAX).and_then(|offset| offset.try_into().ok())
    };
    Some(ContextVariable {
        address: address("fewer.cpython.contextvar_addr")?,
        hash32: context.number("fewer.cpython.var_hash32")?.try_into().ok()?,
        tstate_context: offset("fewer.cpython.tstate_context_off")?,
        context_vars: offset("fewer.cpython.context_vars_off")?,
        hamt_root: offset("fewer.cpython.hamt_root_off")?,
        bytes_type: address("fewer.cpython.bytes_type_addr")?,
        bitmap_type: address("fewer.cpython.bitmap_type_addr")?,
        array_type: address("fewer.cpython.array_type_addr")?,
        bytes_data: offset("fewer.cpython.bytes_data_off")?,
        hamt_bitmap: offset("fewer.cpython.hamt_bitmap_off")?,
        hamt_pairs: offset("fewer.cpython.hamt_pairs_off")?,
        hamt_children: offset("fewer.cpython.hamt_children_off")?,
    })
}

#[cfg(test)]
mod tests;

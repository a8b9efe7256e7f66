//! An independent reader: finds labels and counts of a process from what it publishes, as the agent does, through
//! /proc/PID/mem. It shares no code with the crate.
#![allow(dead_code, unreachable_pub, reason = "a module of several test crates, each of which uses a part")]

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

use object::{Object, ObjectSymbol, read::elf::ProgramHeader};
use prost::Message;

pub type Labels = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub cpu_ns: u64,
    pub measured: u64,
    pub instructions: u64,
    pub client_errors: u64,
    pub server_errors: u64,
}

pub struct Published {
    pub resource: HashMap<String, any_value::Value>,
    pub attributes: HashMap<String, any_value::Value>,
}

pub struct Process {
    pub pid: u32,
    memory: File,
}

impl Process {
    pub fn open(pid: u32) -> Self {
        Self { pid, memory: File::open(format!("/proc/{pid}/mem")).unwrap() }
    }

    pub fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
        let mut data = vec![0; bytes];
        self.memory.read_exact_at(&mut data, address).unwrap();
        data
    }

    pub fn word(&self, address: u64) -> u64 {
        u64::from_ne_bytes(self.read(address, 8).try_into().unwrap())
    }

    /// Offset of the exported variable from the thread pointer, by the executable's dynamic symbols (x86-64).
    pub fn thread_context_offset(&self) -> i64 {
        let executable = std::fs::read(format!("/proc/{}/exe", self.pid)).unwrap();
        let file = object::read::elf::ElfFile64::<object::Endianness>::parse(&*executable).unwrap();
        let symbol = file.dynamic_symbols().find(|symbol| symbol.name() == Ok("otel_thread_ctx_v1"));
        let symbol = symbol.expect("the symbol is among the dynamic symbols");
        assert_eq!((symbol.size(), symbol.kind()), (8, object::SymbolKind::Tls));
        let endian = file.endian();
        let tls =
            file.elf_program_headers().iter().find(|header| header.p_type(endian) == object::elf::PT_TLS);
        let tls = tls.unwrap();
        let size = tls.p_memsz(endian).next_multiple_of(tls.p_align(endian));
        symbol.address() as i64 - size as i64
    }

    /// Labels of a thread by its thread pointer; none outside requests.
    pub fn labels(&self, thread_pointer: u64, offset: i64, keys: &[String]) -> Option<Labels> {
        let record = self.word(thread_pointer.checked_add_signed(offset).unwrap());
        (record != 0).then(|| self.record(record, keys))
    }

    pub fn record(&self, address: u64, keys: &[String]) -> Labels {
        let header = self.read(address, 28);
        assert_eq!((&header[..24], &header[24..26]), (&[0; 24][..], &[1, 0][..]));
        let size = usize::from(u16::from_ne_bytes([header[26], header[27]]));
        assert!(size <= 612, "{size}");
        let data = self.read(address + 28, size);
        let (mut labels, mut rest) = (Labels::new(), &data[..]);
        while let [key, length, tail @ ..] = rest {
            let (value, next) = tail.split_at(usize::from(*length));
            let value = String::from_utf8(value.to_vec()).unwrap();
            assert!(labels.insert(keys[usize::from(*key)].clone(), value).is_none());
            rest = next;
        }
        assert!(rest.is_empty());
        labels
    }

    /// What the process publishes under a name; none when it has no such mapping.
    pub fn discover(&self, name: &str) -> Option<Published> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap();
        let mut found = maps.lines().filter(|line| line.contains(name));
        let start = found.next()?.split('-').next().unwrap();
        assert!(found.next().is_none(), "one mapping only");
        let start = u64::from_str_radix(start, 16).unwrap();
        for _ in 0..100 {
            let published_at = self.word(start + 16);
            let header = self.read(start, 32);
            let size = u32::from_ne_bytes(header[12..16].try_into().unwrap()) as usize;
            let payload = u64::from_ne_bytes(header[24..32].try_into().unwrap());
            if published_at != 0 && size <= 65_536 {
                let data = self.read(payload, size);
                if self.word(start + 16) == published_at {
                    let context = ProcessContext::decode(&*data).unwrap();
                    return Some(Published {
                        resource: by_key(context.resource.unwrap().attributes),
                        attributes: by_key(context.attributes),
                    });
                }
            }
        }
        panic!("the mapping kept changing");
    }

    /// Counts by labels, read as a stranger would; none while the page is not started.
    pub fn counters(&self) -> Option<HashMap<Labels, Counts>> {
        let published = self.discover("FEWER_CTX")?;
        let (base, keys) = (published.int("fewer.counters_addr"), published.keys());
        if self.read(base, 8) != b"FEWERCNT" || self.word(base + 8) != u64::from(self.pid) {
            return None;
        }
        assert_eq!(published.int("fewer.counters_schema"), 2);
        let used = self.word(base + 16) & 0xffff_ffff;
        let mut counts = HashMap::new();
        for slot in (0..used).map(|index| base + 64 + 64 * index) {
            let record = self.word(slot);
            if record != 0 {
                let [requests, cpu_ns, measured, instructions, client_errors, server_errors] =
                    [1, 2, 3, 4, 5, 6].map(|word| self.word(slot + 8 * word));
                let row = Counts { requests, cpu_ns, measured, instructions, client_errors, server_errors };
                assert!(counts.insert(self.record(record, &keys), row).is_none());
            }
        }
        Some(counts)
    }

    /// Evaluations by (flag label, variant, reason).
    pub fn evaluations(&self) -> BTreeMap<(String, String, u64), u64> {
        let published = self.discover("FEWER_CTX").unwrap();
        let used = self.word(published.int("fewer.counters_addr") + 48) & 0xffff_ffff;
        let base = published.int("fewer.evaluations_addr");
        let mut counts = BTreeMap::new();
        for row in (0..used).map(|index| base + 32 * index).filter(|row| self.word(*row) != 0) {
            let labels = self.record(self.word(row), &published.keys());
            let (flag, variant) = labels.into_iter().next().unwrap();
            counts.insert((flag, variant, self.word(row + 16)), self.word(row + 8));
        }
        counts
    }

    /// Counts of requests that may end a moment after their client saw the answer.
    pub fn counters_when(
        &self,
        settled: impl Fn(&HashMap<Labels, Counts>) -> bool,
    ) -> HashMap<Labels, Counts> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let counts = self.counters().unwrap_or_default();
            if settled(&counts) || Instant::now() > deadline {
                return counts;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Published {
    pub fn int(&self, key: &str) -> u64 {
        match self.attributes.get(key) {
            Some(any_value::Value::Int(value)) => *value as u64,
            other => panic!("{key} is {other:?}"),
        }
    }

    pub fn text(&self, key: &str) -> &str {
        let found = self.attributes.get(key).or_else(|| self.resource.get(key));
        match found {
            Some(any_value::Value::Text(value)) => value,
            other => panic!("{key} is {other:?}"),
        }
    }

    pub fn keys(&self) -> Vec<String> {
        self.texts("threadlocal.attribute_key_map")
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(any_value::Value::Array(array)) = self.attributes.get(key) else { panic!("no {key}") };
        let text = |value: &AnyValue| match &value.value {
            Some(any_value::Value::Text(text)) => text.clone(),
            other => panic!("{other:?} among {key}"),
        };
        array.values.iter().map(text).collect()
    }
}

pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub fn endpoint(name: &str) -> Labels {
    labels([("endpoint", name)])
}

/// Where this thread's control block is.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[allow(unsafe_code, reason = "there is no safe way to ask")]
pub fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: on x86-64 Linux the first word of a thread's control block is its own address.
    unsafe { std::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(nostack, readonly)) };
    pointer
}

fn by_key(pairs: Vec<KeyValue>) -> HashMap<String, any_value::Value> {
    pairs.into_iter().map(|pair| (pair.key, pair.value.unwrap().value.unwrap())).collect()
}

#[derive(Clone, PartialEq, Message)]
pub struct ProcessContext {
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    #[prost(oneof = "any_value::Value", tags = "1, 3, 5")]
    pub value: Option<any_value::Value>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

pub mod any_value {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(int64, tag = "3")]
        Int(i64),
        #[prost(message, tag = "5")]
        Array(super::ArrayValue),
    }
}

//! Names for code objects, kept between windows.

use std::{collections::HashMap, hash::Hash, io, sync::Arc};

use model::{Frame, FrameKind};
use thiserror::Error;

use crate::{
    Interpreter, Memory,
    code::{self, Code, Identity},
};

/// The process that a frame was seen in.
#[derive(Clone, Copy)]
pub struct Source<'a, K> {
    /// Its address-space image: forked children share their parent's.
    pub image: K,
    /// The process itself: what it makes after the fork is its own, at addresses that its siblings use too.
    pub pid: u32,
    /// Its memory.
    pub memory: &'a dyn Memory,
    /// Its interpreter.
    pub interpreter: &'a Interpreter,
}

/// Why a code object has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Unnamed {
    /// The memory is gone, mostly because the process ended.
    #[error("the process's memory could not be read")]
    Unreadable,
    /// There is another object at this address now.
    #[error("no code object at this address")]
    NotCode,
    /// A name is not a string, or not one whose characters follow its head.
    #[error("a name of the code object is no plain string")]
    NotText,
}

impl From<io::Error> for Unnamed {
    fn from(_: io::Error) -> Self {
        Self::Unreadable
    }
}

/// How naming went, counted per frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamingCounters {
    /// Named, and seen in this very process in this window.
    pub named: u64,
    /// Named by what a process of the same image had at this address, because this one cannot be read any more.
    pub named_by_image: u64,
    /// Not named: [`Unnamed::Unreadable`].
    pub unreadable: u64,
    /// Not named: [`Unnamed::NotCode`].
    pub not_code: u64,
    /// Not named: [`Unnamed::NotText`].
    pub not_text: u64,
    /// Of the named: frames without a line.
    pub without_line: u64,
    /// Code objects forgotten to make room.
    pub evicted: u64,
}

/// The names of code objects, bounded in bytes.
///
/// A code object can be freed and another take its address, and after a fork two children can each make their own at
/// one address. So an entry is only trusted for the window and the process in which it was compared with memory;
/// afterwards its identity is read again, which takes two reads where a new one takes six.
pub struct CodeObjects<K> {
    known: HashMap<(K, u64), Known>,
    checked: HashMap<(K, u32, u64), Result<Arc<Code>, Unnamed>>,
    bytes: usize,
    bytes_max: usize,
    uses: u64,
    counters: NamingCounters,
}

/// What was seen at one address of one image, the newest last.
struct Known {
    variants: Vec<Arc<Code>>,
    used: u64,
}

/// Code objects told apart at one address of one image.
const VARIANTS_MAX: usize = 4;
/// Code objects that a window compares; beyond, all are compared once more.
const CHECKED_MAX: usize = 1 << 16;

impl<K: Copy + Eq + Hash> CodeObjects<K> {
    /// Names nothing yet.
    pub fn new(bytes_max: usize) -> Self {
        let (known, checked) = (HashMap::new(), HashMap::new());
        Self { known, checked, bytes: 0, bytes_max, uses: 0, counters: NamingCounters::default() }
    }

    /// Begins a window: nothing counts as compared any more.
    pub fn begin_window(&mut self) {
        self.checked.clear();
    }

    /// Forgets what only this image had.
    pub fn forget(&mut self, image: K) {
        let bytes = &mut self.bytes;
        self.known.retain(|key, known| {
            let is_kept = key.0 != image;
            if !is_kept {
                *bytes = bytes.saturating_sub(known.bytes());
            }
            is_kept
        });
        self.checked.retain(|key, _| key.0 != image);
    }

    /// The frame of a code object that stands at an instruction, as the kernel side read both.
    pub fn frame(&mut self, source: &Source<'_, K>, code: u64, instruction: u64) -> Result<Frame, Unnamed> {
        let found = self.code(source, code);
        match &found {
            Ok(_) => {}
            Err(Unnamed::Unreadable) => self.counters.unreadable += 1,
            Err(Unnamed::NotCode) => self.counters.not_code += 1,
            Err(Unnamed::NotText) => self.counters.not_text += 1,
        }
        let found = found?;
        let line = found.line(source.interpreter, code, instruction);
        self.counters.without_line += u64::from(line.is_none());
        Ok(Frame {
            kind: FrameKind::Python,
            function: found.function.clone(),
            file: found.file.clone(),
            line: line.unwrap_or(0),
            ..Frame::default()
        })
    }

    /// How naming went since the start.
    pub fn counters(&self) -> NamingCounters {
        self.counters
    }

    /// About how many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn code(&mut self, source: &Source<'_, K>, code: u64) -> Result<Arc<Code>, Unnamed> {
        let key = (source.image, source.pid, code);
        if let Some(checked) = self.checked.get(&key) {
            self.counters.named += u64::from(checked.is_ok());
            return checked.clone();
        }
        let found = match code::read_identity(source.memory, source.interpreter, code) {
            Ok(identity) => self.identified(source, code, identity),
            Err(Unnamed::Unreadable) => {
                let known = self.newest(source.image, code).ok_or(Unnamed::Unreadable)?;
                self.counters.named_by_image += 1;
                return Ok(known);
            }
            Err(unnamed) => Err(unnamed),
        };
        if self.checked.len() >= CHECKED_MAX {
            self.checked.clear();
        }
        self.checked.insert(key, found.clone());
        self.counters.named += u64::from(found.is_ok());
        found
    }

    fn newest(&mut self, image: K, code: u64) -> Option<Arc<Code>> {
        self.uses += 1;
        let known = self.known.get_mut(&(image, code))?;
        known.used = self.uses;
        known.variants.last().cloned()
    }

    fn identified(
        &mut self,
        source: &Source<'_, K>,
        code: u64,
        identity: Identity,
    ) -> Result<Arc<Code>, Unnamed> {
        self.uses += 1;
        if let Some(known) = self.known.get_mut(&(source.image, code)) {
            known.used = self.uses;
            if let Some(same) = known.variants.iter().find(|variant| variant.identity == identity) {
                return Ok(same.clone());
            }
        }
        let read = Arc::new(Code::read(source.memory, source.interpreter, identity)?);
        self.make_room(read.bytes());
        let known =
            self.known.entry((source.image, code)).or_insert_with(|| Known { variants: Vec::new(), used: 0 });
        known.used = self.uses;
        if known.variants.len() >= VARIANTS_MAX {
            self.bytes = self.bytes.saturating_sub(known.variants.remove(0).bytes());
        }
        self.bytes += read.bytes();
        known.variants.push(read.clone());
        Ok(read)
    }

    /// Drops the half that was used longest ago when there is no room, so that making room is cheap on average.
    fn make_room(&mut self, bytes: usize) {
        if self.known.is_empty() || self.bytes.saturating_add(bytes) <= self.bytes_max {
            return;
        }
        let mut uses: Vec<u64> = self.known.values().map(|known| known.used).collect();
        let middle = uses.len() / 2;
        let (_, oldest_kept, _) = uses.select_nth_unstable(middle);
        let oldest_kept = *oldest_kept;
        let before = self.known.len();
        self.known.retain(|_, known| known.used > oldest_kept);
        self.bytes = self.known.values().map(Known::bytes).sum();
        self.counters.evicted += (before - self.known.len()) as u64;
    }
}

impl Known {
    fn bytes(&self) -> usize {
        self.variants.iter().map(|code| code.bytes()).sum()
    }
}

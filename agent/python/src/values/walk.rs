//! The walk itself: depth first, without recursion, every object once.

use super::{
    PageMemory, ValueLimits, Values,
    fingerprint::{self, Fingerprint},
    object::{Entries, Heap, Held, Object},
    owners::{Counted, Owner, Owners},
    types::Kind,
    visited::Visited,
};

/// A walk in progress.
pub(super) struct Walk<'a> {
    heap: Heap<'a>,
    limits: ValueLimits,
    is_over: &'a mut dyn FnMut() -> bool,
    visited: Visited,
    owners: Owners,
    documentation: usize,
    values: Values,
}

/// A container whose objects are being read.
struct Open {
    address: u64,
    object: Object,
    /// Objects handed out so far.
    at: u64,
    /// What the objects read so far add up to.
    sum: Fingerprint,
    /// The key whose value comes next.
    key: Fingerprint,
    /// The value whose key was handed out.
    value: Option<u64>,
}

/// What became of one object.
enum Step {
    /// Its content, all of it.
    Done(Fingerprint),
    /// A container to be read first, and its address.
    Into(u64, Object),
}

const DEPTH_MAX: usize = 1 << 15;
/// How often the caller is asked, in objects.
const ASKED_EVERY: u64 = 1 << 10;
const MODULES_MAX: u64 = 1 << 17;
const NAMES_MAX: u64 = 1 << 20;
const NAME_BYTES_MAX: usize = 256;
/// What the interpreter puts into every module, and what would lead from each module to all.
const NOT_FOLLOWED: [&str; 4] = ["__builtins__", "__loader__", "__spec__", "__cached__"];
const MAIN: &str = "__main__";
const DOCUMENTATION: &str = "__doc__";

impl<'a> Walk<'a> {
    pub(super) fn new(heap: Heap<'a>, limits: ValueLimits, is_over: &'a mut dyn FnMut() -> bool) -> Self {
        let (visited, mut owners, values) = (Visited::default(), Owners::default(), Values::default());
        let documentation = owners.attribute(&limits, "", DOCUMENTATION, Owner::DOCUMENTATION);
        Self { heap, limits, is_over, visited, owners, documentation, values }
    }

    /// Walks all modules. The program itself comes last: what it imported by name belongs to where it was made.
    pub(super) fn modules(mut self, table: u64) -> Values {
        let mut modules = Vec::new();
        for (name, module) in self.names(table, MODULES_MAX) {
            // A module's own dictionary is no value, wherever it is held.
            if let Some(dict) = self.heap.module_dict(module) {
                self.visited.insert(dict);
                self.visited.insert(module);
                modules.push((name, dict));
            }
        }
        self.visited.insert(table);
        modules.sort_by_key(|(name, _)| name == MAIN);
        for (name, dict) in modules {
            self.module(&name, dict);
        }
        self.values.is_cut |= self.owners.is_cut;
        let visited = &self.visited;
        Values { owners: self.owners.finish(|address| visited.is_plain(address)), ..self.values }
    }

    fn module(&mut self, module: &str, dict: u64) {
        for (name, value) in self.names(dict, NAMES_MAX) {
            if NOT_FOLLOWED.contains(&name.as_str()) || self.values.is_cut {
                continue;
            }
            let Some(kind) = self.heap.kind(value) else {
                self.values.unreadable += 1;
                continue;
            };
            let owner = match kind.kind {
                Kind::Module => continue,
                Kind::Function | Kind::Class | Kind::Holder | Kind::Code => self.owners.module(module),
                _ if name.starts_with("__") => self.owners.module(module),
                _ => self.owners.attribute(&self.limits, module, &name, &kind.name),
            };
            if name == DOCUMENTATION {
                self.documentation(value);
            }
            self.follow(owner, value);
        }
    }

    /// The entries of a dictionary whose keys are strings.
    fn names(&mut self, dict: u64, names_max: u64) -> Vec<(String, u64)> {
        let Ok(entries) = self.heap.entries(dict) else {
            self.values.unreadable += 1;
            return Vec::new();
        };
        self.values.is_cut |= entries.count > names_max;
        let mut names = Vec::new();
        for at in 0..entries.count.min(names_max) {
            let Ok((key, value)) = entries.pair(self.heap.memory, at) else {
                self.values.unreadable += 1;
                break;
            };
            if value != 0
                && let Some(name) = self.heap.text(key, NAME_BYTES_MAX)
            {
                names.push((name, value));
            }
        }
        names
    }

    /// Counts everything that an object holds, itself first.
    fn follow(&mut self, owner: usize, address: u64) {
        let mut stack: Vec<Open> = Vec::new();
        let mut next = self.step(owner, address, true);
        loop {
            match next {
                Step::Into(address, object) => {
                    stack.push(Open { address, object, at: 0, sum: 0, key: 0, value: None });
                }
                Step::Done(content) => match stack.last_mut() {
                    Some(open) => open.add(content),
                    None => return,
                },
            }
            let can_nest = stack.len() < DEPTH_MAX;
            next = match stack.last_mut().map(|open| open.next(self.heap.memory)) {
                Some(Some(address)) => self.step(owner, address, can_nest),
                _ => match stack.pop() {
                    Some(open) => Step::Done(self.close(owner, open)),
                    None => return,
                },
            };
        }
    }

    fn step(&mut self, owner: usize, address: u64, can_nest: bool) -> Step {
        if self.values.is_cut {
            return Step::Done(0);
        }
        let Some(object) = self.heap.read(address) else {
            self.values.unreadable += 1;
            return Step::Done(0);
        };
        let content = object.content;
        if object.kind == Kind::Module || !self.visited.insert(address) {
            return Step::Done(content);
        }
        self.values.objects += 1;
        if self.values.objects.is_multiple_of(ASKED_EVERY) {
            self.values.is_cut = self.values.objects >= self.limits.objects || (self.is_over)();
        }
        if object.documentation != 0 {
            self.documentation(object.documentation);
        }
        if object.held.is_some() {
            if can_nest {
                return Step::Into(address, object);
            }
            self.values.too_deep += 1;
        }
        self.count(owner, (address, &object), content);
        Step::Done(content)
    }

    /// A container whose objects were all read.
    fn close(&mut self, owner: usize, open: Open) -> Fingerprint {
        let content = fingerprint::join(open.object.content, open.sum);
        self.count(owner, (open.address, &open.object), content);
        content
    }

    fn count(&mut self, owner: usize, (address, object): (u64, &Object), fingerprint: Fingerprint) {
        if object.is_collected {
            self.visited.collect(address);
        }
        let counted =
            Counted { fingerprint, share: object.share, flat_own_bytes: object.flat_own_bytes, address };
        self.owners.count(&self.limits, owner, counted);
    }

    /// Counts the documentation of a function or module: it has an owner of its own, as it can be left out.
    fn documentation(&mut self, address: u64) {
        if let Some(object) = self.heap.read(address).filter(|object| object.kind == Kind::Text)
            && self.visited.insert(address)
        {
            self.count(self.documentation, (address, &object), object.content);
        }
    }
}

impl Open {
    /// The next object that this one holds.
    fn next(&mut self, memory: &dyn PageMemory) -> Option<u64> {
        if let Some(value) = self.value.take() {
            return Some(value);
        }
        match self.object.held.as_ref()? {
            Held::Few(held) => {
                let next = held.get(self.at as usize).copied();
                self.at += 1;
                next
            }
            Held::Items { at, count, stride } => {
                while self.at < *count {
                    let item = at.wrapping_add(self.at * stride);
                    self.at += 1;
                    let address = crate::memory::read_u64(memory, item).ok()?;
                    // An entry of a set that was removed keeps a mark in its place.
                    let is_removed = self.object.kind == Kind::Set
                        && crate::memory::read_u64(memory, item.wrapping_add(8)).ok()? == u64::MAX;
                    if address != 0 && !is_removed {
                        return Some(address);
                    }
                }
                None
            }
            Held::Pairs(entries) => {
                let (at, entries): (u64, Entries) = (self.at, *entries);
                for at in at..entries.count {
                    self.at = at + 1;
                    let (key, value) = entries.pair(memory, at).ok()?;
                    if key != 0 && value != 0 {
                        self.value = Some(value);
                        return Some(key);
                    }
                }
                None
            }
        }
    }

    /// Takes in what one of its objects contains. The order of sets and dictionaries says nothing.
    fn add(&mut self, content: Fingerprint) {
        match (self.object.kind, self.object.held.as_ref()) {
            (Kind::Set, _) => self.sum = self.sum.wrapping_add(fingerprint::join(content, 1)),
            (_, Some(Held::Pairs(_))) if self.value.is_some() => self.key = content,
            (_, Some(Held::Pairs(_))) => {
                self.sum = self.sum.wrapping_add(fingerprint::join(self.key, content));
            }
            _ => self.sum = fingerprint::join(self.sum, content),
        }
    }
}

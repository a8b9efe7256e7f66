//! The walk itself: depth first, without recursion, every object once.
//!
//! Of large containers not every object is followed. Which ones are is decided by content, so that every process
//! follows the same ones: by that of keys in dictionaries, and by their own of strings and numbers elsewhere, as their
//! order may depend on the hash seed. Of other objects in lists their place decides. Those that are passed over are
//! read for their content alone, and those that are followed stand for them. What many containers hold counts less for
//! each way to it.

use super::{
    ValueLimits, Values,
    fingerprint::{self, Fingerprint},
    object::{Entries, Heap, Held, Object},
    owners::{Counted, Owner, Owners, Weight},
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
    /// So many objects, and the caller is asked again.
    asked_at: u64,
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
    /// What it stands for.
    weight: Weight,
    /// Of what it holds, one in so many is followed.
    one_in: u64,
    /// Objects passed over since the last one that was followed.
    passed_over: u64,
}

/// An object that comes next.
#[derive(Clone, Copy)]
struct Next {
    address: u64,
    weight: Weight,
    /// It was chosen by its own content for so many, wherever they are held.
    chosen_from: u64,
}

/// What became of one object.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one turn of the walk; a box for each container costs more"
)]
enum Step {
    /// Its content, all of it.
    Done(Fingerprint),
    /// A container to be read first.
    Into(Open),
}

const DEPTH_MAX: usize = 1 << 15;
/// Of large containers, at least so many objects are followed,
const FOLLOWED_MIN: u64 = 2048;
/// and at least one in so many.
const ONE_IN_MAX: u64 = 16;
/// Objects within objects that were chosen are not chosen from again when these stand for so many.
const WEIGHT_MAX: u64 = 64;
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
        Self { heap, limits, is_over, visited, owners, documentation, values, asked_at: ASKED_EVERY }
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
        Values { owners: self.owners.finish(), types: self.heap.collected_types(), ..self.values }
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
        let first = Next { address, weight: Weight { one_in: 1, by_chance: 1.0 }, chosen_from: 1 };
        let mut next = self.step(owner, first, true);
        loop {
            match next {
                Step::Into(open) => stack.push(open),
                Step::Done(content) => match stack.last_mut() {
                    Some(open) => open.add(content),
                    None => return,
                },
            }
            let can_nest = stack.len() < DEPTH_MAX;
            let Some(open) = stack.last_mut() else { return };
            let found = open.next(&mut self.heap);
            self.values.objects += std::mem::take(&mut open.passed_over);
            next = match found {
                Some(next) => self.step(owner, next, can_nest),
                None => match stack.pop() {
                    Some(open) => Step::Done(self.close(owner, open)),
                    None => return,
                },
            };
        }
    }

    fn step(&mut self, owner: usize, next: Next, can_nest: bool) -> Step {
        if self.values.is_cut {
            return Step::Done(0);
        }
        let address = next.address;
        let object = match self.heap.read(address, |_| true) {
            Ok(Some(object)) => object,
            Ok(None) => return Step::Done(0),
            Err(_) => {
                self.values.unreadable += 1;
                return Step::Done(0);
            }
        };
        let content = object.content;
        if object.kind == Kind::Module || !self.visited.insert(address) {
            return Step::Done(content);
        }
        self.values.objects += 1;
        if self.values.objects >= self.asked_at {
            self.asked_at = self.values.objects + ASKED_EVERY;
            self.values.is_cut = self.values.objects >= self.limits.objects || (self.is_over)();
        }
        if object.documentation != 0 {
            self.documentation(object.documentation);
        }
        let weight = next.weight_of(&object);
        if object.held.is_some() {
            if can_nest {
                return Step::Into(Open::new(address, object, weight));
            }
            self.values.too_deep += 1;
        }
        self.count(owner, (address, &object), content, weight);
        Step::Done(content)
    }

    /// A container whose objects were all read.
    fn close(&mut self, owner: usize, open: Open) -> Fingerprint {
        let content = fingerprint::join(open.object.content, open.sum);
        self.count(owner, (open.address, &open.object), content, open.weight);
        content
    }

    fn count(
        &mut self,
        owner: usize,
        (address, object): (u64, &Object),
        fingerprint: Fingerprint,
        weight: Weight,
    ) {
        let Object { share, flat_own_bytes, table, head_bytes, .. } = *object;
        let counted = Counted { fingerprint, share, flat_own_bytes, table, head_bytes, address, weight };
        self.owners.count(&self.limits, owner, counted);
    }

    /// Counts the documentation of a function or module: it has an owner of its own, as it can be left out.
    fn documentation(&mut self, address: u64) {
        if let Ok(Some(object)) = self.heap.read(address, |kind| kind == Kind::Text)
            && self.visited.insert(address)
        {
            let weight = Weight { one_in: 1, by_chance: 1.0 };
            self.count(self.documentation, (address, &object), object.content, weight);
        }
    }
}

impl Next {
    /// What the object stands for, now that it is known what it is.
    fn weight_of(&self, object: &Object) -> Weight {
        let Weight { one_in, by_chance } = self.weight;
        let by_chance = match by_chance {
            ..=1.0 => 1.0,
            // Each of so many references was a chance to get here.
            passed_over => {
                let references = object.references.clamp(1, REFERENCES_MAX) as i32;
                1.0 / (1.0 - (1.0 - 1.0 / passed_over).powi(references))
            }
        };
        // Its own content chose it, and would have by any reference.
        Weight { one_in: one_in * self.chosen_from, by_chance: by_chance * self.chosen_from as f64 }
    }
}

/// With so many references nothing is missed.
const REFERENCES_MAX: u64 = 1 << 12;

impl Open {
    fn new(address: u64, object: Object, weight: Weight) -> Self {
        let count = match &object.held {
            Some(Held::Pairs(entries)) => entries.used,
            Some(Held::Items { count, .. }) => *count,
            _ => 0,
        };
        let one_in = match (count / FOLLOWED_MIN).min(ONE_IN_MAX) {
            0 => 1,
            _ if weight.one_in >= WEIGHT_MAX => 1,
            most => 1 << most.ilog2(),
        };
        Self { address, object, at: 0, sum: 0, key: 0, value: None, weight, one_in, passed_over: 0 }
    }

    /// The next object that this one holds and that is followed.
    fn next(&mut self, heap: &mut Heap<'_>) -> Option<Next> {
        let memory = heap.memory;
        if let Some(address) = self.value.take() {
            if self.is_chosen(self.key) {
                return Some(self.one_of_many(address));
            }
            self.sum = self.sum.wrapping_add(self.key);
        }
        match self.object.held.as_ref()? {
            Held::Few(held) => {
                let next = held.get(self.at as usize).copied();
                self.at += 1;
                next.map(|address| self.every(address))
            }
            Held::Items { at, count, stride } => {
                let (at, count, stride) = (*at, *count, *stride);
                while self.at < count {
                    let number = self.at;
                    let item = at.wrapping_add(number * stride);
                    self.at += 1;
                    let address = crate::memory::read_u64(memory, item).ok()?;
                    // An entry of a set that was removed keeps a mark in its place.
                    let is_removed = self.object.kind == Kind::Set
                        && crate::memory::read_u64(memory, item.wrapping_add(8)).ok()? == u64::MAX;
                    if address != 0
                        && !is_removed
                        && let Some(next) = self.item(heap, number, address)
                    {
                        return Some(next);
                    }
                }
                None
            }
            Held::Pairs(entries) => {
                let entries: Entries = *entries;
                while self.at < entries.count {
                    let (key, value) = entries.pair(memory, self.at).ok()?;
                    self.at += 1;
                    if key != 0
                        && value != 0
                        && let Some(next) = self.key(heap, key)
                    {
                        self.value = Some(value);
                        return Some(next);
                    }
                }
                None
            }
        }
    }

    /// A key, unless it and its value are passed over.
    fn key(&mut self, heap: &mut Heap<'_>, address: u64) -> Option<Next> {
        match self.plain_content(heap, address) {
            None => Some(self.every(address)),
            Some(content) if self.is_chosen(content) => Some(self.chosen(address)),
            Some(content) => {
                self.sum = self.sum.wrapping_add(content);
                self.passed_over += 1;
                None
            }
        }
    }

    /// What is held at a place, unless it is passed over.
    fn item(&mut self, heap: &mut Heap<'_>, number: u64, address: u64) -> Option<Next> {
        match self.plain_content(heap, address) {
            Some(content) if self.is_chosen(content) => Some(self.chosen(address)),
            Some(content) => {
                self.add(content);
                self.passed_over += 1;
                None
            }
            // The order of sets says nothing, so every process has to follow all.
            None if self.one_in == 1 || self.object.kind == Kind::Set => Some(self.every(address)),
            None if spread(number).is_multiple_of(self.one_in) => Some(self.one_of_many(address)),
            None => None,
        }
    }

    /// The content by which an object is chosen, where that has to be.
    fn plain_content(&self, heap: &mut Heap<'_>, address: u64) -> Option<Fingerprint> {
        if self.one_in == 1 {
            return None;
        }
        heap.plain_content(address).ok().flatten()
    }

    fn is_chosen(&self, content: Fingerprint) -> bool {
        (content as u64).is_multiple_of(self.one_in)
    }

    /// An object of which none like it is passed over.
    fn every(&self, address: u64) -> Next {
        Next { address, weight: self.weight, chosen_from: 1 }
    }

    /// One that its own content chose.
    fn chosen(&self, address: u64) -> Next {
        Next { address, weight: self.weight, chosen_from: self.one_in }
    }

    /// One that its key or its place chose.
    fn one_of_many(&self, address: u64) -> Next {
        let Weight { one_in, by_chance } = self.weight;
        let weight = Weight { one_in: one_in * self.one_in, by_chance: by_chance * self.one_in as f64 };
        Next { address, weight, chosen_from: 1 }
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

/// Spreads places in a list, so that what is chosen follows no pattern.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

//! One perf ring: memory that the kernel writes records into and we read them from.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use linux_perf_event_reader::{RawData, RawEventRecord, RecordParseInfo, RecordType};
use perf_event_open_sys::bindings::perf_event_mmap_page;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

const HEADER_BYTES: usize = 8;

/// The ring of one CPU, with the events that write to it.
pub(crate) struct Ring {
    memory: Mapping,
    /// Where the next record to read starts; only ever grows.
    tail: u64,
    /// The next record, once looked at.
    front: Option<Front>,
    /// The next record in one piece, when it wraps around the ring's end.
    joined: Vec<u8>,
    events: Vec<OwnedFd>,
}

#[derive(Clone, Copy)]
struct Front {
    record_type: RecordType,
    misc: u16,
    bytes: usize,
    time_ns: u64,
    wraps: bool,
}

/// The control page and the data pages after it, mapped from an event.
struct Mapping {
    base: NonNull<u8>,
    page_bytes: usize,
    data_bytes: usize,
}

// SAFETY: the mapping belongs to this value alone and may be used from any one thread at a time.
unsafe impl Send for Mapping {}

impl Ring {
    /// Maps a ring of `data_bytes`, a power of two, for `event`.
    pub(crate) fn new(event: OwnedFd, data_bytes: usize) -> io::Result<Self> {
        let memory = Mapping::new(event.as_fd(), data_bytes)?;
        Ok(Self { memory, tail: 0, front: None, joined: Vec::new(), events: vec![event] })
    }

    /// Keeps an event that was redirected to this ring.
    pub(crate) fn keep(&mut self, event: OwnedFd) {
        self.events.push(event);
    }

    pub(crate) fn events(&self) -> &[OwnedFd] {
        &self.events
    }

    /// The time of the next record, if there is one.
    pub(crate) fn front_time_ns(&mut self, format: &RecordParseInfo) -> Option<u64> {
        if self.front.is_none() {
            self.front = self.look(format);
        }
        self.front.map(|front| front.time_ns)
    }

    /// The next record, after [`Self::front_time_ns`] found one.
    pub(crate) fn record(&self, format: &RecordParseInfo) -> Option<RawEventRecord<'_>> {
        let front = self.front?;
        let bytes = if front.wraps {
            self.joined.get(HEADER_BYTES..)?
        } else {
            self.memory.data(self.tail, front.bytes)?.get(HEADER_BYTES..)?
        };
        Some(RawEventRecord::new(front.record_type, front.misc, RawData::Single(bytes), *format))
    }

    /// Gives the memory of the next record back to the kernel.
    pub(crate) fn consume(&mut self) {
        if let Some(front) = self.front.take() {
            self.tail += front.bytes as u64;
            self.memory.tail().store(self.tail, Ordering::Release);
        }
    }

    fn look(&mut self, format: &RecordParseInfo) -> Option<Front> {
        let head = self.memory.head().load(Ordering::Acquire);
        let available = usize::try_from(head.wrapping_sub(self.tail)).ok()?;
        if available < HEADER_BYTES {
            return None;
        }
        // Records are multiples of eight bytes, so a header never wraps.
        let header = self.memory.data(self.tail, HEADER_BYTES)?;
        let (kind, rest) = header.split_first_chunk::<4>()?;
        let (misc, size) = rest.split_first_chunk::<2>()?;
        let bytes = usize::from(u16::from_ne_bytes(size.first_chunk().copied()?));
        if bytes < HEADER_BYTES || bytes > available {
            // The kernel never writes this; skip to its head rather than read nonsense for ever.
            self.tail = head;
            self.memory.tail().store(self.tail, Ordering::Release);
            return None;
        }
        let mut front = Front {
            record_type: RecordType(u32::from_ne_bytes(*kind)),
            misc: u16::from_ne_bytes(*misc),
            bytes,
            time_ns: 0,
            wraps: self.memory.data(self.tail, bytes).is_none(),
        };
        if front.wraps {
            self.joined.clear();
            self.memory.join(self.tail, bytes, &mut self.joined);
        }
        self.front = Some(front);
        front.time_ns = self.record(format)?.timestamp().unwrap_or(0);
        Some(front)
    }
}

impl Mapping {
    fn new(event: BorrowedFd<'_>, data_bytes: usize) -> io::Result<Self> {
        let page_bytes = rustix::param::page_size();
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other memory.
        let base = unsafe {
            mmap(std::ptr::null_mut(), page_bytes + data_bytes, protection, MapFlags::SHARED, event, 0)
        }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, page_bytes, data_bytes })
    }

    fn head(&self) -> &AtomicU64 {
        self.position(std::mem::offset_of!(perf_event_mmap_page, data_head))
    }

    fn tail(&self) -> &AtomicU64 {
        self.position(std::mem::offset_of!(perf_event_mmap_page, data_tail))
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the offset is that of an aligned 64-bit field of the control page, which is mapped as long as
        // `self` lives and which both sides access atomically.
        unsafe { &*self.base.as_ptr().add(offset).cast::<AtomicU64>() }
    }

    /// Bytes at a position, unless they wrap around the end. The caller passes positions between tail and head,
    /// which the kernel leaves alone until the tail moves.
    fn data(&self, position: u64, count: usize) -> Option<&[u8]> {
        let start = (position as usize) & (self.data_bytes - 1);
        if start + count > self.data_bytes {
            return None;
        }
        // SAFETY: the range lies in the mapped data pages and the kernel does not write to unread records.
        Some(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(self.page_bytes + start), count) })
    }

    fn join(&self, position: u64, count: usize, into: &mut Vec<u8>) {
        let start = (position as usize) & (self.data_bytes - 1);
        let first = count.min(self.data_bytes - start);
        into.extend_from_slice(self.data(position, first).unwrap_or_default());
        into.extend_from_slice(self.data(position + first as u64, count - first).unwrap_or_default());
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping made in `new`, and no slice of it outlives `self`. A failure would
        // only leave memory mapped.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.page_bytes + self.data_bytes) };
    }
}

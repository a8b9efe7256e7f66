//! The same in Rust: names are mangled, and a method of a generic type is in between.
use std::hint::black_box;

struct Wrapper<T>(T);

impl<T: Copy + Into<u64>> Wrapper<T> {
    #[inline(always)]
    fn inner(&self) -> u64 {
        black_box(self.0.into()).wrapping_mul(31) // line of inner
    }
}

#[inline(never)]
pub fn outer(value: u32) -> u64 {
    black_box(1);
    Wrapper(value).inner() // line of outer
}

fn main() {
    black_box(outer(black_box(7)));
}

//! Feature flags: what an evaluation says about the running request.

use std::borrow::Cow;

/// Why a flag took its variant, in OpenFeature's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A fixed value, without rules.
    Static = 1,
    /// The default, because nothing else applied.
    Default = 2,
    /// A rule chose it, so users of the variants differ.
    TargetingMatch = 3,
    /// Drawn at random: a difference in cost between variants is an effect.
    Split = 4,
    /// From a cache.
    Cached = 5,
    /// The flag is switched off.
    Disabled = 6,
    /// Nobody knows.
    #[default]
    Unknown = 7,
    /// From a cache that may be out of date.
    Stale = 8,
    /// The evaluation failed.
    Error = 9,
}

impl Reason {
    /// Reasons are numbered from one.
    pub(crate) const COUNT: usize = 10;
}

/// The name of a flag's value. Not for user ids: from the 21st variant on a flag says `_other`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant<'a>(pub(crate) Cow<'a, str>);

impl<'a> From<&'a str> for Variant<'a> {
    fn from(name: &'a str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl<'a> From<&'a String> for Variant<'a> {
    fn from(name: &'a String) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl From<bool> for Variant<'_> {
    fn from(on: bool) -> Self {
        Self(Cow::Borrowed(if on { "true" } else { "false" }))
    }
}

impl From<i64> for Variant<'_> {
    fn from(number: i64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

/// Says that a flag was evaluated to a variant by the running request, whose CPU time carries the label from here on.
///
/// Without a request the evaluation is counted and labels nothing.
pub fn flag<'a>(key: &str, variant: impl Into<Variant<'a>>, reason: Reason) {
    let Some(sdk) = crate::sdk::get() else { return };
    let Variant(variant) = variant.into();
    let before = crate::current::record();
    let Some(after) = sdk.evaluate(before, (key, &variant, reason)) else { return };
    if let (Some(before), Some(after)) = (before, after)
        && !std::ptr::eq(before, after)
    {
        crate::current::refine(after);
    }
}

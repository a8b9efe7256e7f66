//! Records: the labels of a piece of work in the layout of OTEP 4947, immutable and never freed.

pub(crate) const MAX_ATTRIBUTES_BYTES: usize = 612;
pub(crate) const MAX_FLAGS: usize = 32;
pub(crate) const MAX_FLAG_KEY_BYTES: usize = 128;
pub(crate) const MAX_LABEL_BYTES: usize = 255;
pub(crate) const MAX_VARIANT_BYTES: usize = 32;

/// Names of the first key indexes; flags follow.
pub(crate) const FIXED_KEYS: [&str; 3] = ["endpoint", "fewer.overflow", "fewer.caller"];
pub(crate) const FLAG_PREFIX: &str = "feature_flag.result.variant.";

const KEY_ENDPOINT: u8 = 0;
const KEY_OVERFLOW: u8 = 1;

/// What one record says. Flags are (key index, variant) in order of key index, each once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Labels {
    pub(crate) endpoint: Box<str>,
    pub(crate) flags: Vec<(u8, Box<str>)>,
    pub(crate) overflow: bool,
}

impl Labels {
    pub(crate) fn plain(endpoint: &str) -> Self {
        Self { endpoint: endpoint.into(), flags: Vec::new(), overflow: false }
    }

    /// The same without flags, and saying that there was more than the caps let it say.
    pub(crate) fn overflowed(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), flags: Vec::new(), overflow: true }
    }

    /// The same with one flag more; the last variant of a flag counts.
    pub(crate) fn with_flag(&self, key: u8, variant: &str) -> Self {
        let mut labels = self.clone();
        match labels.flags.binary_search_by_key(&key, |flag| flag.0) {
            Ok(place) => {
                if let Some(flag) = labels.flags.get_mut(place) {
                    flag.1 = variant.into();
                }
            }
            Err(place) => labels.flags.insert(place, (key, variant.into())),
        }
        labels
    }

    pub(crate) fn fits(&self) -> bool {
        let bytes: usize = self.attributes().map(|(_, value)| 2 + value.len()).sum();
        self.flags.len() <= MAX_FLAGS && bytes <= MAX_ATTRIBUTES_BYTES
    }

    pub(crate) fn encode(&self) -> Box<[u8]> {
        encode(self.attributes())
    }

    fn attributes(&self) -> impl Iterator<Item = (u8, &str)> {
        let endpoint = (KEY_ENDPOINT, &*self.endpoint);
        let overflow = self.overflow.then_some((KEY_OVERFLOW, "1"));
        let flags = self.flags.iter().map(|(key, variant)| (*key, &**variant));
        std::iter::once(endpoint).chain(overflow).chain(flags)
    }
}

/// One interned label set.
pub(crate) struct Record {
    /// Its place among all records, which is its slot in the counters page too.
    pub(crate) index: usize,
    pub(crate) labels: Labels,
    /// What the thread context points at.
    pub(crate) bytes: Box<[u8]>,
}

/// A header without trace, valid, and the attributes.
pub(crate) fn encode<'a>(attributes: impl Iterator<Item = (u8, &'a str)>) -> Box<[u8]> {
    let mut data = Vec::with_capacity(28 + MAX_ATTRIBUTES_BYTES);
    for (key, value) in attributes {
        let (value, _) = bounded(value, MAX_LABEL_BYTES);
        data.extend([key, value.len() as u8]);
        data.extend(value.as_bytes());
    }
    let mut record = vec![0; 24];
    record.extend([1, 0]);
    record.extend((data.len() as u16).to_ne_bytes());
    record.extend(data);
    record.into_boxed_slice()
}

/// At most `limit` bytes of a text, cut between characters; and whether something was cut.
pub(crate) fn bounded(text: &str, limit: usize) -> (&str, bool) {
    if text.is_empty() {
        return ("(empty)", false);
    }
    let end = text.floor_char_boundary(limit);
    (text.get(..end).unwrap_or_default(), end < text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let check = |text: &str, limit, expected: (&str, bool)| {
            assert_eq!(bounded(text, limit), expected, "{text:?} at {limit}");
        };
        check("", 4, ("(empty)", false));
        check("abcd", 4, ("abcd", false));
        check("abcde", 4, ("abcd", true));
        check("abc\u{e9}", 4, ("abc", true));
        check("\u{1f980}", 3, ("", true));
    }

    #[test]
    fn a_record_is_laid_out_as_the_otep_says() {
        let labels = Labels::plain("GET /").with_flag(4, "on").with_flag(3, "b").with_flag(4, "off");
        let mut expected = vec![0; 24];
        expected.extend([1, 0, 15, 0]);
        expected.extend(b"\x00\x05GET /\x03\x01b\x04\x03off");
        assert_eq!(&*labels.encode(), expected);
        assert!(labels.overflowed().flags.is_empty());
    }
}

//! What the rows of a table stand for.

use std::{convert::Infallible, fmt, str::FromStr};

use model::keys;

/// What the rows of a table stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Functions.
    Function,
    /// Feature flags, each variant in a row of its own.
    Flag,
    /// The values of one label.
    Label(String),
}

/// Short names of labels.
const LABELS: [(&str, &str); 10] = [
    ("endpoint", keys::ENDPOINT),
    ("service", keys::SERVICE_NAME),
    ("version", keys::SERVICE_VERSION),
    ("host", keys::HOST_NAME),
    ("container", keys::CONTAINER_ID),
    ("process", keys::PROCESS_PID),
    ("pid", keys::PROCESS_PID),
    ("thread", keys::THREAD_NAME),
    ("query", "db.query.text"),
    ("source", keys::LABEL_SOURCE),
];

impl By {
    /// Endpoints.
    pub(crate) fn endpoint() -> Self {
        Self::Label(keys::ENDPOINT.to_owned())
    }
}

/// What has no short name is a label.
impl FromStr for By {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let label = |name: &str| LABELS.iter().find(|(short, _)| *short == name).map(|(_, key)| *key);
        Ok(match text {
            "function" => Self::Function,
            "flag" => Self::Flag,
            name => Self::Label(label(name).unwrap_or(name).to_owned()),
        })
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function => f.write_str("function"),
            Self::Flag => f.write_str("flag"),
            Self::Label(key) => f.write_str(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_short_name_is_a_label() {
        let texts = ["function", "flag", "endpoint", "service", "region", "feature_flag.result.variant.new"];
        let read = texts.map(|text| text.parse::<By>().unwrap().to_string());
        assert_eq!(
            read,
            ["function", "flag", "endpoint", "service.name", "region", "feature_flag.result.variant.new"]
        );
        assert_eq!("endpoint".parse(), Ok(By::endpoint()));
    }
}

//! What a process's environment says about its service, by OpenTelemetry's variables.

/// The environment's facts. Only OpenTelemetry's variables and the host name are looked at; nothing else of
/// the environment is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `OTEL_SERVICE_NAME`, else `service.name` of `OTEL_RESOURCE_ATTRIBUTES`.
    pub(crate) service_name: Option<String>,
    /// The other pairs of `OTEL_RESOURCE_ATTRIBUTES`, in their order.
    pub(crate) attributes: Vec<(String, String)>,
    /// `HOSTNAME`: in a container, its name or the name of its pod.
    pub(crate) host_name: Option<String>,
    /// True when Kubernetes started the process.
    pub(crate) in_kubernetes: bool,
}

/// Attributes beyond this many are left out.
const MAX_ATTRIBUTES: usize = 32;
/// Longer keys and values are left out rather than cut: half a value would be a wrong one.
const MAX_TEXT_BYTES: usize = 256;

/// Reads the content of `/proc/PID/environ`.
pub(crate) fn parse(environ: &[u8]) -> Environment {
    let mut found = Environment::default();
    let mut service_name = None;
    for entry in environ.split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        let Some((key, value)) = entry.split_once('=') else { continue };
        if value.is_empty() {
            continue;
        }
        match key {
            "OTEL_SERVICE_NAME" if value.len() <= MAX_TEXT_BYTES => service_name = Some(value.to_owned()),
            "OTEL_RESOURCE_ATTRIBUTES" => found.attributes = resource_attributes(value),
            "HOSTNAME" => found.host_name = Some(value.to_owned()),
            "KUBERNETES_SERVICE_HOST" => found.in_kubernetes = true,
            _ => {}
        }
    }
    let named = found.attributes.iter().position(|(key, _)| key == model::keys::SERVICE_NAME);
    let from_attributes = named.map(|at| found.attributes.remove(at).1);
    found.service_name = service_name.or(from_attributes);
    found
}

/// Pairs of the form `key=value,key=value` with percent-encoded values.
fn resource_attributes(text: &str) -> Vec<(String, String)> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), percent_decoded(value.trim())))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .filter(|(key, value)| key.len() <= MAX_TEXT_BYTES && value.len() <= MAX_TEXT_BYTES)
        .take(MAX_ATTRIBUTES)
        .collect()
}

/// Replaces `%41` by `A`. What is not a valid escape stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environ: &str, service_name: Option<&str>, attributes: &[(&str, &str)]) {
        let found = parse(environ.replace('|', "\0").as_bytes());
        assert_eq!(found.service_name.as_deref(), service_name, "{environ}");
        let pairs: Vec<(&str, &str)> =
            found.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, attributes, "{environ}");
    }

    #[test]
    fn service_name_and_attributes() {
        check("", None, &[]);
        check("PATH=/bin|OTEL_SERVICE_NAME=feed|", Some("feed"), &[]);
        check("OTEL_SERVICE_NAME=|", None, &[]);
        check(
            "OTEL_RESOURCE_ATTRIBUTES=service.name=feed,service.version=1.2",
            Some("feed"),
            &[("service.version", "1.2")],
        );
        check("OTEL_RESOURCE_ATTRIBUTES=service.name=old|OTEL_SERVICE_NAME=feed", Some("feed"), &[]);
        check(
            "OTEL_RESOURCE_ATTRIBUTES= team = a%20b%2Cc , x=%zz%4",
            None,
            &[("team", "a b,c"), ("x", "%zz%4")],
        );
        check("OTEL_RESOURCE_ATTRIBUTES==a,b=,c,,d=%e2%82%ac", None, &[("d", "€")]);
        check("postgres: writer process   |garbage", None, &[]);
    }

    #[test]
    fn too_much_is_left_out() {
        let long = "v".repeat(MAX_TEXT_BYTES + 1);
        check(
            &format!("OTEL_SERVICE_NAME={long}|OTEL_RESOURCE_ATTRIBUTES=a={long},b=1"),
            None,
            &[("b", "1")],
        );
        let many: Vec<String> = (0..99).map(|at| format!("k{at}=v")).collect();
        let found = parse(format!("OTEL_RESOURCE_ATTRIBUTES={}", many.join(",")).as_bytes());
        assert_eq!(found.attributes.len(), MAX_ATTRIBUTES);
    }

    #[test]
    fn kubernetes_and_host_name() {
        let found = parse(b"KUBERNETES_SERVICE_HOST=10.0.0.1\0HOSTNAME=feed-7d9f8b6c5d-x2x4q\0");
        assert!(found.in_kubernetes);
        assert_eq!(found.host_name.as_deref(), Some("feed-7d9f8b6c5d-x2x4q"));
    }
}

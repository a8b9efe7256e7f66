//! Requests to a collector under test.

use std::time::Duration;

use serde_json::Value;

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(20)))
        .http_status_as_error(false)
        .build();
    ureq::Agent::new_with_config(config)
}

/// The JSON that a path answers, with its status; an error when nobody answers.
pub fn get_json(port: u16, path: &str) -> Result<(u16, Value), ureq::Error> {
    let mut response = agent().get(format!("http://127.0.0.1:{port}{path}")).call()?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string()?;
    Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
}

/// Sends the body of a push; true when it was acknowledged.
pub fn push(port: u16, body: &[u8]) -> bool {
    agent()
        .post(format!("http://127.0.0.1:{port}/api/v1/push"))
        .content_type(wire::push::CONTENT_TYPE)
        .send(body)
        .is_ok_and(|response| response.status().is_success())
}

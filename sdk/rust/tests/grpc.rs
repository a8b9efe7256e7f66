//! A real tonic server and a real client: gRPC names and statuses.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use fewer_sdk::tower::Layer;
use support::{Process, endpoint};
use tonic::{Code, Request, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

async fn health(channel: &Channel, service: &str) -> Code {
    let request = HealthCheckRequest { service: service.to_owned() };
    match HealthClient::new(channel.clone()).check(request).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

async fn invented(channel: &Channel, path: &str) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let path = PathAndQuery::try_from(path).unwrap();
    let answer = client.unary(Request::new(HealthCheckRequest::default()), path, codec).await;
    answer.unwrap_err().code()
}

#[test]
fn methods_are_named_and_statuses_counted() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (_reporter, service) = tonic_health::server::health_reporter();
        let incoming = tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let server = tonic::transport::Server::builder().layer(Layer::new()).add_service(service);
        tokio::spawn(server.serve_with_incoming(incoming));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();

        assert_eq!(invented(&channel, "/grpc.health.v1.Health/Invented").await, Code::Unimplemented);
        for number in 0..20 {
            let path = format!("/made.up.Service{number}/Method");
            assert_eq!(invented(&channel, &path).await, Code::Unimplemented);
        }
        for _ in 0..10 {
            assert_eq!(health(&channel, "").await, Code::Ok);
        }
        for _ in 0..3 {
            assert_eq!(health(&channel, "nobody").await, Code::NotFound);
        }
    });
    let process = Process::open(std::process::id());
    let counts =
        process.counters_when(|counts| counts.values().map(|count| count.requests).sum::<u64>() == 34);
    let check = |name: &str, expected: (u64, u64, u64)| {
        let found = counts.get(&endpoint(name)).copied().unwrap_or_default();
        assert_eq!(
            (found.requests, found.client_errors, found.server_errors),
            expected,
            "{name}: {counts:?}"
        );
    };
    check("grpc:grpc.health.v1.Health/Check", (13, 3, 0));
    check("grpc:(unrouted)", (21, 0, 21));
    assert_eq!(counts.len(), 2, "invented methods make no names");
}

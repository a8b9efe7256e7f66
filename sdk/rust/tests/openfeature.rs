//! A real OpenFeature client with the hook: variants and reasons as the provider gives them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use fewer_sdk::{InRequest, openfeature::Hook};
use open_feature::{
    EvaluationContext, EvaluationReason, EvaluationResult, OpenFeature, StructValue,
    provider::{FeatureProvider, ProviderMetadata, ResolutionDetails},
};
use support::{Process, labels};

struct Provider(ProviderMetadata);

fn details<T>(
    value: T,
    variant: Option<&str>,
    reason: EvaluationReason,
) -> EvaluationResult<ResolutionDetails<T>> {
    let mut details = ResolutionDetails::new(value);
    details.variant = variant.map(str::to_owned);
    details.reason = Some(reason);
    Ok(details)
}

fn missing<T>() -> EvaluationResult<T> {
    let code = open_feature::EvaluationErrorCode::FlagNotFound;
    Err(open_feature::EvaluationError::builder().code(code).message("no such flag").build())
}

#[async_trait::async_trait]
impl FeatureProvider for Provider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.0
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        match key {
            "dark" => details(true, None, EvaluationReason::Split),
            _ => missing(),
        }
    }

    async fn resolve_int_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        details(7, None, EvaluationReason::Static)
    }

    async fn resolve_float_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        missing()
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        let variant = (key == "ranking").then_some("new");
        details("a private text".to_owned(), variant, EvaluationReason::TargetingMatch)
    }

    async fn resolve_struct_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        missing()
    }
}

#[tokio::test]
async fn evaluations_become_labels() {
    let mut api = OpenFeature::default();
    api.set_provider(Provider(ProviderMetadata { name: "test".to_owned() })).await;
    let client = api.create_client().with_hook(Hook);
    async {
        assert!(client.get_bool_value("dark", None, None).await.unwrap());
        assert_eq!(client.get_int_value("limit", None, None).await.unwrap(), 7);
        client.get_string_value("ranking", None, None).await.unwrap();
        client.get_string_value("banner", None, None).await.unwrap();
        client.get_bool_value("missing", None, None).await.unwrap_err();
    }
    .in_request("GET /feed")
    .await;

    let prefix = "feature_flag.result.variant.";
    let flags = [
        ("dark", "true", 4),
        ("limit", "7", 1),
        ("ranking", "new", 3),
        ("banner", "#0c317a77", 3),
        ("missing", "false", 9),
    ];
    let process = Process::open(std::process::id());
    let expected =
        flags.map(|(key, variant, reason)| ((format!("{prefix}{key}"), variant.to_owned(), reason), 1));
    assert_eq!(process.evaluations(), expected.into());
    let mut all = labels([("endpoint", "GET /feed")]);
    all.extend(flags.map(|(key, variant, _)| (format!("{prefix}{key}"), variant.to_owned())));
    let counts = process.counters().unwrap();
    assert_eq!(counts.keys().collect::<Vec<_>>(), [&all]);
}

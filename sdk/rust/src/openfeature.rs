//! OpenFeature: `client.with_hook(fewer_sdk::openfeature::Hook)`.

use std::borrow::Cow;

use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationError, EvaluationReason, HookContext, HookHints, Value,
};

use crate::{Reason, Variant};

/// Notes variant and reason of every evaluation, the default served after an error included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hook;

#[async_trait::async_trait]
impl open_feature::Hook for Hook {
    async fn before<'a>(
        &self,
        _context: &HookContext<'a>,
        _hints: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        Ok(None)
    }

    async fn after<'a>(
        &self,
        _context: &HookContext<'a>,
        _details: &EvaluationDetails<Value>,
        _hints: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        Ok(())
    }

    async fn error<'a>(
        &self,
        _context: &HookContext<'a>,
        _error: &EvaluationError,
        _hints: Option<&'a HookHints>,
    ) {
    }

    async fn finally<'a>(
        &self,
        context: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _hints: Option<&'a HookHints>,
    ) {
        let variant = match &details.variant {
            Some(variant) => Variant::from(variant),
            None => Variant(name_of(&details.value)),
        };
        crate::flag(context.flag_key, variant, reason_of(details.reason.as_ref()));
    }
}

/// Booleans and whole numbers as they read. Anything else may be large or private, so a short hash names it.
fn name_of(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Bool(on) => Variant::from(*on).0,
        Value::Int(number) => Variant::from(*number).0,
        Value::String(text) => hash(text),
        other => hash(&format!("{other:?}")),
    }
}

/// FNV-1a, folded to eight digits.
fn hash(text: &str) -> Cow<'static, str> {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Cow::Owned(format!("#{:08x}", (hash ^ (hash >> 32)) as u32))
}

fn reason_of(reason: Option<&EvaluationReason>) -> Reason {
    match reason {
        Some(EvaluationReason::Static) => Reason::Static,
        Some(EvaluationReason::Default) => Reason::Default,
        Some(EvaluationReason::TargetingMatch) => Reason::TargetingMatch,
        Some(EvaluationReason::Split) => Reason::Split,
        Some(EvaluationReason::Cached) => Reason::Cached,
        Some(EvaluationReason::Disabled) => Reason::Disabled,
        Some(EvaluationReason::Error) => Reason::Error,
        Some(EvaluationReason::Other(reason)) if reason.eq_ignore_ascii_case("stale") => Reason::Stale,
        Some(EvaluationReason::Unknown | EvaluationReason::Other(_)) | None => Reason::Unknown,
    }
}

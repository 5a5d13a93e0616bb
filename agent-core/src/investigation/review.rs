//! A second model's doubts about a finding, which may only lower it.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Case;
use crate::{
    Finding,
    fence::fenced,
    finding::{ClaimKind, Verdict},
    ports::{Delta, Message, Model, ModelRequest, Purpose},
    prompts,
};

/// Tokens of a review.
const MAX_TOKENS: u32 = 400;
/// Characters of evidence that are shown for one claim.
const MAX_EVIDENCE_CHARS: usize = 600;
/// A reviewer that is less sure than this leaves nothing `confirmed`.
const SURE: f64 = 0.6;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "properties": {
            "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
            "doubtful_claims": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
        },
        "required": ["confidence", "doubtful_claims"],
        "additionalProperties": false,
    })
});

/// What a reviewer says.
#[derive(Deserialize)]
struct Review {
    confidence: f64,
    #[serde(default)]
    doubtful_claims: Vec<usize>,
}

/// Shows a finding with its evidence to another model. Doubts make claims inferred, lower the confidence and take a
/// `confirmed` back to `likely`; praise changes nothing. A reviewer that fails or talks nonsense is not heard.
pub(super) async fn review(case: &mut Case<'_>, reviewer: &dyn Model, finding: Finding) -> Finding {
    if finding.root_causes.is_empty() || case.overrun().is_some() || case.is_out_of_time() {
        return finding;
    }
    let request = ModelRequest {
        messages: vec![
            Message::System { text: prompts::review(case.scene().language).to_owned() },
            Message::User { text: told(case, &finding) },
        ],
        language: case.scene().language,
        purpose: Purpose::Review,
        max_tokens: MAX_TOKENS,
        output: Some(SCHEMA.clone()),
        ..ModelRequest::default()
    };
    let ignored = |_: Delta<'_>| {};
    let span = tracing::info_span!("chat", gen_ai.request.model = reviewer.name());
    let in_turn = async {
        let _turn = case.investigator.limits.model_turn().await;
        reviewer.complete(&request, &ignored).await
    };
    let asked = timeout(case.investigator.budget.model_timeout.min(case.time_left()), in_turn);
    let asked = tracing::Instrument::instrument(asked, span);
    let asked = tokio::select! {
        biased;
        // What was found stands, whether it was doubted or not.
        () = case.scene().cancel.cancelled() => return finding,
        asked = asked => asked,
    };
    let reply = match asked {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            case.spend(error.usage());
            tracing::warn!(error = error.chain(), "finding was not reviewed");
            return finding;
        }
        Err(_) => return finding,
    };
    case.spend(reply.usage);
    case.note_review(&reply.text);
    match serde_json::from_str::<Review>(&reply.text) {
        Ok(review) => lowered(finding, &review),
        Err(error) => {
            tracing::warn!(%error, "review cannot be read");
            finding
        }
    }
}

fn lowered(finding: Finding, review: &Review) -> Finding {
    let mut finding = finding;
    let confidence = if review.confidence.is_nan() { 0.0 } else { review.confidence.clamp(0.0, 1.0) };
    finding.confidence = finding.confidence.min(confidence);
    for cause in &mut finding.root_causes {
        cause.confidence = cause.confidence.min(finding.confidence);
    }
    let claims = finding.root_causes.iter_mut().flat_map(|cause| &mut cause.claims);
    for (_, claim) in claims.enumerate().filter(|(index, _)| review.doubtful_claims.contains(&(index + 1))) {
        claim.kind = ClaimKind::Inferred;
    }
    let is_doubted = confidence < SURE || !review.doubtful_claims.is_empty();
    if is_doubted && finding.verdict == Verdict::Confirmed {
        finding.verdict = Verdict::Likely;
    }
    finding
}

/// Tells a finding: its claims, numbered through, each with the evidence that it cites.
fn told(case: &Case<'_>, finding: &Finding) -> String {
    let mut text = format!("Symptom: {}\n", fenced("symptom", &finding.symptom.text));
    let mut number = 0;
    for cause in &finding.root_causes {
        text.push_str(&format!("\nCause: `{}`, {}\n", cause.service, cause.fault_class));
        for claim in &cause.claims {
            number += 1;
            text.push_str(&format!("{number}. {}\n", fenced("claim", &claim.text)));
            for evidence in claim.evidence.iter().filter_map(|id| case.evidence().get(id)) {
                let shown: String = evidence.text.chars().take(MAX_EVIDENCE_CHARS).collect();
                text.push_str(&format!("{}\n", fenced(&evidence.id.to_string(), &shown)));
            }
        }
    }
    text
}

//! A question in an incident's chat and its answer, by the same means as an investigation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Evidence, Finding, Language, Result, Scene,
    fence::fenced,
    finding::Claim,
    grounding::Ground,
    investigation::{Case, Investigator, SUBMIT_ANSWER, Watch, incident_text},
    ports::{Message, ToolCall, ToolReply, ToolSpec},
    prompts,
    verify::holding_claims,
};

/// Name under which the finding that a question follows up stands in the conversation.
pub const FINDING_CONTEXT: &str = "finding";

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// What the question was taken to ask, in one line. States nothing: it repeats what was asked.
    #[serde(default)]
    pub understood: String,
    /// Words that state nothing: what was not understood, what was searched without result.
    #[serde(default)]
    pub note: String,
    /// The answer, sentence by sentence, each with its evidence.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What could be asked next; may be empty.
    #[serde(default)]
    pub follow_ups: Vec<String>,
}

/// A verified answer with the evidence that was gathered for it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The answer: every claim in it holds.
    pub answer: Answer,
    /// New evidence, by id.
    pub evidence: Vec<Evidence>,
}

/// Answers a question, knowing the finding that it may be about.
///
/// # Errors
///
/// As [`investigate`](crate::investigation::investigate).
pub async fn answer(
    investigator: &Investigator,
    scene: &Scene,
    finding: Option<&Finding>,
    question: &str,
    watch: &dyn Watch,
) -> Result<Answered> {
    let mut case = Case::open(investigator, scene, watch).await?;
    case.say(Message::System { text: prompts::answer(scene.language).to_owned() });
    case.say(Message::User { text: incident_text(&scene.incident) });
    show_context(&mut case, finding).await?;
    case.say(Message::User { text: question.to_owned() });

    let answer = converse(&mut case).await?;
    let mut answer = answer.unwrap_or_default();
    answer.claims = holding_claims(answer.claims, case.evidence(), &case.service_names());
    if !only_repeats(&answer.understood, question, scene, &case) {
        answer.understood.clear();
    }
    // A note is not proven, so it may not carry numbers of its own.
    let note_holds = Ground::default().missing(&answer.note, &[]).is_empty();
    if !note_holds && !is_about_search(&answer.note, &case) {
        answer.note.clear();
    }
    if answer.note.is_empty() && answer.claims.is_empty() {
        answer.note =
            scene.language.pick("I found nothing that I can prove.", "没有找到我能证明的内容。").to_owned();
    }
    Ok(Answered { answer, evidence: case.into_evidence() })
}

/// Lets the model call tools until it answers. When the budget is spent, the fallback has the last word.
async fn converse(case: &mut Case<'_>) -> Result<Option<Answer>> {
    loop {
        if !case.may_go_on() {
            case.fall_back("the budget ran out before an answer was submitted");
        }
        let is_last = !case.may_go_on();
        let mut tools = if is_last { Vec::new() } else { case.specs() };
        tools.push(answer_spec());
        let Some(reply) = case.ask_model(tools).await? else { return Ok(None) };
        let calls = case.say_reply(reply);
        if calls.is_empty() {
            case.fall_back("it answered without evidence");
        }
        let (submitted, asked): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| call.name == SUBMIT_ANSWER);
        if is_last {
            asked.iter().for_each(|call| case.reply(call, "not called: the budget is spent"));
        } else {
            case.answer(&asked).await?;
        }
        let mut answer = None;
        for call in submitted {
            match serde_json::from_value::<Answer>(call.arguments.clone()) {
                Ok(submitted) => {
                    case.reply(&call, "accepted");
                    answer = Some(submitted);
                }
                Err(error) => case.reply(&call, &format!("the answer cannot be read: {error}")),
            }
        }
        if answer.is_some() || is_last {
            return Ok(answer);
        }
    }
}

/// Tells whether every number, time and quote in what was understood stands in the question, in the arguments of the calls
/// that were made for it, or in the windows that were looked at.
fn only_repeats(understood: &str, question: &str, scene: &Scene, case: &Case<'_>) -> bool {
    let mut ground = Ground::default();
    ground.add(&Value::Null, question);
    for message in case.transcript() {
        if let Message::Assistant { calls, .. } = message {
            let asked = calls.iter().filter(|call| call.name != SUBMIT_ANSWER);
            asked.for_each(|call| ground.add(&call.arguments, ""));
        }
    }
    let windows = json!([scene.incident.window, scene.incident.baseline]);
    ground.add(&windows, "");
    let seen = case.evidence().values().filter_map(|evidence| evidence.data.get("windows"));
    seen.for_each(|windows| ground.add(windows, ""));
    ground.missing(understood, &[]).is_empty()
}

/// Tells whether everything in a note stands in the evidence of this conversation, or says what was asked.
fn is_about_search(note: &str, case: &Case<'_>) -> bool {
    let mut ground = Ground::default();
    for evidence in case.evidence().values() {
        ground.add(&evidence.data, &evidence.text);
        ground.add_id(evidence.id);
    }
    for message in case.transcript() {
        if let Message::Assistant { calls, .. } = message {
            for call in calls {
                ground.add_arguments(&call.arguments);
                ground.add_arguments(&json!([call.name, call.arguments.to_string()]));
            }
        }
    }
    ground.missing(note, &case.service_names()).is_empty()
}

/// Puts the service map and the finding into the conversation, as if the model had asked for them.
async fn show_context(case: &mut Case<'_>, finding: Option<&Finding>) -> Result<()> {
    let map = ToolCall { id: "context_1".to_owned(), name: "service_map".to_owned(), arguments: json!({}) };
    if case.has_tool(&map.name) {
        case.say(Message::Assistant { text: String::new(), calls: vec![map.clone()] });
        case.answer(&[map]).await?;
    }
    if let Some(finding) = finding {
        let call =
            ToolCall { id: "context_2".to_owned(), name: FINDING_CONTEXT.to_owned(), arguments: json!({}) };
        let data = serde_json::to_value(finding).unwrap_or(Value::Null);
        case.say(Message::Assistant { text: String::new(), calls: vec![call.clone()] });
        case.say(Message::Tool(ToolReply {
            call_id: call.id,
            name: call.name,
            text: fenced("finding", &data.to_string()),
            data: Some(crate::ports::ReplyData { evidence: crate::EvidenceId(0), data, facts: Vec::new() }),
        }));
    }
    Ok(())
}

fn answer_spec() -> ToolSpec {
    let mut schema = schemars::schema_for!(Answer).to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
    }
    ToolSpec {
        name: SUBMIT_ANSWER.to_owned(),
        description: "Submits the answer. Every claim cites evidence.".to_owned(),
        schema,
    }
}

impl Answer {
    /// Writes the answer as one text for people: what was understood, then the sentences with evidence ids in brackets.
    pub fn text(&self) -> String {
        let understood = (!self.understood.is_empty()).then(|| {
            let language = Language::of(&self.understood);
            language
                .pick(format!("Understood: {}", self.understood), format!("我的理解：{}", self.understood))
        });
        let sentences = self.claims.iter().map(|claim| {
            let ids: Vec<_> = claim.evidence.iter().map(ToString::to_string).collect();
            format!("{} [{}]", claim.text, ids.join(", "))
        });
        let note = (!self.note.is_empty()).then(|| self.note.clone());
        understood.into_iter().chain(sentences).chain(note).collect::<Vec<_>>().join("\n")
    }
}

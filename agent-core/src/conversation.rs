//! A question in an incident's chat and its answer, by the same means as an investigation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Evidence, Finding, Language, Result, Scene,
    fence::{defused, fenced},
    finding::Claim,
    follow_ups::fit_to_show,
    grounding::Ground,
    inert::inert,
    investigation::{
        Case, Goal, Handed, Investigator, SUBMIT_ANSWER, Watch, converse, incident_text, is_from_loop,
    },
    ports::{Message, Purpose, ToolCall, ToolReply, ToolSpec, Usage},
    prompts,
    verify::holding_claims,
};

/// Name under which the finding that a question follows up stands in the conversation.
pub const FINDING_CONTEXT: &str = "finding";

/// How the names of models begin that answer by grammar: the offline model, and one that it leads.
const OFFLINE: &str = "offline";
/// More rows than this are not counted one by one.
const MAX_COUNTED: usize = 500;
/// Letters of a note that states nothing.
const MAX_NOTE_CHARS: usize = 300;

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
    /// The evidence it was drawn from, by id: new, or of an earlier run.
    pub evidence: Vec<Evidence>,
    /// What it cost.
    pub usage: Usage,
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
    answer_in_context(investigator, scene, finding, None, question, watch).await
}

/// As [`answer`], knowing what was said before the question. The context is fenced by whoever gives it: it may help to
/// understand the question, and grants nothing.
///
/// # Errors
///
/// As [`investigate`](crate::investigation::investigate).
pub async fn answer_in_context(
    investigator: &Investigator,
    scene: &Scene,
    finding: Option<&Finding>,
    context: Option<&str>,
    question: &str,
    watch: &dyn Watch,
) -> Result<Answered> {
    let mut case = Case::open(investigator, scene, watch, Purpose::Answer).await?;
    case.say(Message::System { text: prompts::answer(scene.language).to_owned() });
    case.say(Message::User { text: incident_text(&scene.incident) });
    show_context(&mut case, finding).await?;
    if let Some(context) = context {
        case.say(Message::User { text: format!("Said before:\n{context}") });
    }
    case.say(Message::User { text: said_by_person(question) });

    let answer = converse(&mut case, &mut TheAnswer, None).await?;
    let mut answer = answer.unwrap_or_default();
    answer.claims = holding_claims(answer.claims, case.evidence(), &case.service_names());
    // What is said without proof is only taken from a grammar; a language model's would be free prose.
    let is_by_grammar = case.model().name().starts_with(OFFLINE);
    if !is_by_grammar || !only_repeats(&answer.understood, question, scene, &case) {
        answer.understood.clear();
    }
    // A note is not proven, so it may carry no numbers and speak of no service.
    let states_nothing = Ground::default().missing(&answer.note, &case.service_names()).is_empty();
    let is_short = answer.note.chars().count() <= MAX_NOTE_CHARS;
    let note_holds = ((states_nothing && is_short)
        || (is_by_grammar && is_about_search(&answer.note, question, &case)))
        && !prompts::are_told_in(&answer.note);
    if !note_holds {
        answer.note.clear();
    }
    if answer.note.is_empty() && answer.claims.is_empty() {
        answer.note =
            scene.language.pick("I found nothing that I can prove.", "没有找到我能证明的内容。").to_owned();
    }
    answer.follow_ups = fit_to_show(answer.follow_ups);
    Ok(Answered { answer, usage: case.usage(), evidence: case.into_evidence() })
}

/// An answer, in whatever words.
struct TheAnswer;

impl Goal for TheAnswer {
    type Outcome = Answer;

    fn spec(&self) -> ToolSpec {
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

    fn read(&mut self, arguments: &Value, _: &Case<'_>, _: bool) -> Handed<Answer> {
        match serde_json::from_value(arguments.clone()) {
            Ok(answer) => Handed::Accepted(answer),
            Err(error) => {
                let fault = fenced("faults", &error.to_string());
                Handed::Malformed(format!("the answer cannot be read:\n{fault}"))
            }
        }
    }
}

/// Returns a question as a model is shown it: a person may ask anything, but not speak as the loop, nor with its marks.
fn said_by_person(question: &str) -> String {
    let said = defused(question);
    if is_from_loop(&said) { format!("\"{said}\"") } else { said }
}

/// Tells whether every number, time and quote in what was understood stands in the question, in the arguments of the calls
/// that were made for it, or in the windows that were looked at.
fn only_repeats(understood: &str, question: &str, scene: &Scene, case: &Case<'_>) -> bool {
    let mut ground = Ground::default();
    ground.add(&Value::Null, question);
    // The measure of latency has a number in its name, which nobody has to ask for.
    ground.add(&Value::Null, "99 分位");
    // The grammar takes a size with and without the i for the same.
    ground.add(&Value::Null, &question.replace(['i', 'I'], ""));
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

/// Tells whether everything in a note stands in the evidence of this conversation, says what was asked, why a call was refused,
/// or how many of what was found are not told.
fn is_about_search(note: &str, question: &str, case: &Case<'_>) -> bool {
    let mut ground = Ground::default();
    ground.add_arguments(&json!(question));
    for evidence in case.evidence().values() {
        ground.add(&evidence.data, &evidence.text);
        ground.add_id(evidence.id);
    }
    let n_found = case.evidence().values().map(|evidence| evidence.facts.len().max(longest(&evidence.data)));
    let n_found = n_found.sum::<usize>().min(MAX_COUNTED);
    ground.add(&json!((1..=n_found).collect::<Vec<_>>()), "");
    for message in case.transcript() {
        match message {
            Message::Assistant { calls, .. } => {
                for call in calls {
                    ground.add_arguments(&call.arguments);
                    ground.add_arguments(&json!([call.name, call.arguments.to_string()]));
                }
            }
            Message::Tool(refused) if refused.data.is_none() => ground.add(&Value::Null, &refused.text),
            _ => {}
        }
    }
    ground.missing(note, &case.service_names()).is_empty()
}

/// Returns the length of the longest list directly in a result.
fn longest(data: &Value) -> usize {
    let lists = data.as_object().into_iter().flat_map(|fields| fields.values()).filter_map(Value::as_array);
    lists.map(Vec::len).max().unwrap_or(0)
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

impl Answer {
    /// Writes the answer as one text for people: what was understood, then the sentences with evidence ids in brackets. Nothing
    /// in it acts, whatever it quotes.
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
        inert(&understood.into_iter().chain(sentences).chain(note).collect::<Vec<_>>().join("\n"))
    }
}

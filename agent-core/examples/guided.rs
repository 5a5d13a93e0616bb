//! Shows what a small model adds to the offline model's findings and answers, and what that costs.
//!
//! ```text
//! scripts/local-model.sh start qwen-0.5b
//! cargo run -p waggle-agent-core --features openai --example guided -- [--zh] [--ties] evidence.json… ["a question?"]…
//! ```
//!
//! A file is a JSON array of evidence, as the memory keeps it for one incident. `WAGGLE_MODEL_URL` and `WAGGLE_MODEL_NAME`
//! say where the model is.

#[cfg(feature = "openai")]
mod run {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use async_trait::async_trait;
    use serde_json::{Value, json};
    use waggle_agent_core::{
        Evidence, Language, Result,
        fence::fenced,
        models::{Guided, Offline, OpenAi, OpenAiConfig},
        ports::{Delta, Message, Model, ModelReply, ModelRequest, ReplyData, ToolCall, ToolReply, ToolSpec},
        redact::Redacted,
    };

    type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

    /// Long, so that a busy machine still shows what the model says.
    const PATIENCE: Duration = Duration::from_secs(120);

    /// Tools as the program offers them, for questions.
    const TOOLS: [(&str, &str, &str); 10] = [
        (
            "anomalies",
            "",
            "Scans request rate, error ratio, latency, error logs, CPU, waiting for CPU and memory of all services for what left its usual range",
        ),
        (
            "compare",
            "needs",
            "Compares one service in trouble with the healthy time before: requests, failures, latency, its own work per request",
        ),
        (
            "events",
            "takes",
            "Lists what happened around the incident, newest first: processes that started or ended, connections that were refused, deployments",
        ),
        (
            "logs",
            "takes",
            "Compares the log lines of a service (or of all) in trouble with the healthy time before: kinds of lines that are new",
        ),
        (
            "network_edges",
            "takes",
            "Returns, for every call between two services, the time on the network, TCP segments sent again, and connections that failed",
        ),
        ("owners", "needs", "Returns who answers for a service, each with the rule that names them"),
        (
            "processes",
            "takes",
            "Returns CPU, time spent waiting for a CPU, and memory of each service's processes before and after",
        ),
        (
            "recent_changes",
            "",
            "Lists deployments of all services around the incident, with commits, authors and messages, and feature flags that were turned",
        ),
        (
            "service_map",
            "",
            "Returns every service with its request rate, error ratio and latency, and every call between services",
        ),
        (
            "slow_traces",
            "takes",
            "Returns the slowest requests of a service (or of all) in trouble, each with its critical path",
        ),
    ];

    pub async fn main() -> Fallible<()> {
        let (options, rest): (Vec<String>, Vec<String>) =
            std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
        let (files, questions): (Vec<_>, Vec<_>) = rest.into_iter().partition(|name| name.ends_with(".json"));
        let has = |option: &str| options.iter().any(|given| given == option);
        let language = if has("--zh") { Language::Zh } else { Language::En };
        let setting = |name: &str, or: &str| std::env::var(name).unwrap_or_else(|_| or.to_owned());
        let config = OpenAiConfig {
            url: setting("WAGGLE_MODEL_URL", "http://127.0.0.1:8089/v1"),
            key: setting("WAGGLE_MODEL_KEY", "").into(),
            model: setting("WAGGLE_MODEL_NAME", "local"),
            quirks: None,
        };
        let model = Guided::new(Arc::new(Heard(Redacted(OpenAi::new(&config)?)))).with_patience(PATIENCE);
        let model = if has("--ties") { model.deciding_ties() } else { model };
        for file in &files {
            let evidence: Vec<Evidence> = serde_json::from_slice(&std::fs::read(file)?)?;
            println!("== {file}");
            if questions.is_empty() {
                let request = finding_request(&evidence, language);
                let floor = Offline.complete(&request, &|_| {}).await?;
                let told = timed(&model, &request).await?;
                show_finding(&floor, &told);
            }
            for question in &questions {
                let request = question_request(&evidence, question);
                let floor = Offline.complete(&request, &|_| {}).await?;
                println!("{question}\n  offline: {}", calls(&floor));
                println!("  guided:  {}", calls(&timed(&model, &request).await?));
            }
        }
        Ok(())
    }

    /// Shows what the small model said, before anything of it is dropped.
    struct Heard<M>(M);

    #[async_trait]
    impl<M: Model> Model for Heard<M> {
        fn name(&self) -> &str {
            self.0.name()
        }

        async fn complete(
            &self,
            request: &ModelRequest,
            on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
        ) -> Result<ModelReply> {
            let reply = self.0.complete(request, on_delta).await;
            match &reply {
                Ok(reply) => {
                    println!("  said: {}", reply.text.split_whitespace().collect::<Vec<_>>().join(" "))
                }
                Err(error) => println!("  failed: {}", error.chain()),
            }
            reply
        }
    }

    async fn timed(model: &Guided, request: &ModelRequest) -> Fallible<ModelReply> {
        let started = Instant::now();
        let reply = model.complete(request, &|_| {}).await?;
        let (usage, seconds) = (reply.usage, started.elapsed().as_secs_f64());
        println!("  {} tokens in, {} out, {seconds:.1} s", usage.input_tokens, usage.output_tokens);
        Ok(reply)
    }

    fn show_finding(floor: &ModelReply, told: &ModelReply) {
        let claims = |reply: &ModelReply| -> Vec<String> {
            let claims = reply
                .calls
                .first()
                .and_then(|call| call.arguments.pointer("/root_causes/0/claims")?.as_array().cloned());
            claims
                .unwrap_or_default()
                .iter()
                .map(|claim| claim["text"].as_str().unwrap_or_default().to_owned())
                .collect()
        };
        let cause = |reply: &ModelReply| {
            let call = reply.calls.first().map(|call| call.arguments.clone()).unwrap_or_default();
            let part = |at: &str| call.pointer(at).cloned().unwrap_or(Value::Null);
            format!(
                "{} {} {}",
                part("/verdict"),
                part("/root_causes/0/service"),
                part("/root_causes/0/fault_class")
            )
        };
        println!("  offline {}; guided {}", cause(floor), cause(told));
        let before = claims(floor);
        for claim in claims(told) {
            let place = before.iter().position(|known| *known == claim);
            println!("  {} {claim}", place.map_or("+".to_owned(), |place| (place + 1).to_string()));
        }
    }

    fn calls(reply: &ModelReply) -> String {
        let calls = reply.calls.iter().map(|call| match call.arguments.get("note") {
            Some(note) => format!("{} {note}", call.name),
            None => format!("{} {}", call.name, call.arguments),
        });
        calls.collect::<Vec<_>>().join(", ")
    }

    /// Builds the conversation at the moment when all evidence is there.
    fn finding_request(evidence: &[Evidence], language: Language) -> ModelRequest {
        let mut messages = vec![Message::User { text: "Incident:".to_owned() }];
        evidence.iter().for_each(|evidence| tell(&mut messages, evidence));
        ModelRequest {
            messages,
            tools: vec![spec("submit_finding", "", "Submits.")],
            language,
            ..ModelRequest::default()
        }
    }

    fn question_request(evidence: &[Evidence], question: &str) -> ModelRequest {
        let mut messages = vec![Message::User { text: "Incident:".to_owned() }];
        let map = evidence.iter().find(|evidence| evidence.tool == "service_map");
        map.into_iter().for_each(|map| tell(&mut messages, map));
        messages.push(Message::User { text: question.to_owned() });
        let tools = TOOLS.iter().chain([&("submit_answer", "", "Submits.")]);
        let tools = tools.map(|(name, service, description)| spec(name, service, description)).collect();
        ModelRequest { messages, tools, language: Language::of(question), ..ModelRequest::default() }
    }

    fn tell(messages: &mut Vec<Message>, evidence: &Evidence) {
        let call_id = format!("call_{}", evidence.id);
        let call = ToolCall {
            id: call_id.clone(),
            name: evidence.tool.clone(),
            arguments: evidence.arguments.clone(),
        };
        let data =
            ReplyData { evidence: evidence.id, data: evidence.data.clone(), facts: evidence.facts.clone() };
        let text = fenced(&evidence.id.to_string(), &evidence.text);
        messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
        messages.push(Message::Tool(ToolReply {
            call_id,
            name: evidence.tool.clone(),
            text,
            data: Some(data),
        }));
    }

    fn spec(name: &str, service: &str, description: &str) -> ToolSpec {
        let schema = match service {
            "needs" => {
                json!({ "type": "object", "properties": { "service": { "type": "string" } }, "required": ["service"] })
            }
            "takes" => json!({ "type": "object", "properties": { "service": { "type": "string" } } }),
            _ => json!({ "type": "object", "properties": {} }),
        };
        ToolSpec { name: name.to_owned(), description: description.to_owned(), schema }
    }
}

#[cfg(feature = "openai")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run::main().await
}

#[cfg(not(feature = "openai"))]
fn main() {
    eprintln!("build this with `--features openai`");
}

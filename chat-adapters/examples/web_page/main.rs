//! Serves the page with a made-up shop, for working on the page: `cargo run --example web_page -- [port] [ms per step]`.
//!
//! The last incident is investigated while one watches; each question gets the same answer after a moment.

use std::{error::Error, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::sleep};
use waggle_agent_core::{
    Evidence, EvidenceId, Finding, Incident, IncidentId, Language,
    card::{Step, card_of_finding, card_of_progress},
    evidence::Fact,
    incident::{Source, State},
    ports::{Button, Chat, ChatLine, InvestigationRecord, Memory, MessageId, Post, Speaker, Usage},
    testing::fake_memory::FakeMemory,
};
use waggle_chat_adapters::web::{WebChat, WebState, router};
use waggle_signals::{Clock, SystemClock, Timestamp};

#[derive(Deserialize)]
struct Story {
    incidents: Vec<Told>,
    answer: String,
}

/// One incident with what would be found.
#[derive(Deserialize)]
struct Told {
    id: IncidentId,
    minutes_ago: u64,
    title: String,
    service: String,
    source: Source,
    state: State,
    language: Language,
    steps: Vec<ToldStep>,
    finding: Value,
    /// Speaker (empty for Waggle) and text.
    #[serde(default)]
    talk: Vec<(String, String)>,
    #[serde(default)]
    live: bool,
}

#[derive(Deserialize)]
struct ToldStep {
    tool: String,
    text: String,
    arguments: Value,
    answer: String,
    data: Value,
    facts: Vec<Fact>,
}

struct Stage {
    memory: Arc<FakeMemory>,
    chat: Arc<WebChat>,
    pause: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u16>());
    let port = numbers.next().transpose()?.unwrap_or(8080);
    let pause = Duration::from_millis(numbers.next().transpose()?.unwrap_or(700).into());

    let memory = Arc::new(FakeMemory::new());
    let chat = Arc::new(WebChat::new(memory.clone(), Arc::new(SystemClock)));
    let (questions, mut asked) = mpsc::channel(4);
    let state =
        WebState { chat: chat.clone(), memory: memory.clone(), clock: Arc::new(SystemClock), questions };
    let stage = Stage { memory, chat, pause };

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, router(state)).await });

    let Story { incidents, answer } = serde_json::from_str(include_str!("story.json"))?;
    for told in &incidents {
        stage.play(told).await?;
    }
    while let Some(question) = asked.recv().await {
        sleep(stage.pause).await;
        let buttons = vec![Button { text: "Show the slow traces".to_owned() }];
        let room = waggle_agent_core::ports::RoomId(question.incident.0);
        stage.chat.post(&room, &Post::Text { text: answer.clone(), buttons }).await?;
    }
    server.await??;
    Ok(())
}

impl Stage {
    async fn play(&self, told: &Told) -> Result<(), Box<dyn Error>> {
        let opened = SystemClock.now() - Duration::from_secs(60 * told.minutes_ago);
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let service = Some(told.service.clone());
        let mut incident = Incident::open(
            told.id.clone(),
            &told.title,
            service,
            told.source,
            opened,
            minutes(2),
            minutes(10),
        );
        incident.state = State::Investigating;
        self.memory.save_incident(&incident).await?;

        let room = self.chat.open_room(&incident).await?;
        let mut steps: Vec<Step> = Vec::new();
        let card = |steps: &[Step]| {
            card_of_progress(&incident, steps.to_vec(), millis(self.pause, steps), told.language)
        };
        let message = self.chat.post(&room, &Post::Card { card: Box::new(card(&steps)) }).await?;
        for (number, step) in (1..).zip(&told.steps) {
            let (tool, text) = (step.tool.clone(), step.text.clone());
            steps.push(Step { evidence: EvidenceId(number), tool, text, done: false });
            self.chat.update(&room, &message, &Post::Card { card: Box::new(card(&steps)) }).await?;
            self.wait(told).await;
            self.memory.save_evidence(&told.id, &evidence(number, step, opened)).await?;
            if let Some(step) = steps.last_mut() {
                step.done = true;
            }
            self.chat.update(&room, &message, &Post::Card { card: Box::new(card(&steps)) }).await?;
        }

        let mut finding = told.finding.clone();
        finding["incident"] = told.id.0.clone().into();
        let finding: Finding = serde_json::from_value(finding)?;
        let all = self.memory.all_evidence(&told.id).await?;
        let elapsed_ms = millis(self.pause, &steps);
        let card = card_of_finding(&incident, &finding, &all, steps, elapsed_ms, told.language);
        self.chat.update(&room, &message, &Post::Card { card: Box::new(card) }).await?;
        for owner in &finding.owners {
            self.chat.mention(&room, owner).await?;
        }
        self.memory.save_investigation(&record(finding, opened)).await?;
        incident.state = if told.live { State::Found } else { told.state };
        self.memory.save_incident(&incident).await?;
        self.chat.announce(&told.id).await?;

        for (number, (name, text)) in told.talk.iter().enumerate() {
            let line = line(number, name, text, SystemClock.now());
            self.memory.save_line(&told.id, &line).await?;
        }
        Ok(())
    }

    async fn wait(&self, told: &Told) {
        if told.live {
            sleep(self.pause).await;
        }
    }
}

fn millis(pause: Duration, steps: &[Step]) -> u64 {
    steps.len() as u64 * pause.as_millis() as u64
}

fn evidence(number: u32, step: &ToldStep, at: Timestamp) -> Evidence {
    Evidence {
        id: EvidenceId(number),
        tool: step.tool.clone(),
        arguments: step.arguments.clone(),
        at,
        scope: String::new(),
        text: step.answer.clone(),
        data: step.data.clone(),
        facts: step.facts.clone(),
    }
}

fn record(finding: Finding, at: Timestamp) -> InvestigationRecord {
    InvestigationRecord {
        incident: finding.incident.clone(),
        model: "offline".to_owned(),
        started_at: at,
        ended_at: at,
        finding,
        transcript: Vec::new(),
        usage: Usage::default(),
        n_steps: 0,
        review: None,
    }
}

fn line(number: usize, name: &str, text: &str, at: Timestamp) -> ChatLine {
    let speaker = if name.is_empty() { Speaker::Waggle } else { Speaker::Person { name: name.to_owned() } };
    let post = Post::Text { text: text.to_owned(), buttons: Vec::new() };
    ChatLine { id: MessageId(format!("talk-{number}")), speaker, at, post }
}

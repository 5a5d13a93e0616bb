//! A desk whose answers stand in the question: what is in brackets is done first.
//!
//! `[wait 200]` waits so many milliseconds, `[steps]` tells three steps, `[fail unavailable]` fails with that kind,
//! `[panic]` panics, `[long]` answers at length, `[repeat]` answers with the conversation.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use waggle_agent_core::{
    EvidenceId, IncidentId, Kind, Result,
    investigation::{Progress, Watch},
    ports::Usage,
};
use waggle_chat_adapters::openai::{Asked, Desk, EvidenceNote, ModelId, Reply};

/// Keeps what it was asked.
#[derive(Default)]
pub struct Scripted {
    pub asked: Mutex<Vec<Asked>>,
    /// Answers under way.
    pub at_work: Arc<AtomicUsize>,
    /// Answers that were given up before their end.
    pub given_up: Arc<AtomicUsize>,
}

/// Counts an answer that is under way.
struct Answering {
    at_work: Arc<AtomicUsize>,
    given_up: Arc<AtomicUsize>,
    is_done: bool,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        if !self.is_done {
            self.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl Desk for Scripted {
    async fn models(&self) -> Result<Vec<ModelId>> {
        Ok(vec![ModelId("waggle".to_owned())])
    }

    async fn answer(&self, asked: Asked, watch: Arc<dyn Watch>) -> Result<Reply> {
        self.asked.lock().map_err(|_| Kind::Internal.error("a test failed"))?.push(asked.clone());
        self.at_work.fetch_add(1, Ordering::SeqCst);
        let (at_work, given_up) = (self.at_work.clone(), self.given_up.clone());
        let mut answering = Answering { at_work, given_up, is_done: false };
        let reply = play(&asked, &*watch).await;
        answering.is_done = true;
        reply
    }
}

async fn play(asked: &Asked, watch: &dyn Watch) -> Result<Reply> {
    let orders = asked.question.split('[').filter_map(|part| part.split_once(']')).map(|(order, _)| order);
    let mut text = asked.language.pick(
        "`checkout` is slow: p99 went from 84 ms to 2.1 s at 14:05 [E1].",
        "`checkout` 变慢：14:05 起 p99 从 84 毫秒升到 2.1 秒 [E1]。",
    );
    let mut told = String::new();
    for order in orders {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("wait", millis) => tokio::time::sleep(Duration::from_millis(millis.parse().unwrap_or(0))).await,
            ("steps", _) => steps(watch),
            ("fail", kind) => {
                return Err(kind_of(kind).because("the store did not answer", "/var/secret/file"));
            }
            ("panic", _) => panic!("this question is too hard"),
            ("long", _) => told = "a line of a long answer, again and again\n".repeat(20_000),
            ("repeat", _) => told = asked.context_text(100_000).unwrap_or_default(),
            _ => {}
        }
    }
    if !told.is_empty() {
        text = &told;
    }
    Ok(Reply {
        text: text.to_owned(),
        about: Some(IncidentId("inc-1".to_owned())),
        evidence: vec![EvidenceNote { id: EvidenceId(1), text: "`compare` of `checkout`".to_owned() }],
        follow_ups: vec![asked.language.pick("Show the slow traces", "看看慢请求").to_owned()],
        usage: Usage { input_tokens: 1200, output_tokens: 80, cached_tokens: 200, cost_micro_usd: 0 },
    })
}

fn steps(watch: &dyn Watch) {
    watch.on(Progress::Asked {
        evidence: EvidenceId(1),
        tool: "compare",
        line: "checkout,\nlast 10 minutes",
    });
    watch.on(Progress::Answered { evidence: EvidenceId(1) });
    watch.on(Progress::Text("I guess that it is the database"));
    watch.on(Progress::FellBack { reason: "key sk-123 was refused" });
    watch.on(Progress::Asked { evidence: EvidenceId(2), tool: "changes", line: "today" });
}

fn kind_of(name: &str) -> Kind {
    match name {
        "unknown" => Kind::NotFound,
        "invalid" => Kind::Invalid,
        "denied" => Kind::Denied,
        "unavailable" => Kind::Unavailable,
        "timeout" => Kind::Timeout,
        _ => Kind::Internal,
    }
}

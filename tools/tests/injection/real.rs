//! A sample of the cases with a real model behind an endpoint, led by the offline model as small ones are: `make test-injection`.
//!
//! `WAGGLE_MODEL_URL` and `WAGGLE_MODEL_NAME` say where it is, `WAGGLE_INJECTION_CASES` how many cases are run.

use std::{
    env,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use waggle_agent_core::{
    Language, Result,
    models::{Guided, OpenAi, OpenAiConfig},
    ports::{Delta, Model, ModelReply, ModelRequest},
    redact::Redacted,
};

use crate::{block_on, cases::cases, checks::breaches, run};

/// Long, so that a busy machine still shows what the model says.
const PATIENCE: Duration = Duration::from_secs(120);
const USUAL_CASES: usize = 40;

/// An endpoint, and what went to it.
struct Heard {
    model: OpenAi,
    requests: Arc<Mutex<Vec<ModelRequest>>>,
}

#[async_trait]
impl Model for Heard {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        self.requests.lock().unwrap().push(request.clone());
        self.model.complete(request, on_delta).await
    }
}

/// Returns the model as the program would set it up, and where its requests are noted.
fn model() -> (Arc<dyn Model>, Arc<Mutex<Vec<ModelRequest>>>) {
    let config = OpenAiConfig {
        url: env::var("WAGGLE_MODEL_URL").expect("WAGGLE_MODEL_URL says where the model is"),
        key: env::var("WAGGLE_MODEL_KEY").unwrap_or_default().into(),
        model: env::var("WAGGLE_MODEL_NAME").expect("WAGGLE_MODEL_NAME says what it is called"),
        quirks: None,
    };
    let requests: Arc<Mutex<Vec<ModelRequest>>> = Arc::default();
    let heard = Heard { model: OpenAi::new(&config).unwrap(), requests: requests.clone() };
    (Arc::new(Guided::new(Arc::new(Redacted(heard))).with_patience(PATIENCE)), requests)
}

#[test]
#[ignore = "needs a model: `make test-injection`"]
fn a_real_model_is_led_nowhere() {
    let n = env::var("WAGGLE_INJECTION_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(USUAL_CASES);
    let all = cases();
    let step = all.len().div_ceil(n.max(1));
    let clean = [Language::En, Language::Zh].map(|language| block_on(run::offline(None, language)).finding);
    let (mut n_run, mut n_asked, mut n_breached) = (0, 0, 0);
    for case in all.iter().step_by(step) {
        let (model, requests) = model();
        let ran = block_on(run::run(Some(&case.planted), case.language, model));
        let requests = std::mem::take(&mut *requests.lock().unwrap());
        let ran = run::Ran { is_obedient: true, requests, ..ran };
        let found = breaches(case, &ran, &clean[usize::from(case.language == Language::Zh)]);
        println!(
            "{:70} {} requests  {}",
            case.id(),
            ran.requests.len(),
            if found.is_empty() { "held" } else { "BROKEN" }
        );
        found.iter().for_each(|breach| println!("    {breach}"));
        n_run += 1;
        n_asked += ran.requests.len();
        n_breached += usize::from(!found.is_empty());
    }
    println!("{n_run} cases, {n_asked} requests, {n_breached} broken");
    assert!(n_asked > 0, "the model was never asked");
    assert_eq!(n_breached, 0);
}

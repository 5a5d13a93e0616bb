//! How a run is kept: OTLP JSON lines, free of the machine they were made on, and a note of when the harm began.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use waggle_collectors::capture::CaptureWriter;
use waggle_signals::{Batch, Rejected, Resource, Sink, Timestamp, semconv};
use waggle_telemetry_store::Store;

/// Stands in a recording for the shop's repository, wherever that was.
pub const REPOSITORY: &str = "shop";
/// Stands in a recording for the machine's name.
const HOST: &str = "demo-host";

/// What a recording says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    pub fault: String,
    /// When the harm began; where nothing was harmed, when it would have.
    pub harmed_at: Timestamp,
}

/// Stores what it is given, and writes it down.
pub struct Recorder {
    store: Arc<Store>,
    note_file: PathBuf,
    /// Held while one batch is written, never across an await.
    state: Mutex<State>,
}

struct State {
    writer: Option<CaptureWriter>,
    note: Note,
}

/// Returns the file with the telemetry of a fault's recording.
pub fn capture_file(dir: &Path, fault: &str) -> PathBuf {
    dir.join(format!("{fault}.otlp.jsonl.gz"))
}

/// Returns the file with the note beside it.
pub fn note_file(dir: &Path, fault: &str) -> PathBuf {
    dir.join(format!("{fault}.json"))
}

impl Recorder {
    pub fn create(dir: &Path, fault: &str, store: Arc<Store>) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("create `{}`", dir.display()))?;
        let file = capture_file(dir, fault);
        let writer = CaptureWriter::create(&file).with_context(|| format!("create `{}`", file.display()))?;
        let note = Note { fault: fault.to_owned(), harmed_at: Timestamp::default() };
        let state = Mutex::new(State { writer: Some(writer), note });
        Ok(Self { store, note_file: note_file(dir, fault), state })
    }

    /// Notes when the harm began.
    pub fn mark(&self, at: Timestamp) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).note.harmed_at = at;
    }

    /// Ends the recording.
    pub fn finish(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = state.writer.take() {
            writer.finish().context("end the recording")?;
        }
        let note = serde_json::to_string_pretty(&state.note).context("write the note")?;
        fs::write(&self.note_file, note + "\n")
            .with_context(|| format!("write `{}`", self.note_file.display()))
    }
}

#[async_trait]
impl Sink for Recorder {
    async fn append(&self, batch: Batch) -> Result<(), Rejected> {
        if let Some(writer) = &mut self.state.lock().unwrap_or_else(PoisonError::into_inner).writer {
            let kept = without_the_machine(batch.clone());
            writer
                .append(&kept)
                .map_err(|error| Rejected::Unavailable(format!("write the recording: {error}")))?;
        }
        self.store.append(batch).await
    }
}

/// Drops rows that speak of nobody in the shop, and replaces what names the machine.
fn without_the_machine(mut batch: Batch) -> Batch {
    let is_foreign: Vec<bool> = batch
        .resources
        .iter()
        .map(|resource| resource.owner().is_none() && resource.service() != "report-batch")
        .collect();
    let stays = |index: u32| !is_foreign.get(index as usize).copied().unwrap_or(true);
    batch.spans.retain(|row| stays(row.resource.0));
    batch.metrics.retain(|row| stays(row.resource.0));
    batch.logs.retain(|row| stays(row.resource.0));
    batch.events.retain(|row| stays(row.resource.0));
    batch.samples.retain(|row| stays(row.resource.0));
    batch.flows.retain(|row| stays(row.resource.0));
    let replaced = BTreeSet::from([semconv::REPOSITORY, semconv::HOST_NAME, semconv::PROCESS_EXECUTABLE]);
    let replace = |attributes: &mut waggle_signals::Attributes| {
        for (key, value) in attributes.iter_mut().filter(|(key, _)| replaced.contains(key.as_str())) {
            *value = match key.as_str() {
                semconv::REPOSITORY => REPOSITORY.to_owned(),
                semconv::HOST_NAME => HOST.to_owned(),
                _ => value.rsplit('/').next().unwrap_or_default().to_owned(),
            };
        }
    };
    for resource in &mut batch.resources {
        replace(&mut resource.attributes);
    }
    for event in &mut batch.events {
        replace(&mut event.attributes);
    }
    batch
}

/// Puts the path of this machine's repository back.
pub fn with_repository(mut batch: Batch, repository: &str) -> Batch {
    let put = |attributes: &mut waggle_signals::Attributes| {
        if let Some(value) = attributes.get_mut(semconv::REPOSITORY) {
            *value = repository.to_owned();
        }
    };
    batch.resources.iter_mut().for_each(|Resource { attributes }| put(attributes));
    batch.events.iter_mut().for_each(|event| put(&mut event.attributes));
    batch
}

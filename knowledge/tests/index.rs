//! The index from the outside: found by words and by meaning, kept up to date, and closed to those who may not read.

#![cfg(feature = "lance")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use tempfile::TempDir;
use waggle_agent_core::{
    Kind, Result,
    ports::{Knowledge, Library, PassageQuery},
    testing::knowledge::{conformance, sample},
};
use waggle_knowledge::{
    Shelf,
    documents::{ContentHash, DocumentId, chunks, read_document},
    embeddings::Embeddings,
    index::{Index, IndexPlace, Kept, MAX_CHUNKS_AT_ONCE},
    sources::FolderSource,
    sync::{Collection, Source, Synced, sync},
    terms::terms,
};

/// A model that knows words and nothing of what they mean: texts are alike as far as they share terms.
struct WordsAsVectors;

const DIMENSIONS: usize = 64;

#[async_trait]
impl Embeddings for WordsAsVectors {
    fn name(&self) -> &str {
        "words/1"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for term in terms(text) {
        let mut hasher = DefaultHasher::new();
        term.hash(&mut hasher);
        vector[hasher.finish() as usize % DIMENSIONS] += 1.0;
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}

async fn index(folder: &Path, model: Option<Arc<dyn Embeddings>>) -> Index {
    let place = IndexPlace { uri: folder.display().to_string(), options: HashMap::new() };
    Index::open(&place, model).await.unwrap()
}

fn kept(collection: &str, path: &str, text: &str, gate: &[&str]) -> Kept {
    let parsed = read_document(path, text.as_bytes()).unwrap();
    let document = parsed.into_document(DocumentId::new(collection, path), collection, path);
    let chunks = chunks(&document);
    let gate = gate.iter().map(|label| (*label).to_owned()).collect();
    Kept { document, hash: ContentHash::of(text.as_bytes()), gate, chunks }
}

fn asked(text: &str) -> PassageQuery {
    PassageQuery { text: text.to_owned(), limit: 9, ..PassageQuery::default() }
}

/// Returns the documents that somebody with these labels is shown.
async fn found(index: &Index, query: &PassageQuery, held: &[&str]) -> Vec<String> {
    let shelf = Shelf::new(index.clone(), held.iter().map(|label| (*label).to_owned()));
    let mut names: Vec<String> =
        shelf.search(query).await.unwrap().into_iter().map(|passage| passage.id).collect();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_keeps_the_promises_of_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().display().to_string();
    keeps_its_promises(IndexPlace { uri, options: HashMap::new() }).await;
}

/// Needs a server that speaks S3 and an empty bucket, as `make test-clients` makes them.
#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_them_in_a_bucket_and_two_writers_do_not_lose_what_the_other_wrote() {
    let Ok(endpoint) = std::env::var("WAGGLE_S3_ENDPOINT") else {
        println!("skipped: `make test-clients` starts a server and sets `WAGGLE_S3_ENDPOINT`");
        return;
    };
    let options = HashMap::from([
        ("endpoint".to_owned(), endpoint),
        ("region".to_owned(), "us-east-1".to_owned()),
        ("allow_http".to_owned(), "true".to_owned()),
    ]);
    let place = |path: &str| IndexPlace { uri: format!("s3://hive/{path}"), options: options.clone() };
    keeps_its_promises(place("promises")).await;

    let shared = place("shared");
    let writers = [Index::open(&shared, None).await.unwrap(), Index::open(&shared, None).await.unwrap()];
    let wrote = writers.iter().zip(["a.md", "b.md"]).map(|(index, name)| async move {
        for n in 0..5 {
            let text = format!("# Queue {n}\n\nThe queue of {name} is drained by hand.");
            index.keep(&[kept("runbooks", &format!("{n}-{name}"), &text, &[])]).await.unwrap();
        }
    });
    futures::future::join_all(wrote).await;
    let reader = Index::open(&shared, None).await.unwrap();
    reader.settle().await.unwrap();
    let query = PassageQuery { limit: 20, ..asked("queue drained by hand") };
    assert_eq!(found(&reader, &query, &[]).await.len(), 10);
}

async fn keeps_its_promises(place: IndexPlace) {
    let models: [Option<Arc<dyn Embeddings>>; 2] = [None, Some(Arc::new(WordsAsVectors))];
    for model in models {
        let index = Index::open(&place, model).await.unwrap();
        // One document for each section, as the suite names passages by their headings.
        let mut all = Vec::new();
        for document in sample() {
            let mut body = String::new();
            for (heading, text) in &document.sections {
                let path: Vec<&str> = heading.split(" › ").collect();
                for (depth, title) in path.iter().enumerate() {
                    let line = format!("{} {title}\n\n", "#".repeat(depth + 1));
                    if !body.contains(&line) {
                        body += &line;
                    }
                }
                // Long enough that small neighbours are not put together.
                body += &format!("{text} {}\n\n", "Nothing else. ".repeat(24));
            }
            let library = document.library.as_ref().map(Library::key);
            let library = library.map(|key| format!("library: \"{key}\"\n")).unwrap_or_default();
            let service = Some(&document.service).filter(|service| !service.is_empty());
            let service = service.map(|service| format!("service: {service}\n")).unwrap_or_default();
            let text = format!("---\n{service}{library}---\n{body}");
            let parsed = read_document(&document.id, text.as_bytes()).unwrap();
            let document =
                parsed.into_document(DocumentId::named(document.id.clone()), "runbooks", &document.id);
            let chunks = chunks(&document);
            let hash = ContentHash::of(text.as_bytes());
            all.push(Kept { document, hash, gate: BTreeSet::new(), chunks });
        }
        index.keep(&all).await.unwrap();
        index.settle().await.unwrap();
        conformance(&Shelf::new(index, [])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_a_label_finds_nothing_and_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), Some(Arc::new(WordsAsVectors))).await;
    let secret = "---\nlabels: [sre]\n---\n# Vault\n\nThe vault is unsealed by three people.";
    index
        .keep(&[
            kept("open", "a.md", "# Vault\n\nThe vault is sealed at night.", &[]),
            kept("inner", "b.md", "# Vault\n\nThe vault keys are in the safe.", &["oncall"]),
            kept("inner", "c.md", secret, &["oncall"]),
        ])
        .await
        .unwrap();
    index.settle().await.unwrap();
    let vault = asked("vault");
    assert_eq!(found(&index, &vault, &[]).await, ["open:a.md"]);
    assert_eq!(found(&index, &vault, &["sre"]).await, ["open:a.md"], "a document cannot open its collection");
    assert_eq!(found(&index, &vault, &["oncall"]).await.len(), 2);
    assert_eq!(found(&index, &vault, &["oncall", "sre"]).await.len(), 3);
    assert_eq!(found(&index, &vault, &["x') OR ('1' = '1"]).await, ["open:a.md"]);
    let outside = Shelf::new(index.clone(), []);
    assert_eq!(outside.read("inner:b.md").await.unwrap_err().kind(), Kind::NotFound);
    let inside = Shelf::new(index, ["oncall".to_owned()]);
    assert!(inside.read("inner:b.md").await.unwrap().contains("in the safe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_keep_what_is_about_it_and_what_is_about_everything() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), None).await;
    let about =
        |service: &str| format!("---\nservice: {service}\n---\n# Restart\n\nRestart the pods one by one.");
    let library = "---\nlibrary: requests\nversion: \"2.31\"\n---\n# Restart\n\nRestart the session pool.";
    index
        .keep(&[
            kept("runbooks", "cart.md", &about("cart"), &[]),
            kept("runbooks", "shop.md", &about("shop"), &[]),
            kept("runbooks", "all.md", "# Restart\n\nRestart the pods slowly.", &[]),
            kept("library", "requests.md", library, &[]),
        ])
        .await
        .unwrap();
    index.settle().await.unwrap();
    let of = async |query: PassageQuery| {
        let mut names = found(&index, &query, &[]).await;
        names.sort();
        names
    };
    let restart = || PassageQuery { collections: vec!["runbooks".into()], ..asked("restart pods") };
    assert_eq!(
        of(PassageQuery { service: Some("cart".into()), ..restart() }).await,
        ["runbooks:all.md", "runbooks:cart.md"]
    );
    assert_eq!(of(restart()).await.len(), 3);
    let library = |version: Option<&str>| PassageQuery {
        library: Some(Library { version: version.map(str::to_owned), ..Library::named("python:Requests") }),
        ..asked("restart session")
    };
    assert_eq!(of(library(None)).await, ["library:requests.md"]);
    assert_eq!(of(library(Some("2.31"))).await, ["library:requests.md"]);
    assert_eq!(of(library(Some("3.0"))).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_relevant_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), Some(Arc::new(WordsAsVectors))).await;
    assert_eq!(found(&index, &asked("anything"), &[]).await, Vec::<String>::new(), "an empty index");
    index
        .keep(&[kept("runbooks", "disk.md", "# Disk full\n\nRemove old logs, then grow the volume.", &[])])
        .await
        .unwrap();
    index.settle().await.unwrap();
    assert_eq!(found(&index, &asked("disk is full"), &[]).await, ["runbooks:disk.md"]);
    for text in ["certificate expired yesterday", "证书过期", "the of and", ""] {
        assert_eq!(found(&index, &asked(text), &[]).await, Vec::<String>::new(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chinese_is_found_by_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), None).await;
    index
        .keep(&[
            kept("runbooks", "pool.md", "# 数据库连接池\n\n连接池耗尽时，先看慢查询，再扩大连接数。", &[]),
            kept("runbooks", "cert.md", "# 证书\n\n证书过期前三十天续签。", &[]),
        ])
        .await
        .unwrap();
    index.settle().await.unwrap();
    assert_eq!(found(&index, &asked("连接池满了怎么办"), &[]).await, ["runbooks:pool.md"]);
    assert_eq!(found(&index, &asked("证书什么时候续签"), &[]).await, ["runbooks:cert.md"]);
}

/// Syncs a folder as the collection `runbooks`.
async fn synced(index: &Index, folder: &TempDir, gate: &[&str]) -> Synced {
    let collection = Collection {
        name: "runbooks".into(),
        sources: vec![Source::Folder(FolderSource::open("runbooks", folder.path()).unwrap())],
        gate: gate.iter().map(|label| (*label).to_owned()).collect(),
        services: BTreeSet::new(),
    };
    sync(index, collection).await.unwrap()
}

fn counts(synced: &Synced) -> [usize; 4] {
    [synced.n_added, synced.n_changed, synced.n_unchanged, synced.n_removed]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_again_and_what_is_gone_is_forgotten() {
    let (place, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let index = index(place.path(), Some(Arc::new(WordsAsVectors))).await;
    index.keep(&[kept("other", "x.md", "# Other\n\nAnother collection stays.", &[])]).await.unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.md", "# Disk\n\nThe disk is full.");
    write("b.md", "# Memory\n\nThe memory is leaking.");
    write("c.bin", "\u{0}\u{1}");
    let first = synced(&index, &folder, &[]).await;
    assert_eq!(counts(&first), [2, 0, 0, 0], "{first}");
    assert_eq!(counts(&synced(&index, &folder, &[]).await), [0, 0, 2, 0]);

    write("a.md", "# Disk\n\nThe volume is full.");
    fs::remove_file(folder.path().join("b.md")).unwrap();
    assert_eq!(counts(&synced(&index, &folder, &[]).await), [0, 1, 0, 1]);
    assert_eq!(found(&index, &asked("volume full"), &[]).await, ["runbooks:a.md"]);
    assert_eq!(found(&index, &asked("memory leaking"), &[]).await, Vec::<String>::new());
    assert_eq!(found(&index, &asked("collection stays"), &[]).await, ["other:x.md"]);

    let closed = synced(&index, &folder, &["oncall"]).await;
    assert_eq!(counts(&closed), [0, 1, 0, 0], "who may read it is part of what it is");
    assert_eq!(found(&index, &asked("volume full"), &[]).await, Vec::<String>::new());
    assert_eq!(found(&index, &asked("volume full"), &["oncall"]).await, ["runbooks:a.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_twice_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), None).await;
    let document = kept("runbooks", "a.md", "# Disk\n\nThe disk is full.", &[]);
    for _ in 0..3 {
        index.keep(std::slice::from_ref(&document)).await.unwrap();
    }
    index.settle().await.unwrap();
    let hits = Shelf::new(index.clone(), []).search(&asked("disk full")).await.unwrap();
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert_eq!(index.known().await.unwrap().len(), 1);
    index.forget(&[document.document.id.clone(), DocumentId::new("runbooks", "never.md")]).await.unwrap();
    assert!(index.known().await.unwrap().is_empty());
}

/// A model that is gone after so many questions.
struct GoneAfter(AtomicUsize);

#[async_trait]
impl Embeddings for GoneAfter {
    fn name(&self) -> &str {
        "words/1"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(Kind::Unavailable.error("the model is gone"));
        }
        WordsAsVectors.embed(texts).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_whose_writing_was_cut_off_is_written_anew_and_its_old_gate_does_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let index = async |model: Arc<dyn Embeddings>| self::index(folder.path(), Some(model)).await;
    let body: String =
        (0..2_100).map(|n| format!("## Part {n}\n\n{}\n\n", "The queue is drained. ".repeat(20))).collect();
    let open = kept("runbooks", "a.md", &body, &[]);
    let closed =
        Kept { hash: ContentHash::of(b"closed"), gate: ["oncall".to_owned()].into(), ..open.clone() };
    assert!(open.chunks.len() > MAX_CHUNKS_AT_ONCE, "{}", open.chunks.len());
    let id = open.document.id.clone();
    index(Arc::new(WordsAsVectors)).await.keep(&[open]).await.unwrap();

    let cut = index(Arc::new(GoneAfter(AtomicUsize::new(1)))).await;
    assert_eq!(cut.keep(std::slice::from_ref(&closed)).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(cut.known().await.unwrap().get(&id), Some(&None), "it is not whole");

    let index = index(Arc::new(WordsAsVectors)).await;
    index.keep(std::slice::from_ref(&closed)).await.unwrap();
    assert_eq!(index.known().await.unwrap().get(&id), Some(&Some(closed.hash)));
    index.settle().await.unwrap();
    assert_eq!(found(&index, &asked("queue drained"), &[]).await, Vec::<String>::new());
    assert_eq!(found(&index, &asked("queue drained"), &["oncall"]).await, ["runbooks:a.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_still_find_what_a_model_that_is_gone_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let document = kept("runbooks", "a.md", "# Queue\n\nThe queue is drained by hand.", &[]);
    index(folder.path(), Some(Arc::new(WordsAsVectors))).await.keep(&[document]).await.unwrap();
    let gone = index(folder.path(), Some(Arc::new(GoneAfter(AtomicUsize::new(0))))).await;
    gone.settle().await.unwrap();
    assert_eq!(found(&gone, &asked("how is the queue drained"), &[]).await, ["runbooks:a.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_that_are_named_no_more_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), None).await;
    let text = "# Queue\n\nThe queue is drained by hand.";
    index.keep(&[kept("runbooks", "a.md", text, &[]), kept("payments", "a.md", text, &[])]).await.unwrap();
    index.forget_all_but(&["runbooks", "library"]).await.unwrap();
    let names: Vec<_> = index.known().await.unwrap().into_keys().collect();
    assert_eq!(names, [DocumentId::new("runbooks", "a.md")]);
}

#[tokio::test]
async fn an_option_of_a_bucket_that_is_misspelt_is_refused() {
    let options = HashMap::from([("enpoint".to_owned(), "http://127.0.0.1:9".to_owned())]);
    let place = IndexPlace { uri: "s3://hive/x".to_owned(), options };
    let refused = Index::open(&place, None).await.err().unwrap();
    assert_eq!(
        (refused.kind(), refused.to_string().as_str()),
        (Kind::Invalid, "`enpoint` is no option of a bucket")
    );
}

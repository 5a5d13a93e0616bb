//! What every [`Knowledge`] does, however it searches.

use super::fake_knowledge::Document;
use crate::{
    Kind,
    ports::{Knowledge, Library, PassageQuery},
};

/// Returns the documents that the suite asks about. Whoever runs the suite puts them on the shelf.
pub fn sample() -> Vec<Document> {
    let document = |id: &str, service: &str, sections: &[(&str, &str)]| Document {
        id: id.to_owned(),
        service: service.to_owned(),
        library: None,
        sections: sections
            .iter()
            .map(|(heading, text)| ((*heading).to_owned(), (*text).to_owned()))
            .collect(),
    };
    let about = |id: &str, library: &str, section: (&str, &str)| Document {
        library: Some(Library::named(library)),
        ..document(id, "", &[section])
    };
    vec![
        document(
            "runbooks/checkout.md",
            "checkout",
            &[
                ("Checkout", "Takes orders and asks the inventory for stock."),
                ("Checkout › Slow orders", "Look at the connection pool of the database first."),
                (
                    "Checkout › Certificates",
                    "Renew the certificate with the issuer, then restart the gateway.",
                ),
            ],
        ),
        document(
            "runbooks/payment.md",
            "payment",
            &[("Payment › Retries", "Payment retries a declined card three times.")],
        ),
        about("library/yaml.md", "PyYAML", ("Loading", "Parses streams of YAML into dictionaries.")),
        about("library/guava.md", "java:com.google.guava:guava", ("Hashing", "Murmur hashes of objects.")),
        about("library/redis.md", "python:redis", ("Pipelines", "Sends several commands together.")),
    ]
}

/// Checks that a shelf with the documents of [`sample`] keeps the promises of the port.
///
/// # Panics
///
/// When it breaks one.
pub async fn conformance(knowledge: &dyn Knowledge) {
    the_passage_that_fits_best_comes_first(knowledge).await;
    a_search_keeps_to_the_service_and_the_limit(knowledge).await;
    a_search_keeps_to_the_library(knowledge).await;
    what_a_passage_names_can_be_read(knowledge).await;
    an_unknown_document_is_not_found(knowledge).await;
}

fn query(text: &str, service: Option<&str>, limit: usize) -> PassageQuery {
    PassageQuery {
        text: text.to_owned(),
        service: service.map(str::to_owned),
        limit,
        ..PassageQuery::default()
    }
}

async fn the_passage_that_fits_best_comes_first(knowledge: &dyn Knowledge) {
    for (text, id, heading) in [
        ("database connection pool is slow", "runbooks/checkout.md", "Checkout › Slow orders"),
        ("renew certificate issuer", "runbooks/checkout.md", "Checkout › Certificates"),
        ("declined card retries", "runbooks/payment.md", "Payment › Retries"),
    ] {
        let found = knowledge.search(&query(text, None, 9)).await.unwrap();
        assert!(found.is_sorted_by(|a, b| a.score >= b.score), "best first: {found:?}");
        let first = found.first().expect("something fits");
        assert_eq!((first.id.as_str(), first.heading.as_str()), (id, heading), "{text}");
    }
}

async fn a_search_keeps_to_the_service_and_the_limit(knowledge: &dyn Knowledge) {
    let found = knowledge.search(&query("retries of cards, certificate", Some("payment"), 9)).await.unwrap();
    assert!(
        !found.is_empty() && found.iter().all(|passage| passage.id == "runbooks/payment.md"),
        "{found:?}"
    );
    assert_eq!(knowledge.search(&query("certificate", Some("nobody"), 9)).await.unwrap(), []);
    assert_eq!(knowledge.search(&query("orders inventory database", None, 1)).await.unwrap().len(), 1);
    assert_eq!(knowledge.search(&query("orders", None, 0)).await.unwrap(), []);
}

async fn a_search_keeps_to_the_library(knowledge: &dyn Knowledge) {
    for (text, library, wanted) in [
        ("parses streams of YAML", "python:pyyaml", Some("library/yaml.md")),
        ("parses streams of YAML", "PyYAML", Some("library/yaml.md")),
        ("parses streams of YAML", "redis", None),
        ("murmur hashes", "guava", Some("library/guava.md")),
        ("murmur hashes", "com.google.guava:guava", Some("library/guava.md")),
        ("murmur hashes", "go:guava", None),
        ("sends several commands", "redis", Some("library/redis.md")),
        ("sends several commands", "python:Redis", Some("library/redis.md")),
        ("sends several commands", "node:redis", None),
        ("renew certificate issuer", "redis", None),
    ] {
        let asked = PassageQuery { library: Some(Library::named(library)), ..query(text, None, 9) };
        let found = knowledge.search(&asked).await.unwrap();
        let found: Vec<&str> = found.iter().map(|passage| passage.id.as_str()).collect();
        assert_eq!(found, Vec::from_iter(wanted), "`{text}` of `{library}`");
    }
}

async fn what_a_passage_names_can_be_read(knowledge: &dyn Knowledge) {
    for passage in knowledge.search(&query("connection pool of the database", None, 9)).await.unwrap() {
        let text = knowledge.read(&passage.id).await.unwrap();
        assert!(text.contains(passage.text.trim()), "`{}` has the passage", passage.id);
    }
}

async fn an_unknown_document_is_not_found(knowledge: &dyn Knowledge) {
    for id in ["runbooks/nothing.md", "", "../../etc/passwd"] {
        assert_eq!(knowledge.read(id).await.unwrap_err().kind(), Kind::NotFound, "`{id}`");
    }
}

//! All rules together, in their order.

use std::sync::Arc;

use waggle_agent_core::{
    finding::Owner,
    ports::{Ownership, OwnershipQuery},
    testing::{
        fake_changes::FakeChanges,
        ownership::{conformance, sample},
    },
};
use waggle_knowledge::{
    ConfiguredOwners, GitChanges, OwnerSettings,
    owners::{Catalogue, CatalogueSource, People, Person, Shift, Stated, Team, Watch, owned, teams},
};

use crate::{at, catalogue::SHOP};

fn git() -> GitChanges {
    GitChanges::new(Vec::<std::path::PathBuf>::new())
}

fn owner(name: &str, rule: &str) -> Owner {
    Owner { name: name.to_owned(), rule: rule.to_owned(), contact: name.to_owned() }
}

fn shift(who: &str, level: u32) -> Shift {
    let (who, called, rule) = (who.to_owned(), String::new(), "on call".to_owned());
    Shift { who, called, level, from: None, to: None, rule }
}

#[tokio::test]
async fn it_keeps_the_rules_of_ownership() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample();
    let document = |(service, team): &(&str, &str)| {
        format!("---\nkind: Component\nmetadata: {{name: {service}}}\nspec: {{owner: {team}}}\n")
    };
    let documents: String = sample.services.iter().map(document).collect();
    std::fs::write(folder.path().join("catalog-info.yaml"), documents).unwrap();
    let (service, range, person) = sample.shift;
    let table = format!(
        "[[override]]\nwho='{person}'\nservices=['{service}']\nfrom='{}'\nto='{}'\n[[on_call]]\nwho='{person}'\nservices=['{service}']\nfrom='09:00'\nto='17:00'\n",
        range.from(),
        range.to()
    );
    let place = folder.path().join("oncall.toml");
    std::fs::write(&place, table).unwrap();
    let settings = OwnerSettings {
        catalogue: vec![CatalogueSource::Folder { folder: folder.path().to_owned() }],
        tables: vec![place],
        ..OwnerSettings::default()
    };
    let ownership = ConfiguredOwners::open(settings, Arc::new(FakeChanges::default()), git(), None).unwrap();
    conformance(&ownership).await;
}

#[tokio::test]
async fn settings_are_read_and_a_source_that_fails_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog-info.yaml"), SHOP).unwrap();
    let settings = format!(
        r#"
code_owners = "gitlab"
[[catalogue]]
folder = "{}"
[[catalogue]]
repository = "https://git.example/none"
revision = "main"
[[on_call]]
who = "zhao.min@shop.example"
teams = ["stock"]
[[schedules]]
place = "/no/such.ics"
services = ["inventory"]
[[people]]
name = "zhao"
email = "zhao.min@shop.example"
slack = "U7"
[[teams]]
name = "stock"
handle = "stock-oncall"
"#,
        folder.path().display()
    );
    let settings: OwnerSettings = toml::from_str(&settings).unwrap();
    let ownership = ConfiguredOwners::open(settings, Arc::new(FakeChanges::default()), git(), None).unwrap();
    let query = OwnershipQuery {
        service: "inventory".to_owned(),
        labels: vec!["@li.na".to_owned()],
        at: at("2026-03-02T10:00:00Z"),
        ..OwnershipQuery::default()
    };
    let labelled = ownership.owners_of(&query).await.unwrap();
    let plain = ownership.owners_of(&OwnershipQuery { labels: Vec::new(), ..query }).await.unwrap();
    insta::assert_snapshot!("together", format!("{labelled:#?}\n{plain:#?}"));
    let unknown: Result<OwnerSettings, _> = toml::from_str("oncall = []");
    assert!(unknown.is_err(), "a misspelt setting is not ignored");
}

#[test]
fn the_team_of_the_first_rule_is_asked_for() {
    let shop = Team { name: "shop".to_owned(), also: vec!["@acme/shop".to_owned()], ..Team::default() };
    let people = People::new(Vec::new(), vec![shop]);
    let stated = Stated {
        catalogue: vec![owner("@acme/shop", "catalogue")],
        code: vec![owner("@acme/web", "CODEOWNERS")],
        ..Stated::default()
    };
    assert_eq!(teams(&stated, &people), ["shop", "@acme/shop"]);
    let labelled = Stated { labels: vec![owner("li.na", "label")], ..stated };
    assert_eq!(teams(&labelled, &people), ["li.na"]);
    assert_eq!(teams(&Stated::default(), &people), [""; 0]);
}

#[test]
fn one_person_by_two_names_is_named_once_and_a_doubtful_one_without_a_contact() {
    let person = |name: &str, email: &str, handle: &str| Person {
        name: name.to_owned(),
        email: email.to_owned(),
        handle: handle.to_owned(),
        ..Person::default()
    };
    let all = vec![
        person("li.na", "li.na@shop.example", "lina"),
        person("ann", "a@x.example", ""),
        person("ann", "a@y.example", ""),
    ];
    let people = People::new(all, Vec::new());
    let stated = Stated {
        labels: vec![owner("lina", "label")],
        code: vec![owner("@ann", "CODEOWNERS")],
        watches: vec![Watch {
            shifts: vec![shift("li.na@shop.example", 1), shift("zhao", 1), shift("late", 2)],
            ..Watch::default()
        }],
        ..Stated::default()
    };
    let owned = owned(stated, &people, "inventory", at("2026-03-02T10:00:00Z"));
    let told: Vec<_> = owned
        .owners
        .iter()
        .map(|owner| (owner.name.as_str(), owner.rule.as_str(), owner.contact.as_str()))
        .collect();
    assert_eq!(
        told,
        [("lina", "label", "@lina li.na@shop.example"), ("@ann", "CODEOWNERS", ""), ("zhao", "on call", "")]
    );
    assert_eq!(owned.notes, ["`@ann` may be more than one; it is not said how to reach them"]);
}

#[test]
fn nobody_is_named_by_nothing() {
    let people = People::default().with(Catalogue::default().people(), Vec::new());
    let covers = vec!["team `shop`".to_owned()];
    let stated = Stated { watches: vec![Watch { covers, ..Watch::default() }], ..Stated::default() };
    let owned = owned(stated, &people, "inventory", at("2026-03-02T10:00:00Z"));
    assert_eq!(owned.owners, []);
    assert_eq!(owned.notes, ["nobody is on call for team `shop` of `inventory` at 2026-03-02T10:00:00Z"]);
}

//! The service catalogue.

use proptest::prelude::*;
use waggle_knowledge::{
    GitChanges,
    owners::{Catalogue, CatalogueSource, Reference},
};

pub const SHOP: &str = "\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: inventory
  annotations:
    backstage.io/source-location: url:https://git.example/acme/shop/
    pagerduty.com/service-id: PSTOCK1
spec: {type: service, lifecycle: production, owner: stock, system: shop}
---
kind: Component
metadata: {name: checkout, annotations: {backstage.io/kubernetes-id: checkout-web}}
spec: {type: service, system: shop}
---
kind: Component
metadata: {name: ledger}
spec: {type: service, owner: user:money/Li.Na}
---
kind: Component
metadata: {name: orphan}
spec: {type: service, system: nowhere}
---
kind: System
metadata: {name: shop}
spec: {owner: group:default/Shop}
---
kind: Resource
metadata: {name: orders-db}
spec: {type: database, owner: stock}
---
kind: Component
metadata: {name: mail, namespace: a}
spec: {owner: stock}
---
kind: Component
metadata: {name: mail, namespace: b}
spec: {owner: team}
---
kind: Group
metadata: {name: stock}
spec: {type: team, profile: {email: stock@shop.example, displayName: Stock keepers}, members: [wang.wei]}
---
kind: User
metadata: {name: wang.wei}
spec: {profile: {email: wang.wei@shop.example, displayName: Wang Wei}, memberOf: [stock]}
---
kind: User
metadata: {name: zhao.min}
spec: {profile: {email: zhao.min@shop.example}, memberOf: [stock]}
";

fn shop() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add("catalog-info.yaml", SHOP);
    catalogue
}

fn check(service: &str, owner: &str, rule: &str) {
    let listed = shop().listed(service);
    assert!(listed.is_listed, "{service}");
    let told: Vec<_> = listed.owners.iter().map(|owner| (owner.name.as_str(), owner.rule.as_str())).collect();
    assert_eq!(told, [(owner, rule)], "{service}");
}

#[test]
fn a_component_names_its_owner_or_its_system_does() {
    let by = |what: &str, owner: &str| format!("catalogue `catalog-info.yaml` {what} `spec.owner: {owner}`");
    check("inventory", "stock", &by("component `inventory`", "group:default/stock"));
    check("Inventory", "stock", &by("component `inventory`", "group:default/stock"));
    check("ledger", "money/li.na", &by("component `ledger`", "user:money/li.na"));
    check("orders-db", "stock", &by("resource `orders-db`", "group:default/stock"));
    check("b/mail", "b/team", &by("component `b/mail`", "group:b/team"));
    let inherited =
        by("system `shop`", "group:default/shop") + ", as component `checkout` is part of it and names none";
    check("checkout", "shop", &inherited);
    check("checkout-web", "shop", &inherited);
}

#[test]
fn a_doubt_is_said_and_nobody_is_taken() {
    for (service, wanted) in [
        ("mail", "the catalogue lists `mail` as `component:a/mail` and `component:b/mail`; none is taken"),
        ("orphan", "`component:default/orphan` of the catalogue names no owner"),
    ] {
        let listed = shop().listed(service);
        assert_eq!((listed.is_listed, listed.owners.len()), (true, 0), "{service}");
        assert_eq!(listed.notes, [wanted]);
    }
    assert_eq!(shop().listed("inventroy"), Default::default());
    assert_eq!(shop().listed(""), Default::default());
    // A team is no service.
    assert_eq!(shop().listed("stock"), Default::default());
}

#[test]
fn annotations_people_and_teams_are_kept() {
    let catalogue = shop();
    let listed = catalogue.listed("inventory");
    assert_eq!(listed.paging_ids, ["PSTOCK1"]);
    assert_eq!(listed.source_location, "url:https://git.example/acme/shop/");
    let teams = catalogue.teams();
    assert_eq!(
        teams.iter().map(|team| (team.name.as_str(), team.email.as_str())).collect::<Vec<_>>(),
        [("stock", "stock@shop.example")]
    );
    assert_eq!(teams[0].members, ["wang.wei", "zhao.min"]);
    let people: Vec<_> = catalogue.people().into_iter().map(|person| person.email).collect();
    assert_eq!(people, ["wang.wei@shop.example", "zhao.min@shop.example"]);
}

#[test]
fn a_bad_document_is_named_and_the_others_count() {
    let mut catalogue = Catalogue::default();
    let deep = format!("kind: {}", "[".repeat(10_000));
    let text = format!(
        "kind: [\n---\n\n---\nmetadata: {{name: a}}\n---\n{deep}\n---\nkind: Component\nmetadata: {{name: kept}}\nspec: {{owner: a}}\n"
    );
    catalogue.add("x.yaml", &text);
    assert_eq!(catalogue.services().collect::<Vec<_>>(), ["kept"]);
    assert_eq!(
        catalogue.notes,
        [
            "document 1 of `x.yaml` is not read: it is not YAML, or nests too deep",
            "document 3 of `x.yaml` is not read: it has no `kind`",
            "document 4 of `x.yaml` is not read: it is not YAML, or nests too deep",
        ]
    );
}

/// <https://backstage.io/docs/features/software-catalog/references/#string-references>
#[test]
fn what_a_reference_leaves_out_is_filled_in() {
    for (text, wanted) in [
        ("stock", Some("group:here/stock")),
        ("user:li.na", Some("user:here/li.na")),
        ("money/Ledger", Some("group:money/ledger")),
        ("User:money/li.na", Some("user:money/li.na")),
        ("", None),
        ("user:", None),
        ("/a", None),
    ] {
        let read = Reference::read(text, "group", "here").map(|reference| reference.to_string());
        assert_eq!(read.as_deref(), wanted, "`{text}`");
    }
}

#[tokio::test]
async fn a_folder_is_read_with_the_folders_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("catalog-info.yaml", "kind: Component\nmetadata: {name: top}\nspec: {owner: a}");
    write("deep/er/catalog-info.yml", "kind: Component\nmetadata: {name: inner}\nspec: {owner: b}");
    write("deep/other.yaml", "kind: Component\nmetadata: {name: other}\nspec: {owner: c}");
    write("huge/catalog-info.yaml", &"# much\n".repeat(200_000));
    let git = GitChanges::new(Vec::<std::path::PathBuf>::new());
    let source = CatalogueSource::Folder { folder: folder.path().to_owned() };
    let catalogue = source.read(&git).await.unwrap();
    assert_eq!(catalogue.services().collect::<Vec<_>>(), ["top", "inner"]);
    assert_eq!(catalogue.notes, ["`huge/catalog-info.yaml` is not read: it is over 1048576 bytes"]);
    let nowhere = CatalogueSource::Folder { folder: folder.path().join("none") };
    assert_eq!(nowhere.read(&git).await.unwrap_err().kind(), waggle_agent_core::Kind::NotFound);
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>(), service in any::<String>()) {
        let mut catalogue = Catalogue::default();
        catalogue.add("x", &text);
        catalogue.listed(&service);
    }

    #[test]
    fn any_yaml_is_read(text in "((kind|metadata|name|spec|owner|---|&a|\\*a|[:\\[\\]{}, \n|>-])){0,60}") {
        let mut catalogue = Catalogue::default();
        catalogue.add("x", &text);
    }

    #[test]
    fn a_reference_reads_as_it_is_written(text in "[a-z]{1,5}:[a-z]{1,5}/[a-z.]{1,5}") {
        let read = Reference::read(&text, "x", "y").unwrap();
        prop_assert_eq!(read.to_string(), text);
    }
}

//! From a name or an address to where somebody is reached.

use waggle_knowledge::owners::{Meant, People, Person, Team};

fn person(name: &str, email: &str, slack: &str) -> Person {
    let (name, email, slack) = (name.to_owned(), email.to_owned(), slack.to_owned());
    Person { name, email, slack, ..Person::default() }
}

fn people() -> People {
    let na = Person {
        also: vec!["Li Na".to_owned(), "李娜".to_owned()],
        handle: "@lina".to_owned(),
        ..person("li.na", "li.na@shop.example", "U1")
    };
    let ann = person("ann", "ann@shop.example", "");
    let other_ann = person("Ann", "ann@pay.example", "");
    let shop = Team {
        name: "shop".to_owned(),
        handle: "shop-oncall".to_owned(),
        also: vec!["@acme/shop".to_owned()],
        ..Team::default()
    };
    People::new(vec![na, ann, other_ann], vec![shop])
}

#[test]
fn a_person_is_found_by_every_name_and_a_doubt_stays_one() {
    let na = "slack:U1 @lina li.na@shop.example";
    for (word, contact) in [
        ("li.na", na),
        ("@LI.NA", na),
        ("LI.NA@shop.example", na),
        ("lina", na),
        ("李娜", na),
        ("@acme/shop", "@shop-oncall"),
        ("@other/shop", ""),
        ("ann", ""),
        ("ann@pay.example", "ann@pay.example"),
        ("li", ""),
        ("", ""),
    ] {
        assert_eq!(people().meant(word).contact(), contact, "`{word}`");
    }
    assert_eq!(people().meant("ann"), Meant::Several);
    assert_eq!(people().meant("li"), Meant::Unknown);
}

#[test]
fn a_title_speaks_of_the_one_whose_name_is_in_it() {
    let people = people();
    for (title, wanted) in [
        ("On call: Li Na (primary)", Some("li.na")),
        ("值班李娜", Some("li.na")),
        ("On call: Elina", None),
        ("annual leave", None),
        ("Li Na and ann@pay.example", None),
    ] {
        let name = match people.spoken_of(title) {
            Meant::Person(person) => Some(person.name.as_str()),
            _ => None,
        };
        assert_eq!(name, wanted, "{title}");
    }
    assert_eq!(people.spoken_of("ann"), Meant::Several);
}

#[test]
fn a_catalogue_adds_to_those_that_are_mapped() {
    let mapped = People::new(vec![person("lina", "li.na@shop.example", "U1")], Vec::new());
    let all = mapped.with(
        vec![person("li.na", "Li.Na@shop.example", ""), person("zhao", "zhao@shop.example", "")],
        Vec::new(),
    );
    assert_eq!(all.meant("li.na").contact(), "slack:U1 li.na@shop.example");
    assert_eq!(all.meant("zhao").contact(), "zhao@shop.example");
}

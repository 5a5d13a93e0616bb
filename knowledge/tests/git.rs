//! Local repositories keep the rules of a history, and say what is wrong when they cannot be read.

mod shop;

use std::time::Duration;

use shop::{Author, LI_NA, Shop};
use waggle_agent_core::{
    Error, Kind, Result,
    finding::Owner,
    ports::{Changes, Commit, CommitQuery, OwnerQuery},
    testing::changes::{conformance, sample},
};
use waggle_knowledge::{Dialect, GitChanges, owners::CatalogueSource};

#[tokio::test]
async fn git_keeps_the_rules_of_a_history() {
    let shop = Shop::new();
    let ids: Vec<_> = sample()
        .iter()
        .map(|commit| {
            for (path, bytes) in &commit.files {
                match bytes {
                    Some(bytes) => shop.write(path, bytes),
                    None => std::fs::remove_file(shop.path().join(path)).unwrap(),
                }
            }
            let author = Author { name: commit.author, email: commit.email, at_secs: commit.at_secs };
            shop.commit_by(author, &format!("{}\n\n{}", commit.summary, commit.body))
        })
        .collect();
    let changes = GitChanges::new([shop.path()]);
    conformance(&changes, shop.name(), &ids).await;
    conformance(&changes, &format!("file://{}", shop.name()), &ids).await;

    shop.git(&["gc", "--quiet", "--aggressive", "--prune=now"]);
    conformance(&changes, shop.name(), &ids).await;

    let bare = shop.path().join("shop.git");
    shop.git(&["clone", "--quiet", "--bare", ".", "shop.git"]);
    let url = "https://git.example/acme/shop";
    conformance(&GitChanges::new([&bare]).with_clone(url, &bare), url, &ids).await;

    let worktree = shop.path().join("worktree");
    shop.git(&["worktree", "add", "--quiet", "worktree"]);
    conformance(&GitChanges::new([&worktree]), worktree.to_str().unwrap(), &ids).await;
}

#[tokio::test]
async fn history_comes_in_the_order_of_git_log() {
    let shop = Shop::new();
    let at = |minute: i64| Author { at_secs: LI_NA.at_secs + minute * 60, ..LI_NA };
    let commit = |minute, message: &str| {
        shop.write("log.txt", message);
        shop.commit_by(at(minute), message)
    };
    commit(0, "root");
    let base = commit(1, "base");
    shop.git(&["checkout", "--quiet", "-b", "side"]);
    shop.write("side.txt", "1");
    let side = shop.commit_by(at(2), "side 1");
    shop.write("side.txt", "2");
    shop.commit_by(at(5), "side 2");
    shop.git(&["checkout", "--quiet", "main"]);
    let before_merge = commit(4, "main 2");
    shop.git_by(at(6), &["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    let merge = shop.git(&["rev-parse", "HEAD"]).trim().to_owned();
    // The clock of whoever committed this was slow.
    let last = commit(3, "main 3");

    let changes = GitChanges::new([shop.path()]);
    let cases = [
        (&last, None),
        (&merge, None),
        (&last, Some(&base)),
        (&last, Some(&side)),
        (&last, Some(&before_merge)),
        (&merge, Some(&before_merge)),
        (&before_merge, Some(&side)),
    ];
    for (to, from) in cases {
        let range = from.map_or(to.clone(), |from| format!("{from}..{to}"));
        let expected = shop.git(&["log", "--format=%H", &range]);
        let found = commits(&changes, shop.name(), to, from.map(String::as_str)).await.unwrap();
        assert_eq!(ids(&found), expected.lines().collect::<Vec<_>>(), "{range}");
    }
}

#[tokio::test]
async fn a_revision_is_an_id_a_branch_or_a_tag() {
    let shop = Shop::new();
    let first = shop.commit("first");
    shop.git(&["tag", "v1"]);
    shop.git(&["tag", "--annotate", "-m", "release", "release/2026.1"]);
    shop.write("a", "a");
    let second = shop.commit("second");
    shop.git(&["branch", "feature/shelves"]);
    let changes = GitChanges::new([shop.path()]);
    let cases = [
        ("main", &second),
        ("HEAD", &second),
        ("feature/shelves", &second),
        ("refs/heads/main", &second),
        ("main~1", &first),
        ("main^", &first),
        ("v1", &first),
        ("release/2026.1", &first),
        (&second[..7], &second),
    ];
    for (revision, expected) in cases {
        let diff = changes.diff(shop.name(), revision).await.unwrap();
        assert_eq!(&diff.commit.id, expected, "{revision}");
    }
    let ranges = [
        "v1..main",
        "v1...main",
        "^v1",
        "main:a",
        ":/second",
        "main^{/first}",
        "main@{1}",
        "main^@",
        "HEAD^!",
    ];
    for range in ranges {
        let error = changes.diff(shop.name(), range).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Invalid | Kind::NotFound), "{range}: {}", error.chain());
        assert!(error.hint().is_some(), "{range}");
    }
    let tree = shop.git(&["rev-parse", "HEAD^{tree}"]);
    assert_eq!(
        changes.diff(shop.name(), tree.trim()).await.unwrap_err().kind(),
        Kind::NotFound,
        "a tree is no commit"
    );
}

#[tokio::test]
async fn a_beginning_of_several_ids_is_ambiguous() {
    let shop = Shop::new();
    let mut script = String::new();
    for n in 0..1_500 {
        let message = format!("commit {n}");
        script += &format!(
            "commit refs/heads/main\ncommitter Li Na <li.na@shop.example> {} +0000\n",
            1_772_370_000 + n
        );
        script += &format!("data {}\n{message}\n", message.len());
    }
    shop.write("script", script);
    let shell = "git fast-import --quiet < script";
    assert!(
        std::process::Command::new("sh")
            .args(["-c", shell])
            .current_dir(shop.path())
            .status()
            .unwrap()
            .success()
    );
    let all = shop.git(&["log", "--format=%H", "main"]);
    let mut beginnings: Vec<_> = all.lines().map(|id| &id[..4]).collect();
    beginnings.sort();
    let twice = beginnings.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];

    let changes = GitChanges::new([shop.path()]);
    let error = changes.diff(shop.name(), twice).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{}", error.chain());
    assert_eq!(error.to_string(), format!("revision `{twice}` is the beginning of several ids"));
    assert_eq!(error.hint(), Some("give more of the id"));
    assert_eq!(commits(&changes, shop.name(), "main", None).await.unwrap().len(), 1_500);
}

#[tokio::test]
async fn authors_are_named_as_the_mailmap_says() {
    let shop = Shop::new();
    let old = Author { name: "lina", email: "LiNa@laptop", at_secs: 1 };
    shop.commit_by(old, "before");
    shop.write(".mailmap", "Li Na <li.na@shop.example> <lina@laptop>\n");
    shop.commit_by(old, "after\r\n\r\n  with a body  \n\n");
    let changes = GitChanges::new([shop.path()]);
    let found = commits(&changes, shop.name(), "main", None).await.unwrap();
    let told = |commit: &Commit| {
        [commit.author.clone(), commit.email.clone(), commit.summary.clone(), commit.body.clone()]
    };
    assert_eq!(told(&found[0]), ["Li Na", "li.na@shop.example", "after", "with a body"]);
    assert_eq!(told(&found[1]), ["Li Na", "li.na@shop.example", "before", ""]);
    let as_of_then = changes.diff(shop.name(), "main~1").await.unwrap().commit;
    assert_eq!(told(&as_of_then), ["lina", "LiNa@laptop", "before", ""]);
}

#[tokio::test]
async fn owners_are_those_of_the_revision_and_state_their_rule() {
    let shop = Shop::new();
    shop.write("docs/CODEOWNERS", "* @docs\n");
    shop.commit("1");
    shop.write("CODEOWNERS", "* @acme/shop\n\n/inventory/ @li.na  wang.wei@shop.example # both\n");
    shop.commit("2");
    shop.write(".github/CODEOWNERS", "*.rs @rust\n");
    shop.commit("3");
    let changes = GitChanges::new([shop.path()]);
    let rule = "CODEOWNERS line 3 `/inventory/`";
    let cases: [(&str, &[&str], Vec<Owner>); 5] = [
        ("main~2", &["inventory/a.rs"], vec![owner("@docs", "docs/CODEOWNERS line 1 `*`")]),
        ("main~1", &["inventory/a.rs"], vec![owner("@li.na", rule), owner("wang.wei@shop.example", rule)]),
        (
            "main~1",
            &["a", "inventory/a.rs", "b"],
            vec![
                owner("@acme/shop", "CODEOWNERS line 1 `*`"),
                owner("@li.na", rule),
                owner("wang.wei@shop.example", rule),
            ],
        ),
        ("main", &["inventory/a.rs"], vec![owner("@rust", ".github/CODEOWNERS line 1 `*.rs`")]),
        ("main", &["inventory/a.md"], vec![]),
    ];
    for (revision, paths, expected) in cases {
        let paths = paths.iter().map(|&path| path.into()).collect();
        let query = OwnerQuery { repository: shop.name().into(), revision: revision.into(), paths };
        assert_eq!(changes.owners(&query).await.unwrap(), expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_repository_that_is_not_listed_is_denied_whether_or_not_it_exists() {
    let (listed, other) = (Shop::new(), Shop::new());
    other.commit("secret");
    let changes = GitChanges::new([listed.path()]);
    let inside = format!("{}/../{}", listed.name(), other.path().file_name().unwrap().to_str().unwrap());
    for repository in [other.name(), "/no/such/folder", inside.as_str(), "https://git.example/acme/shop"] {
        let error = commits(&changes, repository, "main", None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{repository}");
        assert_eq!(
            error.to_string(),
            format!("repository `{repository}` is not one of those that may be read")
        );
        assert_eq!(error.hint(), Some("name a local clone with `--repository URL=PATH`"));
    }
}

#[tokio::test]
async fn what_is_listed_and_no_repository_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().to_owned(), folder.path().join("nothing")];
    let changes = GitChanges::new(paths.clone());
    for path in paths {
        let error = commits(&changes, path.to_str().unwrap(), "main", None).await.unwrap_err();
        check(&error, Kind::NotFound, "check that the configured path is a git repository and may be read");
    }
    let empty = Shop::new();
    let changes = GitChanges::new([empty.path()]);
    let error = commits(&changes, empty.name(), "HEAD", None).await.unwrap_err();
    check(&error, Kind::NotFound, "the clone may be out of date; try `git fetch`");
}

#[tokio::test]
async fn the_edge_of_a_shallow_clone_is_not_taken_for_a_beginning() {
    let shop = Shop::new();
    for n in 0..4 {
        shop.write("a.txt", n.to_string());
        shop.commit(&format!("commit {n}"));
    }
    shop.git(&["clone", "--quiet", "--depth=2", &format!("file://{}", shop.name()), "clone"]);
    let clone = shop.path().join("clone");
    let changes = GitChanges::new([&clone]);
    let clone = clone.to_str().unwrap();
    assert_eq!(commits(&changes, clone, "main", None).await.unwrap().len(), 2);
    assert_eq!(changes.diff(clone, "main").await.unwrap().files.len(), 1);
    let error = changes.diff(clone, "main~1").await.unwrap_err();
    let hint = "the clone may be shallow, partial or damaged; try `git fsck` or `git fetch --unshallow`";
    check(&error, Kind::Unavailable, hint);
}

#[tokio::test]
async fn a_damaged_object_is_an_error() {
    let shop = Shop::new();
    shop.write("a.txt", "one\n");
    shop.commit("1");
    let blob = shop.git(&["rev-parse", "HEAD:a.txt"]);
    let object = shop.path().join(".git/objects").join(&blob[..2]).join(blob[2..].trim());
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, b"damaged").unwrap();
    let error = GitChanges::new([shop.path()]).diff(shop.name(), "main").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{}", error.chain());
}

#[tokio::test]
async fn a_question_without_time_left_is_a_timeout() {
    let shop = Shop::new();
    shop.commit("1");
    let changes = GitChanges::new([shop.path()]).with_patience(Duration::ZERO);
    let error = commits(&changes, shop.name(), "main", None).await.unwrap_err();
    check(&error, Kind::Timeout, "ask for fewer commits, or try again later");
}

#[tokio::test]
async fn nothing_that_the_repository_configures_is_run() {
    let shop = Shop::new();
    shop.write(".gitattributes", "*.rs diff=trap filter=trap\n");
    shop.write("a.rs", "one\ntwo\nthree\nfour\n");
    shop.commit("before");
    std::fs::remove_file(shop.path().join("a.rs")).unwrap();
    shop.write("b.rs", "one\ntwo\nthree\nfive\n");
    shop.commit("after");
    let trap = shop.path().join("trapped");
    let program = format!("touch {}; cat", trap.display());
    for key in
        ["diff.trap.textconv", "filter.trap.smudge", "filter.trap.clean", "core.fsmonitor", "diff.external"]
    {
        shop.git(&["config", key, &program]);
    }
    shop.git(&["show", "--textconv"]);
    assert!(trap.exists(), "git itself is caught");
    std::fs::remove_file(&trap).unwrap();

    let changes = GitChanges::new([shop.path()]);
    let files = changes.diff(shop.name(), "main").await.unwrap().files;
    assert_eq!((files.len(), files[0].added), (1, 1), "a rename with an edit, so contents were compared");
    commits(&changes, shop.name(), "main", None).await.unwrap();
    assert!(!trap.exists());
}

async fn commits(
    changes: &GitChanges,
    repository: &str,
    to: &str,
    from: Option<&str>,
) -> Result<Vec<Commit>> {
    let from = from.map(str::to_owned);
    changes
        .commits(&CommitQuery { repository: repository.into(), to: to.into(), from, limit: usize::MAX })
        .await
}

fn ids(commits: &[Commit]) -> Vec<&str> {
    commits.iter().map(|commit| commit.id.as_str()).collect()
}

fn owner(name: &str, rule: &str) -> Owner {
    Owner { name: name.into(), rule: rule.into(), contact: name.into() }
}

fn check(error: &Error, kind: Kind, hint: &str) {
    assert_eq!(error.kind(), kind, "{}", error.chain());
    assert_eq!(error.hint(), Some(hint));
}

#[tokio::test]
async fn a_catalogue_is_read_as_a_revision_has_it() {
    let shop = Shop::new();
    let entity =
        |name: &str| format!("kind: Component\nmetadata: {{name: {name}}}\nspec: {{owner: stock}}\n");
    shop.write("catalog-info.yaml", entity("gateway"));
    shop.write("inventory/deep/catalog-info.yml", entity("inventory"));
    shop.write("inventory/other.yaml", entity("other"));
    let first = shop.commit("begin");
    shop.write("catalog-info.yaml", entity("front"));
    shop.commit("rename");
    let git = GitChanges::new([shop.path()]);
    for (revision, wanted) in [(first.as_str(), ["gateway", "inventory"]), ("main", ["front", "inventory"])] {
        let (repository, revision) = (shop.name().to_owned(), revision.to_owned());
        let catalogue = CatalogueSource::Repository { repository, revision }.read(&git).await.unwrap();
        assert_eq!(catalogue.services().collect::<Vec<_>>(), wanted);
    }
    for (repository, revision, kind) in
        [(shop.name(), "none", Kind::NotFound), ("https://git.example/none", "main", Kind::Denied)]
    {
        let (repository, revision) = (repository.to_owned(), revision.to_owned());
        let error = CatalogueSource::Repository { repository, revision }.read(&git).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_file_in_the_root_follows_the_rules_that_are_configured() {
    let shop = Shop::new();
    shop.write("CODEOWNERS", "* @all\n[Docs] @writers\ndocs/\n");
    shop.commit("begin");
    // To GitHub the heading is no rule, and the last line names nobody.
    for (dialect, wanted) in [(None, &[][..]), (Some(Dialect::GitLab), &["@all", "@writers"])] {
        let git = GitChanges::new([shop.path()]);
        let git = dialect.into_iter().fold(git, GitChanges::with_code_owners);
        let (repository, revision) = (shop.name().to_owned(), "main".to_owned());
        let query = OwnerQuery { repository, revision, paths: vec!["docs/a.md".to_owned()] };
        let owners = git.owners(&query).await.unwrap();
        let names: Vec<&str> = owners.iter().map(|owner| owner.name.as_str()).collect();
        assert_eq!(names, wanted, "{dialect:?}");
    }
}

//! Who answers for which path.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use regex::Regex;
use waggle_knowledge::{CodeOwners, Dialect};

/// One rule, one path, and whether it decides.
fn check(source: &str, cases: &[(&str, &str, bool)]) {
    for (pattern, path, fits) in cases {
        let owners = CodeOwners::read("CODEOWNERS", &format!("{pattern} @octocat\n")).owners(path);
        assert_eq!(!owners.is_empty(), *fits, "`{pattern}` for `{path}`, {source}");
    }
}

/// The examples of <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#example-of-a-codeowners-file>.
#[test]
fn patterns_of_the_documentation_of_github() {
    check(
        "GitHub, example of a CODEOWNERS file",
        &[
            ("*", "README.md", true),
            ("*", "deep/er/file", true),
            ("*.js", "index.js", true),
            ("*.js", "web/src/index.js", true),
            ("*.js", "index.json", false),
            ("/build/logs/", "build/logs/a.txt", true),
            ("/build/logs/", "build/logs/deep/er/a.txt", true),
            ("/build/logs/", "other/build/logs/a.txt", false),
            ("/build/logs/", "build/logs", false),
            ("docs/*", "docs/getting-started.md", true),
            ("docs/*", "docs/build-app/troubleshooting.md", false),
            ("docs/*", "other/docs/a.md", false),
            ("apps/", "apps/a", true),
            ("apps/", "deep/apps/er/a", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/deep/a.md", true),
            ("/docs/", "other/docs/a.md", false),
            ("/scripts/", "scripts/a.sh", true),
            ("**/logs", "build/logs/a.txt", true),
            ("**/logs", "scripts/logs/a.txt", true),
            ("**/logs", "deeply/nested/logs/er/a.txt", true),
            ("**/logs", "logs/a.txt", true),
            ("**/logs", "build/logs2/a.txt", false),
            ("/apps/github", "apps/github", true),
            ("/apps/github", "apps/github/a", true),
        ],
    );
}

/// <https://git-scm.com/docs/gitignore#_pattern_format>
#[test]
fn patterns_of_the_documentation_of_gitignore() {
    check(
        "gitignore, pattern format",
        &[
            ("frotz", "frotz", true),
            ("frotz", "a/frotz", true),
            ("frotz", "a/frotz/b", true),
            ("doc/frotz", "doc/frotz", true),
            ("doc/frotz", "a/doc/frotz", false),
            ("doc/frotz/", "doc/frotz/a", true),
            ("doc/frotz/", "a/doc/frotz/a", false),
            ("frotz/", "a/frotz/b", true),
            ("foo/*", "foo/test.json", true),
            ("foo/*.json", "foo/test.json", true),
            ("foo/*.json", "foo/bar/test.json", false),
            ("**/foo", "foo", true),
            ("**/foo/bar", "a/foo/bar", true),
            ("**/foo/bar", "a/foo/x/bar", false),
            ("abc/**", "abc/x", true),
            ("abc/**", "abc/x/y", true),
            ("abc/**", "abc", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "x/a/b", false),
            ("**", "a/b", true),
            ("**/", "a/b", true),
            ("**/", "a", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a**c", "axyc", true),
            ("a**c", "a/c", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
        ],
    );
}

#[test]
fn names_are_compared_letter_by_letter() {
    check(
        "GitHub: paths are case-sensitive",
        &[
            ("/Docs/", "docs/a", false),
            ("/文档/", "文档/a.md", true),
            ("a\\ b/", "a b/c", true),
            ("a.c", "abc", false),
            ("/", "a", false),
            ("//", "a", false),
            ("a", "", false),
            ("*", "", false),
        ],
    );
}

/// GitHub: "Syntax exceptions", and lines with invalid syntax are skipped.
#[test]
fn lines_that_are_no_rules_have_no_effect() {
    let lines = [
        "!a @li.na",
        "\\#a @li.na",
        "#a @li.na",
        "[ab] @li.na",
        "a[0-9] @li.na",
        "a li.na",
        "a @",
        "a @li.na and others",
        "[Section] @li.na",
        "a a@b@c.d",
    ];
    for line in lines {
        let rules = CodeOwners::read("CODEOWNERS", &format!("* @octocat\n{line}\n"));
        for path in ["a", "#a", "!a", "a1", "b"] {
            assert_eq!(names(&rules, path), ["@octocat"], "`{line}` for `{path}`");
        }
    }
}

#[test]
fn the_last_rule_that_fits_decides() {
    let text = "\u{20}
# Who answers for what.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt\t@octo-org/octocats
/apps/ @octocat
/apps/github
/apps/github/back @doctocat\r
";
    let rules = CodeOwners::read("docs/CODEOWNERS", text);
    let cases: [(&str, &[&str]); 8] = [
        ("a", &["@global-owner1", "@global-owner2"]),
        ("a.js", &["@js-owner"]),
        ("a.go", &["docs@example.com"]),
        ("a.txt", &["@octo-org/octocats"]),
        ("apps/a.js", &["@octocat"]),
        ("apps/github/a.js", &[]),
        ("apps/github/back/a.js", &["@doctocat"]),
        ("deep/apps/a.js", &["@js-owner"]),
    ];
    for (path, expected) in cases {
        assert_eq!(names(&rules, path), expected, "{path}");
    }
    let owner = &rules.owners("apps/a")[0];
    assert_eq!(owner.rule, "docs/CODEOWNERS line 7 `/apps/`");
    assert_eq!(owner.contact, "@octocat");
}

fn names(rules: &CodeOwners, path: &str) -> Vec<String> {
    rules.owners(path).into_iter().map(|owner| owner.name).collect()
}

/// GitHub: "If you want to use spaces in a path"; an owner that is no owner, a comment behind a rule.
#[test]
fn spaces_and_comments_are_read_as_github_does() {
    let rules = CodeOwners::read("CODEOWNERS", "/my\\ docs/a\\ b.md @li.na # and @wang.wei\n");
    assert_eq!(names(&rules, "my docs/a b.md"), ["@li.na"]);
}

#[test]
fn the_place_of_the_file_tells_whose_rules_it_follows() {
    use Dialect::{GitHub, GitLab};
    for (place, configured, wanted) in [
        (".github/CODEOWNERS", Some(GitLab), GitHub),
        (".gitlab/CODEOWNERS", Some(GitHub), GitLab),
        (".gitlab/CODEOWNERS", None, GitLab),
        ("CODEOWNERS", None, GitHub),
        ("CODEOWNERS", Some(GitLab), GitLab),
        ("docs/CODEOWNERS", Some(GitLab), GitLab),
    ] {
        assert_eq!(Dialect::of(place, configured), wanted, "{place} {configured:?}");
    }
    assert_eq!(Dialect::places(Some(GitHub)).first(), Some(&".github/CODEOWNERS"));
    assert_eq!(Dialect::places(Some(GitLab)).first(), Some(&"CODEOWNERS"));
    assert!(!Dialect::places(Some(GitHub)).contains(&".gitlab/CODEOWNERS"));
}

/// <https://docs.gitlab.com/user/project/codeowners/reference/#path-matching>,
/// <https://docs.gitlab.com/user/project/codeowners/advanced/#pattern-matching>, and Ruby's `File.fnmatch` for sets.
#[test]
fn patterns_of_gitlab_fit_whole_paths() {
    for (pattern, path, fits) in [
        ("*", "a/b/c", true),
        ("*", ".hidden", true),
        ("/start.md", "start.md", true),
        ("/start.md", "a/start.md", false),
        ("start.md", "a/b/start.md", true),
        ("inner/start.md", "start.md", false),
        ("inner/start.md", "inner/start.md", true),
        ("inner/start.md", "deep/inner/start.md", true),
        ("/docs/", "docs/a", true),
        ("/docs/", "docs/a/b", true),
        ("/docs/", "a/docs/b", false),
        ("/docs/", "docs", false),
        ("docs/", "a/docs/b/c", true),
        ("docs", "docs/a", false),
        ("docs", "a/docs", true),
        ("/docs/*.md", "docs/a.md", true),
        ("/docs/*.md", "docs/a/b.md", false),
        ("/docs/index.*", "docs/index.html", true),
        ("/docs/*spec*", "docs/qa_specs.rb", true),
        ("/docs/*/start.md", "docs/api/start.md", true),
        ("/docs/*/start.md", "docs/start.md", false),
        ("/docs/**/start.md", "docs/start.md", true),
        ("/docs/**/start.md", "docs/a/b/start.md", true),
        ("/docs/**", "docs/a", true),
        ("/docs/**", "docs/a/b", false),
        ("*.r[bs]", "a/x.rs", true),
        ("*.r[!b]", "a/x.rb", false),
        ("[a-c]1", "b1", true),
        ("[^a-c]1", "b1", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("a[", "a[", false),
        ("a\\*", "a*", true),
        ("a\\*", "ab", false),
        ("\\#odd.rb", "#odd.rb", true),
        ("with\\ space/", "with space/a", true),
        ("Docs/", "docs/a", false),
    ] {
        let owners = gitlab(&format!("{pattern} @li.na\n")).owners(path);
        assert_eq!(!owners.is_empty(), fits, "`{pattern}` for `{path}`");
    }
}

fn gitlab(text: &str) -> CodeOwners {
    CodeOwners::read(".gitlab/CODEOWNERS", text)
}

/// The rules of <https://docs.gitlab.com/user/project/codeowners/reference/#sections>, on a file of its own.
#[test]
fn one_line_of_every_section_counts() {
    let text = "* @all\n\
        [Pages][2] @writers\n\
        pages/\n\
        *.txt @plain # and @lawyers\n\
        ^[Store] @keepers @acme/shop/stock\n\
        store/\n\
        store/schema.md @writers\n\
        [pages] @editors\n\
        pages/news/\n\
        [Build]\n\
        *.rs @@developers @@maintainer @@guest li.na@shop.example\n\
        !store/gen/\n\
        store/gen/kept.rs @late\n\
        [Broken\n\
        []\n\
        none.md word\n";
    let rules = gitlab(text);
    let cases: [(&str, &[&str]); 9] = [
        ("README", &["@all"]),
        ("pages/a", &["@all", "@writers"]),
        ("pages/a.txt", &["@all", "@plain", "@lawyers"]),
        ("pages/news/a", &["@all", "@editors"]),
        ("store/a", &["@all", "@keepers", "@acme/shop/stock"]),
        ("store/schema.md", &["@all", "@writers"]),
        (
            "store/a.rs",
            &["@all", "@keepers", "@acme/shop/stock", "@@developers", "@@maintainer", "li.na@shop.example"],
        ),
        ("store/gen/kept.rs", &["@all", "@keepers", "@acme/shop/stock"]),
        ("none.md", &["@all"]),
    ];
    for (path, wanted) in cases {
        assert_eq!(names(&rules, path), wanted, "{path}");
    }
    let stated: Vec<String> = ["pages/a", "store/a", "a.rs"]
        .iter()
        .flat_map(|path| rules.owners(path))
        .map(|owner| format!("{} | {} | {}", owner.name, owner.rule, owner.contact))
        .collect();
    insta::assert_snapshot!("gitlab_rules", stated.join("\n"));
}

/// A section whose headings differ in `^` is required, and its name is compared without case.
#[test]
fn sections_of_one_name_are_one() {
    for (second, wanted) in
        [("^[A]", "x line 5 `a` in section `a` (optional)"), ("[A]", "x line 5 `a` in section `a`")]
    {
        let text = format!("^[a]\na @one\n\n{second}\na @two\n");
        let owners = CodeOwners::read_as(Dialect::GitLab, "x", &text).owners("a");
        let told: Vec<_> = owners.iter().map(|owner| (owner.name.as_str(), owner.rule.as_str())).collect();
        assert_eq!(told, [("@two", wanted)]);
    }
}

/// Matching once more, by translation into a regular expression.
fn expression(dialect: Dialect, pattern: &str) -> Regex {
    let is_folder = pattern.ends_with('/');
    let body = pattern.trim_end_matches('/');
    let is_rooted = match dialect {
        Dialect::GitHub => body.contains('/'),
        Dialect::GitLab => body.starts_with('/'),
    };
    let names: Vec<&str> = body.trim_start_matches('/').split('/').collect();
    let mut regex = String::from(if is_rooted { "^" } else { "^(?:[^/]+/)*" });
    for (place, name) in names.iter().enumerate() {
        let is_last = place + 1 == names.len();
        match (*name, is_last) {
            ("**", false) => regex += "(?:[^/]+/)*",
            // GitHub: all that is inside. GitLab: one name, unless a slash follows.
            ("**", true) if is_folder && dialect == Dialect::GitLab => regex += "(?:[^/]+/)*[^/]+",
            ("**", true) if is_folder => regex += "(?:[^/]+/)*[^/]+/.+",
            ("**", true) if dialect == Dialect::GitHub => regex += ".+",
            _ => {
                for letter in name.chars() {
                    match letter {
                        '*' => regex += "[^/]*",
                        '?' => regex += "[^/]",
                        letter => regex += &regex::escape(&letter.to_string()),
                    }
                }
                regex += match (is_last, is_folder, dialect) {
                    (false, ..) => "/",
                    (true, true, _) => "/.+",
                    (true, false, Dialect::GitLab) => "",
                    (true, false, Dialect::GitHub) if *name == "*" && is_rooted => "",
                    (true, false, Dialect::GitHub) => "(?:/.*)?",
                };
            }
        }
    }
    Regex::new(&(regex + "$")).unwrap()
}

proptest! {
    #[test]
    fn any_file_is_read_and_any_path_is_answered(text in any::<String>(), path in any::<String>()) {
        CodeOwners::read("CODEOWNERS", &text).owners(&path);
    }

    #[test]
    fn any_rule_is_read_and_any_path_is_answered(text in "([*?/a\\\\ @#!\\[\n]|\\*\\*){0,40}", path in "[a/*]{0,40}") {
        CodeOwners::read("CODEOWNERS", &text).owners(&path);
    }

    #[test]
    fn a_path_fits_itself_and_the_folders_above(path in "[a-c]{1,3}(/[a-c]{1,3}){0,4}") {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            for pattern in [format!("/{}", &path[..end]), format!("**/{}", &path[..end])] {
                let rules = CodeOwners::read("CODEOWNERS", &format!("{pattern} @octocat"));
                prop_assert_eq!(rules.owners(&path).len(), 1, "{}", pattern);
            }
        }
    }

    #[test]
    fn any_file_of_gitlab_is_read(text in "([*?/a\\\\ @#!\\[\\]^\n2-]|\\*\\*|\\[a\\]){0,60}", path in "[a/*]{0,40}") {
        gitlab(&text).owners(&path);
    }

    #[test]
    fn any_text_is_read_as_gitlab_does(text in any::<String>(), path in any::<String>()) {
        gitlab(&text).owners(&path);
    }

    #[test]
    fn patterns_fit_what_their_regular_expressions_do(
        pattern in "/?(a|b|\\*|a\\*|\\?|\\*\\*)(/(a|b|\\*|a\\*|\\?b|\\*\\*)){0,3}/?",
        path in "(a|b|ab)(/(a|b|ab)){0,4}",
    ) {
        for (dialect, place) in [(Dialect::GitHub, "CODEOWNERS"), (Dialect::GitLab, ".gitlab/CODEOWNERS")] {
            let fits = !CodeOwners::read(place, &format!("{pattern} @octocat")).owners(&path).is_empty();
            let expression = expression(dialect, &pattern);
            prop_assert_eq!(fits, expression.is_match(&path), "{:?} `{}` `{}` {}", dialect, pattern, path, expression);
        }
    }
}

//! Who answers for which path.

use proptest::prelude::*;
use waggle_knowledge::CodeOwners;

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
}

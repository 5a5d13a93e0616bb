//! Diffs are those of `git diff`, line for line.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

mod shop;

use std::collections::BTreeMap;

use shop::{Author, LI_NA, Shop};
use waggle_agent_core::ports::{Changes, FileDiff, Hunk};
use waggle_knowledge::GitChanges;

/// Twenty lines of code, to be edited.
const CODE: &str = "use std::fs;

pub struct Shelf {
    skus: Vec<Sku>,
}

impl Shelf {
    pub fn reserve(&mut self, order: &Order) -> bool {
        let sku = self.index.find(order.sku);
        let count = order.count;
        if sku.count < count {
            return false;
        }
        sku.take(count)
    }

    pub fn release(&mut self, order: &Order) {
        self.index.find(order.sku).put(order.count);
    }
}
";

#[tokio::test]
async fn edits_are_the_hunks_of_git_diff() {
    let numbers: String = (1..=40).map(|n| format!("line {n}\n")).collect();
    let edits = [
        ("one line", CODE.into(), CODE.replace("find(order.sku);\n        let", "scan(order.sku);\n        let")),
        ("two hunks", CODE.into(), CODE.replace("use std::fs;", "use std::io;").replace("put(", "add(")),
        ("a line at the beginning", CODE.into(), format!("//! Shelves.\n{CODE}")),
        ("a line at the end", CODE.into(), format!("{CODE}// end\n")),
        ("a function more", CODE.into(), CODE.replace("    pub fn release", "    pub fn empty(&self) -> bool {\n        self.skus.is_empty()\n    }\n\n    pub fn release")),
        ("a function less", CODE.into(), CODE.replace("    pub fn release(&mut self, order: &Order) {\n        self.index.find(order.sku).put(order.count);\n    }\n", "")),
        ("six lines between are one hunk", numbers.clone(), numbers.replace("line 10\n", "ten\n").replace("line 17\n", "seventeen\n")),
        ("seven lines between are two", numbers.clone(), numbers.replace("line 10\n", "ten\n").replace("line 18\n", "eighteen\n")),
        ("the end of the last line goes", "a\nb\n".into(), "a\nb".into()),
        ("the end of the last line comes", "a\nb".into(), "a\nb\n".into()),
        ("no end of the last line, changed above", "a\nb\nc".into(), "x\nb\nc".into()),
        ("no end of the last line, changed there", "a\nb".into(), "a\nc".into()),
        ("empty to text", String::new(), "a\nb\n".into()),
        ("text to empty", "a\nb\n".into(), String::new()),
        ("only blank lines", "\n\n\n".into(), "\n\n\n\n".into()),
        ("line ends of Windows", "a\nb\n".into(), "a\r\nb\r\n".into()),
        ("all other lines", "a\nb\nc\n".into(), "d\ne\nf\ng\n".into()),
        ("Chinese", "库存\n订单\n".into(), "库存\n支付\n".into()),
    ];
    let shop = Shop::new();
    for (n, (_, before, _)) in edits.iter().enumerate() {
        shop.write(&format!("{n:02}.rs"), before);
    }
    let first = shop.commit("before");
    for (n, (_, _, after)) in edits.iter().enumerate() {
        shop.write(&format!("{n:02}.rs"), after);
    }
    let second = shop.commit("after");
    for commit in [first, second] {
        let (found, expected) = (diff(&shop, &commit).await, diff_by_git(&shop, &commit));
        assert_eq!(found.len(), expected.len());
        for ((found, expected), (edit, ..)) in found.iter().zip(&expected).zip(&edits) {
            assert_eq!(found, expected, "{edit}");
        }
    }
}

/// A second implementation: git's own, over many small texts with many equal lines.
#[tokio::test]
async fn edits_by_chance_are_the_hunks_of_git_diff() {
    let shop = Shop::new();
    let mut chance = Chance(2026);
    let pairs: Vec<_> = (0..500).map(|_| chance.edit()).collect();
    for (n, (before, _)) in pairs.iter().enumerate() {
        shop.write(&format!("{n:03}.txt"), before);
    }
    shop.commit("before");
    for (n, (_, after)) in pairs.iter().enumerate() {
        shop.write(&format!("{n:03}.txt"), after);
    }
    let commit = shop.commit("after");
    let (found, expected) = (diff(&shop, &commit).await, diff_by_git(&shop, &commit));
    assert_eq!(found.len(), expected.len());
    assert!(found.len() > 400);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn files_that_move_appear_or_become_something_else_are_told_as_git_does() {
    let shop = Shop::new();
    shop.write("renamed/before.rs", CODE);
    shop.write("same.rs", CODE.repeat(2));
    shop.write("binary.bin", b"a\0b");
    shop.write("text-to-binary", "text\n");
    shop.write("mode.sh", "#!/bin/sh\n");
    shop.write("file-to-link", "text\n");
    shop.write("file-to-folder", "text\n");
    shop.write("folder-to-file/a", "text a\n");
    shop.write("gone.txt", "one\ntwo\n");
    shop.write("empty", "");
    let names =
        ["with space", "tab\there", "quote\"d", "back\\slash", "new\nline", "中文.md", "-dash", "a/b -> c"];
    for name in names {
        shop.write(&format!("names/{name}"), "before\n");
    }
    let first = shop.commit("before");
    let remove = |path: &str| std::fs::remove_file(shop.path().join(path)).unwrap();
    remove("renamed/before.rs");
    shop.write("renamed/after.rs", CODE.replace("find", "scan"));
    std::fs::rename(shop.path().join("same.rs"), shop.path().join("moved.rs")).unwrap();
    shop.write("binary.bin", b"a\0c");
    shop.write("text-to-binary", b"\0");
    shop.git(&["update-index", "--chmod=+x", "mode.sh"]);
    std::fs::set_permissions(
        shop.path().join("mode.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    remove("file-to-folder");
    shop.write("file-to-folder/a", "text\n\nmore\n");
    remove("folder-to-file/a");
    std::fs::remove_dir(shop.path().join("folder-to-file")).unwrap();
    shop.write("folder-to-file", "a file\n");
    remove("gone.txt");
    remove("empty");
    std::os::unix::fs::symlink("names/target", shop.path().join("link")).unwrap();
    for name in names {
        shop.write(&format!("names/{name}"), "after\n");
    }
    let second = shop.commit("after");
    for commit in [first, second] {
        assert_eq!(diff(&shop, &commit).await, diff_by_git(&shop, &commit));
    }
}

#[tokio::test]
async fn a_file_that_becomes_a_link_is_one_change_of_its_text() {
    let shop = Shop::new();
    shop.write("a", "text\n");
    shop.commit("before");
    std::fs::remove_file(shop.path().join("a")).unwrap();
    std::os::unix::fs::symlink("target", shop.path().join("a")).unwrap();
    let commit = shop.commit("after");
    let lines = vec!["-text".into(), "+target".into()];
    let hunk = Hunk { old_start: 1, new_start: 1, context: String::new(), lines };
    let expected = FileDiff { path: "a".into(), added: 1, removed: 1, hunks: vec![hunk] };
    assert_eq!(diff(&shop, &commit).await, [expected]);
}

#[tokio::test]
async fn a_submodule_is_told_in_the_words_of_git() {
    let shop = Shop::new();
    for digit in ["1", "2"] {
        let entry = format!("160000,{},library", digit.repeat(40));
        shop.git(&["update-index", "--add", "--cacheinfo", &entry]);
        shop.git(&["commit", "--quiet", "-m", digit]);
        let commit = shop.git(&["rev-parse", "HEAD"]);
        assert_eq!(diff(&shop, commit.trim()).await, diff_by_git(&shop, commit.trim()));
    }
}

#[tokio::test]
async fn a_merge_is_told_against_its_first_parent() {
    let shop = Shop::new();
    shop.write("a.txt", "a\n");
    shop.commit("root");
    shop.git(&["checkout", "--quiet", "-b", "side"]);
    shop.write("side.txt", "side\n");
    shop.commit("side");
    shop.git(&["checkout", "--quiet", "main"]);
    shop.write("main.txt", "main\n");
    shop.commit_by(Author { at_secs: LI_NA.at_secs + 1, ..LI_NA }, "main");
    shop.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    let paths: Vec<_> = diff(&shop, "main").await.into_iter().map(|file| file.path).collect();
    assert_eq!(paths, ["side.txt"]);
}

#[tokio::test]
async fn a_commit_without_changes_has_no_files() {
    let shop = Shop::new();
    for _ in 0..2 {
        let commit = shop.commit("nothing");
        assert_eq!(diff(&shop, &commit).await, []);
    }
}

#[tokio::test]
async fn a_hunk_says_in_which_function_it_stands() {
    let shop = Shop::new();
    shop.write("shelf.rs", CODE);
    shop.commit("before");
    shop.write(
        "shelf.rs",
        CODE.replace("index.find(order.sku);", "scan(order);")
            .replace("Vec<Sku>", "Box<[Sku]>")
            .replace("put", "add"),
    );
    shop.commit("after");
    let files = diff_with_context(&shop, "main").await;
    let contexts: Vec<_> = files[0].hunks.iter().map(|hunk| hunk.context.as_str()).collect();
    assert_eq!(contexts, ["pub struct Shelf {", "pub fn release(&mut self, order: &Order) {"]);
}

#[tokio::test]
async fn what_is_cut_still_counts() {
    let line = "x".repeat(99);
    let long = format!("{line}\n").repeat(5_000);
    let shop = Shop::new();
    shop.write("long.txt", &long);
    shop.write("one-line.min.js", "y".repeat(300 * 1024));
    shop.write("too-great.txt", format!("{line}\n").repeat(30_000));
    for n in 0..20 {
        shop.write(&format!("many/{n:02}.txt"), long.replace('x', &char::from(b'a' + n).to_string()));
    }
    let commit = shop.commit("a lot");
    let files = diff(&shop, &commit).await;
    let told: BTreeMap<_, _> = files
        .iter()
        .map(|file| {
            (file.path.as_str(), (file.added, file.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>()))
        })
        .collect();
    assert_eq!(told["long.txt"], (5_000, 256 * 1024 / 100), "as many lines as fit");
    assert_eq!(told["one-line.min.js"], (1, 0));
    assert_eq!(told["too-great.txt"], (0, 0));
    let bytes: usize =
        files.iter().flat_map(|file| &file.hunks).flat_map(|hunk| &hunk.lines).map(String::len).sum();
    assert!((4_000_000..=4 * 1024 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(told["many/19.txt"], (5_000, 0));
    assert_eq!(files.len(), 23, "every file is named");
}

async fn diff_with_context(shop: &Shop, revision: &str) -> Vec<FileDiff> {
    GitChanges::new([shop.path()]).diff(shop.name(), revision).await.unwrap().files
}

/// Without enclosing functions, which git tells by another rule.
async fn diff(shop: &Shop, revision: &str) -> Vec<FileDiff> {
    let mut files = diff_with_context(shop, revision).await;
    files.iter_mut().flat_map(|file| &mut file.hunks).for_each(|hunk| hunk.context.clear());
    files
}

/// What `git diff-tree` says, put into the port's words.
fn diff_by_git(shop: &Shop, commit: &str) -> Vec<FileDiff> {
    let tree = |how: &[&str]| {
        shop.git(&[&["diff-tree", "--root", "--no-commit-id", "-r", "-M"], how, &[commit]].concat())
    };
    let mut files: Vec<_> = numbers(&tree(&["--numstat", "-z"]));
    let mut hunks: Vec<Vec<Hunk>> = Vec::new();
    for line in tree(&["--patch"]).split('\n') {
        let file = hunks.last_mut();
        match (line.strip_prefix("@@ -"), file) {
            (Some(header), Some(file)) => {
                let (old, rest) = header.split_once(" +").unwrap();
                let new = rest.split_once(" @@").unwrap().0;
                let start = |range: &str| range.split(',').next().unwrap().parse().unwrap();
                file.push(Hunk {
                    old_start: start(old),
                    new_start: start(new),
                    context: String::new(),
                    lines: vec![],
                });
            }
            _ if line.starts_with("diff --git ") => hunks.push(Vec::new()),
            (None, Some(file)) if line.starts_with([' ', '+', '-']) => {
                if let Some(hunk) = file.last_mut() {
                    hunk.lines.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    assert_eq!(files.len(), hunks.len());
    for (file, hunks) in files.iter_mut().zip(hunks) {
        file.hunks = hunks;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Reads `--numstat -z`: counts and path, or counts, nothing, old path and new path.
fn numbers(text: &str) -> Vec<FileDiff> {
    let mut fields = text.split_terminator('\0');
    let mut files = Vec::new();
    while let Some(field) = fields.next() {
        let mut parts = field.splitn(3, '\t');
        let mut count = || parts.next().unwrap().parse().unwrap_or(0);
        let (added, removed) = (count(), count());
        let path = match parts.next().unwrap() {
            "" => fields.nth(1).unwrap(),
            path => path,
        };
        files.push(FileDiff { path: path.into(), added, removed, hunks: Vec::new() });
    }
    files
}

/// A linear congruential generator: Knuth, TAOCP volume 2, section 3.3.4, line 26.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn line(&mut self) -> &'static str {
        ["a\n", "b\n", "c\n", "  d\n", "  e {\n", "  }\n", "}\n", "\n", "    f\n"][self.below(9)]
    }

    /// Makes a text of up to 60 lines and edits it at up to 6 places.
    fn edit(&mut self) -> (String, String) {
        let before: Vec<_> = (0..self.below(60)).map(|_| self.line()).collect();
        let mut after = before.clone();
        for _ in 0..=self.below(6) {
            let at = self.below(after.len() + 1);
            match self.below(3) {
                0 => after.insert(at, self.line()),
                _ if at == after.len() => {}
                1 => drop(after.remove(at)),
                _ => after[at] = self.line(),
            }
        }
        (before.concat(), after.concat())
    }
}

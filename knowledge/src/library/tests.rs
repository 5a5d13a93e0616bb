//! A made-up library of each ecosystem, and the pages that come of it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use waggle_agent_core::Kind;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(&folder.path().join(path), text.as_bytes());
    }
    folder
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn jar(path: &Path, entries: &[(&str, &[u8])]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut archive = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn open(reference: &str, root: &Path) -> Result<Pages> {
    let reference: LibraryRef = reference.parse().unwrap();
    library_pages(&reference, &Roots::default().with(reference.ecosystem, root))
}

/// Writes all pages as one text, with the folder's own name taken out.
fn told(reference: &str, root: &Path) -> String {
    let pages = open(reference, root).unwrap();
    let mut out = format!("{} {}\n", pages.library(), pages.version().unwrap_or("-"));
    for page in pages {
        out += &match page {
            Ok(Page { path, body: Body::Markdown(text), .. }) => format!("\n=== {path}\n{text}\n"),
            Ok(Page { path, title, body: Body::File(file), .. }) => {
                format!("\n=== {path} ({title}): {}\n", file.display())
            }
            Err(left_out) => format!("\n--- {left_out}\n"),
        };
    }
    out.replace(&root.canonicalize().unwrap().display().to_string(), "ROOT")
}

#[test]
fn a_python_package_is_read_without_running_it() {
    let root = folder(&[
        (
            "acme_http-2.31.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: acme-http\nVersion: 2.31.0\nSummary: Asks over HTTP.\n\n# Acme\n\nSend things.\n",
        ),
        (
            "acme_http-2.31.0.dist-info/RECORD",
            "acme_http/__init__.py,sha256=x,1\nacme_http/sessions.py,,\nacme_http/sessions.pyi,,\nacme_http/tests/test_a.py,,\nacme_http/gone.py,,\n../../../etc/x.py,,\n",
        ),
        ("acme_http/__init__.py", "\"\"\"Acme over HTTP.\"\"\"\nimport os\nos.system('touch ran')\n"),
        (
            "acme_http/sessions.py",
            "class Session:\n    \"\"\"Keeps connections.\"\"\"\n\n    def request(self, method, url, timeout=None):\n        \"\"\"Sends a request.\n\n        :param timeout: seconds, for ever when None.\n        \"\"\"\n        return None\n\n    def _pool(self):\n        return 1\n",
        ),
        (
            "acme_http/sessions.pyi",
            "class Session:\n    def request(self, method: str, url: str, timeout: float | None = ...) -> Response: ...\n",
        ),
        ("acme_http/tests/test_a.py", "def test():\n    \"\"\"No page.\"\"\"\n"),
        ("acme_http-1.0.dist-info/METADATA", "Name: acme-http\n\nold\n"),
    ]);
    insta::assert_snapshot!("python", told("python:Acme.HTTP", root.path()));
    assert!(told("python:acme-http@1", root.path()).starts_with("acme-http 1.0\n\n=== acme-http\nold\n"));
}

#[test]
fn a_crate_is_read_from_its_sources() {
    let root = folder(&[
        ("acme-1.40.0/README.md", "# Acme\n\nRuns tasks.\n"),
        (
            "acme-1.40.0/src/lib.rs",
            "//! A runtime.\n//!\n//! # Panics\n\nuse std::{fmt, io};\n\n/// Runs a task.\n#[must_use]\npub fn spawn<T: Future>(task: T) -> Handle<T> { let x = '{'; \"}\"; run(r#\"}\"#) }\n\ncfg_rt! {\n    /// Under a condition.\n    pub struct Handle;\n}\n\n/// Bounds.\nmod inner {\n    /// Within.\n    pub const LIMIT: usize = 3;\n}\n",
        ),
        (
            "acme-1.40.0/src/sync/mutex.rs",
            "/// Locks.\npub struct Mutex<T> { /// a field\n a: T }\n\nimpl<T: Into<U>> Mutex<T> where T: Send {\n    /// Waits for the lock.\n    pub async fn lock<'a>(&'a self) -> Guard<'a, T> { loop { /* { */ } }\n}\n\nimpl<T> fmt::Debug for Mutex<T> {\n    /// Writes it.\n    fn fmt(&self) {}\n}\n//// not told\nfn plain() {}\n",
        ),
        ("acme-1.40.0/tests/all.rs", "/// no\nfn no() {}\n"),
        ("acme-1.9.0/src/lib.rs", "//! Old.\n"),
        ("acme-macros-2.0.0/src/lib.rs", "//! Another.\n"),
    ]);
    insta::assert_snapshot!("rust", told("rust:acme", root.path()));
    assert!(told("rust:acme@1.9", root.path()).starts_with("acme 1.9.0\n"));
}

#[test]
fn a_crate_is_read_from_rustdoc_json() {
    let item = |id: u32, name: &str, docs: &str, inner: &str| {
        format!(
            r#""{id}": {{"id": {id}, "crate_id": 0, "name": "{name}", "span": null, "visibility": "public", "docs": "{docs}", "links": {{}}, "attrs": [], "deprecation": null, "inner": {inner}}}"#
        )
    };
    let module = item(
        0,
        "acme",
        "A runtime.",
        r#"{"module": {"is_crate": true, "items": [1], "is_stripped": false}}"#,
    );
    let function = r#"{"function": {"sig": {"inputs": [["text", {"borrowed_ref": {"lifetime": null, "is_mutable": true, "type": {"slice": {"primitive": "u8"}}}}]], "output": {"tuple": [{"primitive": "u32"}, {"generic": "T"}]}, "is_c_variadic": false},
        "generics": {"params": [], "where_predicates": []}, "header": {"is_const": false, "is_unsafe": false, "is_async": true, "abi": "Rust"}, "has_body": true}}"#;
    let function = item(1, "read", "Reads.", function);
    let version = rustdoc_types::FORMAT_VERSION;
    let paths = r#"{"0": {"crate_id": 0, "path": ["acme"], "kind": "module"}, "1": {"crate_id": 0, "path": ["acme", "io", "read"], "kind": "function"}}"#;
    let json = format!(
        r#"{{"root": 0, "crate_version": "1.41.0", "includes_private": false, "index": {{{module}, {function}}}, "paths": {paths}, "external_crates": {{}}, "target": {{"triple": "x", "target_features": []}}, "format_version": {version}}}"#
    );
    let root =
        folder(&[("acme.json", &json), ("broken.json", "{"), ("acme-1.40.0/src/lib.rs", "//! Older.\n")]);
    insta::assert_snapshot!("rustdoc_json", told("rust:acme", root.path()));
    assert!(told("rust:broken", root.path()).contains("--- `ROOT/broken.json`: it is no rustdoc JSON"));
}

#[test]
fn a_node_package_is_read_from_its_declarations() {
    let root = folder(&[
        ("express/package.json", r#"{"name": "express", "version": "4.18.2", "description": "Routes."}"#),
        ("express/Readme.md", "# express\n"),
        ("express/node_modules/other/index.d.ts", "/** no */\nexport function no(): void;\n"),
        (
            "@types/express/index.d.ts",
            "import { a } from 'b';\n/** Makes an application.\n * @returns it\n */\ndeclare function e(): core.Express;\ndeclare namespace e {\n    /** Answers. */\n    interface Response<B = any> extends http.Response {\n        /** Sends `body`. */\n        send(body?: { a: string; b: number }): this;\n        /** Its status. */\n        readonly status?: number;\n        plain(): void;\n    }\n    /** A word. */\n    type Kind = 'it\\'s' | `x`;\n}\nexport = e;\n",
        ),
        (".pnpm/@acme+db@1.2.3/node_modules/@acme/db/package.json", r#"{"version": "1.2.3"}"#),
        (
            ".pnpm/@acme+db@1.2.3/node_modules/@acme/db/dist/client.d.ts",
            "/** Asks. */\nexport declare const ask: (q: string) => void;\n",
        ),
        ("broken/package.json", "{"),
    ]);
    insta::assert_snapshot!("node", told("node:express@4", root.path()));
    assert!(
        told("node:@acme/db", root.path())
            .contains("=== @acme/db/dist/client.ask\n```ts\nexport declare const ask")
    );
    assert!(told("node:broken", root.path()).contains("--- `broken/package.json`: EOF"));
}

#[test]
fn a_go_module_is_read_from_the_module_cache() {
    let root = folder(&[
        (
            "github.com/!acme/pg/v5@v5.5.0/doc.go",
            "// Copyright of somebody.\n\n//go:build linux\n\n// Package pg asks a database.\n//\n// It pools.\npackage pg\n",
        ),
        (
            "github.com/!acme/pg/v5@v5.5.0/conn/conn.go",
            "package conn\n\nimport (\n\t\"context\"\n)\n\n// Conn is a connection.\ntype Conn struct {\n\t// name is its name\n\tname string // here\n}\n\n// Query asks `sql`.\nfunc (c *Conn) Query(ctx context.Context, sql string, args ...any) (Rows, error) {\n\t// inside\n\tx := '{'\n\ty := `}`\n\treturn c.ask(x, y)\n}\n\n// stray\n\nfunc silent() {}\n\n// Max is the most.\nconst Max = 3\n\n// Map applies f.\nfunc Map[T any](f func(T) T) []T { return nil }\n",
        ),
        ("github.com/!acme/pg/v5@v5.5.0/conn/conn_test.go", "package conn\n\n// No.\nfunc TestNo() {}\n"),
    ]);
    insta::assert_snapshot!("go", told("go:github.com/Acme/pg/v5@v5.5", root.path()));
}

#[test]
fn a_java_artifact_is_read_from_its_jars() {
    let root = tempfile::tempdir().unwrap();
    let source = "/* License */\npackage com.acme.io;\n\nimport java.util.List;\n\n/**\n * Reads things.\n *\n * @param <T> of what\n */\n@Named(value = \"}\")\npublic final class Codec<T extends Object> implements Reader {\n    /** The most. */\n    public static final int MAX = 3;\n\n    /**\n     * Reads {@code n} bytes.\n     * @throws IOException at the end\n     */\n    @Override\n    public <R> List<R> read(final int n, String[] names) throws IOException {\n        /** no */\n        if (n > 1) { return '}'; }\n    }\n\n    int silent() { return 1; }\n}\n";
    let at = |path: &str| root.path().join(path);
    jar(
        &at("com/acme/codec/2.15.2/codec-2.15.2-sources.jar"),
        &[("com/acme/io/Codec.java", source.as_bytes()), ("com/acme/io/Bad.java", b"\xff"), ("a.txt", b"x")],
    );
    jar(&at("com/acme/codec/2.15.2/codec-2.15.2-javadoc.jar"), &[("index.html", b"x")]);
    jar(
        &at("com/acme/codec/2.14.0/codec-2.14.0-javadoc.jar"),
        &[(
            "com/acme/io/Codec.html",
            b"<section class=\"class-description\"><div class=\"block\">Old words.</div></section>",
        )],
    );
    write(&at("com/acme/broken/1.0/broken-1.0-sources.jar"), b"PK no zip");
    insta::assert_snapshot!("java", told("java:com.acme:codec", root.path()));
    assert!(told("java:codec@2.14", root.path()).contains("=== com.acme.io.Codec\nOld words."));
    assert!(
        told("java:broken", root.path()).contains("--- `ROOT/com/acme/broken/1.0/broken-1.0-sources.jar`: ")
    );
    assert_eq!(open("java:org.other:codec", root.path()).err().unwrap().kind(), Kind::NotFound);
}

#[test]
fn manuals_are_handed_on_as_files() {
    let root = tempfile::tempdir().unwrap();
    let packed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let at = |path: &str| root.path().join(path);
    write(
        &at("man3/curl_easy_init.3.gz"),
        &packed(
            ".\\\" comment\n.TH curl_easy_init 3 \"January 02, 2023\" \"libcurl 7.88.1\" \"libcurl\"\n.SH NAME\nx\n",
        ),
    );
    write(&at("man3/curl_broken.3.gz"), b"\x1f\x8bno");
    write(&at("man3/printf.3"), b".TH printf 3 2023-02-05 \"Linux man-pages 6.03\"\n.SH LIBRARY\nStandard C library\n.RI ( libc \", \" \\-lc )\n");
    insta::assert_snapshot!("manuals", told("c:libcurl", root.path()));
    assert!(told("c:libc", root.path()).contains("=== printf (printf.3): ROOT/man3/printf.3"));
}

#[test]
fn what_is_not_installed_is_told_with_what_is() {
    let root = folder(&[("acme-1.0.dist-info/METADATA", "Name: acme\n\nx\n")]);
    let shown = root.path().display().to_string();
    for (reference, message, hint) in [
        (
            "python:acme@2",
            format!("`python:acme@2` is not installed below `{shown}`"),
            "installed versions: 1.0",
        ),
        (
            "python:other",
            format!("`python:other` is not installed below `{shown}`"),
            "name the folder that has it: a `site-packages`",
        ),
    ] {
        let error = open(reference, root.path()).err().unwrap();
        assert_eq!((error.kind(), error.to_string(), error.hint()), (Kind::NotFound, message, Some(hint)));
    }
    let error = library_pages(&"go:a.b/c".parse().unwrap(), &Roots::default()).err().unwrap();
    assert_eq!(error.to_string(), "no folder to look for `go:a.b/c` in");
}

#[test]
fn links_out_of_the_roots_are_named_and_not_followed() {
    let root = folder(&[
        ("acme-1.0.dist-info/METADATA", "Name: acme\n\nx\n"),
        ("acme-1.0.dist-info/RECORD", "acme/secret.py,,\n"),
        ("acme/a.py", ""),
    ]);
    let outside = folder(&[("secret.py", "\"\"\"Secret.\"\"\"")]);
    std::os::unix::fs::symlink(outside.path().join("secret.py"), root.path().join("acme/secret.py")).unwrap();
    let text = told("python:acme", root.path());
    assert!(
        text.contains("it leads out of the folders that may be read") && !text.contains("Secret"),
        "{text}"
    );
}

/// A file of any bytes in each place that is read.
#[test]
fn broken_files_are_named_or_empty_and_never_end_the_reading() {
    let mut bytes: Vec<u8> = b"//! \"\"\" /** ' ` { ( r#\" \\ ".repeat(50);
    for cut in [0, 1, 7, 100, bytes.len()] {
        bytes.rotate_left(cut % 29);
        let text = bytes.get(..cut).unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| -> PathBuf { root.path().join(path) };
        for path in [
            "a-1.0.dist-info/METADATA",
            "a-1.0.dist-info/RECORD",
            "a/x.py",
            "a-1.0/src/lib.rs",
            "a/package.json",
            "a/x.d.ts",
            "x.y/a@v1.0.0/a.go",
            "a-1.0-sources.jar",
            "man3/a.3.gz",
        ] {
            write(&at(path), text);
        }
        for reference in ["python:a", "rust:a", "node:a", "go:x.y/a", "java:a", "c:a"] {
            if let Ok(pages) = open(reference, root.path()) {
                assert!(pages.count() < 1_000, "{reference}");
            }
        }
    }
}

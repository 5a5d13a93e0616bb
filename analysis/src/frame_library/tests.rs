//! Frames as profilers write them, by language.

use proptest::prelude::*;

use super::{CodeLanguage as L, Origin as O, Rule as R, *};

type Case = (
    &'static str,
    O,
    R,
    Option<L>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
);

fn check(cases: &[Case]) {
    for (text, origin, rule, language, package, version, module, function) in cases {
        let told = frame_library(text, None, &[]);
        let seen = (
            told.origin,
            told.rule,
            told.language,
            told.package.as_deref(),
            told.version.as_deref(),
            told.module.as_deref(),
            told.function.as_str(),
        );
        assert_eq!(
            seen,
            (*origin, *rule, *language, *package, *version, *module, *function),
            "{text}\n{told:#?}"
        );
    }
}

#[test]
fn frames_of_the_kernel_are_told_by_mark_and_by_name() {
    check(&[
        ("tcp_sendmsg_[k]", O::Kernel, R::KernelMark, Some(L::C), None, None, None, "tcp_sendmsg"),
        ("[kernel.kallsyms]", O::Kernel, R::KernelMark, Some(L::C), None, None, None, ""),
        (
            "do_syscall_64 ([kernel.kallsyms])",
            O::Kernel,
            R::KernelMark,
            Some(L::C),
            None,
            None,
            None,
            "do_syscall_64",
        ),
        (
            "nf_hook_slow (/lib/modules/6.1.0/kernel/net/nf_tables.ko)",
            O::Kernel,
            R::KernelMark,
            Some(L::C),
            None,
            None,
            None,
            "nf_hook_slow",
        ),
        (
            "entry_SYSCALL_64_after_hwframe",
            O::Kernel,
            R::KernelName,
            Some(L::C),
            None,
            None,
            None,
            "entry_SYSCALL_64_after_hwframe",
        ),
        ("__x64_sys_futex", O::Kernel, R::KernelName, Some(L::C), None, None, None, "__x64_sys_futex"),
    ]);
}

#[test]
fn shared_objects_tell_library_and_soname() {
    check(&[
        ("[libssl.so.3]", O::ThirdParty, R::SharedObject, Some(L::C), Some("libssl"), Some("3"), None, ""),
        (
            "SSL_read (/usr/lib/x86_64-linux-gnu/libssl.so.1.1)",
            O::ThirdParty,
            R::SharedObject,
            Some(L::C),
            Some("libssl"),
            Some("1.1"),
            None,
            "SSL_read",
        ),
        (
            "curl_easy_perform+0x1f (/usr/lib/libcurl.so.4.8.0)",
            O::ThirdParty,
            R::SharedObject,
            Some(L::C),
            Some("libcurl"),
            Some("4.8.0"),
            None,
            "curl_easy_perform",
        ),
        (
            "__read (/lib/x86_64-linux-gnu/libc-2.31.so)",
            O::BaseLibrary,
            R::SharedObject,
            Some(L::C),
            Some("libc"),
            Some("2.31"),
            None,
            "__read",
        ),
        (
            "_int_malloc (/usr/lib/libc.so.6)",
            O::Runtime,
            R::RuntimeName,
            Some(L::C),
            Some("libc"),
            Some("6"),
            None,
            "_int_malloc",
        ),
        (
            "libjvm.so`JavaThread::run",
            O::Runtime,
            R::RuntimeName,
            Some(L::Java),
            Some("jdk"),
            None,
            Some("JavaThread"),
            "run",
        ),
        (
            "[libpython3.11.so.1.0+0x1f00]",
            O::Runtime,
            R::RuntimeObject,
            Some(L::C),
            Some("libpython3.11"),
            Some("1.0"),
            None,
            "",
        ),
        (
            "[libstdc++.so.6]",
            O::BaseLibrary,
            R::SharedObject,
            Some(L::Cpp),
            Some("libstdc++"),
            Some("6"),
            None,
            "",
        ),
        ("malloc@plt", O::Runtime, R::RuntimeName, Some(L::C), Some("libc"), None, None, "malloc@plt"),
        ("match_sku (/app/inventory)", O::Own, R::Unclaimed, None, None, None, None, "match_sku"),
    ]);
}

#[test]
fn rust_and_cpp_are_told_by_crate_and_namespace() {
    check(&[
        (
            "tokio::runtime::task::harness::poll",
            O::ThirdParty,
            R::KnownName,
            Some(L::Rust),
            Some("tokio"),
            None,
            Some("tokio::runtime::task::harness"),
            "poll",
        ),
        (
            "run (/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.40.0/src/runtime/park.rs:12)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Rust),
            Some("tokio"),
            Some("1.40.0"),
            None,
            "run",
        ),
        (
            "poll (/home/ci/.cargo/git/checkouts/hyper-9e4e5ef0c7d1e0f2/1a2b3c4/src/lib.rs:3)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Rust),
            Some("hyper"),
            None,
            None,
            "poll",
        ),
        (
            "fmt (/rustc/90b35a6239c3d8bdabc530a6a0816f7ff89a0aaf/library/core/src/fmt/mod.rs:1)",
            O::BaseLibrary,
            R::LanguageFolder,
            Some(L::Rust),
            Some("core"),
            None,
            None,
            "fmt",
        ),
        (
            "<core::iter::Map<I,F> as core::iter::Iterator>::next",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Rust),
            Some("core"),
            None,
            Some("<core::iter::Map<I,F> as core::iter::Iterator>"),
            "next",
        ),
        (
            "std::collections::hash::map::HashMap<K,V,S>::insert",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Rust),
            Some("std"),
            None,
            Some("std::collections::hash::map::HashMap<K,V,S>"),
            "insert",
        ),
        (
            "_ZN5tokio7runtime4task3raw4poll17h0123456789abcdefE",
            O::ThirdParty,
            R::KnownName,
            Some(L::Rust),
            Some("tokio"),
            None,
            None,
            "_ZN5tokio7runtime4task3raw4poll17h0123456789abcdefE",
        ),
        (
            "std::vector<int, std::allocator<int> >::push_back(int const&)",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Cpp),
            Some("libstdc++"),
            None,
            Some("std::vector<int, std::allocator<int> >"),
            "push_back(int const&)",
        ),
        (
            "rocksdb::DBImpl::Get(rocksdb::ReadOptions const&)",
            O::ThirdParty,
            R::KnownName,
            Some(L::Cpp),
            Some("rocksdb"),
            None,
            Some("rocksdb::DBImpl"),
            "Get(rocksdb::ReadOptions const&)",
        ),
        (
            "shop::reserve::match_sku",
            O::Own,
            R::Unclaimed,
            Some(L::Rust),
            None,
            None,
            Some("shop::reserve"),
            "match_sku",
        ),
    ]);
}

#[test]
fn go_is_told_by_import_path_and_module_cache() {
    check(&[
        (
            "runtime.mallocgc",
            O::Runtime,
            R::RuntimeName,
            Some(L::Go),
            Some("go"),
            None,
            Some("runtime"),
            "mallocgc",
        ),
        (
            "net/http.(*conn).serve",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Go),
            Some("go"),
            None,
            Some("net/http"),
            "(*conn).serve",
        ),
        (
            "github.com/gin-gonic/gin.(*Engine).ServeHTTP",
            O::ThirdParty,
            R::ImportPath,
            Some(L::Go),
            Some("github.com/gin-gonic/gin"),
            None,
            Some("github.com/gin-gonic/gin"),
            "(*Engine).ServeHTTP",
        ),
        (
            "github.com/jackc/pgx/v5/pgconn.(*PgConn).Exec",
            O::ThirdParty,
            R::ImportPath,
            Some(L::Go),
            Some("github.com/jackc/pgx/v5"),
            None,
            Some("github.com/jackc/pgx/v5/pgconn"),
            "(*PgConn).Exec",
        ),
        (
            "gopkg.in/yaml%2ev3.(*parser).parse",
            O::ThirdParty,
            R::ImportPath,
            Some(L::Go),
            Some("gopkg.in/yaml.v3"),
            None,
            Some("gopkg.in/yaml.v3"),
            "(*parser).parse",
        ),
        (
            "golang.org/x/net/http2.(*Framer).ReadFrame",
            O::ThirdParty,
            R::ImportPath,
            Some(L::Go),
            Some("golang.org/x/net"),
            None,
            Some("golang.org/x/net/http2"),
            "(*Framer).ReadFrame",
        ),
        (
            "toml.Decode (/go/pkg/mod/github.com/!burnt!sushi/toml@v1.3.2/decode.go:41)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Go),
            Some("github.com/BurntSushi/toml"),
            Some("v1.3.2"),
            Some("toml"),
            "Decode",
        ),
        (
            "mux.Match (/src/vendor/github.com/gorilla/mux/route.go:12)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Go),
            Some("github.com/gorilla/mux"),
            None,
            Some("mux"),
            "Match",
        ),
        ("main.reserve", O::Own, R::Unclaimed, Some(L::Go), None, None, Some("main"), "reserve"),
    ]);
}

#[test]
fn java_is_told_by_package_and_jar() {
    check(&[
        (
            "Ljava/util/HashMap;::get_[j]",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Java),
            Some("jdk"),
            None,
            Some("java.util.HashMap"),
            "get",
        ),
        (
            "java/util/HashMap.get",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Java),
            Some("jdk"),
            None,
            Some("java.util.HashMap"),
            "get",
        ),
        (
            "java.base@17.0.1/java.util.HashMap.get(HashMap.java:5)",
            O::BaseLibrary,
            R::BaseName,
            Some(L::Java),
            Some("jdk"),
            None,
            Some("java.util.HashMap"),
            "get(HashMap.java:5)",
        ),
        (
            "com.fasterxml.jackson.databind.ObjectMapper.readValue",
            O::ThirdParty,
            R::KnownName,
            Some(L::Java),
            Some("jackson-databind"),
            None,
            Some("com.fasterxml.jackson.databind.ObjectMapper"),
            "readValue",
        ),
        (
            "com.acme.lib.Codec.read (~[acme-codec-2.15.2.jar:2.15.2])",
            O::ThirdParty,
            R::Jar,
            Some(L::Java),
            Some("acme-codec"),
            Some("2.15.2"),
            Some("com.acme.lib.Codec"),
            "read",
        ),
        (
            "com.acme.shop.Inventory.reserve",
            O::Own,
            R::Unclaimed,
            Some(L::Java),
            None,
            None,
            Some("com.acme.shop.Inventory"),
            "reserve",
        ),
    ]);
}

#[test]
fn python_is_told_by_path_and_module() {
    check(&[
        (
            "request (/usr/lib/python3.11/site-packages/requests/sessions.py:589)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Python),
            Some("requests"),
            None,
            Some("requests.sessions"),
            "request",
        ),
        (
            "py::request:/venv/lib/python3.12/site-packages/requests/sessions.py",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Python),
            Some("requests"),
            None,
            Some("requests.sessions"),
            "request",
        ),
        (
            "get (/opt/site-packages/requests-2.31.0-py3.11.egg/requests/api.py:3)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Python),
            Some("requests"),
            Some("2.31.0"),
            Some("requests.api"),
            "get",
        ),
        (
            "/usr/lib/python3.11/json/decoder.py:raw_decode",
            O::BaseLibrary,
            R::LanguageFolder,
            Some(L::Python),
            Some("python"),
            Some("3.11"),
            Some("json.decoder"),
            "raw_decode",
        ),
        (
            "_find_and_load (<frozen importlib._bootstrap>:1027)",
            O::BaseLibrary,
            R::LanguageFolder,
            Some(L::Python),
            Some("python"),
            None,
            Some("importlib._bootstrap"),
            "_find_and_load",
        ),
        (
            "requests.sessions:Session.request",
            O::ThirdParty,
            R::KnownName,
            Some(L::Python),
            Some("requests"),
            None,
            Some("requests.sessions"),
            "Session.request",
        ),
        (
            "reserve (/app/shop/inventory.py:88)",
            O::Own,
            R::OtherPath,
            Some(L::Python),
            None,
            None,
            None,
            "reserve",
        ),
        (
            "_PyEval_EvalFrameDefault",
            O::Runtime,
            R::RuntimeName,
            Some(L::Python),
            Some("python"),
            None,
            None,
            "_PyEval_EvalFrameDefault",
        ),
    ]);
}

#[test]
fn node_is_told_by_folder() {
    check(&[
        (
            "handle /app/node_modules/express/lib/router/layer.js:95",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Node),
            Some("express"),
            None,
            None,
            "handle",
        ),
        (
            "LazyCompile:*next /app/node_modules/express/lib/router/index.js:136:12",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Node),
            Some("express"),
            None,
            None,
            "next",
        ),
        (
            "query /app/node_modules/.pnpm/pg@8.11.3/node_modules/pg/lib/client.js:521:3",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Node),
            Some("pg"),
            Some("8.11.3"),
            None,
            "query",
        ),
        (
            "send (file:///app/node_modules/@aws-sdk/client-s3/dist/S3Client.js:10:2)",
            O::ThirdParty,
            R::PackageFolder,
            Some(L::Node),
            Some("@aws-sdk/client-s3"),
            None,
            None,
            "send",
        ),
        (
            "processTicksAndRejections node:internal/process/task_queues:95",
            O::BaseLibrary,
            R::LanguageFolder,
            Some(L::Node),
            Some("node"),
            None,
            Some("internal/process/task_queues"),
            "processTicksAndRejections",
        ),
        (
            "Builtins_JsonParse",
            O::Runtime,
            R::RuntimeName,
            Some(L::Node),
            Some("v8"),
            None,
            None,
            "Builtins_JsonParse",
        ),
        (
            "reserve /app/src/inventory.js:88:5",
            O::Own,
            R::OtherPath,
            Some(L::Node),
            None,
            None,
            None,
            "reserve",
        ),
    ]);
}

#[test]
fn what_has_no_name_is_unknown() {
    check(&[
        ("", O::Unknown, R::Nameless, None, None, None, None, ""),
        ("[unknown]", O::Unknown, R::Nameless, None, None, None, None, ""),
        ("reserve", O::Own, R::Unclaimed, None, None, None, None, "reserve"),
    ]);
}

#[test]
fn the_programs_own_names_come_before_all_lists() {
    let own = ["github.com/acme/shop".to_owned(), "tokio::mine".to_owned()];
    for frame in ["github.com/acme/shop/reserve.Match", "tokio::mine::run"] {
        let told = frame_library(frame, None, &own);
        assert_eq!((told.origin, told.rule), (Origin::Own, Rule::OwnName), "{frame}");
    }
    assert_eq!(frame_library("tokio::mine", None, &[String::new()]).origin, Origin::ThirdParty);
}

#[test]
fn the_place_may_come_apart_from_the_name() {
    let told = frame_library("poll", Some("/root/.cargo/registry/src/x/h2-0.4.6/src/client.rs:88"), &[]);
    assert_eq!(told.library().as_deref(), Some("h2 0.4.6"));
    assert_eq!(told.file.as_deref(), Some("/root/.cargo/registry/src/x/h2-0.4.6/src/client.rs"));
}

proptest! {
    #[test]
    fn any_frame_is_read(frame in "(?s).{0,80}", file in "(?s).{0,80}") {
        frame_library(&frame, Some(&file), &[]);
    }

    #[test]
    fn frames_made_of_what_is_looked_for_are_read(parts in prop::collection::vec(prop::sample::select(vec![
        "[", "]", "(", ")", " (", "_[k]", "`", "::", ".", "/", ":", ".py", ".so", ".so.", ".jar", "@", "!", "L", ";::", "<", ">", "%2e",
        "site-packages/", "node_modules/", "/.pnpm/", "/pkg/mod/", "/vendor/", "/registry/src/", "py::", "_ZN", "9", "99999999999999999999", "数", "é", "v5", "github.com", "+0x",
    ]), 0..12)) {
        let frame = parts.concat();
        let told = frame_library(&frame, None, &[]);
        prop_assert!(told.version.as_ref().is_none_or(|version| frame.contains(version.as_str())), "{:?}", told);
    }
}

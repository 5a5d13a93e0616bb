//! What a file is for, told from its path.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::blame::diff_shape::is_inert;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// It runs.
    Code,
    /// It says with which values what runs.
    Config,
    /// It changes a database.
    Migration,
    /// It says where and how many copies run: Kubernetes, Helm, Terraform, Compose, a container's recipe.
    Deployment,
    /// It names dependencies for people to edit.
    Manifest,
    /// Tests, documents, pictures, what builds: nothing of it runs in the service.
    Inert,
    /// Machines wrote it, or others did: locks, generated code, vendored copies.
    Foreign,
}

static FOREIGN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)
        (^|/)(vendor|node_modules|third_party|thirdparty|external|dist|build|target|__pycache__|generated|gen)/
        | (\.pb|_pb2|_pb2_grpc|\.generated|_generated|\.g|\.min|\.pb\.gw)\.[a-z]+$ | _grpc\.pb\.go$
        | (^|/)(go\.sum|package-lock\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.lock|Pipfile\.lock|poetry\.lock|uv\.lock|composer\.lock|Gemfile\.lock|gradle\.lockfile)$",
    )
    .ok()
});
static MANIFEST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(^|/)(go\.mod|package\.json|Cargo\.toml|requirements[^/]*\.txt|pyproject\.toml|pom\.xml|build\.gradle(\.kts)?|CMakeLists\.txt|conanfile\.(txt|py))$").ok()
});
static MIGRATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|/)(migrations?|migrate|db/changelog|flyway|liquibase|alembic)/|(^|/)V\d+__[^/]+\.sql$|\.sql$|(^|/)schema\.(rb|prisma)$").ok()
});
static DEPLOYMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|/)(Dockerfile[^/]*|docker-compose[^/]*\.ya?ml|compose\.ya?ml|Chart\.yaml|values[^/]*\.ya?ml|kustomization\.ya?ml)$|(^|/)(k8s|kubernetes|helm|charts|manifests|deploy)/[^ ]*\.ya?ml$|\.tf$").ok()
});
static CONFIG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\.(ya?ml|toml|ini|properties|conf|cfg|env|json|hocon)$|(^|/)\.env[^/]*$").ok()
});

/// Returns what a file is for. An unknown ending counts as code.
pub fn file_kind(path: &str) -> FileKind {
    let is = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|it| it.is_match(path));
    if is(&FOREIGN) {
        FileKind::Foreign
    } else if is(&MANIFEST) {
        FileKind::Manifest
    } else if is_inert(path) {
        FileKind::Inert
    } else if is(&MIGRATION) {
        FileKind::Migration
    } else if is(&DEPLOYMENT) {
        FileKind::Deployment
    } else if is(&CONFIG) {
        FileKind::Config
    } else {
        FileKind::Code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_a_file_is_for() {
        let cases = [
            ("services/cart/src/reserve.rs", FileKind::Code),
            ("cart/config/production.yaml", FileKind::Config),
            ("db/migrations/0042_drop.sql", FileKind::Migration),
            ("deploy/cart.yaml", FileKind::Deployment),
            ("cart/Dockerfile", FileKind::Deployment),
            ("cart/go.mod", FileKind::Manifest),
            ("cart/go.sum", FileKind::Foreign),
            ("Cargo.lock", FileKind::Foreign),
            ("cart/vendor/x/y.go", FileKind::Foreign),
            ("proto/cart.pb.go", FileKind::Foreign),
            ("cart/stock_test.go", FileKind::Inert),
            ("tests/test_cart.py", FileKind::Inert),
            ("README.md", FileKind::Inert),
            ("", FileKind::Code),
        ];
        for (path, wanted) in cases {
            assert_eq!(file_kind(path), wanted, "{path}");
        }
    }
}

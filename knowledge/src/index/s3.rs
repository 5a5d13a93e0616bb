//! S3 and what speaks like it, as a place for the index.
//!
//! Lance's own way there brings the AWS SDK and with it a second TLS stack; the object store that it stands on speaks S3 without.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use lance_io::object_store::{ObjectStore, ObjectStoreParams, ObjectStoreProvider};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use url::Url;

/// Bytes read at once from S3. Lance's own value for stores that answer in tens of milliseconds.
const BLOCK_BYTES: usize = 64 * 1024;
/// Requests under way at once.
const AT_A_TIME: usize = 32;
/// How often a broken download is begun again.
const DOWNLOADS: usize = 3;

/// Opens `s3://bucket/path` by the usual `AWS_*` variables and the options of the configuration, which come first.
#[derive(Debug, Default)]
pub struct S3;

/// Reads the name of an option: with one that is misspelt, requests would go where nobody meant them to.
pub fn option(key: &str) -> object_store::Result<AmazonS3ConfigKey> {
    key.to_ascii_lowercase().parse()
}

#[async_trait]
impl ObjectStoreProvider for S3 {
    async fn new_store(&self, base: Url, params: &ObjectStoreParams) -> lance_core::Result<ObjectStore> {
        // Whoever embeds this crate may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options: HashMap<String, String> = params.storage_options().cloned().unwrap_or_default();
        let mut builder = AmazonS3Builder::from_env()
            .with_url(base.as_str())
            // Two writers must not both believe that they wrote the next version.
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        for (key, value) in &options {
            builder = builder.with_config(option(key)?, value);
        }
        let store = builder.build()?;
        Ok(ObjectStore::new(
            Arc::new(store),
            base,
            Some(params.block_size.unwrap_or(BLOCK_BYTES)),
            params.object_store_wrapper.clone(),
            params.use_constant_size_upload_parts,
            params.list_is_lexically_ordered.unwrap_or(true),
            AT_A_TIME,
            DOWNLOADS,
            Some(&options),
        ))
    }
}

//! Requests to AWS's services, signed with Signature Version 4.
//!
//! With the feature `client` they are sent, too: JSON for queues, streams, buses and KMS, REST for S3; each
//! is tried a few times, and none longer than its caller has time. Without it, who sends them is the
//! caller's affair.
//!
//! Of the SDK only `aws-sigv4` is used. Its clients would take minutes to compile and double the
//! size of a function, for a dozen calls.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod kms;
#[cfg(feature = "client")]
mod s3;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request, header};

#[cfg(feature = "client")]
pub use client::{Client, Patience, Settings};
#[cfg(feature = "client")]
pub use error::AwsError;
#[cfg(feature = "client")]
pub use kms::{DataKey, EncryptionContext, NewDataKey};
#[cfg(feature = "client")]
pub use s3::{Found, Head, Listing, Put, PutRequest, Span};

/// A service with a JSON protocol.
#[derive(Clone, Copy, Debug)]
pub struct JsonService {
    /// As in the signature's scope, and in its host's name.
    pub name: &'static str,
    target: &'static str,
    content_type: &'static str,
}

/// Amazon SQS.
pub const SQS: JsonService =
    JsonService { name: "sqs", target: "AmazonSQS", content_type: "application/x-amz-json-1.0" };
/// Amazon Kinesis Data Streams.
pub const KINESIS: JsonService = JsonService {
    name: "kinesis",
    target: "Kinesis_20131202",
    content_type: "application/x-amz-json-1.1",
};
/// Amazon DynamoDB.
pub const DYNAMODB: JsonService = JsonService {
    name: "dynamodb",
    target: "DynamoDB_20120810",
    content_type: "application/x-amz-json-1.0",
};
/// The streams of Amazon DynamoDB.
pub const DYNAMODB_STREAMS: JsonService = JsonService {
    name: "dynamodb",
    target: "DynamoDBStreams_20120810",
    content_type: "application/x-amz-json-1.0",
};
/// Amazon EventBridge.
pub const EVENTS: JsonService =
    JsonService { name: "events", target: "AWSEvents", content_type: "application/x-amz-json-1.1" };
/// Amazon Data Firehose.
pub const FIREHOSE: JsonService = JsonService {
    name: "firehose",
    target: "Firehose_20150804",
    content_type: "application/x-amz-json-1.1",
};
/// AWS Key Management Service.
pub const KMS: JsonService =
    JsonService { name: "kms", target: "TrentService", content_type: "application/x-amz-json-1.1" };

impl JsonService {
    /// The headers of a call, as of `AmazonSQS.SendMessageBatch`.
    #[must_use]
    pub fn headers(self, action: &str) -> [(&'static str, String); 2] {
        [
            ("content-type", self.content_type.to_owned()),
            ("x-amz-target", format!("{}.{action}", self.target)),
        ]
    }
}

/// Who asks, and where.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
}

impl Signer {
    /// Signs with these keys for services in `region`.
    #[must_use]
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<String>,
        region: &str,
    ) -> Self {
        let credentials =
            Credentials::new(access_key_id, secret_access_key, session_token, None, "given");
        Self { credentials, region: region.to_owned() }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A signed request. `service` is its name in the signature's scope; path and query of `uri` are
    /// encoded.
    ///
    /// # Errors
    /// What can't be signed or sent, in one line: an address or a header that is none.
    pub fn sign(
        &self,
        service: &str,
        method: &Method,
        uri: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Request<Bytes>, String> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(settings(service))
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let borrowed = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(method.as_str(), uri, borrowed, SignableBody::Bytes(&body))
                .map_err(|error| error.to_string())?;
        let (instructions, _) =
            sign(signable, &parameters).map_err(|error| error.to_string())?.into_parts();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.header(header::CONTENT_LENGTH, body.len()).body(body);
        let mut request = request.map_err(|error| error.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// S3 wants the body's digest in a header, and no path normalised or encoded twice.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

/// An error with its causes, which an HTTP client's own text leaves out.
#[must_use]
pub fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

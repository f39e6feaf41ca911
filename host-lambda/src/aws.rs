//! Calls of AWS's services: JSON for queues, streams and buses, REST for S3; each signed, each tried a
//! few times, none longer than the invoke has time.
//!
//! Of the SDK only `aws-sigv4` is used: its clients for four services would double the function's
//! size for six calls.

mod client;
mod error;
mod s3;

pub(crate) use client::{Client, Patience, Settings};
pub(crate) use error::AwsError;
pub(crate) use s3::{Found, Put};

/// A service with a JSON protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonService {
    /// As in the signature's scope, and in its host's name.
    name: &'static str,
    /// What `X-Amz-Target` begins with.
    target: &'static str,
    content_type: &'static str,
}

pub(crate) const SQS: JsonService =
    JsonService { name: "sqs", target: "AmazonSQS", content_type: "application/x-amz-json-1.0" };
pub(crate) const KINESIS: JsonService = JsonService {
    name: "kinesis",
    target: "Kinesis_20131202",
    content_type: "application/x-amz-json-1.1",
};
pub(crate) const EVENTS: JsonService =
    JsonService { name: "events", target: "AWSEvents", content_type: "application/x-amz-json-1.1" };

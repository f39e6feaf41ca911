//! Calls of AWS's services: JSON for queues, streams and buses, REST for S3; each signed, each tried a
//! few times, none longer than the invoke has time.

mod client;
mod error;
mod s3;

pub(crate) use aws_call::{EVENTS, JsonService, KINESIS, SQS};
pub(crate) use client::{Client, Patience, Settings};
pub(crate) use error::AwsError;
pub(crate) use s3::{Found, Put};
